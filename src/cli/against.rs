//! `jarshy check --against`: an old feed against ours, entry by entry. Changes nothing.

use std::{fs, io::Read};

use anyhow::Context;
use serde_json::json;
use url::Url;

use super::{Failure, Which, say};
use crate::{
    clock::Clock,
    config,
    feed::reading::{ReadEntry, ReadFeed, read},
    model::{FeedSlug, Millis, Status},
    outbound::{Ask, Outbound},
    publish::{
        Settings,
        against::{self, Comparison, Fate, Guess},
    },
};

/// Bytes of an old feed.
const BYTES_MAX: usize = 64 << 20;
/// Entries of ours that are named.
const NAMED_MAX: usize = 20;

/// What is compared.
pub struct Against<'a> {
    /// A file, an address, or `-`.
    pub old: &'a str,
    /// The slug of our feed, where it is not to be guessed.
    pub feed: Option<&'a str>,
    /// Write JSON.
    pub json: bool,
}

/// Runs the comparison; fails where a subscriber would notice.
pub async fn run(which: &Which, args: Against<'_>) -> Result<(), Failure> {
    let (config, store) = which.open_store().await?;
    let bytes = fetch(args.old, &config.outbound).await?;
    let old = read(&bytes).ok_or_else(|| {
        Failure::input(format!(
            "{} is no RSS, Atom or JSON feed; is it the right address?",
            args.old
        ))
    })?;
    let settings = against::as_taken_over(&Settings::from(&config));
    let slug = match args.feed {
        Some(feed) => feed.to_owned(),
        None => match against::guess(&store, &settings, address(args.old, &old)).await? {
            Guess::Feed(feed) => feed.to_string(),
            Guess::Unknown => settings.takeover.feed.to_string(),
            Guess::Missing => return Err(Failure::input(MISSING)),
            Guess::Gone => return Err(Failure::input(GONE)),
        },
    };
    let now = Clock::system().now();
    let comparison = against::compare(&store, &settings, &slug, &old, now).await?;
    if args.json {
        say(as_json(&comparison))?;
    } else {
        table(&comparison)?;
        say(sentence(&comparison))?;
    }
    if comparison.noticed() > 0 { Err(Failure::Said) } else { Ok(()) }
}

const GONE: &str = "this is a feed of comments or of a search, of which there are none here: its address \
                    is answered 410; name another feed with --feed to compare it all the same";

const MISSING: &str = "no feed here takes the place of this one: its address is answered 404; import its \
                       articles with their categories, tags and authors, or name one of ours with --feed";

/// Where the old feed is: what was asked for, or what a file says of itself.
fn address<'a>(asked: &'a str, old: &'a ReadFeed) -> &'a str {
    match url(asked) {
        Some(_) => asked,
        None => old.self_url.as_deref().unwrap_or_default(),
    }
}

fn url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Whoever runs this typed the address, so that it may be a private one.
async fn fetch(old: &str, settings: &config::Outbound) -> Result<Vec<u8>, Failure> {
    let Some(url) = url(old) else { return read_input(old) };
    let mut settings = settings.clone();
    settings.networks_allowed = EVERYWHERE.iter().filter_map(|net| net.parse().ok()).collect();
    let outbound = Outbound::new(&settings).map_err(|e| Failure::system(e.to_string()))?;
    let reply = outbound.send(Ask::get(url)).await;
    let reply = reply.map_err(|e| Failure::input(format!("{old}: {e}")))?;
    if !reply.status.is_success() {
        return Err(Failure::input(format!("{old} answers {}", reply.status)));
    }
    Ok(reply.body.to_vec())
}

const EVERYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

fn read_input(name: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let bound = BYTES_MAX as u64 + 1;
    let read = match name {
        "-" => std::io::stdin().lock().take(bound).read_to_end(&mut bytes),
        path => fs::File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes)),
    };
    let read =
        read.with_context(|| format!("{name} cannot be read; name a feed's file or address"));
    read.map_err(Failure::Input)?;
    if bytes.len() > BYTES_MAX {
        return Err(Failure::input(format!("{name} has more than {BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn table(comparison: &Comparison) -> Result<(), Failure> {
    for one in &comparison.old {
        say(format!("{:<14}{}", word(&one.fate), one.entry.key()))?;
        let why = why(&one.entry, &one.fate);
        if !why.is_empty() {
            say(format!("{:<14}{why}", ""))?;
        }
    }
    for entry in comparison.between.iter().take(NAMED_MAX) {
        say(format!("{:<14}{}", "unexpected", entry.key()))?;
        let at = date(entry.published);
        say(format!("{:<14}ours has it at {at}, the old feed had not: it looks new", ""))?;
    }
    if comparison.between.len() > NAMED_MAX {
        say(format!("{:<14}and {} more", "unexpected", comparison.between.len() - NAMED_MAX))?;
    }
    Ok(())
}

fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Same => "same",
        Fate::LooksNew { .. } => "looks new",
        Fate::DateMoved { .. } => "date moved",
        Fate::LinkDiffers { .. } => "link differs",
        Fate::Hidden { .. } => "hidden",
        Fate::NotShown => "not shown",
        Fate::NotHere => "not here",
    }
}

fn why(old: &ReadEntry, fate: &Fate) -> String {
    match fate {
        Fate::Same => String::new(),
        Fate::LooksNew { now } => format!("its guid here is {now}"),
        Fate::DateMoved { now } => format!("was {}, is {}", date(old.published), date(*now)),
        Fate::LinkDiffers { now } => format!("was {}, is {now}", old.link),
        Fate::Hidden { status: Status::Draft } => {
            "a draft here, as what a password protects is; readers keep what they have".into()
        }
        Fate::Hidden { status } => format!("{} here; readers keep what they have", status.as_str()),
        Fate::NotShown => {
            "the article is here, this feed does not show it: beyond its entries, or \
                           not selected"
                .into()
        }
        Fate::NotHere => "there is no such article here: import it".into(),
    }
}

fn date(at: Option<Millis>) -> String {
    at.map_or_else(|| "no date".to_owned(), Millis::to_rfc3339)
}

fn sentence(comparison: &Comparison) -> String {
    let Comparison { feed, old, older, newer, .. } = comparison;
    let (all, noticed) = (old.len(), comparison.noticed());
    let hidden = old.iter().filter(|one| matches!(one.fate, Fate::Hidden { .. })).count();
    let mut text = match noticed {
        0 => format!(
            "no subscriber would notice: {} of {all} entries are the same in `{feed}`",
            all - hidden
        ),
        1 => format!("subscribers would notice 1 entry (the old feed has {all}, ours is `{feed}`)"),
        n => format!(
            "subscribers would notice {n} entries (the old feed has {all}, ours is `{feed}`)"
        ),
    };
    if hidden > 0 {
        text += &format!("; {hidden} hidden on purpose");
    }
    if *newer > 0 {
        text += &format!("; {newer} newer");
    }
    if *older > 0 {
        let (key, entries) = (entries_key(feed), all - hidden + newer);
        text += &format!(
            "; {older} older than the old feed's last, which readers that never saw them show once ({key} = {entries} avoids it)"
        );
    }
    text
}

/// The setting that says how many entries our feed has.
fn entries_key(feed: &FeedSlug) -> &'static str {
    if feed.as_str().starts_with("wp-") { "takeover.entries" } else { "its entries" }
}

fn as_json(comparison: &Comparison) -> serde_json::Value {
    let entry = |entry: &ReadEntry| {
        json!({
            "id": entry.key(), "link": entry.link, "title": entry.title,
            "published_at": entry.published.map(Millis::to_rfc3339),
        })
    };
    let old = comparison.old.iter().map(|one| {
        let mut shown = entry(&one.entry);
        shown["fate"] = one.fate.as_str().into();
        shown["why"] = Some(why(&one.entry, &one.fate)).filter(|why| !why.is_empty()).into();
        shown
    });
    json!({
        "feed": comparison.feed.as_str(),
        "format": comparison.format.as_str(),
        "noticed": comparison.noticed(),
        "old": old.collect::<Vec<_>>(),
        "unexpected": comparison.between.iter().map(entry).collect::<Vec<_>>(),
        "older": comparison.older,
        "newer": comparison.newer,
    })
}
