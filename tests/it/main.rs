//! The promises of jarshy, one module each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod architecture;
mod clean;
mod cli;
mod client_address;
mod deploy;
mod desk;
mod feed_atom;
mod feed_json;
mod feed_rss;
mod feeds;
mod guard;
mod import;
mod intake;
mod jobs;
mod newsroom;
mod opml;
mod page;
mod roster;
mod select;
mod settings;
mod tokens;
mod view_log;
mod view_model;
mod views;
mod wxr;
