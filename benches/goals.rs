//! How long the things take that must be quick. `docs/benchmarks.md` says what was measured.
//!
//! One module a subject; `cargo bench --bench goals -- plan` runs one of them.

use divan::Bencher;

fn main() {
    divan::main();
}

/// One look at the whole fleet. Goal: ten thousand databases in ten milliseconds.
mod plan {
    use super::Bencher;
    use certrotor::core::plan::plan;
    use certrotor::core::policy::{Lead, Match, Override, Policy, RulesPatch};
    use certrotor::core::sample::{self, NOW};
    use certrotor::core::selector::{NamespacePattern, Selector};
    use certrotor::core::time::Span;

    const SIZES: [u32; 3] = [1_000, 10_000, 100_000];

    /// Weekend nights for most, another lead for gold, other hours for some namespaces.
    #[expect(clippy::expect_used, reason = "literals that can be read")]
    fn policy() -> Policy {
        let mut policy = sample::policy(|_, rules| {
            rules.windows = sample::windows("0 2 * * SAT,SUN", "4h");
            rules.freezes = sample::freeze("2026-12-20", "2027-01-03");
        });
        let gold = RulesPatch {
            renew_before: Some(Lead::Length(Span::days(45))),
            ..RulesPatch::default()
        };
        let nightly = RulesPatch {
            windows: Some(sample::windows("0 1 * * *", "3h")),
            ..RulesPatch::default()
        };
        policy.overrides = vec![
            Override {
                matches: Match {
                    namespaces: Vec::new(),
                    selector: Selector::parse("tier=gold").expect("a selector"),
                },
                rules: gold,
            },
            Override {
                matches: Match {
                    namespaces: vec![NamespacePattern::parse("ns-1*").expect("a pattern")],
                    selector: Selector::default(),
                },
                rules: nightly,
            },
        ];
        policy
    }

    /// A third of the databases is due and waits for its window.
    #[divan::bench(args = SIZES)]
    fn a_third_is_due(bencher: Bencher<'_, '_>, databases: u32) {
        let (fleet, policy) = (sample::crowd(databases), policy());
        bencher.bench_local(|| plan(&fleet, &policy, NOW));
    }

    /// The usual case: nobody is.
    #[divan::bench(args = SIZES)]
    fn nobody_is_due(bencher: Bencher<'_, '_>, databases: u32) {
        let (fleet, policy) = (sample::crowd(databases), policy());
        bencher.bench_local(|| plan(&fleet, &policy, NOW - Span::days(40)));
    }

    /// A mass expiry in an open window: everybody waits for room.
    #[divan::bench(args = [10_000])]
    fn everybody_is_due(bencher: Bencher<'_, '_>, databases: u32) {
        let (fleet, policy) = (sample::crowd(databases), Policy::default());
        bencher.bench_local(|| plan(&fleet, &policy, NOW + Span::days(50)));
    }
}
