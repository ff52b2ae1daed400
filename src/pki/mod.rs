//! Private keys and what is signed with them: the only place where either is made.
//!
//! An [`Authority`] signs; a [`Profile`] says what; a [`PrivateKey`] never shows itself but in the
//! PEM that is asked of it. [`check`] judges a pair before anything is restarted for it. Used by the
//! executor and by the embedded cluster: the daemon does not come here.
//!
//! rcgen writes certificates and requests, and signs with ring. What these two cannot do is refused,
//! with a reason, and never replaced by something else: making RSA keys (existing ones are used),
//! curves other than P-256 and P-384, and names with two values of one kind. rcgen would drop the
//! first of the two, so every name that it wrote is compared with the one that was meant.
//!
//! `now` is an argument. Randomness comes from an [`Entropy`], which simulations can seed.

mod algorithm;
mod authority;
mod check;
mod der;
mod entropy;
mod key;
mod profile;
mod read;
mod refused;
mod request;
mod usage;
mod write;

pub use algorithm::{Algorithm, Encoding};
pub use authority::{Authority, Issued, Lifetime, Minted, NotAnAuthority, self_sign};
pub use check::{Flaw, Flaws, Pair, check};
pub use entropy::Entropy;
pub use key::{KeyProblem, PrivateKey};
pub use profile::Profile;
pub use refused::Refused;
pub use request::{RequestProblem, SigningRequest};
pub use usage::Usage;

#[cfg(test)]
mod tests;
