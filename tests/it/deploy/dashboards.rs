//! The dashboards, as far as they can be judged without data; `live.rs` has the data.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::promql::Known;
use super::{blocks, files, read};

/// Where they are.
pub(super) const FOLDER: &str = "deploy/grafana";
/// What is said of them.
pub(super) const PAGE: &str = "docs/dashboards.md";
/// Those that Grafana still has a future for.
const PANELS: [&str; 6] = ["bargauge", "row", "stat", "state-timeline", "table", "timeseries"];

/// A panel that shows something.
pub(super) struct Panel {
    pub(super) title: String,
    /// The question that it answers.
    pub(super) question: String,
    pub(super) queries: Vec<String>,
    whole: Value,
}

/// A dashboard.
pub(super) struct Dashboard {
    pub(super) title: String,
    description: String,
    whole: Value,
}

/// All of them, by file name.
pub(super) fn all() -> Vec<Dashboard> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let dashboards = files(FOLDER, ".json").into_iter().map(|file| {
        let whole: Value = serde_json::from_str(&read(&format!("{FOLDER}/{file}"))).unwrap();
        assert_eq!(file, format!("{}.json", text(&whole["uid"])), "a file is named by its uid");
        Dashboard { title: text(&whole["title"]), description: text(&whole["description"]), whole }
    });
    dashboards.collect()
}

impl Dashboard {
    /// The panels but for the headings of rows.
    pub(super) fn panels(&self) -> Vec<Panel> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let panels = self.whole["panels"].as_array().unwrap().iter();
        let shown = panels.filter(|panel| panel["type"] != "row");
        shown
            .map(|panel| {
                let targets = panel["targets"].as_array().unwrap();
                Panel {
                    title: text(&panel["title"]),
                    question: text(&panel["description"]),
                    queries: targets.iter().map(|target| text(&target["expr"])).collect(),
                    whole: panel.clone(),
                }
            })
            .collect()
    }

    fn variables(&self) -> Vec<String> {
        let variables = self.whole["templating"]["list"].as_array().unwrap();
        variables.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// The page about them: what stands before the first dashboard stays, and `result` says what a
/// query has given.
pub(super) fn page(before: &str, result: impl Fn(&str) -> String) -> String {
    let mut page = before.to_owned();
    for dashboard in all() {
        write!(page, "## {}\n\n{}\n\n", dashboard.title, dashboard.description).unwrap();
        for panel in dashboard.panels() {
            write!(page, "### {}\n\n{}\n\n", panel.title, panel.question).unwrap();
            for query in &panel.queries {
                let result = result(query);
                write!(page, "```promql\n{query}\n```\n\n```text\n{result}\n```\n\n").unwrap();
            }
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// What of the page stands before the first dashboard.
pub(super) fn before(page: &str) -> &str {
    page.split_once("## certrotor /").map_or(page, |(before, _)| before)
}

#[test]
fn queries_speak_of_metrics_labels_and_words_that_exist() {
    // Dashboards work without the recording rules.
    let known = Known::exported();
    for dashboard in all() {
        for panel in dashboard.panels() {
            assert!(!panel.queries.is_empty(), "{}: {}", dashboard.title, panel.title);
            for query in &panel.queries {
                let complaints = known.complaints(query);
                let place = format!("{}: {}: {query}", dashboard.title, panel.title);
                assert!(complaints.is_empty(), "{place}: {complaints:?}");
                assert!(query.contains("job=~\"$job\""), "{place}: every job");
            }
        }
    }
}

#[test]
fn panels_say_what_they_answer_and_in_which_unit() {
    for dashboard in all() {
        let mut titles = BTreeSet::new();
        let mut ids = BTreeSet::new();
        let mut cells = BTreeSet::new();
        for panel in dashboard.whole["panels"].as_array().unwrap() {
            let place = format!("{}: {}", dashboard.title, panel["title"]);
            let kind = panel["type"].as_str().unwrap();
            assert!(PANELS.contains(&kind), "{place}: {kind} is deprecated or new to us");
            assert!(ids.insert(panel["id"].to_string()), "{place}: its id is taken");
            let position = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            let [x, y, w, h] = position;
            assert!(x + w <= 24, "{place} sticks out");
            for cell in (y..y + h).flat_map(|row| (x..x + w).map(move |column| (column, row))) {
                assert!(cells.insert(cell), "{place} covers another panel");
            }
        }
        for Panel { title, question, whole, .. } in dashboard.panels() {
            let place = format!("{}: {title}", dashboard.title);
            assert!(titles.insert(title), "{place} is there twice");
            assert!(question.len() > 12 && question.ends_with(['?', '.']), "{place}: {question:?}");
            let defaults = &whole["fieldConfig"]["defaults"];
            assert!(defaults["unit"].is_string(), "{place} has no unit");
            assert!(defaults["thresholds"]["steps"].is_array(), "{place} has no thresholds");
            for source in std::iter::once(&whole).chain(whole["targets"].as_array().unwrap()) {
                assert_eq!(source["datasource"]["uid"], "${datasource}", "{place}");
            }
        }
    }
}

#[test]
fn variables_are_there_and_links_lead_somewhere() {
    let uids: Vec<String> =
        files(FOLDER, ".json").iter().map(|file| file.replace(".json", "")).collect();
    assert_eq!(uids.len(), 3);
    for dashboard in all() {
        let text = dashboard.whole.to_string();
        let variables = dashboard.variables();
        assert_eq!(variables[..2], ["datasource", "job"], "{}", dashboard.title);
        for variable in &variables {
            let used =
                text.contains(&format!("${variable}")) || text.contains(&format!("${{{variable}"));
            assert!(used, "{}: ${variable} is not used", dashboard.title);
        }
        for link in text.split("/d/").skip(1) {
            let uid = link.split('?').next().unwrap();
            assert!(
                uids.iter().any(|known| known == uid),
                "{}: no dashboard {uid}",
                dashboard.title
            );
        }
        // Each leads to the others by the tag that all have.
        assert_eq!(dashboard.whole["tags"][0], "certrotor");
        assert_eq!(dashboard.whole["links"][0]["tags"][0], "certrotor");
    }
}

#[test]
fn the_page_has_every_panel_its_question_its_queries_and_a_result() {
    let page_as_it_is = read(PAGE);
    let mut without_results = page_as_it_is.clone();
    for (_, result) in blocks(&page_as_it_is, "text") {
        assert!(!result.trim().is_empty(), "{PAGE} has an empty result");
        without_results = without_results.replace(&format!("```text\n{result}"), "```text\n\n");
    }
    let expected = page(before(&page_as_it_is), |_| String::new());
    let lines = without_results.lines().zip(expected.lines()).enumerate();
    let update = "CERTROTOR_UPDATE=1 cargo test --test it -- deploy::live writes it anew";
    for (at, (is, should)) in lines {
        assert_eq!(is, should, "{PAGE}, about line {at} without results: {update}");
    }
    assert_eq!(without_results.lines().count(), expected.lines().count(), "{PAGE}: {update}");
}
