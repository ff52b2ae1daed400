//! How long the stores take: to convert what a listing shows, and to look again after one change.

mod fleet;

use std::collections::BTreeSet;

use certrotor::cluster::snapshot::Context;
use certrotor::cluster::stores::{Object, Settings, Stores};
use certrotor::core::policy::Policy;
use certrotor::core::time::Span;
use divan::Bencher;

const DATABASES: usize = 10_000;

fn main() {
    divan::main();
}

fn context(policy: &Policy) -> Context<'_> {
    Context {
        installation: Some("certrotor".into()),
        dead_installations: BTreeSet::new(),
        leader: true,
        clock_offset: Span::ZERO,
        own_executor: false,
        policy,
    }
}

/// 10,000 databases, 30,000 certificates with as many issuances, 10,000 pods, 10,000 records.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn convert_a_fleet(bencher: Bencher<'_, '_>) {
    let mut objects = Vec::new();
    fleet::each(&mut fleet::Maker::new(), DATABASES, 1, |object| objects.push(object));
    bencher.with_inputs(|| objects.clone()).bench_values(|objects: Vec<Object>| {
        let mut stores = Stores::new(Settings::default());
        for kind in fleet::KINDS {
            stores.begin(kind, None);
        }
        for object in objects {
            stores.seen(object);
        }
        for kind in fleet::KINDS {
            stores.end(kind, None);
        }
        stores
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn first_snapshot(bencher: Bencher<'_, '_>) {
    let policy = Policy::default();
    let mut maker = fleet::Maker::new();
    let mut objects = Vec::new();
    fleet::each(&mut maker, DATABASES, 1, |object| objects.push(object));
    bencher
        .with_inputs(|| {
            let mut stores = Stores::new(Settings::default());
            for object in objects.clone() {
                stores.apply(object);
            }
            stores
        })
        .bench_values(|mut stores| (stores.snapshot(&context(&policy)), stores));
}

/// One Certificate of 30,000 has changed; the fleet before it is still in use.
#[divan::bench]
fn snapshot_after_one_change(bencher: Bencher<'_, '_>) {
    let policy = Policy::default();
    let mut maker = fleet::Maker::new();
    let mut stores = Stores::new(Settings::default());
    fleet::list(&mut stores, &mut maker, DATABASES, 1);
    let mut fleet = stores.snapshot(&context(&policy));
    let (namespace, name) = fleet::place(DATABASES / 2);
    let certificate = format!("{name}-client-cert");
    let mut revision = 1;
    bencher.bench_local(|| {
        let mut changed = maker.certificate(&namespace, &certificate, &[]);
        revision += 1;
        changed.status.revision = Some(revision);
        assert!(stores.apply(changed.into()));
        fleet = stores.snapshot(&context(&policy));
    });
}
