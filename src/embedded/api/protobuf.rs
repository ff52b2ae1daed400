//! Bodies in protobuf: the form in which kubectl sends what it makes itself, such as namespaces,
//! Secrets and questions about rights. Only bodies: every client takes JSON for an answer.
//!
//! The form is described in apimachinery's `runtime/serializer/protobuf`: four bytes `k8s\0`, then
//! a message that says what the object is and holds it, encoded by itself.

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use self::messages::{Field, Many, Message, Type, find, is_root};
use super::failure::Failure;
use crate::core::time::Time;

mod messages;

const MAGIC: &[u8] = b"k8s\0";

/// Reads an object.
pub(super) fn read(body: &[u8]) -> Result<Value, Failure> {
    let body = body.strip_prefix(MAGIC).ok_or_else(|| malformed("it does not begin with k8s"))?;
    let (mut meta, mut raw): (&[u8], &[u8]) = (&[], &[]);
    for field in Fields(body) {
        match field? {
            (1, Wire::Bytes(bytes)) => meta = bytes,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (mut api_version, mut kind) = (String::new(), String::new());
    for field in Fields(meta) {
        match field? {
            (1, Wire::Bytes(bytes)) => api_version = text(bytes)?,
            (2, Wire::Bytes(bytes)) => kind = text(bytes)?,
            _ => {}
        }
    }
    if !is_root(&kind) {
        return Err(Failure::unsupported_media_type(&["application/json", "application/yaml"]));
    }
    let mut object = message(find(&kind)?, raw)?;
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    Ok(object)
}

fn message(message: &Message, bytes: &[u8]) -> Result<Value, Failure> {
    let mut object = Map::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        let field = message.field(number)?;
        match field.many {
            Many::Kept => drop(object.insert(field.name.to_owned(), value(field, wire)?)),
            Many::One => {
                // Go writes every field that is no pointer, and JSON leaves those out that are empty.
                let value = value(field, wire)?;
                if !is_empty(&value) {
                    object.insert(field.name.to_owned(), value);
                }
            }
            Many::List => {
                let value = value(field, wire)?;
                let list = object.entry(field.name).or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(value);
                }
            }
            Many::Map => {
                let (key, value) = entry(field, wire)?;
                object.entry(field.name).or_insert_with(|| json!({}))[key] = value;
            }
        }
    }
    Ok(Value::Object(object))
}

/// A pair of a map: a message of a key and a value.
fn entry(field: &Field, wire: Wire<'_>) -> Result<(String, Value), Failure> {
    let Wire::Bytes(bytes) = wire else {
        return Err(malformed(&format!("{} is no map", field.name)));
    };
    let (mut key, mut found) = (String::new(), value(field, Wire::Bytes(&[]))?);
    for part in Fields(bytes) {
        match part? {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, wire) => found = value(field, wire)?,
            (number, _) => return Err(malformed(&format!("{} has a part {number}", field.name))),
        }
    }
    Ok((key, found))
}

fn value(field: &Field, wire: Wire<'_>) -> Result<Value, Failure> {
    match (field.of, wire) {
        (Type::Text, Wire::Bytes(bytes)) => Ok(json!(text(bytes)?)),
        (Type::Bytes, Wire::Bytes(bytes)) => Ok(json!(ByteString(bytes.to_vec()))),
        (Type::Flag, Wire::Number(number)) => Ok(json!(number != 0)),
        (Type::Whole, Wire::Number(number)) => Ok(json!(signed(number))),
        (Type::Moment, Wire::Bytes(bytes)) => moment(bytes),
        (Type::WholeOrText, Wire::Bytes(bytes)) => whole_or_text(bytes),
        (Type::Message(name), Wire::Bytes(bytes)) => message(find(name)?, bytes),
        _ => Err(malformed(&format!("{} is of another type", field.name))),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// Seconds and nanoseconds since 1970; nothing at all for no moment.
fn moment(bytes: &[u8]) -> Result<Value, Failure> {
    let mut moment = Value::Null;
    for field in Fields(bytes) {
        if let (1, Wire::Number(seconds)) = field? {
            moment = json!(Time::from_unix(signed(seconds)).to_string());
        }
    }
    Ok(moment)
}

fn whole_or_text(bytes: &[u8]) -> Result<Value, Failure> {
    let (mut is_text, mut number, mut words) = (false, 0, String::new());
    for field in Fields(bytes) {
        match field? {
            (1, Wire::Number(form)) => is_text = form == 1,
            (2, Wire::Number(value)) => number = signed(value),
            (3, Wire::Bytes(bytes)) => words = text(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { json!(words) } else { json!(number) })
}

fn text(bytes: &[u8]) -> Result<String, Failure> {
    String::from_utf8(bytes.to_vec()).map_err(|_| malformed("a text is not UTF-8"))
}

fn signed(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

fn malformed(why: &str) -> Failure {
    Failure::bad_request(format!("the body of the request is no protobuf of ours: {why}"))
}

/// What stands on the wire for a field.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message: their numbers and what stands for them.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Wire<'a>), Failure> {
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                let (bytes, rest) =
                    self.0.split_at_checked(length).ok_or_else(|| malformed("it ends too soon"))?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            form => return Err(malformed(&format!("a field is written in form {form}"))),
        };
        Ok((tag >> 3, wire))
    }

    fn varint(&mut self) -> Result<u64, Failure> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or_else(|| malformed("it ends too soon"))?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(malformed("a number is too long"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds bytes.
    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        [&[number << 3 | 2, length], content].concat()
    }

    fn number(field: u8, value: u8) -> Vec<u8> {
        vec![field << 3, value]
    }

    fn sent(kind: &str, object: &[u8]) -> Vec<u8> {
        let meta = [bytes(1, b"v1"), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &meta), bytes(2, object), bytes(3, b""), bytes(4, b"")].concat()
    }

    #[test]
    fn an_object_is_read_without_its_empty_fields() {
        let entry = |key: &[u8], value: &[u8]| [bytes(1, key), bytes(2, value)].concat();
        let meta = [
            bytes(1, b"password"),
            bytes(2, b""),
            number(7, 0),
            bytes(8, b""),
            bytes(11, &entry(b"app", b"shop")),
            bytes(14, b"one"),
            bytes(14, b"two"),
        ];
        let secret = [
            bytes(1, &meta.concat()),
            bytes(2, &entry(b"key", b"value")),
            bytes(2, &entry(b"none", b"")),
            bytes(3, b"Opaque"),
            number(5, 0),
        ];
        assert_eq!(
            read(&sent("Secret", &secret.concat())).unwrap(),
            json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": false,
                "metadata": {"name": "password", "labels": {"app": "shop"},
                    "finalizers": ["one", "two"]},
                "data": {"key": "dmFsdWU=", "none": ""}})
        );
    }

    #[test]
    fn numbers_may_be_texts_and_pointers_may_be_zero() {
        let percentage = [number(1, 1), number(2, 0), bytes(3, b"50%")].concat();
        let none = [number(1, 0), number(2, 0), bytes(3, b"")].concat();
        let spec = [bytes(1, &percentage), bytes(3, &none)].concat();
        let budget = read(&sent("PodDisruptionBudget", &bytes(2, &spec))).unwrap();
        assert_eq!(budget["spec"], json!({"minAvailable": "50%", "maxUnavailable": 0}));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (body, code) in [
            (b"{}".to_vec(), 400),
            (sent("Pod", b""), 415),
            (sent("ObjectMeta", b""), 415),
            (sent("Secret", &bytes(9, b"x")), 400),
            (sent("Secret", &number(1, 5)), 400),
            (sent("Secret", &[1 << 3 | 2, 200]), 400),
            (sent("Secret", &bytes(3, &[0xff])), 400),
            ([MAGIC, &[0xff; 20]].concat(), 400),
        ] {
            assert_eq!(read(&body).unwrap_err().code, code, "{body:?}");
        }
    }
}
