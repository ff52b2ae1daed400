//! Where scenarios play: a daemon, a namespace it watches, databases in it; and what they expect.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::actor::{Database, Issuer, Wanted, issuer};
use crate::support::api::{EVENT, MYSQL, name, uid};
use crate::support::daemon::{Daemon, Install, assert_no_secrets};
use crate::support::lab::{Lab, scene};
use crate::support::proxy::Proxy;
use crate::support::time::{ago, ahead, days, minutes, now};

/// How long anything may take that needs no waiting: this machine may be busy.
pub(crate) const SOON: Duration = minutes(1);

/// When the daemon planned last.
const PLANNED: &str = "certrotor_last_plan_timestamp_seconds";

/// Settings under which nothing waits but for its own reasons: no limits, no breaker.
pub(crate) fn settings() -> Value {
    json!({
        "rotation": {
            "renewBefore": "45%",
            "expectedDuration": "1m",
            "minInterval": "6h",
            "limits": {"total": 1000, "perNamespace": 1000, "perIssuer": 1000},
            "retry": {"attempts": 3, "backoff": {"from": "1h", "to": "1h"}},
            "breaker": {"failures": 1000, "of": 1000},
        },
        "probe": {"enabled": false},
    })
}

/// What differs, by the beginning of the namespace, for the databases of the shared daemon.
fn overrides() -> Value {
    let day = |at: jiff::Timestamp| at.strftime("%Y-%m-%d").to_string();
    // Half a year from now.
    let far = ahead(days(183)).strftime("0 3 %-d %-m *").to_string();
    let freeze = json!([{"from": day(ago(days(1))), "to": day(ahead(days(2))), "reason": "fair"}]);
    json!([
        {"match": {"namespaces": ["closed-*"]}, "windows": [{"open": far, "for": "4h"}]},
        {"match": {"namespaces": ["frozen-*"]}, "freezes": freeze},
        {"match": {"namespaces": ["scheduled-*"]}, "schedule": {"cron": "0 * * * *"}},
        {"match": {"namespaces": ["retried-*"]}, "retry": {"backoff": {"from": "1s", "to": "1s"}}},
        {"match": {"namespaces": ["hasty-*"]}, "pickUpWithin": "2s", "timeout": "1s"},
    ])
}

/// The daemon that most scenarios share: one process, many namespaces.
static SHARED: OnceCell<Daemon> = OnceCell::const_new();

/// A daemon and a namespace with an issuer.
pub(crate) struct Stage<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) daemon: &'a Daemon,
    pub(crate) namespace: String,
    pub(crate) issuer: Issuer,
}

/// A daemon of a scenario's own, with a proxy between it and the apiserver.
pub(crate) struct OwnDaemon {
    pub(crate) install: Install,
    pub(crate) proxy: Proxy,
    pub(crate) daemon: Daemon,
}

impl OwnDaemon {
    /// Starts one that watches the namespaces that begin with the test's name.
    pub(crate) async fn start(lab: &Lab, change: &Value) -> Self {
        let proxy = Proxy::start(lab.plane).await;
        let namespace = format!("daemon-{}", lab.name);
        let install = Install::new(lab.plane, &namespace, proxy.address()).await;
        let daemon = Daemon::start(&install, "one", &own_settings(lab, change));
        daemon.ready().await;
        Self { install, proxy, daemon }
    }
}

/// The settings of a daemon of a scenario's own.
pub(crate) fn own_settings(lab: &Lab, change: &Value) -> Value {
    let mut settings = settings();
    settings["watch"] = json!({"namespaces": [format!("{}*", lab.name)]});
    merge(&mut settings, change);
    settings
}

/// A JSON merge patch.
pub(crate) fn merge(target: &mut Value, change: &Value) {
    let Some(change) = change.as_object() else {
        *target = change.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in change {
        merge(&mut target[key], value);
    }
}

async fn shared(lab: &Lab) -> &'static Daemon {
    let daemon = SHARED.get_or_init(async || {
        let mut settings = settings();
        let prefixes = ["open-*", "closed-*", "frozen-*", "scheduled-*", "retried-*", "hasty-*"];
        settings["watch"] = json!({"namespaces": prefixes});
        settings["overrides"] = overrides();
        let install = Install::new(lab.plane, "certrotor-shared", &lab.plane.server()).await;
        let daemon = Daemon::start(&install, "shared", &settings);
        daemon.ready().await;
        daemon
    });
    daemon.await
}

impl<'a> Stage<'a> {
    /// A namespace of the shared daemon; `rules` is the beginning of its name.
    pub(crate) async fn shared(lab: &'a Lab, rules: &str) -> Self {
        let daemon = shared(lab).await;
        Self::new(lab, daemon, &format!("{rules}-{}", lab.name)).await
    }

    /// A namespace of any daemon.
    pub(crate) async fn new(lab: &'a Lab, daemon: &'a Daemon, namespace: &str) -> Self {
        lab.admin.create_namespace(namespace).await;
        let issuer = issuer(&lab.admin, namespace, "ca").await;
        Self { lab, daemon, namespace: namespace.to_owned(), issuer }
    }

    /// A database in it.
    pub(crate) async fn database(&self, name: &str, wanted: &Wanted) -> Database {
        Database::create(&self.lab.admin, &self.namespace, name, &self.issuer, wanted).await
    }

    /// Waits until the Rotation of a database satisfies `wanted`.
    pub(crate) async fn rotation(
        &self,
        database: &Database,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let found = crate::support::eventually::patiently(SOON, async || {
            let rotation = database.rotation().await;
            if wanted(&rotation["status"]) { Ok(rotation) } else { Err(rotation.to_string()) }
        });
        match found.await {
            Ok(rotation) => rotation,
            Err(seen) => {
                let scene = scene(&self.lab.admin, &self.namespace).await;
                panic!("waited for {what} of {}; last seen: {seen}\n{scene}", database.name)
            }
        }
    }

    /// Waits until the state of a database is this word.
    pub(crate) async fn state(&self, database: &Database, state: &str) -> Value {
        let what = format!("the state {state}");
        self.rotation(database, &what, |status| status["state"] == state).await
    }

    /// Waits until a gate is named as a reason, in the Rotation and in the metrics.
    pub(crate) async fn gate(&self, database: &Database, gate: &str) -> Value {
        let what = format!("the gate {gate}");
        let rotation = self.rotation(database, &what, |status| has(&status["reasons"], gate)).await;
        assert_eq!(rotation["status"]["state"], "Waiting", "{rotation}");
        let labels =
            [("namespace", &*self.namespace), ("database", &*database.name), ("reason", gate)];
        self.daemon.metric("certrotor_gate", &labels, |value| value > 0.0).await;
        assert_eq!(database.requests().await.len(), 0, "{}", database.name);
        rotation
    }

    /// Waits for the first request of a database, and for its record; checks all that it carries.
    pub(crate) async fn one_request(&self, database: &Database, cause: &str) -> Value {
        let request = database.request(1).await;
        let rotation = self
            .rotation(database, "the request in the record", |status| {
                status["current"]["request"]["uid"] == uid(&request)
            })
            .await;
        request_is_right(database, &request, &rotation, cause);
        request
    }

    /// Waits until the rotation is closed with this outcome; checks the record, the count and the
    /// Event.
    pub(crate) async fn closed(&self, database: &Database, cause: &str, outcome: &str) -> Value {
        let rotation = self
            .rotation(database, "the closed record", |status| {
                status["current"].is_null() && status["last"]["outcome"] == outcome
            })
            .await;
        self.told(database, cause, outcome).await;
        rotation
    }

    /// Waits until the rotation is closed with this outcome, whoever counted it.
    pub(crate) async fn closed_in_the_record(&self, database: &Database, outcome: &str) {
        let closed =
            |status: &Value| status["current"].is_null() && status["last"]["outcome"] == outcome;
        self.rotation(database, "the closed record", closed).await;
    }

    /// Waits for the first request of a database of which only the name is checked.
    pub(crate) async fn one_request_by_name(&self, database: &Database) -> Value {
        let request = database.request(1).await;
        assert!(name(&request).starts_with(&format!("{}-rotate-", database.name)), "{request}");
        assert_eq!(request["metadata"]["ownerReferences"][0]["uid"], *database.uid);
        request
    }

    /// Waits until an attempt has ended with this outcome and the rotation goes on; checks the
    /// record, the count and the Event.
    pub(crate) async fn attempt(&self, database: &Database, cause: &str, outcome: &str) -> Value {
        let rotation = self
            .rotation(database, "the ended attempt", |status| {
                let attempts = status["attempts"].as_array();
                attempts.is_some_and(|all| all.iter().any(|each| each["outcome"] == outcome))
            })
            .await;
        self.told(database, cause, outcome).await;
        rotation
    }

    /// The count and the Event of an outcome.
    async fn told(&self, database: &Database, cause: &str, outcome: &str) {
        let labels = [("cause", cause), ("outcome", outcome)];
        self.daemon.metric("certrotor_rotations_total", &labels, |value| value >= 1.0).await;
        let reason = format!("{}{}", outcome[..1].to_uppercase(), &outcome[1..]);
        self.event(database, |it| it.contains(&*reason)).await;
    }

    /// Waits for an Event about the Rotation of a database with a reason like this.
    pub(crate) async fn event(&self, database: &Database, wanted: impl Fn(&str) -> bool) -> Value {
        self.lab
            .eventually(&self.namespace, SOON, "the Event", async || {
                let events = self.lab.admin.list(EVENT, &self.namespace).await;
                let about = events.iter().filter(|event| {
                    event["regarding"]["name"] == *database.name
                        && event["regarding"]["kind"] == "Rotation"
                });
                let about: Vec<&Value> = about.collect();
                let reason = |event: &Value| event["reason"].as_str().unwrap_or("").to_owned();
                let found = about.iter().find(|event| wanted(&reason(event)));
                let reasons = || about.iter().map(|event| reason(event)).collect::<Vec<_>>();
                found.map(|event| (*event).clone()).ok_or_else(|| format!("{:?}", reasons()))
            })
            .await
    }

    /// There is exactly this many requests, and nothing more is coming: the daemon has looked at
    /// the present state and is idle.
    pub(crate) async fn still(&self, database: &Database, requests: usize) {
        self.still_at(database, requests, Duration::ZERO).await;
    }

    /// The same with a daemon whose clock is ahead.
    pub(crate) async fn still_at(&self, database: &Database, requests: usize, ahead: Duration) {
        self.looked_again(ahead).await;
        assert_eq!(database.requests().await.len(), requests, "{}", database.name);
        assert_no_secrets(&self.daemon.printed());
    }

    /// Waits until the daemon has made a plan later than now.
    pub(crate) async fn looked_again(&self, ahead: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact")]
        let since = (now() + ahead).as_second() as f64 + 1.0;
        let what = "a plan later than now";
        self.lab
            .eventually(&self.namespace, SOON, what, async || {
                self.nudge().await;
                let planned = self.daemon.metrics().await.sum(PLANNED, &[]);
                planned.filter(|at| *at > since).ok_or_else(|| format!("{planned:?}"))
            })
            .await;
    }

    /// Changes an object that the daemon watches, without meaning.
    async fn nudge(&self) {
        let change = json!({"metadata": {"annotations": {"nudge": now().to_string()}}});
        let issuer = &self.issuer.name;
        let admin = &self.lab.admin;
        admin.patch(crate::support::api::ISSUER, &self.namespace, issuer, &change).await;
    }
}

/// The one request of a rotation carries all that it should, and the record knows it.
fn request_is_right(database: &Database, request: &Value, rotation: &Value, cause: &str) {
    let current = &rotation["status"]["current"];
    let causes = current["causes"].as_array().unwrap();
    let named = causes.iter().any(|each| each["cause"] == cause);
    assert!(named, "{cause} is not among {causes:?}");
    assert_eq!(current["request"]["name"], name(request));
    assert_eq!(rotation["metadata"]["ownerReferences"][0]["uid"], *database.uid);

    let stem = format!("{}-rotate-", database.name);
    let suffix = name(request).strip_prefix(&stem).unwrap();
    assert!(suffix.len() == 8 && suffix.bytes().all(|b| b.is_ascii_hexdigit()), "{suffix}");
    let spec = &request["spec"];
    assert_eq!(spec["type"], "ReconfigureTLS");
    assert_eq!(spec["databaseRef"], json!({"name": database.name}));
    assert_eq!(spec["tls"], json!({"rotateCertificates": true}));
    assert!(["IfReady", "Always"].contains(&spec["apply"].as_str().unwrap()));
    assert!(spec["timeout"].is_string());

    let owners = request["metadata"]["ownerReferences"].as_array().unwrap();
    let [owner] = owners.as_slice() else { panic!("{owners:?}") };
    assert_eq!([&owner["kind"], &owner["uid"]], [&json!("MySQL"), &json!(database.uid)]);
    assert_eq!(owner["apiVersion"], MYSQL.api_version());
    assert_ne!(owner["blockOwnerDeletion"], true);
    assert_ne!(owner["controller"], true);

    let annotations = &request["metadata"]["annotations"];
    let annotation = |key: &str| {
        let value = annotations[format!("certrotor.dev/{key}")].as_str();
        value.unwrap_or_else(|| panic!("no {key} in {annotations}")).to_owned()
    };
    assert_eq!(annotation("database-uid"), database.uid);
    assert_eq!(annotation("attempt"), "1");
    assert_eq!(annotation("opened"), current["opened"].as_str().unwrap());
    assert!(annotation("causes").contains(cause), "{annotations}");
    assert!(!annotation("installation").is_empty());
    assert!(!annotation("stage").is_empty());
    assert!(serde_json::from_str::<Value>(&annotation("baseline")).is_ok());
}

/// Whether a list of words has this one.
pub(crate) fn has(words: &Value, word: &str) -> bool {
    words.as_array().is_some_and(|words| words.iter().any(|each| each == word))
}
