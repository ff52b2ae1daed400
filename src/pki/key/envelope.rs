//! The forms that a private key comes in: PKCS #8 (RFC 5208), PKCS #1 (RFC 8017), SEC 1 (RFC 5915).

use rustls::pki_types::PrivateKeyDer;

use crate::pki::algorithm::{Algorithm, Encoding};
use crate::pki::der::{
    BIT_STRING, INTEGER, NULL, OCTET_STRING, OID, Reader, SEQUENCE, context, write,
};

/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// The label of the PEM block that holds a key of any kind.
pub(super) const PKCS8: &str = "PRIVATE KEY";

/// PKCS #8 of any of the three; none when the content is not what its label says.
pub(super) fn to_pkcs8(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    match key {
        PrivateKeyDer::Pkcs8(key) => {
            let der = key.secret_pkcs8_der();
            let (algorithm, inner) = open(der)?;
            // Written anew, so that one key has one form whoever wrote it.
            let mut algorithm_reader = Reader::new(algorithm);
            if algorithm_reader.next(OID)? == ED25519 {
                return Some(ed25519(Reader::new(inner).next(OCTET_STRING)?));
            }
            Some(der.to_vec())
        }
        PrivateKeyDer::Pkcs1(key) => {
            let der = key.secret_pkcs1_der();
            Reader::new(der).inside(SEQUENCE)?.next(INTEGER)?;
            Some(close(&[&write(OID, &[RSA]), &write(NULL, &[])], der))
        }
        PrivateKeyDer::Sec1(key) => {
            let der = key.secret_sec1_der();
            let parts = EcKey::read(der)?;
            let curve = parts.curve.or(match parts.secret.len() {
                32 => Some(P256),
                48 => Some(P384),
                _ => None,
            })?;
            Some(close(&[&write(OID, &[EC]), &write(OID, &[curve])], &parts.write(None)))
        }
        _ => None,
    }
}

/// PKCS #8 of an Ed25519 key with this seed, without the public key.
pub(super) fn ed25519(seed: &[u8]) -> Vec<u8> {
    close(&[&write(OID, &[ED25519])], &write(OCTET_STRING, &[seed]))
}

/// The label and the content of the PEM block for a key.
pub(super) fn from_pkcs8(
    pkcs8: &[u8],
    algorithm: Algorithm,
    encoding: Encoding,
) -> Option<(&'static str, Vec<u8>)> {
    match (algorithm, encoding) {
        (_, Encoding::Pkcs8) | (Algorithm::Ed25519, Encoding::Pkcs1) => {
            Some((PKCS8, pkcs8.to_vec()))
        }
        (Algorithm::Rsa { .. }, Encoding::Pkcs1) => {
            let (_, inner) = open(pkcs8)?;
            Some(("RSA PRIVATE KEY", inner.to_vec()))
        }
        (Algorithm::EcdsaP256 | Algorithm::EcdsaP384, Encoding::Pkcs1) => {
            let (_, inner) = open(pkcs8)?;
            let curve = if algorithm == Algorithm::EcdsaP256 { P256 } else { P384 };
            Some(("EC PRIVATE KEY", EcKey::read(inner)?.write(Some(curve))))
        }
    }
}

/// What PKCS #8 wraps: the algorithm, and the key in the form of its kind.
fn open(pkcs8: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut outer = Reader::new(pkcs8).inside(SEQUENCE)?;
    outer.next(INTEGER)?;
    Some((outer.next(SEQUENCE)?, outer.next(OCTET_STRING)?))
}

fn close(algorithm: &[&[u8]], inner: &[u8]) -> Vec<u8> {
    let version = write(INTEGER, &[&[0]]);
    let (algorithm, inner) = (write(SEQUENCE, algorithm), write(OCTET_STRING, &[inner]));
    write(SEQUENCE, &[&version, &algorithm, &inner])
}

/// `ECPrivateKey` of RFC 5915.
struct EcKey<'a> {
    secret: &'a [u8],
    curve: Option<&'a [u8]>,
    public: Option<&'a [u8]>,
}

impl<'a> EcKey<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader::new(der).inside(SEQUENCE)?;
        outer.next(INTEGER)?;
        let secret = outer.next(OCTET_STRING)?;
        let curve = match outer.inside(context(0)) {
            Some(mut parameters) => Some(parameters.next(OID)?),
            None => None,
        };
        let public = match outer.inside(context(1)) {
            Some(mut public) => Some(public.next(BIT_STRING)?),
            None => None,
        };
        outer.is_empty().then_some(Self { secret, curve, public })
    }

    /// By itself the key names its curve; inside of PKCS #8 that does.
    fn write(&self, curve: Option<&[u8]>) -> Vec<u8> {
        let version = write(INTEGER, &[&[1]]);
        let secret = write(OCTET_STRING, &[self.secret]);
        let curve =
            curve.map_or_else(Vec::new, |curve| write(context(0), &[&write(OID, &[curve])]));
        let public = self
            .public
            .map_or_else(Vec::new, |public| write(context(1), &[&write(BIT_STRING, &[public])]));
        write(SEQUENCE, &[&version, &secret, &curve, &public])
    }
}
