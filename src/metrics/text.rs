//! The text format of Prometheus, version 0.0.4, written straight into one string.
//!
//! For facts: a fleet of 30,000 certificates is 10⁵ series that are read off the fleet at each
//! scrape, so there is no gauge to forget and no series that outlives its object.

use std::fmt::Write as _;

use super::names::{Kind, Metric};
use crate::core::time::{Span, Time};

/// The content type of a page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page of metrics in the making.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

/// Writes the series of one metric. Its head is written with the first of them.
#[derive(Debug)]
pub struct Family<'page, const N: usize> {
    page: &'page mut Page,
    metric: &'page Metric<N>,
    /// What comes before each label's value: `name{first="`, `",second="`.
    openings: [String; N],
    begun: bool,
}

/// The value of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number: counts, moments, lengths of time in seconds.
    Whole(i64),
    /// Any other.
    Real(f64),
}

impl Page {
    /// An empty page with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes) }
    }

    /// Begins a metric. Each is begun once, with all its series.
    pub fn family<'page, const N: usize>(
        &'page mut self,
        metric: &'page Metric<N>,
    ) -> Family<'page, N> {
        let openings = std::array::from_fn(|index| {
            let label = metric.labels[index];
            if index == 0 {
                format!("{}{{{label}=\"", metric.name)
            } else {
                format!("\",{label}=\"")
            }
        });
        Family { page: self, metric, openings, begun: false }
    }

    /// Appends what another encoder has written.
    pub fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The finished page.
    pub fn into_string(self) -> String {
        self.text
    }

    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        self.text.push_str("# HELP ");
        self.text.push_str(name);
        self.text.push(' ');
        escape(&mut self.text, help, false);
        self.text.push_str("\n# TYPE ");
        self.text.push_str(name);
        self.text.push(' ');
        self.text.push_str(kind.as_str());
        self.text.push('\n');
    }
}

impl<const N: usize> Family<'_, N> {
    /// Writes one series; the labels are in the order of the metric's.
    pub fn sample(&mut self, labels: &[&str; N], value: impl Into<Value>) -> &mut Self {
        let metric = self.metric;
        if !self.begun {
            self.begun = true;
            self.page.head(metric.name, metric.kind, metric.help);
        }
        let text = &mut self.page.text;
        for (opening, value) in self.openings.iter().zip(labels) {
            text.push_str(opening);
            escape(text, value, true);
        }
        text.push_str(if N == 0 { metric.name } else { "\"}" });
        text.push(' ');
        value.into().write(text);
        text.push('\n');
        self
    }

    /// The same, or nothing at all when the value is not known: never a zero in its stead.
    pub fn known(&mut self, labels: &[&str; N], value: Option<impl Into<Value>>) -> &mut Self {
        match value {
            Some(value) => self.sample(labels, value),
            None => self,
        }
    }
}

impl Value {
    fn write(self, text: &mut String) {
        let written = match self {
            Self::Whole(number) => write!(text, "{number}"),
            Self::Real(number) if number == f64::INFINITY => write!(text, "+Inf"),
            Self::Real(number) if number == f64::NEG_INFINITY => write!(text, "-Inf"),
            Self::Real(number) => write!(text, "{number}"),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

/// Escapes what would end a help text or, with `quotes`, a label's value.
fn escape(text: &mut String, value: &str, quotes: bool) {
    let special = |byte: u8| byte == b'\\' || byte == b'\n' || (quotes && byte == b'"');
    let mut rest = value;
    while let Some(at) = rest.bytes().position(special) {
        let (plain, tail) = rest.split_at(at);
        text.push_str(plain);
        let mut tail = tail.chars();
        text.push_str(match tail.next() {
            Some('\n') => "\\n",
            Some('"') => "\\\"",
            Some(_) | None => "\\\\",
        });
        rest = tail.as_str();
    }
    text.push_str(rest);
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Self {
        Self::Whole(is.into())
    }
}

impl From<Time> for Value {
    fn from(moment: Time) -> Self {
        Self::Whole(moment.unix())
    }
}

impl From<Span> for Value {
    fn from(span: Span) -> Self {
        Self::Whole(span.as_seconds())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO: Metric<2> = Metric {
        name: "certrotor_two",
        kind: Kind::Gauge,
        labels: ["namespace", "name"],
        help: "A \"help\" with a \\ and\na new line.",
    };
    const NONE: Metric<0> =
        Metric { name: "certrotor_none", kind: Kind::Counter, labels: [], help: "None." };

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let mut page = Page::default();
        let mut family = page.family(&TWO);
        family.sample(&["a", "b"], Time::from_unix(1_800_000_000)).sample(&["a", "c\"d"], 0.25);
        family.known(&["a", "unknown"], None::<Time>);
        page.family(&NONE).sample(&[], true);
        assert_eq!(
            page.into_string(),
            "# HELP certrotor_two A \"help\" with a \\\\ and\\na new line.\n\
             # TYPE certrotor_two gauge\n\
             certrotor_two{namespace=\"a\",name=\"b\"} 1800000000\n\
             certrotor_two{namespace=\"a\",name=\"c\\\"d\"} 0.25\n\
             # HELP certrotor_none None.\n\
             # TYPE certrotor_none counter\n\
             certrotor_none 1\n"
        );
    }

    #[test]
    fn a_metric_without_series_is_not_there() {
        let mut page = Page::default();
        page.family(&TWO).known(&["a", "b"], None::<i64>);
        assert_eq!(page.into_string(), "");
    }

    #[test]
    fn numbers_are_written_as_go_reads_them() {
        for (value, expected) in [
            (Value::Real(f64::INFINITY), "+Inf"),
            (Value::Real(f64::NEG_INFINITY), "-Inf"),
            (Value::Real(f64::NAN), "NaN"),
            (Value::Real(0.1), "0.1"),
            (Value::Real(-2.0), "-2"),
            (Value::from(u64::MAX), "9223372036854775807"),
            (Value::from(false), "0"),
            (Value::from(Span::seconds(-5)), "-5"),
        ] {
            let mut text = String::new();
            value.write(&mut text);
            assert_eq!(text, expected);
        }
    }

    /// Reads one sample line of `TWO` as Prometheus does.
    fn read(line: &str) -> Option<(Vec<String>, f64)> {
        let mut rest = line.strip_prefix("certrotor_two{")?;
        let mut labels = Vec::new();
        for name in ["namespace=\"", ",name=\""] {
            rest = rest.strip_prefix(name)?;
            let mut value = String::new();
            let mut chars = rest.char_indices();
            loop {
                match chars.next()? {
                    (at, '"') => {
                        rest = &rest[at + 1..];
                        break;
                    }
                    (_, '\\') => value.push(match chars.next()? {
                        (_, 'n') => '\n',
                        (_, c @ ('"' | '\\')) => c,
                        _ => return None,
                    }),
                    (_, c) => value.push(c),
                }
            }
            labels.push(value);
        }
        Some((labels, rest.strip_prefix("} ")?.parse().ok()?))
    }

    proptest! {
        /// Whatever a label holds, it stays one line and reads back as it was.
        #[test]
        fn hostile_labels_read_back(
            one in r#"[\\"n\n\r\u{0}\u{1b}{}=, aü𐍈]{0,20}"#,
            other in any::<String>(),
            value in any::<f64>(),
        ) {
            let mut page = Page::default();
            page.family(&TWO).sample(&[&one, &other], value);
            let text = page.into_string();
            let lines: Vec<&str> = text.split('\n').collect();
            prop_assert_eq!(lines.len(), 4, "two lines of head, one sample, nothing after it");
            let (labels, read_back) = read(lines[2]).unwrap();
            prop_assert_eq!(labels, [one, other]);
            prop_assert!(read_back.to_bits() == value.to_bits() || value.is_nan() && read_back.is_nan());
        }
    }
}
