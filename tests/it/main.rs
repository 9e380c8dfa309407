//! The promises of jarshy, one module each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cli;
mod desk;
mod intake;
mod jobs;
mod settings;
mod tokens;
