use super::*;

const ME: &str = "me";
const OTHER: &str = "other";

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn held_by(holder: &str) -> Record {
    Record::default().held_by(holder, &Terms::default(), 1_000)
}

/// A candidate that saw `record` at 100 s and, if `led`, wrote it then.
fn knows(record: Option<Record>, led: bool) -> Observed {
    Observed { record, since: seconds(100), renewed: led.then(|| seconds(100)) }
}

fn check(record: Option<Record>, led: bool, now: u64, expected: Move, why: &str) {
    let observed = knows(record, led);
    let next = next(&observed, ME, &Terms::default(), seconds(now));
    assert_eq!(next, expected, "{why}");
}

#[test]
fn what_a_candidate_does() {
    let other = || Some(held_by(OTHER));
    let until_115 = Move::Wait { until: seconds(115) };
    check(None, false, 100, Move::Create, "there is no lease");
    check(other(), false, 100, until_115, "just seen");
    check(other(), false, 114, until_115, "not stale yet");
    check(other(), false, 115, Move::Acquire, "unchanged for so long");

    let released = held_by(OTHER).released(5);
    check(Some(released), false, 100, Move::Acquire, "it was released");
    let nobody = Record::default();
    check(Some(nobody), false, 100, Move::Acquire, "nobody holds it");
    let empty = held_by("");
    check(Some(empty), false, 100, Move::Acquire, "client-go releases so");
    let mine = held_by(ME);
    check(Some(mine), false, 100, Move::Acquire, "mine from before");

    let silent = Record { duration: None, ..held_by(OTHER) };
    check(Some(silent), false, 114, until_115, "it names no duration");
    let hour_long = Record { duration: Some(seconds(3_600)), ..held_by(OTHER) };
    check(Some(hour_long), false, 701, Move::Acquire, "nobody waits so long");
}

#[test]
fn what_a_holder_does() {
    let mine = || Some(held_by(ME));
    check(mine(), true, 100, Move::Renew, "mine");
    check(mine(), true, 109, Move::Renew, "mine until the deadline");
    check(mine(), true, 110, Move::StepDown, "not renewed in time");
    check(Some(held_by(OTHER)), true, 101, Move::StepDown, "taken from me");
    check(None, true, 101, Move::StepDown, "deleted under me");
}

#[test]
fn only_a_changed_record_makes_a_lease_fresh() {
    let mut observed = Observed::default();
    observed.see(Some(held_by(OTHER)), seconds(1));
    observed.see(Some(held_by(OTHER)), seconds(15));
    assert_eq!(next(&observed, ME, &Terms::default(), seconds(16)), Move::Acquire);

    observed.see(Some(held_by(OTHER).held_by(OTHER, &Terms::default(), 2_000)), seconds(16));
    let until = seconds(31);
    assert_eq!(next(&observed, ME, &Terms::default(), seconds(16)), Move::Wait { until });
}

#[test]
fn after_stepping_down_it_is_a_candidate_like_any_other() {
    let mut observed = knows(Some(held_by(ME)), true);
    assert_eq!(next(&observed, ME, &Terms::default(), seconds(110)), Move::StepDown);
    observed.stepped_down();
    assert_eq!(next(&observed, ME, &Terms::default(), seconds(110)), Move::Acquire);
    observed.see(Some(held_by(OTHER)), seconds(111));
    let until = seconds(126);
    assert_eq!(next(&observed, ME, &Terms::default(), seconds(111)), Move::Wait { until });
}

#[test]
fn records_count_who_held_them_and_always_change() {
    let terms = Terms::default();
    let first = Record::default().held_by(ME, &terms, 7);
    assert_eq!((first.transitions, first.acquired, first.renewed), (1, Some(7), Some(7)));

    let renewed = first.held_by(ME, &terms, 9);
    assert_eq!((renewed.transitions, renewed.acquired, renewed.renewed), (1, Some(7), Some(9)));

    let stopped_clock = renewed.held_by(ME, &terms, 9);
    assert_ne!(stopped_clock, renewed);

    let taken = renewed.held_by(OTHER, &terms, 3);
    assert_eq!((taken.transitions, taken.acquired, taken.renewed), (2, Some(3), Some(3)));

    let released = taken.released(4);
    assert_eq!((released.holder.as_deref(), released.transitions), (None, 2));
    assert_eq!(released.duration, Some(seconds(1)));
}

#[test]
fn terms_must_hold_together() {
    for (lease, renew, retry, expected) in [
        (15, 10, 2, Ok(())),
        (15, 15, 2, Err(TermsError::RenewDeadline)),
        (15, 10, 6, Err(TermsError::RetryPeriod)),
        (15, 10, 0, Err(TermsError::RetryPeriod)),
        (0, 0, 0, Err(TermsError::LeaseDuration)),
        (601, 10, 2, Err(TermsError::LeaseDuration)),
    ] {
        let terms = Terms::new(seconds(lease), seconds(renew), seconds(retry));
        assert_eq!(terms.map(|_| ()), expected, "{lease} {renew} {retry}");
    }
    let terms = Terms::default();
    let again = Terms::new(terms.lease_duration(), terms.renew_deadline(), terms.retry_period());
    assert_eq!(again, Ok(terms));
}
