//! Two candidates, any order of events, any loss: never two leaders, and somebody in the end.

use proptest::prelude::*;

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
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
            Act::Commit => self.under_way.iter_mut().for_each(|write| write.commit(store)),
            Act::Answer => self.answer(),
            Act::GiveUp => self.given_up = self.under_way.take(),
            Act::CommitLate => self.given_up.iter_mut().for_each(|write| write.commit(store)),
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
        let mine = self.observed.record().filter(|record| record.is_held_by(self.name)).cloned();
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
    [candidate("a", 100_000_000, rates[0], 0), candidate("b", 0, rates[1], 7_258_118_400_000_000)]
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
    #![proptest_config(ProptestConfig::with_cases(128))]

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
