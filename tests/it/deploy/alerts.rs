//! The alerts: each is right, is tested, and has a runbook.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use super::rules::{self, FILE, TESTS};
use super::{blocks, files, path, read};
use crate::support::lab::test_name;
use crate::support::parts;
use crate::support::process::Scratch;

/// What every runbook says, in this order.
const SECTIONS: [&str; 4] = ["Meaning", "Impact", "Diagnosis", "Mitigation"];
/// Where the pages of this checkout are to be found by whoever is woken at night.
const HOME: &str = "https://certrotor.dev/docs/runbooks";

/// Runs promtool, if there is one: what it says, when it fails.
pub(super) fn promtool(args: &[&str]) -> Result<(), String> {
    let program = match parts::find("promtool") {
        Ok(program) => program,
        Err(missing) => {
            parts::skipped(&test_name(), &missing.to_string());
            return Ok(());
        }
    };
    parts::used("promtool");
    let output = Command::new(program).args(args).output().unwrap();
    let said = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    if output.status.success() { Ok(()) } else { Err(said.concat()) }
}

#[test]
fn promtool_finds_the_rules_right_and_their_tests_pass() {
    for (command, file) in [("check", FILE), ("test", TESTS)] {
        let file = path(file).to_string_lossy().into_owned();
        if let Err(said) = promtool(&[command, "rules", &file]) {
            panic!("promtool {command} rules: {said}");
        }
    }
}

#[test]
fn rules_speak_of_metrics_labels_and_words_that_exist() {
    let known = rules::known();
    for rule in rules::all() {
        let name = rule["alert"].as_str().or(rule["record"].as_str()).unwrap();
        let complaints = known.complaints(rule["expr"].as_str().unwrap());
        assert!(complaints.is_empty(), "{name}: {complaints:?}");
    }
}

#[test]
fn every_alert_says_what_to_do_and_how_pressing_it_is() {
    for (name, rule) in rules::alerts() {
        assert!(name.starts_with("Certrotor"), "{name}");
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity:?}");
        for part in ["summary", "description"] {
            let text = rule["annotations"][part].as_str().unwrap_or_default();
            assert!(text.ends_with(['.', '!', ')']), "{name} has no {part}: {text:?}");
        }
        let url = format!("{HOME}/{name}.md");
        assert_eq!(rule["annotations"]["runbook_url"], json!(url), "{name}");
    }
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let alerts: BTreeMap<String, Value> = rules::alerts().into_iter().collect();
    let expected: Vec<String> = alerts.keys().map(|name| format!("{name}.md")).collect();
    assert_eq!(files("docs/runbooks", ".md"), expected);
    for (name, rule) in &alerts {
        let page = read(&format!("docs/runbooks/{name}.md"));
        let severity = rule["labels"]["severity"].as_str().unwrap();
        let head = format!("# {name}\n\nSeverity: {severity}.\n");
        assert!(page.starts_with(&head), "docs/runbooks/{name}.md does not begin with {head:?}");
        let sections: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "{name}");
        let diagnosis = page.split("## Diagnosis").nth(1).unwrap();
        let diagnosis = diagnosis.split("## Mitigation").next().unwrap();
        assert!(!blocks(diagnosis, "sh").is_empty(), "{name}: nothing to copy and paste");
    }
}

#[test]
fn queries_in_runbooks_are_right() {
    let known = rules::known();
    let mut queries = Vec::new();
    for file in files("docs/runbooks", ".md") {
        let page = read(&format!("docs/runbooks/{file}"));
        for query in blocks(&page, "promql").iter().flat_map(|(_, text)| text.lines()) {
            let complaints = known.complaints(query);
            assert!(complaints.is_empty(), "{file}: {query}: {complaints:?}");
            queries.push(json!({"record": format!("query:{}", queries.len()), "expr": query}));
        }
    }
    assert!(queries.len() > 5, "{queries:?}");
    let scratch = Scratch::new("runbooks");
    let rules = json!({"groups": [{"name": "runbooks", "rules": queries}]});
    let file = scratch.file("rules.yaml", &rules.to_string());
    promtool(&["check", "rules", &file.to_string_lossy()]).unwrap();
}

#[test]
fn every_alert_is_tested_firing_and_not_firing() {
    let mut cases: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let tests = rules::yaml(TESTS)["tests"].as_array().unwrap().clone();
    for case in tests.iter().flat_map(|it| it["alert_rule_test"].as_array().into_iter().flatten()) {
        let fires = case["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
        let name = case["alertname"].as_str().unwrap().to_owned();
        cases.entry(name).or_default()[usize::from(fires)] += 1;
    }
    for (name, _) in rules::alerts() {
        let [quiet, firing] = cases.remove(&name).unwrap_or_default();
        assert!(quiet > 0 && firing > 0, "{name}: quiet {quiet}, firing {firing}");
    }
    assert!(cases.is_empty(), "these are tested and do not exist: {cases:?}");
}
