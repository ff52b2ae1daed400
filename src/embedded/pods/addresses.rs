//! An address for each pod.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// The addresses that pods get: `127.77.0.0/16`. On Linux all of 127.0.0.0/8 is on loopback, so
/// that each server has port 3306 of its own address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    first: u32,
    size: u32,
}

/// A text that is not a subnet with room for pods.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a subnet of IPv4 addresses such as 127.77.0.0/16 (a length from 8 to 30)")]
pub struct NotASubnet(String);

impl FromStr for Subnet {
    type Err = NotASubnet;

    fn from_str(text: &str) -> Result<Self, NotASubnet> {
        let parse = || {
            let (address, bits) = text.split_once('/')?;
            let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
            let bits: u32 = bits.parse().ok().filter(|bits| (8..=30).contains(bits))?;
            let size = 1 << (32 - bits);
            (address % size == 0).then_some(Self { first: address, size })
        };
        parse().ok_or_else(|| NotASubnet(text.to_owned()))
    }
}

impl Subnet {
    /// The first address that is given out.
    pub const fn first(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.first + 1)
    }
}

impl Default for Subnet {
    /// `127.77.0.0/16`
    fn default() -> Self {
        Self { first: u32::from(Ipv4Addr::new(127, 77, 0, 0)), size: 1 << 16 }
    }
}

/// Gives addresses out, each as late again as can be, so that nobody takes a new pod for the one
/// that had its address before.
#[derive(Debug)]
pub(super) struct Addresses {
    subnet: Subnet,
    given: u32,
}

impl Addresses {
    pub(super) fn new(subnet: Subnet) -> Self {
        Self { subnet, given: 0 }
    }

    /// The next address that is not used; none when all are.
    pub(super) fn next(&mut self, used: &BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        // The first is the subnet's own name, the last means all of it.
        let usable = self.subnet.size - 2;
        for _ in 0..usable {
            self.given = self.given % usable + 1;
            let address = Ipv4Addr::from(self.subnet.first + self.given);
            if !used.contains(&address) {
                return Some(address);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_read() {
        assert_eq!("127.77.0.0/16".parse(), Ok(Subnet::default()));
        for wrong in ["127.77.0.0", "127.77.0.1/16", "127.77.0.0/31", "127.0.0.0/7", "::1/64", "/"]
        {
            let error = wrong.parse::<Subnet>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("{wrong:?} is not a subnet")));
        }
    }

    #[test]
    fn an_address_is_given_again_only_when_all_others_were() {
        let mut addresses = Addresses::new("127.77.0.8/29".parse().unwrap());
        let used = BTreeSet::from([Ipv4Addr::new(127, 77, 0, 10)]);
        let mut given = (0..7).map(|_| addresses.next(&used).unwrap().octets()[3]);
        assert_eq!(given.by_ref().collect::<Vec<_>>(), [9, 11, 12, 13, 14, 9, 11]);
        let all = (9..=14).map(|last| Ipv4Addr::new(127, 77, 0, last)).collect();
        assert_eq!(addresses.next(&all), None);
    }
}
