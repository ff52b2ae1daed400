//! A fleet in which something of everything is going on, at one moment, and a server that shows it.

use std::sync::Arc;

use certrotor::clock::Clock;
use certrotor::core::feasibility::feasibility;
use certrotor::core::fleet::{Alias, Fleet, RequestPhase, Text, Topology};
use certrotor::core::plan::plan;
use certrotor::core::policy::Policy;
use certrotor::core::record::Attempt;
use certrotor::core::sample::{self, Db, NOW, at, fleet, issuer, policy, windows};
use certrotor::core::time::{Span, Time};
use certrotor::core::vocabulary::{Outcome, WritePoint};
use certrotor::daemon::View;
use certrotor::web::page::{self, Status};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A page that is served, of whatever fleet.
pub(super) struct Served {
    pub(super) port: u16,
    views: watch::Sender<Arc<View>>,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

struct At(Time);

impl Clock for At {
    fn now(&self) -> Time {
        self.0
    }
}

impl Served {
    pub(super) async fn of(view: View) -> Self {
        let views = watch::Sender::new(Arc::new(view));
        let status = Status {
            views: views.subscribe(),
            clock: Arc::new(At(NOW)),
            forecasts: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let task = tokio::spawn(page::serve(listener, status, stop.clone()));
        Self { port, views, stop, task }
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The daemon has decided anew.
    pub(super) fn show(&self, view: View) {
        self.views.send_replace(Arc::new(view));
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// What a loop decides of a fleet.
pub(super) fn view(fleet: Fleet, policy: Policy) -> View {
    let plan = plan(&fleet, &policy, NOW);
    let feasibility = feasibility(&fleet, &policy, NOW);
    View {
        plan: Some(Arc::new(plan)),
        at: Some(NOW),
        config_loaded: Some(NOW),
        feasibility: Some(Arc::new(feasibility)),
        fleet: Arc::new(fleet),
        policy: Some(Arc::new(policy)),
    }
}

pub(super) fn rules() -> Policy {
    policy(|_, rules| {
        rules.windows = windows("0 2 * * WED,SAT", "5h");
        rules.freezes = sample::freeze("2026-06-19", "2026-06-28");
    })
}

/// The databases of a company.
pub(super) fn databases() -> Vec<Db> {
    let mut all = vec![
        stuck(Db::named("billing/ledger").servers(3).lives("-84d..+6d")),
        rotating(Db::named("shop/orders").servers(3).lives("-72d..+18d")),
        verified(Db::named("shop/catalog").lives("-56d..+34d"), "-56d"),
        verified(Db::named("shop/carts").servers(3).lives("-49d..+41d"), "-49d"),
        verified(Db::named("shop/sessions").lives("-12d..+78d"), "-12d"),
        verified(Db::named("web/blog").lives("-21d..+69d"), "-21d"),
        verified(Db::named("web/comments").lives("-2d..+88d"), "-2d"),
        verified(Db::named("identity/users").servers(3).lives("-33d..+57d"), "-33d"),
        verified(Db::named("identity/audit").lives("-40d..+50d"), "-40d"),
        drifted(Db::named("search/index").servers(3).lives("-5d..+85d")),
        Db::named("search/suggest").lives("-64d..+26d").wishes(|wishes| wishes.suspend = true),
        Db::named("archive/events-2019").lives("-30d..+335d").with(|it| it.tls = false),
        verified(Db::named("metrics/long-term").lives("-8d..+82d"), "-8d"),
    ];
    let group = ["billing/ledger", "identity/users", "shop/orders"];
    for db in all.iter_mut().filter(|db| group.contains(&&*db.key.to_string())) {
        db.database.topology = Topology::GroupReplication;
    }
    all
}

/// Everything that there is to see.
pub(super) fn showcase() -> View {
    view(fleet(databases()), rules())
}

fn attempt(outcome: Outcome, ended: Time) -> Attempt {
    Attempt {
        request: format!("rotate-{:08x}", ended.unix() & 0xffff_ffff).into(),
        outcome,
        ended,
        duration: Some(Span::minutes(4)),
        issuer: Some(issuer("pki", "ca")),
    }
}

fn verified(db: Db, when: &str) -> Db {
    let ended = at(when) + Span::minutes(6);
    db.record(|record| {
        record.push_attempt(attempt(Outcome::Verified, ended));
        record.last_rotated = Some(ended);
    })
}

fn rotating(db: Db) -> Db {
    let always = Policy::default();
    let db = db.record(|record| {
        record.push_attempt(attempt(Outcome::Verified, at("-72d")));
    });
    let db = db.wishes(|wishes| wishes.requested_at = Some("2026-06-03T11:57:00Z".into()));
    let db = db.up_to(WritePoint::CreateRequest, &always);
    let name = {
        let record = &db.database.rotation.as_ref().unwrap().record;
        Text::clone(&record.current.as_ref().unwrap().request.name)
    };
    let request = sample::request(RequestPhase::Progressing).made_for(&db.database);
    let request = request.with(|request| {
        request.uid = "made".into();
        request.created = at("-2m");
        request.started = Some(at("-1m"));
        request.message = "restarting orders-1, the second standby".into();
    });
    db.request(&name, request).current(|current| {
        current.request.uid = Some("made".into());
        current.request.created = Some(at("-2m"));
        current.request.started = Some(at("-1m"));
    })
}

fn stuck(db: Db) -> Db {
    let always = Policy::default();
    db.up_to(WritePoint::CreateRequest, &always).record(|record| {
        for (outcome, when) in
            [(Outcome::Failed, "-9h"), (Outcome::Failed, "-6h"), (Outcome::TimedOut, "-2h")]
        {
            record.push_attempt(attempt(outcome, at(when)));
        }
        let current = record.current.as_mut().unwrap();
        current.attempt = 4;
        current.failures = 3;
        current.failed_stage = Some(current.request.stage);
        current.opened = at("-10h");
    })
}

/// cert-manager has renewed, and two of three servers were not restarted since.
fn drifted(db: Db) -> Db {
    let db = verified(db, "-60d").with(|it| it.probed = true);
    let db = (0..3).fold(db, |db, index| {
        let life = if index == 2 { "-5d..+85d" } else { "-60d..+30d" };
        let db = db.pod(index, |pod| {
            pod.started = Some(at("-60d"));
            pod.address = Some([10, 0, 0, 7].into());
        });
        db.seen_twice(index, "-50m", life)
    });
    db.certificate(&Alias::Server, |certificate| certificate.renewal_time = Some(at("+55d")))
}

/// A fleet of a thousand.
pub(super) fn thousand() -> View {
    view(sample::crowd(1_000), rules())
}
