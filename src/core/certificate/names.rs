//! DNS names: the one form they are kept in, and which host a name covers.

/// Lower case and without a final dot; nothing for a text that no DNS name can be. What is left
/// has no character that could do harm in a log.
pub(super) fn normalize(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
    ((1..=253).contains(&name.len()) && name.bytes().all(plain)).then(|| name.to_ascii_lowercase())
}

/// Whether `pattern` covers `host`, both normalized.
pub(super) fn matches(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        // As OpenSSL, which most MySQL clients use: no wildcard right below the root.
        (Some(parent), Some((label, rest))) => {
            !label.is_empty() && parent == rest && parent.contains('.') && !parent.contains('*')
        }
        (None, _) | (_, None) => false,
    }
}
