//! The verdict on a hit, as far as it follows from the hit alone: a function of its arguments.
//!
//! Whether it is a repeat is judged later, by the writer, in the order of commit.

use super::{agents::Agents, hit::HitHeaders};
use crate::model::Verdict;

/// What the settings say about hits.
#[derive(Clone, Debug)]
pub struct OriginRules {
    /// Origins whose pages count, as browsers write them (RFC 6454 §6.2).
    pub origins: Vec<String>,
    /// A hit without `Origin` and `Referer` is foreign.
    pub require_origin: bool,
}

impl OriginRules {
    /// True for an origin whose pages count.
    pub fn is_own(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|ours| ours.as_bytes().eq_ignore_ascii_case(origin))
    }
}

/// What is known of the article that a hit names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<A> {
    /// An article that the public could ever see.
    Known(A),
    /// No such article.
    Unknown,
    /// The id or address cannot be one.
    Invalid,
}

/// The verdict, or `None` for a hit that counts unless it is a repeat.
pub fn judge<A>(
    named: &Named<A>,
    headers: &HitHeaders<'_>,
    agents: &Agents,
    rules: &OriginRules,
) -> Option<Verdict> {
    if matches!(named, Named::Invalid) {
        return Some(Verdict::Invalid);
    }
    if headers.purposes.iter().flatten().any(|purpose| is_ahead(purpose)) {
        return Some(Verdict::Prefetch);
    }
    if agents.is_bot(headers.user_agent) {
        return Some(Verdict::Bot);
    }
    if is_foreign(headers, rules) {
        return Some(Verdict::Foreign);
    }
    matches!(named, Named::Unknown).then_some(Verdict::Unknown)
}

/// True for a page fetched ahead, perhaps never shown (`Sec-Purpose: prefetch;prerender`).
fn is_ahead(purpose: &[u8]) -> bool {
    let contains =
        |word: &[u8]| purpose.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    contains(b"prefetch") || contains(b"prerender") || contains(b"preview")
}

/// `Origin` decides, else `Referer`; an empty header is none.
fn is_foreign(headers: &HitHeaders<'_>, rules: &OriginRules) -> bool {
    let said = |value: Option<&'_ [u8]>| value.is_some_and(|v| !v.trim_ascii().is_empty());
    let origin = match (headers.origin, headers.referer) {
        (Some(origin), _) if said(headers.origin) => origin.trim_ascii(),
        (_, Some(referer)) if said(headers.referer) => origin_of(referer.trim_ascii()),
        _ => return rules.require_origin,
    };
    !rules.is_own(origin)
}

/// Scheme, host and port of an address, without its default port.
fn origin_of(address: &[u8]) -> &[u8] {
    let Some(scheme) = address.windows(3).position(|w| w == b"://") else {
        return address;
    };
    let rest = &address[scheme + 3..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    &address[..scheme + 3 + end]
}
