use std::io;
use std::sync::{Mutex, PoisonError};

use super::*;

#[tokio::test(start_paused = true)]
async fn what_others_have_put_into_a_secret_stays() {
    let world = World::new();
    world.seed(json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "web", "namespace": "prod", "labels": {"theirs": "1"},
            "annotations": {"theirs": "2"}},
        "stringData": {"tls.crt": "", "tls.key": "", "theirs": "3"}}));
    let issuer = world.start();
    world.add_certificate("web", &json!({}));
    world.settle().await;
    world.demand("web").await;
    world.settle().await;
    let secret = world.get("secrets", "web");
    assert_eq!(secret["metadata"]["labels"]["theirs"], "1");
    assert_eq!(secret["metadata"]["annotations"]["theirs"], "2");
    assert_eq!(decode(&secret["data"]["theirs"]), b"3");
    world.leaf("web", "web.prod.svc");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn labels_and_annotations_are_mended_without_issuing() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({}));
    world.settle().await;
    let template = json!({"labels": {"team": "a"}, "annotations": {"note": "b"}});
    world.patch_certificate("web", json!({"secretTemplate": template})).await;
    let lost = json!({"cert-manager.io/alt-names": null, "cert-manager.io/common-name": "wrong"});
    let change = json!({"metadata": {"annotations": lost,
        "labels": {"controller.cert-manager.io/fao": null}}});
    world.patch("/api/v1/namespaces/prod/secrets/web", change).await;
    world.settle().await;
    let meta = &world.get("secrets", "web")["metadata"];
    assert_eq!(meta["labels"], json!({"team": "a", "controller.cert-manager.io/fao": "true"}));
    assert_eq!(meta["annotations"]["note"], "b");
    assert_eq!(meta["annotations"]["cert-manager.io/alt-names"], "web.prod.svc");
    assert_eq!(meta["annotations"]["cert-manager.io/common-name"], "");
    assert_eq!(world.status("web")["revision"], 1);

    let theirs = json!({"metadata": {"labels": {"theirs": "1"}}});
    world.patch("/api/v1/namespaces/prod/secrets/web", theirs).await;
    world.patch_certificate("web", json!({"secretTemplate": null})).await;
    world.settle().await;
    let meta = &world.get("secrets", "web")["metadata"];
    let left = json!({"theirs": "1", "controller.cert-manager.io/fao": "true"});
    assert_eq!(meta["labels"], left, "what is dropped from the template goes");
    assert_eq!(meta["annotations"]["note"], Value::Null);
    assert_eq!(meta["annotations"]["cert-manager.io/issuer-name"], "ca");
    issuer.abort();
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_comes_back_from_a_backup_is_taken_over() {
    let world = World::new();
    let issuer = world.start();
    world.add_certificate("web", &json!({}));
    world.settle().await;
    let mut secret = world.get("secrets", "web");
    issuer.abort();

    let restored = World::new();
    secret["metadata"] = json!({"name": "web", "namespace": "prod"});
    restored.seed(secret.clone());
    let issuer = restored.start();
    restored.add_certificate("web", &json!({}));
    restored.settle().await;
    assert_eq!(restored.get("secrets", "web")["data"], secret["data"], "nothing is issued");
    let status = restored.status("web");
    assert_eq!((&status["revision"], status["notAfter"].is_string()), (&json!(null), true));
    assert_eq!(restored.condition("web", "Ready")["status"], "True");
    assert_eq!(
        restored.get("secrets", "web")["metadata"]["annotations"]["cert-manager.io/alt-names"],
        "web.prod.svc"
    );
    issuer.abort();
}

/// All that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_key_is_ever_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // Where there is but one subscriber, tracing asks only that of the thread that comes first to a
    // line whether anybody listens, and other tests have none.
    let other = tracing::Dispatch::new(tracing_subscriber::registry());
    let keys = tracing::subscriber::with_default(subscriber, || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap().block_on(async {
            let world = World::new();
            world.add_issuer("self", &json!({"selfSigned": {}}));
            let issuer = world.start();
            world.add_certificate("web", &json!({}));
            world.add_certificate("own", &json!({"issuerRef": {"name": "self"}}));
            world.add_certificate("rsa", &json!({"privateKey": {"algorithm": "RSA"}}));
            let broken = json!({"data": {"tls.key": "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"}});
            world.settle().await;
            let keys = ["ca", "web", "own"].map(|name| world.key(name).to_pem(Encoding::Pkcs8));
            world.patch("/api/v1/namespaces/prod/secrets/web", broken.clone()).await;
            world.patch("/api/v1/namespaces/prod/secrets/ca", broken).await;
            world.wait(Span::HOUR).await;
            issuer.abort();
            keys
        })
    });
    drop(other);
    let logged = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let logged = String::from_utf8_lossy(&logged);
    for word in ["issued", "RSA 2048"] {
        assert!(logged.contains(word), "{} bytes of log do not say {word}", logged.len());
    }
    assert!(!logged.contains("PRIVATE KEY") && !logged.contains("UFJJVkFURSBLRV"), "in base64 too");
    for key in keys {
        let body = key.lines().nth(1).unwrap();
        assert!(!logged.contains(&body[24..]), "a key was logged");
    }
}
