//! Articles in: whatever brings them makes a [`Candidate`], and [`Intake`] decides.

mod candidate;

pub use candidate::{Candidate, Origin};
