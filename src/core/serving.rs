//! Which leaf each server presents: seen on the wire, or inferred from when it started.

use std::collections::BTreeMap;

use super::fleet::{
    Alias, Certificate, Database, Issued, IssuedLeaf, IssuerKey, LeafId, Pod, Sighting,
};
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
    /// How many of those were not seen to, where the probe looks.
    pub unconfirmed: u32,
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

    /// And each of them that the probe looks at was seen to.
    pub const fn all_confirmed(self) -> bool {
        self.all_current() && self.unconfirmed == 0
    }

    fn count(&mut self, serving: Serving) {
        match serving {
            Serving::Current(_) => self.current += 1,
            Serving::Older(proof) => {
                self.older += 1;
                self.older_on_the_wire += u32::from(proof == Proof::Wire);
            }
            Serving::Unknown => self.unknown += 1,
        }
    }
}

impl Database {
    /// The leaf issued last for the certificate that mysqld presents.
    pub fn issued_server_leaf(&self) -> Option<&IssuedLeaf> {
        self.certificates.get(&Alias::Server)?.issued_leaf()
    }

    /// The leaf that each certificate has now.
    pub fn issued_leaves(&self) -> BTreeMap<Alias, LeafId> {
        let leaf = |(alias, certificate): (&Alias, &Certificate)| {
            let leaf = certificate.issued_leaf()?;
            Some((alias.clone(), leaf.id))
        };
        self.certificates.iter().filter_map(leaf).collect()
    }

    /// The issuer that its server certificate asks for.
    pub fn server_issuer(&self) -> Option<&IssuerKey> {
        self.certificates.get(&Alias::Server).map(|certificate| &certificate.issuer)
    }

    /// The issuers of its certificates, the server's first.
    pub fn issuers(&self) -> Vec<&IssuerKey> {
        let mut issuers: Vec<&IssuerKey> = Vec::with_capacity(1);
        for certificate in self.certificates.values() {
            if !issuers.contains(&&certificate.issuer) {
                issuers.push(&certificate.issuer);
            }
        }
        issuers
    }

    /// What the servers present, compared with the issued leaf.
    pub fn servers(&self) -> Servers {
        self.servers_where(|_| false)
    }

    /// The same, where a server that presents one of these other leaves will do as well.
    pub fn servers_where(&self, will_do: impl Fn(&LeafId) -> bool) -> Servers {
        let mut servers = Servers::default();
        let Some(issued) = self.issued_server_leaf() else {
            servers.unknown = self.replicas;
            return servers;
        };
        for pod in self.pods.values() {
            let serving = self.serving(pod, issued, &will_do);
            let guessed = serving == Serving::Current(Proof::Inferred);
            servers.unconfirmed += u32::from(guessed && self.is_probed(pod));
            servers.count(serving);
        }
        let seen = servers.current + servers.older + servers.unknown;
        servers.unknown += self.replicas.saturating_sub(seen);
        servers
    }

    /// What one server presents, compared with the issued leaf.
    pub fn presents(&self, pod: &Pod) -> Serving {
        let issued = self.issued_server_leaf();
        issued.map_or(Serving::Unknown, |issued| self.serving(pod, issued, |_| false))
    }

    /// What one server presents. A single look at another leaf is not enough: a restart may have
    /// been under way, so drift takes two that both began after the last reconfiguration.
    fn serving(
        &self,
        pod: &Pod,
        issued: &IssuedLeaf,
        will_do: impl Fn(&LeafId) -> bool,
    ) -> Serving {
        let good =
            |look: &Sighting| look.shows(&issued.id) || look.leaf.as_ref().is_some_and(&will_do);
        let mut looks = self.looks_at_it(pod, issued, good);
        match (looks.next(), looks.next()) {
            (Some(newest), _) if good(newest) => Serving::Current(Proof::Wire),
            (Some(_), Some(before)) if !good(before) => Serving::Older(Proof::Wire),
            (Some(_), _) => Serving::Unknown,
            // Whoever can look does not guess.
            (None, _) => {
                let inferred = self.inferred(pod, issued);
                let hasty = self.is_probed(pod) && pod.missed.is_none();
                if matches!(inferred, Serving::Older(_)) && hasty {
                    Serving::Unknown
                } else {
                    inferred
                }
            }
        }
    }

    const fn is_probed(&self, pod: &Pod) -> bool {
        self.probed && pod.address.is_some()
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
        self.last_reconfigured.is_some_and(|ended| ended >= issued.issued_at)
    }

    /// The looks at a server that still count, newest first: what it presented before it was last
    /// started, or while a request was being carried out, it may not present any more.
    fn looks<'a>(&self, pod: &'a Pod) -> impl Iterator<Item = &'a Sighting> + use<'a> {
        let settled = self.settled_since();
        let counts = move |look: &&Sighting| {
            look.pod_uid == pod.uid
                && settled.is_none_or(|settled| look.began > settled)
                && pod.started.is_none_or(|started| look.began >= started)
        };
        pod.seen.iter().rev().filter(counts)
    }

    /// The looks that say something of the issued leaf, newest first: whoever presented another one
    /// before it was issued did no wrong.
    pub(super) fn looks_at_it<'a>(
        &self,
        pod: &'a Pod,
        issued: &IssuedLeaf,
        good: impl Fn(&Sighting) -> bool,
    ) -> impl Iterator<Item = &'a Sighting> {
        let issued_at = issued.issued_at;
        self.looks(pod).filter(move |look| look.began > issued_at || good(look))
    }

    /// When the last request that could have touched its servers ended.
    pub(super) fn settled_since(&self) -> Option<Time> {
        let ended = self.requests.values().filter_map(|request| request.ended);
        ended.chain(self.last_reconfigured).max()
    }

    /// The leaves that one certificate's clients may meet: the issued one, and for the server also
    /// whatever its pods were last seen to present.
    pub fn leaves_in_use<'a>(
        &'a self,
        alias: &Alias,
        certificate: &'a Certificate,
    ) -> impl Iterator<Item = LeafId> + use<'a> {
        let serves = *alias == Alias::Server;
        let pods = self.pods.values().filter(move |_| serves);
        let presented = pods.filter_map(|pod| self.looks(pod).next()?.leaf);
        certificate.issued_leaf().map(|leaf| leaf.id).into_iter().chain(presented)
    }

    /// Whether a server's chain fails the CA that is published for this database.
    pub fn chain_untrusted(&self) -> bool {
        let fails = |pod| {
            let newest = self.looks(pod).next();
            newest.is_some_and(|look| look.trusted == Some(false))
        };
        self.pods.values().any(fails)
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
