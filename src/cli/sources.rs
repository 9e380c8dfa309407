//! `jarshy sources`: the sources that the settings declare, and how far their pulls are, out of the
//! store; no daemon needed.

use std::collections::HashMap;

use clap::Args;
use serde_json::json;

use super::{Failure, Which, say};
use crate::{config::SourceConfig, model::Millis, store::SourceState};

/// Shows the state of each source.
#[derive(Args, Debug)]
pub struct SourcesArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub async fn run(which: &Which, args: SourcesArgs) -> Result<(), Failure> {
    let (config, store) = which.open_store().await?;
    let states = store.source_states().await?;
    let states: HashMap<_, _> = states.into_iter().map(|s| (s.name.clone(), s)).collect();
    let pulled = |source: &SourceConfig| {
        let state = states.get(&source.name).filter(|state| state.identity == source.identity());
        state.cloned().unwrap_or_default()
    };
    let sources: Vec<_> = config.sources.iter().map(|source| (source, pulled(source))).collect();
    if args.json {
        let sources = sources.iter().map(|(source, state)| as_json(source, state));
        return say(serde_json::Value::from_iter(sources));
    }
    if sources.is_empty() {
        return say("no source is declared; write [[sources]] into the settings");
    }
    say(format!("{:<16} {:<9}  {:<24}  {:>8}  STATE", "NAME", "KIND", "LAST SUCCESS", "FAILURES"))?;
    for (source, state) in sources {
        say(format!(
            "{:<16} {:<9}  {:<24}  {:>8}  {}",
            source.name,
            source.kind.as_str(),
            state.last_success_at.map_or_else(|| "never".to_owned(), Millis::to_rfc3339),
            state.failures,
            sentence(&state)
        ))?;
    }
    Ok(())
}

fn sentence(state: &SourceState) -> String {
    let due = state.due_at.map(|at| format!("next pull {}", at.to_rfc3339()));
    let said = state.last_error.clone().or_else(|| state.note.clone());
    match (said, due) {
        (Some(said), Some(due)) => format!("{said}; {due}"),
        (Some(said), None) => said,
        (None, Some(due)) => due,
        (None, None) => "not pulled yet; `jarshy serve` does it".into(),
    }
}

fn as_json(source: &SourceConfig, state: &SourceState) -> serde_json::Value {
    let at = |at: Option<Millis>| at.map(Millis::to_rfc3339);
    json!({
        "name": source.name,
        "kind": source.kind.as_str(),
        "url": source.url().shown(),
        "last_attempt_at": at(state.last_attempt_at),
        "last_success_at": at(state.last_success_at),
        "due_at": at(state.due_at),
        "failures": state.failures,
        "last_error": state.last_error,
        "note": state.note,
        "gone": state.is_gone,
    })
}
