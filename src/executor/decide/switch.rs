//! Handing the primary's role over before its pod is restarted: clients are told to write elsewhere and
//! find a new primary at once, where an election would have them wait until the old one has ended.
//!
//! Nothing is begun in a group that is not whole: a member that is Ready may still be recovering.
//! The role goes to a server that has been restarted already, so that it changes hands once. To which, and
//! since when, is noted first: two executors agree on it, and repeating it does no harm. A role that
//! does not move in time is no reason to leave the restart undone: the group elects another then.

use super::Write;
use super::notes::{Eviction, Note, Status};
use super::restart::ordinal;
use super::seen::Role;
use super::stages::{Run, Turn};
use super::waiting::Waiting;
use crate::core::fleet::Text;
use crate::core::time::Span;
use crate::executor::vocabulary::ExecutorWrite;

/// How long a primary may take to hand its role over.
const PATIENCE: Span = Span::MINUTE;

impl Run<'_> {
    /// What there is to do before this pod is evicted; nothing where it is no primary, or nobody can
    /// take its role.
    pub(super) fn switch(&self, turn: &Eviction<'_>, todo: &[Eviction<'_>]) -> Option<Turn> {
        let is_primary = self.pod(turn)?.role == Role::Primary;
        let note = |note| Some(Turn::Note(ExecutorWrite::NoteSwitched, vec![note]));
        let Some(switch) = self.request.progress.switch(turn.pod) else {
            let heir = self.heir(todo).filter(|_| is_primary && self.seen.switches)?;
            if let Some(why) = self.not_whole() {
                return Some(Turn::Wait(why));
            }
            let note = Note::switch(turn.pod, heir, Status::Unknown);
            return Some(Turn::Note(ExecutorWrite::NoteSwitching, vec![note]));
        };
        let patience = PATIENCE.min(self.timeout().scaled(1, 2));
        match switch.status {
            Status::True | Status::False => None,
            Status::Unknown if !is_primary => note(Note::switch(turn.pod, switch.to, Status::True)),
            Status::Unknown if let Some(why) = self.not_whole() => Some(Turn::Wait(why)),
            Status::Unknown if switch.since.is_none_or(|since| self.now >= since + patience) => {
                let why = format!("Pod {} has not become it within {patience}", switch.to);
                note(Note::not_switched(turn.pod, switch.to, &why))
            }
            Status::Unknown => {
                let (from, to) = (turn.pod.into(), switch.to.into());
                Some(Turn::Act(Write::SwitchPrimary { from, to }))
            }
        }
    }

    fn not_whole(&self) -> Option<Waiting> {
        let should = self.database.replicas;
        let online = self.seen.online.filter(|online| *online < should)?;
        Some(Waiting::Members { online, should })
    }

    /// Who takes the role: of the standbys that need no restart, the one with the lowest number.
    fn heir(&self, todo: &[Eviction<'_>]) -> Option<&Text> {
        let waits = |name: &str| todo.iter().any(|eviction| eviction.pod == name);
        let servers = self
            .seen
            .servers()
            .filter(|(name, pod)| pod.role == Role::Standby && self.is_back(pod) && !waits(name));
        servers.map(|(name, _)| name).min_by_key(|name| ordinal(name))
    }
}
