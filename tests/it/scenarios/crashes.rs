//! A daemon that is killed at any moment loses nothing and repeats nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::stage::{OwnDaemon, SOON, Stage};
use crate::actor::Wanted;
use crate::support::eventually::eventually;
use crate::support::lab::on_cluster;
use crate::support::proxy::{Call, Fate, Moment};
use crate::support::time::minutes;

/// Which calls are a writes that rotations rest on, in the order in which they were carried out.
fn writes(calls: &[Call]) -> Vec<String> {
    let writes = calls.iter().filter(|call| call.is_write() && call.status.is_some());
    writes.map(|call| format!("{} {} {:?}", call.method, call.path, call.status)).collect()
}

/// Kills the daemon at every write: first before the apiserver sees it, then, when it has come
/// again, after it is carried out, its reply lost. No write is passed by.
#[test]
fn killed_before_and_after_every_write() {
    on_cluster(async |lab| {
        let own = Arc::new(OwnDaemon::start(&lab, &json!({})).await);
        let kills = Arc::new(AtomicUsize::new(0));
        let before = Arc::new(Mutex::new(true));
        let (hooked, counted) = (Arc::clone(&own), Arc::clone(&kills));
        own.proxy.hook(move |call, moment| {
            if !call.is_write() {
                return Fate::Pass;
            }
            let mut first_time = before.lock().unwrap();
            if *first_time != (moment == Moment::Before) {
                return Fate::Pass;
            }
            *first_time = !*first_time;
            counted.fetch_add(1, Ordering::Relaxed);
            hooked.daemon.kill();
            Fate::Lose
        });
        let restarted = tokio::spawn(restarter(Arc::clone(&own)));

        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = database.request(1).await;
        database.carry_out(&request).await;
        stage
            .rotation(&database, "the closed record", |status| {
                status["current"].is_null() && status["last"]["outcome"] == "verified"
            })
            .await;
        stage.state(&database, "Fresh").await;
        own.proxy.unhook();
        ready_in_the_end(&own).await;
        stage.still(&database, 1).await;
        restarted.abort();

        let calls = own.proxy.calls();
        let created = calls.iter().filter(|call| {
            call.method == "POST"
                && call.path.ends_with("/mysqlopsrequests")
                && call.status == Some(201)
        });
        assert_eq!(created.count(), 1, "{:#?}", writes(&calls));
        let kills = kills.load(Ordering::Relaxed);
        assert!(kills >= 10, "{kills} kills at {:#?}", writes(&calls));
        let last = database.rotation().await["status"]["last"].clone();
        assert_eq!(last["attempt"], 1, "{last}");
    });
}

/// Waits until it is ready, although the last kill may still be about to be made good.
async fn ready_in_the_end(own: &OwnDaemon) {
    let what = "the daemon, started for the last time";
    eventually(minutes(1), what, async || match own.daemon.page("/readyz").await?.status {
        200 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

/// Starts the daemon again whenever it has ended, as its Deployment does.
async fn restarter(own: Arc<OwnDaemon>) {
    loop {
        if own.daemon.ended().is_some() {
            own.daemon.start_again();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[test]
fn killed_at_random_moments() {
    on_cluster(async |lab| {
        let own = OwnDaemon::start(&lab, &json!({})).await;
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        let torment = async {
            for kill in 0..10_u64 {
                // Any moment will do; these spread over start, listing, election and writing.
                tokio::time::sleep(std::time::Duration::from_millis(kill * 137 % 700)).await;
                own.daemon.kill();
                own.daemon.start_again();
            }
        };
        let actor = async {
            let request = database.request(1).await;
            database.carry_out(&request).await;
        };
        tokio::join!(torment, actor);
        stage.closed_in_the_record(&database, "verified").await;
        stage.still(&database, 1).await;
        let created = own.proxy.calls().into_iter().filter(|call| {
            call.method == "POST"
                && call.path.ends_with("/mysqlopsrequests")
                && call.status == Some(201)
        });
        assert_eq!(created.count(), 1);
    });
}

#[test]
fn the_reply_to_the_create_is_lost() {
    on_cluster(async |lab| {
        let own = OwnDaemon::start(&lab, &json!({})).await;
        let lost = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lost);
        own.proxy.hook(move |call, moment| {
            let creates = call.method == "POST" && call.path.ends_with("/mysqlopsrequests");
            if creates && moment == Moment::After && counted.fetch_add(1, Ordering::Relaxed) == 0 {
                return Fate::Lose;
            }
            Fate::Pass
        });
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        assert_eq!(lost.load(Ordering::Relaxed), 1);
        database.carry_out(&request).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 1).await;
    });
}

#[test]
fn sigterm_ends_it_within_seconds() {
    on_cluster(async |lab| {
        let own = OwnDaemon::start(&lab, &json!({})).await;
        let held = async || {
            let namespace = &own.install.namespace;
            let leases = lab.admin.list(crate::support::api::LEASE, namespace).await;
            leases.first().map(|lease| lease["spec"]["holderIdentity"].clone()).unwrap_or_default()
        };
        lab.eventually(&lab.name, SOON, "the lease", async || match held().await {
            holder if holder == "one" => Ok(()),
            other => Err(other.to_string()),
        })
        .await;
        own.daemon.terminate();
        let within = crate::support::time::seconds(8);
        let status = lab
            .eventually(&lab.name, within, "the end", async || {
                own.daemon.ended().ok_or_else(|| own.daemon.tail(5))
            })
            .await;
        assert_eq!(status.code(), Some(0), "{}", own.daemon.tail(20));
        let holder = held().await;
        assert!(holder.as_str().unwrap_or_default().is_empty(), "{holder}");
    });
}
