//! From certificates and requests to a profile.

use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{
    OID_X509_COMMON_NAME, OID_X509_COUNTRY_NAME, OID_X509_LOCALITY_NAME,
    OID_X509_ORGANIZATION_NAME, OID_X509_ORGANIZATIONAL_UNIT, OID_X509_POSTAL_CODE,
    OID_X509_SERIALNUMBER, OID_X509_STATE_OR_PROVINCE_NAME, OID_X509_STREET_ADDRESS,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::der::{self, Reader};
use super::profile::Profile;
use super::usage;
use crate::core::certificate::{Malformed, ders};

/// What the first certificate of a PEM text says.
pub(super) fn certificate(pem: &[u8]) -> Result<Profile, Malformed> {
    let certificates = ders(pem)?;
    let x509 = certificates.first().and_then(|der| parse(der)).ok_or(Malformed::BadCertificate)?;
    let mut profile = Profile::default();
    subject(x509.subject(), &mut profile);
    for extension in x509.iter_extensions() {
        self::extension(extension.parsed_extension(), &mut profile);
    }
    Ok(profile)
}

/// One certificate, with nothing behind it.
pub(super) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, x509)| x509)
}

/// Takes in the names of a subject; false when it has a part that a profile has no place for.
pub(super) fn subject(name: &X509Name<'_>, profile: &mut Profile) -> bool {
    name.iter_attributes().filter(|part| attribute(part, profile).is_none()).count() == 0
}

fn attribute(part: &AttributeTypeAndValue<'_>, profile: &mut Profile) -> Option<()> {
    let text = part.as_str().ok()?.to_owned();
    let kind = part.attr_type();
    if *kind == OID_X509_COMMON_NAME {
        // Go, and so cert-manager, goes by the last.
        return profile.common_name.replace(text).is_none().then_some(());
    }
    let subject = &mut profile.subject;
    if *kind == OID_X509_SERIALNUMBER {
        return subject.serial_number.replace(text).is_none().then_some(());
    }
    let mut lists = [
        (OID_X509_COUNTRY_NAME, &mut subject.countries),
        (OID_X509_LOCALITY_NAME, &mut subject.localities),
        (OID_X509_ORGANIZATION_NAME, &mut subject.organizations),
        (OID_X509_ORGANIZATIONAL_UNIT, &mut subject.organizational_units),
        (OID_X509_POSTAL_CODE, &mut subject.postal_codes),
        (OID_X509_STATE_OR_PROVINCE_NAME, &mut subject.provinces),
        (OID_X509_STREET_ADDRESS, &mut subject.street_addresses),
    ];
    let (_, list) = lists.iter_mut().find(|(oid, _)| oid == kind)?;
    list.push(text);
    Some(())
}

/// Takes in an extension; false when a profile has no place for it, or for a part of it.
pub(super) fn extension(extension: &ParsedExtension<'_>, profile: &mut Profile) -> bool {
    if let ParsedExtension::SubjectAlternativeName(names) = extension {
        let names = &names.general_names;
        return names.iter().filter(|name| alternative(name, profile).is_none()).count() == 0;
    }
    if let ParsedExtension::KeyUsage(bits) = extension {
        profile.usages.extend(usage::of_bits(bits.flags));
        return true;
    }
    if let ParsedExtension::ExtendedKeyUsage(purposes) = extension {
        let purposes = usage::of_extension(purposes);
        profile.usages.extend(purposes.iter().flatten());
        return purposes.is_some();
    }
    if let ParsedExtension::BasicConstraints(constraints) = extension {
        profile.is_ca = constraints.ca;
        return constraints.path_len_constraint.is_none();
    }
    false
}

fn alternative(name: &GeneralName<'_>, profile: &mut Profile) -> Option<()> {
    if let GeneralName::DNSName(name) = name {
        profile.dns_names.push((*name).to_owned());
    } else if let GeneralName::RFC822Name(address) = name {
        profile.email_addresses.push((*address).to_owned());
    } else if let GeneralName::URI(uri) = name {
        profile.uris.push((*uri).to_owned());
    } else if let GeneralName::IPAddress(bytes) = name {
        profile.ip_addresses.push(address(bytes)?);
    } else {
        return None;
    }
    Some(())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// Whether rcgen can write this name as it is: it keeps one value of each kind. Nor may there be
/// a part that x509-parser cannot read: it stops there, and leaves out the rest without a word.
pub(super) fn is_plain(name: &X509Name<'_>) -> bool {
    let kinds: Vec<_> = name.iter_attributes().map(AttributeTypeAndValue::attr_type).collect();
    let twice = (1..kinds.len()).any(|at| kinds[..at].contains(&kinds[at]));
    let alone = name.iter_rdn().all(|part| part.iter().count() == 1);
    alone && !twice && parts(name.as_raw()) == Some(kinds.len())
}

fn parts(name: &[u8]) -> Option<usize> {
    let mut rest = Reader::new(name).inside(der::SEQUENCE)?;
    let mut parts = 0;
    while !rest.is_empty() {
        rest.next(der::SET)?;
        parts += 1;
    }
    Some(parts)
}
