//! Which namespaces and which labels something is about: `kubectl -l` selectors and `*` patterns.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use self::lexer::{Token, tokens};

mod lexer;

/// A label selector as `kubectl -l` takes it; the default selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    text: String,
    requirements: Vec<Requirement>,
}

impl Selector {
    /// Reads `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x,y)`, `a`, `!a`; a comma means *and*.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens };
        let requirements = parser.requirements()?;
        Ok(Self { text: text.trim().to_owned(), requirements })
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<Arc<str>, Arc<str>>) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(labels))
    }

    /// Whether there is nothing that it asks for.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Self::parse(text)
    }
}

/// The name of a namespace, in which `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamespacePattern(String);

impl NamespacePattern {
    /// Reads a name such as `prod` or a pattern such as `prod-*`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*".contains(c);
        let fits = (1..=63).contains(&text.len()) && text.chars().all(allowed);
        if !fits || text.starts_with('-') || text.ends_with('-') {
            return Err(SelectorError::Namespace(shown(text)));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether this namespace is meant.
    pub fn matches(&self, namespace: &str) -> bool {
        let Some((head, rest)) = self.0.split_once('*') else {
            return self.0 == namespace;
        };
        let Some(mut open) = namespace.strip_prefix(head) else {
            return false;
        };
        let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*').filter(|part| !part.is_empty()) {
            // The first place is always a good one: it leaves the most to the parts that follow.
            let Some((_, after)) = open.split_once(part) else {
                return false;
            };
            open = after;
        }
        open.ends_with(tail)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NamespacePattern {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        Self::parse(text)
    }
}

/// What is wrong with a selector or a namespace pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Something stands where nothing or something else should.
    #[error("{found} where {expected} is expected; such as `a=b`, `a!=b`, `a in (x,y)`, `!a`")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A sign that label selectors do not have, or that this one does not take.
    #[error("`{0}` is no sign of a selector; allowed: `=`, `==`, `!=`, `!`, `in (…)`, `notin (…)`")]
    Sign(char),
    /// Not a label key.
    #[error(
        "{0} is no label key; allowed: up to 63 letters, digits, `-`, `_`, `.` that begin and \
         end with a letter or digit, after a domain and `/` if there is one"
    )]
    Key(String),
    /// Not a label value.
    #[error(
        "{0} is no label value; allowed: up to 63 letters, digits, `-`, `_`, `.` that begin and \
         end with a letter or digit"
    )]
    Value(String),
    /// Not the name of a namespace or a pattern.
    #[error(
        "{0} is no namespace; allowed: 1 to 63 of a-z, 0-9, `-` and `*` (any characters), \
         no `-` at either end"
    )]
    Namespace(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    asks: Asks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asks {
    Absent,
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Present,
}

impl Requirement {
    fn holds(&self, labels: &BTreeMap<Arc<str>, Arc<str>>) -> bool {
        let value = labels.get(self.key.as_str());
        match &self.asks {
            Asks::Absent => value.is_none(),
            Asks::In(values) => value.is_some_and(|value| values.contains(&**value)),
            // As Kubernetes has it: an object without the label is not excluded.
            Asks::NotIn(values) => value.is_none_or(|value| !values.contains(&**value)),
            Asks::Present => value.is_some(),
        }
    }
}

struct Parser<'a> {
    tokens: &'a [Token<'a>],
}

impl<'a> Parser<'a> {
    fn requirements(&mut self) -> Result<Vec<Requirement>, SelectorError> {
        let mut requirements = Vec::new();
        if self.tokens.is_empty() {
            return Ok(requirements);
        }
        loop {
            requirements.push(self.requirement()?);
            match self.next() {
                None => return Ok(requirements),
                Some(Token::Comma) => {}
                Some(other) => return Err(unexpected(Some(other), "a comma or the end")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let negated = self.peek() == Some(Token::Not);
        if negated {
            self.next();
        }
        let key = match self.next() {
            Some(Token::Word(word)) => label_key(word)?,
            other => return Err(unexpected(other, "a label key")),
        };
        if negated {
            return Ok(Requirement { key, asks: Asks::Absent });
        }
        let asks = match self.peek() {
            None | Some(Token::Comma) => Asks::Present,
            Some(Token::Equal) => Asks::In(self.value()?),
            Some(Token::NotEqual) => Asks::NotIn(self.value()?),
            Some(Token::Word("in")) => Asks::In(self.values()?),
            Some(Token::Word("notin")) => Asks::NotIn(self.values()?),
            other => return Err(unexpected(other, "`=`, `!=`, `in`, `notin` or a comma")),
        };
        Ok(Requirement { key, asks })
    }

    /// One value after an operator; none is the empty value.
    fn value(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        self.next();
        let value = match self.peek() {
            None | Some(Token::Comma) => "",
            Some(Token::Word(word)) => {
                self.next();
                word
            }
            other => return Err(unexpected(other, "a label value")),
        };
        Ok(BTreeSet::from([label_value(value)?]))
    }

    /// A list of values in brackets after an operator; as in Kubernetes, `(x,)` holds an empty one.
    fn values(&mut self) -> Result<BTreeSet<String>, SelectorError> {
        self.next();
        match self.next() {
            Some(Token::Open) => {}
            other => return Err(unexpected(other, "`(`")),
        }
        let mut values = BTreeSet::new();
        loop {
            let mut value = "";
            if let Some(Token::Word(word)) = self.peek() {
                self.next();
                value = word;
            }
            values.insert(label_value(value)?);
            match self.next() {
                Some(Token::Close) => return Ok(values),
                Some(Token::Comma) => {}
                other => return Err(unexpected(other, "`,` or `)`")),
            }
        }
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(*first)
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.first().copied()
    }
}

fn unexpected(found: Option<Token<'_>>, expected: &'static str) -> SelectorError {
    let found = found.map_or_else(|| "the end".to_owned(), |token| shown(token.as_str()));
    SelectorError::Unexpected { found, expected }
}

fn label_key(text: &str) -> Result<String, SelectorError> {
    let (prefix, name) = text.split_once('/').unwrap_or(("a", text));
    let part = |part: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty()
            && part.chars().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if name.is_empty() || !is_name(name) || prefix.len() > 253 || !prefix.split('.').all(part) {
        return Err(SelectorError::Key(shown(text)));
    }
    Ok(text.to_owned())
}

fn label_value(text: &str) -> Result<String, SelectorError> {
    if !is_name(text) {
        return Err(SelectorError::Value(shown(text)));
    }
    Ok(text.to_owned())
}

fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.chars().all(inner)
        && text.starts_with(edge) == text.ends_with(edge)
        && (text.is_empty() || text.starts_with(edge))
}

/// What somebody wrote, safe to print on one line.
fn shown(text: &str) -> String {
    const MOST: usize = 80;
    let mut short: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests;
