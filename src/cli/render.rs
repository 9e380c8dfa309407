//! `jarshy render`: one document to standard output, no daemon needed.

use clap::Args;

use super::{Common, Failure};

/// Writes one document of a feed to standard output.
#[derive(Args, Debug)]
pub struct RenderArgs {
    /// Slug of the feed
    pub feed: String,
    /// rss, atom or json
    #[arg(long, default_value = "rss")]
    pub format: String,
}

/// Runs the command.
pub async fn run(_common: &Common, _args: RenderArgs) -> Result<(), Failure> {
    Err(Failure::system("this command is not built yet"))
}
