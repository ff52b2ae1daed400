use std::collections::BTreeSet;

use serde_json::{Value, from_value, json};

use super::*;
use crate::api::cert_manager::{Certificate, CertificateRequest, ClusterIssuer, Issuer};
use crate::api::mysql::MySql;
use crate::api::pod::Pod;
use crate::api::rotation::Rotation;
use crate::core::fleet::{Database, Fleet, IssuerKey};
use crate::core::policy::Policy;
use crate::core::time::Span;

fn metadata(name: &str, uid: &str, version: u64) -> Value {
    json!({"name": name, "namespace": "prod", "uid": uid, "resourceVersion": version.to_string(),
        "creationTimestamp": "2026-01-01T00:00:00Z"})
}

fn mysql(uid: &str, version: u64, replicas: u32) -> Object {
    let issuer = json!({"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "ca"});
    let object: MySql = from_value(json!({
        "metadata": metadata("shop", uid, version),
        "spec": {"replicas": replicas, "tls": {"issuerRef": issuer}},
        "status": {"phase": "Ready"},
    }))
    .unwrap();
    object.into()
}

fn request(name: &str, version: u64, phase: &str) -> MySqlOpsRequest {
    from_value(json!({
        "metadata": metadata(name, name, version),
        "spec": {"type": "ReconfigureTLS", "databaseRef": {"name": "shop"},
            "tls": {"rotateCertificates": true}},
        "status": {"phase": phase},
    }))
    .unwrap()
}

fn pod(uid: &str, version: u64) -> Object {
    let mut metadata = metadata("shop-0", uid, version);
    metadata["labels"] = json!({"app.kubernetes.io/name": "mysqls.kubedb.com",
        "app.kubernetes.io/managed-by": "kubedb.com", "app.kubernetes.io/instance": "shop"});
    let object: Pod = from_value(json!({"metadata": metadata})).unwrap();
    object.into()
}

fn rotation(version: u64, status: &Value) -> Object {
    let object: Rotation = from_value(json!({
        "apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation",
        "metadata": metadata("shop", "rot", version), "spec": {}, "status": status,
    }))
    .unwrap();
    object.into()
}

fn stores() -> Stores {
    Stores::new(Settings::default())
}

fn snapshot(stores: &mut Stores) -> Fleet {
    stores.snapshot(&Context {
        installation: Some("blue".into()),
        dead_installations: BTreeSet::new(),
        leader: true,
        clock_offset: Span::ZERO,
        own_executor: false,
        policy: &Policy::default(),
    })
}

fn shop(stores: &mut Stores) -> Option<std::sync::Arc<Database>> {
    snapshot(stores).databases.get(&Key::new("prod", "shop")).cloned()
}

fn metadata_of(object: &Object) -> ObjectMeta {
    object.metadata().clone()
}

#[test]
fn an_older_version_never_takes_the_place_of_a_newer_one() {
    let mut stores = stores();
    assert!(stores.apply(mysql("u1", 10, 3)));
    assert!(!stores.apply(mysql("u1", 9, 5)));
    assert_eq!(shop(&mut stores).unwrap().replicas, 3);
    // As numbers: 100 > 99.
    assert!(stores.apply(mysql("u1", 99, 4)));
    assert!(stores.apply(mysql("u1", 100, 5)));
    assert!(!stores.apply(mysql("u1", 99, 4)));
    assert_eq!(shop(&mut stores).unwrap().replicas, 5);
}

#[test]
fn what_a_listing_does_not_show_is_gone() {
    let mut stores = stores();
    stores.apply(mysql("u1", 10, 3));
    stores.begin(Kind::MySql, Some("other"));
    stores.end(Kind::MySql, Some("other"));
    assert!(shop(&mut stores).is_some(), "another namespace was listed");
    stores.begin(Kind::MySql, None);
    assert!(shop(&mut stores).is_some(), "not before the listing is complete");
    stores.end(Kind::MySql, None);
    assert!(shop(&mut stores).is_none());
}

#[test]
fn a_listing_is_believed_over_what_was_known_before_it_and_not_over_what_came_during_it() {
    let mut stores = stores();
    stores.apply(mysql("u1", 500, 3));
    // etcd was restored from a backup: numbers go back.
    stores.begin(Kind::MySql, None);
    stores.seen(mysql("u1", 40, 4));
    stores.end(Kind::MySql, None);
    assert_eq!(shop(&mut stores).unwrap().replicas, 4);
    // Our own write was answered while the listing was under way.
    stores.begin(Kind::OpsRequest, None);
    stores.apply(request("ours", 60, "").into());
    stores.end(Kind::OpsRequest, None);
    stores.begin(Kind::MySql, None);
    stores.apply(mysql("u1", 61, 5));
    stores.seen(mysql("u1", 41, 4));
    stores.end(Kind::MySql, None);
    let shop = shop(&mut stores).unwrap();
    assert_eq!((shop.replicas, shop.requests.len()), (5, 1));
}

#[test]
fn the_deleted_do_not_come_back() {
    let mut stores = stores();
    stores.apply(mysql("u1", 10, 3));
    // A new one of the same name is there already: the delete of the old one is old news.
    stores.apply(mysql("u2", 12, 4));
    stores.deleted(Kind::MySql, &metadata_of(&mysql("u1", 11, 3)));
    assert_eq!(&*shop(&mut stores).unwrap().uid, "u2");
    stores.deleted(Kind::MySql, &metadata_of(&mysql("u2", 13, 4)));
    assert!(shop(&mut stores).is_none());
    // The answer to a write of ours, late.
    assert!(!stores.apply(mysql("u2", 12, 4)));
    assert!(shop(&mut stores).is_none());
    stores.apply(mysql("u3", 14, 1));
    stores.gone(Kind::MySql, "prod", "shop");
    assert!(!stores.apply(mysql("u3", 14, 1)));
    assert!(shop(&mut stores).is_none());
    assert!(stores.apply(mysql("u4", 15, 1)));
}

#[test]
fn an_uncached_listing_of_requests() {
    let mut stores = stores();
    stores.apply(mysql("u1", 10, 3));
    stores.apply(request("old", 20, "Progressing").into());
    stores.apply(request("new", 40, "").into());
    stores.apply(request("known", 35, "Progressing").into());
    let list = vec![request("known", 30, "Pending"), request("unknown", 31, "Pending")];
    stores.refresh_requests(Some("elsewhere"), Vec::new(), "39");
    stores.refresh_requests(Some("prod"), list, "39");
    let shop = shop(&mut stores).unwrap();
    let names: Vec<&str> = shop.requests.keys().map(|name| &**name).collect();
    assert_eq!(names, ["known", "new", "unknown"]);
    let phase = shop.requests["known"].phase;
    assert_eq!(phase, crate::core::fleet::RequestPhase::Progressing, "35 is newer than 30");
}

#[test]
fn an_unreadable_object_is_reported_on_its_database_and_hides_no_other() {
    let mut stores = stores();
    stores.apply(mysql("u1", 10, 3));
    stores.apply(rotation(11, &json!({})));
    assert!(shop(&mut stores).unwrap().rotation.is_some());

    stores.apply(rotation(12, &json!({"lastRotated": "soon"})));
    let found = shop(&mut stores).unwrap();
    assert!(found.rotation.is_none());
    assert!(found.malformed.as_ref().unwrap().starts_with("Rotation: status.lastRotated"));
    assert_eq!(stores.problems().count(), 1);

    stores.malformed(Kind::Rotation, &metadata_of(&rotation(13, &json!({}))), "no\nspec");
    let found = shop(&mut stores).unwrap();
    assert_eq!(found.malformed.as_deref(), Some("Rotation: no\\nspec"));
    assert_eq!(found.replicas, 3);
    let problem = stores.problems().next().unwrap();
    assert_eq!((problem.kind, &*problem.name), (Kind::Rotation, "shop"));

    stores.malformed(Kind::MySql, &metadata_of(&mysql("u1", 14, 3)), "bad");
    let found = shop(&mut stores).unwrap();
    assert_eq!(found.malformed.as_deref(), Some("MySQL: bad"));
    assert_eq!((&*found.uid, found.tls), ("u1", false));

    // The old version is not read in its place; a newer one mends it.
    assert!(!stores.apply(mysql("u1", 13, 3)));
    stores.apply(mysql("u1", 15, 3));
    stores.begin(Kind::Rotation, None);
    stores.end(Kind::Rotation, None);
    assert_eq!(shop(&mut stores).unwrap().malformed, None);
    assert_eq!(stores.problems().count(), 0);
}

#[test]
fn a_malformed_object_counts_as_seen_in_a_listing() {
    let mut stores = stores();
    stores.begin(Kind::MySql, None);
    stores.malformed(Kind::MySql, &metadata_of(&mysql("u1", 10, 3)), "bad");
    stores.end(Kind::MySql, None);
    assert!(shop(&mut stores).unwrap().malformed.is_some());
    stores.deleted(Kind::MySql, &metadata_of(&mysql("u1", 11, 3)));
    assert!(shop(&mut stores).is_none());
}

#[test]
fn a_certificate_is_missing_only_when_certificates_have_been_listed() {
    use crate::core::fleet::{Alias, Issued};
    let mut stores = stores();
    stores.apply(mysql("u1", 10, 3));
    let issued = |stores: &mut Stores| {
        let shop = shop(stores).unwrap();
        shop.certificates[&Alias::Server].issued.clone()
    };
    assert_eq!(issued(&mut stores), Issued::Unknown);
    stores.begin(Kind::Certificate, Some("other"));
    stores.end(Kind::Certificate, Some("other"));
    assert_eq!(issued(&mut stores), Issued::Unknown);
    stores.begin(Kind::Certificate, None);
    stores.end(Kind::Certificate, None);
    assert_eq!(issued(&mut stores), Issued::Missing);
    let unreadable: ObjectMeta = from_value(metadata("shop-server-cert", "c", 20)).unwrap();
    stores.malformed(Kind::Certificate, &unreadable, "bad");
    assert_eq!(issued(&mut stores), Issued::Unknown);
}

#[test]
fn sightings_belong_to_the_pod_as_it_is_now() {
    let sighting = |uid: &str, began: i64| Sighting {
        began: Time::from_unix(began),
        pod_uid: uid.into(),
        leaf: None,
        trusted: None,
    };
    let seen = |stores: &mut Stores| -> Vec<i64> {
        let shop = shop(stores).unwrap();
        let pod = &shop.pods["shop-0"];
        pod.seen.iter().map(|sighting| sighting.began.unix()).collect()
    };
    let mut stores = stores();
    stores.apply(mysql("u1", 10, 3));
    assert!(!stores.saw("prod", "shop-0", sighting("p1", 1)), "no such pod");
    stores.apply(pod("p1", 20));
    for began in [2, 4, 3, 5] {
        let news = stores.saw("prod", "shop-0", sighting("p1", began));
        assert_eq!(news, began == 2, "the same again is no news: {began}");
    }
    assert!(!stores.saw("prod", "shop-0", sighting("p0", 9)), "it was another pod's");
    assert_eq!(seen(&mut stores), [3, 4, 5]);
    stores.apply(pod("p2", 21));
    assert!(seen(&mut stores).is_empty());
    stores.saw("prod", "shop-0", sighting("p2", 6));
    assert_eq!(seen(&mut stores), [6]);
    stores.deleted(Kind::Pod, &metadata_of(&pod("p2", 22)));
    stores.apply(pod("p3", 23));
    assert!(seen(&mut stores).is_empty());
}

/// The CA's own Certificate and its issuance of a revision.
fn authority(namespace: &str, secret: &str, number: u8) -> (Object, Object, String) {
    use k8s_openapi::ByteString;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 4, number);
    let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let chain = crate::core::certificate::Chain::from_pem(pem.as_bytes()).unwrap();
    let place = |name: &str, version: u64| {
        let mut metadata = metadata(name, &format!("{name}{number}"), version);
        metadata["namespace"] = json!(namespace);
        metadata
    };
    let certificate: Certificate = from_value(json!({
        "metadata": place("root", 100 + u64::from(number)),
        "spec": {"secretName": secret, "isCA": true},
        "status": {"notBefore": "2026-01-01T00:00:00Z", "revision": number,
            "notAfter": format!("2026-04-{number:02}T00:00:00Z")},
    }))
    .unwrap();
    let mut request = place(&format!("root-{number}"), 200 + u64::from(number));
    request["annotations"] = json!({"cert-manager.io/certificate-name": "root",
        "cert-manager.io/certificate-revision": number.to_string()});
    let signed: CertificateRequest = from_value(json!({
        "metadata": request,
        "spec": {"issuerRef": {"kind": "Issuer", "name": "self-signed"}},
        "status": {"certificate": serde_json::to_value(ByteString(pem.into_bytes())).unwrap()},
    }))
    .unwrap();
    (certificate.into(), signed.into(), chain.leaf.spki.to_string())
}

fn ca_key(stores: &mut Stores, issuer: &IssuerKey) -> Option<String> {
    let fleet = snapshot(stores);
    let issuer = fleet.issuers.get(issuer)?;
    assert!(issuer.comparable);
    issuer.ca_key.map(|key| key.to_string())
}

#[test]
fn the_ca_of_an_issuer_is_what_its_secret_holds() {
    let mut stores = stores();
    let issuer: Issuer = from_value(json!({
        "metadata": metadata("ca", "i", 1), "spec": {"ca": {"secretName": "root-secret"}},
    }))
    .unwrap();
    let key = issuer_key(&Key::new("prod", "ca"), Kind::Issuer);
    stores.apply(issuer.into());
    assert_eq!(ca_key(&mut stores, &key), None);
    let (certificate, signed, first) = authority("prod", "root-secret", 1);
    stores.apply(certificate);
    assert_eq!(ca_key(&mut stores, &key), None);
    stores.apply(signed);
    assert_eq!(ca_key(&mut stores, &key), Some(first.clone()));
    // The issuance of the next revision comes first, then the Certificate says that it counts.
    let (certificate, signed, second) = authority("prod", "root-secret", 2);
    stores.apply(signed);
    assert_eq!(ca_key(&mut stores, &key), Some(first));
    stores.apply(certificate);
    assert_eq!(ca_key(&mut stores, &key), Some(second));
}

#[test]
fn of_a_tenants_secret_nothing_follows_for_a_cluster_issuer() {
    let mut stores = stores();
    let issuer: ClusterIssuer = from_value(json!({
        "metadata": {"name": "ca", "uid": "ci", "resourceVersion": "1"},
        "spec": {"ca": {"secretName": "root-secret"}},
    }))
    .unwrap();
    let key = issuer_key(&Key::new("", "ca"), Kind::ClusterIssuer);
    stores.apply(issuer.into());
    let (certificate, signed, _) = authority("prod", "root-secret", 1);
    stores.apply(certificate);
    stores.apply(signed);
    assert_eq!(ca_key(&mut stores, &key), None);
    let (certificate, signed, real) = authority("cert-manager", "root-secret", 1);
    stores.apply(certificate);
    stores.apply(signed);
    assert_eq!(ca_key(&mut stores, &key), Some(real));
}

#[test]
fn a_snapshot_shares_what_has_not_changed() {
    use std::sync::Arc;
    let mut stores = stores();
    stores.apply(mysql("u1", 10, 3));
    let first = shop(&mut stores).unwrap();
    assert!(!stores.is_dirty());
    // A new version with the same content.
    stores.apply(mysql("u1", 11, 3));
    assert!(!stores.is_dirty());
    stores.apply(request("theirs", 12, "Failed").into());
    assert!(stores.is_dirty());
    assert!(Arc::ptr_eq(&first, &shop(&mut stores).unwrap()));
    stores.apply(request("active", 13, "Progressing").into());
    assert!(!Arc::ptr_eq(&first, &shop(&mut stores).unwrap()));
}
