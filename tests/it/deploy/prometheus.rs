//! A real Prometheus, and what it is asked.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::control_plane::free_ports;
use crate::support::eventually::eventually;
use crate::support::http;
use crate::support::parts::{self, Missing};
use crate::support::process::{Process, Scratch};
use crate::support::time::{minutes, now};

/// A Prometheus that scrapes one daemon every second. Dropping it ends it.
pub(super) struct Prometheus {
    _process: Process,
    port: u16,
    _scratch: Scratch,
}

impl Prometheus {
    /// Starts one, if this machine has it.
    pub(super) fn start(target: u16, rules: &Value) -> Result<Self, Missing> {
        let program = parts::find("prometheus")?;
        parts::used("prometheus");
        let scratch = Scratch::new("prometheus");
        let rules = scratch.file("rules.yaml", &rules.to_string());
        let config = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [{
                "job_name": "certrotor",
                "honor_labels": true,
                "static_configs": [{"targets": [format!("127.0.0.1:{target}")]}],
            }],
        });
        let config = scratch.file("prometheus.yaml", &config.to_string());
        let [port] = free_ports();
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", scratch.path().join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--log.level=warn".to_owned(),
        ];
        let log = scratch.path().join("prometheus.log");
        let process = Process::start(&program, &args, &log);
        Ok(Self { _process: process, port, _scratch: scratch })
    }

    /// Waits until it answers.
    pub(super) async fn ready(&self) {
        eventually(minutes(1), "Prometheus to be ready", async || {
            match http::get(self.port, "/-/ready").await {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// The series of an expression over the last so many seconds: labels and values that are
    /// numbers, the newest last.
    pub(super) async fn range(&self, expression: &str, seconds: u64) -> Vec<(Value, Vec<f64>)> {
        let end = now().as_second();
        let start = end - i64::try_from(seconds).unwrap();
        let query = format!("query={}&start={start}&end={end}&step=1", encoded(expression));
        let answer = self.ask(&format!("/api/v1/query_range?{query}")).await;
        let series = answer["result"].as_array().cloned().unwrap_or_default();
        let read = |value: &Value| value[1].as_str()?.parse::<f64>().ok();
        let series = series.into_iter().map(|one| {
            let values = one["values"].as_array().into_iter().flatten().filter_map(read);
            (one["metric"].clone(), values.filter(|value| !value.is_nan()).collect())
        });
        series.filter(|(_, values): &(_, Vec<f64>)| !values.is_empty()).collect()
    }

    /// The names of the alerts that fire now, each with the database it is about.
    pub(super) async fn firing(&self) -> Vec<(String, String)> {
        let answer = self.ask("/api/v1/alerts").await;
        let alerts = answer["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        firing
            .map(|alert| {
                let labels = &alert["labels"];
                (text(&labels["alertname"]), text(&labels["database"]))
            })
            .collect()
    }

    async fn ask(&self, path: &str) -> Value {
        let answer =
            http::get(self.port, path).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        assert_eq!(said["status"], "success", "{path}: {}", answer.body);
        said["data"].clone()
    }
}

/// As a URL holds it.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}
