//! Two replicas: one acts, the other is ready to.

use serde_json::json;

use super::stage::{OwnDaemon, SOON, Stage, own_settings};
use crate::actor::Wanted;
use crate::support::daemon::Daemon;
use crate::support::lab::on_cluster;

#[test]
fn one_acts_and_the_other_takes_over() {
    on_cluster(async |lab| {
        let own = OwnDaemon::start(&lab, &json!({})).await;
        leads(&own.daemon).await;
        let other = Daemon::start(&own.install, "two", &own_settings(&lab, &json!({})));
        other.ready().await;
        other.answers("/livez", |answer| answer.status == 200).await;

        let stage = Stage::new(&lab, &own.daemon, &lab.name).await;
        let database = stage.database("db", &Wanted::due()).await;
        let request = stage.one_request(&database, "RenewalDue").await;
        // A follower says of itself how it is, and of the fleet nothing: no series is said twice.
        let metrics = other.metrics().await;
        assert_eq!(metrics.sum("certrotor_leader", &[]), Some(0.0));
        assert_eq!(metrics.sum("certrotor_database_state", &[]), None);
        assert_eq!(metrics.sum("certrotor_certificate_not_after_timestamp_seconds", &[]), None);
        assert_eq!(own.daemon.metrics().await.sum("certrotor_leader", &[]), Some(1.0));

        own.daemon.kill();
        database.carry_out(&request).await;
        // The lease is good for fifteen seconds more.
        leads(&other).await;
        let stage = Stage { daemon: &other, ..stage };
        stage.closed(&database, "RenewalDue", "verified").await;
        stage.still(&database, 1).await;

        // The one that comes back follows.
        own.daemon.start_again();
        own.daemon.ready().await;
        assert_eq!(own.daemon.metrics().await.sum("certrotor_leader", &[]), Some(0.0));
        stage.still(&database, 1).await;

        // A leader that is asked to end hands over at once.
        other.terminate();
        leads(&own.daemon).await;
        let stage = Stage { daemon: &own.daemon, ..stage };
        stage.still(&database, 1).await;
    });
}

#[test]
fn two_installations_leave_each_others_databases_alone() {
    on_cluster(async |lab| {
        let stage = Stage::shared(&lab, "open").await;
        let database = stage.database("db", &Wanted::fresh()).await;
        let rotation = stage.state(&database, "Fresh").await;
        assert_eq!(rotation["status"]["installation"], "certrotor-shared.certrotor");
        let quiet = rotation["metadata"]["resourceVersion"].clone();

        // It lists every namespace, and watches those of the shared daemon not.
        let own = OwnDaemon::start(&lab, &json!({})).await;
        let other = Stage::new(&lab, &own.daemon, &lab.name).await;
        let its_own = other.database("db", &Wanted::fresh()).await;
        other.state(&its_own, "Fresh").await;
        other.still(&its_own, 0).await;
        assert_eq!(database.rotation().await["metadata"]["resourceVersion"], quiet);

        // Whoever watches a database no longer lets it go, and another may have it.
        let everything = format!("{}*", stage.namespace);
        own.daemon.configure(&own_settings(&lab, &json!({"watch": {"namespaces": [everything]}})));
        other.rotation(&its_own, "nobody's", |it| it["installation"].is_null()).await;
    });
}

async fn leads(daemon: &Daemon) {
    let what = format!("{} to lead", daemon.identity);
    crate::support::eventually::eventually(SOON, &what, async || {
        // A daemon that is being started may not serve yet.
        let page = daemon.page("/metrics").await?;
        let leader =
            crate::support::metrics::Metrics::parse(&page.body).sum("certrotor_leader", &[]);
        if leader == Some(1.0) { Ok(()) } else { Err(format!("{leader:?}\n{}", daemon.tail(10))) }
    })
    .await;
}
