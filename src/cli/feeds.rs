//! `jarshy feeds`: the state of each feed.

use clap::Args;

use super::{Common, Failure};

/// Shows the state of each feed.
#[derive(Args, Debug)]
pub struct FeedsArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(_common: &Common, _args: FeedsArgs) -> Result<(), Failure> {
    Err(Failure::system("this command is not built yet"))
}
