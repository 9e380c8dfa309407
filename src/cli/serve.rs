//! `jarshy serve`: the daemon.

use clap::Args;

use super::{Common, Failure, Listeners};

/// Runs the daemon until it is told to stop.
#[derive(Args, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    pub listeners: Listeners,
}

/// Runs the command.
pub async fn run(_common: &Common, _args: ServeArgs) -> Result<(), Failure> {
    Err(Failure::system("this command is not built yet"))
}
