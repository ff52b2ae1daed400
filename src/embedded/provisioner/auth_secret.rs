//! The Secret of the root user.

use serde_json::{Value, json};

use super::database::Database;
use crate::api::mysql::DeletionPolicy;
use crate::pki::{Entropy, Refused};

/// As long as KubeDB's.
const PASSWORD_LENGTH: usize = 16;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The Secret, with a new password. One that is there already keeps its own.
pub(super) fn new(database: &Database, entropy: &Entropy) -> Result<Value, Refused> {
    Ok(json!({
        "metadata": database.metadata(&database.mysql.auth_secret_name()),
        "type": "kubernetes.io/basic-auth",
        "stringData": {"username": "root", "password": password(entropy)?},
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

fn password(entropy: &Entropy) -> Result<String, Refused> {
    let mut password = String::new();
    while password.len() < PASSWORD_LENGTH {
        password.extend(entropy.draw()?.iter().copied().filter_map(letter));
        password.truncate(PASSWORD_LENGTH);
    }
    Ok(password)
}

/// None for bytes beyond the last whole multiple, which would make some letters likelier.
fn letter(byte: u8) -> Option<char> {
    let byte = usize::from(byte);
    let fair = byte < 256 / LETTERS.len() * LETTERS.len();
    fair.then(|| char::from(LETTERS[byte % LETTERS.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_without_signs_that_a_shell_knows() {
        let one = password(&Entropy::system()).unwrap();
        let other = password(&Entropy::system()).unwrap();
        assert_ne!(one, other);
        for password in [one, other] {
            assert_eq!(password.len(), PASSWORD_LENGTH);
            assert!(password.bytes().all(|letter| letter.is_ascii_alphanumeric()));
        }
        let seeded = || password(&Entropy::seeded(7)).unwrap();
        assert_eq!(seeded(), seeded());
    }

    #[test]
    fn no_letter_is_likelier_than_another() {
        let mut counts = std::collections::BTreeMap::new();
        for letter in (0..=u8::MAX).filter_map(letter) {
            *counts.entry(letter).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), LETTERS.len());
        assert!(counts.values().all(|count| *count == 4), "{counts:?}");
    }
}
