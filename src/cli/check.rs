//! `jarshy check`: everything that is wrong with the settings, at once. Changes nothing.

use clap::Args;
use serde_json::json;

use super::{
    Failure, Listeners, Which,
    against::{self, Against},
    say,
};
use crate::{
    config::{Config, Fault, SourceConfig, Warning, warnings},
    store,
};

/// Says everything that is wrong with the settings: where, which key, and what would be right. With
/// --against, says what subscribers of an old feed would notice if they polled ours from now on.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// A feed of the old system, its address or a file (- is standard input), to compare with ours
    /// entry by entry; ends with 1 when a subscriber would notice
    #[arg(long, value_name = "OLD_FEED")]
    against: Option<String>,
    /// Slug of our feed to compare with [default: the one that takes over the old feed's address]
    #[arg(long, value_name = "SLUG", requires = "against")]
    feed: Option<String>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(which: &Which, args: CheckArgs) -> Result<(), Failure> {
    if let Some(old) = &args.against {
        let against = Against { old, feed: args.feed.as_deref(), json: args.json };
        return against::run(which, against).await;
    }
    match which.settings(&Listeners::default()) {
        Ok(config) => {
            let warnings = warnings_of(&config);
            if args.json {
                return say(as_json(&[], &warnings));
            }
            warnings.iter().try_for_each(|warning| say(format!("warning: {warning}")))?;
            say(summary(&config))
        }
        Err(Failure::Settings(errors)) if args.json => {
            say(as_json(&errors.0, &[]))?;
            Err(Failure::Said)
        }
        Err(failure) => Err(failure),
    }
}

/// Sections are compared with those of the articles, where there are articles yet.
fn warnings_of(config: &Config) -> Vec<Warning> {
    match store::sections_in(&config.store.data) {
        Ok(sections) if !sections.is_empty() => warnings(config, &sections),
        // The settings are no worse for a database that cannot be read; `serve` will say so.
        _ => Vec::new(),
    }
}

fn summary(config: &Config) -> String {
    format!(
        "the settings are good: {}{}, public on {}, ops on {}, data in {}",
        count(config.feeds.len(), "feed"),
        sources(config),
        config.public.listen,
        config.ops.listen,
        config.store.data.display()
    )
}

/// `, 2 sources (wordpress site, feed agency)`; nothing where there are none.
fn sources(config: &Config) -> String {
    let one = |source: &SourceConfig| format!("{} {}", source.kind.as_str(), source.name);
    match config.sources.iter().map(one).collect::<Vec<_>>() {
        sources if sources.is_empty() => String::new(),
        sources => format!(", {} ({})", count(sources.len(), "source"), sources.join(", ")),
    }
}

fn as_json(faults: &[Fault], warnings: &[Warning]) -> serde_json::Value {
    let faults: Vec<_> =
        faults.iter().map(|f| json!({ "at": f.at, "key": f.key, "what": f.what })).collect();
    let warnings: Vec<_> =
        warnings.iter().map(|w| json!({ "key": w.key, "what": w.what })).collect();
    json!({ "ok": faults.is_empty(), "faults": faults, "warnings": warnings })
}

fn count(number: usize, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}
