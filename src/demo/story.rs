//! What happens in the cluster, in words: the changes of its objects as news.

use serde_json::Value;

use super::picture::{News, Tone};
use super::words::clock;
use crate::core::time::Time;
use crate::core::vocabulary::Outcome;
use crate::embedded::api::Commit;

/// The user that sets the scene; what it does is no news.
pub(super) const SCENE: &str = "seed";

/// A change of one object, as the story needs it.
struct Change<'a> {
    at: Time,
    namespace: &'a str,
    name: &'a str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

/// The news in a change; mostly there is none.
pub(super) fn news(commit: &Commit) -> Vec<News> {
    if commit.by.user == SCENE {
        return Vec::new();
    }
    let change = Change {
        at: commit.time,
        namespace: &commit.key.namespace,
        name: &commit.key.name,
        before: commit.before.as_deref(),
        after: commit.after.as_deref(),
    };
    change.of(&commit.key.resource)
}

impl<'a> Change<'a> {
    fn of(&self, resource: &str) -> Vec<News> {
        match resource {
            "mysqls.kubedb.com" => self.of_database(),
            "rotations.certrotor.dev" => self.of_rotation(),
            "mysqlopsrequests.ops.kubedb.com" => self.of_request(),
            "certificates.cert-manager.io" => self.of_certificate(),
            "pods" => self.of_pod(),
            _ => Vec::new(),
        }
    }

    fn of_database(&self) -> Vec<News> {
        let news = match (self.before, self.after) {
            (None, Some(_)) => self.step("MySQL created"),
            (Some(_), None) => self.step("MySQL deleted"),
            _ => match self.becomes("/status/phase") {
                Some("Ready") => self.good("database Ready"),
                Some(phase @ ("NotReady" | "Critical" | "Halted")) => {
                    self.step(format!("database {phase}"))
                }
                _ => return Vec::new(),
            },
        };
        vec![news]
    }

    fn of_rotation(&self) -> Vec<News> {
        let mut news = Vec::new();
        match self.becomes_any("/spec/suspend") {
            Some(Value::Bool(true)) => news.push(self.step("suspended by hand")),
            Some(Value::Bool(false)) => news.push(self.step("no longer suspended")),
            _ => {}
        }
        if self.becomes("/spec/requestedAt").is_some() {
            news.push(self.step("a rotation is asked for by hand"));
        }
        if self.becomes("/status/current/opened").is_some() {
            let causes = self.after.and_then(|it| it.pointer("/status/current/causes")?.as_array());
            let cause = causes.and_then(|causes| causes.first()?["cause"].as_str());
            let left = self.now("/status/expires").and_then(|at| at.parse::<Time>().ok());
            let left =
                left.map(|ends| format!(", {} of its life left", clock(ends.since(self.at))));
            let (cause, left) = (cause.unwrap_or("no cause"), left.unwrap_or_default());
            news.push(self.step(format!("rotation opened for {cause}{left}")));
        }
        if self.becomes("/status/attempts/0/ended").is_some() {
            news.extend(self.ended("/status/attempts/0/outcome", "attempt"));
        } else if self.becomes("/status/last/closed").is_some() {
            news.extend(self.ended("/status/last/outcome", "rotation"));
        }
        news
    }

    fn ended(&self, outcome: &str, what: &str) -> Option<News> {
        let outcome: Outcome = self.now(outcome)?.parse().ok()?;
        let closed = self.becomes("/status/last/closed").and_then(|at| at.parse::<Time>().ok());
        let opened = self.now("/status/last/opened").and_then(|at| at.parse::<Time>().ok());
        let what = if closed.is_some() { "rotation" } else { what };
        let took = closed.zip(opened).map(|(closed, opened)| clock(closed.since(opened)));
        let took = took.map(|took| format!(" after {took}")).unwrap_or_default();
        let text = format!("{what} {outcome}{took}");
        let news = if outcome == Outcome::Verified { self.good(text) } else { self.bad(text) };
        Some(News { ended: Some(outcome), ..news })
    }

    fn of_request(&self) -> Vec<News> {
        let Some(database) = self.now("/spec/databaseRef/name") else {
            return Vec::new();
        };
        let name = self.name;
        let news = match (self.before, self.becomes("/status/phase")) {
            (None, _) => self.step(format!("request {name} created")),
            (_, Some("Progressing")) => self.step(format!("request {name} is carried out")),
            (_, Some(phase @ "Successful")) => self.step(format!("request {name} {phase}")),
            (_, Some(phase @ ("Failed" | "Denied" | "Skipped"))) => {
                self.bad(format!("request {name} {phase}"))
            }
            _ => return Vec::new(),
        };
        vec![self.about(database, news)]
    }

    /// Of the certificate that servers present, from its second on.
    fn of_certificate(&self) -> Vec<News> {
        let renewed = self.becomes_any("/status/revision").and_then(Value::as_i64);
        let server = self.name.strip_suffix("-server-cert");
        let (Some(database), Some(revision @ 2..)) = (server, renewed) else {
            return Vec::new();
        };
        let news = self.step(format!("certificate issued anew, revision {revision}"));
        vec![self.about(database, news)]
    }

    fn of_pod(&self) -> Vec<News> {
        let label = |key: &str| format!("/metadata/labels/{}", key.replace('/', "~1"));
        let Some(database) = self.now(&label("app.kubernetes.io/instance")) else {
            return Vec::new();
        };
        let role = label("kubedb.com/role");
        let (name, before) = (self.name, self.before.and_then(|it| it.pointer(&role)?.as_str()));
        let leaving = "/metadata/deletionTimestamp";
        // The kubelet shortens the time to leave when it is over; that is no news.
        let left = self.before.is_some_and(|before| before.pointer(leaving).is_some());
        let news = if self.becomes(leaving).is_some() && !left {
            let role = before.map(|role| format!(", the {role},")).unwrap_or_default();
            self.step(format!("{name}{role} is restarted"))
        } else if before == Some("standby") && self.becomes(&role) == Some("primary") {
            self.step(format!("{name} is the primary now"))
        } else {
            return Vec::new();
        };
        vec![self.about(database, news)]
    }

    /// What a field says now.
    fn now(&self, pointer: &str) -> Option<&'a str> {
        self.after?.pointer(pointer)?.as_str()
    }

    /// What a text says now that was not there, or said something else.
    fn becomes(&self, pointer: &str) -> Option<&'a str> {
        self.becomes_any(pointer)?.as_str()
    }

    fn becomes_any(&self, pointer: &str) -> Option<&'a Value> {
        let now = self.after?.pointer(pointer)?;
        let before = self.before.and_then(|before| before.pointer(pointer));
        (before != Some(now)).then_some(now)
    }

    fn step(&self, text: impl Into<String>) -> News {
        let about = format!("{}/{}", self.namespace, self.name);
        News { at: self.at, about, text: text.into(), tone: Tone::Step, ended: None }
    }

    fn good(&self, text: impl Into<String>) -> News {
        News { tone: Tone::Good, ..self.step(text) }
    }

    fn bad(&self, text: impl Into<String>) -> News {
        News { tone: Tone::Bad, ..self.step(text) }
    }

    fn about(&self, database: &str, news: News) -> News {
        News { about: format!("{}/{database}", self.namespace), ..news }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAME: &str = "shop/orders";

    /// What is told of a change of an object in the namespace `shop`.
    fn told(resource: &str, name: &str, before: &Value, after: &Value) -> Vec<String> {
        let there = |value: &&Value| !value.is_null();
        let change = Change {
            at: "2026-11-24T05:00:30Z".parse().unwrap(),
            namespace: "shop",
            name,
            before: Some(before).filter(there),
            after: Some(after).filter(there),
        };
        let told = change.of(resource).into_iter();
        told.map(|news| {
            assert_eq!(news.about, NAME);
            news.text
        })
        .collect()
    }

    #[test]
    fn of_a_rotation_it_tells_why_it_was_opened_and_how_it_ended() {
        let told = |before: &Value, after: &Value| {
            told("rotations.certrotor.dev", "orders", before, after)
        };
        let fresh = json!({"status": {"expires": "2026-11-24T05:02:00Z"}});
        let current =
            json!({"opened": "2026-11-24T05:00:30Z", "causes": [{"cause": "RenewalDue"}]});
        let open = json!({"status": {"expires": "2026-11-24T05:02:00Z", "current": current}});
        assert_eq!(told(&fresh, &open), ["rotation opened for RenewalDue, 1:30 of its life left"]);
        assert_eq!(told(&open, &open), [""; 0]);

        let attempt = |outcome| json!([{"outcome": outcome, "ended": "2026-11-24T05:00:50Z"}]);
        let last = json!({"opened": "2026-11-24T05:00:30Z", "closed": "2026-11-24T05:00:50Z",
            "outcome": "verified"});
        let closed = json!({"status": {"last": last, "attempts": attempt("verified")}});
        assert_eq!(told(&open, &closed), ["rotation verified after 0:20"]);
        let failed = json!({"status": {"current": current, "attempts": attempt("failed")}});
        assert_eq!(told(&open, &failed), ["attempt failed"]);
        let moot = json!({"status": {"last": {"opened": "2026-11-24T05:00:30Z",
            "closed": "2026-11-24T05:00:31Z", "outcome": "moot"}}});
        assert_eq!(told(&open, &moot), ["rotation moot after 0:01"]);
    }

    #[test]
    fn it_tells_what_people_ask_for() {
        let told = |before: &Value, after: &Value| {
            told("rotations.certrotor.dev", "orders", before, after)
        };
        let (plain, held) = (json!({"spec": {}}), json!({"spec": {"suspend": true}}));
        assert_eq!(told(&plain, &held), ["suspended by hand"]);
        assert_eq!(told(&held, &json!({"spec": {"suspend": false}})), ["no longer suspended"]);
        let asked = json!({"spec": {"requestedAt": "1"}});
        assert_eq!(told(&plain, &asked), ["a rotation is asked for by hand"]);
    }

    #[test]
    fn it_tells_every_step_of_a_request() {
        let step = |before: &str, after: &str| {
            let request = |phase: &str| match phase {
                "none" => Value::Null,
                phase => json!({"spec": {"databaseRef": {"name": "orders"}},
                    "status": {"phase": phase}}),
            };
            told("mysqlopsrequests.ops.kubedb.com", "o-1", &request(before), &request(after))
        };
        assert_eq!(step("none", ""), ["request o-1 created"]);
        assert_eq!(step("", "Progressing"), ["request o-1 is carried out"]);
        assert_eq!(step("Progressing", "Progressing"), [""; 0]);
        assert_eq!(step("Progressing", "Successful"), ["request o-1 Successful"]);
        assert_eq!(step("Progressing", "Failed"), ["request o-1 Failed"]);
        assert_eq!(step("Failed", "none"), [""; 0]);
    }

    #[test]
    fn it_tells_of_new_server_certificates_only() {
        let certificate = |revision| json!({"status": {"revision": revision}});
        let told = |name, before, after| {
            let (before, after) = (certificate(before), certificate(after));
            told("certificates.cert-manager.io", name, &before, &after)
        };
        let expected = ["certificate issued anew, revision 2"];
        assert_eq!(told("orders-server-cert", Value::Null, json!(1)), [""; 0]);
        assert_eq!(told("orders-server-cert", json!(1), json!(2)), expected);
        assert_eq!(told("orders-client-cert", json!(1), json!(2)), [""; 0]);
    }

    #[test]
    fn it_tells_of_restarts_and_of_a_primary_that_moves() {
        let pod = |role: &str, deleted: bool| {
            let mut pod = json!({"metadata": {"labels": {
                "app.kubernetes.io/instance": "orders", "kubedb.com/role": role}}});
            if deleted {
                pod["metadata"]["deletionTimestamp"] = json!("2026-11-24T05:00:30Z");
            }
            pod
        };
        let told = |before: &Value, after: &Value| told("pods", "orders-1", before, after);
        let leaving = pod("standby", true);
        assert_eq!(told(&pod("standby", false), &leaving), ["orders-1, the standby, is restarted"]);
        let mut gone = leaving.clone();
        gone["metadata"]["deletionTimestamp"] = json!("2026-11-24T05:00:31Z");
        assert_eq!(told(&leaving, &gone), [""; 0]);
        assert_eq!(told(&gone, &Value::Null), [""; 0]);
        let moves = told(&pod("standby", false), &pod("primary", false));
        assert_eq!(moves, ["orders-1 is the primary now"]);
    }

    #[test]
    fn it_tells_when_a_database_changes_its_phase() {
        let phase = |phase: &str| json!({"status": {"phase": phase}});
        let told =
            |before: &Value, after: &Value| told("mysqls.kubedb.com", "orders", before, after);
        assert_eq!(told(&phase("Provisioning"), &phase("Ready")), ["database Ready"]);
        assert_eq!(told(&phase("Ready"), &phase("Critical")), ["database Critical"]);
        assert_eq!(told(&phase("Ready"), &Value::Null), ["MySQL deleted"]);
        assert_eq!(told(&Value::Null, &json!({})), ["MySQL created"]);
    }
}
