// long: one table, an entry a kind
//! The requests of a sequence.

use std::fmt;

use http::Method;
use serde_json::{Map, Value, json};

use super::draw::Draw;
use crate::conformance::kinds::{
    Kind, LEASE, MAP, MYSQL, POD, REQUEST, ROTATION, SECRET, SERVICE, WIDGET,
};
use crate::conformance::target::{APPLY, JSON, MERGE, STRATEGIC};

const OBJECT: &str = "application/json";
const NAMES: [&str; 3] = ["a", "b", "c"];
const KINDS: [Kind; 9] = [LEASE, MAP, MYSQL, POD, REQUEST, ROTATION, SECRET, SERVICE, WIDGET];

/// A request. Its body may hold [`UID`], [`VERSION`] and [`FIRST_VERSION`], which each target fills
/// in with what it has told of the object.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) method: Method,
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    rest: String,
    pub(super) content_type: &'static str,
    pub(super) body: Value,
    /// The body is what was last seen of the object, with this merged into it.
    pub(super) on_top: bool,
}

/// Stands for the uid of the object, as it was last seen.
pub(super) const UID: &str = "$uid";
/// Stands for its resourceVersion.
pub(super) const VERSION: &str = "$version";
/// Stands for the first resourceVersion that was seen of it.
pub(super) const FIRST_VERSION: &str = "$first-version";

impl Step {
    pub(super) fn path(&self, namespace: &str) -> String {
        let collection = self.kind.path(namespace);
        match self.name {
            "" => format!("{collection}{}", self.rest),
            name => format!("{collection}/{name}{}", self.rest),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, kind, name, rest, content_type, body, on_top } = self;
        let how = if *on_top { " on top of what was seen" } else { "" };
        let of = content_type.strip_prefix("application/").unwrap_or(content_type);
        write!(f, "{method} {}/{name}{rest} {of}{how} {body}", kind.plural)
    }
}

/// The next request.
pub(super) fn next(draw: &mut Draw) -> Step {
    let kind = *draw.one_of(&KINDS);
    let name = *draw.one_of(&NAMES);
    match draw.below(17) {
        0..=2 => create(draw, kind, name),
        3 => read(draw, kind, name),
        4 | 5 => put(draw, kind, name),
        6..=8 => merge(draw, kind, name),
        9 => json_patch(draw, kind, name),
        10 => strategic(draw, kind, name),
        11..=13 => apply(draw, kind, name),
        14 => special(draw, name),
        _ => delete(draw, kind, name),
    }
}

fn step(method: Method, kind: Kind, name: &'static str, content_type: &'static str) -> Step {
    Step { method, kind, name, rest: String::new(), content_type, body: Value::Null, on_top: false }
}

/// Parameters that a write may have.
fn query(draw: &mut Draw, mut parameters: Vec<String>) -> String {
    if draw.once_in(8) {
        parameters.push("dryRun=All".to_owned());
    }
    if draw.once_in(8) {
        let how = draw.one_of(&["Ignore", "Strict", "Warn"]);
        parameters.push(format!("fieldValidation={how}"));
    }
    if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) }
}

fn manager(draw: &mut Draw) -> Vec<String> {
    if draw.once_in(2) {
        vec![format!("fieldManager={}", draw.one_of(&["one", "two"]))]
    } else {
        Vec::new()
    }
}

fn subresource(draw: &mut Draw, kind: Kind) -> &'static str {
    let has_status = !["configmaps", "secrets", "leases", "services"].contains(&kind.plural);
    if has_status && draw.once_in(3) { "/status" } else { "" }
}

fn create(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let mut body = kind.object(whole(draw, kind));
    body["metadata"]["name"] = json!(name);
    match draw.below(24) {
        0 => body["metadata"]["name"] = json!("Not_a_name"),
        1 => body["metadata"]["labels"] = json!({"a": "not ok!"}),
        2 => body["kind"] = json!("Strange"),
        3 => body["unknown"] = json!({"a": 1}),
        4 => body["metadata"]["namespace"] = json!("elsewhere"),
        5 => drop(body["metadata"].as_object_mut().unwrap().remove("name")),
        6 => body["metadata"]["resourceVersion"] = json!("1"),
        _ => {}
    }
    let parameters = manager(draw);
    let rest = query(draw, parameters);
    Step { rest, body, name: "", ..step(Method::POST, kind, name, OBJECT) }
}

fn read(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let get = step(Method::GET, kind, name, OBJECT);
    match draw.below(4) {
        0 => Step { name: "", rest: "?labelSelector=a".to_owned(), ..get },
        1 => Step { name: "", ..get },
        _ => Step { rest: subresource(draw, kind).to_owned(), ..get },
    }
}

fn put(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let mut body = part(draw, kind);
    match draw.below(12) {
        0 => body["metadata"]["resourceVersion"] = json!(FIRST_VERSION),
        1 => body["metadata"]["resourceVersion"] = Value::Null,
        2 => body["metadata"]["uid"] = json!("other"),
        3 => body["metadata"]["managedFields"] = Value::Null,
        4 => body["metadata"]["name"] = json!("other"),
        5 => body["unknown"] = json!(1),
        _ => {}
    }
    let parameters = manager(draw);
    let rest = format!("{}{}", subresource(draw, kind), query(draw, parameters));
    Step { rest, body, on_top: true, ..step(Method::PUT, kind, name, OBJECT) }
}

fn merge(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let mut body = part(draw, kind);
    match draw.below(12) {
        0 => body["metadata"]["resourceVersion"] = json!(VERSION),
        1 => body["metadata"]["resourceVersion"] = json!(FIRST_VERSION),
        2 => body["metadata"]["uid"] = json!(UID),
        3 => body["metadata"]["labels"] = Value::Null,
        4 => body["metadata"]["finalizers"] = Value::Null,
        5 => body["metadata"]["managedFields"] = json!([]),
        6 => body["spec"] = Value::Null,
        7 => body["unknown"] = json!(1),
        _ => {}
    }
    let parameters = manager(draw);
    let rest = format!("{}{}", subresource(draw, kind), query(draw, parameters));
    Step { rest, body, ..step(Method::PATCH, kind, name, MERGE) }
}

fn strategic(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let parameters = manager(draw);
    let rest = format!("{}{}", subresource(draw, kind), query(draw, parameters));
    Step { rest, body: part(draw, kind), ..step(Method::PATCH, kind, name, STRATEGIC) }
}

fn json_patch(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let operations = [
        json!({"op": "add", "path": "/metadata/labels", "value": {"a": "1"}}),
        json!({"op": "add", "path": "/metadata/labels/b", "value": "2"}),
        json!({"op": "remove", "path": "/metadata/labels/a"}),
        json!({"op": "replace", "path": "/metadata/labels/a", "value": "3"}),
        json!({"op": "test", "path": "/metadata/name", "value": name}),
        json!({"op": "test", "path": "/metadata/labels/a", "value": "1"}),
        json!({"op": "add", "path": "/metadata/finalizers", "value": ["x.y/a"]}),
        json!({"op": "add", "path": "/metadata/finalizers/-", "value": "x.y/b"}),
        json!({"op": "remove", "path": "/metadata/finalizers/0"}),
        json!({"op": "replace", "path": "/metadata/managedFields", "value": [{}]}),
    ];
    let mut body = draw.some_of(&operations);
    body.truncate(3);
    let parameters = manager(draw);
    let rest = query(draw, parameters);
    Step { rest, body: json!(body), ..step(Method::PATCH, kind, name, JSON) }
}

fn apply(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let status = subresource(draw, kind);
    let mut body = kind.object(if draw.once_in(4) { part(draw, kind) } else { whole(draw, kind) });
    body["metadata"]["name"] = json!(name);
    // A real server stores an empty map that is applied to a custom kind, and drops it later.
    body["metadata"].as_object_mut().unwrap().retain(|_, value| *value != json!({}));
    match draw.below(16) {
        0 => body["metadata"]["resourceVersion"] = json!(VERSION),
        1 => body["metadata"]["resourceVersion"] = json!(FIRST_VERSION),
        2 => body["unknown"] = json!(1),
        3 => body["metadata"]["name"] = json!("other"),
        _ => {}
    }
    let mut parameters = vec![format!("fieldManager={}", draw.one_of(&["one", "two"]))];
    if draw.once_in(3) {
        parameters.push("force=true".to_owned());
    }
    let rest = format!("{status}{}", query(draw, parameters));
    Step { rest, body, ..step(Method::PATCH, kind, name, APPLY) }
}

/// Requests that only one kind understands.
fn special(draw: &mut Draw, name: &'static str) -> Step {
    match draw.below(3) {
        0 => eviction(draw, name),
        1 => Step { rest: "/scale".to_owned(), ..step(Method::GET, WIDGET, name, OBJECT) },
        _ => {
            let replicas = draw.one_of(&[Some(1), Some(2), Some(-1), None]);
            let body = json!({"spec": {"replicas": replicas}});
            let parameters = manager(draw);
            let rest = format!("/scale{}", query(draw, parameters));
            Step { rest, body, ..step(Method::PATCH, WIDGET, name, MERGE) }
        }
    }
}

fn eviction(draw: &mut Draw, name: &'static str) -> Step {
    let mut body =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    match draw.below(6) {
        0 => body["deleteOptions"] = json!({"gracePeriodSeconds": 0}),
        1 => body["deleteOptions"] = json!({"preconditions": {"uid": "other"}}),
        2 => body["deleteOptions"] = json!({"dryRun": ["All"]}),
        3 => body["metadata"]["name"] = json!("other"),
        _ => {}
    }
    Step { rest: "/eviction".to_owned(), body, ..step(Method::POST, POD, name, OBJECT) }
}

fn delete(draw: &mut Draw, kind: Kind, name: &'static str) -> Step {
    let options = match draw.below(12) {
        0 => json!({"preconditions": {"uid": UID}}),
        1 => json!({"preconditions": {"uid": "other"}}),
        2 => json!({"preconditions": {"resourceVersion": VERSION}}),
        3 => json!({"preconditions": {"resourceVersion": FIRST_VERSION}}),
        4 => json!({"dryRun": ["All"]}),
        5 => json!({"gracePeriodSeconds": 0}),
        6 => json!({"gracePeriodSeconds": 5}),
        7 => json!({"propagationPolicy": "Background"}),
        _ => Value::Null,
    };
    let whole = draw.once_in(12);
    let (name, rest) = if whole { ("", "?labelSelector=a%3D1") } else { (name, "") };
    Step { rest: rest.to_owned(), body: options, ..step(Method::DELETE, kind, name, OBJECT) }
}

/// An object, without its name.
fn whole(draw: &mut Draw, kind: Kind) -> Value {
    let mut object = part(draw, kind);
    let needed = match kind.plural {
        "mysqls" => json!({"version": "9.1.0"}),
        "mysqlopsrequests" => json!({"type": "Restart", "databaseRef": {"name": "db"}}),
        "pods" => json!({"containers": [{"name": "c", "image": "i:1"}], "nodeName": "nowhere"}),
        "services" => json!({"clusterIP": "None", "selector": {"a": "b"}}),
        _ => return object,
    };
    for (field, value) in needed.as_object().unwrap() {
        if object["spec"][field].is_null() {
            object["spec"][field] = value.clone();
        }
    }
    object
}

/// Some fields of an object.
#[expect(clippy::too_many_lines, reason = "a table: an entry a kind")]
fn part(draw: &mut Draw, kind: Kind) -> Value {
    let mut object = json!({"metadata": metadata(draw)});
    match kind.plural {
        "configmaps" => object["data"] = texts(draw, &["a", "b", "c"]),
        "secrets" => {
            let field = draw.one_of(&["stringData", "data"]);
            object[*field] =
                if *field == "data" { json!({"a": "YQ=="}) } else { texts(draw, &["a", "b"]) };
        }
        "leases" => {
            object["spec"] = pick(
                draw,
                &json!({"holderIdentity": ["one", "two", null],
                "leaseDurationSeconds": [10, 20]}),
            );
        }
        "mysqls" => {
            object["spec"] = pick(
                draw,
                &json!({"version": ["9.1.0", "9.2.0"], "replicas": [1, 3],
                "deletionPolicy": ["Delete", "Never", "Halt"], "halted": [true, null],
                "tls": [{"issuerRef": {"kind": "Issuer", "name": "ca"}}, {"certificates": [{"alias": "server"}]}, null]}),
            );
            object["status"] = pick(draw, &json!({"phase": ["Ready", "Critical"]}));
        }
        "mysqlopsrequests" => {
            object["spec"] = pick(
                draw,
                &json!({"timeout": ["5m", "6m", null],
                "apply": ["IfReady", "Always", "Sometimes"]}),
            );
            object["status"] = pick(draw, &json!({"phase": ["Failed", "Successful"]}));
        }
        "rotations" => {
            object["spec"] = pick(
                draw,
                &json!({"suspend": [true, false, "yes", null],
                "requestedAt": ["2026-11-23T22:00:00Z", null], "renewBefore": ["30d", null]}),
            );
            object["status"] = pick(draw, &json!({"state": ["Idle", "Waiting"]}));
        }
        "pods" => {
            if draw.once_in(3) {
                let image = draw.one_of(&["i:1", "i:2"]);
                object["spec"] = json!({"containers": [{"name": "c", "image": image}]});
            }
            object["status"] = pick(
                draw,
                &json!({"phase": ["Pending", "Running"],
                "message": ["well", null]}),
            );
        }
        "services" => {
            let ports = [
                json!([{"name": "a", "port": 1}]),
                json!([{"name": "b", "port": 2}, {"name": "a", "port": 1, "targetPort": "x"}]),
            ];
            object["spec"] = pick(
                draw,
                &json!({"ports": ports,
                "publishNotReadyAddresses": [true, false], "selector": [{"a": "b"}, {"a": "c"}]}),
            );
        }
        _ => {
            object["spec"] = widget(draw);
            object["status"] = pick(
                draw,
                &json!({"phase": ["Ready", "Failed", null],
                "conditions": [[{"type": "A"}], [{"type": "A", "status": "True"}, {"type": "B"}], []]}),
            );
        }
    }
    object
}

fn metadata(draw: &mut Draw) -> Value {
    let mut metadata = json!({});
    if draw.once_in(2) {
        metadata["labels"] = texts(draw, &["a", "b"]);
    }
    if draw.once_in(4) {
        metadata["annotations"] = texts(draw, &["x.y/a", "b"]);
    }
    if draw.once_in(6) {
        metadata["finalizers"] = json!(draw.some_of(&["x.y/a", "x.y/b"]));
    }
    metadata
}

fn texts(draw: &mut Draw, keys: &[&str]) -> Value {
    let keys = draw.some_of(keys).into_iter();
    let texts = keys.map(|key| (key.to_owned(), json!(draw.one_of(&["1", "2"]))));
    Value::Object(texts.collect())
}

/// Some of these fields, each with one of its values.
fn pick(draw: &mut Draw, fields: &Value) -> Value {
    let fields: Vec<(String, Value)> = fields.as_object().unwrap().clone().into_iter().collect();
    let mut picked = Map::new();
    for (field, values) in draw.some_of(&fields) {
        picked.insert(field, draw.one_of(values.as_array().unwrap()).clone());
    }
    Value::Object(picked)
}

fn widget(draw: &mut Draw) -> Value {
    let fields = json!({
        "atomic": [[{"name": "a"}], [{"name": "a"}, {"name": "b"}], []],
        "byKey": [[{"name": "a", "value": "1"}], [{"name": "b"}, {"name": "a", "value": "2"}],
            [{"name": "a", "protocol": "UDP"}], [{"value": "1"}], []],
        "choice": ["small", "large", "huge"],
        "count": [1, 2, -1, "many"],
        "defaulted": [{}, {"level": 4}, null],
        "free": [{"a": {"b": 1}}, {"a": {"c": [1, null]}}, {}, {"a": null}],
        "labels": [{"a": "1"}, {"b": "2"}, {}],
        "maybe": ["x", null],
        "nested": [{"a": "1"}, {"b": "2"}, {}, null],
        "port": [1, "http"],
        "set": [["a"], ["b", "a"], ["c", "b"], []],
        "whole": [{"a": "1"}, {"b": "2"}, {}],
    });
    let mut spec = pick(draw, &fields);
    if let Some(spec) = spec.as_object_mut() {
        while spec.len() > 4 {
            let last = spec.keys().next_back().unwrap().clone();
            spec.remove(&last);
        }
    }
    spec
}
