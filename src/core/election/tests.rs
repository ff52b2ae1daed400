use proptest::prelude::*;

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
    Observed {
        record,
        since: seconds(100),
        renewed: led.then(|| seconds(100)),
    }
}

#[test]
fn what_a_candidate_does() {
    let hour_long = Record {
        duration: Some(seconds(3_600)),
        ..held_by(OTHER)
    };
    let silent = Record {
        duration: None,
        ..held_by(OTHER)
    };
    let until_115 = Move::Wait {
        until: seconds(115),
    };
    for (record, led, now, expected, why) in [
        (None, false, 100, Move::Create, "there is no lease"),
        (
            Some(held_by(ME).released(5)),
            false,
            100,
            Move::Acquire,
            "it was released",
        ),
        (
            Some(Record::default()),
            false,
            100,
            Move::Acquire,
            "nobody holds it",
        ),
        (
            Some(held_by("")),
            false,
            100,
            Move::Acquire,
            "client-go releases so",
        ),
        (
            Some(held_by(ME)),
            false,
            100,
            Move::Acquire,
            "mine from before a restart",
        ),
        (Some(held_by(OTHER)), false, 100, until_115, "just seen"),
        (Some(held_by(OTHER)), false, 114, until_115, "not stale yet"),
        (
            Some(held_by(OTHER)),
            false,
            115,
            Move::Acquire,
            "unchanged for its duration",
        ),
        (
            Some(silent),
            false,
            114,
            until_115,
            "my own duration where it names none",
        ),
        (
            Some(hour_long),
            false,
            701,
            Move::Acquire,
            "nobody is waited for so long",
        ),
        (Some(held_by(ME)), true, 100, Move::Renew, "mine"),
        (
            Some(held_by(ME)),
            true,
            109,
            Move::Renew,
            "mine until the deadline",
        ),
        (
            Some(held_by(ME)),
            true,
            110,
            Move::StepDown,
            "could not be renewed in time",
        ),
        (
            Some(held_by(OTHER)),
            true,
            101,
            Move::StepDown,
            "taken from me",
        ),
        (None, true, 101, Move::StepDown, "deleted under me"),
    ] {
        let observed = knows(record, led);
        assert_eq!(
            next(&observed, ME, &Terms::default(), seconds(now)),
            expected,
            "{why}"
        );
    }
}

#[test]
fn only_a_changed_record_makes_a_lease_fresh() {
    let mut observed = Observed::default();
    observed.see(Some(held_by(OTHER)), seconds(1));
    observed.see(Some(held_by(OTHER)), seconds(15));
    assert_eq!(
        next(&observed, ME, &Terms::default(), seconds(16)),
        Move::Acquire
    );

    observed.see(
        Some(held_by(OTHER).held_by(OTHER, &Terms::default(), 2_000)),
        seconds(16),
    );
    let until = seconds(31);
    assert_eq!(
        next(&observed, ME, &Terms::default(), seconds(16)),
        Move::Wait { until }
    );
}

#[test]
fn after_stepping_down_it_is_a_candidate_like_any_other() {
    let mut observed = knows(Some(held_by(ME)), true);
    assert_eq!(
        next(&observed, ME, &Terms::default(), seconds(110)),
        Move::StepDown
    );
    observed.stepped_down();
    assert_eq!(
        next(&observed, ME, &Terms::default(), seconds(110)),
        Move::Acquire
    );
    observed.see(Some(held_by(OTHER)), seconds(111));
    let until = seconds(126);
    assert_eq!(
        next(&observed, ME, &Terms::default(), seconds(111)),
        Move::Wait { until }
    );
}

#[test]
fn records_count_who_held_them_and_always_change() {
    let terms = Terms::default();
    let first = Record::default().held_by(ME, &terms, 7);
    assert_eq!(
        (first.transitions, first.acquired, first.renewed),
        (1, Some(7), Some(7))
    );

    let renewed = first.held_by(ME, &terms, 9);
    assert_eq!(
        (renewed.transitions, renewed.acquired, renewed.renewed),
        (1, Some(7), Some(9))
    );

    let stopped_clock = renewed.held_by(ME, &terms, 9);
    assert_ne!(stopped_clock, renewed);

    let taken = renewed.held_by(OTHER, &terms, 3);
    assert_eq!(
        (taken.transitions, taken.acquired, taken.renewed),
        (2, Some(3), Some(3))
    );

    let released = taken.released(4);
    assert_eq!(
        (released.holder.as_deref(), released.transitions),
        (None, 2)
    );
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
    let again = Terms::new(
        terms.lease_duration(),
        terms.renew_deadline(),
        terms.retry_period(),
    );
    assert_eq!(again, Ok(terms));
}

/// A candidate with its own monotonic clock (origin, rate), its own wall clock, and one write that
/// may be on its way.
struct Candidate {
    name: &'static str,
    origin: Duration,
    rate_percent: u32,
    stamp: i64,
    observed: Observed,
    revision: u64,
    under_way: Option<Write>,
    given_up: Option<Write>,
}

struct Write {
    began: Duration,
    record: Record,
    based_on: u64,
    committed: Option<u64>,
    answered: bool,
}

impl Write {
    fn commit(&mut self, store: &mut Store) {
        if self.answered {
            return;
        }
        self.answered = true;
        if self.based_on == store.revision {
            store.revision += 1;
            store.record = Some(self.record.clone());
            self.committed = Some(store.revision);
        }
    }
}

/// The one Lease there is, changed by compare-and-swap.
#[derive(Default)]
struct Store {
    record: Option<Record>,
    revision: u64,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Read, begin, commit and answer at once: a try that goes well.
    Try,
    Read,
    Begin,
    Commit,
    Answer,
    GiveUp,
    CommitLate,
    Release,
}

impl Candidate {
    fn now(&self, time: Duration) -> Duration {
        self.origin + time * self.rate_percent / 100
    }

    fn leads(&self, time: Duration) -> bool {
        let until = self.observed.leads_until(self.name, &Terms::default());
        until.is_some_and(|until| self.now(time) < until)
    }

    fn act(&mut self, act: Act, store: &mut Store, time: Duration) {
        let now = self.now(time);
        match act {
            Act::Try => {
                for act in [Act::Read, Act::Begin, Act::Commit, Act::Answer] {
                    self.act(act, store, time);
                }
            }
            Act::Read => {
                self.observed.see(store.record.clone(), now);
                self.revision = store.revision;
            }
            Act::Begin => self.begin(now),
            Act::Commit => self
                .under_way
                .iter_mut()
                .for_each(|write| write.commit(store)),
            Act::Answer => self.answer(),
            Act::GiveUp => self.given_up = self.under_way.take(),
            Act::CommitLate => self
                .given_up
                .iter_mut()
                .for_each(|write| write.commit(store)),
            Act::Release => self.release(store, now),
        }
    }

    fn begin(&mut self, now: Duration) {
        if self.under_way.is_some() {
            return;
        }
        match next(&self.observed, self.name, &Terms::default(), now) {
            Move::StepDown => self.observed.stepped_down(),
            Move::Wait { .. } => {}
            Move::Acquire | Move::Create | Move::Renew => {
                let known = self.observed.record().cloned().unwrap_or_default();
                self.stamp += 1;
                let record = known.held_by(self.name, &Terms::default(), self.stamp);
                self.under_way = Some(Write {
                    began: now,
                    record,
                    based_on: self.revision,
                    committed: None,
                    answered: false,
                });
            }
        }
    }

    fn answer(&mut self) {
        if let Some(write) = self.under_way.take_if(|write| write.answered)
            && let Some(revision) = write.committed
        {
            self.observed.wrote(write.record, write.began);
            self.revision = revision;
        }
    }

    /// Stops leading first, then hands the lease back.
    fn release(&mut self, store: &mut Store, now: Duration) {
        let mine = self
            .observed
            .record()
            .filter(|record| record.is_held_by(self.name))
            .cloned();
        self.observed.stepped_down();
        self.under_way = None;
        if let Some(record) = mine
            && self.revision == store.revision
        {
            store.revision += 1;
            self.stamp += 1;
            store.record = Some(record.released(self.stamp));
            self.observed.see(store.record.clone(), now);
            self.revision = store.revision;
        }
    }
}

fn candidates(rates: [u32; 2]) -> [Candidate; 2] {
    let candidate = |name, origin, rate_percent, stamp| Candidate {
        name,
        origin: seconds(origin),
        rate_percent,
        stamp,
        observed: Observed::default(),
        revision: 0,
        under_way: None,
        given_up: None,
    };
    // One has been up for years and lives in 1970, the other has just started and lives in 2200.
    [
        candidate("a", 100_000_000, rates[0], 0),
        candidate("b", 0, rates[1], 7_258_118_400_000_000),
    ]
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act, u64)>> {
    let act = prop_oneof![
        12 => Just(Act::Try),
        2 => Just(Act::Read),
        4 => Just(Act::Begin),
        4 => Just(Act::Commit),
        4 => Just(Act::Answer),
        2 => Just(Act::GiveUp),
        1 => Just(Act::CommitLate),
        1 => Just(Act::Release),
    ];
    let pause = prop_oneof![4 => 0..1_000u64, 4 => 1_000..8_000u64, 1 => 8_000..20_000u64];
    prop::collection::vec((0..2usize, act, pause), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Lost answers, writes that arrive late, any order, any pause, wall clocks centuries apart, and clocks
    /// that run up to 1.4 times as fast as each other (15 s / 10 s allows for 1.5).
    #[test]
    fn two_never_lead_at_once(
        acts in acts(),
        rates in prop_oneof![Just([100, 100]), Just([140, 100]), Just([100, 140])],
    ) {
        let (mut store, mut both, mut time) = (Store::default(), candidates(rates), seconds(0));
        for (who, act, pause) in acts {
            time += Duration::from_millis(pause);
            both[who].act(act, &mut store, time);
            prop_assert!(!(both[0].leads(time) && both[1].leads(time)), "at {time:?}");
        }
    }

    /// Whatever has happened, once calls succeed somebody leads within a lease and two retries.
    #[test]
    fn somebody_leads_in_the_end(acts in acts()) {
        let (mut store, mut both, mut time) =
            (Store::default(), candidates([100, 100]), seconds(0));
        for (who, act, pause) in acts {
            time += Duration::from_millis(pause);
            both[who].act(act, &mut store, time);
        }
        for candidate in &mut both {
            candidate.under_way = None;
        }
        for _ in 0..10 {
            time += seconds(2);
            for candidate in &mut both {
                // The first may only step down.
                candidate.act(Act::Try, &mut store, time);
                candidate.act(Act::Try, &mut store, time);
            }
        }
        prop_assert!(both.iter().any(|candidate| candidate.leads(time)));
    }
}
