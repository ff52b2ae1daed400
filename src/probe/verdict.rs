//! What is to be said of what a server presents.

use std::net::IpAddr;

use super::look::Seen;
use super::trust::Trust;
use crate::core::fleet::LeafId;
use crate::core::time::Time;
use crate::core::vocabulary::words;

words! {
    /// What is to be said of what a server presents, compared with what it should.
    Verdict {
        /// It is the certificate that was issued last.
        Issued = "issued",
        /// It is another certificate than the one that was issued last.
        OtherLeaf = "otherLeaf",
        /// It has reached its notAfter.
        Expired = "expired",
        /// It has not reached its notBefore.
        NotYetValid = "notYetValid",
        /// It is for other names than the one that was connected to.
        WrongName = "wrongName",
        /// It does not lead to the CA that is published.
        UnknownCa = "unknownCa",
        /// The server offers no TLS.
        NoTls = "noTls",
    }
}

impl Verdict {
    /// Whether something is wrong.
    pub const fn is_bad(self) -> bool {
        !matches!(self, Self::Issued)
    }
}

/// What a server should present, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// The certificate that was issued last.
    pub issued: Option<&'a LeafId>,
    /// The CA that is published.
    pub trust: Option<&'a Trust>,
    /// The name or the address by which clients connect.
    pub host: Option<&'a str>,
}

/// All that is to be said, in the order of the vocabulary.
pub fn judge(seen: &Seen, expected: &Expected<'_>, now: Time) -> Vec<Verdict> {
    let Some(tls) = &seen.tls else {
        return vec![Verdict::NoTls];
    };
    let (presented, leaf) = (&tls.presented, &tls.presented.chain.leaf);
    let other = expected.issued.map(|issued| presented.leaf().differs_from(issued));
    let wrong_name = expected.host.is_some_and(|host| match host.parse::<IpAddr>() {
        Ok(address) => !leaf.covers_ip(address),
        Err(_) => !leaf.covers_dns(host),
    });
    let trusted = expected.trust.and_then(|trust| trust.holds(presented, now));
    let said = [
        (Verdict::Issued, other == Some(false)),
        (Verdict::OtherLeaf, other == Some(true)),
        (Verdict::Expired, leaf.not_after <= now),
        (Verdict::NotYetValid, now < leaf.not_before),
        (Verdict::WrongName, wrong_name),
        (Verdict::UnknownCa, trusted == Some(false)),
    ];
    said.into_iter().filter_map(|(verdict, holds)| holds.then_some(verdict)).collect()
}
