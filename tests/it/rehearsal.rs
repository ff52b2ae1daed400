//! The actor by itself: what other tests take for granted of it, of cert-manager and of the
//! apiserver.

use std::path::Path;

use serde_json::json;

use crate::actor::{ALIASES, Database, Wanted, issuer};
use crate::support::api::{CERTIFICATE, CERTIFICATE_REQUEST};
use crate::support::kubectl::kubectl;
use crate::support::lab::on_cluster;
use crate::support::time::{ago, days, rfc3339};

#[test]
fn the_actor_carries_a_request_out_with_cert_manager() {
    on_cluster(async |lab| {
        let (admin, namespace) = (&lab.admin, &lab.name);
        admin.create_namespace(namespace).await;
        let issuer = issuer(admin, namespace, "ca").await;
        let database = Database::create(admin, namespace, "db", &issuer, &Wanted::due()).await;

        // cert-manager has taken the backdated leaves over and issued nothing.
        assert_eq!(admin.list(CERTIFICATE_REQUEST, namespace).await.len(), 0);
        for alias in ALIASES {
            let name = database.certificate_name(alias);
            let certificate = admin.get(CERTIFICATE, namespace, &name).await;
            let born = certificate["status"]["notBefore"].as_str().unwrap().to_owned();
            assert!(born < rfc3339(ago(days(59))), "{born}");
        }
        let before = database.pod_uid(0).await;

        let request = database.foreign_request("rotate", "ReconfigureTLS").await;
        database.carry_out(&request).await;
        assert_eq!(database.request(1).await["status"]["phase"], "Successful");
        assert_ne!(database.pod_uid(0).await, before);
        for alias in ALIASES {
            let name = database.certificate_name(alias);
            let certificate = admin.get(CERTIFICATE, namespace, &name).await;
            let born = certificate["status"]["notBefore"].as_str().unwrap().to_owned();
            assert!(born > rfc3339(ago(days(1))), "{born}");
        }
        let made = admin.list(CERTIFICATE_REQUEST, namespace).await;
        assert_eq!(made.len(), ALIASES.len());
        assert!(made.iter().all(|request| request["status"]["ca"].is_string()), "{made:?}");
        assert_eq!(database.mysql().await["spec"]["tls"]["issuerRef"]["name"], json!("ca"));
    });
}

#[test]
fn kubectl_lists_databases() {
    on_cluster(async |lab| {
        let folder = lab.plane.folder();
        let kubeconfig = Path::new(folder).join("admin.kubeconfig");
        let out = kubectl(folder, &kubeconfig, &["get", "mysqls.kubedb.com", "-A"]);
        out.unwrap();
    });
}
