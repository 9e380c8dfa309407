//! The promises, one module for each noun.

#![expect(clippy::unwrap_used, reason = "a broken promise ends the test")]

mod client_address;
mod roster;
mod view_log;
mod view_model;
mod views;
