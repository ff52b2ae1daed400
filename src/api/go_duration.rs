//! Lengths of time as Go writes them: `2160h0m0s`.
//!
//! The CRDs of KubeDB take any text here, and their own operators then fail to read `90d`. We keep
//! the text as it is and understand of it what Go would understand.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::time::Span;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A Go duration as somebody wrote it, perhaps one that Go cannot read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GoDuration(String);

impl GoDuration {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How long it is; none when Go could not read it either.
    pub fn span(&self) -> Option<Span> {
        parse(&self.0)
    }
}

impl From<Span> for GoDuration {
    fn from(span: Span) -> Self {
        Self(format(span))
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads what Go's `time.ParseDuration` reads, rounded down to whole seconds.
pub fn parse(text: &str) -> Option<Span> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(Span::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let (whole, after) = split_digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = nanos_of(unit)?;
        nanos += number(whole)? * unit + part(fraction, unit);
        if nanos > i128::from(i64::MAX) {
            return None;
        }
        rest = after;
    }
    i64::try_from((sign * nanos).div_euclid(NANOS_PER_SECOND)).ok().map(Span::seconds)
}

/// Writes a span as Go's `Duration.String` does.
pub fn format(span: Span) -> String {
    let total = span.as_seconds().unsigned_abs();
    let sign = if span.as_seconds() < 0 { "-" } else { "" };
    let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60);
    if hours > 0 {
        format!("{sign}{hours}h{minutes}m{seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m{seconds}s")
    } else {
        format!("{sign}{seconds}s")
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn number(digits: &str) -> Option<i128> {
    if digits.is_empty() { Some(0) } else { digits.parse::<i64>().ok().map(i128::from) }
}

/// `0.<digits>` of a unit; digits beyond the fifteenth are below a nanosecond in any unit.
fn part(digits: &str, unit: i128) -> i128 {
    let mut scale = 1;
    let mut numerator = 0;
    for digit in digits.bytes().take(15) {
        numerator = numerator * 10 + i128::from(digit - b'0');
        scale *= 10;
    }
    numerator * unit / scale
}

fn nanos_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, seconds) in [
            ("2160h0m0s", 7_776_000),
            ("90m", 5_400),
            ("1h30m", 5_400),
            ("1.5h", 5_400),
            (".5m", 30),
            ("5.m", 300),
            ("1m1m", 120),
            ("1h0.25m1000ms", 3_616),
            ("1.999s", 1),
            ("999ms", 0),
            ("2562047h47m16.854775807s", 9_223_372_036),
            ("0", 0),
            ("-0", 0),
            ("+5s", 5),
            ("-1.5h", -5_400),
            ("1000000us", 1),
            ("1000000µs", 1),
            ("0.100000000000000000000h", 360),
        ] {
            assert_eq!(parse(text), Some(Span::seconds(seconds)), "{text}");
        }
    }

    #[test]
    fn what_go_cannot_read_is_no_length() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "h",
            "90d",
            "1w",
            "90",
            "1 h",
            "1h ",
            " 1h",
            "1h30",
            "1.h.",
            "1..h",
            "--1h",
            "1H",
            "3000000h",
            "99999999999999999999h",
            "٣h",
            "45%",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn writes_what_go_writes() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m0s"),
            (600, "10m0s"),
            (3_600, "1h0m0s"),
            (7_776_000, "2160h0m0s"),
            (-90, "-1m30s"),
        ] {
            let span = Span::seconds(seconds);
            assert_eq!(format(span), text);
            assert_eq!(parse(text), Some(span));
        }
    }

    #[test]
    fn the_text_survives_as_it_is() {
        let duration: GoDuration = serde_json::from_str(r#""90d""#).unwrap();
        assert_eq!(duration.span(), None);
        assert_eq!(serde_json::to_string(&duration).unwrap(), r#""90d""#);
    }
}
