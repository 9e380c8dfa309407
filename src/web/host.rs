//! Exactly one valid `Host` (RFC 9112 §3.2), which hyper does not check.

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
    match host {
        [b'[', ..] => host.contains(&b']'),
        _ => host.iter().filter(|b| **b == b':').count() <= 1 && !host.contains(&b'['),
    }
}
