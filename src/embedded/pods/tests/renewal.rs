//! A Secret is renewed, and what is served stays the same: the problem that certrotor is about.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_renewed_secret_is_not_served_until_the_pod_is_another() {
    let scene = Scene::new();
    let authority = Authority::new();
    let (old, new) = (authority.sign(), authority.sign());
    scene.seed_secrets(&old);
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    assert_eq!(scene.leaf("db-0"), Some(old.leaf));

    scene.renew(&new).await;
    sleep(Duration::from_hours(24)).await;
    assert_eq!(scene.leaf("db-0"), Some(old.leaf));

    scene.delete("db-0", None).await;
    scene.until("it is gone", |scene| scene.pod("db-0").is_none()).await;
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    assert_eq!(scene.leaf("db-0"), Some(new.leaf));
    let chain = scene.served.get(NAMESPACE, "db-0").unwrap().presents.unwrap().chain().unwrap();
    assert_eq!(chain.leaf.fingerprint, new.leaf);
}

#[tokio::test(start_paused = true)]
async fn mounted_files_follow_their_secret_later_so_that_a_restarted_container_sees_them() {
    let scene = Scene::new();
    let authority = Authority::new();
    let (old, new) = (authority.sign(), authority.sign());
    scene.seed_secrets(&old);
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    scene.renew(&new).await;

    sleep(Duration::from_secs(50)).await;
    scene.served.kill(NAMESPACE, "db-0");
    scene.until("it is not ready", |scene| !scene.holds("db-0", "Ready")).await;
    scene.until_ready("db-0").await;
    assert_eq!(scene.leaf("db-0"), Some(old.leaf), "the files are still the old ones");

    sleep(Duration::from_mins(20)).await;
    assert_eq!(scene.leaf("db-0"), Some(old.leaf), "the files are new, the server has not looked");
    scene.served.kill(NAMESPACE, "db-0");
    scene.until("it is not ready", |scene| !scene.holds("db-0", "Ready")).await;
    scene.until_ready("db-0").await;
    assert_eq!(scene.leaf("db-0"), Some(new.leaf));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_goes_away_leaves_its_files() {
    let scene = Scene::new();
    let pair = Authority::new().sign();
    scene.seed_secrets(&pair);
    scene.seed_pod("db-0");
    scene.until_ready("db-0").await;
    let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/db-server-cert");
    let request = http::Request::delete(path).body(Vec::new()).unwrap();
    let _: Value = scene.api.client("somebody", NAMESPACE).request(request).await.unwrap();
    sleep(Duration::from_mins(20)).await;
    scene.served.kill(NAMESPACE, "db-0");
    scene.until("it is not ready", |scene| !scene.holds("db-0", "Ready")).await;
    scene.until_ready("db-0").await;
    assert_eq!(scene.leaf("db-0"), Some(pair.leaf));
}

#[tokio::test(start_paused = true)]
async fn mysqld_starts_with_what_it_gets() {
    let authority = Authority::new();
    let (good, other) = (authority.sign(), Authority::new().sign());
    let expired = authority.sign_until(2001);
    let mixed = |key: &str, value: &str| {
        let mut files: BTreeMap<&str, String> =
            good.files().iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        files.insert(
            match key {
                "ca" => "ca.crt",
                "cert" => "tls.crt",
                _ => "tls.key",
            },
            value.to_owned(),
        );
        files
    };
    let chain = format!("{}{}", good.certificate, good.ca);
    for (files, presents, why) in [
        (mixed("cert", &good.certificate), Some(good.leaf), "a good pair"),
        (mixed("cert", &chain), Some(good.leaf), "a chain"),
        (mixed("ca", &other.ca), Some(good.leaf), "a leaf of another authority"),
        (mixed("key", &other.key), None, "a key of another certificate"),
        (mixed("key", ""), None, "no key"),
        (mixed("cert", ""), None, "no certificate"),
        (mixed("ca", "nonsense"), None, "no authority"),
    ] {
        let scene = Scene::new();
        scene.seed_secrets(&good);
        let data: Vec<(&str, &str)> =
            files.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/db-server-cert");
        let data = secret("db-server-cert", &data)["data"].take();
        scene.patch(&path, &json!({"data": data})).await;
        scene.seed_pod("db-0");
        scene.until_ready("db-0").await;
        assert_eq!(scene.leaf("db-0"), presents, "{why}");
    }
    let scene = Scene::new();
    scene.seed_secrets(&expired);
    scene.seed_pod("db-0");
    scene.seed(pod("plain-0", false));
    scene.until_ready("db-0").await;
    scene.until_ready("plain-0").await;
    assert_eq!(scene.leaf("db-0"), Some(expired.leaf), "an expired leaf");
    assert!(scene.served.get(NAMESPACE, "plain-0").unwrap().presents.is_none(), "no TLS asked for");
}
