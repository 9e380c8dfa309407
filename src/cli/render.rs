//! `jarshy render`: one document to standard output, no daemon needed.

use std::io::Write;

use clap::Args;

use super::{Failure, Which};
use crate::{
    clock::Clock,
    model::Format,
    publish::{OnceError, Settings, render_once},
};

/// Writes one document of a feed to standard output.
#[derive(Args, Debug)]
pub struct RenderArgs {
    /// Slug of the feed
    pub feed: String,
    /// rss, atom or json
    #[arg(long, default_value = "rss", value_parser = format)]
    pub format: Format,
}

/// Runs the command.
pub async fn run(which: &Which, args: RenderArgs) -> Result<(), Failure> {
    let (config, store) = which.open_store().await?;
    let settings = Settings::from(&config);
    let now = Clock::system().now();
    let document = render_once(&store, &settings, &args.feed, args.format, now).await?;
    Ok(std::io::stdout().lock().write_all(&document)?)
}

fn format(word: &str) -> Result<Format, String> {
    Format::from_word(word).ok_or_else(|| "write rss, atom or json".to_owned())
}

impl From<OnceError> for Failure {
    fn from(error: OnceError) -> Failure {
        match error {
            OnceError::Unknown(_) => Failure::input(error.to_string()),
            OnceError::Store(error) => error.into(),
            OnceError::Render(error) => Failure::system(error.to_string()),
        }
    }
}
