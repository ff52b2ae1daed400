//! The table as sentences: a scene, what the executor does about it, and why.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test is about one variant, or it panics")]

use std::collections::BTreeMap;

use super::notes::{Mark, Note, PUBLISHED, Progress, RESTARTED, Status, TRIMMED};
use super::seen::{
    Authorities, Certificate, Database, Issued, Leftover, LeftoverKind, Life, Operation, Other,
    Pause, Pod, Request, Role, Secret, Seen, Serving, Staging, Template, Unfit,
};
use super::waiting::Waiting;
use super::{Step, Write, next};
use crate::core::fleet::{DatabasePhase, RequestPhase, Text};
use crate::core::time::{Span, Time};
use crate::executor::vocabulary::ExecutorWrite;

mod authorities;
mod configuring;
mod queue;
mod reload;
mod restart;
mod run;
mod switch;

const NOON: Time = Time::from_unix(1_795_521_600);
const STAGING: &str = "shop-ca-staging";
const STEP: Span = Span::minutes(10);

/// What the apiserver holds, and the moment.
#[derive(Clone, Debug)]
struct Scene {
    seen: Seen,
    now: Time,
}

impl Scene {
    /// A new request to rotate `demo/shop`, three Ready servers of which the first is the primary.
    fn new() -> Self {
        let request = Request {
            namespace: "demo".into(),
            name: "rotate".into(),
            uid: "r-1".into(),
            resource_version: "1".into(),
            database: "shop".into(),
            created: NOON,
            deleting: false,
            generation: 1,
            observed_generation: None,
            phase: RequestPhase::New,
            asks: Ok(Operation::Rotate),
            always: false,
            timeout: None,
            max_retries: 1,
            progress: Progress::default(),
        };
        let database = Database {
            resource_version: "2".into(),
            phase: DatabasePhase::Ready,
            halted: false,
            replicas: 3,
            tls: true,
            as_wanted: true,
            pause: None,
        };
        let certificates = ["shop-server-cert", "shop-client-cert"];
        let pods =
            [("shop-0", Role::Primary), ("shop-1", Role::Standby), ("shop-2", Role::Standby)];
        let seen = Seen {
            rival: None,
            request,
            others: Vec::new(),
            database: Some(database),
            backup_running: false,
            unfit: None,
            template: Template::AsWanted,
            reloads: false,
            switches: false,
            online: None,
            leftovers: Vec::new(),
            authorities: Authorities { published: true, ..Authorities::default() },
            certificates: certificates.into_iter().map(certificate).collect(),
            pods: pods.into_iter().map(|(name, role)| (name.into(), pod(name, role))).collect(),
        };
        Self { seen, now: NOON }
    }

    /// The same, carried out until before this write.
    fn before(point: ExecutorWrite) -> Self {
        let mut scene = Self::new();
        for _ in 0..100 {
            match scene.next() {
                Step::Write(write) if write.point() == point => return scene,
                Step::Write(write) => scene.carry_out(&write),
                step => scene.pass(&step),
            }
        }
        panic!("{point} is never written");
    }

    fn next(&self) -> Step {
        next(&self.seen, STEP, self.now)
    }

    /// What is written next; nothing when it waits or rests.
    fn point(&self) -> Option<ExecutorWrite> {
        match self.next() {
            Step::Write(write) => Some(write.point()),
            Step::Rest | Step::Dropped | Step::Wait { .. } => None,
        }
    }

    fn waits(&self) -> Waiting {
        match self.next() {
            Step::Wait { why, .. } => why,
            step => panic!("it does not wait: {step:?}"),
        }
    }

    /// The conditions that are written next.
    fn notes(&self) -> Vec<Note> {
        match self.next() {
            Step::Write(Write::Request { notes, .. }) => notes,
            step => panic!("it notes nothing: {step:?}"),
        }
    }

    fn database(&mut self) -> &mut Database {
        self.seen.database.as_mut().unwrap()
    }

    fn certificate(&mut self, index: usize) -> &mut Issued {
        self.seen.certificates[index].found.as_mut().unwrap()
    }

    fn pod(&mut self, name: &str) -> &mut Pod {
        self.seen.pods.get_mut(name).unwrap()
    }

    fn other(&mut self, name: &str, kind: &str, phase: RequestPhase, seconds: i64) -> &mut Other {
        self.seen.others.push(Other {
            name: name.into(),
            kind: kind.into(),
            created: NOON + Span::seconds(seconds),
            phase,
            acceptable: true,
        });
        self.seen.others.last_mut().unwrap()
    }

    fn later(&mut self, span: Span) -> &mut Self {
        self.now = self.now + span;
        self
    }

    /// A write is carried out, and a second passes.
    fn carry_out(&mut self, write: &Write) {
        self.later(Span::seconds(1));
        match write {
            Write::Request { phase, notes, .. } => {
                let request = &mut self.seen.request;
                if let Some(phase) = phase {
                    request.phase = *phase;
                    request.observed_generation = Some(request.generation);
                }
                for note in notes {
                    let mark = Mark {
                        status: note.status,
                        reason: note.reason.to_owned(),
                        message: note.message.clone(),
                        since: Some(self.now),
                    };
                    request.progress.0.insert(note.kind.as_str().into(), mark);
                }
                self.judge_authorities(notes);
            }
            Write::Pause => {
                let pause = Pause::For { request: "rotate".into(), uid: "r-1".into() };
                self.database().pause = Some(pause);
            }
            Write::Resume | Write::LetGo => self.database().pause = None,
            Write::Create(name) => {
                let mut all = self.seen.certificates.iter_mut();
                let certificate = all.find(|it| it.name == *name).unwrap();
                let mut made = self::certificate(name);
                let issued = made.found.as_mut().unwrap();
                (issued.revision, issued.ready, issued.life) = (0, false, None);
                certificate.found = made.found;
            }
            Write::Change(name) => {
                let mut all = self.seen.certificates.iter_mut();
                let certificate = all.find(|it| it.name == *name).unwrap();
                certificate.found.as_mut().unwrap().as_wanted = true;
            }
            Write::Update => self.database().as_wanted = true,
            Write::Delete(leftover) => self.seen.leftovers.retain(|it| it != leftover),
            Write::Stage => {
                let made = certificate(STAGING).found.unwrap();
                let issued = Issued { revision: 0, ready: false, life: None, ..made };
                let staging = Staging::Asked { name: STAGING.into(), issued };
                self.seen.authorities.staging = staging;
            }
            Write::Publish => self.seen.authorities.published = true,
            Write::Trust(name) => {
                assert_eq!(self.seen.authorities.untold.take(), Some(name.clone()));
            }
            Write::Issue(name) if **name == *STAGING => self.staging().issuing = true,
            Write::Issue(name) => {
                let mut all = self.seen.certificates.iter_mut();
                let certificate = all.find(|it| it.name == *name).unwrap();
                certificate.found.as_mut().unwrap().issuing = true;
            }
            Write::Reload(pod) => self.pod(pod).serves = Serving::New,
            Write::SwitchPrimary { from, to } => {
                self.pod(from).role = Role::Standby;
                self.pod(to).role = Role::Primary;
            }
            Write::Evict { pod, uid } => {
                let pod = self.pod(pod);
                assert_eq!(pod.uid, *uid);
                pod.deleting = true;
            }
        }
    }

    fn staging(&mut self) -> &mut Issued {
        match &mut self.seen.authorities.staging {
            Staging::Asked { issued, .. } => issued,
            staging => panic!("it is {staging:?}"),
        }
    }

    /// What is to be trusted differs from what is at two moments.
    fn judge_authorities(&mut self, notes: &[Note]) {
        if !self.seen.request.progress.has(PUBLISHED) {
            return;
        }
        match &*notes[0].kind {
            PUBLISHED => self.seen.authorities.untold = Some("shop-server-cert".into()),
            RESTARTED => {
                let authorities = &mut self.seen.authorities;
                authorities.untold = Some("shop-server-cert".into());
                authorities.published = false;
                self.seen.leftovers = authorities::staging_left();
            }
            _ => {}
        }
    }

    /// Others do what is waited for.
    fn pass(&mut self, step: &Step) {
        self.later(Span::seconds(1));
        let Step::Wait { why, .. } = step else { panic!("nothing will happen: {step:?}") };
        match why {
            Waiting::Clients => {
                self.later(self.seen.authorities.overlap);
            }
            Waiting::Issuing(name) if **name == *STAGING => {
                self.seen.authorities.staging = Staging::Learned;
                self.seen.authorities.published = false;
            }
            Waiting::Issuing(_) => {
                // cert-manager writes leaf and CA at once.
                if self.seen.request.progress.has(PUBLISHED) {
                    self.seen.authorities.untold = Some("shop-server-cert".into());
                }
                let life = Life { begins: self.now, ends: self.now + Span::days(90) };
                for index in 0..self.seen.certificates.len() {
                    let issued = self.certificate(index);
                    (issued.issuing, issued.ready) = (false, true);
                    issued.revision += 1;
                    issued.life = Some(life);
                    issued.secret = Secret::Holds(life);
                }
            }
            Waiting::Terminating(pod) => {
                self.replace(pod, false);
            }
            Waiting::NotBack(pod) => self.pod(pod).ready = true,
            Waiting::Template { .. } => self.seen.template = Template::AsWanted,
            why => panic!("nobody ends this: {why}"),
        }
    }

    /// A pod is replaced by another of its name.
    fn replace(&mut self, name: &str, ready: bool) {
        let pod = self.pod(name);
        pod.uid = format!("{}'", pod.uid).into();
        pod.deleting = false;
        pod.ready = ready;
    }

    /// Everything that is written until it rests.
    fn play(&mut self) -> Vec<ExecutorWrite> {
        let mut written = Vec::new();
        for _ in 0..200 {
            match self.next() {
                Step::Rest => return written,
                Step::Write(write) => {
                    written.push(write.point());
                    self.carry_out(&write);
                }
                step => self.pass(&step),
            }
        }
        panic!("it never rests: {written:?}");
    }
}

fn certificate(name: &str) -> Certificate {
    let life = Life { begins: NOON - Span::days(60), ends: NOON + Span::days(30) };
    let found = Issued {
        uid: format!("{name}-uid").into(),
        resource_version: "3".into(),
        as_wanted: true,
        revision: 3,
        ready: true,
        issuing: false,
        last_failure: None,
        life: Some(life),
        secret: Secret::Holds(life),
    };
    Certificate { name: name.into(), secret: name.into(), found: Some(found) }
}

fn pod(name: &str, role: Role) -> Pod {
    Pod {
        uid: format!("{name}-uid").into(),
        role,
        ready: true,
        deleting: false,
        serves: Serving::Unseen,
    }
}

fn no_pods() -> BTreeMap<Text, Pod> {
    BTreeMap::new()
}
