//! Which namespaces are watched.

use crate::core::policy::Match;
use crate::core::selector::NamespacePattern;

/// Namespaces that are all named are watched one by one, which Roles can allow; a pattern, or
/// none at all, takes one watch of everything.
pub(super) fn of(watch: &Match) -> Vec<Option<String>> {
    let names: Vec<&str> = watch.namespaces.iter().map(NamespacePattern::as_str).collect();
    if names.is_empty() || names.iter().any(|name| name.contains('*')) {
        return vec![None];
    }
    names.into_iter().map(|name| Some(name.to_owned())).collect()
}
