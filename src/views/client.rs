//! Whose hit it is: the right-most address that none of our own proxies has (RFC 7239 §5.2, §7.4).
//!
//! A forwarding header is believed only as far as trusted proxies wrote it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The client's address. `X-Forwarded-For` decides where both headers came: the usual proxies append
/// to it and hand a client's own `Forwarded` through.
pub fn client_address(
    peer: IpAddr,
    x_forwarded_for: &[&[u8]],
    forwarded: &[&[u8]],
    trusted: &[IpNet],
) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    if x_forwarded_for.is_empty() {
        let elements = forwarded.iter().rev().flat_map(|line| elements(line).into_iter().rev());
        walk(peer, elements, forwarded_for, is_trusted)
    } else {
        let elements = x_forwarded_for.iter().rev().flat_map(|line| line.rsplit(|b| *b == b','));
        walk(peer, elements, address, is_trusted)
    }
}

/// From the right to the first address that is not trusted; what is no address ends the walk at the
/// last good one.
fn walk<'a>(
    peer: IpAddr,
    from_right: impl Iterator<Item = &'a [u8]>,
    parse: impl Fn(&str) -> Option<IpAddr>,
    is_trusted: impl Fn(&IpAddr) -> bool,
) -> IpAddr {
    let mut last_good = peer;
    for element in from_right {
        let Some(address) = str::from_utf8(element).ok().and_then(|e| parse(e.trim())) else {
            return last_good;
        };
        if !is_trusted(&address) {
            return address;
        }
        last_good = address;
    }
    last_good
}

/// The elements of a line of `Forwarded`: between commas, but not those within quotes.
fn elements(line: &[u8]) -> Vec<&[u8]> {
    let mut quoted = false;
    let split = line.split(|b| {
        quoted ^= *b == b'"';
        *b == b',' && !quoted
    });
    split.collect()
}

/// The `for` parameter of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    address(value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}
