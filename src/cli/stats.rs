//! `jarshy stats`: what was read, exact, beside a running daemon or without one.

use std::{collections::HashMap, time::Duration};

use clap::Args;
use serde_json::json;

use super::{Failure, Which, say};
use crate::{
    clock::Clock,
    config::parse_duration,
    model::{ArticleId, CarriedOver},
    store::views::{ViewReader, database_path},
};

/// Shows what was read: all of it, or single articles.
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// Articles by id; without any the most read ones
    pub articles: Vec<String>,
    /// How many of the most read articles
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub top: usize,
    /// Only views of this time, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub window: Option<Duration>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// One article's numbers.
struct Line {
    article: String,
    title: String,
    carried_over: Option<CarriedOver>,
    counted: u64,
}

impl Line {
    fn carried_over(&self) -> u64 {
        self.carried_over.as_ref().map_or(0, |number| number.views)
    }

    fn total(&self) -> u64 {
        self.carried_over() + self.counted
    }
}

/// Runs the command.
pub async fn run(which: &Which, args: StatsArgs) -> Result<(), Failure> {
    let (config, store) = which.open_store().await?;
    let data = &config.store.data;
    if !database_path(data).exists() {
        return Err(Failure::input("no view has been counted yet; `jarshy serve` counts them"));
    }
    let reader = ViewReader::open(data)?;
    let counted = counted(&reader, &args)?;
    let ids: Vec<ArticleId> =
        counted.iter().filter_map(|(id, _)| ArticleId::parse(id).ok()).collect();
    let articles = store.articles_by_id(&ids).await?.into_iter().map(|s| s.article);
    let by_id: HashMap<String, _> = articles.map(|a| (a.id.to_string(), a)).collect();
    let lines = counted.into_iter().map(|(article, counted)| Line {
        title: by_id.get(&article).map(|a| a.title.clone()).unwrap_or_default(),
        carried_over: by_id.get(&article).and_then(|a| a.carried_over.clone()),
        article,
        counted,
    });
    print(&reader, lines.collect(), args.json)
}

/// Articles and their views counted here, in the order to be shown.
fn counted(reader: &ViewReader, args: &StatsArgs) -> Result<Vec<(String, u64)>, Failure> {
    let hour = args.window.map(|window| {
        let since = Clock::system().now().plus(-(window.as_millis() as i64));
        since.0.div_euclid(3_600_000)
    });
    if args.articles.is_empty() {
        return Ok(reader.top(hour, args.top)?);
    }
    let mut counted = Vec::new();
    for article in &args.articles {
        let hours = reader.hours(article, hour.unwrap_or(0), i64::MAX)?;
        counted.push((article.clone(), hours.iter().map(|(_, _, n)| n).sum()));
    }
    Ok(counted)
}

fn print(reader: &ViewReader, lines: Vec<Line>, json: bool) -> Result<(), Failure> {
    let summary = reader.summary(0)?;
    if json {
        let verdicts = summary.verdicts.iter().map(|(v, n)| (v.as_str().to_owned(), json!(n)));
        let verdicts: serde_json::Map<_, _> = verdicts.collect();
        let articles: Vec<_> = lines.iter().map(as_json).collect();
        return say(json!({
            "counted": summary.counted, "verdicts": verdicts, "articles": articles,
        }));
    }
    let verdicts: Vec<String> =
        summary.verdicts.iter().map(|(v, n)| format!("{} {n}", v.as_str())).collect();
    say(format!("hits: {}", verdicts.join(", ")))?;
    say(format!("{:>8}  {:>12}  {:>8}  {:<16}  TITLE", "TOTAL", "CARRIED OVER", "COUNTED", "ID"))?;
    for line in lines {
        say(format!(
            "{:>8}  {:>12}  {:>8}  {:<16}  {}",
            line.total(),
            line.carried_over(),
            line.counted,
            line.article,
            line.title
        ))?;
    }
    Ok(())
}

fn as_json(line: &Line) -> serde_json::Value {
    let old = line.carried_over.as_ref();
    json!({
        "article": line.article,
        "title": line.title,
        "total": line.total(),
        "carried_over": line.carried_over(),
        "carried_over_at": old.map(|number| number.at.to_rfc3339()),
        "carried_over_source": old.map(|number| &number.source),
        "counted": line.counted,
    })
}
