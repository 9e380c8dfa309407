//! `jarshy stats`: what was read.

use clap::Args;

use super::{Common, Failure};

/// Shows what was read: all of it, or single articles.
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// Articles by id; without any the most read ones
    pub articles: Vec<String>,
    /// How many of the most read articles
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub top: usize,
    /// Only views of this time, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = crate::config::parse_duration)]
    pub window: Option<std::time::Duration>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(_common: &Common, _args: StatsArgs) -> Result<(), Failure> {
    Err(Failure::system("this command is not built yet"))
}
