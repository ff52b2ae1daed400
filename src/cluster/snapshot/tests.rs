//! Whatever happened, in whatever order, through watches that miss things: the fleet is the one
//! that stores filled from nothing would show.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use k8s_openapi::ByteString;
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use serde_json::{Value, from_value, json};

use super::*;
use crate::cluster::stores::{Object, Settings};
use crate::core::selector::NamespacePattern;

mod staging;

const NAMESPACES: [&str; 2] = ["cert-manager", "prod"];
const KINDS: [Kind; 12] = [
    Kind::MySql,
    Kind::OpsRequest,
    Kind::Rotation,
    Kind::Certificate,
    Kind::CertificateRequest,
    Kind::Issuer,
    Kind::ClusterIssuer,
    Kind::Pod,
    Kind::Recommendation,
    Kind::BackupConfiguration(Program::KubeStash),
    Kind::BackupSession(Program::KubeStash),
    Kind::RestoreSession(Program::Stash),
];

/// Certificates of two CAs and two leaves of each; made once, for they are slow to make.
fn pems() -> &'static [(String, String); 4] {
    static PEMS: OnceLock<[(String, String); 4]> = OnceLock::new();
    PEMS.get_or_init(|| {
        let params = |ca: bool| {
            let mut params = CertificateParams::new(vec!["a".to_owned()]).unwrap();
            params.not_before = date_time_ymd(2026, 1, 1);
            params.not_after = date_time_ymd(2026, 4, 1);
            if ca {
                params.distinguished_name.push(DnType::CommonName, "ca");
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            params
        };
        let key = || KeyPair::generate().unwrap();
        [0, 1, 2, 3].map(|number| {
            let ca = CertifiedIssuer::self_signed(params(true), key()).unwrap();
            let leaf = params(number % 2 == 1).signed_by(&key(), &ca).unwrap();
            (leaf.pem(), ca.pem())
        })
    })
}

fn bytes(pem: &str) -> Value {
    serde_json::to_value(ByteString(pem.as_bytes().to_vec())).unwrap()
}

/// A choice among few, so that objects often speak about each other.
#[derive(Clone, Copy, Debug)]
struct Dice([u8; 8]);

impl Dice {
    fn of<T: Clone>(self, index: usize, choices: &[T]) -> T {
        choices[usize::from(self.0[index]) % choices.len()].clone()
    }
}

fn place(kind: Kind, dice: Dice) -> (String, String) {
    let namespace = if kind == Kind::ClusterIssuer {
        String::new()
    } else {
        dice.of(0, &NAMESPACES).to_owned()
    };
    let names: &[&str] = match kind {
        Kind::MySql | Kind::Rotation => &["a", "b"],
        Kind::Certificate => &["a-server-cert", "b-server-cert", "ca-cert"],
        Kind::Pod => &["a-0", "a-1", "b-0"],
        Kind::Issuer | Kind::ClusterIssuer => &["ca", "other"],
        Kind::OpsRequest
        | Kind::CertificateRequest
        | Kind::Recommendation
        | Kind::BackupConfiguration(_)
        | Kind::BackupSession(_)
        | Kind::RestoreSession(_) => &["x", "y", "z"],
    };
    (namespace, dice.of(1, names).to_owned())
}

/// The spec and status of an object, and its annotations.
#[expect(clippy::too_many_lines, reason = "a table: one entry a kind")]
fn content(kind: Kind, dice: Dice) -> (Value, Value, Value) {
    let issuer_ref = json!({"kind": dice.of(2, &["Issuer", "ClusterIssuer"]), "name": "ca"});
    let database = dice.of(2, &["a", "b"]);
    let at = format!("2026-01-0{}T00:00:00Z", 1 + dice.0[6] % 3);
    let none = || json!({});
    match kind {
        Kind::MySql => {
            let tls = dice.of(3, &[json!(null), json!({"issuerRef": issuer_ref})]);
            (
                json!({"replicas": 2, "tls": tls}),
                json!({"phase": dice.of(4, &["Ready", "Critical"])}),
                none(),
            )
        }
        Kind::OpsRequest => {
            let type_ = dice.of(3, &["ReconfigureTLS", "Restart"]);
            let spec = json!({"databaseRef": {"name": database}, "type": type_, "tls": {}});
            let phase = dice.of(4, &["", "Progressing", "Successful", "Failed"]);
            let condition = json!({"type": phase, "status": "True", "lastTransitionTime": at});
            (spec, json!({"phase": phase, "conditions": [condition]}), none())
        }
        Kind::Rotation => {
            let handled = dice
                .of(3, &[json!({}), json!({"handledRequest": "x"}), json!({"lastRotated": "x"})]);
            (json!({}), handled, none())
        }
        Kind::Certificate => {
            let spec = json!({"secretName": dice.of(3, &["ca-secret", "s"]), "isCA": dice.of(4, &[true, false]),
                "dnsNames": [dice.of(5, &["a", "b"])], "issuerRef": issuer_ref});
            let leaf = json!({"notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-04-01T00:00:00Z",
                "revision": dice.of(6, &[1, 2])});
            (
                spec,
                dice.of(7, &[leaf, json!({"conditions": [{"type": "Ready", "status": "False"}]})]),
                none(),
            )
        }
        Kind::CertificateRequest => {
            let (leaf, ca) = dice.of(3, pems());
            let signed = json!({"certificate": bytes(&leaf), "ca": bytes(&ca), "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": at}]});
            let status = dice.of(4, &[signed, json!({}), json!({"certificate": bytes("bad")})]);
            let certificate = dice.of(5, &["a-server-cert", "ca-cert"]);
            let annotations = json!({"cert-manager.io/certificate-name": certificate,
                "cert-manager.io/certificate-revision": dice.of(7, &["1", "2"])});
            (json!({"issuerRef": issuer_ref}), status, annotations)
        }
        Kind::Issuer | Kind::ClusterIssuer => {
            let spec =
                dice.of(3, &[json!({"ca": {"secretName": "ca-secret"}}), json!({"acme": {}})]);
            let ready = json!([{"type": "Ready", "status": dice.of(4, &["True", "False"])}]);
            (spec, json!({"conditions": ready}), none())
        }
        Kind::Pod => (
            json!({}),
            json!({"containerStatuses": [
            {"name": "mysql", "state": {"running": {"startedAt": at}}}]}),
            none(),
        ),
        Kind::Recommendation => {
            let spec = json!({"target": {"apiGroup": "kubedb.com", "kind": "MySQL", "name": database},
                "operation": {"kind": "MySQLOpsRequest", "spec": {"type": "ReconfigureTLS"}}});
            let progress = json!({"phase": "InProgress", "createdOperationRef": {"name": dice.of(3, &["x", ""])}});
            let approved = json!({"phase": "Waiting", "approvalStatus": "Approved"});
            (spec, dice.of(4, &[progress, approved, json!({})]), none())
        }
        Kind::BackupConfiguration(_) => {
            (json!({"target": {"kind": "MySQL", "name": database}}), none(), none())
        }
        Kind::BackupSession(_) => {
            let invoker = json!({"kind": "BackupConfiguration", "name": dice.of(3, &["x", "y"])});
            (
                json!({"invoker": invoker}),
                json!({"phase": dice.of(4, &["Running", "Succeeded"])}),
                none(),
            )
        }
        Kind::RestoreSession(_) => (
            json!({"target": {"ref": {"kind": "AppBinding", "name": database}}}),
            json!({"phase": dice.of(4, &["Running", "Failed"])}),
            none(),
        ),
    }
}

fn typed(kind: Kind, object: Value) -> Object {
    fn read<T: serde::de::DeserializeOwned>(object: Value) -> T {
        from_value(object).unwrap()
    }
    match kind {
        Kind::MySql => Object::MySql(read(object)),
        Kind::OpsRequest => Object::OpsRequest(read(object)),
        Kind::Rotation => Object::Rotation(read(object)),
        Kind::Certificate => Object::Certificate(read(object)),
        Kind::CertificateRequest => Object::CertificateRequest(read(object)),
        Kind::Issuer => Object::Issuer(read(object)),
        Kind::ClusterIssuer => Object::ClusterIssuer(read(object)),
        Kind::Pod => Object::Pod(read(object)),
        Kind::Recommendation => Object::Recommendation(read(object)),
        Kind::BackupConfiguration(program) => Object::BackupConfiguration(program, read(object)),
        Kind::BackupSession(program) => Object::BackupSession(program, read(object)),
        Kind::RestoreSession(program) => Object::RestoreSession(program, read(object)),
    }
}

fn object(kind: Kind, dice: Dice, uid: u64, version: u64) -> Object {
    let (namespace, name) = place(kind, dice);
    let (spec, status, annotations) = content(kind, dice);
    let labels = json!({"app.kubernetes.io/name": "mysqls.kubedb.com", "team": dice.of(5, &["x", "y"]),
        "app.kubernetes.io/managed-by": "kubedb.com", "app.kubernetes.io/instance": dice.of(2, &["a", "b"])});
    typed(
        kind,
        json!({
            "apiVersion": "certrotor.dev/v1alpha1", "kind": "Rotation", "spec": spec, "status": status,
            "metadata": {"namespace": namespace, "name": name, "uid": uid.to_string(), "labels": labels,
                "annotations": annotations, "resourceVersion": version.to_string(),
                "creationTimestamp": "2026-01-01T00:00:00Z"},
        }),
    )
}

/// What happens in the cluster, and what of it the stores are told.
#[derive(Clone, Debug)]
enum Event {
    /// An object is made or changed, and the watch says so, or is down.
    Put(usize, Dice, bool),
    /// It is deleted, and the watch says so, or is down.
    Delete(usize, Dice, bool),
    /// A watch begins anew.
    List(usize, bool),
    /// An old version of something comes late.
    Late(usize),
    /// An object cannot be read for a while.
    Malformed(usize, Dice),
    /// The policy watches another part of the cluster.
    Watch(bool),
    /// The daemon looks.
    Look,
}

fn event() -> impl Strategy<Value = Event> {
    let kind = || 0..KINDS.len();
    let dice = || any::<[u8; 8]>().prop_map(Dice);
    let told = || proptest::bool::weighted(0.8);
    prop_oneof![
        12 => (kind(), dice(), told()).prop_map(|(kind, dice, told)| Event::Put(kind, dice, told)),
        4 => (kind(), dice(), told()).prop_map(|(kind, dice, told)| Event::Delete(kind, dice, told)),
        1 => (kind(), any::<bool>()).prop_map(|(kind, scoped)| Event::List(kind, scoped)),
        2 => any::<usize>().prop_map(Event::Late),
        1 => (kind(), dice()).prop_map(|(kind, dice)| Event::Malformed(kind, dice)),
        1 => any::<bool>().prop_map(Event::Watch),
        3 => Just(Event::Look),
    ]
}

struct Cluster {
    objects: BTreeMap<(Kind, String, String), Object>,
    past: Vec<Object>,
    version: u64,
    policy: Policy,
    stores: Stores,
}

fn key_of(object: &Object) -> (Kind, String, String) {
    let metadata = object.metadata();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (object.kind(), text(&metadata.namespace), text(&metadata.name))
}

fn look(stores: &mut Stores, policy: &Policy) -> Fleet {
    stores.snapshot(&Context {
        installation: None,
        dead_installations: BTreeSet::new(),
        leader: true,
        clock_offset: Span::ZERO,
        own_executor: false,
        policy,
    })
}

impl Cluster {
    fn new() -> Self {
        let mut stores = Stores::new(Settings::default());
        list_all(&mut stores, &BTreeMap::new());
        Self {
            objects: BTreeMap::new(),
            past: Vec::new(),
            version: 100,
            policy: Policy::default(),
            stores,
        }
    }

    fn carry_out(&mut self, event: &Event) {
        self.version += 1;
        match *event {
            Event::Put(kind, dice, told) => {
                let known = self.objects.get(&key_of(&object(KINDS[kind], dice, 0, 0)));
                let uid = known.and_then(|known| known.metadata().uid.clone()?.parse().ok());
                let new = object(KINDS[kind], dice, uid.unwrap_or(self.version), self.version);
                self.objects.insert(key_of(&new), new.clone());
                if told {
                    self.past.push(new.clone());
                    assert!(self.stores.apply(new));
                }
            }
            Event::Delete(kind, dice, told) => {
                let key = key_of(&object(KINDS[kind], dice, 0, 0));
                if let Some(old) = self.objects.remove(&key)
                    && told
                {
                    self.stores.deleted(key.0, old.metadata());
                }
            }
            Event::List(kind, scoped) => {
                let scope = (scoped && KINDS[kind] != Kind::ClusterIssuer).then_some("prod");
                list(&mut self.stores, KINDS[kind], scope, &self.objects);
            }
            Event::Late(number) => self.late(number),
            Event::Malformed(kind, dice) => {
                let new = object(KINDS[kind], dice, self.version, self.version);
                self.objects.remove(&key_of(&new));
                self.stores.malformed(KINDS[kind], new.metadata(), "bad");
                self.stores.deleted(KINDS[kind], new.metadata());
                list(&mut self.stores, KINDS[kind], None, &self.objects);
            }
            Event::Watch(prod) => {
                let prod = prod.then(|| NamespacePattern::parse("prod").unwrap());
                self.policy.watch.namespaces = prod.into_iter().collect();
            }
            Event::Look => drop(look(&mut self.stores, &self.policy)),
        }
    }

    /// Only of what the stores have once known, and heard the end of: about all else a late answer
    /// is news to them.
    fn late(&mut self, number: usize) {
        let Some(old) = self.past.get(number % self.past.len().max(1)).cloned() else {
            return;
        };
        list(&mut self.stores, old.kind(), None, &self.objects);
        let current = self.objects.get(&key_of(&old));
        let version = |object: &Object| object.metadata().resource_version.clone();
        if current.and_then(version) != version(&old) {
            assert!(!self.stores.apply(old));
        }
    }
}

fn list(
    stores: &mut Stores,
    kind: Kind,
    scope: Option<&str>,
    objects: &BTreeMap<(Kind, String, String), Object>,
) {
    stores.begin(kind, scope);
    for ((of, namespace, _), object) in objects {
        if *of == kind && scope.is_none_or(|scope| scope == namespace) {
            stores.seen(object.clone());
        }
    }
    stores.end(kind, scope);
}

fn list_all(stores: &mut Stores, objects: &BTreeMap<(Kind, String, String), Object>) {
    for kind in KINDS {
        list(stores, kind, None, objects);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn an_incremental_snapshot_is_a_snapshot_from_scratch(
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let mut cluster = Cluster::new();
        for event in &events {
            cluster.carry_out(event);
        }
        // What the watches missed comes with their next listing.
        list_all(&mut cluster.stores, &cluster.objects);
        let incremental = look(&mut cluster.stores, &cluster.policy);
        let mut scratch = Stores::new(Settings::default());
        list_all(&mut scratch, &cluster.objects);
        let scratch = look(&mut scratch, &cluster.policy);
        prop_assert_eq!(incremental, scratch);
    }
}
