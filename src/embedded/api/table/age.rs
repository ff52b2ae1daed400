//! How long ago something was, as `kubectl` says it: two or three figures, no more.

use serde_json::Value;

use crate::core::time::{Span, Time};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// How long before `now` the moment was that this text names.
pub(super) fn since(moment: &Value, now: Time) -> String {
    let unknown = || "<unknown>".to_owned();
    let Some(text) = moment.as_str().filter(|text| !text.is_empty()) else {
        return unknown();
    };
    match text.parse::<Time>() {
        Ok(moment) => human(now.since(moment)),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// A duration for people. One that is just negative comes of two clocks; others make no sense.
fn human(span: Span) -> String {
    let seconds = span.as_seconds();
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds, (MINUTE, 'm'), (1, 's')),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds, (HOUR, 'h'), (MINUTE, 'm')),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds, (DAY, 'd'), (HOUR, 'h')),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(seconds, (YEAR, 'y'), (DAY, 'd')),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// In a large unit and a small one, which is left out where it is nothing.
fn two(seconds: i64, (large, large_sign): (i64, char), (small, small_sign): (i64, char)) -> String {
    let (whole, rest) = (seconds / large, seconds % large / small);
    if rest == 0 {
        format!("{whole}{large_sign}")
    } else {
        format!("{whole}{large_sign}{rest}{small_sign}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_have_two_figures() {
        for (seconds, shown) in [
            (-5, "<invalid>"),
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (8 * HOUR - 1, "7h59m"),
            (8 * HOUR, "8h"),
            (2 * DAY - 1, "47h"),
            (2 * DAY, "2d"),
            (8 * DAY - 1, "7d23h"),
            (8 * DAY, "8d"),
            (2 * YEAR - 1, "729d"),
            (2 * YEAR + 5 * DAY, "2y5d"),
            (8 * YEAR, "8y"),
        ] {
            assert_eq!(human(Span::seconds(seconds)), shown, "{seconds} s");
        }
    }

    #[test]
    fn a_moment_may_be_missing_or_no_moment() {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        for (moment, shown) in [
            (json!(null), "<unknown>"),
            (json!(""), "<unknown>"),
            (json!("noon"), "<invalid>"),
            (json!("2026-11-23T11:59:30Z"), "30s"),
            (json!("2026-11-23T11:59:30.999999Z"), "30s"),
        ] {
            assert_eq!(since(&moment, now), shown, "{moment}");
        }
    }
}
