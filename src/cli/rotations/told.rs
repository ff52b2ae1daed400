//! What the daemon explains, in words for a terminal.

use std::fmt::Write as _;

use super::row::away;
use crate::core::certificate::sanitize;
use crate::core::time::{Span, Time};
use crate::report::{Explanation, Gate, Server};

/// Every check in its order, its evidence, and the verdict.
pub(super) fn told(said: &Explanation, now: Time) -> String {
    let mut page = Page { text: String::new(), now };
    let line = &said.database;
    page.line(0, &format!("{}/{}", line.namespace, line.name));
    page.fact("State", &format!("{}: {}", line.state, line.state.meaning()));
    page.fact("Message", &line.message);
    page.fact("Stage", &format!("{}: {}", line.stage, line.stage.meaning()));
    page.moment("Expires", line.expires);
    page.moment("Next", line.next);
    page.moment("May change", said.changes);
    if let Some(infeasible) = &line.infeasible {
        let until = page.at(infeasible.deadline);
        page.fact("In time?", &format!("no, deadline {until}: {}", infeasible.reason.meaning()));
    }
    page.causes(said);
    page.gates(said);
    page.certificates(said);
    if !said.servers.is_empty() {
        page.heading("Servers");
        for server in &said.servers {
            page.server(server);
        }
    }
    page.rotations(said);
    page.text
}

struct Page {
    text: String,
    now: Time,
}

impl Page {
    fn line(&mut self, indent: usize, text: &str) {
        // Writing to a String cannot fail.
        writeln!(self.text, "{:indent$}{}", "", sanitize(text)).ok();
    }

    fn heading(&mut self, heading: &str) {
        self.text.push('\n');
        self.line(0, heading);
    }

    fn fact(&mut self, name: &str, what: &str) {
        self.line(2, &format!("{name:<16} {what}"));
    }

    fn at(&self, at: Time) -> String {
        let away = away(at, self.now);
        if at > self.now { format!("{at} (in {away})") } else { format!("{at} ({away})") }
    }

    fn moment(&mut self, name: &str, at: Option<Time>) {
        if let Some(at) = at {
            let at = self.at(at);
            self.fact(name, &at);
        }
    }

    fn causes(&mut self, said: &Explanation) {
        self.heading("Is a rotation due? (in this order; the first that holds names it)");
        for cause in &said.causes {
            let holds = !cause.held.is_empty();
            self.check(holds, "yes", cause.cause.as_str(), &cause.meaning);
            if holds {
                self.line(8, &format!("-> {}", cause.advice));
            }
            for hold in &cause.held {
                let barred = hold.barred.map(|gate| format!("; reported only: {gate}"));
                let barred = barred.unwrap_or_default();
                self.line(8, &format!("{}: {}{barred}", hold.alias, hold.evidence));
            }
            if let Some(from) = cause.from {
                let from = self.at(from);
                self.line(8, &format!("from {from}"));
            }
        }
    }

    fn check(&mut self, holds: bool, word: &str, name: &str, meaning: &str) {
        let word = if holds { word } else { "-" };
        self.line(2, &format!("{word:<6}{name}: {meaning}"));
    }

    fn gates(&mut self, said: &Explanation) {
        let due = said.causes.iter().any(|cause| !cause.held.is_empty());
        self.heading(if due {
            "May it begin now? (in this order; it begins when all are open)"
        } else {
            "Nothing is due; if it were, would it begin now?"
        });
        for gate in &said.gates {
            self.gate(gate);
        }
    }

    fn gate(&mut self, gate: &Gate) {
        self.check(gate.closed, "shut", gate.gate.as_str(), &gate.meaning);
        if gate.closed {
            self.line(8, &format!("-> {}", gate.advice));
        }
        if let Some(detail) = &gate.detail {
            self.line(8, detail);
        }
        if let Some(until) = gate.until {
            let until = self.at(until);
            self.line(8, &format!("until {until}"));
        }
    }

    fn certificates(&mut self, said: &Explanation) {
        self.heading("Certificates");
        for certificate in &said.certificates {
            let life = certificate
                .life
                .map(|life| format!("ends {}, due {}", self.at(life.not_after), self.at(life.due)));
            let serial = certificate.serial.as_ref().map(|serial| format!("serial {serial}"));
            let issuer = format!("by {}", certificate.issuer);
            let facts = [life, certificate.problem.clone(), Some(issuer), serial];
            let facts: Vec<String> = facts.into_iter().flatten().collect();
            self.fact(&certificate.alias, &facts.join(", "));
        }
    }

    fn server(&mut self, server: &Server) {
        let presents = match &*server.presents {
            "issued" => "presents the issued certificate".to_owned(),
            "other" => "presents another certificate".to_owned(),
            _ => "nobody can tell what it presents".to_owned(),
        };
        let proof = server.proof.as_ref().map(|proof| format!(" ({proof})")).unwrap_or_default();
        self.fact(&server.pod, &format!("{presents}{proof}"));
        for look in &server.looks {
            let found = match (look.issued, look.not_after) {
                (true, _) => "the issued certificate".to_owned(),
                (false, Some(ends)) => format!("another one, which ends {ends}"),
                (false, None) => "no TLS".to_owned(),
            };
            let trusted = match look.trusted {
                Some(true) => ", whose chain holds against the published CA",
                Some(false) => ", whose chain fails the published CA",
                None => "",
            };
            let began = self.at(look.began);
            self.line(8, &format!("looked {began}: {found}{trusted}"));
        }
        if let Some(missed) = &server.missed {
            self.line(8, &format!("the newest look showed nothing: {missed}"));
        }
    }

    fn rotations(&mut self, said: &Explanation) {
        if let Some(current) = &said.current {
            self.heading("The rotation that is open");
            let opened = self.at(current.opened);
            let causes: Vec<&str> = current.causes.iter().map(|cause| cause.as_str()).collect();
            self.fact("Opened", &format!("{opened}, for {}", causes.join(", ")));
            self.fact(
                "Attempt",
                &format!("{}, {} failed before", current.attempt, current.failures),
            );
            self.moment("Next try", current.next_try);
            self.fact("Request", &current.request);
            self.moment("Created", current.created);
            self.moment("Started", current.started);
            if let Some(message) = &current.message {
                self.fact("Its operator", message);
            }
        }
        if !said.attempts.is_empty() {
            self.heading("Attempts, newest first");
            for attempt in &said.attempts {
                let took = attempt.duration_seconds.map(Span::seconds);
                let took = took.map(|took| format!(", took {took}")).unwrap_or_default();
                let ended = self.at(attempt.ended);
                self.fact(attempt.outcome.as_str(), &format!("{ended}{took}"));
            }
        }
    }
}
