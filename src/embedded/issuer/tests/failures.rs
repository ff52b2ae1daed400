use super::*;
use crate::pki::SigningRequest;

/// When each issuance failed, in hours after noon.
fn failures(world: &World) -> Vec<i64> {
    let noon: Time = NOON.parse().unwrap();
    let mut failures: Vec<i64> = world
        .server
        .commits_after(0)
        .iter()
        .filter_map(|commit| {
            let failed = commit.after.as_ref()?["status"]["lastFailureTime"].clone();
            let failed: Time = serde_json::from_value(failed).ok()?;
            Some(failed.since(noon).as_seconds() / 3_600)
        })
        .collect();
    failures.dedup();
    failures
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_a_restart_forgets_none_of_it() {
    let world = World::new();
    let mut issuer = world.start();
    // No key of this kind can be made.
    world.add_certificate("web", &json!({"privateKey": {"algorithm": "RSA"}}));
    for _ in 0..11 {
        world.wait(Span::hours(3)).await;
        issuer.abort();
        issuer = world.start();
    }
    assert_eq!(failures(&world), [0, 1, 3, 7, 15, 31]);
    let status = world.status("web");
    assert_eq!(status["failedIssuanceAttempts"], 6);
    let issuing = world.condition("web", "Issuing");
    assert_eq!((&issuing["status"], &issuing["reason"]), (&json!("False"), &json!("Refused")));
    assert!(text(&issuing["message"]).contains("RSA 2048 keys cannot be made here"), "{issuing}");
    assert_eq!(world.secrets(), ["ca"]);

    // Whoever mends it need not wait.
    world.patch_certificate("web", json!({"privateKey": {"algorithm": "ECDSA"}})).await;
    world.settle().await;
    let status = world.status("web");
    assert_eq!(status["revision"], 1);
    assert_eq!(
        (&status["lastFailureTime"], &status["failedIssuanceAttempts"]),
        (&json!(null), &json!(null))
    );
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_fails_is_asked_again_with_a_new_request() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({"duration": "0s"}));
    world.settle().await;
    let issuing = world.condition("web", "Issuing");
    assert_eq!((&issuing["status"], &issuing["reason"]), (&json!("False"), &json!("Failed")));
    let request = world.get(REQUESTS, "web-1");
    assert_eq!(condition(&request, "Ready")["reason"], "Failed");
    assert_eq!(request["status"]["failureTime"], world.status("web")["lastFailureTime"]);
    assert_eq!(world.secrets(), ["ca"], "its key is gone");

    world.wait(Span::hours(4)).await;
    assert_eq!(failures(&world), [0, 1, 3]);
    let again = world.get(REQUESTS, "web-1");
    assert_ne!(again["metadata"]["uid"], request["metadata"]["uid"]);

    world.patch_certificate("web", json!({"duration": "10m"})).await;
    world.settle().await;
    assert_eq!(world.status("web")["revision"], 1);
    world.leaf("web", "web.prod.svc");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn what_is_not_supported_is_refused_by_its_name() {
    let world = World::new();
    let issuer = world.start();
    for (name, spec, why) in [
        ("a", json!({"literalSubject": "CN=a"}), "spec.literalSubject is not supported"),
        ("b", json!({"keystores": {"jks": {"create": true}}}), "spec.keystores is not supported"),
        ("c", json!({"duration": "90d"}), "spec.duration is no duration such as 2160h0m0s"),
        ("d", json!({"privateKey": {"algorithm": "ECDSA", "size": 521}}), "256 or 384 bits"),
        ("e", json!({"subject": {"organizations": ["x", "y"]}}), "organizations has 2 values"),
        ("f", json!({"dnsNames": []}), "at least one of commonName"),
        ("g", json!({"renewal": {"windows": [{"cron": "* * * * *"}]}}), "spec.renewal.windows"),
    ] {
        world.add_certificate(name, &spec);
        world.settle().await;
        let issuing = world.condition(name, "Issuing");
        assert_eq!(issuing["status"], "False", "{name}");
        assert!(text(&issuing["message"]).contains(why), "{name}: {issuing}");
        assert_eq!(world.status(name)["failedIssuanceAttempts"], 1);
    }
    assert_eq!(world.requests(), [""; 0]);
    issuer.abort();
}

/// Plays an issuer of somebody else's, which answers every request with `answer`.
async fn answer(world: &World, name: &str, answer: &str) {
    let bytes = serde_json::to_value(k8s_openapi::ByteString(answer.as_bytes().to_vec())).unwrap();
    let path =
        format!("/apis/cert-manager.io/v1/namespaces/prod/certificaterequests/{name}/status");
    let ready = json!({"type": "Ready", "status": "True", "reason": "Issued"});
    world.patch(&path, json!({"status": {"certificate": bytes, "conditions": [ready]}})).await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_or_expired_certificate_is_not_stored_and_not_asked_for_again_at_once() {
    for (case, why) in [
        ("of another key", "public key that does not match the CSR"),
        ("expired", "already expired certificate (notAfter: 2026-11-23T11:59:59Z)"),
        ("nonsense", "failed to decode"),
    ] {
        let world = World::new();
        let issuer = world.start();
        let foreign =
            json!({"name": "a", "kind": "AWSPCAIssuer", "group": "awspca.cert-manager.io"});
        world.add_certificate("web", &json!({"issuerRef": foreign}));
        world.settle().await;
        let request = world.get(REQUESTS, "web-1");
        assert!(condition(&request, "Ready").is_null(), "it is not for us to sign: {request}");

        let asked = SigningRequest::from_pem(&decode(&request["spec"]["request"])).unwrap();
        let authority = world.add_authority("prod", "foreign");
        let noon: Time = NOON.parse().unwrap();
        let past = Lifetime { not_before: noon - Span::DAY, not_after: noon - Span::seconds(1) };
        let usages = crate::pki::Usage::read_all::<&str>(&[], false).unwrap();
        let expired = authority.sign(&asked, &usages, false, past, &world.entropy).unwrap();
        let others = authority
            .issue(
                &Profile::server("x", &[]),
                Algorithm::Ed25519,
                Lifetime::of(noon, Span::DAY),
                &world.entropy,
            )
            .unwrap();
        let returned = match case {
            "of another key" => others.issued.certificate,
            "expired" => expired.certificate,
            _ => "no PEM".to_owned(),
        };
        answer(&world, "web-1", &returned).await;
        world.settle().await;
        let issuing = world.condition("web", "Issuing");
        assert_eq!(issuing["reason"], "InvalidCertificate", "{case}");
        assert!(text(&issuing["message"]).contains(why), "{case}: {issuing}");
        assert_eq!(world.get("secrets", "web"), Value::Null, "{case}");

        let before = world.server.revision();
        world.wait(Span::minutes(59)).await;
        assert_eq!(world.told_since(before), [""; 0], "{case}");
        issuer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_request_fails_its_issuance() {
    let world = World::new();
    let issuer = world.start();
    let foreign = json!({"name": "a", "kind": "AWSPCAIssuer", "group": "awspca.cert-manager.io"});
    world.add_certificate("web", &json!({"issuerRef": foreign}));
    world.settle().await;
    let denied = json!({"type": "Denied", "status": "True", "reason": "Policy",
        "message": "not on a Monday"});
    let path = "/apis/cert-manager.io/v1/namespaces/prod/certificaterequests/web-1/status";
    world.patch(path, json!({"status": {"conditions": [denied]}})).await;
    world.settle().await;
    let issuing = world.condition("web", "Issuing");
    assert_eq!(issuing["reason"], "Policy");
    let message =
        "The certificate request has failed to complete and will be retried: not on a Monday";
    assert_eq!(issuing["message"], message);
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn refused_and_lost_calls_are_made_again() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let unavailable = crate::embedded::api::Failure::new(503, "ServiceUnavailable", "no");
    for fault in [Fault::Refuse(unavailable), Fault::LoseRequest, Fault::LoseReply, Fault::Twice] {
        let world = World::new();
        let calls = AtomicUsize::new(0);
        let planned = fault.clone();
        let issuer = world.start_with(move |_| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            // One in five, scattered.
            let goes_wrong = call.wrapping_mul(2_654_435_761) >> 16 & 0xff < 51;
            if goes_wrong { planned.clone() } else { Fault::None }
        });
        world.add_certificate("web", &json!({"duration": "48h"}));
        world.wait(Span::minutes(10)).await;
        assert_eq!(world.status("web")["revision"], 1, "{fault:?}");
        world.demand("web").await;
        world.wait(Span::minutes(10)).await;
        assert_eq!(world.status("web")["revision"], 2, "{fault:?}");
        assert_eq!(world.requests(), ["web-2"], "{fault:?}");
        world.leaf("web", "web.prod.svc");
        issuer.abort();
    }
}
