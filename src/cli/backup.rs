//! `jarshy backup`: everything into a new folder, while the daemon works or without it. A backup is
//! there as a whole or not at all.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, Listeners, Which, say};
use crate::{
    clock::Clock,
    store::backup::{self, Manifest},
};

/// Copies both databases, each as it is now, into a new folder.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The folder to make, such as /srv/backup/jarshy-2026-11-24; empty or not there yet
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(which: &Which, args: BackupArgs) -> Result<(), Failure> {
    let data = which.settings(&Listeners::default())?.store.data;
    let (to, now) = (args.to.clone(), Clock::system().now());
    let copying = move || {
        let bar = bar();
        let made = backup::backup(&data, &to, now, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        made
    };
    let manifest = tokio::task::spawn_blocking(copying).await.map_err(anyhow::Error::from)??;
    if args.json {
        return say(serde_json::to_string_pretty(&manifest).map_err(anyhow::Error::from)?);
    }
    let summary = summary(&manifest);
    say(format!(
        "{} holds {summary}.\nPut it back with: jarshy restore {0} --data FOLDER",
        args.to.display()
    ))
}

/// What a backup holds, in a line.
pub(super) fn summary(manifest: &Manifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let Manifest { articles, views, revision, made_at, .. } = manifest;
    format!(
        "{articles} articles up to revision {revision} and {views} views as of {made_at}, {:.1} MiB",
        bytes as f64 / f64::from(1 << 20)
    )
}

/// Shown on a terminal only.
pub(super) fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:40} {percent} % {eta}");
    // The template is fixed; were it wrong, the plain bar is good enough.
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
