//! The scene: which databases there are, who signs for them, and how long their certificates live.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::core::fleet::Key;
use crate::core::time::Span;

/// The most databases: their names are written out below.
pub const MOST: usize = DATABASES.len();
/// How many there are when nobody says.
pub const USUAL: usize = 3;

/// A kind of database, by where and what it is.
struct Actor {
    namespace: &'static str,
    name: &'static str,
    /// How many servers; more than one are a group.
    servers: u32,
}

const fn one(namespace: &'static str, name: &'static str) -> Actor {
    Actor { namespace, name, servers: 1 }
}

const fn group(namespace: &'static str, name: &'static str) -> Actor {
    Actor { namespace, name, servers: 3 }
}

/// In the order in which they come on. Each namespace has an issuer of its own.
const DATABASES: [Actor; 24] = [
    one("web", "blog"),
    one("shop", "catalog"),
    group("shop", "orders"),
    one("web", "forum"),
    one("bank", "cards"),
    group("bank", "ledger"),
    one("games", "scores"),
    one("shop", "stock"),
    group("games", "players"),
    one("web", "wiki"),
    one("bank", "loans"),
    group("web", "sessions"),
    one("labs", "results"),
    one("games", "matches"),
    group("labs", "samples"),
    one("shop", "carts"),
    one("bank", "rates"),
    group("shop", "invoices"),
    one("web", "search"),
    one("games", "guilds"),
    group("bank", "payments"),
    one("labs", "devices"),
    one("shop", "reviews"),
    group("labs", "archive"),
];

/// The life of the first database's certificates …
const SHORTEST_LIFE: Span = Span::minutes(2);
/// … and how much longer each next one's live: so they do not all fall due at once.
const STEP: Span = Span::seconds(30);

/// The first so many databases.
pub struct Scene {
    actors: &'static [Actor],
}

impl Scene {
    /// With so many databases, at most [`MOST`].
    pub fn of(databases: usize) -> Self {
        Self { actors: &DATABASES[..databases.min(MOST)] }
    }

    /// The databases.
    pub fn keys(&self) -> Vec<Key> {
        self.actors.iter().map(|actor| Key::new(actor.namespace, actor.name)).collect()
    }

    /// All that has to be there: issuers and databases.
    pub fn objects(&self) -> Vec<Value> {
        let namespaces: BTreeSet<_> = self.actors.iter().map(|actor| actor.namespace).collect();
        let mut objects: Vec<Value> = namespaces.into_iter().flat_map(issuers).collect();
        let mut life = SHORTEST_LIFE;
        for actor in self.actors {
            objects.push(mysql(actor, life));
            life = life + STEP;
        }
        objects
    }
}

fn mysql(actor: &Actor, life: Span) -> Value {
    // As Go writes it, which knows no days.
    let duration = format!("{}s", life.as_seconds());
    let aliases = ["server", "client", "metrics-exporter"];
    let certificates = aliases.map(|alias| json!({"alias": alias, "duration": duration}));
    let mut mysql = json!({
        "apiVersion": "kubedb.com/v1",
        "kind": "MySQL",
        "metadata": {"namespace": actor.namespace, "name": actor.name},
        "spec": {
            "version": "9.1.0",
            "replicas": actor.servers,
            "storageType": "Ephemeral",
            "deletionPolicy": "WipeOut",
            "requireSSL": true,
            "tls": {
                "issuerRef": {
                    "apiGroup": "cert-manager.io",
                    "kind": "Issuer",
                    "name": issuer(actor.namespace),
                },
                "certificates": certificates,
            },
        },
    });
    if actor.servers > 1 {
        mysql["spec"]["topology"] =
            json!({"mode": "GroupReplication", "group": {"mode": "Single-Primary"}});
    }
    mysql
}

/// A CA as people set one up with cert-manager: an issuer that signs itself, a CA certificate from
/// it, and the issuer that signs with that.
fn issuers(namespace: &str) -> [Value; 3] {
    let name = issuer(namespace);
    let metadata = |name: &str| json!({"namespace": namespace, "name": name});
    [
        json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "Issuer",
            "metadata": metadata("self-signed"),
            "spec": {"selfSigned": {}},
        }),
        json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": metadata(&name),
            "spec": {
                "isCA": true,
                "commonName": format!("CA of {namespace}"),
                "secretName": name,
                "duration": "87600h",
                "privateKey": {"algorithm": "ECDSA", "size": 256},
                "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": "self-signed"},
            },
        }),
        json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "Issuer",
            "metadata": metadata(&name),
            "spec": {"ca": {"secretName": name}},
        }),
    ]
}

/// The issuer of a namespace, its CA's certificate and the Secret that holds it.
fn issuer(namespace: &str) -> String {
    format!("{namespace}-ca")
}
