//! `jarshy demo`: an ephemeral or kept daemon on a shipped sample newsroom.

use clap::Args;

use super::{Common, Failure, Listeners};

/// Runs a daemon on a sample newsroom, in a folder that goes with it unless --data names one.
#[derive(Args, Debug)]
pub struct DemoArgs {
    #[command(flatten)]
    pub listeners: Listeners,
}

/// Runs the command.
pub async fn run(_common: &Common, _args: DemoArgs) -> Result<(), Failure> {
    Err(Failure::system("this command is not built yet"))
}
