//! The loop: one turn is snapshot → plan → publish → write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::installations::Installations;
use super::tell::{self, Teller};
use super::view::View;
use super::{Daemon, Wake, scopes, slots_name};
use crate::cluster::events::Events;
use crate::cluster::lease::Leadership;
use crate::cluster::snapshot::Context;
use crate::cluster::write::{Showing, SlotsAt, Writer, Written};
use crate::config::Config;
use crate::core::feasibility::{Feasibility, feasibility};
use crate::core::fleet::{Fleet, Text};
use crate::core::plan::{Plan, plan};
use crate::core::show::{Claim, claim, shown};
use crate::core::time::Time;

/// The loop goes round at least so often: clocks may jump, watches may be silently dead.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// And at most so often.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);
/// After a write failed, or nothing but writes that others had overtaken.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Feasibility takes longer than a plan and changes slowly.
const FEASIBILITY_EVERY: Duration = Duration::from_secs(300);

/// Everything a turn needs.
pub(super) struct Loop {
    pub(super) daemon: Daemon,
    pub(super) config: Arc<Config>,
    pub(super) events: Events,
    pub(super) leadership: watch::Receiver<Leadership>,
    pub(super) installations: Installations,
    pub(super) stop: CancellationToken,
}

/// What the loop remembers from turn to turn. Losing it costs nothing but a log line said twice.
struct Memory {
    teller: Teller,
    next: Instant,
    not_before: Instant,
    feasibility: Option<(Instant, Arc<Feasibility>)>,
    config_loaded: Time,
}

impl Loop {
    /// Goes round until it is stopped, or until a part that it stands on has ended.
    pub(super) async fn run(mut self, parts: &mut JoinSet<&'static str>) {
        let acts = Arc::clone(&self.daemon.parts.acts);
        let mut memory = Memory {
            teller: Teller::new(self.events.clone(), acts),
            next: Instant::now(),
            not_before: Instant::now(),
            feasibility: None,
            config_loaded: self.daemon.parts.clock.now(),
        };
        loop {
            let wake = tokio::select! {
                biased;
                wake = self.wait(memory.next) => wake,
                ended = parts.join_next() => {
                    let name = ended.and_then(Result::ok).unwrap_or("panicked");
                    tracing::error!("the {name} part ended by itself; stopping");
                    Wake::Shutdown
                }
            };
            self.daemon.parts.acts.woken(wake.as_str());
            if wake == Wake::Shutdown {
                return;
            }
            if wake == Wake::Config && self.take_config() {
                memory.config_loaded = self.daemon.parts.clock.now();
                memory.feasibility = None;
            }
            sleep_until(memory.not_before).await;
            let started = Instant::now();
            memory.not_before = started + AT_MOST_EVERY;
            memory.next = started + AT_LEAST_EVERY;
            self.turn(&mut memory).await;
            self.daemon.pulse.beat();
        }
    }

    async fn wait(&mut self, next: Instant) -> Wake {
        let capped = next.min(Instant::now() + AT_LEAST_EVERY);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Wake::Shutdown,
            Ok(()) = self.leadership.changed() => {
                self.leadership.mark_unchanged();
                self.daemon.parts.acts.leader_changed();
                Wake::Leadership
            }
            Ok(()) = self.daemon.loaded.changed() => Wake::Config,
            woken = timeout_at(capped, self.daemon.shared.changed.notified()) => match woken {
                Ok(()) => Wake::Changed,
                Err(_) if capped == next => Wake::Due,
                Err(_) => Wake::Tick,
            },
        }
    }

    /// The last good config holds; a bad file changes nothing but what is said about it. Whether
    /// the file is good now.
    fn take_config(&mut self) -> bool {
        let loaded = Arc::clone(&self.daemon.loaded.borrow_and_update());
        tell::config(&loaded, &self.daemon.parts.acts);
        tell::config_event(
            &loaded,
            &self.events,
            &self.daemon.parts.identity.namespace,
            &self.config,
        );
        let Some(config) = loaded.config.as_ref().filter(|_| loaded.problems.is_none()) else {
            return false;
        };
        let mut late = self.config.needs_restart(config);
        if scopes::of(&config.policy.watch) != scopes::of(&self.config.policy.watch) {
            late.push("watch.namespaces");
        }
        for setting in late {
            tracing::warn!(setting, "the new value holds from the next start on");
        }
        self.config = Arc::clone(config);
        true
    }

    async fn turn(&mut self, memory: &mut Memory) {
        let shared = Arc::clone(&self.daemon.shared);
        if !shared.not_synced().is_empty() {
            return;
        }
        let clock = Arc::clone(&self.daemon.parts.clock);
        let now = clock.now();
        let last = Arc::clone(&self.daemon.view.borrow());
        if self.leads() {
            self.installations.look(&last.fleet).await;
        }
        let config = Arc::clone(&self.config);
        let context = self.context(&config);
        let fleet = Arc::new(shared.with_stores(|stores| stores.snapshot(&context)));
        let began = Instant::now();
        let plan = Arc::new(plan(&fleet, &config.policy, now));
        self.daemon.parts.acts.planned(began.elapsed());
        self.publish(memory, &config, &fleet, &plan, now);
        if !self.leads() {
            return memory.sleep_until(plan.wake_at, now, AT_LEAST_EVERY);
        }
        memory.teller.changes(&fleet, &plan, now);
        let written = self.write(memory, &context, &fleet, &plan, now).await;
        if written.failed > 0 || written.overtaken > 0 && written.done == 0 {
            memory.next = Instant::now() + PAUSE_AFTER_FAILURE;
        } else if written.done > 0 {
            memory.next = Instant::now();
        } else {
            memory.sleep_until(plan.wake_at, now, AT_LEAST_EVERY);
        }
    }

    async fn write(
        &self,
        memory: &Memory,
        context: &Context<'_>,
        fleet: &Fleet,
        plan: &Plan,
        now: Time,
    ) -> Written {
        let parts = &self.daemon.parts;
        let (name, scopes) = (slots_name(&self.config), scopes::of(&self.config.policy.watch));
        let writer = Writer {
            client: &parts.client,
            calls: &parts.calls,
            shared: &self.daemon.shared,
            context,
            teller: &memory.teller,
            slots: SlotsAt { namespace: &parts.identity.namespace, name: &name, scopes: &scopes },
            leads: &|| self.leads(),
            now: &|| parts.clock.now(),
        };
        let mut written = writer.carry_out(fleet, plan).await;
        if written.failed == 0 {
            let showing = writer.show(to_show(fleet, plan, now)).await;
            written.done += showing.done;
            written.overtaken += showing.overtaken;
            written.failed += showing.failed;
        }
        written
    }

    fn leads(&self) -> bool {
        self.leadership.borrow().leads_now()
    }

    fn context<'a>(&self, config: &'a Config) -> Context<'a> {
        Context {
            installation: Some(self.installations.own.clone()),
            dead_installations: self.installations.dead(),
            leader: self.leads(),
            clock_offset: self.daemon.parts.offset.get(),
            own_executor: false,
            policy: &config.policy,
        }
    }

    fn publish(
        &self,
        memory: &mut Memory,
        config: &Config,
        fleet: &Arc<Fleet>,
        plan: &Arc<Plan>,
        now: Time,
    ) {
        let feasibility = fleet.leader.then(|| memory.feasibility(fleet, config, now));
        let view = View {
            fleet: Arc::clone(fleet),
            plan: Some(Arc::clone(plan)),
            policy: Some(Arc::clone(&config.policy)),
            at: Some(now),
            config_loaded: Some(memory.config_loaded),
            feasibility,
        };
        self.daemon.view.send_replace(Arc::new(view));
    }
}

impl Memory {
    fn sleep_until(&mut self, wake_at: Option<Time>, now: Time, at_most: Duration) {
        let rest = wake_at.map_or(at_most, |at| at.since(now).to_std());
        self.next = Instant::now() + rest.min(at_most);
    }

    fn feasibility(&mut self, fleet: &Fleet, config: &Config, now: Time) -> Arc<Feasibility> {
        if let Some((computed, known)) = &self.feasibility
            && computed.elapsed() < FEASIBILITY_EVERY
        {
            return Arc::clone(known);
        }
        let computed = Arc::new(feasibility(fleet, &config.policy, now));
        self.feasibility = Some((Instant::now(), Arc::clone(&computed)));
        computed
    }
}

/// What people should see and do not see yet. What is being written to anyway can wait.
fn to_show(fleet: &Fleet, plan: &Plan, now: Time) -> Vec<Showing> {
    let busy: BTreeSet<_> = plan.steps.iter().map(|step| &step.key).collect();
    let candidates = fleet.databases.iter().filter(|(key, _)| !busy.contains(key));
    let news = candidates.filter_map(|(key, database)| {
        let rotation = database.rotation.as_ref()?;
        let verdict = plan.verdicts.get(key)?;
        let owner = match claim(fleet, database)? {
            Claim::Ours => fleet.installation.clone(),
            Claim::Nobodys => None,
        };
        let shown = shown(database, verdict, &rotation.shown, now);
        let news = shown != rotation.shown || owner != rotation.record.installation;
        news.then(|| {
            let mut record = rotation.record.clone();
            record.installation = owner;
            record.database_uid = Some(Text::clone(&database.uid));
            Showing { key: key.clone(), database: Arc::clone(database), record, shown }
        })
    });
    news.collect()
}
