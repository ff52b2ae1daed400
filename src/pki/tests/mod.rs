//! Keys, authorities, requests and the judgement of pairs, all made at test time.

use super::{Algorithm, Authority, Entropy, Lifetime, Profile};
use crate::core::certificate::Leaf;
use crate::core::time::{Span, Time};

mod authorities;
mod checks;
mod hostile;
mod keys;
mod profiles;
mod requests;

const NOON: Time = Time::from_unix(1_800_000_000);

/// A key of nobody: ring makes none of its kind, so this one was made by OpenSSL.
const RSA: &str = include_str!("rsa.pem");

/// What can be made.
const MADE: [Algorithm; 3] = [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519];

fn entropy() -> Entropy {
    Entropy::seeded(7)
}

fn days(days: i64) -> Lifetime {
    Lifetime::of(NOON, Span::days(days))
}

/// A root that was there before anything else, and will be after it.
fn root(name: &str) -> Authority {
    let lifetime =
        Lifetime { not_before: NOON - Span::days(30), not_after: NOON + Span::days(3_650) };
    Authority::root(&Profile::authority(name), Algorithm::EcdsaP256, lifetime, &entropy()).unwrap()
}

fn under(root: &Authority, name: &str) -> Authority {
    let profile = Profile::authority(name);
    root.intermediate(&profile, Algorithm::EcdsaP256, days(300), &entropy()).unwrap()
}

fn server() -> Profile {
    Profile::server("shop.prod.svc", &["shop.prod.svc", "*.shop-pods.prod.svc", "localhost"])
}

fn leaf(pem: &str) -> Leaf {
    crate::core::certificate::Chain::from_pem(pem.as_bytes()).unwrap().leaf
}

/// How many PEM blocks there are.
fn blocks(pem: &str) -> usize {
    pem.matches("-----BEGIN CERTIFICATE-----").count()
}
