//! Figures as people read them.

use crate::core::time::Span;

/// `0:07`, `12:34`, and from an hour on `1h 20m`; never negative.
pub(super) fn clock(span: Span) -> String {
    let span = span.max(Span::ZERO);
    let seconds = span.as_seconds();
    if span < Span::HOUR {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    } else {
        span.to_string()
    }
}

/// `1 server`, `3 servers`.
pub(super) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_on_a_clock() {
        for (seconds, text) in [
            (-4, "0:00"),
            (7, "0:07"),
            (83, "1:23"),
            (3_599, "59:59"),
            (3_600, "1h"),
            (90_061, "1d 1h"),
        ] {
            assert_eq!(clock(Span::seconds(seconds)), text);
        }
    }

    #[test]
    fn one_is_one() {
        assert_eq!(
            (count(1, "server"), count(0, "server")),
            ("1 server".into(), "0 servers".into())
        );
    }
}
