//! The promises, one module for each noun.

#![expect(clippy::unwrap_used, reason = "a broken promise ends the test")]

mod view_log;
mod views;
