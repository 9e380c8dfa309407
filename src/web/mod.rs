//! The doors to the world: two listeners, and what each answers.
//!
//! [`server`] accepts connections; [`public`] answers the hot paths (ready documents, hits) before
//! any routing; everything else is in the table of [`routes`]. A handler parses, asks a feature and
//! answers; it decides nothing about feeds or views.

mod answer;
mod conditional;
mod deadline;
mod feeds;
mod host;
mod negotiate;
mod public;
pub mod server;
mod views;

pub use answer::{Answer, Body};
pub use public::Public;
