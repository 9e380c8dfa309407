//! `jarshy restore`: a backup back into a data folder that is empty or not there yet. What is there
//! already is never touched.

use std::{fs, path::PathBuf};

use clap::Args;

use super::{
    Failure, Listeners, Which,
    backup::{bar, summary},
    say,
};
use crate::{
    clock::Clock,
    daemon::FolderLock,
    store::backup::{self, Manifest},
};

/// Puts a backup back into a data folder that is empty or not there yet.
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The folder that `jarshy backup` made
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// Write the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(which: &Which, args: RestoreArgs) -> Result<(), Failure> {
    let data = which.settings(&Listeners::default())?.store.data;
    let into = data.clone();
    let restored = tokio::task::spawn_blocking(move || restore(&args.from, &into)).await;
    let manifest = restored.map_err(anyhow::Error::from)??;
    if args.json {
        return say(serde_json::to_string_pretty(&manifest).map_err(anyhow::Error::from)?);
    }
    let summary = summary(&manifest);
    say(format!(
        "{} holds {summary}.\nStart the daemon on it; partners that read /api/v1/changes since then begin anew.",
        data.display()
    ))
}

fn restore(from: &std::path::Path, data: &std::path::Path) -> Result<Manifest, Failure> {
    let manifest = backup::read_manifest(from)?;
    backup::must_be_free(data, "a restore never overwrites: name another with --data")?;
    let is_new = !data.exists();
    // No daemon may begin on the folder meanwhile.
    let lock = FolderLock::take(data)?;
    let bar = bar();
    let done = backup::restore(from, &manifest, data, Clock::system().now(), &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    drop(lock);
    if done.is_err() {
        // As it was found.
        let _ = fs::remove_file(data.join("lock"));
        if is_new {
            let _ = fs::remove_dir(data);
        }
    }
    done?;
    Ok(manifest)
}
