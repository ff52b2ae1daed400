//! The names of requests.

use crate::core::digest::Digest;
use crate::core::fleet::{Key, Text};
use crate::core::time::Time;

/// `<db>-rotate-<8 hex digits>`: written into the record, never recomputed.
pub fn request_name(key: &Key, uid: &str, opened: Time, attempt: u32) -> Text {
    /// What Kubernetes allows for a label value, so that the name can be one.
    const LONGEST: usize = 63;
    let opened = opened.unix().to_string();
    let digest = Digest::of([uid, &*opened, &*attempt.to_string()]).to_string();
    let suffix = format!("-rotate-{}", &digest[..8]);
    let mut kept = (0..=key.name.len().min(LONGEST - suffix.len())).rev();
    let stem = kept.find_map(|kept| key.name.get(..kept));
    let stem = stem.unwrap_or_default().trim_end_matches(['-', '.']);
    format!("{stem}{suffix}").into()
}
