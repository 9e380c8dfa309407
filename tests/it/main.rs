//! The promises, one file for each noun.

mod settings;
