use kube::core::DeserializeGuard;
use serde_json::{Value, from_value, json};

use super::*;
use crate::api::resources::MYSQL;

fn mysql(spec: Value, status: Value) -> MySql {
    let mut object = json!({
        "apiVersion": "kubedb.com/v1", "kind": "MySQL",
        "metadata": {"name": "shop", "namespace": "prod", "uid": "u-1", "generation": 4},
    });
    object["spec"] = spec;
    object["status"] = status;
    from_value(object).unwrap()
}

fn with_issuer(certificates: &Value) -> MySql {
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    mysql(json!({"tls": {"issuerRef": issuer, "certificates": certificates}}), json!({}))
}

#[test]
fn a_group_as_kubedb_stores_it() {
    let shop = mysql(
        json!({
            "version": "8.4.2", "replicas": 5, "requireSSL": true, "autoOps": {"disabled": true},
            "storageType": "Durable", "deletionPolicy": "WipeOut",
            "topology": {"mode": "GroupReplication",
                "group": {"mode": "Multi-Primary", "name": "dc002fc3-c412-4d18-b1d4-66c1fbfbbc9b"}},
            "monitor": {"agent": "prometheus.io/operator"},
            "tls": {
                "issuerRef": {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"},
                "certificates": [{"alias": "server", "secretName": "shop-server-cert",
                    "subject": {"organizations": ["kubedb:server"]}}],
            },
        }),
        json!({
            "phase": "Critical", "observedGeneration": 4,
            "conditions": [{"type": "Paused", "status": "True", "reason": "Paused",
                "lastTransitionTime": "2026-11-23T22:00:00Z", "observedGeneration": 4}],
        }),
    );
    assert_eq!(shop.spec.version.as_deref(), Some("8.4.2"));
    assert_eq!(shop.mode(), Some(&TopologyMode::GroupReplication));
    let topology = shop.spec.topology.as_ref().unwrap();
    assert_eq!(topology.group.mode.as_deref(), Some("Multi-Primary"));
    assert!(shop.spec.require_ssl && shop.spec.auto_ops.disabled && shop.spec.monitored);
    assert!(!shop.spec.halted);
    assert_eq!(shop.status.phase, Some(DatabasePhase::Critical));
    assert_eq!(shop.status.observed_generation, Some(4));
    assert!(shop.is_paused());
    assert_eq!(shop.aliases(), ["server", "client", "metrics-exporter"]);
    let pods: Vec<_> = shop.pods().collect();
    assert_eq!(pods.len(), 5);
    assert_eq!(pods[4], ("shop-4".to_owned(), "shop-4.shop-pods.prod.svc".to_owned()));
}

#[test]
fn replicas_default_as_in_kubedb() {
    for (spec, replicas) in [
        (json!({}), 1),
        (json!({"replicas": null}), 1),
        (json!({"replicas": 0}), 0),
        (json!({"replicas": -1}), 0),
        (json!({"replicas": "three"}), 1),
        (json!({"topology": {"mode": "GroupReplication"}}), 3),
        (json!({"topology": {"mode": "InnoDBCluster"}, "replicas": 9}), 9),
        (json!({"topology": {"mode": "InnoDBCluster", "innoDBCluster": {"router": {}}}}), 3),
        (json!({"topology": {"mode": "SemiSync", "semiSync": {"sourceTimeout": "24h"}}}), 3),
        (json!({"topology": {"mode": "RemoteReplica"}}), 1),
        (json!({"topology": {"mode": "Quorum"}}), 1),
        (json!({"topology": {}}), 1),
    ] {
        assert_eq!(mysql(spec.clone(), json!({})).replicas(), replicas, "{spec}");
    }
    let spec = json!({"topology": {"mode": "InnoDBCluster",
        "innoDBCluster": {"mode": "Single-Primary", "router": {"replicas": 2}}}});
    let topology = mysql(spec, json!({})).spec.topology.unwrap();
    assert_eq!(topology.inno_db_cluster.router.replicas, Some(2));
}

#[test]
fn names_of_certificates_and_secrets() {
    let shop = with_issuer(&json!([
        {"alias": "server", "secretName": "wildcard"},
        {"alias": "client", "secretName": ""},
        {"alias": "router"},
        {"alias": "server", "secretName": "a second entry"},
    ]));
    assert_eq!(shop.aliases(), ["server", "client", "metrics-exporter", "router"]);
    for (alias, certificate, secret) in [
        ("server", "shop-server-cert", "wildcard"),
        ("client", "shop-client-cert", "shop-client-cert"),
        ("metrics-exporter", "shop-metrics-exporter-cert", "shop-metrics-exporter-cert"),
    ] {
        assert_eq!(shop.certificate_name(alias), certificate);
        assert_eq!(shop.secret_name(alias), secret);
        assert_eq!(shop.issuer(alias).unwrap().name, "ca");
    }
}

#[test]
fn without_an_issuer_there_are_no_certificates() {
    for spec in [json!({}), json!({"tls": {}}), json!({"tls": null}), json!({"tls": "yes"})] {
        let shop = mysql(spec, json!({}));
        assert!(shop.aliases().is_empty());
        assert_eq!(shop.issuer("server"), None);
    }
    let one = json!({"tls": {"certificates": [
        {"alias": "client", "issuerRef": {"kind": "Issuer", "name": "other"}}]}});
    assert_eq!(mysql(one, json!({})).aliases(), ["client"]);
}

#[test]
fn no_field_can_make_the_object_unreadable() {
    for (spec, status) in [
        (json!("spec"), json!([])),
        (json!(null), json!(null)),
        (json!({"halted": "yes", "autoOps": 1, "topology": "flat"}), json!({"phase": 3})),
        (json!({"tls": {"certificates": {"alias": "server"}}}), json!({"conditions": "none"})),
    ] {
        let shop = mysql(spec, status);
        assert_eq!((shop.name(), shop.spec.halted, shop.is_paused()), ("shop", false, false));
        assert_eq!(shop.status.phase, None);
    }
    let later = mysql(json!({}), json!({"phase": "Hibernating", "conditions": [7, {}]}));
    assert_eq!(later.status.phase, Some(DatabasePhase::Other("Hibernating".to_owned())));
    assert_eq!(mysql(json!({}), json!({"phase": ""})).status.phase, None);
    let bare: MySql = from_value(json!({"metadata": {"name": "a"}})).unwrap();
    assert_eq!(bare.status, MySqlStatus::default());
}

#[test]
fn works_inside_a_guard() {
    let guarded: DeserializeGuard<MySql> = from_value(json!({
        "metadata": {"name": "a", "namespace": "b"}, "spec": {"replicas": 3, "tls": {"x": 1.5}},
    }))
    .unwrap();
    assert_eq!(guarded.0.unwrap().replicas(), 3);
}

#[test]
fn owns_without_controlling_or_blocking() {
    let shop = mysql(json!({}), json!({}));
    let owner = shop.owner_reference(&MYSQL.in_version("v1alpha2")).unwrap();
    assert_eq!(
        serde_json::to_value(owner).unwrap(),
        json!({"apiVersion": "kubedb.com/v1alpha2", "kind": "MySQL", "name": "shop",
            "uid": "u-1", "controller": false}),
    );
    assert_eq!(MySql::default().owner_reference(&MYSQL.in_version("v1")), None);
}

/// What `cluster/watch.rs` will do with it.
#[test]
fn can_be_watched_in_either_version() {
    fn watched(client: kube::Client) {
        let api: kube::Api<MySql> = kube::Api::all_with(client.clone(), &MYSQL.in_version("v1"));
        drop(kube::runtime::watcher(api, kube::runtime::watcher::Config::default()));
        let guarded: kube::Api<DeserializeGuard<MySql>> =
            kube::Api::namespaced_with(client, "prod", &MYSQL.in_version("v1alpha2"));
        assert_eq!(guarded.resource_url(), "/apis/kubedb.com/v1alpha2/namespaces/prod/mysqls");
        drop(kube::runtime::watcher(guarded, kube::runtime::watcher::Config::default()));
    }
    let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
        Ok::<_, std::io::Error>(http::Response::new(kube::client::Body::empty()))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { watched(kube::Client::new(service, "default")) });
}

#[test]
fn what_is_left_of_a_deleted_database() {
    for (spec, policy) in [
        (json!({}), DeletionPolicy::Delete),
        (json!({"deletionPolicy": "WipeOut"}), DeletionPolicy::WipeOut),
        (json!({"terminationPolicy": "Halt"}), DeletionPolicy::Halt),
        (json!({"deletionPolicy": "Delete", "terminationPolicy": "Halt"}), DeletionPolicy::Delete),
        (json!({"deletionPolicy": 5}), DeletionPolicy::Delete),
        (json!({"deletionPolicy": "Bury"}), DeletionPolicy::Other("Bury".into())),
    ] {
        assert_eq!(*mysql(spec.clone(), json!({})).deletion_policy(), policy, "{spec}");
    }
}

#[test]
fn the_secret_of_the_root_user() {
    assert_eq!(mysql(json!({}), json!({})).auth_secret_name(), "shop-auth");
    let own = json!({"authSecret": {"name": "mine", "externallyManaged": true}});
    let own = mysql(own, json!({}));
    assert_eq!(own.auth_secret_name(), "mine");
    assert!(own.spec.auth_secret.externally_managed);
}
