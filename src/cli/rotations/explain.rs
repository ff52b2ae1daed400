//! `certrotor explain`: why a database is rotated, or not, in words.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use http::Uri;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::ask::{Ask, Unanswered};
use super::choice::{Scope, key, key_of, owner_of};
use super::reach::{Cluster, Reached};
use super::row::{away, word};
use super::told::told;
use super::words::{is_gate, meaning};
use crate::clock::{Clock as _, SystemClock};
use crate::config::values::nearest;
use crate::core::certificate::sanitize;
use crate::core::fleet::Key;
use crate::core::time::Time;
use crate::report::{Explanation, Overview};

#[derive(Debug, Args)]
pub(in crate::cli) struct Explain {
    /// The database
    #[arg(value_name = "[NAMESPACE/]NAME")]
    name: String,
    #[command(flatten)]
    place: Place,
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    ask: Ask,
    #[command(flatten)]
    cluster: Cluster,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Words
    Text,
    /// What /api/v1/databases/NAMESPACE/NAME answers, in JSON
    Json,
    /// The same in YAML
    Yaml,
}

/// Where one database is.
#[derive(Debug, Args)]
struct Place {
    /// The namespace [default: that of the context]
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
}

impl Explain {
    pub(in crate::cli) fn main(&self) -> anyhow::Result<ExitCode> {
        match &self.ask.server {
            Some(server) => super::reach::block_on(self.ask(server)),
            None => self.cluster.run(async |reached| self.run(&reached).await),
        }
    }

    async fn run(&self, reached: &Reached) -> anyhow::Result<ExitCode> {
        let scope = Scope::of(self.place.namespace.clone());
        let rotations = scope.rotations(reached, std::slice::from_ref(&self.name)).await?;
        for rotation in &rotations {
            let asked = match owner_of(rotation) {
                Some(owner) => Ask::leader(reached, &owner, &path(&key_of(rotation))).await,
                None => Err(Unanswered::NotFound("no daemon has taken it on".to_owned())),
            };
            match asked {
                Ok(said) => self.show(&said)?,
                Err(why) => self.fall_back(rotation, &why)?,
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The daemon is asked where it was said to be, and no cluster.
    async fn ask(&self, server: &Uri) -> anyhow::Result<ExitCode> {
        let key = key(&self.name, self.place.namespace.as_deref());
        if key.namespace.is_empty() {
            bail!("with --server a database is named NAMESPACE/NAME, or with -n");
        }
        match Ask::server::<Explanation>(server, &path(&key)).await {
            Ok(said) => self.show(&said)?,
            Err(Unanswered::Other(error)) => return Err(error),
            Err(Unanswered::NotFound(told)) => {
                let all = Ask::server::<Overview>(server, "/api/v1/databases?limit=1000").await;
                let lines = all.map(|all| all.databases).unwrap_or_default();
                let names: Vec<String> =
                    lines.iter().map(|line| format!("{}/{}", line.namespace, line.name)).collect();
                let near = nearest(&key.to_string(), names.iter().map(String::as_str));
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                bail!("{told}{near}");
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, said: &Explanation) -> anyhow::Result<()> {
        let mut out = anstream::stdout();
        match self.output {
            Output::Text => write!(out, "{}", told(said, SystemClock.now()))?,
            Output::Json => writeln!(out, "{:#}", json!(said))?,
            Output::Yaml => write!(out, "{}", serde_saphyr::to_string(&json!(said))?)?,
        }
        Ok(())
    }

    fn fall_back(&self, rotation: &DynamicObject, why: &Unanswered) -> anyhow::Result<()> {
        let why = match why {
            Unanswered::NotFound(told) => told.clone(),
            Unanswered::Other(error) => sanitize(&format!("{error:#}")),
        };
        if self.output != Output::Text {
            bail!("-o is for what the daemon says, which cannot be asked: {why}");
        }
        let mut out = anstream::stdout();
        write!(out, "{}", explained(rotation, SystemClock.now()))?;
        writeln!(
            out,
            "\nThis is what its Rotation says. The daemon, which knows every check, was not asked: {why}"
        )?;
        Ok(())
    }
}

fn path(key: &Key) -> String {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("/api/v1/databases/{}/{}", part(&key.namespace), part(&key.name))
}

/// All that a Rotation says, the words with what they mean.
pub(super) fn explained(rotation: &DynamicObject, now: Time) -> String {
    let mut page = Page { lines: vec![key_of(rotation).to_string()], now };
    page.state(rotation);
    page.reasons(rotation);
    page.wishes(&rotation.data["spec"]);
    page.certificates(&rotation.data["status"]["certificates"]);
    page.current(&rotation.data["status"]["current"]);
    page.last(&rotation.data["status"]["last"]);
    page.attempts(&rotation.data["status"]["attempts"]);
    page.lines.join("\n") + "\n"
}

struct Page {
    lines: Vec<String>,
    now: Time,
}

impl Page {
    fn line(&mut self, name: &str, what: &str) {
        self.lines.push(format!("  {name:<16} {what}"));
    }

    fn heading(&mut self, heading: &str) {
        self.lines.extend([String::new(), heading.to_owned()]);
    }

    fn state(&mut self, rotation: &DynamicObject) {
        let Some(state) = word(rotation, "/status/state") else {
            return self.line("State", "certrotor has not looked at it yet: does the daemon run?");
        };
        self.line("State", &with_meaning(&state));
        if let Some(message) = word(rotation, "/status/message") {
            self.line("Message", &message);
        }
        if let Some(expires) = word(rotation, "/status/expires") {
            let expires = self.moment(&expires);
            self.line("Expires", &expires);
        }
        if let Some(next) = word(rotation, "/status/next") {
            self.line("Next", &format!("{next}, to the minute"));
        }
    }

    fn reasons(&mut self, rotation: &DynamicObject) {
        let reasons = texts(&rotation.data["status"]["reasons"]);
        let (gates, causes): (Vec<String>, Vec<String>) =
            reasons.into_iter().partition(|word| is_gate(word));
        for (heading, words) in [("Why it is due", causes), ("Why it waits", gates)] {
            if !words.is_empty() {
                self.heading(heading);
                for word in words {
                    self.lines.push(format!("  {}", with_meaning(&word)));
                }
            }
        }
    }

    fn wishes(&mut self, spec: &Value) {
        let Some(wishes) = spec.as_object().filter(|wishes| !wishes.is_empty()) else { return };
        self.heading("What people ask for (spec)");
        for (name, value) in wishes {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            self.line(name, &sanitize(&value));
        }
    }

    fn certificates(&mut self, certificates: &Value) {
        let Some(certificates) = certificates.as_array().filter(|all| !all.is_empty()) else {
            return;
        };
        self.heading("Certificates, as issued");
        for certificate in certificates {
            let says = |name: &str| certificate[name].as_str().map(sanitize);
            let ends = says("notAfter").map_or_else(|| "unknown".to_owned(), |at| self.moment(&at));
            let alias = says("alias").unwrap_or_default();
            let serial = says("serial").map(|serial| format!(", serial {serial}"));
            self.line(&alias, &format!("ends {ends}{}", serial.unwrap_or_default()));
        }
    }

    fn current(&mut self, current: &Value) {
        if !current.is_object() {
            return;
        }
        self.heading("The rotation that is open");
        self.opened(current);
        let attempt =
            format!("{}, {} failed before", current["attempt"], number(&current["failures"]));
        self.line("Attempt", &attempt);
        if let Some(at) = current["nextTry"].as_str() {
            let at = self.moment(at);
            self.line("Next try", &at);
        }
        self.request(&current["request"]);
    }

    fn last(&mut self, last: &Value) {
        if !last.is_object() {
            return;
        }
        self.heading("The rotation before");
        self.opened(last);
        if let Some(closed) = last["closed"].as_str() {
            let closed = self.moment(closed);
            self.line("Closed", &closed);
        }
        self.line("Outcome", &with_meaning(&text(&last["outcome"])));
        if let Some(message) = last["message"].as_str() {
            self.line("Message", &sanitize(message));
        }
        self.request(&last["request"]);
    }

    fn opened(&mut self, rotation: &Value) {
        let causes = rotation["causes"].as_array().into_iter().flatten();
        let causes: Vec<String> = causes
            .map(|cause| match cause["alias"].as_str() {
                Some(alias) => format!("{} of {}", text(&cause["cause"]), sanitize(alias)),
                None => text(&cause["cause"]),
            })
            .collect();
        let opened = self.moment(&text(&rotation["opened"]));
        self.line("Opened", &format!("{opened}, for {}", causes.join(", ")));
    }

    fn request(&mut self, request: &Value) {
        let steps = ["created", "started", "ended"].into_iter();
        let steps = steps.filter_map(|step| Some((step, request[step].as_str()?)));
        let steps: Vec<String> =
            steps.map(|(step, at)| format!("{step} {}", self.moment(at))).collect();
        let steps = if steps.is_empty() { "not created yet".to_owned() } else { steps.join(", ") };
        self.line("Request", &format!("{}: {steps}", text(&request["name"])));
    }

    fn attempts(&mut self, attempts: &Value) {
        let Some(attempts) = attempts.as_array().filter(|all| !all.is_empty()) else { return };
        self.heading("Attempts, newest first");
        for attempt in attempts {
            let ended = self.moment(&text(&attempt["ended"]));
            let outcome = text(&attempt["outcome"]);
            self.line(&outcome, &ended);
        }
    }

    /// A moment, and how far it is away.
    fn moment(&self, at: &str) -> String {
        match at.parse::<Time>() {
            Ok(moment) => format!("{} ({})", sanitize(at), relative(moment, self.now)),
            Err(_) => sanitize(at),
        }
    }
}

fn relative(at: Time, now: Time) -> String {
    let away = away(at, now);
    if at > now { format!("in {away}") } else { away }
}

fn with_meaning(word: &str) -> String {
    match meaning(word) {
        Some(meaning) => format!("{word}: {meaning}"),
        None => word.to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(sanitize).unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(sanitize).collect()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}
