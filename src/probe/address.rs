//! Which addresses are looked at. A pod's status is written by a kubelet, but whoever may write it
//! could send us anywhere: to the metadata service of a cloud, to the node, to ourselves.

use std::net::IpAddr;

/// Why an address is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// This very host.
    #[error("it is a loopback address")]
    Loopback,
    /// The neighbours on the wire; clouds answer metadata there.
    #[error("it is a link-local address")]
    LinkLocal,
    /// The node's own: a pod on the host's network.
    #[error("it is the address of the node: the pod is on the host's network")]
    Node,
    /// No address of one host.
    #[error("it is not the address of a host")]
    NotAHost,
}

/// Whether the address of a pod may be looked at; `node` is that of the node it is on. `loopback`
/// allows for pods that are processes of this very host, and changes nothing else.
pub fn allowed(address: IpAddr, node: Option<IpAddr>, loopback: bool) -> Result<(), Forbidden> {
    // An IPv4 address in the clothes of an IPv6 one is what it is.
    let address = address.to_canonical();
    let (link_local, broadcast) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.is_broadcast() || v4.octets()[0] == 0),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), false),
    };
    if address.is_unspecified() || address.is_multicast() || broadcast {
        Err(Forbidden::NotAHost)
    } else if link_local {
        Err(Forbidden::LinkLocal)
    } else if address.is_loopback() {
        if loopback { Ok(()) } else { Err(Forbidden::Loopback) }
    } else if node.is_some_and(|node| node.to_canonical() == address) {
        Err(Forbidden::Node)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addresses_of_pods_are_looked_at() {
        let node = "192.0.2.7".parse().ok();
        for (address, loopback, judged) in [
            ("10.42.0.17", false, Ok(())),
            ("fd00:10::17", false, Ok(())),
            ("192.0.2.7", false, Err(Forbidden::Node)),
            ("::ffff:192.0.2.7", false, Err(Forbidden::Node)),
            ("127.0.0.1", false, Err(Forbidden::Loopback)),
            ("127.77.0.3", false, Err(Forbidden::Loopback)),
            ("127.77.0.3", true, Ok(())),
            ("::1", false, Err(Forbidden::Loopback)),
            ("::1", true, Ok(())),
            ("::ffff:127.0.0.1", false, Err(Forbidden::Loopback)),
            ("169.254.169.254", true, Err(Forbidden::LinkLocal)),
            ("::ffff:169.254.169.254", true, Err(Forbidden::LinkLocal)),
            ("fe80::1", true, Err(Forbidden::LinkLocal)),
            ("0.0.0.0", true, Err(Forbidden::NotAHost)),
            ("0.1.2.3", true, Err(Forbidden::NotAHost)),
            ("::", true, Err(Forbidden::NotAHost)),
            ("255.255.255.255", true, Err(Forbidden::NotAHost)),
            ("224.0.0.1", true, Err(Forbidden::NotAHost)),
            ("ff02::1", true, Err(Forbidden::NotAHost)),
        ] {
            let found = allowed(address.parse().unwrap(), node, loopback);
            assert_eq!(found, judged, "{address}");
        }
    }
}
