use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::core::sample::{Db, NOW, at, crowd, fleet, policy, windows};
use crate::core::time::Span;
use crate::core::vocabulary::State;

const PAGE: &str = "docs/api.md";

const HEAD: &str = "\
# JSON at /api/v1

What the status page shows, for programs: read-only, at `server.page` (127.0.0.1:9441 by default). Every replica answers with what it
knows; `leader` says whether it is the one that acts. From outside of the pod:

```sh
kubectl port-forward -n certrotor-system deploy/certrotor 9441:9441
curl -s http://127.0.0.1:9441/api/v1/databases?state=Waiting
```

| path | answer | parameters |
|---|---|---|
| `/api/v1/databases` | Overview | `q` part of namespace/name · `state` · `namespace` · `sort` urgency, name, expires, next · `offset` · `limit` (100; at most 1000) |
| `/api/v1/databases/NAMESPACE/NAME` | Explanation: every check of the decision, in its order | |
| `/api/v1/plan` | Outlook: the forecast | `until` such as `90d`, at most 400d |
| `/api/v1/schema` | the JSON schema of all this | |

Moments are RFC 3339 in UTC to the second, by the apiserver's clock. Lengths of time are whole seconds. What is not known is `null`.
Words are those of [the vocabulary](vocabulary.md). Fields may be added; none changes its meaning within `v1`.

Only GET and HEAD are answered (405). On a loopback address the `Host` must name this machine (421), which keeps pages elsewhere out.
Anything else that is wrong is `{\"error\": \"…\"}`: 400 a parameter means nothing, 404 no such database, 503 nothing has been decided yet.
";

fn table(name: &str, schema: &Value) -> String {
    let mut text = format!("\n## {name}\n\n{}\n\n", schema["description"].as_str().unwrap());
    text.push_str("| field | type | meaning |\n|---|---|---|\n");
    for (field, of) in schema["properties"].as_object().unwrap() {
        let meaning = of["description"].as_str().unwrap_or_else(|| panic!("{name}.{field}"));
        let meaning = meaning.replace('\n', " ").replace('|', "\\|");
        writeln!(text, "| `{field}` | {} | {meaning} |", kind(of)).unwrap();
    }
    text
}

fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/$defs/");
        let word = name.strip_suffix("Word").map(|name| format!("word: {name}"));
        return word.unwrap_or_else(|| name.to_owned());
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return format!("{} or null", kind(&any[0]));
    }
    let kinds = schema["type"].as_array();
    let or_null = kinds.map_or("", |_| " or null");
    let kind_of = kinds.map_or(&schema["type"], |kinds| &kinds[0]).as_str();
    let kind_of = kind_of.unwrap_or_else(|| panic!("{schema}"));
    let named = match (kind_of, schema["format"].as_str()) {
        ("string", Some("date-time")) => "moment".to_owned(),
        ("array", _) => format!("list of {}", kind(&schema["items"])),
        ("object", _) => "numbers by word".to_owned(),
        (kind, _) => kind.to_owned(),
    };
    named + or_null
}

#[test]
fn the_page_about_the_json_is_what_the_schema_says() {
    let schema = schema();
    let mut page = HEAD.to_owned();
    let tables = schema["$defs"].as_object().unwrap().iter();
    for (name, definition) in tables.filter(|(_, it)| it["properties"].is_object()) {
        page.push_str(&table(name, definition));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os("CERTROTOR_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        is == page,
        "{PAGE}: CERTROTOR_UPDATE=1 cargo test --lib -- report::tests writes it anew"
    );
}

fn view(databases: impl IntoIterator<Item = Db>) -> View {
    let (fleet, policy) =
        (fleet(databases), policy(|_, rules| rules.windows = windows("0 2 * * *", "4h")));
    View {
        plan: Some(crate::core::plan::plan(&fleet, &policy, NOW).into()),
        feasibility: None,
        policy: Some(policy.into()),
        fleet: fleet.into(),
        at: Some(NOW),
        config_loaded: Some(NOW),
    }
}

fn names(view: &View, query: &str) -> Vec<String> {
    let said = overview(view, &Choice::parse(query).unwrap()).unwrap();
    said.databases.into_iter().map(|line| format!("{}/{}", line.namespace, line.name)).collect()
}

#[test]
fn it_is_filtered_sorted_and_cut_as_asked() {
    let view = view([
        Db::named("shop/orders").lives("-80d..+10d"),
        Db::named("shop/carts").lives("-10d..+80d"),
        Db::named("web/blog").lives("-70d..+20d").wishes(|wishes| wishes.suspend = true),
    ]);
    for (query, found) in [
        ("", "shop/orders web/blog shop/carts"),
        ("sort=name", "shop/carts shop/orders web/blog"),
        ("sort=expires", "shop/orders web/blog shop/carts"),
        ("sort=next", "shop/orders shop/carts web/blog"),
        ("state=Fresh", "shop/carts"),
        ("namespace=shop&sort=name", "shop/carts shop/orders"),
        ("q=P%2Fo", "shop/orders"),
        ("q=nobody", ""),
        ("sort=name&offset=1&limit=1", "shop/orders"),
        ("offset=7", ""),
    ] {
        assert_eq!(names(&view, query).join(" "), found, "{query}");
    }
    let said = overview(&view, &Choice::default()).unwrap();
    assert_eq!((said.states[&State::Fresh], said.states[&State::Waiting]), (1, 2));
    assert_eq!(said.databases[1].gate(), Some("Suspended"));
}

#[test]
fn an_explanation_has_every_check_and_what_it_rests_on() {
    let view = view([Db::named("shop/orders").servers(2).lives("-80d..+10d")]);
    let said = explanation(&view, &crate::core::sample::key("shop/orders")).unwrap();
    assert_eq!((said.causes.len(), said.gates.len()), (9, 31));
    let due = said.causes.iter().find(|it| !it.held.is_empty()).unwrap();
    assert!(due.held[0].evidence.contains("less than 40d 12h from now"), "{due:?}");
    let closed: Vec<_> = said.gates.iter().filter(|gate| gate.closed).collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(
        (closed[0].gate.as_str(), closed[0].until),
        ("WindowClosed", Some(at("+14h") + Span::MINUTE))
    );
    assert_eq!(said.servers.len(), 2);
    assert_eq!(
        (&*said.servers[0].presents, said.servers[0].proof.as_deref()),
        ("issued", Some("inferred"))
    );
    let text = serde_json::to_string(&said).unwrap();
    let again: Explanation = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text, "what is read is what was written");
}

#[test]
fn a_forecast_is_read_as_it_was_written() {
    let large = View { fleet: crowd(30).into(), ..view([]) };
    let said = outlook(&large, Span::days(90)).unwrap();
    assert!(said.rotations.len() >= 30, "{said:?}");
    let text = serde_json::to_string(&said).unwrap();
    let again: Outlook = serde_json::from_str(&text).unwrap();
    assert_eq!(again.rotations, said.rotations);
    assert_eq!(outlook(&View::default(), Span::days(90)).map(|it| it.until), None);
}
