use super::*;

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_issued_at_once() {
    let world = World::new();
    let issuer = world.start();
    world.settle().await;
    let noon = world.now();
    world.seed(json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": {"name": "web", "namespace": "prod", "labels": {"team": "a"},
            "annotations": {"owner": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        "spec": {"secretName": "web-tls", "commonName": "web.prod.svc", "duration": "10m",
            "dnsNames": ["web.prod.svc", "*.web.prod.svc"], "ipAddresses": ["127.0.0.1"],
            "subject": {"organizations": ["A, B"]}, "usages": ["server auth"],
            "issuerRef": {"name": "ca", "kind": "Issuer", "group": "cert-manager.io"}}}));
    world.settle().await;

    let certificate = world.get(CERTIFICATES, "web");
    let time = |seconds| (noon + Span::seconds(seconds)).to_string();
    assert_eq!(
        certificate["status"],
        json!({
            "conditions": [{"type": "Ready", "status": "True", "reason": "Ready",
                "message": "Certificate is up to date and has not expired",
                "lastTransitionTime": time(0), "observedGeneration": 1}],
            "notBefore": time(0), "notAfter": time(600), "renewalTime": time(400), "revision": 1,
        })
    );
    let leaf = world.leaf("web-tls", "a.web.prod.svc");
    assert_eq!((leaf.not_before, leaf.not_after), (noon, noon + Span::seconds(600)));

    let secret = world.get("secrets", "web-tls");
    assert_eq!(secret["type"], "kubernetes.io/tls");
    let keys: Vec<_> = secret["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["ca.crt", "tls.crt", "tls.key"]);
    assert_eq!(secret["metadata"]["labels"], json!({"controller.cert-manager.io/fao": "true"}));
    assert_eq!(
        secret["metadata"]["annotations"],
        json!({
            "cert-manager.io/alt-names": "web.prod.svc,*.web.prod.svc",
            "cert-manager.io/certificate-name": "web",
            "cert-manager.io/common-name": "web.prod.svc",
            "cert-manager.io/ip-sans": "127.0.0.1",
            "cert-manager.io/issuer-group": "cert-manager.io",
            "cert-manager.io/issuer-kind": "Issuer",
            "cert-manager.io/issuer-name": "ca",
            "cert-manager.io/subject-organizations": "\"A, B\"",
            "cert-manager.io/uri-sans": "",
        })
    );
    assert!(secret["metadata"]["ownerReferences"].is_null());
    assert_eq!(world.secrets(), ["ca", "web-tls"], "the key of the issuance is gone");

    let request = world.get(REQUESTS, "web-1");
    let meta = &request["metadata"];
    assert_eq!(meta["labels"], json!({"team": "a"}));
    let annotations = &meta["annotations"];
    assert_eq!(annotations["owner"], "b");
    assert_eq!(annotations["cert-manager.io/certificate-name"], "web");
    assert_eq!(annotations["cert-manager.io/certificate-revision"], "1");
    let key = text(&annotations["cert-manager.io/private-key-secret-name"]);
    assert!(key.starts_with("web-") && key.len() == "web-".len() + 5, "{key}");
    assert_eq!(annotations.as_object().unwrap().len(), 4);
    let owner = &meta["ownerReferences"][0];
    assert_eq!(owner["uid"], certificate["metadata"]["uid"]);
    assert_eq!((&owner["controller"], &owner["kind"]), (&json!(true), &json!("Certificate")));
    assert_eq!(request["spec"]["duration"], "10m0s");
    assert_eq!(request["spec"]["usages"], json!(["server auth"]));
    assert_eq!(request["spec"]["issuerRef"], certificate["spec"]["issuerRef"]);
    assert_eq!(decode(&request["status"]["certificate"]), decode(&secret["data"]["tls.crt"]));
    assert_eq!(decode(&request["status"]["ca"]), decode(&secret["data"]["ca.crt"]));
    assert_eq!(condition(&request, "Approved")["reason"], "cert-manager.io");
    assert_eq!(condition(&request, "Ready")["reason"], "Issued");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn somebody_who_sets_issuing_gets_one_new_revision() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({}));
    world.settle().await;
    let (first, key) = (world.leaf("web", "web.prod.svc"), world.key("web").fingerprint());

    world.wait(Span::MINUTE).await;
    world.demand("web").await;
    world.settle().await;
    let second = world.leaf("web", "web.prod.svc");
    assert_ne!(second.fingerprint, first.fingerprint);
    assert_ne!(world.key("web").fingerprint(), key, "each issuance has its own key");
    let status = world.status("web");
    assert_eq!((&status["revision"], &status["notBefore"]), (&json!(2), &json!(second.not_before)));
    assert_eq!(world.condition("web", "Issuing"), Value::Null);
    assert_eq!(world.requests(), ["web-2"], "one request is kept");

    // And then nothing, until it is renewed.
    let before = world.server.revision();
    let due: Time = serde_json::from_value(status["renewalTime"].clone()).unwrap();
    world.wait(due.since(world.now()) - Span::seconds(1)).await;
    assert_eq!(world.told_since(before), [""; 0]);
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn every_trigger_issues_once() {
    for (what, reason) in [
        ("names", "RequestChanged"),
        ("duration", "RequestChanged"),
        ("issuer", "IncorrectIssuer"),
        ("issuer's kind, left out", ""),
        ("no Secret", "DoesNotExist"),
        ("no key", "MissingData"),
        ("another key", "InvalidKeyPair"),
        ("another algorithm", "SecretMismatch"),
        ("another Secret", "DoesNotExist"),
        ("another Certificate's name", "IncorrectCertificate"),
    ] {
        let world = World::new();
        world.add_authority("prod", "other");
        world.add_issuer("other", &json!({"ca": {"secretName": "other"}}));
        let issuer = world.start();
        world.add_certificate("web", &json!({}));
        world.settle().await;
        let before = world.server.revision();

        let secret = "/api/v1/namespaces/prod/secrets/web";
        match what {
            "names" => world.patch_certificate("web", json!({"dnsNames": ["b"]})).await,
            "duration" => world.patch_certificate("web", json!({"duration": "20m"})).await,
            "issuer" => {
                world.patch_certificate("web", json!({"issuerRef": {"name": "other"}})).await;
            }
            "issuer's kind, left out" => {
                let same = json!({"group": "cert-manager.io", "kind": "Issuer", "name": "ca"});
                world.patch_certificate("web", json!({"issuerRef": same})).await;
            }
            "no Secret" => world.delete(secret).await,
            "no key" => world.patch(secret, json!({"data": {"tls.key": null}})).await,
            "another key" => {
                let other = world.get("secrets", "ca")["data"]["tls.key"].clone();
                world.patch(secret, json!({"data": {"tls.key": other}})).await;
            }
            "another algorithm" => {
                let spec = json!({"privateKey": {"algorithm": "ECDSA", "size": 384}});
                world.patch_certificate("web", spec).await;
            }
            "another Secret" => world.patch_certificate("web", json!({"secretName": "b"})).await,
            "another Certificate's name" => {
                let annotations = json!({"cert-manager.io/certificate-name": "gone"});
                world.patch(secret, json!({"metadata": {"annotations": annotations}})).await;
            }
            other => panic!("{other}"),
        }
        world.settle().await;
        let commits = world.server.commits_after(before);
        let reasons: Vec<_> = commits
            .iter()
            .map(|commit| condition(commit.object(), "Issuing"))
            .filter(|issuing| issuing["status"] == "True")
            .map(|issuing| text(&issuing["reason"]).to_owned())
            .collect();
        assert!(reasons.iter().all(|it| it == reason), "{what}: {reasons:?}");
        let revision = if reason.is_empty() { 1 } else { 2 };
        assert_eq!(world.status("web")["revision"], revision, "{what}");
        assert_eq!(world.condition("web", "Ready")["status"], "True", "{what}");
        assert_eq!(world.requests(), [format!("web-{revision}")], "{what}");
        let (secret, name) = match what {
            "names" => ("web", "b"),
            "another Secret" => ("b", "web.prod.svc"),
            _ => ("web", "web.prod.svc"),
        };
        world.leaf(secret, name);
        issuer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_certificates_with_one_secret_the_older_has_it() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("old", &json!({"secretName": "shared", "duration": "48h"}));
    world.wait(Span::seconds(2)).await;
    world.add_certificate("new", &json!({"secretName": "shared", "duration": "48h"}));
    world.settle().await;
    world.leaf("shared", "old.prod.svc");
    let before = world.server.revision();
    world.wait(Span::DAY).await;
    assert_eq!(world.told_since(before), [""; 0], "there is no duel");
    let ready = world.condition("new", "Ready");
    assert_eq!(
        (&ready["status"], &ready["reason"]),
        (&json!("False"), &json!("IncorrectCertificate"))
    );
    assert_eq!(world.status("new")["revision"], Value::Null);

    // The heir takes it over within the three minutes after which it looks again.
    world.delete("/apis/cert-manager.io/v1/namespaces/prod/certificates/old").await;
    world.wait(Span::minutes(4)).await;
    world.leaf("shared", "new.prod.svc");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_not_rotate_stays_even_one_that_could_not_be_made() {
    let world = World::new();
    let key = PrivateKey::from_pem(include_bytes!("../../../pki/tests/rsa.pem")).unwrap();
    world.seed(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "web", "namespace": "prod"},
        "stringData": {"tls.key": key.to_pem(Encoding::Pkcs1)}}));
    let issuer = world.start();
    let rsa = json!({"privateKey": {"algorithm": "RSA", "rotationPolicy": "Never"}});
    world.add_certificate("web", &rsa);
    world.settle().await;
    assert_eq!(world.leaf("web", "web.prod.svc").spki, key.fingerprint());
    world.demand("web").await;
    world.settle().await;
    assert_eq!(world.leaf("web", "web.prod.svc").spki, key.fingerprint());
    assert_eq!(world.status("web")["revision"], 2);
    assert_eq!(world.get("secrets", "web")["type"], "Opaque", "a type cannot be changed");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn keys_are_written_as_they_are_asked_for() {
    let world = World::new();
    let issuer = world.start();
    for (name, spec, label) in [
        ("a", json!({"algorithm": "ECDSA"}), "EC PRIVATE KEY"),
        ("b", json!({"algorithm": "ECDSA", "size": 384, "encoding": "PKCS8"}), "PRIVATE KEY"),
        ("c", json!({"algorithm": "Ed25519"}), "PRIVATE KEY"),
    ] {
        world.add_certificate(name, &json!({"privateKey": spec}));
        world.settle().await;
        world.leaf(name, &format!("{name}.prod.svc"));
        let pem = decode(&world.get("secrets", name)["data"]["tls.key"]);
        let begin = format!("-----BEGIN {label}-----\n");
        assert!(pem.starts_with(begin.as_bytes()), "{name}");
    }
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn as_many_requests_are_kept_as_wanted() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({"revisionHistoryLimit": 3}));
    world.settle().await;
    for _ in 0..4 {
        world.demand("web").await;
        world.settle().await;
    }
    assert_eq!(world.requests(), ["web-3", "web-4", "web-5"]);
    world.patch_certificate("web", json!({"revisionHistoryLimit": null})).await;
    world.settle().await;
    assert_eq!(world.requests(), ["web-5"]);
    assert_eq!(world.status("web")["revision"], 5, "what is kept is no reason to issue");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn two_issuers_at_once_act_as_one() {
    let world = World::new();
    let (one, two) = (world.start(), world.start());
    world.add_certificate("web", &json!({}));
    world.settle().await;
    world.demand("web").await;
    world.settle().await;
    world.wait(Span::seconds(20)).await;
    assert_eq!(world.status("web")["revision"], 2);
    assert_eq!(world.requests(), ["web-2"]);
    assert_eq!(world.secrets(), ["ca", "web"]);
    world.leaf("web", "web.prod.svc");
    one.abort();
    two.abort();
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_history_to_the_last_byte() {
    async fn history() -> Vec<String> {
        let world = World::new();
        let issuer = world.start();
        for name in ["a", "b", "c"] {
            world.add_certificate(name, &json!({}));
        }
        world.settle().await;
        world.demand("b").await;
        world.wait(Span::minutes(30)).await;
        issuer.abort();
        let commits = world.server.commits_after(0);
        let lines = commits.iter().map(|commit| {
            let object = commit.after.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} {} {:?} {object}", commit.time, commit.verb, commit.key)
        });
        lines.collect()
    }
    let (one, other) = (history().await, history().await);
    assert!(one.len() > 60, "{}", one.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}
