//! What single values mean: durations, shares, addresses, days, names.

use std::net::SocketAddr;

use jiff::civil::Date;

use super::keys::{LONGEST, MOST_TEXT};
use super::problem::shown;
use crate::core::policy::Lead;
use crate::core::time::Span;

/// Units of durations, the largest first; a month or a year has no certain length.
const UNITS: [(&str, i64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
const ALLOWED_UNITS: &str = "w, d, h, m and s, largest first, such as `1h30m`";

/// Reads `72h`, `45d`, `1h30m`, `1h 30m`.
pub(crate) fn duration(text: &str, least: Span, most: Span) -> Result<Span, String> {
    let span = length(text)?;
    let bound = |what, bound| Err(format!("{} is too {what}; {bound}", shown(text)));
    if span < least {
        return bound("short", format!("at least {least}"));
    }
    if span > most {
        return bound("long", format!("at most {most}"));
    }
    Ok(span)
}

fn length(text: &str) -> Result<Span, String> {
    if text.starts_with('-') {
        return Err(format!("{} is negative", shown(text)));
    }
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    let mut total = Span::ZERO;
    if rest.is_empty() {
        return Err(format!("{} is no duration; allowed: {ALLOWED_UNITS}", shown(text)));
    }
    while !rest.is_empty() {
        let (digits, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after.trim_start(), |c| !c.is_ascii_digit() && c != ' ');
        if digits.is_empty() {
            return Err(format!("{} is no duration; allowed: {ALLOWED_UNITS}", shown(text)));
        }
        if unit.is_empty() {
            return Err(format!("{} lacks a unit; allowed: {ALLOWED_UNITS}", shown(text)));
        }
        // `units` only moves on, so an order other than largest first finds nothing.
        let Some((_, seconds)) = units.find(|(name, _)| *name == unit) else {
            let known = UNITS.iter().any(|(name, _)| *name == unit);
            let what = if known { "is out of place" } else { "is no unit" };
            let (text, unit) = (shown(text), shown(unit));
            return Err(format!("{unit} in {text} {what}; allowed: {ALLOWED_UNITS}"));
        };
        let number = digits.parse::<i64>().unwrap_or(i64::MAX);
        total = total + Span::seconds(number.saturating_mul(*seconds));
        rest = after.trim_start();
    }
    Ok(total)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// Reads `45%` or a duration.
pub(super) fn lead(text: &str) -> Result<Lead, String> {
    let Some(number) = text.strip_suffix('%') else {
        let known = |error: String| error.replace(" lacks a unit;", " lacks `%` or a unit;");
        return duration(text, Span::MINUTE, LONGEST).map(Lead::Length).map_err(known);
    };
    match number.trim().parse::<u8>() {
        Ok(percent @ 1..=99) => Ok(Lead::Percent(percent)),
        _ => Err(format!("{} is no share of a lifetime; allowed: `1%` to `99%`", shown(text))),
    }
}

/// Reads a whole number from 1 to `most`.
pub(crate) fn count(text: &str, most: u32) -> Result<u32, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("{} is no whole number; allowed: 1 to {most}", shown(text)));
    }
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        Ok(0) => Err(format!("{} is too small; allowed: 1 to {most}", shown(text))),
        _ if text.starts_with('-') => {
            Err(format!("{} is too small; allowed: 1 to {most}", shown(text)))
        }
        _ => Err(format!("{} is too large; allowed: 1 to {most}", shown(text))),
    }
}

/// Reads `true` or `false`; YAML's older words for them are named, not guessed.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{} is no switch; allowed: `true` or `false`", shown(text))),
    }
}

/// Reads `127.0.0.1:9441` or `[::1]:9441`.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let example = if text.starts_with(':') { "`0.0.0.0:9440`" } else { "`127.0.0.1:9441`" };
        format!(
            "{} is no address; allowed: an IP address and a port, such as {example}",
            shown(text)
        )
    })
}

/// Reads `2026-12-20`.
pub(super) fn date(text: &str) -> Result<Date, String> {
    let no_day = || format!("{} is no day; allowed: a day such as `2026-12-20`", shown(text));
    // The library reads `20261220` and times of day too.
    let looks_right = text.len() == 10 && text.is_ascii();
    if !looks_right || text.split('-').map(str::len).ne([4, 2, 2]) {
        return Err(no_day());
    }
    text.parse().map_err(|_| no_day())
}

/// Reads the id of an installation: it goes into names and labels of objects.
pub(super) fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=63).contains(&text.len()) && text.chars().all(allowed);
    if !fits || text.starts_with('-') || text.ends_with('-') {
        let allowed = "1 to 63 of a-z, 0-9 and `-`, no `-` at either end";
        return Err(format!("{} is no name; allowed: {allowed}", shown(text)));
    }
    Ok(text.to_owned())
}

/// Reads what people are shown: one line, not too long.
pub(super) fn line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err(format!("{} has more than one line or a control character", shown(text)));
    }
    let length = text.chars().count();
    if length > MOST_TEXT {
        return Err(format!("{length} characters are too many; allowed: {MOST_TEXT}"));
    }
    Ok(text.to_owned())
}

/// Finds the word among those allowed.
pub(super) fn word(text: &str, allowed: &[&'static str]) -> Result<&'static str, String> {
    if let Some(word) = allowed.iter().find(|word| **word == text) {
        return Ok(word);
    }
    let nearest = match nearest(text, allowed.iter().copied()) {
        Some(nearest) => format!(", did you mean `{nearest}`?"),
        None => String::new(),
    };
    let (text, allowed) = (shown(text), allowed.join("`, `"));
    Err(format!("{text} is not known here{nearest}; allowed: `{allowed}`"))
}

/// The one that looks most like it, if one does.
pub(crate) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    if text.len() > LONGEST {
        return None;
    }
    let wanted = plain(text);
    let known: Vec<_> = known.map(|name| (plain(name), name)).collect();
    let distance = |(name, _): &&(String, &str)| strsim::damerau_levenshtein(&wanted, name);
    let (name, nearest) = known.iter().min_by_key(distance)?;
    if strsim::damerau_levenshtein(&wanted, name) <= (name.len() / 3).max(1) {
        return Some(nearest);
    }
    // `zone` for `timezone`, `namespace` for `perNamespace`.
    let part_of = |(name, _): &&(String, &str)| wanted.len() >= 4 && name.contains(&wanted);
    known.iter().find(part_of).map(|(_, name)| *name)
}
