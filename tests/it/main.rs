//! The promises, one module a noun.

mod feed_atom;
mod feed_json;
mod feed_rss;
mod feeds;
mod guard;
mod newsroom;
mod opml;
mod select;
