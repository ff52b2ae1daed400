use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::world::World;
use crate::embedded::stand_ins::eventually;

fn template(world: &World) -> Value {
    world.get("statefulsets.apps", "shop")["spec"]["template"]["spec"].clone()
}

#[tokio::test(start_paused = true)]
async fn replicas_follow_the_spec_and_with_them_standby_service_and_budget() {
    let world = World::running();
    world.seed(&json!({"topology": {"mode": "SemiSync"}}));
    world.phase("Ready").await;
    world.change(&json!({"replicas": 5})).await;
    eventually("five pods", || {
        let pods = world.names("pods");
        if pods.len() == 5 { Ok(()) } else { Err(format!("{pods:?}")) }
    })
    .await;
    world.phase("Ready").await;
    let budget = world.get("poddisruptionbudgets.policy", "shop");
    assert_eq!(budget["spec"]["maxUnavailable"], 2);

    world.change(&json!({"replicas": 1})).await;
    eventually("one pod", || {
        let pods = world.names("pods");
        if pods.len() == 1 { Ok(()) } else { Err(format!("{pods:?}")) }
    })
    .await;
    world.phase("Ready").await;
    assert_eq!(world.names("services"), ["shop", "shop-pods"]);
    assert_eq!(world.names("poddisruptionbudgets.policy"), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn without_tls_any_more_template_certificates_and_secrets_follow_and_pods_stay() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    let before: Vec<Value> =
        world.server.list("pods").iter().map(|pod| pod["metadata"]["uid"].clone()).collect();
    world.change(&json!({"tls": null, "requireSSL": null})).await;
    world.phase("Ready").await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(world.names("certificates.cert-manager.io"), Vec::<String>::new());
    assert_eq!(world.names("secrets"), ["shop-auth"]);
    let text = template(&world).to_string();
    assert!(!text.contains("tls") && !text.contains("ssl"), "{text}");
    let after: Vec<Value> =
        world.server.list("pods").iter().map(|pod| pod["metadata"]["uid"].clone()).collect();
    assert_eq!(after, before, "OnDelete: only an executor restarts them");
}

#[tokio::test(start_paused = true)]
async fn tls_that_is_added_reaches_the_template_once_it_is_issued() {
    let mut world = World::new();
    world.start(|_| crate::embedded::api::Fault::None);
    world.seed(&json!({"tls": null}));
    world.phase("Ready").await;
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    world.change(&json!({"tls": {"issuerRef": issuer}, "replicas": 4})).await;
    eventually("four pods", || {
        let pods = world.names("pods");
        if pods.len() == 4 { Ok(()) } else { Err(format!("{pods:?}")) }
    })
    .await;
    assert_eq!(world.names("certificates.cert-manager.io").len(), 3);
    assert!(!template(&world).to_string().contains("tls-volume"), "nothing is issued yet");
    world.start_cert_manager();
    eventually("the template", || {
        let template = template(&world).to_string();
        let changed = template.contains("tls-volume") && template.contains("--ssl-cert=");
        if changed { Ok(()) } else { Err(template) }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn certificates_follow_their_entries() {
    let world = World::running();
    let certificate = |subject: Value, secret: &str| json!({"alias": "server", "secretName": secret, "duration": "2160h", "subject": subject});
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    let first =
        certificate(json!({"organizations": ["a"], "countries": ["DE"]}), "shop-server-cert");
    world.seed(&json!({"tls": {"issuerRef": issuer, "certificates": [first]}}));
    world.phase("Ready").await;
    let spec = || world.get("certificates.cert-manager.io", "shop-server-cert")["spec"].clone();
    assert_eq!(spec()["subject"], json!({"organizations": ["a"], "countries": ["DE"]}));

    let second =
        json!({"alias": "server", "secretName": "own", "subject": {"organizations": ["b"]}});
    world.change(&json!({"tls": {"certificates": [second]}})).await;
    world.phase("Ready").await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(spec()["subject"], json!({"organizations": ["b"]}));
    assert_eq!(spec()["duration"], Value::Null);
    assert_eq!(spec()["secretName"], "own");
    let server = &template(&world)["volumes"][1]["projected"]["sources"][0]["secret"]["name"];
    assert_eq!(server, "own");
    assert!(world.find("secrets", "shop-server-cert").is_none(), "nobody mounts it any more");
}

#[tokio::test(start_paused = true)]
async fn a_duration_that_go_cannot_read_stops_the_work_but_not_the_telling() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    let wrong = json!({"alias": "server", "secretName": "shop-server-cert", "duration": "90d"});
    world.change(&json!({"tls": {"certificates": [wrong]}})).await;
    sleep(Duration::from_mins(1)).await;
    let certificate = world.get("certificates.cert-manager.io", "shop-server-cert");
    assert_eq!(certificate["spec"]["duration"], Value::Null);
    let shop = world.shop();
    assert_ne!(shop["status"]["observedGeneration"], shop["metadata"]["generation"]);
    assert_eq!(shop["status"]["phase"], "Ready");
}

#[tokio::test(start_paused = true)]
async fn a_halted_database_keeps_its_secrets_and_certificates_and_comes_back() {
    let world = World::running();
    world.seed(&json!({}));
    world.phase("Ready").await;
    let password = world.get("secrets", "shop-auth")["data"]["password"].clone();
    world.change(&json!({"halted": true})).await;
    world.phase("Halted").await;
    assert_eq!(world.names("statefulsets.apps"), Vec::<String>::new());
    assert_eq!(world.names("services"), Vec::<String>::new());
    assert_eq!(world.names("poddisruptionbudgets.policy"), Vec::<String>::new());
    assert_eq!(world.names("secrets").len(), 4);
    assert_eq!(world.names("certificates.cert-manager.io").len(), 3);
    world.change(&json!({"halted": false})).await;
    world.phase("Ready").await;
    assert_eq!(world.get("secrets", "shop-auth")["data"]["password"], password);
}

#[tokio::test(start_paused = true)]
async fn the_root_users_secret_stays_or_goes_as_the_policy_says() {
    let world = World::running();
    world.seed(&json!({"deletionPolicy": "Halt"}));
    world.phase("Ready").await;
    let owners = || world.get("secrets", "shop-auth")["metadata"]["ownerReferences"].clone();
    let none = |owners: &Value| owners.as_array().is_none_or(Vec::is_empty);
    assert!(none(&owners()), "{}", owners());
    world.change(&json!({"deletionPolicy": "WipeOut"})).await;
    world.phase("Ready").await;
    assert_eq!(owners()[0]["kind"], "MySQL");
    world.change(&json!({"deletionPolicy": "Halt"})).await;
    world.phase("Ready").await;
    assert!(none(&owners()), "{}", owners());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_somebody_else_manages_is_never_made_nor_owned() {
    let world = World::running();
    world.seed(&json!({"authSecret": {"name": "mine", "externallyManaged": true}}));
    world.phase("Ready").await;
    assert!(world.find("secrets", "mine").is_none());
    let env = template(&world)["containers"][0]["env"].clone();
    assert_eq!(env[1]["valueFrom"]["secretKeyRef"], json!({"name": "mine", "key": "password"}));
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "mine", "namespace": "prod"}, "stringData": {"password": "x"}});
    let secret = world.server.seed(secret).unwrap();
    sleep(Duration::from_hours(1)).await;
    assert_eq!(*world.get("secrets", "mine"), secret);
}
