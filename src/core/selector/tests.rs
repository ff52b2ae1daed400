use proptest::prelude::*;

use super::*;

fn labels(text: &str) -> BTreeMap<Arc<str>, Arc<str>> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').expect("key=value");
        (Arc::from(key), Arc::from(value))
    };
    text.split_whitespace().map(pair).collect()
}

#[test]
fn selectors_select_as_kubectl_does() {
    for (selector, object, selected) in [
        ("", "", true),
        ("  ", "a=b", true),
        ("a=b", "a=b", true),
        ("a==b", "a=b", true),
        ("a = b", "a=b", true),
        ("a=b", "a=c", false),
        ("a=b", "", false),
        ("a=", "a=", true),
        ("a=", "", false),
        ("a!=b", "a=c", true),
        ("a!=b", "a=b", false),
        ("a!=b", "", true),
        ("a in (x,y)", "a=y", true),
        ("a in ( x , y )", "a=x", true),
        ("a in(x)", "a=x", true),
        ("a in (x,y)", "a=z", false),
        ("a in (x,y)", "", false),
        ("a in (x,)", "a=", true),
        ("a in ()", "a=", true),
        ("a notin (x)", "a=x", false),
        ("a notin (x)", "a=z", true),
        ("a notin (x)", "", true),
        ("a", "a=", true),
        ("a", "b=", false),
        ("!a", "b=", true),
        ("! a", "a=", false),
        ("a=b,c!=d", "a=b", true),
        ("a=b,c!=d", "a=b c=d", false),
        ("in in (in)", "in=in", true),
        ("notin", "notin=1", true),
        ("app.kubernetes.io/name=my_SQL.1", "app.kubernetes.io/name=my_SQL.1", true),
    ] {
        let parsed = Selector::parse(selector).unwrap();
        assert_eq!(parsed.matches(&labels(object)), selected, "{selector:?} on {object:?}");
    }
}

#[test]
fn a_bad_selector_says_what_is_wrong() {
    for (selector, message) in [
        ("a=b,", "the end where a label key is expected"),
        (",a", "\",\" where a label key is expected"),
        ("a b", "\"b\" where `=`, `!=`, `in`, `notin` or a comma is expected"),
        ("a=b c", "\"c\" where a comma or the end is expected"),
        ("a in x", "\"x\" where `(` is expected"),
        ("a in (x", "the end where `,` or `)` is expected"),
        ("a=(b)", "\"(\" where a label value is expected"),
        ("!a=b", "\"=\" where a comma or the end is expected"),
        ("a>1", "`>` is no sign of a selector"),
        ("-a", "\"-a\" is no label key"),
        ("a/b/c", "\"a/b/c\" is no label key"),
        ("A.b/c", "\"A.b/c\" is no label key"),
        ("/c", "\"/c\" is no label key"),
        ("a=_b", "\"_b\" is no label value"),
        ("a=b*", "\"b*\" is no label value"),
    ] {
        let error = Selector::parse(selector).unwrap_err().to_string();
        assert!(error.starts_with(message), "{selector:?}: {error}");
    }
    let long = "x".repeat(64);
    assert!(Selector::parse(&long).is_err());
    assert!(Selector::parse(&format!("a={long}")).is_err());
    assert!(Selector::parse(&long[1..]).is_ok());
}

#[test]
fn patterns_match_whole_names() {
    for (pattern, namespace, matches) in [
        ("prod", "prod", true),
        ("prod", "prod-eu", false),
        ("prod-*", "prod-eu", true),
        ("prod-*", "prod-", true),
        ("prod-*", "prod", false),
        ("*", "anything", true),
        ("*-eu", "prod-eu", true),
        ("*-eu", "prod-eu-2", false),
        ("a*b*c", "axxbyyc", true),
        ("a*b*c", "abc", true),
        ("a*b*c", "acb", false),
        ("a*a", "a", false),
        ("a**a", "aa", true),
        ("*ab*ab*", "abab", true),
        ("*ab*ab*", "aba", false),
    ] {
        let parsed = NamespacePattern::parse(pattern).unwrap();
        assert_eq!(parsed.matches(namespace), matches, "{pattern} on {namespace}");
    }
    for bad in ["", "Prod", "prod_1", "-a", "a-", "prod?", "a.b", &"x".repeat(64)] {
        let error = NamespacePattern::parse(bad).unwrap_err();
        assert!(error.to_string().contains("is no namespace; allowed: 1 to 63"), "{bad}");
    }
}

/// What `*` means, by trying everything.
fn obviously_matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((b'*', rest)), None) => obviously_matches(rest, text),
        (Some((b'*', rest)), Some((_, later))) => {
            obviously_matches(rest, text) || obviously_matches(pattern, later)
        }
        (Some((c, rest)), Some((d, later))) => c == d && obviously_matches(rest, later),
        (Some(_), None) => false,
    }
}

proptest! {
    #[test]
    fn a_pattern_means_what_trying_everything_says(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
        let parsed = NamespacePattern::parse(&pattern).unwrap();
        let expected = obviously_matches(pattern.as_bytes(), text.as_bytes());
        prop_assert_eq!(parsed.matches(&text), expected);
    }

    #[test]
    fn no_text_makes_a_selector_panic(text in "[a-c=!(),<>in \\PC]{0,40}") {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }
    }
}
