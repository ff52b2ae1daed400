//! The verifier of a look: notes what is presented, and whether its key is held.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::core::certificate::Leaf;

/// What was presented in one handshake.
#[derive(Debug)]
pub(super) struct Recorder {
    algorithms: WebPkiSupportedAlgorithms,
    record: Mutex<Record>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// The certificates, the leaf first.
    pub(super) ders: Vec<CertificateDer<'static>>,
    /// Whether the server proved that it holds the key.
    pub(super) proof: Proof,
}

/// Whether a server proved that it holds the key of what it presents: a certificate that is only
/// repeated is no evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Proof {
    /// It did not come to that.
    #[default]
    None,
    /// It did.
    Proven,
    /// It signed with a key, or in a way, that proves nothing today. The handshake goes on all the
    /// same, so that the look can end politely.
    Weak,
    /// It did not.
    Forged,
}

impl Recorder {
    pub(super) fn new(algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { algorithms, record: Mutex::default() }
    }

    /// What was noted.
    pub(super) fn record(&self) -> Record {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        checked: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        let (proof, result) = match checked {
            Ok(valid) => (Proof::Proven, Ok(valid)),
            Err(_) if proves_nothing(certificate) => {
                (Proof::Weak, Ok(HandshakeSignatureValid::assertion()))
            }
            Err(error) => (Proof::Forged, Err(error)),
        };
        self.lock().proof = proof;
        result
    }
}

/// Whether a certificate has a key that is too small, or is of a version that webpki does not read.
fn proves_nothing(certificate: &CertificateDer<'_>) -> bool {
    Leaf::from_der(certificate).is_ok_and(|leaf| leaf.key.is_weak() || leaf.version < 3)
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(leaf).chain(others);
        self.lock().ders = all.map(|certificate| certificate.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.algorithms;
        let checked =
            rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms);
        self.judge(certificate, checked)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.algorithms;
        let checked =
            rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms);
        self.judge(certificate, checked)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
