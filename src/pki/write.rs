//! From a profile to what rcgen writes.

use std::time::Duration;

use rcgen::string::{Ia5String, PrintableString};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, SanType,
    SerialNumber, date_time_ymd,
};

use super::authority::Lifetime;
use super::entropy::Entropy;
use super::key::PrivateKey;
use super::profile::Profile;
use super::refused::Refused;
use super::usage;
use crate::core::time::Time;

/// A certificate signing request in PEM. It says nothing of being an authority, and of usages only
/// when asked to: cert-manager's requests have both beside it.
pub(super) fn request(
    profile: &Profile,
    key: &PrivateKey,
    with_usages: bool,
) -> Result<String, Refused> {
    let mut params = names(profile)?;
    if with_usages {
        (params.key_usages, params.extended_key_usages) = usage::write(&profile.usages);
    }
    Ok(params.serialize_request(key.pair())?.pem()?)
}

/// All that rcgen needs to write a certificate.
pub(super) fn certificate(
    profile: &Profile,
    lifetime: Lifetime,
    entropy: &Entropy,
) -> Result<CertificateParams, Refused> {
    let mut params = names(profile)?;
    (params.key_usages, params.extended_key_usages) = usage::write(&profile.usages);
    params.is_ca =
        if profile.is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    let Lifetime { not_before, not_after } = lifetime;
    if not_after < not_before || not_before.unix() < 0 {
        let (not_before, not_after) = (not_before.to_string(), not_after.to_string());
        return Err(Refused::Dates { not_before, not_after });
    }
    // A closure: what it returns is of a crate that nothing else here needs.
    let moment = |time: Time| {
        date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(time.unix()).unwrap_or(0))
    };
    (params.not_before, params.not_after) = (moment(not_before), moment(not_after));
    params.serial_number = Some(SerialNumber::from_slice(&entropy.serial()?));
    Ok(params)
}

fn names(profile: &Profile) -> Result<CertificateParams, Refused> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(profile)?;
    params.subject_alt_names = alternatives(profile)?;
    Ok(params)
}

fn subject(profile: &Profile) -> Result<DistinguishedName, Refused> {
    let subject = &profile.subject;
    // In the order in which Go writes them.
    let lists = [
        ("countries", &subject.countries, DnType::CountryName),
        ("organizations", &subject.organizations, DnType::OrganizationName),
        ("organizationalUnits", &subject.organizational_units, DnType::OrganizationalUnitName),
        ("localities", &subject.localities, DnType::LocalityName),
        ("provinces", &subject.provinces, DnType::StateOrProvinceName),
        ("streetAddresses", &subject.street_addresses, custom(STREET_ADDRESS)),
        ("postalCodes", &subject.postal_codes, custom(POSTAL_CODE)),
    ];
    let mut name = DistinguishedName::new();
    for (place, values, kind) in lists {
        match values.as_slice() {
            [] => {}
            [value] if kind == DnType::CountryName => name.push(kind, printable(place, value)?),
            [value] => name.push(kind, value.as_str()),
            many => return Err(Refused::ManyValues(place, many.len())),
        }
    }
    if let Some(common_name) = &profile.common_name {
        name.push(DnType::CommonName, common_name.as_str());
    }
    if let Some(number) = &subject.serial_number {
        name.push(custom(SERIAL_NUMBER), printable("subject.serialNumber", number)?);
    }
    Ok(name)
}

pub(super) const SERIAL_NUMBER: &[u64] = &[2, 5, 4, 5];
pub(super) const STREET_ADDRESS: &[u64] = &[2, 5, 4, 9];
pub(super) const POSTAL_CODE: &[u64] = &[2, 5, 4, 17];

fn custom(oid: &[u64]) -> DnType {
    DnType::CustomDnType(oid.to_vec())
}

fn printable(place: &'static str, text: &str) -> Result<DnValue, Refused> {
    let why = "only the letters and digits of a PrintableString are allowed";
    let refused = |_| Refused::Text { place, text: text.to_owned(), why };
    PrintableString::try_from(text).map(DnValue::PrintableString).map_err(refused)
}

fn alternatives(profile: &Profile) -> Result<Vec<SanType>, Refused> {
    let ascii = |place: &'static str, text: &String| {
        let refused = |_| Refused::Text { place, text: text.clone(), why: "it is not ASCII" };
        Ia5String::try_from(text.as_str()).map_err(refused)
    };
    let dns = profile.dns_names.iter().map(|name| ascii("dnsNames", name).map(SanType::DnsName));
    let mail = profile
        .email_addresses
        .iter()
        .map(|address| ascii("emailAddresses", address).map(SanType::Rfc822Name));
    let ip = profile.ip_addresses.iter().map(|address| Ok(SanType::IpAddress(*address)));
    let uri = profile.uris.iter().map(|uri| ascii("uris", uri).map(SanType::URI));
    dns.chain(mail).chain(ip).chain(uri).collect()
}
