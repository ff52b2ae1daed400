//! What the server proves itself by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};

use super::ListenError;
use crate::core::time::{Span, Time};
use crate::pki::{Algorithm, Authority, Encoding, Entropy, Lifetime, Profile};

/// Clocks of clients may be a little behind.
const BEFORE: Span = Span::HOUR;
/// It lasts longer than any server in memory.
const AFTER: Span = Span::days(365);
/// The names that clients in a cluster know the server by, and those on this host.
const NAMES: [&str; 4] =
    ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// A serving certificate, its key, and the authority that vouches for it.
pub(super) struct Identity {
    /// The authority's certificate, PEM.
    pub(super) authority: String,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// A new one for a server on this host, at this address. The authority's key is not kept.
    pub(super) fn make(address: IpAddr, now: Time) -> Result<Self, ListenError> {
        let lifetime = Lifetime { not_before: now - BEFORE, not_after: now + AFTER };
        let (algorithm, entropy) = (Algorithm::EcdsaP256, Entropy::system());
        let profile = Profile::authority("certrotor-embedded-ca");
        let authority = Authority::root(&profile, algorithm, lifetime, &entropy)?;

        let mut profile = Profile::server("kube-apiserver", &NAMES);
        profile.ip_addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        if !profile.ip_addresses.contains(&address) && !address.is_unspecified() {
            profile.ip_addresses.push(address);
        }
        let minted = authority.issue(&profile, algorithm, lifetime, &entropy)?;
        let chain = CertificateDer::pem_slice_iter(minted.issued.certificate.as_bytes());
        let key = minted.key.to_pem(Encoding::Pkcs8);
        Ok(Self {
            authority: minted.issued.ca,
            chain: chain.collect::<Result<_, pem::Error>>().map_err(|error| unreadable(&error))?,
            key: PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|error| unreadable(&error))?,
        })
    }
}

fn unreadable(error: &pem::Error) -> ListenError {
    rustls::Error::General(format!("its own certificate: {error}")).into()
}
