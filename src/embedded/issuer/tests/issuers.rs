use super::*;

fn ready(world: &World, name: &str) -> (Value, Value) {
    let issuer = world.get("issuers.cert-manager.io", name);
    let ready = condition(&issuer, "Ready");
    (ready["status"].clone(), ready["reason"].clone())
}

#[tokio::test(start_paused = true)]
async fn an_issuer_is_ready_as_soon_as_its_secret_is() {
    let world = World::new();
    let issuer = world.start();
    world.add_issuer("late", &json!({"ca": {"secretName": "late"}}));
    world.add_issuer("self", &json!({"selfSigned": {}}));
    world.add_issuer("acme", &json!({"acme": {"server": "https://a"}}));
    world.add_issuer("leaf", &json!({"ca": {"secretName": "web"}}));
    world.add_certificate("web", &json!({}));
    world.add_certificate("waiting", &json!({"issuerRef": {"name": "late"}}));
    world.add_certificate("lost", &json!({"issuerRef": {"name": "nobody"}}));
    world.settle().await;
    assert_eq!(ready(&world, "ca"), (json!("True"), json!("KeyPairVerified")));
    assert_eq!(ready(&world, "self"), (json!("True"), json!("IsReady")));
    assert_eq!(ready(&world, "acme"), (json!("False"), json!("ErrInitIssuer")));
    assert_eq!(ready(&world, "leaf"), (json!("False"), json!("ErrInvalidKeyPair")));
    assert_eq!(ready(&world, "late"), (json!("False"), json!("ErrGetKeyPair")));
    for (request, message) in [
        ("waiting-1", "Referenced issuer does not have a Ready status condition"),
        ("lost-1", "Referenced \"Issuer\" not found: issuer.cert-manager.io \"nobody\" not found"),
    ] {
        let pending = condition(&world.get(REQUESTS, request), "Ready");
        assert_eq!((&pending["reason"], &pending["message"]), (&json!("Pending"), &json!(message)));
    }

    world.add_authority("prod", "late");
    world.add_issuer("nobody", &json!({"selfSigned": {}}));
    world.settle().await;
    assert_eq!(ready(&world, "late"), (json!("True"), json!("KeyPairVerified")));
    world.leaf("waiting", "waiting.prod.svc");
    world.leaf("lost", "lost.prod.svc");

    // Its authority is taken away: what was issued stays.
    world.delete("/api/v1/namespaces/prod/secrets/late").await;
    world.settle().await;
    assert_eq!(ready(&world, "late"), (json!("False"), json!("ErrGetKeyPair")));
    assert_eq!(world.condition("waiting", "Ready")["status"], "True");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn the_key_in_a_ca_secret_must_be_its_certificates() {
    let world = World::new();
    world.add_authority("prod", "other");
    let key = world.get("secrets", "other")["data"]["tls.key"].clone();
    let issuer = world.start();
    world.patch("/api/v1/namespaces/prod/secrets/ca", json!({"data": {"tls.key": key}})).await;
    world.settle().await;
    assert_eq!(ready(&world, "ca"), (json!("False"), json!("ErrInvalidKeyPair")));
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_cluster_issuer_has_its_secret_in_the_cluster_resource_namespace() {
    let world = World::new();
    let authority = world.add_authority("cert-manager", "corp");
    world.add_authority("prod", "corp");
    world.seed(json!({"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer",
        "metadata": {"name": "corp"}, "spec": {"ca": {"secretName": "corp"}}}));
    let issuer = world.start();
    world.add_certificate("web", &json!({"issuerRef": {"kind": "ClusterIssuer", "name": "corp"}}));
    world.settle().await;
    let leaf = world.leaf("web", "web.prod.svc");
    assert!(leaf.signed_by(&authority.facts().clone().into()));
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_ca_that_is_a_certificate_itself_signs_others() {
    let world = World::new();
    world.add_issuer("self", &json!({"selfSigned": {}}));
    world.add_issuer("chain", &json!({"ca": {"secretName": "sub"}}));
    let issuer = world.start();
    let own = json!({"isCA": true, "commonName": "root", "issuerRef": {"name": "self"},
        "secretName": "top"});
    world.add_certificate("root", &own);
    world.add_issuer("top", &json!({"ca": {"secretName": "top"}}));
    let sub = json!({"isCA": true, "commonName": "sub", "issuerRef": {"name": "top"}});
    world.add_certificate("sub", &sub);
    world.add_certificate("web", &json!({"issuerRef": {"name": "chain"}}));
    world.settle().await;
    world.leaf("web", "web.prod.svc");
    let data = &world.get("secrets", "web")["data"];
    let chain = String::from_utf8(decode(&data["tls.crt"])).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "the leaf and the intermediate");
    assert_eq!(data["ca.crt"], world.get("secrets", "top")["data"]["tls.crt"]);
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_new_authority_is_used_from_the_next_issuance_on() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({}));
    world.settle().await;
    let old = world.leaf("web", "web.prod.svc");

    let new = world.add_authority("prod", "new");
    let data = world.get("secrets", "new")["data"].clone();
    world.patch("/api/v1/namespaces/prod/secrets/ca", json!({"data": data})).await;
    world.settle().await;
    assert_eq!(world.leaf("web", "web.prod.svc"), old, "a CA of another key issues nothing");
    world.demand("web").await;
    world.settle().await;
    assert!(world.leaf("web", "web.prod.svc").signed_by(&new.facts().clone().into()));
    assert_eq!(world.get("secrets", "web")["data"]["ca.crt"], data["ca.crt"]);
    issuer.abort();
}
