//! THE TABLE OF COMMANDS, one file each. A command reads its settings, does one thing, says what it
//! did on standard output, and fails with one sentence on standard error and an exit code: 1 the
//! input or the settings are wrong, 2 the usage is, 3 the system failed.

mod against;
mod articles;
mod backup;
mod check;
mod completions;
mod demo;
mod failure;
mod feeds;
mod import;
pub mod log;
mod man;
mod ready;
mod render;
mod restore;
mod serve;
mod settings;
mod sources;
mod stats;
mod supervisor;
mod token;

use std::{ffi::OsString, io::Write, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

pub use failure::Failure;

use crate::{
    config::{self, Config, Overrides},
    store::{self, Store},
};

/// Turns a newsroom's articles into feeds, serves them, and counts views exactly.
#[derive(Debug, Parser)]
#[command(name = "jarshy", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a sample newsroom to look at
    Demo(demo::DemoArgs),
    /// Run the daemon
    Serve(serve::ServeArgs),
    /// Say everything that is wrong with the settings, or what subscribers of an old feed would notice
    Check(check::CheckArgs),
    /// Take articles in from WordPress exports, saved pages, JSON lines or feeds
    Import(import::ImportArgs),
    /// Write one document of a feed to standard output; no daemon needed
    Render(render::RenderArgs),
    /// List, show, withdraw or restore articles
    Articles(articles::ArticlesArgs),
    /// Show the state of each feed
    Feeds(feeds::FeedsArgs),
    /// Show the state of each source
    Sources(sources::SourcesArgs),
    /// Show what was read
    Stats(stats::StatsArgs),
    /// Create, list or revoke tokens of the API
    Token(token::TokenArgs),
    /// Copy everything into a new folder, beside a running daemon or without one
    Backup(backup::BackupArgs),
    /// Put a backup back into an empty data folder
    Restore(restore::RestoreArgs),
    /// Ask the running daemon whether it should get traffic
    Ready(ready::ReadyArgs),
    /// Write the reference of all settings
    Settings(settings::SettingsArgs),
    /// Write the manual page
    Man(man::ManArgs),
    /// Write completions for a shell
    Completions(completions::CompletionsArgs),
}

/// Which daemon is meant.
#[derive(Args, Clone, Debug, Default)]
pub struct Which {
    /// Settings file [default: /etc/jarshy/jarshy.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Which daemon")]
    pub config: Option<PathBuf>,
    /// Data folder; without --config its own jarshy.toml is read, if there is one
    #[arg(long, global = true, value_name = "DIR", help_heading = "Which daemon")]
    pub data: Option<PathBuf>,
}

/// Where a daemon listens, over the settings.
#[derive(Args, Clone, Debug, Default)]
pub struct Listeners {
    /// Address of the public listener, such as 127.0.0.1:8080; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Address of the ops listener, such as 127.0.0.1:9464; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub ops_listen: Option<String>,
}

/// Runs the command that the arguments name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    log::catch_panics();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with code 0; a closed pipe is no failure.
            let _ = error.print();
            return ExitCode::from(error.exit_code().clamp(0, 255) as u8);
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(Cli { which, command }: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::system(format!("the runtime cannot be started: {e}")))?;
    runtime.block_on(async {
        match command {
            Command::Demo(args) => demo::run(&which, args).await,
            Command::Serve(args) => serve::run(&which, args).await,
            Command::Check(args) => check::run(&which, args).await,
            Command::Import(args) => import::run(&which, args).await,
            Command::Render(args) => render::run(&which, args).await,
            Command::Articles(args) => articles::run(&which, args).await,
            Command::Feeds(args) => feeds::run(&which, args).await,
            Command::Sources(args) => sources::run(&which, args).await,
            Command::Stats(args) => stats::run(&which, args).await,
            Command::Token(args) => token::run(&which, args).await,
            Command::Backup(args) => backup::run(&which, args).await,
            Command::Restore(args) => restore::run(&which, args).await,
            Command::Ready(args) => ready::run(&which, args).await,
            Command::Settings(args) => settings::run(&which, args).await,
            Command::Man(args) => man::run(&which, args).await,
            Command::Completions(args) => completions::run(&which, args).await,
        }
    })
}

impl Which {
    /// The settings of the daemon that is meant.
    pub fn settings(&self, listeners: &Listeners) -> Result<Config, Failure> {
        let flags = Overrides {
            data: self.data.clone(),
            listen: listeners.listen.clone(),
            ops_listen: listeners.ops_listen.clone(),
        };
        Ok(config::load(self.config.as_deref(), &flags)?)
    }

    /// The article database of the daemon that is meant; it must be there already.
    pub async fn open_store(&self) -> Result<(Config, Store), Failure> {
        let config = self.settings(&Listeners::default())?;
        let path = store::database_path(&config.store.data);
        if !path.exists() {
            return Err(Failure::input(format!(
                "there is no {}; name the daemon with --config FILE or --data DIR, or start it first",
                path.display()
            )));
        }
        let store = Store::open(&config.store).await?;
        Ok((config, store))
    }
}

/// Writes a whole text to standard output.
pub fn print(text: &[u8]) -> Result<(), Failure> {
    Ok(std::io::stdout().lock().write_all(text)?)
}

/// Writes a line to standard output.
pub fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
