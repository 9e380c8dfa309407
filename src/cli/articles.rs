//! `jarshy articles`: look at articles, and take them back.

use clap::{Args, Subcommand};

use super::{Common, Failure};

/// Lists, shows or withdraws articles.
#[derive(Args, Debug)]
pub struct ArticlesArgs {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with articles.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List articles, the newest first
    List {
        /// Of this section
        #[arg(long)]
        section: Option<String>,
        /// draft, scheduled, published or withdrawn
        #[arg(long)]
        status: Option<String>,
        /// Whose title contains these words
        #[arg(long, value_name = "WORDS")]
        q: Option<String>,
        /// How many
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one article
    Show {
        /// Its id
        id: String,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// Take an article back everywhere; a tombstone remains
    Withdraw {
        /// Its id
        id: String,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
    },
}

/// Runs the command.
pub async fn run(_common: &Common, _args: ArticlesArgs) -> Result<(), Failure> {
    Err(Failure::system("this command is not built yet"))
}
