//! Articles in: whatever brings them makes a [`Candidate`], and [`Intake`] decides.

pub mod article_json;
mod candidate;
pub mod clean;
pub mod due;
mod hash;
mod intake;
mod json_fields;
mod merge;
mod refusal;
mod tidy;

pub use candidate::{Candidate, Origin};
pub use intake::{Intake, Outcome, Taken, Withdrawn};
pub use refusal::{Refusal, RefusalKind};
