//! All that is known of one Certificate when it is decided what to do for it.

use serde_json::Value;

use super::names;
use super::secret::StoredSecret;
use crate::api::cert_manager::{Certificate, CertificateRequest};
use crate::api::meta::{self, Condition};
use crate::pki::{Algorithm, KeyProblem, PrivateKey};

/// One Certificate with what belongs to it, as the apiserver has it.
#[derive(Clone)]
pub(super) struct View {
    pub(super) certificate: Certificate,
    /// The same with all its fields.
    pub(super) raw: Value,
    /// The Certificate that owns its Secret, if that is another.
    pub(super) rival: Option<String>,
    /// Its Secret.
    pub(super) secret: Option<StoredSecret>,
    /// The request that led to its revision.
    pub(super) current: Option<CertificateRequest>,
    /// The request for its next revision.
    pub(super) next: Option<CertificateRequest>,
    /// Its `status.nextPrivateKeySecretName`, if it is there.
    pub(super) next_key: Option<StoredSecret>,
    /// There are more requests than it wants to keep.
    pub(super) has_old_requests: bool,
    /// The kind of key for a Certificate that names none.
    pub(super) default_algorithm: Algorithm,
}

impl View {
    pub(super) fn name(&self) -> &str {
        self.certificate.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn uid(&self) -> &str {
        self.certificate.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The name of its Secret.
    pub(super) fn secret_name(&self) -> &str {
        self.certificate.spec.secret_name.as_deref().unwrap_or_default()
    }

    /// The revision that is issued next.
    pub(super) fn next_revision(&self) -> i64 {
        next_revision(&self.certificate)
    }

    /// The name of the request for it.
    pub(super) fn next_request_name(&self) -> String {
        names::request(self.name(), self.next_revision())
    }

    /// Somebody wants it to be issued, or it is being issued.
    pub(super) fn issuing(&self) -> Option<&Condition> {
        self.certificate.issuing()
    }

    /// Somebody has changed what it asks for since its last issuance failed.
    pub(super) fn was_changed_since_it_failed(&self) -> bool {
        let failed = meta::condition(&self.certificate.status.conditions, "Issuing");
        let judged = failed.and_then(|failed| failed.observed_generation);
        judged.is_some_and(|judged| self.certificate.metadata.generation > Some(judged))
    }

    /// The Secret that its status names for the next key, unless it is somebody else's.
    pub(super) fn own_next_key(&self) -> Option<&StoredSecret> {
        self.next_key.as_ref().filter(|secret| secret.owners.iter().any(|it| it == self.uid()))
    }

    /// What an issuance that succeeds makes of this.
    pub(super) fn issued(&self) -> Self {
        let mut after = self.clone();
        after.certificate.status.revision = Some(self.next_revision());
        after.current = after.next.take();
        after
    }

    /// The key in its Secret.
    pub(super) fn key(&self) -> Option<Result<PrivateKey, KeyProblem>> {
        self.secret.as_ref().map(|secret| PrivateKey::from_pem(&secret.key))
    }
}

/// The revision of a Certificate that is issued next; the first is 1.
pub(super) fn next_revision(certificate: &Certificate) -> i64 {
    certificate.status.revision.unwrap_or(0).saturating_add(1)
}

/// How many requests of a Certificate are kept.
pub(super) fn history_limit(certificate: &Certificate) -> i64 {
    // cert-manager's webhook takes nothing below one.
    certificate.spec.revision_history_limit.unwrap_or(1).max(1)
}

/// Which of these Certificates, which all name the same Secret, owns it: the one that the Secret
/// names, or the oldest.
pub(super) fn owner_of_secret<'a>(
    rivals: impl Iterator<Item = &'a Certificate>,
    named: Option<&str>,
) -> Option<&'a str> {
    let mut rivals: Vec<_> = rivals
        .filter_map(|rival| {
            Some((meta::created(&rival.metadata)?, rival.metadata.name.as_deref()?))
        })
        .collect();
    rivals.sort_unstable();
    let of_name = rivals.iter().find(|(_, name)| Some(*name) == named);
    of_name.or(rivals.first()).map(|(_, name)| *name)
}
