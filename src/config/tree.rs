//! YAML as a tree in which every value knows its place.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::problem::{Position, shown};

/// So many values a file may hold, counting what its aliases repeat.
const MOST_NODES: usize = 20_000;
/// So deep values may nest; the deepest setting is at 6.
const DEEPEST: usize = 32;

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
    /// How many nodes this is, itself included.
    size: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    List(Vec<Node>),
    Map(Vec<Entry>),
    Null,
    Scalar {
        text: String,
        /// Written without quotes, so it may be a number or a switch.
        plain: bool,
    },
}

impl Value {
    /// What it is, for a message.
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::List(_) => "a list",
            Self::Map(_) => "a section",
            Self::Null => "nothing",
            Self::Scalar { .. } => "a single value",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Position,
    pub(super) value: Node,
}

/// A file that is no YAML, or YAML that goes too far.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) at: Position,
    pub(super) message: String,
}

/// Reads the one document of a file; a file without one is [`Value::Null`].
pub(super) fn read(text: &str) -> Result<Node, SyntaxError> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax(&error))?;
        builder.event(event, &span)?;
    }
    Ok(builder.root.unwrap_or(Node { at: Position::START, value: Value::Null, size: 1 }))
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    /// What may be repeated, by the parser's number for it; none while it is still open.
    anchors: BTreeMap<usize, Node>,
    size: usize,
    documents: usize,
}

/// A list or a section whose end has not come yet.
struct Open {
    at: Position,
    anchor: usize,
    size: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Position)> },
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), SyntaxError> {
        let at = position(span.start);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return fail(at, "a second document begins; one file holds one document");
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(text, style, tag.as_deref(), at)?;
                self.grow(1, at)?;
                self.node(Node { at, value, size: 1 }, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                core_tag(tag.as_deref(), "seq", at)?;
                self.start(Content::List(Vec::new()), anchor, at)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                core_tag(tag.as_deref(), "map", at)?;
                self.start(Content::Map { entries: Vec::new(), key: None }, anchor, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let value = match open.content {
                        Content::List(items) => Value::List(items),
                        Content::Map { entries, .. } => Value::Map(entries),
                    };
                    self.node(Node { at: open.at, value, size: open.size }, open.anchor)?;
                }
            }
            Event::Alias(anchor) => {
                self.alias(anchor, at)?;
            }
            Event::UnresolvedAlias(name) => {
                return fail(
                    at,
                    format!("nothing has the name {} that this alias repeats", shown(&name)),
                );
            }
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentEnd
            | Event::Anchor(..)
            | Event::Comment(..) => {}
            _ => return fail(at, "this kind of YAML is not supported"),
        }
        Ok(())
    }

    fn start(&mut self, content: Content, anchor: usize, at: Position) -> Result<(), SyntaxError> {
        self.open.push(Open { at, anchor, size: 1, content });
        self.grow(1, at)
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<(), SyntaxError> {
        let Some(size) = self.anchors.get(&anchor).map(|node| node.size) else {
            return fail(at, "this alias stands inside of what it repeats");
        };
        // Before the copy is made: a few lines of aliases can stand for gigabytes.
        self.grow(size, at)?;
        self.anchors.get(&anchor).cloned().map_or(Ok(()), |node| self.node(node, 0))
    }

    fn grow(&mut self, size: usize, at: Position) -> Result<(), SyntaxError> {
        self.size = self.size.saturating_add(size);
        if self.size > MOST_NODES {
            return fail(at, format!("more than {MOST_NODES} values, repeated ones included"));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn node(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxError> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.size += node.size;
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key } => match key.take() {
                Some((key, key_at)) => entries.push(Entry { key, key_at, value: node }),
                None => *key = Some(as_key(node)?),
            },
        }
        Ok(())
    }
}

fn as_key(node: Node) -> Result<(String, Position), SyntaxError> {
    match node.value {
        Value::Scalar { text, .. } => Ok((text, node.at)),
        Value::List(_) | Value::Map(_) | Value::Null => {
            fail(node.at, "a key must be a name, not a list, a section or nothing")
        }
    }
}

fn scalar(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    at: Position,
) -> Result<Value, SyntaxError> {
    let is_text = core_tag(tag, "str", at)?;
    let plain = style == ScalarStyle::Plain && !is_text;
    if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
        return Ok(Value::Null);
    }
    Ok(Value::Scalar { text: text.into_owned(), plain })
}

/// Whether there is a tag; only YAML's own for this kind of value says nothing surprising.
fn core_tag(tag: Option<&Tag>, allowed: &str, at: Position) -> Result<bool, SyntaxError> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.core_suffix() == Some(allowed) => Ok(true),
        Some(tag) => fail(at, format!("the tag {} is not known here", shown(&tag.to_string()))),
    }
}

fn syntax(error: &ScanError) -> SyntaxError {
    let message = format!("no valid YAML: {}", error.info());
    SyntaxError { at: position(*error.marker()), message }
}

fn fail<T>(at: Position, message: impl Into<String>) -> Result<T, SyntaxError> {
    Err(SyntaxError { at, message: message.into() })
}

fn position(marker: Marker) -> Position {
    let from_one = |zero: usize| u32::try_from(zero.saturating_add(1)).unwrap_or(u32::MAX);
    Position {
        line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
        column: from_one(marker.col()),
    }
}
