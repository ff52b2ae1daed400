//! What there is to see at one moment: what the daemon knows and decided, and what was seen on the
//! wire, as plain values.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::sights::{Sight, Sights};
use crate::core::fleet::{Database, Key, Topology};
use crate::core::ladder::Leads;
use crate::core::plan::{Verdict, rules_of};
use crate::core::policy::Policy;
use crate::core::record::Wishes;
use crate::core::time::Time;
use crate::core::vocabulary::{Cause, Gate, Outcome, Stage, State};
use crate::daemon::View;

/// How many pieces of news are remembered: more than any screen shows.
const NEWS_KEPT: usize = 64;

/// Everything that is shown, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    /// The moment.
    pub(super) now: Time,
    /// When the demo was started.
    pub(super) started: Time,
    /// The databases, by namespace and name.
    pub(super) databases: Vec<Row>,
    /// How rotations ended so far.
    pub(super) tally: Tally,
    /// What happened last, the newest at the end.
    pub(super) news: VecDeque<News>,
    /// Where to look.
    pub(super) places: Places,
}

/// One database.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Its namespace and name.
    pub(super) key: Key,
    /// How its servers are arranged.
    pub(super) topology: Topology,
    /// Its servers, by ordinal.
    pub(super) servers: Vec<Server>,
    /// The life of the certificate that clients meet.
    pub(super) life: Option<Life>,
    /// What it is doing.
    pub(super) state: State,
    /// How pressing its rotation is.
    pub(super) stage: Stage,
    /// A rotation is due or under way.
    pub(super) due: bool,
    /// The first of the reasons for its state, in one word.
    pub(super) reason: Option<&'static str>,
    /// When the next rotation may begin.
    pub(super) next: Option<Time>,
    /// How the newest attempt ended, and when.
    pub(super) last: Option<(Outcome, Time)>,
    /// The state in a sentence.
    pub(super) message: Option<String>,
}

/// What a server serves, as seen on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// The certificate that was issued last.
    Newest,
    /// Another one.
    Older,
    /// It does not answer, or nobody has asked it yet.
    Down,
}

/// The life of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// When it began.
    pub(super) begins: Time,
    /// When it ends.
    pub(super) ends: Time,
    /// When a rotation is due by its age.
    pub(super) due: Time,
}

/// How many rotations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Every server serves the new certificate.
    pub(super) verified: u32,
    /// In any other way that closes a rotation or costs an attempt.
    pub(super) otherwise: u32,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// When.
    pub(super) at: Time,
    /// To which database: `namespace/name`; empty for the whole.
    pub(super) about: String,
    /// What, in a sentence.
    pub(super) text: String,
    /// What kind of news it is.
    pub(super) tone: Tone,
    /// How a rotation, or an attempt at one, ended, if that is the news.
    pub(super) ended: Option<Outcome>,
}

/// What kind of news something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// A step on the way.
    Step,
    /// Something has been achieved.
    Good,
    /// Something needs attention.
    Bad,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// For kubectl.
    pub(super) kubeconfig: PathBuf,
    /// A request to try; the others are beside it.
    pub(super) request: PathBuf,
    /// The daemon's config file, which it follows.
    pub(super) config: PathBuf,
    /// Where the daemon serves its metrics.
    pub(super) metrics: SocketAddr,
    /// Where it serves its status page.
    pub(super) page: SocketAddr,
}

impl Picture {
    /// An empty one.
    pub(super) const fn new(started: Time, places: Places) -> Self {
        let tally = Tally { verified: 0, otherwise: 0 };
        let news = VecDeque::new();
        Self { now: started, started, databases: Vec::new(), tally, news, places }
    }

    /// Adds news, and counts rotations that ended.
    pub(super) fn tell(&mut self, news: impl IntoIterator<Item = News>) {
        for news in news {
            match news.ended {
                Some(Outcome::Verified) => self.tally.verified += 1,
                Some(_) => self.tally.otherwise += 1,
                None => {}
            }
            if self.news.len() == NEWS_KEPT {
                self.news.pop_front();
            }
            self.news.push_back(news);
        }
    }

    /// Shows what the daemon knows and decided, and what was seen.
    pub(super) fn look(&mut self, view: &View, sights: &Sights, now: Time) {
        self.now = now;
        let (Some(plan), Some(policy)) = (&view.plan, &view.policy) else {
            return;
        };
        let rows = view.fleet.databases.iter().filter_map(|(key, database)| {
            let verdict = plan.verdicts.get(key)?;
            Some(Row::of(key, database, verdict, policy, sights))
        });
        self.databases = rows.collect();
    }
}

impl Row {
    fn of(
        key: &Key,
        database: &Database,
        verdict: &Verdict,
        policy: &Policy,
        sights: &Sights,
    ) -> Self {
        let rotation = database.rotation.as_ref();
        let record = rotation.map(|rotation| &rotation.record);
        let newest = record.and_then(|record| record.attempts.first());
        let message = rotation.and_then(|rotation| rotation.shown.message.as_deref());
        Self {
            key: key.clone(),
            topology: database.topology,
            servers: servers(key, database, sights),
            life: life(key, database, policy, sights),
            state: verdict.state,
            stage: verdict.stage,
            due: !verdict.causes.is_empty() || record.is_some_and(|it| it.current.is_some()),
            reason: reason(database, verdict),
            next: verdict.next,
            last: newest.map(|attempt| (attempt.outcome, attempt.ended)),
            message: message.map(str::to_owned),
        }
    }
}

fn servers(key: &Key, database: &Database, sights: &Sights) -> Vec<Server> {
    let issued = database.issued_server_leaf();
    let server = |sight: Option<&Sight>| match (sight, issued) {
        (None, _) => Server::Down,
        (Some(sight), Some(issued)) if sight.leaf.differs_from(&issued.id) => Server::Older,
        (Some(_), _) => Server::Newest,
    };
    sights.of(key, database).into_iter().map(server).collect()
}

/// Of the certificate that clients meet, or met last; where nobody has looked, of the issued one.
fn life(key: &Key, database: &Database, policy: &Policy, sights: &Sights) -> Option<Life> {
    let issued = || database.issued_server_leaf().map(|leaf| leaf.id);
    let leaf = sights.met(key, database).or_else(issued)?;
    let rules = rules_of(policy, key, database);
    let none = Wishes::default();
    let wishes = database.rotation.as_ref().map_or(&none, |rotation| &rotation.wishes);
    let due = Leads::of(&rules, wishes, leaf.lifetime()).renew_at(&leaf);
    Some(Life { begins: leaf.not_before, ends: leaf.not_after, due })
}

/// What it waits for, or else why it is rotated. That somebody holds it back is said at all times.
fn reason(database: &Database, verdict: &Verdict) -> Option<&'static str> {
    let rotation = database.rotation.as_ref();
    let gate = verdict.gates.first().map(|closed| closed.gate);
    let current = rotation.and_then(|rotation| rotation.record.current.as_ref());
    let opened = current.and_then(|current| current.causes.first()).map(|opened| opened.cause);
    let held = verdict.causes.first().map(|held| held.opened.cause);
    let suspended = rotation.is_some_and(|rotation| rotation.wishes.suspend);
    let cause = || opened.or(held).map(Cause::as_str);
    gate.map(Gate::as_str).or_else(cause).or(suspended.then_some(Gate::Suspended.as_str()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::plan::plan;
    use crate::core::sample::{Db, NOW, at, fleet, key, leaf};
    use crate::core::vocabulary::WritePoint;

    fn view(db: Db) -> View {
        let (fleet, policy) = (Arc::new(fleet([db])), Arc::new(Policy::default()));
        let plan = Some(Arc::new(plan(&fleet, &policy, NOW)));
        View { fleet, plan, policy: Some(policy), at: Some(NOW), ..View::default() }
    }

    /// Every server of `prod/orders` was seen to present the leaf at its place.
    fn seen(view: &View, lives: &[&str]) -> Sights {
        let (key, mut sights) = (key("prod/orders"), Sights::default());
        let pods = &view.fleet.sample("prod/orders").pods;
        for ((name, pod), life) in pods.iter().zip(lives) {
            let sight = Sight { pod_uid: pod.uid.clone(), started: pod.started, leaf: leaf(life) };
            sights.note(&key, name, sight);
        }
        sights
    }

    fn row(view: &View, sights: &Sights) -> Row {
        let places = Places {
            kubeconfig: PathBuf::new(),
            request: PathBuf::new(),
            config: PathBuf::new(),
            metrics: ([127, 0, 0, 1], 0).into(),
            page: ([127, 0, 0, 1], 0).into(),
        };
        let mut picture = Picture::new(NOW, places);
        picture.look(view, sights, NOW);
        picture.databases.pop().expect("a row")
    }

    #[test]
    fn the_life_is_that_of_what_clients_meet_and_not_of_what_was_issued() {
        let db = Db::named("prod/orders").lives("-1d..+89d").servers(3);
        let view = view(db);
        let half_way = seen(&view, &["-1d..+89d", "-50d..+40d"]);
        let row = row(&view, &half_way);
        assert_eq!(row.servers, [Server::Newest, Server::Older, Server::Down]);
        let life = row.life.expect("a life");
        assert_eq!((life.begins, life.ends), (at("-50d"), at("+40d")));
    }

    #[test]
    fn nobody_having_looked_it_is_that_of_what_was_issued() {
        let view = view(Db::named("prod/orders").lives("-1d..+89d"));
        let row = row(&view, &Sights::default());
        assert_eq!(row.servers, [Server::Down]);
        assert_eq!(row.life.map(|life| life.ends), Some(at("+89d")));
        assert_eq!(
            row.life.map(|life| life.due),
            Some(at("+89d") - crate::core::sample::span("972h"))
        );
    }

    #[test]
    fn while_a_server_restarts_the_life_is_that_of_what_clients_met_last() {
        let db = Db::named("prod/orders").lives("-1d..+89d");
        let before = view(db.clone());
        let sights = seen(&before, &["-50d..+40d"]);
        let after = view(db.pod(0, |pod| pod.started = Some(at("-1m"))));
        assert_eq!(row(&before, &sights).servers, [Server::Older]);
        let row = row(&after, &sights);
        assert_eq!(row.servers, [Server::Down]);
        assert_eq!(row.life.map(|life| life.ends), Some(at("+40d")));
    }

    #[test]
    fn the_reason_is_what_it_waits_for_or_else_why_it_is_rotated() {
        let due = Db::named("prod/orders").lives("-80d..+10d");
        let open = due.clone().up_to(WritePoint::OpenRotation, &Policy::default());
        let held = due.clone().wishes(|wishes| wishes.suspend = true);
        let held_early = Db::named("prod/orders").wishes(|wishes| wishes.suspend = true);
        for (db, state, reason) in [
            (Db::named("prod/orders"), State::Fresh, None),
            (due, State::Rotating, Some("RenewalDue")),
            (open, State::Rotating, Some("RenewalDue")),
            (held, State::Waiting, Some("Suspended")),
            (held_early, State::Fresh, Some("Suspended")),
        ] {
            let row = row(&view(db), &Sights::default());
            assert_eq!((row.state, row.reason, row.due), (state, reason, state != State::Fresh));
        }
    }

    #[test]
    fn only_the_newest_news_are_kept_and_endings_are_counted() {
        let places = Places {
            kubeconfig: PathBuf::new(),
            request: PathBuf::new(),
            config: PathBuf::new(),
            metrics: ([127, 0, 0, 1], 0).into(),
            page: ([127, 0, 0, 1], 0).into(),
        };
        let mut picture = Picture::new(NOW, places);
        let news = |ended| News {
            at: NOW,
            about: String::new(),
            text: String::new(),
            tone: Tone::Step,
            ended,
        };
        picture.tell([None, Some(Outcome::Verified), Some(Outcome::Failed)].map(news));
        picture.tell((0..NEWS_KEPT).map(|_| news(None)));
        assert_eq!(picture.news.len(), NEWS_KEPT);
        assert_eq!(picture.tally, Tally { verified: 1, otherwise: 1 });
    }
}
