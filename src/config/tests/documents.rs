//! The table of keys, the code, the example file and the page of documentation say the same.

use std::collections::BTreeSet;
use std::fs;

use super::parse;
use crate::config::keys::{KEYS, Key, Kind, children};
use crate::config::tree::{self, Node, Value};
use crate::config::{Config, IssueWith, Reload, schema};
use crate::core::policy::{Mode, OnCaChange, OnChange};

fn file(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The path in the table of every key of a YAML text.
fn paths(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&tree::read(text).unwrap(), "", &mut found);
    found
}

fn collect(node: &Node, path: &str, found: &mut BTreeSet<String>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                let key = children(path).find(|key| key.name() == entry.key);
                let path = key.unwrap_or_else(|| panic!("{path}.{}", entry.key)).path;
                found.insert(path.to_owned());
                collect(&entry.value, path, found);
            }
        }
        Value::List(items) => {
            for item in items {
                collect(item, &format!("{path}[]"), found);
            }
        }
        Value::Null | Value::Scalar { .. } => {}
    }
}

/// Every example of the file, put in the place of the setting that it is an example of.
fn examples(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let of = |line: &str| line.trim_start().strip_prefix("# ").map(str::to_owned);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut examples = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let end = (at..lines.len()).find(|end| of(lines[*end]).is_none()).unwrap_or(lines.len());
        if end == at {
            at += 1;
            continue;
        }
        let before = lines[at - 1];
        let example: Vec<_> = lines[at..end]
            .iter()
            .map(|line| format!("{}{}", " ".repeat(indent(line)), of(line).unwrap()))
            .collect();
        let key = |line: &str| line.split(':').next().map(str::to_owned);
        assert_eq!(key(before), key(&example[0]), "an example follows its setting");
        let all = lines[..at - 1].iter().map(ToString::to_string).chain(example);
        let all = all.chain(lines[end..].iter().map(ToString::to_string));
        examples.push(all.collect::<Vec<_>>().join("\n"));
        at = end;
    }
    examples
}

#[test]
fn the_file_says_the_defaults() {
    assert_eq!(parse(&file("config/certrotor.yaml")), Config::default());
}

#[test]
fn the_examples_in_the_file_are_right_and_not_the_defaults() {
    let examples = examples(&file("config/certrotor.yaml"));
    assert_eq!(examples.len(), 8);
    for example in examples {
        assert_ne!(parse(&example), Config::default(), "{example}");
    }
}

#[test]
fn the_file_has_every_setting() {
    let text = file("config/certrotor.yaml");
    let mut found = paths(&text);
    for example in examples(&text) {
        found.extend(paths(&example));
    }
    let known: BTreeSet<_> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(found, known);
}

#[test]
fn the_defaults_of_the_table_are_those_of_the_code() {
    assert_eq!(parse(&section("", true)), Config::default());
    // And they are what is read when only what must be set is.
    let items = "rotation: {windows: [{open: '@daily', for: 1h, ITEM}], freezes: [{from: 2026-01-01, \
                 to: 2026-01-01, ITEM}], schedule: {cron: '@daily', ITEM}}\noverrides: [{match: {selector: a, ITEM}, \
                 timeout: 1m}]";
    let mut full = items.to_owned();
    for path in
        ["rotation.windows[]", "rotation.freezes[]", "rotation.schedule", "overrides[].match"]
    {
        let defaults = children(path)
            .filter(|key| key.name() != "selector")
            .filter_map(|key| Some(format!("{}: {}", key.name(), key.default?)));
        full = full.replacen("ITEM", &defaults.collect::<Vec<_>>().join(", "), 1);
    }
    assert_eq!(parse(&full), parse(&items.replace(", ITEM", "")));
}

/// A section with every default written out.
fn section(path: &str, top: bool) -> String {
    let field = |key: &Key| match (key.kind, key.default?) {
        (Kind::Section, "{}") => Some(format!("{}: {}", key.name(), section(key.path, false))),
        (_, default) => Some(format!("{}: {default}", key.name())),
    };
    let fields: Vec<_> = children(path).filter_map(field).collect();
    if top { fields.join("\n") } else { format!("{{{}}}", fields.join(", ")) }
}

#[test]
fn the_table_is_whole() {
    let mut seen = BTreeSet::new();
    for key in KEYS {
        assert!(seen.insert(key.path), "{} twice", key.path);
        assert!(key.about.ends_with(['.', '…']), "{}", key.path);
        let parent = key.parent().trim_end_matches("[]");
        assert!(parent.is_empty() || seen.contains(parent), "{} before its section", key.path);
    }
    let words = |path: &str| {
        let key = KEYS.iter().find(|key| key.path == path).unwrap();
        let Kind::Word(words) = key.kind else { panic!("{path}: {:?}", key.kind) };
        words.to_vec()
    };
    assert_eq!(words("mode"), Mode::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>());
    let on_issuer: Vec<_> = OnChange::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words("rotation.onIssuerChange"), on_issuer);
    let on_ca: Vec<_> = OnCaChange::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words("rotation.onCaChange"), on_ca);
    let issue_with: Vec<_> = IssueWith::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words("executor.issueWith"), issue_with);
    let reload: Vec<_> = Reload::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words("executor.reload"), reload);
}

/// The table of docs/configuration.md.
fn page_table() -> String {
    let row = |key: &Key| {
        let default = match key.default {
            None => "must be set".to_owned(),
            Some("{}") => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let allowed = key.kind.to_string().replace('|', "\\|");
        format!("| `{}` | {allowed} | {default} | {} |\n", key.path, key.about)
    };
    let head = "| Setting | Allowed | Default | Meaning |\n|---|---|---|---|\n";
    head.chars().chain(KEYS.iter().map(row).collect::<String>().chars()).collect()
}

#[test]
fn the_page_and_the_table_say_the_same() {
    let page = file("docs/configuration.md");
    let rest = page.split_once("<!-- settings -->\n").expect("the page has the mark").1;
    let table = rest.split_once("<!-- /settings -->").expect("the page has the end mark").0;
    let expected = page_table();
    assert!(table == expected, "put this between the marks in docs/configuration.md:\n{expected}");
}

#[test]
fn what_the_page_says_that_check_says_is_what_it_says() {
    let page = file("docs/configuration.md");
    let told = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let text = "# A file\nrotation:\n  renewBefore: 0%\n  windows:\n    # At night.\n      - opens: '@daily'\n        for: 4h\n\n  \
                limit:\n    total: 3\n";
    let text = text.replace("      - opens", "      - open: '@daily'\n        opens");
    let problems = Config::parse(&text, "certrotor.yaml").unwrap_err();
    assert_eq!(format!("{problems}\n"), told);
}

#[test]
fn the_yaml_on_the_page_is_right() {
    let page = file("docs/configuration.md");
    let blocks: Vec<_> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        parse(block);
    }
}

#[test]
fn the_schema_knows_the_same_keys() {
    let schema = schema::json();
    for key in KEYS {
        let mut at = &schema;
        for part in key.path.split('.') {
            let name = part.trim_end_matches("[]");
            at = &at["properties"][name];
            if part.ends_with("[]") {
                at = &at["items"];
            }
        }
        assert!(at["description"].is_string(), "{}", key.path);
    }
    let in_override = &schema["properties"]["overrides"]["items"];
    assert_eq!(in_override["required"], serde_json::json!(["match"]));
    assert!(in_override["properties"]["renewBefore"]["default"].is_null());
    assert!(in_override["properties"]["limits"].is_null());
    assert_eq!(
        schema["properties"]["rotation"]["properties"]["limits"]["properties"]["total"]["default"],
        2
    );
}
