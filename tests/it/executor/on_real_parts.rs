//! The executor in this process against a real apiserver, real cert-manager and real disruption
//! budgets; the kubelet's part is played.

use std::sync::Arc;

use certrotor::clock::SystemClock;
use certrotor::cluster::client::{ApiLayer, Calls, Target, connect};
use certrotor::core::selector::NamespacePattern;
use certrotor::executor::{Executor, Settings};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::actor::{ALIASES, Database, Leaves, Wanted, issuer};
use crate::support::api::{
    BUDGET, CERTIFICATE, CERTIFICATE_REQUEST, MYSQL, POD, REQUEST, SECRET, condition_of, uid,
};
use crate::support::lab::{Lab, on_cluster};
use crate::support::time::{days, minutes, seconds};

/// An executor for the namespace of a test.
async fn executor(lab: &Lab) -> Executor {
    let kubeconfig = lab.plane.folder().join("admin.kubeconfig");
    let target = Target { kubeconfig: Some(kubeconfig), context: None };
    let layer = ApiLayer::new(Arc::new(SystemClock), Arc::default(), Arc::new(()));
    let client = connect(&target, layer).await.expect("a client");
    let calls = Calls::new(seconds(10), Arc::new(()));
    let settings = Settings {
        namespaces: vec![NamespacePattern::parse(&lab.name).expect("a name")],
        ..Settings::default()
    };
    Executor::new(client, Arc::new(SystemClock), calls, settings)
}

/// What a `StatefulSet`, a kubelet and KubeDB's coordinator do about pods that are gone.
async fn keep_pods(database: Database) {
    loop {
        for index in 0..database.replicas {
            let name = format!("{}-{index}", database.name);
            let found = database.admin.find(POD, &database.namespace, &name).await;
            if found.is_none() {
                database.pod(index, seconds(0)).await;
                tell_role(&database, index, "standby").await;
            }
        }
        tokio::time::sleep(seconds(1)).await;
    }
}

async fn tell_role(database: &Database, index: u32, role: &str) {
    let name = format!("{}-{index}", database.name);
    let labels = json!({"metadata": {"labels": {"kubedb.com/role": role}}});
    database.admin.patch(POD, &database.namespace, &name, &labels).await;
}

async fn uids(database: &Database) -> Vec<String> {
    let mut uids = Vec::new();
    for index in 0..database.replicas {
        uids.push(database.pod_uid(index).await);
    }
    uids
}

#[test]
fn the_executor_rotates_with_real_cert_manager_and_a_real_budget() {
    on_cluster(async |lab| {
        let (admin, namespace) = (&lab.admin, &lab.name);
        admin.create_namespace(namespace).await;
        let issuer = issuer(admin, namespace, "ca").await;
        let wanted = Wanted {
            replicas: 3,
            leaves: Leaves::Aged(days(60), days(90)),
            topology: json!({"mode": "GroupReplication"}),
            ..Wanted::fresh()
        };
        let database = Database::create(admin, namespace, "db", &issuer, &wanted).await;
        for (index, role) in [(0, "primary"), (1, "standby"), (2, "standby")] {
            tell_role(&database, index, role).await;
        }
        let labels = json!({"app.kubernetes.io/instance": "db"});
        let budget = json!({"metadata": {"name": "db"},
            "spec": {"minAvailable": 3, "selector": {"matchLabels": labels}}});
        admin.create(BUDGET, namespace, budget).await;
        let before = uids(&database).await;
        let pods = tokio::spawn(keep_pods(database.clone()));
        let stop = CancellationToken::new();
        let running = tokio::spawn(executor(&lab).await.run(stop.clone()));

        database.foreign_request("rotate", "ReconfigureTLS").await;
        let refused = "the eviction to be refused by the budget";
        lab.eventually(namespace, minutes(2), refused, async || {
            let request = admin.get(REQUEST, namespace, "rotate").await;
            let evicting = condition_of(&request, "EvictPod--db-2")["status"] == "Unknown";
            evicting.then_some(()).ok_or_else(|| request["status"].to_string())
        })
        .await;
        tokio::time::sleep(seconds(3)).await;
        assert_eq!(uids(&database).await, before, "nobody was evicted against the budget");
        let spec = json!({"spec": {"minAvailable": 2}});
        admin.patch(BUDGET, namespace, "db", &spec).await;

        lab.eventually(namespace, minutes(3), "the request to end", async || {
            let request = admin.get(REQUEST, namespace, "rotate").await;
            let phase = request["status"]["phase"].as_str().unwrap_or_default().to_owned();
            assert_ne!(phase, "Failed", "{:#}", request["status"]);
            (phase == "Successful").then_some(()).ok_or_else(|| request["status"].to_string())
        })
        .await;
        stop.cancel();
        running.await.expect("the executor ends when it is told to");
        pods.abort();

        let after = uids(&database).await;
        assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{after:?}");
        let mysql = admin.get(MYSQL, namespace, "db").await;
        assert!(condition_of(&mysql, "Paused").is_null());
        assert_eq!(condition_of(&mysql, "Ready")["status"], "True", "others' conditions stay");
        assert_eq!(admin.list(CERTIFICATE_REQUEST, namespace).await.len(), ALIASES.len());
        for alias in ALIASES {
            let name = database.certificate_name(alias);
            let certificate = admin.get(CERTIFICATE, namespace, &name).await;
            assert_eq!(certificate["status"]["revision"], 1, "cert-manager issued once");
            let secret = admin.get(SECRET, namespace, &name).await;
            assert_eq!(secret["metadata"]["annotations"]["cert-manager.io/certificate-name"], name);
        }
        assert_eq!(uid(&mysql), database.uid);
    });
}
