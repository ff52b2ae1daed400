//! What a cause rests on, as a sentence for people. It is written only when somebody reads it.

use std::fmt;

use crate::core::fleet::{IssuerKey, Text};
use crate::core::time::{Span, Time};

/// One sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// A certificate has ended.
    Ended {
        /// Which.
        certificate: Text,
        /// When.
        at: Time,
    },
    /// A certificate was never issued.
    NeverIssued {
        /// Which.
        certificate: Text,
    },
    /// A certificate cannot be read.
    Unreadable {
        /// Which.
        certificate: Text,
        /// Why not.
        reason: Text,
    },
    /// Servers present another certificate than the one issued.
    ServedOlder {
        /// How many do.
        older: u32,
        /// Of so many.
        of: usize,
        /// When the one was issued that they should present.
        issued_at: Time,
        /// Whether that was seen, and not only inferred.
        on_the_wire: bool,
    },
    /// A certificate was signed by another issuer than the one asked for.
    SignedByAnother {
        /// Which.
        certificate: Text,
        /// By whom.
        signed_by: IssuerKey,
        /// Who should have.
        asked: IssuerKey,
    },
    /// The CA of an issuer has a new key.
    NewCaKey {
        /// Of a certificate signed with the former one.
        certificate: Text,
        /// Whose CA.
        issuer: IssuerKey,
    },
    /// A server's chain fails the CA that is published for its database.
    Untrusted,
    /// A certificate lacks names.
    Lacks {
        /// Which.
        certificate: Text,
        /// What it lacks.
        names: Vec<Text>,
    },
    /// A certificate is old enough.
    Old {
        /// Which.
        certificate: Text,
        /// When it ends.
        not_after: Time,
        /// How long before that it is renewed.
        before: Span,
    },
    /// The schedule says so.
    Occurrence(Time),
    /// A person says so.
    Asked(Text),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { certificate, at } => write!(f, "certificate {certificate} ended at {at}"),
            Self::NeverIssued { certificate } => {
                write!(f, "certificate {certificate} was never issued")
            }
            Self::Unreadable { certificate, reason } => {
                write!(f, "certificate {certificate} cannot be read: {reason}")
            }
            Self::ServedOlder { older, of, issued_at, on_the_wire } => {
                let proof = if *on_the_wire { "seen on the wire" } else { "inferred" };
                write!(
                    f,
                    "{older} of {of} servers present an older certificate than the one issued at \
                     {issued_at} ({proof})"
                )
            }
            Self::SignedByAnother { certificate, signed_by, asked } => write!(
                f,
                "certificate {certificate} was signed by {signed_by}, its database asks for {asked}"
            ),
            Self::NewCaKey { certificate, issuer } => write!(
                f,
                "the CA of {issuer} has a new key since certificate {certificate} was signed"
            ),
            Self::Untrusted => {
                f.write_str("a server's chain fails the CA published for this database")
            }
            Self::Lacks { certificate, names } => {
                write!(f, "certificate {certificate} lacks {}", names.join(", "))
            }
            Self::Old { certificate, not_after, before } => write!(
                f,
                "certificate {certificate} ends at {not_after}, less than {before} from now"
            ),
            Self::Occurrence(at) => write!(f, "the schedule's occurrence of {at}"),
            Self::Asked(wish) => write!(f, "requested at {wish}"),
        }
    }
}
