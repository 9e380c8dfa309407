//! `jarshy completions`: what a shell needs to complete our commands and options. Installs nothing.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, Failure, Which, print};

/// Writes completions for a shell to standard output.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Runs the command.
pub async fn run(_: &Which, args: CompletionsArgs) -> Result<(), Failure> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "jarshy", &mut script);
    print(&script)
}
