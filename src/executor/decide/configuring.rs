//! The MySQL itself: what it asks for, what its pods are made from, and what it needs no more.
//!
//! Whoever provisions the database keeps the template of its pods, and knows what else belongs in it.
//! So the executor writes no template: it lets the provisioner at the database until the template is
//! as the MySQL asks, and pauses it again. With `OnDelete` nothing restarts meanwhile.

use super::Write;
use super::notes::{Note, PUBLISHED, TEMPLATE, UPDATED};
use super::seen::{LeftoverKind, Operation, Template};
use super::stages::{Run, Turn};
use super::waiting::Waiting;
use crate::core::fleet::Text;
use crate::executor::vocabulary::ExecutorWrite;

/// Once noted, it is not looked at again: a person who changes the MySQL means it.
pub(super) fn update(run: &Run<'_>) -> Turn {
    if run.request.progress.has(UPDATED) {
        Turn::Done
    } else if run.database.as_wanted {
        Turn::Note(ExecutorWrite::NoteUpdated, vec![Note::updated(run.request)])
    } else {
        Turn::Act(Write::Update)
    }
}

/// Which pods are to be restarted is noted when the template is as it should be: whatever starts
/// later is made from it.
pub(super) fn template(run: &Run<'_>) -> Turn {
    if run.request.progress.has(TEMPLATE) {
        return Turn::Done;
    }
    let paused = run.database.is_paused_for(run.request);
    match (&run.database.pause, run.seen.template) {
        (Some(pause), _) if !paused => Turn::Wait(Waiting::Paused(pause.clone())),
        (None, Template::AsWanted) => Turn::Act(Write::Pause),
        (Some(_), Template::AsWanted) => {
            let notes = std::iter::once(Note::template()).chain(run.to_restart()).collect();
            Turn::Note(ExecutorWrite::NoteTemplate, notes)
        }
        (Some(_), _) => Turn::Act(Write::LetGo),
        (None, template) => Turn::Wait(Waiting::Template { exists: template != Template::Missing }),
    }
}

/// Certificates before their Secrets: cert-manager would make a Secret anew.
pub(super) fn clean(run: &Run<'_>) -> Turn {
    delete(run).map_or(Turn::Done, Turn::Act)
}

/// What is left to undo of a request that fails: the Certificates become what the MySQL asks for.
/// Once that has been changed, they are.
pub(super) fn undo(run: &Run<'_>) -> Option<Write> {
    match run.request.asks {
        Ok(Operation::Configure) => {}
        // By which another CA was learned.
        Ok(Operation::Rotate) => return delete(run),
        Ok(Operation::Require | Operation::Remove) | Err(_) => return None,
    }
    let mut certificates = run.seen.certificates.iter();
    let differs = certificates.find(|it| it.found.as_ref().is_some_and(|found| !found.as_wanted));
    differs.map(|it| Write::Change(Text::clone(&it.name))).or_else(|| delete(run))
}

pub(super) fn delete(run: &Run<'_>) -> Option<Write> {
    let leftovers = &run.seen.leftovers;
    let of = |kind| leftovers.iter().find(move |it| it.kind == kind);
    let kinds = [LeftoverKind::Certificate, LeftoverKind::Secret, LeftoverKind::Bundle];
    let first = kinds.into_iter().find_map(of);
    first.cloned().map(Write::Delete)
}

/// Why it failed, and what became of the database.
pub(super) fn outcome(run: &Run<'_>, why: &str) -> String {
    let outcome = of_database(run, why);
    if !run.request.progress.has(PUBLISHED) {
        return outcome;
    }
    format!(
        "{outcome}. The old CA and the new one stay published for clients until a request about its \
         certificates is carried out"
    )
}

fn of_database(run: &Run<'_>, why: &str) -> String {
    let changes = matches!(
        run.request.asks,
        Ok(Operation::Configure | Operation::Require | Operation::Remove)
    );
    match (changes, run.request.progress.has(UPDATED)) {
        (false, _) => why.to_owned(),
        (true, false) => format!("{why}. The MySQL is as it was"),
        (true, true) => format!(
            "{why}. The MySQL keeps what the request wanted: pods that were not restarted follow when \
             they are; send the request again when the cause is gone"
        ),
    }
}
