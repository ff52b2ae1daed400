use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::*;
use crate::embedded::stand_ins::some_of;

/// Whether the process dies before the apiserver sees the write, or after it was carried out.
#[derive(Clone, Copy, Debug)]
enum Crash {
    Before,
    After,
}

fn paused<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(test)
}

/// What happens to a Certificate: it is made, somebody wants it anew, and its Secret is lost.
async fn story(world: &World) {
    world.add_certificate("web", &json!({"duration": "48h"}));
    world.wait(Span::MINUTE).await;
    world.demand("web").await;
    world.wait(Span::MINUTE).await;
    world.delete("/api/v1/namespaces/prod/secrets/web").await;
    world.wait(Span::MINUTE).await;
}

/// Each of the three was answered by one issuance.
fn judge(world: &World, told: &str) {
    assert_eq!(world.status("web")["revision"], 3, "{told}");
    assert_eq!(world.condition("web", "Ready")["status"], "True", "{told}");
    assert_eq!(world.condition("web", "Issuing"), Value::Null, "{told}");
    assert_eq!(world.requests(), ["web-3"], "{told}");
    assert_eq!(world.secrets(), ["ca", "web"], "{told}: no key is left behind");
    world.leaf("web", "web.prod.svc");

    let commits = world.server.commits_after(0);
    let mut created = Vec::new();
    let (mut signed, mut stored) = (BTreeSet::new(), BTreeSet::new());
    let mut revision = 0;
    for commit in &commits {
        let (object, name) = (commit.object(), commit.key.name.as_str());
        match &*commit.key.resource {
            REQUESTS if commit.verb == Verb::Create => created.push(name.to_owned()),
            REQUESTS => {
                signed.insert(object["status"]["certificate"].to_string());
            }
            "secrets" if name == "web" => {
                stored.insert(object["data"]["tls.crt"].to_string());
            }
            CERTIFICATES => {
                let now = object["status"]["revision"].as_i64().unwrap_or(0);
                assert!(now == revision || now == revision + 1, "{told}: {revision} to {now}");
                revision = now;
            }
            _ => {}
        }
    }
    signed.remove("null");
    assert_eq!(created, ["web-1", "web-2", "web-3"], "{told}");
    assert_eq!((signed.len(), stored.len()), (3, 3), "{told}: signed, stored");
}

/// How many writes an undisturbed story takes.
fn count_writes() -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    paused(async {
        let world = World::new();
        let issuer = world.start_with(move |call| {
            counted.fetch_add(usize::from(writes(call)), Ordering::Relaxed);
            Fault::None
        });
        story(&world).await;
        judge(&world, "undisturbed");
        issuer.abort();
    });
    count.load(Ordering::Relaxed)
}

fn crash_at(nth: usize, crash: Crash) {
    paused(async {
        let world = Arc::new(World::new());
        let died = Arc::new(Notify::new());
        let (seen, tell) = (AtomicUsize::new(0), Arc::clone(&died));
        let first = world.start_with(move |call| {
            if !writes(call) || seen.fetch_add(1, Ordering::Relaxed) + 1 != nth {
                return Fault::None;
            }
            tell.notify_one();
            match crash {
                Crash::Before => Fault::HangBefore,
                Crash::After => Fault::HangAfter,
            }
        });
        let heir = {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                died.notified().await;
                sleep(Duration::from_secs(1)).await;
                first.abort();
                sleep(Duration::from_secs(5)).await;
                let second = world.start();
                move || second.abort()
            })
        };
        story(&world).await;
        judge(&world, &format!("crash {crash:?} write {nth}"));
        let end_the_heir = heir.await.unwrap();
        end_the_heir();
    });
}

fn crash_at_every_write(crash: Crash) {
    let writes = count_writes();
    assert!(writes > 25, "{writes} writes are not three issuances");
    for nth in some_of(writes) {
        crash_at(nth, crash);
    }
}

// Two tests, so that both run at once.

#[test]
fn a_crash_before_any_write_loses_nothing_and_issues_nothing_twice() {
    crash_at_every_write(Crash::Before);
}

#[test]
fn a_crash_after_any_write_loses_nothing_and_issues_nothing_twice() {
    crash_at_every_write(Crash::After);
}
