//! Real certificates of any moment, in PEM.

use std::sync::LazyLock;
use std::time::Duration;

use certrotor::core::time::Time;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use serde_json::{Value, json};

use crate::support::kubeconfig::base64;

static CA: LazyLock<CertifiedIssuer<'static, KeyPair>> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "the CA of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
});

/// The data of a Secret, as the API has it.
pub(crate) fn pair(begins: Time, ends: Time) -> Value {
    let moment = |at: Time| {
        let seconds = u64::try_from(at.unix()).expect("after 1970");
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (moment(begins), moment(ends));
    let key = KeyPair::generate().expect("a key");
    let leaf = params.signed_by(&key, &*CA).expect("a leaf");
    let [leaf, ca, key] = [leaf.pem(), CA.pem(), key.serialize_pem()];
    let [leaf, ca, key] = [leaf, ca, key].map(|pem| base64(pem.as_bytes()));
    json!({"tls.crt": leaf, "ca.crt": ca, "tls.key": key})
}

/// The data of the Secret of an authority of its own.
pub(crate) fn authority(name: &str) -> Value {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let ca = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let [certificate, key] = [ca.pem(), ca.key().serialize_pem()];
    let [certificate, key] = [certificate, key].map(|pem| base64(pem.as_bytes()));
    json!({"tls.crt": certificate, "tls.key": key})
}
