//! CA certificates as they stand in a `ca.crt`. Pure: PEM in, PEM out.

use pem::{EncodeConfig, LineEnding, Pem, encode_config};

use crate::core::certificate::{MAX_CERTIFICATES, ders};

/// CA certificates, each once, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Anchors(Vec<Vec<u8>>);

impl Anchors {
    /// Those in a `ca.crt`; none where that cannot be read.
    pub(super) fn from_pem(pem: &[u8]) -> Self {
        Self::default().and(&Self(ders(pem).unwrap_or_default()))
    }

    /// These and those, as far as a reader of certificates would read them.
    pub(super) fn and(mut self, others: &Self) -> Self {
        for der in &others.0 {
            if !self.0.contains(der) && self.0.len() < MAX_CERTIFICATES {
                self.0.push(der.clone());
            }
        }
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of those are among these.
    pub(super) fn include(&self, others: &Self) -> bool {
        others.0.iter().all(|der| self.0.contains(der))
    }

    /// Whether they are the same, in whatever order.
    pub(super) fn are(&self, others: &Self) -> bool {
        self.include(others) && others.include(self)
    }

    /// As they go into a `ca.crt`.
    pub(super) fn to_pem(&self) -> String {
        let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
        let blocks = self.0.iter().map(|der| Pem::new("CERTIFICATE", der.clone()));
        blocks.map(|block| encode_config(&block, config)).collect()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    fn ca() -> String {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn of(pem: &str) -> Anchors {
        Anchors::from_pem(pem.as_bytes())
    }

    #[test]
    fn old_and_new_stand_together_each_once() {
        let [old, new] = [ca(), ca()];
        let both = of(&old).and(&of(&new)).and(&of(&old));
        assert_eq!(both.0.len(), 2);
        assert!(both.include(&of(&old)) && both.include(&of(&new)) && !of(&old).include(&both));
        assert!(both.are(&of(&new).and(&of(&old))), "in whatever order");
        assert!(!both.are(&of(&new)));
        assert!(of(&format!("{old}{old}")).are(&of(&old)));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let both = of(&ca()).and(&of(&ca()));
        assert_eq!(of(&both.to_pem()), both);
        assert!(both.to_pem().ends_with("-----END CERTIFICATE-----\n"));
    }

    #[test]
    fn what_cannot_be_read_is_nobody() {
        assert!(of("").is_empty() && of("none of this is PEM").is_empty());
        assert!(of(&ca()).include(&of("")), "and everybody is trusted already");
    }

    #[test]
    fn never_more_are_written_than_are_read() {
        let all = (0..MAX_CERTIFICATES + 2).fold(Anchors::default(), |all, _| all.and(&of(&ca())));
        assert_eq!(of(&all.to_pem()), all);
    }
}
