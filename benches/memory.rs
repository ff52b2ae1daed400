//! How much memory a fleet takes: 10,000 databases, 30,000 certificates, as it is listed and after
//! its first snapshot. `cargo bench --bench memory`; sizes by `DATABASES` and `PODS`.

mod fleet;

use std::collections::BTreeSet;

use certrotor::cluster::snapshot::Context;
use certrotor::cluster::stores::{Settings, Stores};
use certrotor::core::fleet::Database;
use certrotor::core::policy::Policy;
use certrotor::core::time::Span;

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for people")]
fn main() {
    let databases = setting("DATABASES", 10_000);
    let pods = setting("PODS", 3);
    let mut maker = fleet::Maker::new();
    let before = resident();
    let mut stores = Stores::new(Settings::default());
    fleet::list(&mut stores, &mut maker, databases, pods);
    let listed = resident();
    let policy = Policy::default();
    let context = Context {
        installation: Some("certrotor".into()),
        dead_installations: BTreeSet::new(),
        leader: true,
        clock_offset: Span::ZERO,
        own_executor: false,
        policy: &policy,
    };
    let fleet = stores.snapshot(&context);
    let built = resident();
    assert_eq!(fleet.databases.len(), databases);
    println!("{databases} databases, {} certificates, {} pods", 3 * databases, pods * databases);
    println!("before            {:6.1} MB", mb(before));
    println!("facts           + {:6.1} MB", mb(listed - before));
    println!("first snapshot  + {:6.1} MB", mb(built - listed));
    println!("resident          {:6.1} MB", mb(built));
    println!("per database      {:6.1} kB", mb(built - before) * 1e3 / databases as f64);
    println!("size of Database  {:6} B", size_of::<Database>());
}

fn setting(name: &str, default: usize) -> usize {
    let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn mb(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// Resident bytes of this process; 0 where there is no /proc.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}
