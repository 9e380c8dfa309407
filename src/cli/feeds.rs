//! `jarshy feeds`: the feeds that were last published, out of the store; no daemon needed.

use clap::Args;
use serde_json::json;

use super::{Failure, Which, say};
use crate::store::DocumentFacts;

/// Shows the state of each feed.
#[derive(Args, Debug)]
pub struct FeedsArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(which: &Which, args: FeedsArgs) -> Result<(), Failure> {
    let (config, store) = which.open_store().await?;
    let documents = store.document_facts().await?;
    if args.json {
        return say(serde_json::Value::from_iter(documents.iter().map(as_json)));
    }
    if documents.is_empty() {
        return say("no feed has been published yet; `jarshy serve` does it");
    }
    say(format!("{:>7}  {:>9}  {:<24}  ADDRESS", "ENTRIES", "BYTES", "CHANGED"))?;
    for document in documents {
        let (feed, format) = (&document.feed, document.format.as_str());
        say(format!(
            "{:>7}  {:>9}  {:<24}  {}/feeds/{feed}.{format}",
            document.entries,
            document.bytes,
            document.modified_at.to_rfc3339(),
            config.public.url
        ))?;
    }
    Ok(())
}

fn as_json(document: &DocumentFacts) -> serde_json::Value {
    json!({
        "feed": document.feed.as_str(),
        "format": document.format.as_str(),
        "entries": document.entries,
        "bytes": document.bytes,
        "bytes_gzip": document.bytes_gzip,
        "modified_at": document.modified_at.to_rfc3339(),
        "generated_at": document.generated_at.to_rfc3339(),
    })
}
