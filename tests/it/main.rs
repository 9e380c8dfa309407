//! The promises, one module a noun.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod feed_atom;
mod feed_json;
mod feed_rss;
mod feeds;
mod guard;
mod newsroom;
mod opml;
mod select;
