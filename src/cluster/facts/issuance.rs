//! What is kept of a `CertificateRequest`: one issuance, read as soon as it is seen.

use super::{Texts, name_list};
use crate::api::cert_manager::CertificateRequest;
use crate::api::meta;
use crate::core::certificate::{Ca, CaBundle, Chain, Fingerprint, Malformed};
use crate::core::fleet::{IssuerKey, LeafId, Text};
use crate::core::time::Time;

/// What is kept of a `CertificateRequest`.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuanceFacts {
    /// The Certificate that it was made for.
    pub certificate: Option<Text>,
    /// Which issuance of it.
    pub revision: Option<i64>,
    /// When it was created.
    pub created: Time,
    /// Who signs.
    pub issuer: Option<IssuerKey>,
    /// When it became Ready.
    pub ready_at: Option<Time>,
    /// What was signed.
    pub signed: Signed,
}

/// What was signed.
#[derive(Clone, Debug, PartialEq)]
pub enum Signed {
    /// Nothing yet.
    Nothing,
    /// Something that cannot be read.
    Malformed(Malformed),
    /// This.
    Leaf(Box<SignedLeaf>),
}

/// What is kept of a leaf.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedLeaf {
    /// Which one it is; the fingerprint is always there.
    pub id: LeafId,
    /// Its serial number.
    pub serial: Text,
    /// Its public key, where it may sign others.
    pub own_key: Option<Fingerprint>,
    /// Its names, one to a line; none when it has some that cannot be compared.
    pub names: Option<Text>,
    /// The CA that signed it, where the issuer tells it.
    pub ca: Option<SigningCa>,
    /// What the issuer publishes as its CA, in PEM: kept once however many leaves it signed.
    pub published_ca: Option<Text>,
}

/// The CA that signed a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningCa {
    /// Its public key.
    pub key: Fingerprint,
    /// When it ends.
    pub not_after: Time,
}

impl IssuanceFacts {
    /// Of this object.
    pub fn of(request: &CertificateRequest, texts: &mut Texts) -> Self {
        let namespace = request.metadata.namespace.as_deref().unwrap_or_default();
        let issuer = request.spec.issuer_ref.as_ref();
        let ready = meta::condition(&request.status.conditions, "Ready");
        Self {
            certificate: request.certificate_name().map(|name| texts.text(name)),
            revision: request.revision(),
            created: meta::created(&request.metadata).unwrap_or(Time::MIN),
            issuer: issuer.map(|issuer| texts.issuer(issuer, namespace)),
            ready_at: ready
                .filter(|ready| ready.holds())
                .and_then(|ready| ready.last_transition_time),
            signed: signed(request, texts),
        }
    }

    /// The leaf, when there is one that can be read.
    pub fn leaf(&self) -> Option<&SignedLeaf> {
        match &self.signed {
            Signed::Leaf(leaf) => Some(leaf),
            Signed::Nothing | Signed::Malformed(_) => None,
        }
    }

    /// The CA that signed, where it is known.
    pub fn signing_ca(&self) -> Option<SigningCa> {
        self.leaf()?.ca
    }
}

fn signed(request: &CertificateRequest, texts: &mut Texts) -> Signed {
    let Some(pem) = request.status.certificate.as_ref().filter(|pem| !pem.is_empty()) else {
        return Signed::Nothing;
    };
    let chain = match Chain::from_pem(pem) {
        Ok(chain) => chain,
        Err(malformed) => return Signed::Malformed(malformed),
    };
    let published = request.status.ca.as_ref();
    let bundle = published.and_then(|pem| CaBundle::from_pem(pem).ok());
    let published = published.filter(|_| bundle.is_some());
    let published = published.and_then(|pem| std::str::from_utf8(pem).ok());
    let leaf = &chain.leaf;
    let names = (leaf.other_names == 0).then(|| texts.text(&name_list(leaf.names())));
    Signed::Leaf(Box::new(SignedLeaf {
        id: LeafId {
            not_before: leaf.not_before,
            not_after: leaf.not_after,
            fingerprint: Some(leaf.fingerprint),
        },
        serial: (&*leaf.serial).into(),
        own_key: leaf.is_ca.then_some(leaf.spki),
        names,
        ca: signing_ca(&chain, bundle.as_ref()),
        published_ca: published.map(|pem| texts.text(pem)),
    }))
}

/// What the leaf itself names as its issuer: an intermediate in its chain, or the published CA.
/// `status.ca` alone may be the root above an intermediate.
fn signing_ca(chain: &Chain, bundle: Option<&CaBundle>) -> Option<SigningCa> {
    let in_chain = chain.others.iter().find(|ca| chain.leaf.signed_by(ca));
    let ca: &Ca = in_chain.or_else(|| bundle?.issuer_of(&chain.leaf))?;
    Some(SigningCa { key: ca.spki, not_after: ca.not_after })
}
