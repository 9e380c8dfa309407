//! Sources: where articles are pulled from.

pub mod pull;
