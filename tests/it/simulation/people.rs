//! What people do to a cluster while certrotor works.

use certrotor::clock::Clock as _;
use http::Method;
use serde_json::{Value, json};

use super::history::is_over;
use super::plan::Deed;
use super::world::{DATABASES, NAMESPACE, OWN, World};

const ROTATIONS: &str = "/apis/certrotor.dev/v1alpha1/namespaces/demo/rotations";
const REQUESTS: &str = "/apis/ops.kubedb.com/v1alpha1/namespaces/demo/mysqlopsrequests";

impl World {
    /// A person does it. What cannot be done is not: people are told so and go away.
    pub(crate) async fn people(&self, deed: Deed) {
        match deed {
            Deed::Ask(index) => {
                let spec = json!({"spec": {"requestedAt": self.clock.now().to_string()}});
                self.merge(&format!("{ROTATIONS}/{}", DATABASES[index]), &spec).await;
            }
            Deed::Suspend(index, hold) => {
                let spec = json!({"spec": {"suspend": hold}});
                self.merge(&format!("{ROTATIONS}/{}", DATABASES[index]), &spec).await;
            }
            Deed::DeleteRequest(index) => {
                if let Some(name) = self.newest_of_ours(DATABASES[index]) {
                    self.delete(&format!("{REQUESTS}/{name}")).await;
                }
            }
            Deed::RotateByHand(index) => {
                self.request(DATABASES[index], &json!({"rotateCertificates": true})).await;
            }
            Deed::ChangeCertificates(index) => {
                let longer = json!({"certificates": [{"alias": "server", "duration": "2400h"}]});
                self.request(DATABASES[index], &longer).await;
            }
            Deed::ChangeIssuer(index) => self.change_issuer(DATABASES[index]).await,
            Deed::RemoveTls(index) => {
                self.request(DATABASES[index], &json!({"remove": true})).await;
            }
            Deed::AddTls(index) => {
                let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
                self.request(DATABASES[index], &json!({"issuerRef": issuer})).await;
            }
            Deed::AskNonsense(index) => {
                self.request(DATABASES[index], &json!({})).await;
            }
            Deed::WriteRotation(index) => {
                let body = json!({"apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
                    "metadata": {"name": DATABASES[index], "namespace": NAMESPACE}, "spec": {}});
                self.ask(Method::POST, ROTATIONS, "application/json", &body).await;
            }
            Deed::MakeAnew(index) => self.make_anew(DATABASES[index]).await,
            Deed::Restore(index) => self.restore(DATABASES[index]),
            Deed::LoseSlots => {
                self.delete(&format!("/api/v1/namespaces/{OWN}/configmaps/certrotor-slots")).await;
            }
            Deed::LoseRotation(index) => {
                self.delete(&format!("{ROTATIONS}/{}", DATABASES[index])).await;
            }
            Deed::BreakIssuer => self.sign_with("nothing").await,
            Deed::MendIssuer => self.sign_with("ca").await,
        }
    }

    async fn change_issuer(&self, database: &str) {
        let path = format!("/apis/cert-manager.io/v1/namespaces/{NAMESPACE}");
        let metadata = json!({"name": "other", "namespace": NAMESPACE});
        let itself = json!({"group": "cert-manager.io", "kind": "Issuer", "name": "self-signed"});
        let ca = json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
            "metadata": metadata, "spec": {"isCA": true, "commonName": "other",
                "secretName": "other", "duration": "87600h", "issuerRef": itself}});
        self.ask(Method::POST, &format!("{path}/certificates"), "application/json", &ca).await;
        let issuer = json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
            "metadata": metadata, "spec": {"ca": {"secretName": "other"}}});
        self.ask(Method::POST, &format!("{path}/issuers"), "application/json", &issuer).await;
        let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "other"});
        self.request(database, &json!({"issuerRef": issuer})).await;
    }

    async fn sign_with(&self, secret: &str) {
        let path = format!("/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/issuers/ca");
        self.merge(&path, &json!({"spec": {"ca": {"secretName": secret}}})).await;
    }

    /// The newest request of ours for a database that is not over.
    fn newest_of_ours(&self, database: &str) -> Option<String> {
        let all = self.server.list("mysqlopsrequests.ops.kubedb.com");
        let ours = all.iter().filter(|request| {
            request["spec"]["databaseRef"]["name"] == database
                && request["metadata"]["annotations"]["certrotor.dev/opened"].is_string()
                && !is_over(request)
        });
        let newest =
            ours.max_by_key(|request| request["metadata"]["creationTimestamp"].to_string());
        newest.and_then(|request| request["metadata"]["name"].as_str().map(str::to_owned))
    }

    async fn make_anew(&self, database: &str) {
        let path = format!("/apis/kubedb.com/v1/namespaces/{NAMESPACE}/mysqls");
        let mut mysql = self.of("mysqls.kubedb.com", database);
        self.delete(&format!("{path}/{database}")).await;
        mysql["metadata"] = json!({"name": database, "namespace": NAMESPACE});
        mysql["status"] = json!({});
        self.ask(Method::POST, &path, "application/json", &mysql).await;
    }

    /// More than are kept.
    fn restore(&self, database: &str) {
        let uid = &self.of("mysqls.kubedb.com", database)["metadata"]["uid"];
        for day in 1..=7 {
            let opened = format!("2026-10-0{day}T12:00:00Z");
            let annotations = json!({
                "certrotor.dev/installation": format!("{OWN}.certrotor"),
                "certrotor.dev/database-uid": uid, "certrotor.dev/opened": opened,
                "certrotor.dev/attempt": "1", "certrotor.dev/failures": "0",
                "certrotor.dev/stage": "normal", "certrotor.dev/causes": "[]",
                "certrotor.dev/baseline": "{}"});
            let request = json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
                "metadata": {"name": format!("{database}-rotate-0000000{day}"),
                    "namespace": NAMESPACE, "annotations": annotations},
                "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": database},
                    "tls": {"rotateCertificates": true}},
                "status": {"phase": "Successful"}});
            self.server.seed(request).expect("a valid request");
        }
    }

    async fn request(&self, database: &str, tls: &Value) {
        let second = self.clock.now().unix();
        let body = json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
            "metadata": {"name": format!("{database}-by-hand-{second}"), "namespace": NAMESPACE},
            "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": database}, "tls": tls}});
        self.ask(Method::POST, REQUESTS, "application/json", &body).await;
    }

    async fn merge(&self, path: &str, change: &Value) {
        self.ask(Method::PATCH, path, "application/merge-patch+json", change).await;
    }

    async fn delete(&self, path: &str) {
        self.ask(Method::DELETE, path, "application/json", &Value::Null).await;
    }

    async fn ask(&self, method: Method, path: &str, content: &str, body: &Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("Content-Type", content).body(body).expect("a request");
        drop(self.server.client("person", NAMESPACE).request::<Value>(request).await);
    }
}
