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
    pub(super) fn policy() -> Policy {
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

/// Whether everything fits in time. Goal: ten thousand databases in 200 milliseconds.
mod feasible {
    use super::Bencher;
    use certrotor::core::feasibility::feasibility;
    use certrotor::core::sample::{self, NOW};

    #[divan::bench(args = [1_000, 10_000, 100_000])]
    fn a_fleet(bencher: Bencher<'_, '_>, databases: u32) {
        let (fleet, policy) = (sample::crowd(databases), super::plan::policy());
        bencher.bench_local(|| feasibility(&fleet, &policy, NOW));
    }
}

/// One scrape. Goal: ten thousand certificates in 20 milliseconds and three megabytes.
mod scrape {
    use std::sync::Arc;

    use super::Bencher;
    use certrotor::clock::{Offset, SystemClock};
    use certrotor::cluster::shared::Shared;
    use certrotor::cluster::stores::{Settings, Stores};
    use certrotor::config::Config;
    use certrotor::config::reload::Loaded;
    use certrotor::core::feasibility::feasibility;
    use certrotor::core::plan::plan;
    use certrotor::core::sample::{self, NOW};
    use certrotor::daemon::{self, View};
    use certrotor::metrics::acts::Acts;
    use certrotor::metrics::facts::Source;
    use certrotor::metrics::render;
    use divan::counter::BytesCount;
    use tokio::sync::watch;

    #[divan::bench(args = [3_334, 10_000, 100_000])]
    #[expect(clippy::expect_used, reason = "a vocabulary of our own")]
    fn databases_of_three_certificates(bencher: Bencher<'_, '_>, databases: u32) {
        let acts = Arc::new(Acts::new(&daemon::vocabulary()).expect("metrics"));
        let source = source(databases, &acts);
        let bytes = render(source.page(), &acts).len();
        let bencher = bencher.counter(BytesCount::new(bytes));
        bencher.bench_local(|| render(source.page(), &acts));
    }

    fn source(databases: u32, acts: &Arc<Acts>) -> Source {
        let (fleet, policy) = (Arc::new(sample::crowd(databases)), Arc::new(super::plan::policy()));
        let view = View {
            plan: Some(Arc::new(plan(&fleet, &policy, NOW))),
            feasibility: Some(Arc::new(feasibility(&fleet, &policy, NOW))),
            fleet,
            policy: Some(policy),
            at: Some(NOW),
            config_loaded: Some(NOW),
        };
        let clock = Arc::new(SystemClock);
        let stores = Stores::new(Settings::default());
        Source {
            view: watch::Sender::new(Arc::new(view)).subscribe(),
            shared: Arc::new(Shared::new(stores, Arc::clone(&clock) as _, Arc::clone(acts))),
            loaded: watch::Sender::new(Loaded::fixed(Config::default())).subscribe(),
            clock,
            offset: Arc::new(Offset::default()),
        }
    }
}

/// One question to a calendar.
mod calendar {
    use super::Bencher;
    use certrotor::core::calendar::{CronLine, MARGIN, RotationTimes, Window, Windows, Zone};
    use certrotor::core::sample::{self, NOW};
    use certrotor::core::time::Span;

    #[expect(clippy::expect_used, reason = "literals that can be read")]
    fn times(line: &str, length: Span, zone: &str) -> RotationTimes {
        let line = CronLine::parse(line).expect("a crontab line");
        let zone = Zone::parse(zone).expect("a zone");
        let window = Window::new(line, length, zone).expect("a window");
        let windows = Windows::new(vec![window]).expect("one window");
        RotationTimes::new(windows, None, sample::freeze("2026-12-20", "2027-01-03"))
    }

    #[divan::bench]
    fn is_it_open_now(bencher: Bencher<'_, '_>) {
        let times = times("0 2 * * SAT,SUN", Span::hours(4), "Europe/Berlin");
        bencher.bench_local(|| times.state(NOW, MARGIN));
    }

    #[divan::bench]
    fn when_does_it_open_next(bencher: Bencher<'_, '_>) {
        let times = times("30 1 13 * FRI", Span::hours(2), "America/New_York");
        bencher.bench_local(|| times.open_interval_at_or_after(NOW, MARGIN));
    }

    #[divan::bench]
    fn every_opening_of_a_year(bencher: Bencher<'_, '_>) {
        let times = times("0 2 * * *", Span::hours(3), "Europe/Berlin");
        bencher.bench_local(|| times.intervals(NOW, NOW + Span::days(365), MARGIN).count());
    }
}

/// The status page and the forecast on it. Goal: a thousand databases in a tenth of a second.
mod page {
    use std::sync::Arc;

    use axum::body::Body;
    use axum::http::Request;
    use certrotor::clock::SystemClock;
    use certrotor::core::forecast::forecast;
    use certrotor::core::plan::plan;
    use certrotor::core::sample::{self, NOW};
    use certrotor::core::time::Span;
    use certrotor::daemon::View;
    use certrotor::web::page::{Status, router};
    use http_body_util::BodyExt as _;
    use tokio::sync::watch;
    use tower::ServiceExt as _;

    use super::Bencher;

    const SIZES: [u32; 2] = [1_000, 10_000];

    /// Every rotation of the next ninety days.
    #[divan::bench(args = SIZES)]
    fn a_forecast(bencher: Bencher<'_, '_>, databases: u32) {
        let (fleet, policy) = (sample::crowd(databases), super::plan::policy());
        bencher.bench_local(|| forecast(&fleet, &policy, NOW, NOW + Span::days(90)));
    }

    /// A hundred of them on one page, as a browser asks for it again.
    #[divan::bench(args = SIZES)]
    #[expect(clippy::expect_used, reason = "a bench")]
    fn the_fleet(bencher: Bencher<'_, '_>, databases: u32) {
        let (fleet, policy) = (sample::crowd(databases), super::plan::policy());
        let view = View {
            plan: Some(Arc::new(plan(&fleet, &policy, NOW))),
            fleet: Arc::new(fleet),
            policy: Some(Arc::new(policy)),
            at: Some(NOW),
            config_loaded: None,
            feasibility: None,
        };
        let views = watch::Sender::new(Arc::new(view));
        let status = Status {
            views: views.subscribe(),
            clock: Arc::new(SystemClock),
            forecasts: Arc::default(),
        };
        let router = router(status, false);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        bencher.bench_local(|| {
            runtime.block_on(async {
                let request = Request::get("/").body(Body::empty()).expect("a request");
                let answer = router.clone().oneshot(request).await.expect("an answer");
                answer.into_body().collect().await.expect("a page").to_bytes().len()
            })
        });
    }
}
