//! What is shipped beside the program: alerts, dashboards, the chart, and the pages about them.

use std::fs;
use std::path::{Path, PathBuf};

mod alerts;
mod chart;
mod dashboards;
mod helm;
mod image;
#[cfg(feature = "demo")]
mod live;
mod pages;
mod plane;
mod prometheus;
mod promql;
mod rules;

/// A file of the checkout.
fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// What a file of the checkout holds.
fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Holds that a file of the checkout is this; `CERTROTOR_UPDATE=1` in the environment makes it so.
fn held(file: &str, expected: &str) {
    if std::env::var_os("CERTROTOR_UPDATE").is_some() {
        fs::write(path(file), expected).unwrap();
    }
    let is = read(file);
    let lines = is.lines().zip(expected.lines()).enumerate();
    let update = "CERTROTOR_UPDATE=1 cargo test --test it -- deploy:: writes it anew";
    for (at, (is, should)) in lines {
        assert_eq!(is, should, "{file}:{}: {update}", at + 1);
    }
    assert_eq!(is.lines().count(), expected.lines().count(), "{file}: {update}");
}

/// The files of a folder of the checkout with this ending, by name.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

/// The code blocks of a page whose fence says `word`, each with the rest of its fence.
fn blocks<'a>(page: &'a str, word: &str) -> Vec<(&'a str, &'a str)> {
    let mut parts = page.split("```");
    parts.next();
    let fenced = parts.step_by(2).filter_map(|block| block.split_once('\n'));
    let of = |(fence, text): (&'a str, &'a str)| {
        let (first, rest) = fence.split_once(' ').unwrap_or((fence, ""));
        (first == word).then_some((rest, text))
    };
    fenced.filter_map(of).collect()
}

#[test]
fn blocks_are_found_by_their_word() {
    let page = "a\n```sh demo\nb\n```\nc\n```text\nd\n```\n```sh\ne\n```\n";
    assert_eq!(blocks(page, "sh"), [("demo", "b\n"), ("", "e\n")]);
    assert_eq!(blocks(page, "text"), [("", "d\n")]);
}
