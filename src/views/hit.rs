//! What a request says that may count: bytes of headers as they came, nothing believed yet.

use std::net::IpAddr;

use http::header::{self, HeaderName};

use super::idempotency::IdempotencyKey;
use crate::model::Channel;

/// Where browsers say that they only load ahead.
const PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-moz"),
    HeaderName::from_static("x-purpose"),
];
const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");

/// Which article a hit is for.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// `/v/{id}`, percent-decoded.
    Id(&'a str),
    /// `/v?url=URL`, percent-decoded once.
    Url(&'a str),
}

/// A request that may count.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// Which article.
    pub target: Target<'a>,
    /// How it came.
    pub channel: Channel,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// Single headers.
    pub headers: HitHeaders<'a>,
    /// Every `X-Forwarded-For` line, in order.
    pub x_forwarded_for: &'a [&'a [u8]],
    /// Every `Forwarded` line (RFC 7239), in order.
    pub forwarded: &'a [&'a [u8]],
    /// `Idempotency-Key`.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// The headers a verdict depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct HitHeaders<'a> {
    /// `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// `Origin`.
    pub origin: Option<&'a [u8]>,
    /// `Referer`.
    pub referer: Option<&'a [u8]>,
    /// `Sec-Purpose`, `Purpose`, `X-Moz`, `X-Purpose`.
    pub purposes: [Option<&'a [u8]>; 4],
    /// `DNT`.
    pub dnt: Option<&'a [u8]>,
    /// `Sec-GPC`.
    pub sec_gpc: Option<&'a [u8]>,
}

impl<'a> HitHeaders<'a> {
    /// Asks for each header by its name.
    pub fn read(header: impl Fn(&HeaderName) -> Option<&'a [u8]>) -> HitHeaders<'a> {
        HitHeaders {
            user_agent: header(&header::USER_AGENT),
            origin: header(&header::ORIGIN),
            referer: header(&header::REFERER),
            purposes: PURPOSES.each_ref().map(&header),
            dnt: header(&header::DNT),
            sec_gpc: header(&SEC_GPC),
        }
    }

    /// True when the visitor asks not to be tracked: no visitor key is computed then.
    pub fn is_private(&self) -> bool {
        let one = |value: Option<&[u8]>| value.is_some_and(|v| v.trim_ascii() == b"1");
        one(self.dnt) || one(self.sec_gpc)
    }
}

/// Why a hit got no verdict on disk; the answer is 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// Too many hits wait for the disk.
    #[error("too many hits wait for the disk, try again later")]
    Overflow,
    /// The disk refused it.
    #[error("the view could not be written to disk, try again later")]
    Refused,
    /// The disk has too little room left to take any.
    #[error("the disk has no room for views, try again later")]
    NoRoom,
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopped,
}
