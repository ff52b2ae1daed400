//! The daemon's rights, held against the apiserver's own log of what it has asked for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::stage::{OwnDaemon, SOON, Stage, own_settings};
use crate::actor::Wanted;
use crate::support::api::ROTATION;
use crate::support::lab::{Lab, on_cluster};
use crate::support::rbac::Who;
use crate::support::rights::{Right, granted, shown, usable, used};

/// Waits until every right that is `meant` was used.
async fn all_used(
    lab: &Lab,
    own: &OwnDaemon,
    usable: &BTreeSet<Right>,
    meant: impl Fn(&Right) -> bool,
) {
    lab.eventually(&lab.name, SOON, "every right to be used", async || {
        let used = used(Who::Daemon, lab, &own.install.namespace);
        let unused = shown(usable.difference(&used).filter(|right| meant(right)));
        if unused.is_empty() { Ok(()) } else { Err(unused) }
    })
    .await;
}

/// A database whose record another installation has made, which nobody has seen alive.
async fn of_another_installation(lab: &Lab, stage: &Stage<'_>) {
    let (admin, namespace) = (&lab.admin, &stage.namespace);
    admin.create(ROTATION, namespace, json!({"metadata": {"name": "theirs"}})).await;
    let owner = json!({"installation": "elsewhere.certrotor"});
    admin.status(ROTATION, namespace, "theirs", &owner).await;
    stage.database("theirs", &Wanted::due()).await;
}

/// The same thing is told twice, the second time by a process that does not know of the first.
async fn the_same_event_twice(own: &OwnDaemon, settings: &Value) {
    const WRONG: &str = "rotation: {renewBefor: 45%}";
    let good = "certrotor_config_last_reload_successful";
    own.daemon.configure_with_text(WRONG);
    own.daemon.metric(good, &[], |value| value < 0.5).await;
    own.daemon.configure(settings);
    own.daemon.metric(good, &[], |value| value > 0.5).await;
    own.daemon.kill();
    own.daemon.start_again();
    own.daemon.ready().await;
    own.daemon.configure_with_text(WRONG);
}

#[test]
fn every_right_is_used_and_every_call_is_granted() {
    on_cluster(async |lab| {
        let hasty = format!("{}-hasty", lab.name);
        let change = json!({"overrides": [{"match": {"namespaces": [&hasty]},
            "pickUpWithin": "2s", "retry": {"attempts": 9, "backoff": {"from": "1s", "to": "1s"}}}]});
        let own = OwnDaemon::start(&lab, &change).await;
        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        of_another_installation(&lab, &stage).await;
        // Nobody picks its requests up, so that they are taken back; and the loop keeps turning, which
        // looks at other installations every half a minute.
        let ignored = Stage::new(&lab, &own.daemon, &hasty).await;
        ignored.database("db", &Wanted::due()).await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        database.carry_out(&request).await;
        stage.closed(&database, "RenewalDue", "verified").await;
        let granted = granted(Who::Daemon);
        let usable = usable(&granted, &lab).await;
        assert!(usable.len() > 30, "{usable:?}");
        all_used(&lab, &own, &usable, |right| right.resource != "events").await;
        the_same_event_twice(&own, &own_settings(&lab, &change)).await;
        all_used(&lab, &own, &usable, |_| true).await;
        let used = used(Who::Daemon, &lab, &own.install.namespace);
        let strange = shown(used.difference(&granted));
        assert!(strange.is_empty(), "used and not granted: {strange}");
        // An operator that lets requests lie opens the breaker of every daemon that sees their records.
        lab.gone(&hasty).await;
    });
}
