//! A plan under way: when who dies and comes back, when what happens, and when it is over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use certrotor::clock::Clock as _;
use certrotor::core::time::{Span, Time};
use certrotor::embedded::api::ApiServer;
use tokio::time::{Instant, sleep};

use super::history::{self, is_over};
use super::plan::{Happening, Plan, Role};
use super::process::Process;
use super::runner::Run;
use super::settled::unsettled;
use super::world::World;

/// How often the runner looks.
const TICK: Duration = Duration::from_secs(2);
/// How long until a process that died is started again.
const RESTART: Duration = Duration::from_secs(10);
/// How long until a process that was started has looked at everything: the Lease of a dead one must
/// run out first.
const WARM_UP: Duration = Duration::from_secs(25);
/// When nothing has been active for so long, time is made to fly: a daemon looks once a minute.
const IDLE: Duration = Duration::from_secs(66);
/// How far it flies if nobody says until when.
const FLIGHT: Span = Span::minutes(30);
/// How long a host may sleep while a request is active: less than the limit of a step.
const NAP: Span = Span::minutes(5);
/// A plan under way.
pub(crate) struct Stage {
    world: Arc<World>,
    processes: Vec<Process>,
    /// Who is started again, and when.
    dead: Vec<(Instant, Role, usize, usize)>,
    happenings: Vec<(Duration, Happening)>,
    began: Instant,
    /// When a process was started last.
    started: Instant,
    /// Since when nothing has been active.
    idle: Instant,
    errors: Vec<String>,
}

impl Stage {
    pub(crate) async fn play(plan: &Plan, scene: &ApiServer) -> Run {
        let (world, mut others) = World::begin(plan, scene).await;
        let mut happenings = plan.happenings.clone();
        // The next is the last; of those at one time, the first that was written down.
        happenings.reverse();
        happenings.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let began = Instant::now();
        let mut stage = Self {
            world: Arc::clone(&world),
            processes: Vec::new(),
            dead: Vec::new(),
            happenings,
            began,
            started: began,
            idle: Instant::now(),
            errors: Vec::new(),
        };
        // What happens at the very beginning happens before anybody is there.
        stage.happen().await;
        stage.start();
        let mut wrong = stage.until_settled().await;
        world.faults.calm_down();
        let revision = world.server.revision();
        sleep(plan.quiet).await;
        if wrong.is_empty() {
            wrong = unsettled(&world);
        }
        let restless = history::writes_of_ours(&world.server.commits_after(revision));
        let lasted = stage.began.elapsed();
        for process in std::mem::take(&mut stage.processes) {
            let (role, index) = (process.role, process.index);
            if process.end().await {
                stage.errors.push(format!("{role:?} {index} ended by itself"));
            }
        }
        if let Some(ended) = others.try_join_next() {
            stage.errors.push(format!("somebody else ended: {ended:?}"));
        }
        let commits = world.server.commits_after(world.from);
        Run {
            plan: plan.clone(),
            requests: history::requests(&commits),
            spells: world.spells(),
            alarms: history::alarms(&commits),
            bare: history::bare(&commits),
            outages: history::outages(&commits),
            end_state: history::end_state(&world),
            counts: history::counts(&commits),
            restless: if wrong.is_empty() { restless } else { Vec::new() },
            unsettled: wrong,
            errors: stage.errors,
            ended: world.clock.now(),
            lasted,
            writes: [Role::Daemon, Role::Executor].map(|role| world.faults.writes(role)),
            named: [Vec::new(), Vec::new()],
            journal: world.journal.take(),
        }
    }

    fn start(&mut self) {
        let plan = &self.world.plan;
        let roles = (0..plan.daemons).map(|index| (Role::Daemon, index));
        let roles = roles.chain((0..plan.executors).map(|index| (Role::Executor, index)));
        let start = |(role, index)| Process::start(&self.world, role, index, 1);
        self.processes = roles.map(start).collect();
    }

    /// Goes on until everything is as it should be; what is not if that takes too long.
    async fn until_settled(&mut self) -> Vec<String> {
        loop {
            sleep(TICK).await;
            self.deaths();
            self.happen().await;
            let over = self.happenings.is_empty()
                && self.dead.is_empty()
                && (self.started == self.began || self.started.elapsed() > WARM_UP)
                && !self.world.faults.is_stormy();
            let active = self.is_active();
            if over && !active && unsettled(&self.world).is_empty() {
                return Vec::new();
            }
            if self.began.elapsed() > self.world.plan.patience {
                return unsettled(&self.world);
            }
            if active || !over {
                self.idle = Instant::now();
            } else if self.idle.elapsed() > IDLE {
                self.fly();
                self.idle = Instant::now();
            }
        }
    }

    /// Lets time pass until a database says that its rotation may begin.
    fn fly(&self) {
        let now = self.world.clock.now();
        let names = self.world.databases().iter();
        let rotations = names.map(|name| self.world.of("rotations.certrotor.dev", name));
        let next = rotations.filter_map(|it| it["status"]["next"].as_str()?.parse::<Time>().ok());
        let next = next.filter(|next| *next > now).min();
        let flight = next.map_or(FLIGHT, |next| next.since(now) + Span::seconds(1));
        self.world.clock.step(flight.min(Span::DAY));
    }

    fn deaths(&mut self) {
        let now = Instant::now();
        if let Some((crash, index)) = self.world.faults.took_death() {
            self.kill(crash.who, index);
            if let Some(config) = crash.then {
                self.world.reconfigure(config);
            }
        }
        let due = |(at, ..): &(Instant, Role, usize, usize)| *at <= now;
        for (_, role, index, life) in self.dead.extract_if(.., |dead| due(dead)) {
            self.processes.push(Process::start(&self.world, role, index, life));
            self.started = now;
        }
    }

    fn kill(&mut self, role: Role, index: usize) {
        let is_meant = |process: &mut Process| process.role == role && process.index == index;
        for process in self.processes.extract_if(.., is_meant) {
            process.kill();
            self.dead.push((Instant::now() + RESTART, role, index, process.life + 1));
        }
    }

    async fn happen(&mut self) {
        let elapsed = self.began.elapsed();
        while let Some((_, happening)) = self.happenings.pop_if(|(at, _)| *at <= elapsed) {
            let world = Arc::clone(&self.world);
            match &happening {
                Happening::CutWatches => world.server.cut_watches(),
                Happening::ForgetHistory => {
                    world.server.compact();
                    world.server.cut_watches();
                }
                Happening::Kill(role, index) => self.kill(*role, *index),
                Happening::SetClock(index, by) => {
                    world.hosts[*index].wrong.fetch_add(by.as_seconds(), Ordering::Relaxed);
                }
                Happening::Sleep(span) if self.is_active() => world.clock.step(NAP.min(*span)),
                Happening::Sleep(span) => world.clock.step(*span),
                Happening::Deed(deed) => world.people(*deed).await,
            }
        }
    }

    /// Whether any request is active: while one is, time must not fly.
    fn is_active(&self) -> bool {
        let requests = self.world.server.list("mysqlopsrequests.ops.kubedb.com");
        requests.iter().any(|request| !is_over(request))
    }
}
