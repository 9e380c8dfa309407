//! The promises, one module for each noun.

mod view_log;
mod views;
