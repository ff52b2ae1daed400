//! Which leaf each server presents: seen on the wire, or inferred from when it started.

use super::fleet::{Alias, Certificate, Database, Issued, IssuedLeaf, LeafId, Pod};
use super::time::Time;

/// What one server presents, compared with the leaf that was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// The issued leaf.
    Current(Proof),
    /// Another one.
    Older(Proof),
    /// Nobody can tell (yet).
    Unknown,
}

/// How that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was seen in a TLS handshake.
    Wire,
    /// mysqld loads its certificate when it starts, and it started after (before) the issuance.
    Inferred,
}

/// All servers of a database together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// How many present the issued leaf.
    pub current: u32,
    /// How many present another one.
    pub older: u32,
    /// How many of those were seen on the wire.
    pub older_on_the_wire: u32,
    /// How many nobody can tell of, among those that should exist.
    pub unknown: u32,
}

impl Servers {
    /// Every server that should exist presents the issued leaf.
    pub const fn all_current(self) -> bool {
        self.current > 0 && self.older == 0 && self.unknown == 0
    }
}

impl Database {
    /// The leaf issued last for the certificate that mysqld presents.
    pub fn issued_server_leaf(&self) -> Option<&IssuedLeaf> {
        self.certificates.get(&Alias::Server)?.issued_leaf()
    }

    /// What the servers present, compared with the issued leaf.
    pub fn servers(&self) -> Servers {
        let mut servers = Servers::default();
        let Some(issued) = self.issued_server_leaf() else {
            return Servers {
                unknown: self.replicas,
                ..servers
            };
        };
        for pod in self.pods.values() {
            match self.serving(pod, issued) {
                Serving::Current(_) => servers.current += 1,
                Serving::Older(proof) => {
                    servers.older += 1;
                    servers.older_on_the_wire += u32::from(proof == Proof::Wire);
                }
                Serving::Unknown => servers.unknown += 1,
            }
        }
        let seen = servers.current + servers.older + servers.unknown;
        servers.unknown += self.replicas.saturating_sub(seen);
        servers
    }

    /// What one server presents. A single look at another leaf is not enough: a restart may have
    /// been under way, so drift takes two that both began after the last reconfiguration.
    pub fn serving(&self, pod: &Pod, issued: &IssuedLeaf) -> Serving {
        let since = self.settled_since(issued);
        let mut looks = pod.seen.iter().rev();
        let mut valid = looks
            .by_ref()
            .filter(|look| look.pod_uid == pod.uid && look.began > since);
        match (valid.next(), valid.next()) {
            (Some(newest), _) if !newest.leaf.differs_from(&issued.id) => {
                Serving::Current(Proof::Wire)
            }
            (Some(_), Some(before)) if before.leaf.differs_from(&issued.id) => {
                Serving::Older(Proof::Wire)
            }
            (Some(_), _) => Serving::Unknown,
            (None, _) => self.inferred(pod, issued),
        }
    }

    fn inferred(&self, pod: &Pod, issued: &IssuedLeaf) -> Serving {
        match pod.started {
            Some(started) if started > issued.issued_at => Serving::Current(Proof::Inferred),
            // A successful ReconfigureTLS since then may have reloaded without a restart.
            Some(started) if started < issued.issued_at && !self.reconfigured_since(issued) => {
                Serving::Older(Proof::Inferred)
            }
            Some(_) | None => Serving::Unknown,
        }
    }

    fn reconfigured_since(&self, issued: &IssuedLeaf) -> bool {
        self.last_reconfigured
            .is_some_and(|ended| ended >= issued.issued_at)
    }

    /// Looks that began before this moment may have seen something in between.
    fn settled_since(&self, issued: &IssuedLeaf) -> Time {
        self.last_reconfigured
            .map_or(issued.issued_at, |ended| ended.max(issued.issued_at))
    }

    /// The leaves that one certificate's clients may meet: the issued one, and for the server also
    /// whatever its pods were last seen to present.
    pub fn leaves_in_use<'a>(
        &'a self,
        alias: &'a Alias,
        certificate: &'a Certificate,
    ) -> impl Iterator<Item = LeafId> + 'a {
        let pods = self.pods.values().filter(|_| *alias == Alias::Server);
        let served = pods.filter_map(|pod| {
            let newest = pod.seen.last().filter(|look| look.pod_uid == pod.uid);
            newest.map(|look| look.leaf)
        });
        certificate
            .issued_leaf()
            .map(|leaf| leaf.id)
            .into_iter()
            .chain(served)
    }

    /// Whether a server's chain fails the CA that is published for this database.
    pub fn chain_untrusted(&self) -> bool {
        self.pods.values().any(|pod| {
            let newest = pod.seen.last().filter(|look| look.pod_uid == pod.uid);
            newest.is_some_and(|look| look.trusted == Some(false))
        })
    }
}

impl Certificate {
    /// The issued leaf, when it is known.
    pub const fn issued_leaf(&self) -> Option<&IssuedLeaf> {
        match &self.issued {
            Issued::Leaf(leaf) => Some(leaf),
            Issued::Unknown | Issued::Missing | Issued::Malformed(_) => None,
        }
    }
}
