//! Which addresses may be connected to. Pure: an explicit table, because std's own `is_loopback` and
//! friends miss ranges that lead inside (0/8, 100.64/10, 64:ff9b::/96, 2002::/16 …).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 that is not global unicast (IANA's registry of special-purpose addresses, RFC 6890).
const V4_REFUSED: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),          // this network
    v4(10, 0, 0, 0, 8),         // private
    v4(100, 64, 0, 0, 10),      // behind a carrier's NAT
    v4(127, 0, 0, 0, 8),        // loopback
    v4(169, 254, 0, 0, 16),     // link local, and the metadata of clouds
    v4(172, 16, 0, 0, 12),      // private
    v4(192, 0, 0, 0, 24),       // protocol assignments
    v4(192, 0, 2, 0, 24),       // documentation
    v4(192, 88, 99, 0, 24),     // relays of 6to4
    v4(192, 168, 0, 0, 16),     // private
    v4(198, 18, 0, 0, 15),      // benchmarks
    v4(198, 51, 100, 0, 24),    // documentation
    v4(203, 0, 113, 0, 24),     // documentation
    v4(224, 0, 0, 0, 4),        // multicast
    v4(240, 0, 0, 0, 4),        // reserved
    v4(255, 255, 255, 255, 32), // broadcast
];

/// All of IPv6 that is given out for global unicast (RFC 4291 §2.4). Outside of it stand loopback,
/// mapped and compatible addresses, NAT64, unique local, link local, site local and multicast.
const V6_GLOBAL: Ipv6Net = v6(0x2000, 0, 3);

/// What is not global within it.
const V6_REFUSED: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),      // protocol assignments: Teredo, ORCHID, benchmarks
    v6(0x2001, 0x0db8, 32), // documentation
    v6(0x2002, 0, 16),      // 6to4, which holds an IPv4 address
    v6(0x3fff, 0, 20),      // documentation
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: u16, second: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix)
}

/// True for an address of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    // ::ffff:127.0.0.1 is 127.0.0.1.
    match address.to_canonical() {
        IpAddr::V4(address) => !V4_REFUSED.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            V6_GLOBAL.contains(&address) && !V6_REFUSED.iter().any(|n| n.contains(&address))
        }
    }
}

/// True for an address that may be connected to.
pub(super) fn may_reach(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = address.to_canonical();
    is_public(address) || allowed.iter().any(|network| network.contains(&address))
}
