//! Exactly one valid `Host` (RFC 9112 §3.2), which hyper does not check.

use std::net::Ipv6Addr;

use hyper::{HeaderMap, header};

/// Longer than any name of the DNS with a port.
const HOST_BYTES_MAX: usize = 300;

/// True when there is just one `Host` and it looks like a host with an optional port.
pub fn is_valid(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let host = host.as_bytes();
    let is_port = |rest: &[u8]| match rest {
        [] => true,
        [b':', port @ ..] => port.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    match host {
        _ if host.len() > HOST_BYTES_MAX => false,
        [b'[', rest @ ..] => rest.iter().position(|b| *b == b']').is_some_and(|end| {
            str::from_utf8(&rest[..end]).is_ok_and(|a| a.parse::<Ipv6Addr>().is_ok())
                && is_port(&rest[end + 1..])
        }),
        _ => {
            let end = host.iter().position(|b| *b == b':').unwrap_or(host.len());
            is_name(&host[..end]) && is_port(&host[end..])
        }
    }
}

/// `reg-name` of RFC 3986 §3.2.2, which an IPv4 address is too.
fn is_name(name: &[u8]) -> bool {
    let known = |b: &u8| {
        matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%')
            || matches!(
                b,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            )
    };
    !name.is_empty() && name.iter().all(known)
}
