//! What a MySQL server serves: one look at its TLS handshake, from outside and without an account.
//!
//! A look is greeting, `SSLRequest`, TLS handshake, and a login under a name that nobody has. The
//! [verifier](recorder) notes what the server presents and whether it holds the key of it, and
//! judges nothing else: [`judge`] does that afterwards, against what should be served. Why it ends
//! with a login, and under which name, is in [`manners`]; docs/probe.md has the figures.
//!
//! Everything that a server says may be hostile. One deadline holds for all of it, each packet has a
//! limit, and no text of it leaves this module unsanitised.

mod address;
mod edge;
mod eyes;
mod failure;
mod look;
mod manners;
mod recorder;
mod trust;
mod verdict;

pub use address::{Forbidden, allowed};
pub use edge::{Account, Prober};
pub use eyes::{Eyes, Login, Subject};
pub use failure::{Failure, Unseen};
pub use look::{Look, Parting, Presented, Seen, Tls, Version};
pub use manners::Manners;
pub use trust::Trust;
pub use verdict::{Expected, Verdict, judge};

#[cfg(test)]
mod tests;
