//! A real Prometheus on the demo, which is driven into trouble: alerts fire, and every panel of
//! every dashboard has something to show.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::prometheus::Prometheus;
use super::rules::{FILE, yaml};
use super::{dashboards, path, read};
use crate::support::api::{
    CERTIFICATE, Cluster, ISSUER, MYSQL, REQUEST, ROTATION, SECRET, condition_of,
};
use crate::support::control_plane::free_ports;
use crate::support::eventually::eventually;
use crate::support::http;
use crate::support::lab::test_name;
use crate::support::parts;
use crate::support::process::{Process, Scratch};
use crate::support::time::{minutes, seconds};

/// As config/demo.yaml, but that servers are looked at all the time, and that `web` has no window for
/// months, so that what is due there waits.
const CONFIG: &str = r#"
rotation:
  renewBefore: 65%
  emergency: {before: 16%, overrides: [freezes]}
  expectedDuration: 20s
  timeout: 1m
  pickUpWithin: 30s
  minInterval: 15s
  limits: {total: 3, perNamespace: 2, perIssuer: 2}
  retry: {attempts: 3, backoff: {from: 20s, to: 1m}}
probe: {every: 3s}
overrides:
  - match: {namespaces: [web]}
    windows: [{open: "0 3 29 2 *", for: 4h}]
"#;

/// The databases, to be filled in for the variables of a dashboard.
const DATABASES: [[&str; 2]; 4] =
    [["shop", "orders"], ["web", "blog"], ["web", "brief"], ["shop", "catalog"]];
/// How far back to look: longer than the test takes.
const RANGE: u64 = 300;

/// A demo with a folder of its own.
pub(super) struct Demo {
    process: Process,
    port: u16,
    scratch: Scratch,
}

/// A demo, and what watches it.
struct Scene {
    demo: Demo,
    prometheus: Prometheus,
    cluster: Cluster,
}

impl Demo {
    /// Starts one, perhaps with a config, and waits until it is ready.
    pub(super) async fn start(config: Option<&str>) -> Self {
        let [port] = free_ports();
        let scratch = Scratch::new("live");
        if let Some(config) = config {
            scratch.file("certrotor.yaml", config);
        }
        let folder = scratch.path().to_string_lossy().into_owned();
        let listen = format!("127.0.0.1:{port}");
        let args = [
            &["demo", "--mysqld", "simulated", "--listen", &listen][..],
            &["--page", "127.0.0.1:0", "--dir", &folder],
        ]
        .concat();
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let program = Path::new(env!("CARGO_BIN_EXE_certrotor"));
        let process = Process::start(program, &args, &scratch.path().join("printed"));
        eventually(minutes(1), "the demo to be ready", async || {
            match http::get(port, "/readyz").await {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}\n{}", process.tail(20))),
            }
        })
        .await;
        Self { process, port, scratch }
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.scratch.path().join("kubeconfig")
    }
}

impl Scene {
    async fn start() -> Result<Self, String> {
        parts::find("prometheus").map_err(|missing| missing.to_string())?;
        let demo = Demo::start(Some(CONFIG)).await;
        let prometheus = Prometheus::start(demo.port, &impatient());
        let prometheus = prometheus.map_err(|missing| missing.to_string())?;
        prometheus.ready().await;
        let cluster = Cluster::connect(&demo.kubeconfig()).await;
        Ok(Self { demo, prometheus, cluster })
    }

    async fn until(
        &self,
        within: Duration,
        what: &str,
        look: impl AsyncFnMut() -> Result<(), String>,
    ) {
        eventually(within, what, look).await;
    }

    /// Waits until Prometheus shows an alert about a database firing.
    async fn fires(&self, alert: &str, database: &str) {
        let wanted = (alert.to_owned(), database.to_owned());
        self.until(minutes(2), &format!("{alert} {database:?} to fire"), async || {
            let firing = self.prometheus.firing().await;
            if firing.contains(&wanted) { Ok(()) } else { Err(format!("{firing:?}")) }
        })
        .await;
    }

    async fn issued(&self, database: &str) {
        let what = format!("the certificates of {database}");
        self.until(minutes(1), &what, async || {
            for alias in ["server", "client", "metrics-exporter"] {
                let name = format!("{database}-{alias}-cert");
                let certificate = self.cluster.find(CERTIFICATE, "web", &name).await;
                let certificate = certificate.ok_or_else(|| format!("no {name}"))?;
                let secret = self.cluster.find(SECRET, "web", &name).await;
                if condition_of(&certificate, "Ready")["status"] != "True" || secret.is_none() {
                    return Err(certificate["status"].to_string());
                }
            }
            Ok(())
        })
        .await;
    }

    /// Somebody renews a certificate and restarts nobody.
    async fn drift(&self) {
        self.issued("blog").await;
        self.cluster.delete(SECRET, "web", "blog-server-cert").await;
        self.issued("blog").await;
    }

    /// A certificate that lives for seconds, and nobody who could sign another.
    async fn expire(&self) {
        let certificates = ["server", "client", "metrics-exporter"]
            .map(|alias| json!({"alias": alias, "duration": "40s"}));
        let brief = json!({
            "metadata": {"namespace": "web", "name": "brief"},
            "spec": {
                "version": "9.1.0",
                "replicas": 1,
                "storageType": "Ephemeral",
                "deletionPolicy": "WipeOut",
                "requireSSL": true,
                "tls": {
                    "issuerRef": {"apiGroup": "cert-manager.io", "kind": "Issuer", "name": "web-ca"},
                    "certificates": certificates,
                },
            },
        });
        self.cluster.create(MYSQL, "web", brief).await;
        self.issued("brief").await;
        self.cluster.delete(ISSUER, "web", "web-ca").await;
    }

    /// Asks for a rotation as a person does.
    async fn ask_for(&self, database: &str) {
        let what = format!("the Rotation of {database}");
        self.until(minutes(1), &what, async || {
            let rotation = self.cluster.find(ROTATION, "shop", database).await.unwrap_or_default();
            let state = rotation["status"]["state"].clone();
            if state == "Fresh" { Ok(()) } else { Err(state.to_string()) }
        })
        .await;
        let wish = json!({"spec": {"requestedAt": "now"}});
        self.cluster.patch(ROTATION, "shop", database, &wish).await;
    }

    /// Somebody deletes the request of a rotation that is under way.
    async fn fail(&self) {
        self.ask_for("catalog").await;
        self.until(minutes(1), "the request of catalog to be gone", async || {
            let rotation = self.cluster.get(ROTATION, "shop", "catalog").await;
            let request = &rotation["status"]["current"]["request"];
            // Until it is noted that it was created, it would be created again.
            let noted = request["uid"].is_string().then(|| request["name"].as_str()).flatten();
            let noted = noted.ok_or_else(|| rotation["status"].to_string())?;
            self.cluster.delete(REQUEST, "shop", noted).await;
            Ok(())
        })
        .await;
    }

    async fn verified(&self, database: &str) {
        let what = format!("the rotation of {database}");
        self.until(minutes(2), &what, async || {
            let rotation = self.cluster.get(ROTATION, "shop", database).await;
            let last = &rotation["status"]["last"]["outcome"];
            if last == "verified" { Ok(()) } else { Err(rotation["status"].to_string()) }
        })
        .await;
    }

    /// What a query of a panel gives: its newest values, or nothing.
    async fn shown(&self, query: &str) -> Vec<String> {
        let query = query
            .replace("$job", "certrotor")
            .replace("$__rate_interval", "15s")
            .replace("$__range", &format!("{RANGE}s"));
        for [namespace, database] in DATABASES {
            let query = query.replace("$namespace", namespace).replace("$database", database);
            let series = self.prometheus.range(&query, RANGE).await;
            let lines = series.iter().map(|(labels, values)| line(labels, values));
            let lines: Vec<String> = lines.collect();
            if !lines.is_empty() {
                return lines;
            }
        }
        Vec::new()
    }
}

/// The rules, but that they wait for nothing: promtool has tested how long they wait.
fn impatient() -> Value {
    let mut rules = yaml(FILE);
    for group in rules["groups"].as_array_mut().unwrap() {
        for rule in group["rules"].as_array_mut().unwrap() {
            if rule["for"].is_string() {
                rule["for"] = json!("0s");
            }
        }
    }
    rules
}

fn line(labels: &Value, values: &[f64]) -> String {
    let hidden = ["__name__", "instance", "job"];
    let labels = labels.as_object().into_iter().flatten();
    let shown = labels.filter(|(label, _)| !hidden.contains(&label.as_str()));
    let shown: Vec<String> = shown.map(|(label, value)| format!("{label}={value}")).collect();
    let newest = values.last().copied().unwrap_or_default();
    let newest = (newest * 1000.0).round() / 1000.0;
    format!("{{{}}} {newest}", shown.join(", "))
}

#[test]
fn alerts_fire_and_every_panel_has_something_to_show() {
    crate::support::lab::runtime().block_on(async {
        match Scene::start().await {
            Ok(scene) => play(&scene).await,
            Err(why) => parts::skipped(&test_name(), &why),
        }
    });
}

async fn play(scene: &Scene) {
    scene.fail().await;
    scene.fires("CertrotorRotationFailed", "catalog").await;
    scene.ask_for("orders").await;
    scene.drift().await;
    // At once: that a certificate is being issued hides that an older one is served.
    scene.fires("CertrotorServedStale", "blog").await;
    scene.expire().await;
    scene.fires("CertrotorCertificateExpiring", "brief").await;
    scene.fires("CertrotorCertificateExpiresSoon", "brief").await;
    scene.verified("orders").await;
    every_panel_shows_something(scene).await;

    let firing = scene.prometheus.firing().await;
    assert!(!firing.iter().any(|(alert, _)| alert == "CertrotorAbsent"), "{firing:?}");
    scene.demo.process.kill();
    scene.fires("CertrotorAbsent", "").await;
}

async fn every_panel_shows_something(scene: &Scene) {
    // What was closed a moment ago is on the page at the next scrape, and a rate takes two.
    let counted = "increase(certrotor_remaining_life_at_rotation_ratio_count[1m]) > 0";
    scene
        .until(seconds(30), "the rotation to be counted", async || {
            let seen = scene.prometheus.range(counted, RANGE).await;
            if seen.is_empty() { Err("not yet".to_owned()) } else { Ok(()) }
        })
        .await;
    let mut shown = std::collections::BTreeMap::new();
    let mut empty = Vec::new();
    for dashboard in dashboards::all() {
        for panel in dashboard.panels() {
            for query in panel.queries {
                let lines = scene.shown(&query).await;
                if lines.is_empty() {
                    empty.push(format!("{}: {}: {query}", dashboard.title, panel.title));
                }
                shown.insert(query, lines);
            }
        }
    }
    assert!(empty.is_empty(), "nothing to show:\n{}", empty.join("\n"));
    if std::env::var_os("CERTROTOR_UPDATE").is_some() {
        const MOST: usize = 4;
        let before = dashboards::before(&read(dashboards::PAGE)).to_owned();
        let page = dashboards::page(&before, |query| {
            let lines = &shown[query];
            let more = lines.len().saturating_sub(MOST);
            let rest = (more > 0).then(|| format!("… {more} more"));
            lines.iter().take(MOST).cloned().chain(rest).collect::<Vec<_>>().join("\n")
        });
        fs::write(path(dashboards::PAGE), page).unwrap();
    }
}
