//! The scene: which databases there are, who signs for them, and how long their certificates live.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::core::fleet::Key;
use crate::core::time::Span;

/// The most databases: their names are written out below.
pub const MOST: usize = DATABASES.len();
/// How many there are when nobody says.
pub const USUAL: usize = 3;

/// What mysqld says that it is.
pub(super) const VERSION: &str = "9.1.0";
/// Where certrotor keeps what is its own.
pub(super) const OWN: &str = "certrotor-system";

/// A kind of database, by where and what it is.
struct Actor {
    namespace: &'static str,
    name: &'static str,
    /// How many servers; more than one are a group.
    servers: u32,
    /// Its issuer renews long before a rotation is due, and nobody restarts: the certificate in the
    /// Secret and the one that is served differ until certrotor notices.
    drifts: bool,
}

const fn one(namespace: &'static str, name: &'static str) -> Actor {
    Actor { namespace, name, servers: 1, drifts: false }
}

const fn group(namespace: &'static str, name: &'static str) -> Actor {
    Actor { namespace, name, servers: 3, drifts: false }
}

/// In the order in which they come on. Each namespace has an issuer of its own.
const DATABASES: [Actor; 24] = [
    one("web", "blog"),
    Actor { drifts: true, ..one("shop", "catalog") },
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
const SHORTEST_LIFE: Span = Span::seconds(80);
/// … and how much longer each next one's live: so they do not all fall due at once.
const STEP: Span = Span::seconds(30);

/// An early issuer renews when so much of a life is left: long enough before a rotation is due (at
/// 65 %) for two looks at what is served, 15 seconds apart.
const EARLY_PERCENT: i64 = 82;
/// What it signs lives so many times as long as it would otherwise: so long that there is time for that.
const DRIFTING_LIFE: i64 = 2;

/// The first so many databases.
pub(super) struct Scene {
    actors: &'static [Actor],
}

impl Scene {
    /// With so many databases, at most [`MOST`].
    pub(super) fn of(databases: usize) -> Self {
        Self { actors: &DATABASES[..databases.min(MOST)] }
    }

    /// The databases.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.actors.iter().map(|actor| Key::new(actor.namespace, actor.name)).collect()
    }

    /// How many servers they have in all.
    pub(super) fn servers(&self) -> usize {
        self.actors.iter().map(|actor| actor.servers as usize).sum()
    }

    /// All that has to be there: the namespace of certrotor itself, issuers and databases.
    pub(super) fn objects(&self) -> Vec<Value> {
        let namespaces: BTreeSet<_> = self.actors.iter().map(|actor| actor.namespace).collect();
        let own = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OWN}});
        let issuers = namespaces.into_iter().flat_map(issuers);
        let mut objects: Vec<Value> = std::iter::once(own).chain(issuers).collect();
        let mut life = SHORTEST_LIFE;
        for actor in self.actors {
            objects.push(mysql(actor, life));
            life = life + STEP;
        }
        objects
    }
}

fn mysql(actor: &Actor, life: Span) -> Value {
    let life = if actor.drifts { life.scaled(DRIFTING_LIFE, 1) } else { life };
    // As Go writes it, which knows no days.
    let duration = format!("{}s", life.as_seconds());
    let aliases = ["server", "client", "metrics-exporter"];
    let certificates = aliases.map(|alias| {
        let mut certificate = json!({"alias": alias, "duration": duration});
        if actor.drifts && alias == "server" {
            let early = life.scaled(EARLY_PERCENT, 100);
            certificate["renewBefore"] = json!(format!("{}s", early.as_seconds()));
        }
        certificate
    });
    let mut mysql = json!({
        "apiVersion": "kubedb.com/v1",
        "kind": "MySQL",
        "metadata": {"namespace": actor.namespace, "name": actor.name},
        "spec": {
            "version": VERSION,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::core::certificate::Fingerprint;
    use crate::core::fleet::LeafId;
    use crate::core::ladder::Leads;
    use crate::core::record::Wishes;
    use crate::core::time::Time;
    use crate::demo::system::SETTINGS;

    fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
        objects.iter().filter(move |object| object["kind"] == kind)
    }

    #[test]
    fn every_database_has_a_name_of_its_own_and_an_issuer() {
        let objects = Scene::of(MOST).objects();
        let mut names: Vec<_> = DATABASES.iter().map(|actor| actor.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MOST, "a name alone tells them apart");
        let place =
            |object: &Value, name: &Value| (object["metadata"]["namespace"].clone(), name.clone());
        let issuers: Vec<_> =
            of_kind(&objects, "Issuer").map(|it| place(it, &it["metadata"]["name"])).collect();
        for mysql in of_kind(&objects, "MySQL") {
            let issuer = place(mysql, &mysql["spec"]["tls"]["issuerRef"]["name"]);
            assert!(issuers.contains(&issuer), "{issuer:?}");
        }
    }

    #[test]
    fn the_usual_ones_are_a_standalone_a_group_and_one_with_another_issuer() {
        let objects = Scene::of(USUAL).objects();
        let databases: Vec<_> = of_kind(&objects, "MySQL").collect();
        let groups = databases.iter().filter(|it| it["spec"]["topology"].is_object()).count();
        let issuers: BTreeSet<_> =
            databases.iter().map(|it| it["spec"]["tls"]["issuerRef"]["name"].to_string()).collect();
        assert_eq!((databases.len(), groups, issuers.len()), (3, 1, 2));
    }

    #[test]
    fn the_first_rotation_is_due_within_a_minute_and_all_usual_ones_well_within_two() {
        let (config, _) = Config::parse(SETTINGS, "demo.yaml").unwrap();
        let due = |index: usize| {
            let life = SHORTEST_LIFE + STEP.scaled(i64::try_from(index).unwrap(), 1);
            let born = Time::from_unix(0);
            let leaf = LeafId {
                not_before: born,
                not_after: born + life,
                fingerprint: None::<Fingerprint>,
            };
            let leads = Leads::of(&config.policy.rules, &Wishes::default(), life);
            leads.renew_at(&leaf).since(born)
        };
        assert!(due(0) <= Span::seconds(45), "{}", due(0));
        assert!(due(USUAL - 1) <= Span::seconds(75), "{}", due(USUAL - 1));
        assert!(due(MOST - 1) < Span::minutes(5), "--once waits for five minutes");
    }
}
