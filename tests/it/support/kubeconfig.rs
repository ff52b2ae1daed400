//! Kubeconfig files: who speaks to which apiserver.

use serde_json::json;

use super::pki::Pair;

/// How a user proves who they are.
pub(crate) enum Credential<'a> {
    /// By a client certificate.
    Certificate(&'a Pair),
    /// By a bearer token.
    Token(&'a str),
}

/// The text of a kubeconfig file. JSON is YAML.
pub(crate) fn text(server: &str, authority: &str, credential: &Credential<'_>) -> String {
    let user = match credential {
        Credential::Certificate(pair) => json!({
            "client-certificate-data": base64(pair.certificate.as_bytes()),
            "client-key-data": base64(pair.key.as_bytes()),
        }),
        Credential::Token(token) => json!({ "token": token }),
    };
    let cluster = if server.starts_with("https:") {
        json!({"server": server, "certificate-authority-data": base64(authority.as_bytes())})
    } else {
        json!({ "server": server })
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    });
    config.to_string()
}

/// Base64 as kubeconfig files and Secrets want it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .enumerate()
            .fold(0_u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let six = bits >> (18 - 6 * i) & 63;
            let digit = if i <= chunk.len() { ALPHABET[six as usize] } else { b'=' };
            text.push(char::from(digit));
        }
    }
    text
}

#[test]
fn base64_is_padded() {
    for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
        assert_eq!(base64(plain.as_bytes()), encoded);
    }
}
