//! The HTTP faces of the features. Nothing is decided here: requests are read, asked of the feature,
//! and answered; [`error`] is the one place where an error becomes a status.

mod articles;
mod auth;
mod batch;
mod changes;
pub mod error;
mod openapi;
mod request;
mod routes;

use arc_swap::ArcSwap;

pub use auth::{CanAdmin, CanRead, CanWrite};
pub use error::{Problem, StoreErrors};
pub use request::{NoQuery, Query, read_body};
pub use routes::router;

use crate::{clock::Clock, config::Limits, ingest::Intake, store::Store};

/// What the routes of the ops listener work with.
#[derive(Debug)]
pub struct Api {
    /// Articles and tokens.
    pub store: Store,
    /// The one door by which an article changes.
    pub intake: Intake,
    /// Tells whether a token has expired.
    pub clock: Clock,
    /// Bounds on requests and answers; replaced by a reload.
    pub limits: ArcSwap<Limits>,
}
