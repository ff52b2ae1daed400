use serde_json::{Value, json};

use super::*;
use crate::embedded::stand_ins::{self, delete, patch};

const REQUESTS: &str = "/apis/ops.kubedb.com/v1alpha1/namespaces/prod/mysqlopsrequests";
const SHOP: &str = "/apis/kubedb.com/v1/namespaces/prod/mysqls/shop";

/// A server with the webhooks and the database `shop`.
fn server(spec: &Value) -> ApiServer {
    let (server, _) = stand_ins::server();
    admissions(&server);
    let mut mysql = json!({"apiVersion": "kubedb.com/v1", "kind": "MySQL",
        "metadata": {"name": "shop", "namespace": "prod"}, "spec": {"version": "9.1.0"}});
    for (field, value) in spec.as_object().unwrap() {
        mysql["spec"][field] = value.clone();
    }
    server.seed(mysql).unwrap();
    server
}

fn request(spec: &Value) -> Value {
    json!({"apiVersion": "ops.kubedb.com/v1alpha1", "kind": "MySQLOpsRequest",
        "metadata": {"name": "rotate", "namespace": "prod"}, "spec": spec})
}

fn rotation() -> Value {
    json!({"type": "ReconfigureTLS", "databaseRef": {"name": "shop"},
        "tls": {"rotateCertificates": true}})
}

async fn create(server: &ApiServer, path: &str, object: &Value) -> Result<(), String> {
    let request = http::Request::post(path).body(serde_json::to_vec(object).unwrap()).unwrap();
    server.client("me", "").request::<Value>(request).await.map(drop).map_err(refusal)
}

fn refusal(error: kube::Error) -> String {
    let kube::Error::Api(status) = error else { panic!("{error}") };
    status.message.clone()
}

#[tokio::test(start_paused = true)]
async fn requests_that_kubedb_refuses() {
    let server = server(&json!({}));
    let tls =
        |tls: Value| json!({"type": "ReconfigureTLS", "databaseRef": {"name": "shop"}, "tls": tls});
    for (spec, why) in [
        (json!({"type": "ReconfigureTLS", "databaseRef": {"name": "shop"}}), "spec.tls is missing"),
        (tls(json!({"remove": true, "rotateCertificates": true})), "exclude each other"),
        (
            json!({"type": "Restart", "databaseRef": {"name": "gone"}}),
            "mysql \"prod/gone\" not found",
        ),
        (json!({"type": "Restart", "databaseRef": {}}), "mysql \"prod/\" not found"),
    ] {
        let refused = create(&server, REQUESTS, &request(&spec)).await.unwrap_err();
        assert!(refused.contains("mysqlopsrequestwebhook"), "{refused}");
        assert!(refused.contains(why), "{refused}");
    }
    // What it lets through, though it makes little sense.
    for (at, spec) in [
        tls(json!({})),
        tls(json!({"rotateCertificates": true, "issuerRef":
        {"kind": "Issuer", "name": "x"}})),
        json!({"type": "Restart", "databaseRef": {"name": "shop"}}),
    ]
    .iter()
    .enumerate()
    {
        let mut request = request(spec);
        request["metadata"]["name"] = json!(format!("request-{at}"));
        create(&server, REQUESTS, &request).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_spec_of_a_request_is_immutable_and_the_rest_is_not() {
    let server = server(&json!({}));
    create(&server, REQUESTS, &request(&rotation())).await.unwrap();
    let client = server.client("me", "");
    let path = format!("{REQUESTS}/rotate");
    let refused = patch(&client, &path, &json!({"spec": {"timeout": "5m"}})).await;
    assert!(refusal(refused.unwrap_err()).contains("spec is immutable"));
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    patch(&client, &path, &label).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_can_end_the_request_of_a_database_that_is_gone() {
    let server = server(&json!({}));
    create(&server, REQUESTS, &request(&rotation())).await.unwrap();
    let client = server.client("me", "");
    delete(&client, SHOP).await.unwrap();
    let path = format!("{REQUESTS}/rotate");
    let ended = json!({"status": {"phase": "Failed"}});
    let refused = patch(&client, &format!("{path}/status"), &ended).await;
    assert!(refusal(refused.unwrap_err()).contains("mysql \"prod/shop\" not found"));
    delete(&client, &path).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_request_resumes_the_database_in_the_same_moment() {
    for (phase, resumes) in
        [("Successful", true), ("Failed", true), ("Skipped", false), ("Progressing", false)]
    {
        let server = server(&json!({}));
        create(&server, REQUESTS, &request(&rotation())).await.unwrap();
        let client = server.client("me", "");
        let at = stand_ins::NOON;
        let conditions = json!([
            {"type": "Ready", "status": "True", "lastTransitionTime": at},
            {"type": "Paused", "status": "True", "lastTransitionTime": at},
        ]);
        let paused = json!({"status": {"phase": "Critical", "conditions": conditions}});
        patch(&client, &format!("{SHOP}/status"), &paused).await.unwrap();

        let ends = json!({"status": {"phase": phase}});
        let path = format!("{REQUESTS}/rotate/status");
        patch(&client, &path, &ends).await.unwrap();
        let shop = server.get(MYSQLS, "prod", "shop").unwrap();
        let left = shop["status"]["conditions"].as_array().unwrap().len();
        assert_eq!(left, if resumes { 1 } else { 2 }, "{phase}");
        assert_eq!(shop["status"]["phase"], "Critical");

        // Only the step into the phase counts: somebody may have paused it again.
        patch(&client, &format!("{SHOP}/status"), &paused).await.unwrap();
        let again = json!({"status": {"phase": phase, "observedGeneration": 1}});
        patch(&client, &path, &again).await.unwrap();
        let shop = server.get(MYSQLS, "prod", "shop").unwrap();
        assert_eq!(shop["status"]["conditions"].as_array().unwrap().len(), 2, "{phase}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_resumes_nothing() {
    let server = server(&json!({}));
    create(&server, REQUESTS, &request(&rotation())).await.unwrap();
    let client = server.client("me", "");
    let paused =
        json!([{"type": "Paused", "status": "True", "lastTransitionTime": stand_ins::NOON}]);
    let paused = json!({"status": {"conditions": paused}});
    patch(&client, &format!("{SHOP}/status"), &paused).await.unwrap();
    let before = server.revision();
    let path = format!("{REQUESTS}/rotate/status?dryRun=All");
    patch(&client, &path, &json!({"status": {"phase": "Successful"}})).await.unwrap();
    assert_eq!(server.revision(), before);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_may_not_be_terminated_is_not() {
    let server = server(&json!({"deletionPolicy": "DoNotTerminate"}));
    let client = server.client("me", "");
    let refused = refusal(delete(&client, SHOP).await.unwrap_err());
    let why = "admission webhook \"mysqlwebhook.validators.kubedb.com\" denied the request: mysql \
        \"prod/shop\" can't be terminated. To delete, change spec.deletionPolicy";
    assert_eq!(refused, why);
    patch(&client, SHOP, &json!({"spec": {"deletionPolicy": "WipeOut"}})).await.unwrap();
    delete(&client, SHOP).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn databases_that_kubedb_refuses() {
    let server = server(&json!({"storageType": "Durable"}));
    let client = server.client("me", "");
    let refused = patch(&client, SHOP, &json!({"spec": {"storageType": "Ephemeral"}})).await;
    assert!(refusal(refused.unwrap_err()).contains("spec.storageType is immutable"));
    let group = |replicas: u32| {
        json!({"spec": {"replicas": replicas,
        "topology": {"mode": "GroupReplication"}}})
    };
    for replicas in [1, 2, 10] {
        let refused = patch(&client, SHOP, &group(replicas)).await.unwrap_err();
        assert!(refusal(refused).contains("3 to 9"), "{replicas}");
    }
    patch(&client, SHOP, &group(3)).await.unwrap();
}
