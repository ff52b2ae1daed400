//! Real certificates of any moment, in PEM.

use std::sync::LazyLock;
use std::time::Duration;

use certrotor::core::time::Time;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use crate::support::kubeconfig::base64;

static CA: LazyLock<CertifiedIssuer<'static, KeyPair>> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
});

/// `tls.crt` and `ca.crt` of a Secret, as the API has them.
pub(crate) fn leaf(begins: Time, ends: Time) -> (String, String) {
    let moment = |at: Time| {
        let seconds = u64::try_from(at.unix()).expect("after 1970");
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (moment(begins), moment(ends));
    let key = KeyPair::generate().expect("a key");
    let leaf = params.signed_by(&key, &*CA).expect("a leaf");
    (base64(leaf.pem().as_bytes()), base64(CA.pem().as_bytes()))
}
