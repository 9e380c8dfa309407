//! The promises of jarshy, one module each.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clean;
mod desk;
mod intake;
mod tokens;
mod wxr;
