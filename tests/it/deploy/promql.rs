//! What a `PromQL` expression speaks of: metrics and labels. Whether it is right otherwise is for
//! promtool and Prometheus to say.

use std::collections::{BTreeMap, BTreeSet};

use certrotor::core::vocabulary::{Cause, Gate, Outcome, Stage, State, WritePoint};
use certrotor::metrics::names::{ALL, Kind};

/// Labels that Prometheus itself gives to what it scrapes, and those of whoever has many clusters.
const OF_TARGETS: [&str; 3] = ["cluster", "instance", "job"];
/// Names that are no metrics.
const WORDS: [&str; 6] = ["and", "bool", "by", "or", "unless", "without"];
/// What is followed by a list of labels.
const GROUPING: [&str; 6] = ["by", "group_left", "group_right", "ignoring", "on", "without"];

/// The labels of each metric that there is.
pub(super) struct Known(BTreeMap<String, BTreeSet<String>>);

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

/// What an expression speaks of.
#[derive(Debug, Default, PartialEq)]
struct Spoken {
    /// Metrics, with the labels and values that they are selected by.
    series: Vec<(String, Vec<(String, String)>)>,
    /// Labels that it groups by or matches on.
    labels: BTreeSet<String>,
    /// Texts that stand by themselves: of `label_replace`, the labels that it makes.
    texts: BTreeSet<String>,
}

impl Known {
    /// What certrotor exports, and `up`.
    pub(super) fn exported() -> Self {
        let mut known = BTreeMap::from([("up".to_owned(), BTreeSet::new())]);
        for row in ALL {
            let mut labels: BTreeSet<String> = row.labels.iter().map(|it| (*it).into()).collect();
            if row.kind == Kind::Histogram {
                for part in ["sum", "count"] {
                    known.insert(format!("{}_{part}", row.name), labels.clone());
                }
                labels.insert("le".to_owned());
                known.insert(format!("{}_bucket", row.name), labels);
            } else {
                known.insert(row.name.to_owned(), labels);
            }
        }
        Self(known)
    }

    /// Adds what a recording rule makes.
    pub(super) fn record(&mut self, name: &str, expression: &str) {
        self.0.insert(name.to_owned(), spoken(expression).labels);
    }

    /// What is wrong with an expression.
    pub(super) fn complaints(&self, expression: &str) -> Vec<String> {
        let spoken = spoken(expression);
        let mut complaints = Vec::new();
        let mut had: BTreeSet<String> = OF_TARGETS.iter().map(|it| (*it).to_owned()).collect();
        had.extend(spoken.texts);
        for (metric, matchers) in &spoken.series {
            let Some(labels) = self.0.get(metric) else {
                complaints.push(format!("there is no metric {metric}"));
                continue;
            };
            had.extend(labels.iter().cloned());
            for (label, values) in matchers {
                if !labels.contains(label) && !OF_TARGETS.contains(&&**label) {
                    complaints.push(format!("{metric} has no label {label}"));
                }
                complaints.extend(wrong_words(metric, label, values));
            }
        }
        if spoken.series.is_empty() {
            complaints.push("it speaks of no metric".to_owned());
        }
        let strange = spoken.labels.difference(&had);
        complaints.extend(strange.map(|label| format!("nothing in it has a label {label}")));
        complaints
    }
}

/// Values of a label that are not in the vocabulary.
fn wrong_words(metric: &str, label: &str, values: &str) -> Vec<String> {
    let known: Vec<&str> = match (metric, label) {
        (_, "state") => State::ALL.iter().map(|it| it.as_str()).collect(),
        (_, "stage") => Stage::ALL.iter().map(|it| it.as_str()).collect(),
        (_, "cause") => Cause::ALL.iter().map(|it| it.as_str()).collect(),
        (_, "outcome") => Outcome::ALL.iter().map(|it| it.as_str()).collect(),
        (_, "write_point") => WritePoint::ALL.iter().map(|it| it.as_str()).collect(),
        ("certrotor_gate", "reason") => Gate::ALL.iter().map(|it| it.as_str()).collect(),
        _ => return Vec::new(),
    };
    let wrong = values.split('|').filter(|value| !known.contains(value));
    wrong.map(|value| format!("{metric}: {value:?} is no {label}")).collect()
}

fn spoken(expression: &str) -> Spoken {
    let tokens = tokens(expression);
    let mut spoken = Spoken::default();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Text(text) => {
                spoken.texts.insert(text.clone());
            }
            Token::Sign(_) => {}
            Token::Name(name) => {
                let next = tokens.get(at);
                if GROUPING.contains(&&**name) && next == Some(&Token::Sign('(')) {
                    let list = until(&tokens[at..], ')');
                    at += list.len();
                    spoken.labels.extend(list.iter().filter_map(named));
                } else if next == Some(&Token::Sign('{')) {
                    let list = until(&tokens[at..], '}');
                    at += list.len();
                    spoken.series.push((name.clone(), matchers(list)));
                } else if is_metric(name, next) {
                    spoken.series.push((name.clone(), Vec::new()));
                }
            }
        }
    }
    spoken
}

/// Neither a word of the language nor a function nor an aggregation.
fn is_metric(name: &str, next: Option<&Token>) -> bool {
    let groups = |it: &Token| matches!(it, Token::Name(word) if GROUPING.contains(&&**word));
    let called = next == Some(&Token::Sign('('));
    let aggregates = ["sum", "min", "max", "count"].contains(&name) && next.is_some_and(groups);
    !WORDS.contains(&name) && !called && !aggregates
}

fn named(token: &Token) -> Option<String> {
    if let Token::Name(name) = token { Some(name.clone()) } else { None }
}

fn matchers(list: &[Token]) -> Vec<(String, String)> {
    let mut matchers = Vec::new();
    let mut label = None;
    for token in list {
        match token {
            Token::Name(name) => label = Some(name.clone()),
            Token::Text(value) => matchers.extend(label.take().map(|it| (it, value.clone()))),
            Token::Sign(_) => {}
        }
    }
    matchers
}

/// The tokens up to this sign, with it.
fn until(tokens: &[Token], sign: char) -> &[Token] {
    let end = tokens.iter().position(|token| *token == Token::Sign(sign));
    &tokens[..end.map_or(tokens.len(), |end| end + 1)]
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let of_names = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let taken = if first == '"' {
            let text = rest[1..].split('"').next().unwrap_or_default();
            tokens.push(Token::Text(text.to_owned()));
            text.len() + 2
        } else if first == '[' {
            // A range: a duration, perhaps a variable of the dashboard.
            rest.find(']').map_or(rest.len(), |end| end + 1)
        } else if of_names(first) {
            let end = rest.find(|c| !of_names(c)).unwrap_or(rest.len());
            if !first.is_ascii_digit() {
                tokens.push(Token::Name(rest[..end].to_owned()));
            }
            end
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            first.len_utf8()
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    tokens
}

#[test]
fn names_that_do_not_exist_are_found() {
    for (expression, complaints) in [
        ("max by (job, database) (certrotor_gate{reason=\"Stuck\"}) == 1", vec![]),
        ("rate(certrotor_plan_duration_seconds_bucket[$__range])", vec![]),
        ("sum(certrotor_gates)", vec!["there is no metric certrotor_gates"]),
        ("certrotor_gate{cause=\"Expired\"}", vec!["certrotor_gate has no label cause"]),
        ("certrotor_gate{reason=~\"Stuck|Lost\"}", vec!["certrotor_gate: \"Lost\" is no reason"]),
        ("sum by (alias) (certrotor_gate)", vec!["nothing in it has a label alias"]),
        ("vector(1)", vec!["it speaks of no metric"]),
        (
            "certrotor_plan_duration_seconds",
            vec!["there is no metric certrotor_plan_duration_seconds"],
        ),
    ] {
        assert_eq!(Known::exported().complaints(expression), complaints, "{expression}");
    }
}
