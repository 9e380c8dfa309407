//! Sources: where articles are pulled from, by a task for each. A source that fails never harms what
//! is published: nothing is withdrawn because it could not be read.

mod feed;
pub mod pull;
mod puller;
mod retry;
mod slot;
mod status;
mod table;

pub use status::{SourceStatus, Tally};
pub use table::{Parts, Sources, UnknownSource};
