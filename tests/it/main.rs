//! The promises of jarshy, one module each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod architecture;
mod autofeeds;
mod clean;
mod cli;
mod client_address;
mod conditional;
mod deploy;
mod desk;
mod feed_atom;
mod feed_json;
mod feed_rss;
mod feeds;
mod guard;
mod hits;
mod hostile;
mod import;
mod intake;
mod jobs;
mod listeners;
mod metrics;
mod negotiation;
mod newsroom;
mod opml;
mod ops;
mod page;
mod publish;
mod reference;
mod reload;
mod restart;
mod roster;
mod running;
mod schedule;
mod select;
mod settings;
mod tokens;
mod view_log;
mod view_model;
mod views;
mod watching;
mod wire;
mod wxr;
