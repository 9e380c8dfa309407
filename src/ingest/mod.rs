//! Articles in: whatever brings them makes a [`Candidate`], and [`Intake`] decides.

pub mod article_json;
mod candidate;
pub mod carry;
pub mod clean;
pub mod due;
pub mod feed;
mod hash;
pub mod import;
mod intake;
mod json_fields;
mod jsonl;
mod local_time;
mod merge;
pub mod page;
mod refusal;
pub mod source;
mod tidy;
mod withdraw;
pub mod wordpress;
pub mod wxr;

pub use candidate::{Candidate, Origin};
pub use intake::{Intake, Outcome, Taken};
pub use local_time::date_or_time;
pub use refusal::{Refusal, RefusalKind};
pub use withdraw::Acted;
