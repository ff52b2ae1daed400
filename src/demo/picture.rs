//! What there is to see at one moment: what the daemon knows and decided, and what was seen on the
//! wire, as plain values.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::sights::{Sight, Sights};
use crate::core::fleet::{Database, Key, LeafId, Topology};
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
pub struct Picture {
    /// The moment.
    pub now: Time,
    /// When the demo was started.
    pub started: Time,
    /// The databases, by namespace and name.
    pub databases: Vec<Row>,
    /// How rotations ended so far.
    pub tally: Tally,
    /// What happened last, the newest at the end.
    pub news: VecDeque<News>,
    /// Where to look.
    pub places: Places,
}

/// One database.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its namespace and name.
    pub key: Key,
    /// How its servers are arranged.
    pub topology: Topology,
    /// Its servers, by ordinal.
    pub servers: Vec<Server>,
    /// The life of the certificate that clients meet.
    pub life: Option<Life>,
    /// What it is doing.
    pub state: State,
    /// How pressing its rotation is.
    pub stage: Stage,
    /// A rotation is due or under way.
    pub due: bool,
    /// The first of the reasons for its state, in one word.
    pub reason: Option<&'static str>,
    /// When the next rotation may begin.
    pub next: Option<Time>,
    /// How the newest attempt ended, and when.
    pub last: Option<(Outcome, Time)>,
    /// The state in a sentence.
    pub message: Option<String>,
}

/// What a server serves, as seen on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The certificate that was issued last.
    Newest,
    /// Another one.
    Older,
    /// It does not answer, or nobody has asked it yet.
    Down,
}

/// The life of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it began.
    pub begins: Time,
    /// When it ends.
    pub ends: Time,
    /// When a rotation is due by its age.
    pub due: Time,
}

/// How many rotations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Every server serves the new certificate.
    pub verified: u32,
    /// In any other way that closes a rotation or costs an attempt.
    pub otherwise: u32,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// When.
    pub at: Time,
    /// To which database: `namespace/name`; empty for the whole.
    pub about: String,
    /// What, in a sentence.
    pub text: String,
    /// What kind of news it is.
    pub tone: Tone,
    /// How a rotation, or an attempt at one, ended, if that is the news.
    pub ended: Option<Outcome>,
}

/// What kind of news something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A step on the way.
    Step,
    /// Something has been achieved.
    Good,
    /// Something needs attention.
    Bad,
}

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// For kubectl.
    pub kubeconfig: PathBuf,
    /// The daemon's config file, which it follows.
    pub config: PathBuf,
    /// Where the daemon serves its metrics.
    pub metrics: SocketAddr,
}

impl Picture {
    /// An empty one.
    pub const fn new(started: Time, places: Places) -> Self {
        let tally = Tally { verified: 0, otherwise: 0 };
        let news = VecDeque::new();
        Self { now: started, started, databases: Vec::new(), tally, news, places }
    }

    /// Adds news, and counts rotations that ended.
    pub fn tell(&mut self, news: impl IntoIterator<Item = News>) {
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
    pub fn look(&mut self, view: &View, sights: &Sights, now: Time) {
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
        let seen = sights.of(key, database);
        Self {
            key: key.clone(),
            topology: database.topology,
            servers: seen.iter().map(|sight| Server::of(database, *sight)).collect(),
            life: life(key, database, policy, &seen),
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

impl Server {
    fn of(database: &Database, sight: Option<&Sight>) -> Self {
        match (sight, database.issued_server_leaf()) {
            (None, _) => Self::Down,
            (Some(sight), Some(issued)) if sight.leaf.differs_from(&issued.id) => Self::Older,
            (Some(_), _) => Self::Newest,
        }
    }
}

/// Of the certificate in use that ends first: what clients meet counts, not what lies in a Secret.
fn life(
    key: &Key,
    database: &Database,
    policy: &Policy,
    seen: &[Option<&Sight>],
) -> Option<Life> {
    let served = seen.iter().flatten().map(|sight| sight.leaf).min_by_key(|leaf| leaf.not_after);
    let issued = || database.issued_server_leaf().map(|leaf| leaf.id);
    let leaf: LeafId = served.or_else(issued)?;
    let rules = rules_of(policy, key, database);
    let none = Wishes::default();
    let wishes = database.rotation.as_ref().map_or(&none, |rotation| &rotation.wishes);
    let due = Leads::of(&rules, wishes, leaf.lifetime()).renew_at(&leaf);
    Some(Life { begins: leaf.not_before, ends: leaf.not_after, due })
}

/// What it waits for, or else why it is rotated.
fn reason(database: &Database, verdict: &Verdict) -> Option<&'static str> {
    let gate = verdict.gates.first().map(|closed| closed.gate).map(Gate::as_str);
    let current = database.rotation.as_ref().and_then(|it| it.record.current.as_ref());
    let opened = current.and_then(|current| current.causes.first()).map(|opened| opened.cause);
    let held = verdict.causes.first().map(|held| held.opened.cause);
    gate.or_else(|| opened.or(held).map(Cause::as_str))
}
