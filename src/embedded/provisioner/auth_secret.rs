//! The Secret of the root user.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use serde_json::{Value, json};

use super::database::Database;
use crate::api::mysql::DeletionPolicy;

/// Fills a buffer with random bytes. Tests give one that is seeded.
pub type Random = Arc<dyn Fn(&mut [u8]) -> io::Result<()> + Send + Sync>;

/// The operating system's.
pub fn system_random() -> Random {
    let random = ring::default_provider().secure_random;
    Arc::new(move |bytes: &mut [u8]| {
        random.fill(bytes).map_err(|_| io::Error::other("the operating system has none"))
    })
}

/// As long as KubeDB's.
const PASSWORD_LENGTH: usize = 16;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The Secret, with a new password. One that is there already keeps its own.
pub(super) fn new(database: &Database, random: &Random) -> io::Result<Value> {
    Ok(json!({
        "metadata": database.metadata(&database.mysql.auth_secret_name()),
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": "root", "password": password(random)?},
    }))
}

/// Whether it goes when the database does.
pub(super) fn goes_with(database: &Database) -> bool {
    !database.mysql.spec.auth_secret.externally_managed
        && matches!(
            database.mysql.deletion_policy(),
            DeletionPolicy::Delete | DeletionPolicy::WipeOut
        )
}

fn password(random: &Random) -> io::Result<String> {
    let mut password = String::new();
    let mut bytes = [0; PASSWORD_LENGTH];
    while password.len() < PASSWORD_LENGTH {
        random(&mut bytes)?;
        // Bytes beyond the last whole multiple would make some letters likelier than others.
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < 4 * 62);
        let letters = fair.map(|byte| char::from(LETTERS[byte % 62]));
        password.extend(letters.take(PASSWORD_LENGTH - password.len()));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_without_signs_that_a_shell_knows() {
        let one = password(&system_random()).unwrap();
        let other = password(&system_random()).unwrap();
        assert_ne!(one, other);
        for password in [one, other] {
            assert_eq!(password.len(), PASSWORD_LENGTH);
            assert!(password.bytes().all(|letter| letter.is_ascii_alphanumeric()));
        }
    }

    #[test]
    fn unfair_bytes_are_passed_over_and_no_randomness_is_an_error() {
        let half: Random = Arc::new(|bytes: &mut [u8]| {
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = if at % 2 == 0 { 255 } else { 62 };
            }
            Ok(())
        });
        assert_eq!(password(&half).unwrap(), "A".repeat(PASSWORD_LENGTH));
        let none: Random = Arc::new(|_| Err(io::Error::other("none")));
        password(&none).unwrap_err();
    }
}
