//! A page of Prometheus metrics, read by rules of our own.

use std::collections::BTreeMap;

/// All samples of a page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Vec<Sample>);

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Metrics {
    /// Reads a page; a line that is no sample ends the test.
    pub(crate) fn parse(page: &str) -> Self {
        let lines = page.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(|line| parse(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect())
    }

    /// The samples with this name and at least these labels.
    pub(crate) fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        let fits = |sample: &&Sample| {
            let has = |(key, value): &(&str, &str)| {
                sample.labels.get(*key).is_some_and(|found| found == value)
            };
            sample.name == name && labels.iter().all(has)
        };
        self.0.iter().filter(fits).collect()
    }

    /// The sum of the samples with this name and at least these labels; none if there are none.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let samples = self.all(name, labels);
        (!samples.is_empty()).then(|| samples.iter().map(|sample| sample.value).sum())
    }

    /// Every sample.
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.0
    }
}

fn parse(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = series.split_once('{') else {
        return Some(Sample { name: series.to_owned(), labels: BTreeMap::new(), value });
    };
    let labels = parse_labels(rest.strip_suffix('}')?)?;
    Some(Sample { name: name.to_owned(), labels, value })
}

fn parse_labels(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (key, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        labels.insert(key.to_owned(), value);
        text = rest[end + 1..].trim_start_matches(',');
    }
    Some(labels)
}

#[test]
fn samples_are_read_with_their_labels() {
    let page =
        "# HELP a b\n# TYPE a gauge\na 1\na{b=\"c,d\",e=\"\\\"f\\n\"} 2.5\na{b=\"x\"} +Inf\n";
    let metrics = Metrics::parse(page);
    assert_eq!(metrics.samples().len(), 3);
    assert_eq!(metrics.sum("a", &[("b", "c,d"), ("e", "\"f\n")]), Some(2.5));
    assert_eq!(metrics.sum("a", &[("b", "z")]), None);
}
