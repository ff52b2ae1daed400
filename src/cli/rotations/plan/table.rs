//! A forecast as a table.

use std::fmt::Write as _;

use super::super::row::away;
use crate::core::certificate::sanitize;
use crate::core::time::Time;
use crate::report::Outlook;

const HEADING: [&str; 6] = ["STARTS", "IN", "DATABASE", "CAUSE", "STAGE", "TAKES"];

pub(super) fn table(outlook: &Outlook, now: Time) -> String {
    let rows: Vec<[String; 6]> = outlook
        .rotations
        .iter()
        .map(|it| {
            [
                it.starts.to_string(),
                away(it.starts, now),
                sanitize(&format!("{}/{}", it.namespace, it.name)),
                it.cause.to_string(),
                it.stage.to_string(),
                it.ends.since(it.starts).to_string(),
            ]
        })
        .collect();
    let mut text = lines(&rows);
    if rows.is_empty() {
        text = format!("no rotation until {}\n", outlook.until);
    }
    if !outlook.held.is_empty() {
        text.push_str("\nDue until then, and held:\n");
        for held in &outlook.held {
            let database = sanitize(&format!("{}/{}", held.namespace, held.name));
            // Writing to a String cannot fail.
            writeln!(text, "  {database}  {}: {}", held.gate, held.gate.meaning()).ok();
        }
    }
    if outlook.cut {
        text.push_str("\nThere would be more: --until a shorter time shows what comes first.\n");
    }
    text
}

fn lines(rows: &[[String; 6]]) -> String {
    let mut widths = HEADING.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; 6]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("   ").trim_end().to_owned() + "\n"
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(HEADING)).chain(rows).collect()
}
