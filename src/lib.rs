//! jarshy turns a newsroom's articles into feeds, serves them, and counts views exactly.
//!
//! The modules in reading order, from the ground up; each uses only those above it in this list
//! (a test holds that, and `ARCHITECTURE.md` tells the rest).

pub mod model;

pub mod clock;

pub mod config;

pub mod feed;

pub mod metrics;
pub mod outbound;
pub mod store;

pub mod ingest;
pub mod publish;
pub mod views;

pub mod jobs;

pub mod web;

pub mod daemon;

pub mod cli;
