//! Articles in: whatever brings them makes a [`Candidate`], and [`Intake`] decides.

mod candidate;
pub mod clean;
pub mod import;
mod intake;
mod jsonl;
mod local_time;
pub mod page;
pub mod wxr;

pub use candidate::{Candidate, Origin};
pub use intake::{Intake, Outcome, Refusal, RefusalKind, Taken};
