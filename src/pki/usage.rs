//! What a key may be used for, in cert-manager's words.

use std::collections::BTreeSet;

use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};
use x509_parser::extensions::ExtendedKeyUsage;

use super::refused::Refused;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Usage {
    /// Anything.
    Any,
    /// To sign certificates.
    CertSign,
    /// To prove who a client is.
    ClientAuth,
    /// To sign programs.
    CodeSigning,
    /// To sign what may not be denied later.
    ContentCommitment,
    /// To sign lists of revoked certificates.
    CrlSign,
    /// To encrypt data.
    DataEncipherment,
    /// With key agreement: to decrypt only.
    DecipherOnly,
    /// To sign.
    DigitalSignature,
    /// To sign and encrypt mail.
    EmailProtection,
    /// With key agreement: to encrypt only.
    EncipherOnly,
    /// `IPsec`, an end of it.
    IpsecEndSystem,
    /// `IPsec`, a tunnel.
    IpsecTunnel,
    /// `IPsec`, a user.
    IpsecUser,
    /// To agree on a key.
    KeyAgreement,
    /// To encrypt keys.
    KeyEncipherment,
    /// Microsoft's server gated cryptography.
    MicrosoftSgc,
    /// Netscape's.
    NetscapeSgc,
    /// To sign answers of OCSP.
    OcspSigning,
    /// To prove who a server is.
    ServerAuth,
    /// To sign timestamps.
    Timestamping,
}

/// Where a usage stands in a certificate.
#[derive(Clone, Copy)]
enum Place {
    /// In `keyUsage`.
    Key(KeyUsagePurpose),
    /// In `extendedKeyUsage`, by its identifier.
    Extended(&'static [u64]),
}
use Place::{Extended, Key};

/// Every usage: its words, the preferred one first, and its place.
const USAGES: [(Usage, &[&str], Place); 21] = [
    (Usage::Any, &["any"], Extended(&[2, 5, 29, 37, 0])),
    (Usage::CertSign, &["cert sign"], Key(KeyUsagePurpose::KeyCertSign)),
    (Usage::ClientAuth, &["client auth"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 2])),
    (Usage::CodeSigning, &["code signing"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 3])),
    (Usage::ContentCommitment, &["content commitment"], Key(KeyUsagePurpose::ContentCommitment)),
    (Usage::CrlSign, &["crl sign"], Key(KeyUsagePurpose::CrlSign)),
    (Usage::DataEncipherment, &["data encipherment"], Key(KeyUsagePurpose::DataEncipherment)),
    (Usage::DecipherOnly, &["decipher only"], Key(KeyUsagePurpose::DecipherOnly)),
    (
        Usage::DigitalSignature,
        &["digital signature", "signing"],
        Key(KeyUsagePurpose::DigitalSignature),
    ),
    (
        Usage::EmailProtection,
        &["email protection", "s/mime"],
        Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 4]),
    ),
    (Usage::EncipherOnly, &["encipher only"], Key(KeyUsagePurpose::EncipherOnly)),
    (Usage::IpsecEndSystem, &["ipsec end system"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 5])),
    (Usage::IpsecTunnel, &["ipsec tunnel"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 6])),
    (Usage::IpsecUser, &["ipsec user"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 7])),
    (Usage::KeyAgreement, &["key agreement"], Key(KeyUsagePurpose::KeyAgreement)),
    (Usage::KeyEncipherment, &["key encipherment"], Key(KeyUsagePurpose::KeyEncipherment)),
    (Usage::MicrosoftSgc, &["microsoft sgc"], Extended(&[1, 3, 6, 1, 4, 1, 311, 10, 3, 3])),
    (Usage::NetscapeSgc, &["netscape sgc"], Extended(&[2, 16, 840, 1, 113_730, 4, 1])),
    (Usage::OcspSigning, &["ocsp signing"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 9])),
    (Usage::ServerAuth, &["server auth"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 1])),
    (Usage::Timestamping, &["timestamping"], Extended(&[1, 3, 6, 1, 5, 5, 7, 3, 8])),
];

/// The bits of `keyUsage`, from the first.
const BITS: [Usage; 9] = [
    Usage::DigitalSignature,
    Usage::ContentCommitment,
    Usage::KeyEncipherment,
    Usage::DataEncipherment,
    Usage::KeyAgreement,
    Usage::CertSign,
    Usage::CrlSign,
    Usage::EncipherOnly,
    Usage::DecipherOnly,
];

impl Usage {
    /// The usages of these words, in cert-manager's way: digital signature and key encipherment
    /// when there are none, and an authority may sign certificates.
    pub fn read_all<S: AsRef<str>>(words: &[S], is_ca: bool) -> Result<BTreeSet<Self>, Refused> {
        let mut usages = BTreeSet::new();
        for word in words {
            usages.insert(Self::read(word.as_ref())?);
        }
        if words.is_empty() {
            usages.extend([Self::DigitalSignature, Self::KeyEncipherment]);
        }
        if is_ca {
            usages.insert(Self::CertSign);
        }
        Ok(usages)
    }

    fn read(word: &str) -> Result<Self, Refused> {
        let found = USAGES.iter().find(|(_, words, _)| words.contains(&word));
        found.map_or_else(|| Err(Refused::UnknownUsage(word.to_owned())), |(usage, ..)| Ok(*usage))
    }

    fn place(self) -> Option<Place> {
        USAGES.iter().find(|(usage, ..)| *usage == self).map(|(_, _, place)| *place)
    }
}

/// These usages as rcgen takes them.
pub(super) fn write(
    usages: &BTreeSet<Usage>,
) -> (Vec<KeyUsagePurpose>, Vec<ExtendedKeyUsagePurpose>) {
    let (mut key, mut extended) = (Vec::new(), Vec::new());
    for place in usages.iter().filter_map(|usage| usage.place()) {
        match place {
            Key(purpose) => key.push(purpose),
            Extended(oid) => extended.push(ExtendedKeyUsagePurpose::Other(oid.to_vec())),
        }
    }
    (key, extended)
}

/// The usages of a `keyUsage` extension, whose first bit is the lowest here.
pub(super) fn of_bits(flags: u16) -> impl Iterator<Item = Usage> {
    let bits = BITS.into_iter().enumerate();
    bits.filter(move |(bit, _)| flags & (1 << bit) != 0).map(|(_, usage)| usage)
}

/// The usages of an `extendedKeyUsage` extension; none when one of them has no word.
pub(super) fn of_extension(extension: &ExtendedKeyUsage<'_>) -> Option<Vec<Usage>> {
    let named = [
        (extension.any, Usage::Any),
        (extension.client_auth, Usage::ClientAuth),
        (extension.code_signing, Usage::CodeSigning),
        (extension.email_protection, Usage::EmailProtection),
        (extension.ocsp_signing, Usage::OcspSigning),
        (extension.server_auth, Usage::ServerAuth),
        (extension.time_stamping, Usage::Timestamping),
    ];
    let named = named.into_iter().filter(|(holds, _)| *holds).map(|(_, usage)| Some(usage));
    let others = extension.other.iter().map(|oid| {
        let digits: Vec<u64> = oid.iter()?.collect();
        let by_oid = |place: &Place| matches!(place, Extended(oid) if **oid == *digits);
        USAGES.iter().find(|(_, _, place)| by_oid(place)).map(|(usage, ..)| *usage)
    });
    named.chain(others).collect()
}
