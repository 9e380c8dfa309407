//! The promises, one file for each noun.

mod jobs;
mod settings;
