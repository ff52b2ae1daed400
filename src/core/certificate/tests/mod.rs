//! Real certificates come from rcgen, which issues nothing strange; the strange ones are forged,
//! byte by byte and with a signature of nobody. All are made when the tests run: none can expire.

mod facts;
mod forged;
mod hostile;
mod malformed;
mod trust;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    SerialNumber, date_time_ymd,
};

use super::*;

/// From 2026-01-01 to 2026-04-01, for a database.
fn params() -> CertificateParams {
    let names = ["db.mysql.demo.svc", "*.db-pods.demo.svc", "localhost", "127.0.0.1", "::1"];
    let mut params = CertificateParams::new(names.map(String::from).to_vec()).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 4, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xbc]));
    params.distinguished_name = called("db");
    params.use_authority_key_identifier_extension = true;
    params
}

fn called(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::OrganizationName, "kubedb");
    names.push(DnType::CommonName, name);
    names
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = params();
    params.subject_alt_names = Vec::new();
    params.not_after = date_time_ymd(2036, 1, 1);
    params.distinguished_name = called(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap()
}

fn issued(authority: &Authority) -> rcgen::Certificate {
    params().signed_by(&KeyPair::generate().unwrap(), authority).unwrap()
}
