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
            Deed::RotateByHand(index) => self.rotate_by_hand(DATABASES[index]).await,
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

    async fn rotate_by_hand(&self, database: &str) {
        let second = self.clock.now().unix();
        let body = json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
            "metadata": {"name": format!("{database}-by-hand-{second}"), "namespace": NAMESPACE},
            "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": database},
                "tls": {"rotateCertificates": true}}});
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
