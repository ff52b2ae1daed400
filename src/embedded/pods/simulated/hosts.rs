//! The host cache: whose connects ended too often before a login.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `host_cache_size` at the default of `max_connections`.
const SIZE: usize = 279;

/// How many connects of each host in turn ended before a login.
#[derive(Debug)]
pub(super) struct Hosts {
    max_connect_errors: u32,
    errors: BTreeMap<IpAddr, u32>,
}

impl Hosts {
    pub(super) fn new(max_connect_errors: u32) -> Self {
        Self { max_connect_errors, errors: BTreeMap::new() }
    }

    /// A connect of this host ended before a login.
    pub(super) fn count(&mut self, host: IpAddr) {
        if is_exempt(host) {
            return;
        }
        if self.errors.len() >= SIZE && !self.errors.contains_key(&host) {
            let harmless = self.errors.iter().min_by_key(|(_, errors)| **errors);
            let harmless = harmless.map(|(host, _)| *host);
            harmless.map(|host| self.errors.remove(&host));
        }
        let errors = self.errors.entry(host).or_default();
        *errors = errors.saturating_add(1);
    }

    /// Somebody of this host has logged in.
    pub(super) fn forgive(&mut self, host: IpAddr) {
        self.errors.remove(&host);
    }

    /// Whether nobody of this host may connect any longer.
    pub(super) fn is_blocked(&self, host: IpAddr) -> bool {
        self.errors.get(&host).is_some_and(|errors| *errors >= self.max_connect_errors)
    }
}

/// The address of localhost is not in the cache; the others of 127.0.0.0/8 are.
fn is_exempt(host: IpAddr) -> bool {
    host == IpAddr::V4(Ipv4Addr::LOCALHOST) || host == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_blocked_at_the_limit_until_it_is_forgiven() {
        let mut hosts = Hosts::new(100);
        let [local, other] = [[127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from);
        for _ in 0..100 {
            assert!(!hosts.is_blocked(other));
            hosts.count(other);
            hosts.count(local);
        }
        assert!(hosts.is_blocked(other) && !hosts.is_blocked(local));
        hosts.forgive(other);
        assert!(!hosts.is_blocked(other));
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_those_that_matter() {
        let mut hosts = Hosts::new(2);
        let bad = IpAddr::from([127, 9, 9, 9]);
        hosts.count(bad);
        hosts.count(bad);
        for number in 0..1000_u32 {
            hosts.count(IpAddr::V4((0x0a00_0000 + number).into()));
        }
        assert_eq!(hosts.errors.len(), SIZE);
        assert!(hosts.is_blocked(bad));
    }
}
