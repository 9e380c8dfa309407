//! The doors to the world: two listeners, and what each answers.
//!
//! [`server`] accepts connections; [`Public`] answers ready documents and hits before any routing;
//! [`Ops`] hands requests to the table of `routes`. Nothing is decided here: a request is read, asked
//! of the feature, and answered; [`error`] is the one place where an error becomes a status.

mod access;
mod answer;
mod articles;
mod auth;
mod badge;
mod batch;
mod changes;
mod conditional;
mod counts;
pub mod deadline;
pub mod error;
mod feed_states;
mod feeds;
mod health;
mod host;
mod jobs;
mod log;
mod negotiate;
mod openapi;
mod ops;
mod public;
mod request;
mod routes;
mod script;
pub mod server;
mod takeover;
mod view_reports;
mod views;
mod withdraw;

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use chrono_tz::Tz;

pub use access::AccessLog;
pub use answer::{Answer, Body};
pub use auth::{CanAdmin, CanRead, CanWrite};
pub use error::{Problem, StoreErrors};
pub use log::LogLevel;
pub use ops::Ops;
pub use public::Public;
pub use request::{NoQuery, Query, read_body};
pub use routes::router;

use crate::{
    clock::Clock, config::Limits, ingest::Intake, jobs::Jobs, metrics::Metrics, outbound::Outbound,
    publish::Publisher, store::Store, views::Views,
};

/// The features that run, shared by cloning: what the routes of the ops listener work with.
#[derive(Clone)]
pub struct Api {
    /// Articles and tokens.
    pub store: Store,
    /// The one door by which an article changes.
    pub intake: Intake,
    /// Documents.
    pub publisher: Publisher,
    /// Counts.
    pub views: Views,
    /// HTTP that we start.
    pub outbound: Outbound,
    /// Schedules.
    pub jobs: Jobs,
    /// Numbers for Prometheus.
    pub metrics: Arc<Metrics>,
    /// Tells whether a token has expired.
    pub clock: Clock,
    /// Bounds on requests and answers; replaced by a reload.
    pub limits: Arc<ArcSwap<Limits>>,
    /// The site's time zone, in which days begin; replaced by a reload.
    pub zone: Arc<ArcSwap<Tz>>,
    /// How much the log says.
    pub log: LogLevel,
    /// A line for each request.
    pub access: AccessLog,
    /// Why the last reload kept the old settings; empty when it did not.
    pub reload_fault: Arc<ArcSwapOption<String>>,
}
