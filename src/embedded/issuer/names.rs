//! The names of things, as cert-manager chooses them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use sha2::{Digest as _, Sha256};

use crate::api::cert_manager::Certificate;
use crate::core::certificate::Fingerprint;

/// The name of the request for one revision of a Certificate, whose name is hashed when it is long.
pub(super) fn request(certificate: &str, revision: i64) -> String {
    const LONGEST: usize = 233;
    const HASH: usize = 64;
    if certificate.len() <= LONGEST {
        return format!("{certificate}-{revision}");
    }
    let hash = Fingerprint::of(certificate.as_bytes());
    match shortened(certificate, LONGEST - HASH - 1) {
        "" => format!("{hash}-{revision}"),
        start => format!("{start}-{hash}-{revision}"),
    }
}

/// The name of the Secret that holds the key for one revision of a Certificate until it is issued.
///
/// cert-manager draws the five letters at its end by chance; here they follow from the issuance, so
/// that it is found again after a crash.
pub(super) fn next_key(certificate: &str, uid: &str, revision: i64) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let hash = Sha256::digest(format!("{uid}/{revision}"));
    let letters = hash.iter().take(5).map(|byte| char::from(LETTERS[usize::from(*byte) % 27]));
    // As the apiserver cuts names that it generates.
    let start = certificate.get(..57).unwrap_or(certificate);
    format!("{start}-{}", letters.collect::<String>())
}

/// The longest start that ends with a letter or a digit.
fn shortened(name: &str, longest: usize) -> &str {
    let start = name.get(..longest).unwrap_or(name);
    start.trim_end_matches(|last: char| !last.is_ascii_alphanumeric())
}

/// What says that an object belongs to a Certificate.
pub(super) fn owner(certificate: &Certificate) -> OwnerReference {
    OwnerReference {
        api_version: Certificate::api_version(&()).into_owned(),
        kind: Certificate::kind(&()).into_owned(),
        name: certificate.metadata.name.clone().unwrap_or_default(),
        uid: certificate.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
