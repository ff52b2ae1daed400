//! Certificates that no issuer would make.

use rcgen::{KeyPair, PublicKeyData};

use super::super::{Leaf, Malformed};

/// The parts of a certificate, each as the DER that stands in it.
pub(super) struct Forged {
    pub(super) version: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) not_before: Vec<u8>,
    pub(super) not_after: Vec<u8>,
    pub(super) spki: Vec<u8>,
    pub(super) extensions: Vec<Vec<u8>>,
}

impl Default for Forged {
    fn default() -> Self {
        Self {
            version: version(2),
            serial: vec![1],
            subject: name(UTF8, b"db"),
            not_before: utc("260101000000Z"),
            not_after: utc("260401000000Z"),
            spki: KeyPair::generate().unwrap().subject_public_key_info(),
            extensions: Vec::new(),
        }
    }
}

impl Forged {
    pub(super) fn der(&self) -> Vec<u8> {
        let algorithm = tlv(SEQUENCE, &tlv(OID, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            tlv(0xa3, &tlv(SEQUENCE, &self.extensions.concat()))
        };
        let parts = [
            self.version.clone(),
            tlv(0x02, &self.serial),
            algorithm.clone(),
            name(UTF8, b"ca"),
            tlv(SEQUENCE, &[&*self.not_before, &*self.not_after].concat()),
            self.subject.clone(),
            self.spki.clone(),
            extensions,
        ];
        let to_be_signed = tlv(SEQUENCE, &parts.concat());
        tlv(SEQUENCE, &[to_be_signed, algorithm, tlv(0x03, &[0; 9])].concat())
    }

    pub(super) fn read(&self) -> Result<Leaf, Malformed> {
        Leaf::from_der(&self.der())
    }
}

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const DNS: u8 = 0x82;
pub(super) const URI: u8 = 0x86;
pub(super) const IP: u8 = 0x87;

pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let long = u32::try_from(content.len()).unwrap().to_be_bytes();
    let length = match content.len() {
        0..0x80 => &long[3..],
        0x80..0x100 => &[&[0x81], &long[3..]].concat(),
        0x100..0x10000 => &[&[0x82], &long[2..]].concat(),
        _ => &[&[0x84], &long[..]].concat(),
    };
    [&[tag], length, content].concat()
}

pub(super) fn version(version: u8) -> Vec<u8> {
    tlv(0xa0, &tlv(0x02, &[version]))
}

pub(super) fn utc(text: &str) -> Vec<u8> {
    tlv(0x17, text.as_bytes())
}

pub(super) fn generalized(text: &str) -> Vec<u8> {
    tlv(0x18, text.as_bytes())
}

/// A name with a common name of this string type.
pub(super) fn name(string: u8, text: &[u8]) -> Vec<u8> {
    let attribute = [tlv(OID, &[0x55, 4, 3]), tlv(string, text)].concat();
    tlv(SEQUENCE, &tlv(0x31, &tlv(SEQUENCE, &attribute)))
}

/// An extension below 2.5.29.
pub(super) fn extension(arc: u8, content: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[tlv(OID, &[0x55, 0x1d, arc]), tlv(0x04, content)].concat())
}

pub(super) fn alternative_names(names: &[(u8, &[u8])]) -> Vec<u8> {
    let names: Vec<u8> = names.iter().flat_map(|(tag, name)| tlv(*tag, name)).collect();
    extension(17, &tlv(SEQUENCE, &names))
}

/// A public key of this algorithm, whatever its bytes.
pub(super) fn spki(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = tlv(SEQUENCE, &[&*tlv(OID, algorithm), parameters].concat());
    tlv(SEQUENCE, &[algorithm, tlv(0x03, &[&[0], key].concat())].concat())
}
