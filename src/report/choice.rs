//! Which databases are asked for, and in which order: what a URL's query says.

use std::fmt::Write as _;

use crate::config::values::nearest;
use crate::core::time::Span;
use crate::core::vocabulary::{State, words};

/// So many lines are shown at once, unless somebody asks for another number.
const USUAL: usize = 100;
/// And never more.
const MOST: usize = 1_000;

words! {
    /// The order of the lines.
    Sort {
        /// What needs somebody first, then what happens next.
        Urgency = "urgency",
        /// By namespace and name.
        Name = "name",
        /// What expires first.
        Expires = "expires",
        /// What rotates first.
        Next = "next",
    }
}

/// What somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// A part of the namespace and name.
    pub text: String,
    /// Only this state.
    pub state: Option<State>,
    /// Only this namespace.
    pub namespace: Option<String>,
    /// The order.
    pub sort: Sort,
    /// The lines before this one are left out.
    pub offset: usize,
    /// At most so many lines.
    pub limit: usize,
    /// How much time to show, or to look ahead.
    pub span: Option<Span>,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            text: String::new(),
            state: None,
            namespace: None,
            sort: Sort::Urgency,
            offset: 0,
            limit: USUAL,
            span: None,
        }
    }
}

impl Choice {
    /// What each part of a query means; an error says which part means nothing.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut choice = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            // A form sends what was left empty too.
            if !value.is_empty() {
                choice.take(&name, value)?;
            }
        }
        Ok(choice)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "q" => value.clone_into(&mut self.text),
            "state" => self.state = Some(word(name, value, State::ALL)?),
            "namespace" => self.namespace = Some(value.to_owned()),
            "sort" => self.sort = word(name, value, Sort::ALL)?,
            "offset" => self.offset = number(name, value)?,
            "limit" => self.limit = number(name, value)?.clamp(1, MOST),
            "span" | "until" => {
                let longest = crate::core::forecast::LONGEST;
                let span = crate::config::values::duration(value, Span::MINUTE, longest);
                self.span = Some(span.map_err(|problem| format!("{name}: {problem}"))?);
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// The query that says this.
    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        if let Some(state) = self.state {
            query.append_pair("state", state.as_str());
        }
        if let Some(namespace) = &self.namespace {
            query.append_pair("namespace", namespace);
        }
        if self.sort != Sort::Urgency {
            query.append_pair("sort", self.sort.as_str());
        }
        if self.offset > 0 {
            query.append_pair("offset", &self.offset.to_string());
        }
        if self.limit != USUAL {
            query.append_pair("limit", &self.limit.to_string());
        }
        if let Some(span) = self.span {
            query.append_pair("span", &in_one_unit(span));
        }
        query.finish()
    }
}

/// A length of time as the query and the config file write it: `90d`, `36h`.
pub(super) fn in_one_unit(span: Span) -> String {
    let seconds = span.as_seconds();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    let unit = units.into_iter().find(|(_, size)| seconds % size == 0 && seconds != 0);
    let (unit, size) = unit.unwrap_or(("s", 1));
    format!("{}{unit}", seconds / size)
}

fn word<T: Copy + AsWord>(name: &str, value: &str, all: &[T]) -> Result<T, String> {
    let same = |word: &&T| word.word().eq_ignore_ascii_case(value);
    all.iter().find(same).copied().ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(AsWord::word).collect();
        let mut problem = format!("{name}: no {value:?}");
        if let Some(near) = nearest(value, words.iter().copied()) {
            // Writing to a String cannot fail.
            write!(problem, "; did you mean {near}?").ok();
        }
        write!(problem, " There are {}", words.join(", ")).ok();
        problem
    })
}

trait AsWord {
    fn word(&self) -> &'static str;
}

impl AsWord for State {
    fn word(&self) -> &'static str {
        self.as_str()
    }
}

impl AsWord for Sort {
    fn word(&self) -> &'static str {
        self.as_str()
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("{name}: {value:?} is no whole number"))
}

fn unknown(name: &str) -> String {
    let names = ["q", "state", "namespace", "sort", "offset", "limit", "span", "until"];
    let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
    let near = near.unwrap_or_else(|| format!("; there are {}", names.join(", ")));
    format!("{name:?} means nothing here{near}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_says_is_what_it_is_written_as() {
        for query in [
            "",
            "q=shop%2For",
            "state=Waiting",
            "namespace=shop&sort=expires",
            "offset=100&limit=50",
            "q=%3Cscript%3E&state=Stuck&sort=next&span=90d",
        ] {
            assert_eq!(Choice::parse(query).unwrap().query(), query);
        }
        assert_eq!(Choice::parse("q=&state=&until=36h").unwrap().query(), "span=36h");
        assert_eq!(Choice::parse("state=fresh").unwrap().state, Some(State::Fresh));
        assert_eq!(Choice::parse("limit=1000000").unwrap().limit, MOST);
    }

    #[test]
    fn what_means_nothing_is_told() {
        for (query, problem) in [
            ("state=Wating", "state: no \"Wating\"; did you mean Waiting? There are Unmanaged, "),
            ("sort=age", "sort: no \"age\" There are urgency, name, expires, next"),
            ("offset=-1", "offset: \"-1\" is no whole number"),
            ("span=900d", "span: "),
            ("stat=Fresh", "\"stat\" means nothing here; did you mean state?"),
        ] {
            let told = Choice::parse(query).unwrap_err();
            assert!(told.starts_with(problem), "{query}: {told}");
        }
    }
}
