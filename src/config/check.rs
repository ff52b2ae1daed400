//! What `certrotor check FILE…` says: everything that is wrong with config files, for people, for
//! programs, and for code review (SARIF 2.1.0, OASIS).

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::problem::{Problem, Warning};
use super::{Config, read};

/// How it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A line each: `file:line:column: setting: what is wrong`
    #[default]
    Text,
    /// One JSON array of findings; lines and columns are counted from 1
    Json,
    /// SARIF 2.1.0, which code review shows beside the lines
    Sarif,
}

/// What was found in one file.
struct Found {
    file: String,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

/// Checks each file and writes what there is to say; true when all are right.
pub fn check(files: &[PathBuf], format: Format, out: &mut dyn Write) -> io::Result<bool> {
    let found: Vec<Found> = files.iter().map(|path| look(path)).collect();
    match format {
        Format::Text => found.iter().try_for_each(|found| text(found, out))?,
        Format::Json => writeln!(out, "{:#}", findings(&found).map(finding).collect::<Value>())?,
        Format::Sarif => writeln!(out, "{:#}", sarif(&found))?,
    }
    Ok(found.iter().all(|found| found.problems.is_empty()))
}

fn look(path: &Path) -> Found {
    let file = path.display().to_string();
    let (problems, warnings) = match read(path).and_then(|text| Config::parse(&text, &file)) {
        Ok((_, warnings)) => (Vec::new(), warnings),
        Err(problems) => (problems.iter().cloned().collect(), Vec::new()),
    };
    Found { file, problems, warnings }
}

fn text(found: &Found, out: &mut dyn Write) -> io::Result<()> {
    for problem in &found.problems {
        writeln!(out, "{problem}")?;
    }
    for warning in &found.warnings {
        writeln!(out, "{warning}")?;
    }
    if found.problems.is_empty() { writeln!(out, "{}: ok", found.file) } else { Ok(()) }
}

/// Each thing that was found, and how bad it is.
fn findings(found: &[Found]) -> impl Iterator<Item = (&'static str, &Problem)> {
    found.iter().flat_map(|found| {
        let problems = found.problems.iter().map(|problem| ("error", problem));
        problems.chain(found.warnings.iter().map(|warning| ("warning", &warning.0)))
    })
}

fn finding((level, problem): (&'static str, &Problem)) -> Value {
    let position = problem.position;
    json!({
        "level": level,
        "file": &*problem.file,
        "line": position.map(|position| position.line),
        "column": position.map(|position| position.column),
        "setting": Some(&problem.path).filter(|path| !path.is_empty()),
        "message": problem.message,
    })
}

fn sarif(found: &[Found]) -> Value {
    let driver = json!({"name": "certrotor", "version": env!("CARGO_PKG_VERSION")});
    let results: Value = findings(found).map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result((level, problem): (&'static str, &Problem)) -> Value {
    let mut place = json!({"artifactLocation": {"uri": &*problem.file}});
    if let Some(position) = problem.position {
        place["region"] = json!({"startLine": position.line, "startColumn": position.column});
    }
    let about = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
    json!({
        "ruleId": "config",
        "level": level,
        "message": {"text": format!("{about}{}", problem.message)},
        "locations": [{"physicalLocation": place}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_gets_its_lines() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let good = write("good.yaml", "mode: report\n");
        let bad = write("bad.yaml", "mode: reprot\nrotation: {timeout: 5}\n");
        let missing = dir.path().join("missing.yaml");
        let files = [good.clone(), bad, missing, dir.path().to_owned()];
        let mut out = Vec::new();
        assert!(!check(&files, Format::Text, &mut out).unwrap());
        let out = String::from_utf8(out).unwrap().replace(&dir.path().display().to_string(), "DIR");
        let expected = "\
DIR/good.yaml:1:1: warning: rotation.windows: no window: rotations may start at any time
DIR/good.yaml: ok
DIR/bad.yaml:1:7: mode: `reprot` is not known here, did you mean `report`?; allowed: `enforce`, `report`
DIR/bad.yaml:2:21: rotation.timeout: `5` lacks a unit; allowed: w, d, h, m and s, largest first, such as `1h30m`
DIR/missing.yaml: cannot be read: No such file or directory (os error 2)
DIR: is a directory; name the file in it
";
        assert_eq!(out, expected);
        assert!(check(&[good], Format::Text, &mut Vec::new()).unwrap());
    }

    fn said(format: Format) -> Value {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        std::fs::write(&path, "mode: reprot\n").unwrap();
        let mut out = Vec::new();
        assert!(!check(&[path, dir.path().join("missing")], format, &mut out).unwrap());
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str(&text.replace(&dir.path().display().to_string(), "DIR")).unwrap()
    }

    #[test]
    fn programs_get_the_same_in_json() {
        let message =
            "`reprot` is not known here, did you mean `report`?; allowed: `enforce`, `report`";
        let expected = json!([
            {"level": "error", "file": "DIR/a.yaml", "line": 1, "column": 7, "setting": "mode",
             "message": message},
            {"level": "error", "file": "DIR/missing", "line": null, "column": null, "setting": null,
             "message": "cannot be read: No such file or directory (os error 2)"},
        ]);
        assert_eq!(said(Format::Json), expected);
    }

    #[test]
    fn code_review_gets_the_same_as_sarif() {
        let results = said(Format::Sarif)["runs"][0]["results"].take();
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "DIR/a.yaml");
        assert_eq!(place["region"], json!({"startLine": 1, "startColumn": 7}));
        let text = results[0]["message"]["text"].as_str().unwrap();
        assert!(text.starts_with("mode: `reprot`"), "{text}");
        assert_eq!(results[1]["locations"][0]["physicalLocation"].get("region"), None);
    }
}
