//! Files that nobody wrote by mistake.

use proptest::prelude::*;

use super::{EVERYTHING, said};
use crate::config::Config;

#[test]
fn bombs_are_refused() {
    let level = |(name, inner): (char, char)| {
        let repeated = vec![format!("*{inner}"); 10].join(",");
        format!("{name}: &{name} [{repeated}]")
    };
    let levels = "bcdefghij".chars().zip("abcdefghi".chars()).map(level);
    let first = "a: &a [x,x,x,x,x,x,x,x,x,x]".to_owned();
    let bomb = std::iter::once(first).chain(levels).collect::<Vec<_>>().join(
        "
",
    );
    assert_eq!(said(&bomb), ["c:5:8: more than 20000 values, repeated ones included"]);
    let deep = "[".repeat(10_000);
    assert_eq!(said(&deep).len(), 1);
    assert!(said(&deep)[0].contains("no valid YAML"), "{:?}", said(&deep));
    let levels: Vec<_> = (0..100).map(|depth| format!("{}a:", " ".repeat(depth))).collect();
    let deep = levels.join(
        "
",
    );
    assert!(said(&deep)[0].contains("no valid YAML"), "{:?}", said(&deep));
    let wide = format!("watch: {{namespaces: [{}]}}", "a,".repeat(30_000));
    assert!(said(&wide)[0].contains("more than 20000 values"));
    let listed = format!("watch: {{namespaces: [{}]}}", "a,".repeat(1_001));
    assert_eq!(said(&listed), ["c:1:21: watch.namespaces: 1001 items are too many; allowed: 1000"]);
    let large = "#".repeat((1 << 20) + 1);
    assert_eq!(said(&large), ["c: is larger than 1 MiB"]);
    assert!(Config::parse(&large[1..], "c").is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        said(&text);
    }

    #[test]
    fn no_soup_of_yaml_makes_it_panic(
        words in prop::collection::vec(prop::sample::select(SOUP), 0..60),
    ) {
        said(&words.concat());
    }

    #[test]
    fn no_mutation_of_a_right_file_makes_it_panic(
        cuts in prop::collection::vec((0..EVERYTHING.len(), 0..20_usize, prop::sample::select(SOUP)), 1..5),
    ) {
        let mut text: Vec<char> = EVERYTHING.chars().collect();
        for (at, length, put) in cuts {
            let at = at.min(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(problems) = Config::parse(&text, "c") {
            let positions: Vec<_> = problems.iter().map(|problem| problem.position).collect();
            prop_assert!(positions.is_sorted());
            let lines = u32::try_from(text.lines().count()).unwrap() + 1;
            prop_assert!(positions.iter().flatten().all(|at| (1..=lines).contains(&at.line)));
            prop_assert_eq!(problems.to_string().lines().count(), problems.count());
        }
    }
}

const SOUP: &[&str] = &[
    "rotation:",
    "windows:",
    "overrides:",
    "match:",
    "open:",
    "for:",
    "freezes:",
    "from:",
    "to:",
    "schedule:",
    "cron:",
    "timezone:",
    "renewBefore:",
    "\n",
    "\n  ",
    "\n    ",
    "\n  - ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    "- ",
    "&a ",
    "*a",
    "!!str ",
    "|",
    ">",
    "\"",
    "'",
    "#",
    "null",
    "45%",
    "72h",
    "0 2 * * SAT",
    "2026-12-20",
    "99999999999999999999",
    "-1",
    "\t",
    "---",
    "...",
    "? ",
    "\u{feff}",
    "<<",
    "\r\n",
    "\u{0}",
    "é",
];
