//! The paths of `additionalPrinterColumns`: as much of `JSONPath` as definitions use.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

/// A path such as `.status.conditions[?(@.type == "Ready")].status`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::embedded::api) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Every entry or field.
    All,
    /// The entry at this place; negative ones count from the end.
    At(i64),
    /// The field of this name.
    Field(String),
    /// The entries that have something at this path or, with a value, exactly that.
    Where { path: JsonPath, value: Option<(Test, Value)> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equal,
    Unequal,
}

impl JsonPath {
    /// Reads a path, with or without the braces round it.
    pub(in crate::embedded::api) fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        let mut signs = inner.unwrap_or(text).chars().peekable();
        if signs.peek() == Some(&'$') {
            signs.next();
        }
        let path = steps(&mut signs)?;
        match signs.next() {
            None if path.steps.is_empty() => Err("is empty".to_owned()),
            None => Ok(path),
            Some(sign) => Err(format!("{sign:?} is not expected here")),
        }
    }

    /// The first value at the path.
    pub(in crate::embedded::api) fn first<'a>(&self, object: &'a Value) -> Option<&'a Value> {
        self.find(object).first().copied()
    }

    fn find<'a>(&self, object: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![object];
        for step in &self.steps {
            found = found.into_iter().flat_map(|value| step.take(value)).collect();
        }
        found
    }
}

impl Step {
    fn take<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::All => children(value),
            Self::At(at) => {
                let entries = value.as_array().map_or(&[][..], Vec::as_slice);
                let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
                let at = if *at < 0 { count + at } else { *at };
                usize::try_from(at).ok().and_then(|at| entries.get(at)).into_iter().collect()
            }
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Where { path, value: wanted } => {
                let mut entries = children(value);
                entries.retain(|entry| match (path.first(entry), wanted) {
                    (None, _) => false,
                    (Some(_), None) => true,
                    (Some(found), Some((Test::Equal, wanted))) => found == wanted,
                    (Some(found), Some((Test::Unequal, wanted))) => found != wanted,
                });
                entries
            }
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(entries) => entries.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

type Signs<'a> = Peekable<Chars<'a>>;

fn steps(signs: &mut Signs<'_>) -> Result<JsonPath, String> {
    let mut steps = Vec::new();
    loop {
        match signs.peek() {
            Some('.') => {
                signs.next();
                match signs.peek() {
                    // `.[0]` is `[0]`.
                    Some('[') => {}
                    Some('*') => {
                        signs.next();
                        steps.push(Step::All);
                    }
                    _ => steps.push(Step::Field(field(signs)?)),
                }
            }
            Some('[') => {
                signs.next();
                steps.push(bracket(signs)?);
                expect(signs, ']')?;
            }
            _ => return Ok(JsonPath { steps }),
        }
    }
}

/// A name up to the next sign that means something; a backslash takes that meaning away.
fn field(signs: &mut Signs<'_>) -> Result<String, String> {
    let mut name = String::new();
    while let Some(sign) = signs.peek().copied() {
        match sign {
            '\\' => {
                signs.next();
                name.extend(signs.next());
            }
            '.' | '[' | ']' | ')' | '=' | '!' | '<' | '>' => break,
            sign if sign.is_whitespace() => break,
            sign => {
                signs.next();
                name.push(sign);
            }
        }
    }
    if name.is_empty() { Err("a name is missing".to_owned()) } else { Ok(name) }
}

fn bracket(signs: &mut Signs<'_>) -> Result<Step, String> {
    match signs.peek() {
        Some('*') => {
            signs.next();
            Ok(Step::All)
        }
        Some('?') => {
            signs.next();
            filter(signs)
        }
        Some('\'' | '"') => quoted(signs).map(Step::Field),
        _ => {
            let number = until(signs, &[']']);
            let place = number.trim().parse();
            place.map(Step::At).map_err(|_| format!("{number:?} is not the place of an entry"))
        }
    }
}

/// What stands in `[?(…)]`.
fn filter(signs: &mut Signs<'_>) -> Result<Step, String> {
    expect(signs, '(')?;
    skip_spaces(signs);
    expect(signs, '@')?;
    let path = steps(signs)?;
    skip_spaces(signs);
    let test = match signs.peek() {
        Some('=') => Some(Test::Equal),
        Some('!') => Some(Test::Unequal),
        _ => None,
    };
    let value = match test {
        None => None,
        Some(test) => {
            signs.next();
            expect(signs, '=')?;
            skip_spaces(signs);
            Some((test, literal(signs)?))
        }
    };
    skip_spaces(signs);
    expect(signs, ')')?;
    Ok(Step::Where { path, value })
}

fn literal(signs: &mut Signs<'_>) -> Result<Value, String> {
    if matches!(signs.peek(), Some('\'' | '"')) {
        return quoted(signs).map(Value::String);
    }
    let word = until(signs, &[')']);
    let word = word.trim();
    serde_json::from_str(word).map_err(|_| format!("{word:?} is neither a number nor in quotes"))
}

fn quoted(signs: &mut Signs<'_>) -> Result<String, String> {
    let quote = signs.next().unwrap_or('"');
    let text = until(signs, &[quote]);
    expect(signs, quote)?;
    Ok(text)
}

/// Everything before the first of these signs.
fn until(signs: &mut Signs<'_>, ends: &[char]) -> String {
    let mut text = String::new();
    while let Some(sign) = signs.next_if(|sign| !ends.contains(sign)) {
        text.push(sign);
    }
    text
}

fn skip_spaces(signs: &mut Signs<'_>) {
    while signs.next_if(|sign| sign.is_whitespace()).is_some() {}
}

fn expect(signs: &mut Signs<'_>, wanted: char) -> Result<(), String> {
    match signs.next() {
        Some(sign) if sign == wanted => Ok(()),
        Some(sign) => Err(format!("{sign:?} stands where {wanted:?} is expected")),
        None => Err(format!("{wanted:?} is missing at the end")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_its_first_value() {
        let object = json!({
            "metadata": {"name": "db", "annotations": {"kubedb.com/owner": "me"}},
            "spec": {"ports": [{"name": "db", "port": 3306}, {"name": "x", "port": 33060}]},
            "status": {"conditions": [
                {"type": "Issuing", "status": "False"},
                {"type": "Ready", "status": "True", "observedGeneration": 3},
            ]},
        });
        for (path, found) in [
            (".metadata.name", json!("db")),
            ("{.metadata.name}", json!("db")),
            ("$.metadata.name", json!("db")),
            (".metadata['name']", json!("db")),
            (".metadata.annotations.kubedb\\.com/owner", json!("me")),
            (".metadata.annotations[\"kubedb.com/owner\"]", json!("me")),
            (".spec.ports[0].port", json!(3306)),
            (".spec.ports[-1].port", json!(33060)),
            (".spec.ports[*].name", json!("db")),
            (".spec.ports[?(@.port==33060)].name", json!("x")),
            (".status.conditions[?(@.type == \"Ready\")].status", json!("True")),
            (".status.conditions[?(@.type=='Ready')].status", json!("True")),
            (".status.conditions[?(@.type != 'Ready')].type", json!("Issuing")),
            (".status.conditions[?(@.observedGeneration)].type", json!("Ready")),
        ] {
            let parsed = JsonPath::parse(path).unwrap_or_else(|why| panic!("{path}: {why}"));
            assert_eq!(parsed.first(&object), Some(&found), "{path}");
        }
        for path in [".status.phase", ".spec.ports[2]", ".spec.ports[?(@.port==1)].name", ".x[-9]"]
        {
            assert_eq!(JsonPath::parse(path).unwrap().first(&object), None, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "",
            "{}",
            ".",
            "name",
            ".a[",
            ".a[x]",
            ".a[?(@.b==c)]",
            ".a[?(@.b=='c']",
            ".a..b",
            ".a b",
        ] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }
}
