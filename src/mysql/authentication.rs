//! How a client proves that it knows a password: "Authentication Method" and the pages on
//! `caching_sha2_password` and `sha256_password`.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The method of MySQL 8 and later.
pub const CACHING_SHA2: &str = "caching_sha2_password";
/// Its forerunner, deprecated: mysqld logs each use of it.
pub const SHA256: &str = "sha256_password";
const CLEAR: &str = "mysql_clear_password";
const NATIVE: &str = "mysql_native_password";

/// What `caching_sha2_password` says when it knew the answer to be right.
pub(super) const FAST_AUTH_SUCCESS: u8 = 3;
/// What it says when it wants the password itself.
pub(super) const FULL_AUTHENTICATION: u8 = 4;

/// A user and their password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Without the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a client answers to a nonce by this method. A password itself is sent in TLS only, and a
/// client that has none says so.
pub(super) fn answer(plugin: &str, password: &str, nonce: &[u8], in_tls: bool) -> Vec<u8> {
    match plugin {
        NATIVE => Vec::new(), // Needs SHA-1: answered as without a password.
        CACHING_SHA2 if !password.is_empty() => scramble(password, nonce).to_vec(),
        SHA256 | CLEAR if !password.is_empty() && in_tls => with_nul(password),
        _ => vec![0],
    }
}

/// What a client sends when it is asked for the password itself.
pub(super) fn full_answer(password: &str, in_tls: bool) -> Vec<u8> {
    if in_tls { with_nul(password) } else { vec![0] }
}

/// `XOR(SHA256(password), SHA256(SHA256(SHA256(password)), nonce))`
pub(super) fn scramble(password: &str, nonce: &[u8]) -> [u8; 32] {
    let mut once: [u8; 32] = Sha256::digest(password).into();
    let twice = Sha256::digest(once);
    let mask: [u8; 32] = Sha256::new_with_prefix(twice).chain_update(nonce).finalize().into();
    for (byte, mask) in once.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    once
}

fn with_nul(password: &str) -> Vec<u8> {
    password.bytes().chain([0]).collect()
}
