//! What must hold whatever happens: O1 to O8 of the reliability facts. Each is a function of what
//! happened, and has a test that shows that it bites.

use std::collections::BTreeSet;
use std::fmt;

use certrotor::core::time::{Span, Time};

use super::history::{Asked, Held, Spell};
use super::plan::Promise;
use super::runner::Run;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Which oracle saw it.
    pub(crate) oracle: &'static str,
    /// What it saw.
    pub(crate) saw: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.saw)
    }
}

fn violation(oracle: &'static str, saw: impl Into<String>) -> Violation {
    Violation { oracle, saw: saw.into() }
}

/// Everything that is wrong with a run.
pub(crate) fn judge(run: &Run) -> Vec<Violation> {
    let (asked, promise) = (&run.requests, &run.plan.promise);
    let mut all = expired(run);
    all.extend(repeated(asked, &run.spells, promise));
    all.extend(outside_the_window(asked, &run.spells, promise));
    all.extend(over_the_limit(asked, promise.limit));
    all.extend(run.unsettled.iter().map(|saw| violation("O5 lost", saw.clone())));
    all.extend(run.restless.iter().map(|saw| violation("O6 restless", saw.clone())));
    all.extend(run.errors.iter().map(|saw| violation("O8 error", saw.clone())));
    all
}

/// What a run came to that a calm one did not: end state and counts.
pub(crate) fn differences(run: &Run, calm: &Run) -> Vec<Violation> {
    let mut all = Vec::new();
    if run.end_state != calm.end_state {
        let saw = format!("{:#?}\ninstead of {:#?}", run.end_state, calm.end_state);
        all.push(violation("O5 end state", saw));
    }
    if run.counts != calm.counts {
        let saw = format!("{:#?}\ninstead of {:#?}", run.counts, calm.counts);
        all.push(violation("O7 counts", saw));
    }
    all
}

/// O1: no server presents a leaf that has ended, or none although it is meant to. If the issuer could not sign from the
/// emergency on, nobody could prevent it: then the database must have been said to be due by then, and
/// for as long as it presents that leaf.
fn expired(run: &Run) -> Vec<Violation> {
    let alarmed = Alarmed { alarms: &run.alarms, outages: &run.outages, bare: &run.bare };
    expired_of(&run.spells, &alarmed, run.plan.promise.emergency, run.ended)
}

/// What is known of expiry that nobody could prevent.
struct Alarmed<'a> {
    alarms: &'a [Held],
    outages: &'a [Held],
    bare: &'a [Held],
}

fn expired_of(spells: &[Spell], known: &Alarmed<'_>, lead: Span, end: Time) -> Vec<Violation> {
    let late = spells.iter().filter(|spell| spell.until.unwrap_or(end) > spell.not_after);
    let wrong = late.filter(|spell| {
        let (from, to) = (spell.not_after - lead, spell.not_after);
        let whole = |held: &&Held| held.lasts_at(from) && held.lasts_at(to);
        let outage = known.outages.iter().any(|held| whole(&held));
        let alarm = known.alarms.iter().filter(whole).any(|held| spell.is_of(&held.of));
        let mut bare = known.bare.iter().filter(|held| spell.is_of(&held.of));
        let meant = spell.leaf.is_empty() && bare.any(|held| held.lasts_at(spell.from));
        !(outage && alarm || meant)
    });
    wrong.map(|spell| violation("O1 expired", format!("{spell:?}"))).collect()
}

/// O2: once for each cause. No attempt is created twice, no two requests of ours are active on one
/// database, no leaf is replaced by two of them, and after a rotation there is a pause.
fn repeated(asked: &[Asked], spells: &[Spell], promise: &Promise) -> Vec<Violation> {
    let mut all = Vec::new();
    let (mut attempts, mut replaced) = (BTreeSet::new(), BTreeSet::new());
    let ours = asked.iter().filter(|asked| asked.attempt.is_some());
    for (place, one) in ours.clone().enumerate() {
        if !attempts.insert(&one.attempt) {
            all.push(violation("O2 once", format!("created twice: {one:?}")));
        }
        let before = ours.clone().take(place).filter(|other| other.database == one.database);
        for other in before {
            if other.active.1.is_none_or(|end| end > one.active.0) {
                all.push(violation("O2 once", format!("at the same time: {other:?}, {one:?}")));
            }
            let ended = other.ended.filter(|_| other.phase == "Successful");
            if ended.is_some_and(|ended| one.created.since(ended) < promise.apart) {
                all.push(violation("O2 once", format!("too soon after {other:?}: {one:?}")));
            }
        }
        if one.phase == "Successful"
            && let Some(started) = one.started
        {
            let old = spells.iter().filter(|it| it.is_of(&one.database) && it.lasts_at(started));
            for spell in old {
                if !replaced.insert((&spell.pod, &spell.leaf)) {
                    all.push(violation("O2 once", format!("replaced twice: {spell:?}")));
                }
            }
        }
    }
    all
}

/// O3: requests are created in the window, but for emergencies.
fn outside_the_window(asked: &[Asked], spells: &[Spell], promise: &Promise) -> Vec<Violation> {
    let is_emergency = |one: &&Asked| {
        let mut served = spells.iter().filter(|it| it.is_of(&one.database));
        served.any(|it| {
            it.lasts_at(one.created) && it.not_after.since(one.created) <= promise.emergency
        })
    };
    let ours = asked.iter().filter(|asked| asked.attempt.is_some());
    let outside = ours.filter(|one| !promise.is_open(one.created) && !is_emergency(one));
    outside.map(|one| violation("O3 window", format!("{one:?}"))).collect()
}

/// O4: at no moment more requests of ours are active than the limit allows.
fn over_the_limit(asked: &[Asked], limit: usize) -> Vec<Violation> {
    let ours = || asked.iter().filter(|asked| asked.attempt.is_some());
    let active_at = |revision: u64| {
        let active = ours()
            .filter(|it| it.active.0 <= revision && it.active.1.is_none_or(|end| revision < end));
        active.map(|it| it.name.as_str()).collect::<Vec<_>>()
    };
    let crowds = ours().map(|one| active_at(one.active.0)).filter(|active| active.len() > limit);
    crowds.map(|active| violation("O4 limit", format!("active at once: {active:?}"))).collect()
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    const NOON: Time = Time::from_unix(1_795_435_200);
    const PROMISE: Promise = Promise::ONE_AT_A_TIME;

    fn hours(hours: i64) -> Time {
        NOON + Span::hours(hours)
    }

    /// A request of ours for a database, created at that hour and Successful an hour later.
    fn asked(database: &str, attempt: &str, hour: i64) -> Asked {
        let revision = (100 + 10 * hour).cast_unsigned();
        Asked {
            name: format!("{database}-{attempt}-{hour}"),
            database: database.to_owned(),
            attempt: Some((database.to_owned(), "opened".to_owned(), attempt.to_owned())),
            created: hours(hour),
            active: (revision, Some(revision + 9)),
            started: Some(hours(hour)),
            ended: Some(hours(hour + 1)),
            phase: "Successful".to_owned(),
        }
    }

    fn spell(leaf: &str, from: i64, until: i64) -> Spell {
        Spell {
            pod: "blog-0".to_owned(),
            leaf: leaf.to_owned(),
            not_after: hours(1_000),
            from: hours(from),
            until: Some(hours(until)),
        }
    }

    const CALM: Alarmed<'_> = Alarmed { alarms: &[], outages: &[], bare: &[] };
    const LEAD: Span = Span::hours(72);

    #[test]
    fn a_leaf_that_ended_while_it_was_presented_is_seen() {
        let good = [spell("a", 0, 1_000), spell("b", 0, 1)];
        assert!(expired_of(&good, &CALM, LEAD, hours(9_999)).is_empty());
        assert_eq!(expired_of(&[spell("a", 0, 1_001)], &CALM, LEAD, hours(9_999)).len(), 1);
        let lasting = Spell { until: None, ..spell("a", 0, 0) };
        assert_eq!(expired_of(&[lasting], &CALM, LEAD, hours(9_999)).len(), 1);
    }

    #[test]
    fn a_leaf_that_ended_is_excused_only_by_an_outage_and_an_alarm_in_time() {
        let held = |of: &str, from, until| Held { of: of.to_owned(), from: hours(from), until };
        let (outage, alarm) = (held("ca", 900, None), held("blog", 900, None));
        for (outage, alarm, excused, why) in [
            (outage.clone(), alarm.clone(), true, "nobody could prevent it, and it was said"),
            (held("ca", 929, None), alarm.clone(), false, "the issuer could sign in the emergency"),
            (
                held("ca", 900, Some(hours(990))),
                alarm.clone(),
                false,
                "it could sign before the end",
            ),
            (outage.clone(), held("blog", 929, None), false, "it was said too late"),
            (outage.clone(), held("blog", 900, Some(hours(950))), false, "it was taken back"),
            (outage, held("shop", 900, None), false, "it was said of another"),
        ] {
            let known = Alarmed { alarms: &[alarm], outages: &[outage], bare: &[] };
            let seen = expired_of(&[spell("a", 0, 1_001)], &known, LEAD, hours(9_999));
            assert_eq!(seen.is_empty(), excused, "{why}");
        }
    }

    #[test]
    fn no_leaf_at_all_is_excused_only_where_none_is_meant() {
        let bare = |of: &str, from| Held { of: of.to_owned(), from: hours(from), until: None };
        for (bare, leaf, excused) in [
            (bare("blog", 0), "", true),
            (bare("shop", 0), "", false),
            (bare("blog", 2), "", false),
            (bare("blog", 0), "a", false),
        ] {
            let none = Spell { not_after: Time::MIN, ..spell(leaf, 1, 2) };
            let seen = expired_of(&[none], &Alarmed { bare: &[bare], ..CALM }, LEAD, hours(9));
            assert_eq!(seen.is_empty(), excused);
        }
    }

    #[test]
    fn an_attempt_that_is_created_twice_is_seen() {
        let failed = Asked { phase: "Failed".to_owned(), ..asked("blog", "1", -1) };
        let next = asked("blog", "2", 0);
        assert!(repeated(&[failed.clone(), next], &[], &PROMISE).is_empty());
        let again = asked("blog", "1", 0);
        assert_eq!(repeated(&[failed, again], &[], &PROMISE).len(), 1);
    }

    #[test]
    fn two_at_a_time_on_one_database_are_seen() {
        let first = Asked { active: (1, None), phase: String::new(), ..asked("blog", "1", -7) };
        assert_eq!(repeated(&[first.clone(), asked("blog", "2", 0)], &[], &PROMISE).len(), 1);
        assert!(repeated(&[first, asked("shop", "2", 0)], &[], &PROMISE).is_empty());
    }

    #[test]
    fn a_leaf_that_is_replaced_twice_is_seen() {
        let both = [asked("blog", "1", -8), asked("blog", "2", 0)];
        let replaced = [spell("a", -20, -7), spell("b", -7, 1)];
        assert!(repeated(&both, &replaced, &PROMISE).is_empty());
        assert_eq!(repeated(&both, &[spell("a", -20, 1)], &PROMISE).len(), 1);
    }

    #[test]
    fn a_rotation_too_soon_after_another_is_seen() {
        assert!(
            repeated(&[asked("blog", "1", -7), asked("blog", "2", 0)], &[], &PROMISE).is_empty()
        );
        assert_eq!(
            repeated(&[asked("blog", "1", -6), asked("blog", "2", 0)], &[], &PROMISE).len(),
            1
        );
    }

    #[test]
    fn a_create_outside_the_window_is_seen_but_for_emergencies() {
        assert!(outside_the_window(&[asked("blog", "1", 6)], &[], &PROMISE).is_empty());
        assert_eq!(outside_the_window(&[asked("blog", "1", 7)], &[], &PROMISE).len(), 1);
        assert_eq!(outside_the_window(&[asked("blog", "1", -2)], &[], &PROMISE).len(), 1);
        let nearly = Spell { not_after: hours(79), ..spell("a", 0, 20) };
        assert!(
            outside_the_window(&[asked("blog", "1", 7)], slice::from_ref(&nearly), &PROMISE)
                .is_empty()
        );
        let not_yet = Spell { not_after: hours(80), ..nearly };
        assert_eq!(outside_the_window(&[asked("blog", "1", 7)], &[not_yet], &PROMISE).len(), 1);
        let by_hand = Asked { attempt: None, ..asked("blog", "1", 7) };
        assert!(outside_the_window(&[by_hand], &[], &PROMISE).is_empty());
    }

    #[test]
    fn more_than_the_limit_allows_are_seen() {
        let (one, other) = (asked("blog", "1", 0), asked("shop", "1", 0));
        assert_eq!(over_the_limit(&[one.clone(), other.clone()], 1).len(), 2);
        assert!(over_the_limit(&[one.clone(), other], 2).is_empty());
        assert!(over_the_limit(&[one, asked("shop", "1", 1)], 1).is_empty());
    }
}
