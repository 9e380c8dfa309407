//! How long all feeds need after a setting was changed that stands in each of them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::bail;

use crate::{
    arguments::Arguments,
    talk::{self, Talk},
};

const PATIENCE: Duration = Duration::from_secs(300);
const POLL_EVERY: Duration = Duration::from_millis(2);

/// `--address A --feeds N --text T --since NANOSECONDS --label L`: waits until each of the feeds holds
/// the text. Prints milliseconds until the first did, and until all did.
pub fn regenerate(arguments: &Arguments) -> anyhow::Result<()> {
    let (feeds, text) = (arguments.number("feeds", 500)?, arguments.text("text")?);
    let since = UNIX_EPOCH + Duration::from_nanos(arguments.number("since", 0)?);
    let mut talk = Talk::to(arguments.address("address")?)?;
    let mut waiting: Vec<usize> = (0..feeds).collect();
    let (began, mut first) = (Instant::now(), None);
    while !waiting.is_empty() {
        let mut still = Vec::new();
        for feed in waiting {
            match holds(&mut talk, feed, text)? {
                true => _ = first.get_or_insert_with(|| milliseconds(since)),
                false => still.push(feed),
            }
        }
        waiting = still;
        if began.elapsed() > PATIENCE {
            bail!("{} feeds were not made anew within {PATIENCE:?}", waiting.len());
        }
        std::thread::sleep(POLL_EVERY);
    }
    let first = first.unwrap_or_default();
    println!("{}\t{first:.1}\t{:.1}", arguments.text("label")?, milliseconds(since));
    Ok(())
}

fn holds(talk: &mut Talk, feed: usize, text: &str) -> anyhow::Result<bool> {
    let reply = talk.ask(&talk::get(&format!("/feeds/feed-{feed}.rss"), "identity", ""))?;
    let start = reply.body.len().min(8192);
    Ok(String::from_utf8_lossy(&reply.body[..start]).contains(text))
}

fn milliseconds(since: SystemTime) -> f64 {
    SystemTime::now().duration_since(since).unwrap_or_default().as_secs_f64() * 1000.0
}
