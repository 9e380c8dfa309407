//! Exactly one valid `Host` (RFC 9112 §3.2), which hyper does not check.

use std::net::Ipv6Addr;

use hyper::{HeaderMap, header};

/// True when there is just one `Host` and it looks like a host with an optional port.
pub fn is_valid(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let host = host.as_bytes();
    let known = |b: &u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(b);
    if host.is_empty() || host.len() > 300 || !host.iter().all(known) {
        return false;
    }
    let is_port = |rest: &[u8]| match rest {
        [] => true,
        [b':', port @ ..] => port.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let is_name = |name: &[u8]| !name.is_empty() && !name.iter().any(|b| b"[]".contains(b));
    match host {
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
