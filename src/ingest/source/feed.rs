//! Pulling a feed politely: asked with what was last seen, so that an unchanged one costs one request
//! and no body; asked as often as it changes, never more often than it wants. What has left the
//! feed's window stays published: windows slide, and an empty or damaged feed says nothing. Refuses to
//! move to where a permanent redirect points: whoever answers once, such as a hotel's network, would
//! have the feed for good. It is followed each time, and the owner of the settings is told.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    pull::{Counts, Progress, PullError, Pulled},
    retry::PATIENCE_MAX,
};
use crate::{
    config::FeedSource,
    ingest::{
        Candidate, Intake, Origin, RefusalKind,
        feed::{self, Entry, FeedOptions, FeedRead},
    },
    model::{Millis, WebUrl, shown},
    outbound::{Ask, Outbound, Reply},
    store::Store,
};

/// Articles of one commit.
const BATCH: usize = 100;
/// Entries that a feed's rhythm is told from.
const RHYTHM_ENTRIES: usize = 20;
const ACCEPT: &str = "application/rss+xml, application/atom+xml, application/feed+json, \
    application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1";

/// A feed that is pulled.
pub(super) struct FeedPuller {
    source: FeedSource,
    every: Duration,
    outbound: Outbound,
    intake: Intake,
    store: Store,
}

/// What is remembered from one pull to the next.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Cursor {
    /// The hash of the address that sent the two that follow: redirects may lead to another one.
    sender: Option<String>,
    etag: Option<String>,
    last_modified: Option<String>,
    /// The usual time between two entries.
    rhythm_ms: Option<u64>,
    /// When the newest entry appeared.
    newest_ms: Option<i64>,
    /// How long the feed wants not to be asked.
    ttl_ms: Option<u64>,
    /// What the owner of the settings should know of the entries.
    refused: Option<String>,
}

impl FeedPuller {
    pub(super) fn new(
        source: &FeedSource,
        every: Duration,
        outbound: Outbound,
        intake: Intake,
        store: Store,
    ) -> FeedPuller {
        FeedPuller { source: source.clone(), every, outbound, intake, store }
    }

    /// One pull that goes on from `cursor`.
    pub(super) async fn pull(
        &self,
        cursor: &str,
        now: Millis,
        progress: &Progress,
    ) -> Result<Pulled, PullError> {
        // A cursor of another version says nothing: the feed is read anew.
        let mut cursor: Cursor = serde_json::from_str(cursor).unwrap_or_default();
        let (reply, requests) = self.ask(&mut cursor).await?;
        let mut outcome = Counts::default();
        match reply.status {
            StatusCode::NOT_MODIFIED if cursor.has_validators() => {}
            StatusCode::OK => {
                let read = self.read(&reply).await?;
                cursor.read(&read, now);
                let refused;
                (outcome, refused) = self.take(read, now, progress).await?;
                cursor.refused = refused;
                cursor.validators(&reply);
            }
            _ => return Err(unexpected(&reply, now)),
        }
        let note = cursor.note(&self.source.url, &reply);
        let next = self.next(&cursor, &reply.headers, now);
        // Numbers and strings: serde_json cannot fail on these.
        let cursor = serde_json::to_string(&cursor).unwrap_or_default();
        Ok(Pulled { cursor, outcome, requests, more: false, next: Some(next), note })
    }

    /// The answer, and how often was asked for it. "Not modified" counts only from the one who sent
    /// what we have.
    async fn ask(&self, cursor: &mut Cursor) -> Result<(Reply, u32), PullError> {
        let reply = self.ask_once(cursor).await?;
        if reply.status != StatusCode::NOT_MODIFIED || cursor.is_of(&reply) {
            return Ok((reply, 1));
        }
        cursor.forget_validators();
        Ok((self.ask_once(cursor).await?, 2))
    }

    async fn ask_once(&self, cursor: &Cursor) -> Result<Reply, PullError> {
        let url = &self.source.url;
        let url = Url::parse(url.as_str())
            .map_err(|e| PullError::Content(format!("{}: {e}", url.shown())))?;
        let mut ask = Ask::get(url);
        ask.headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        let mut set = |name: HeaderName, value: Option<&String>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                ask.headers.insert(name, value);
            }
        };
        set(header::IF_NONE_MATCH, cursor.etag.as_ref());
        set(header::IF_MODIFIED_SINCE, cursor.last_modified.as_ref());
        Ok(self.outbound.send(ask).await?)
    }

    /// Parsing is work, done away from the runtime's workers.
    async fn read(&self, reply: &Reply) -> Result<FeedRead, PullError> {
        let FeedSource { prefix, section, language, .. } = self.source.clone();
        let options = FeedOptions { prefix, section, language, url: Some(reply.url.clone()) };
        let body = reply.body.clone();
        let read = tokio::task::spawn_blocking(move || feed::read(&body, &options)).await;
        let read =
            read.map_err(|e| PullError::Ended(format!("the feed could not be read: {e}")))?;
        let url = self.source.url.shown();
        read.map_err(|why| PullError::Content(format!("what {url} sends is not taken: {why}")))
    }

    /// Takes what is in the feed; answers what became of it, and what the owner should know.
    async fn take(
        &self,
        read: FeedRead,
        now: Millis,
        progress: &Progress,
    ) -> Result<(Counts, Option<String>), PullError> {
        let mut refused = Refused::default();
        let mut candidates = Vec::new();
        for entry in read.entries {
            match entry {
                Entry::Article(candidate) => candidates.push(*candidate),
                Entry::Refused { name, why } => refused.add(&name, &why),
            }
        }
        self.date(&mut candidates, now).await?;
        let (mut done, of) = (0, candidates.len() as u64);
        let mut outcome = Counts::default();
        progress.set(done, of);
        let origin = Origin::Source { name: format!("feed:{}", self.source.prefix) };
        let mut candidates = candidates.into_iter();
        loop {
            let batch: Vec<Candidate> = candidates.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let ids: Vec<String> = batch.iter().map(|c| c.id.to_string()).collect();
            done += batch.len() as u64;
            for (id, taken) in ids.iter().zip(self.intake.take_many(batch, &origin).await) {
                match taken {
                    Ok(taken) => outcome.add(taken.outcome),
                    Err(refusal) => match refusal.kind {
                        RefusalKind::Store(error) => return Err(error.into()),
                        _ => refused.add(id, &refusal.to_string()),
                    },
                }
            }
            progress.set(done, of);
        }
        outcome.refused = refused.count;
        Ok((outcome, refused.note()))
    }

    /// An entry without a date is of the moment it was first seen, also when it is seen again.
    async fn date(&self, candidates: &mut [Candidate], now: Millis) -> Result<(), PullError> {
        let undated: Vec<_> =
            candidates.iter().filter(|c| c.published_at.is_none()).map(|c| c.id.clone()).collect();
        if undated.is_empty() {
            return Ok(());
        }
        let known = self.store.articles_by_id(&undated).await?;
        for candidate in candidates.iter_mut().filter(|c| c.published_at.is_none()) {
            let before = known.iter().find(|stored| stored.article.id == candidate.id);
            candidate.published_at =
                before.and_then(|stored| stored.article.published_at).or(Some(now));
        }
        Ok(())
    }

    /// Half of the feed's rhythm, or a tenth of its newest entry's age, within the settings; later
    /// where the feed says so.
    fn next(&self, cursor: &Cursor, headers: &HeaderMap, now: Millis) -> Duration {
        let rhythm = cursor.rhythm_ms.map_or(0, |ms| ms / 2);
        let age = cursor.newest_ms.map_or(0, |newest| now.0.saturating_sub(newest).max(0));
        let wish = Duration::from_millis(rhythm.max(age.unsigned_abs() / 10));
        let wish = wish.clamp(self.every, self.source.every_max.max(self.every));
        let ttl = Duration::from_millis(cursor.ttl_ms.unwrap_or_default());
        wish.max(ttl).max(max_age(headers).unwrap_or_default()).min(PATIENCE_MAX)
    }
}

/// Entries that are not taken.
#[derive(Default)]
struct Refused {
    count: u64,
    first: Option<String>,
}

impl Refused {
    fn add(&mut self, name: &str, why: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| format!("{name}: {why}"));
    }

    fn note(self) -> Option<String> {
        let (count, first) = (self.count, self.first?);
        Some(format!("{count} of the feed's entries are not taken; the first is {first}"))
    }
}

impl Cursor {
    fn has_validators(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }

    /// What the feed says of itself.
    fn read(&mut self, read: &FeedRead, now: Millis) {
        let dates = read.entries.iter().filter_map(|entry| match entry {
            Entry::Article(candidate) => candidate.published_at,
            Entry::Refused { .. } => None,
        });
        let mut dates: Vec<i64> = dates.map(|at| at.0.min(now.0)).collect();
        dates.sort_unstable_by(|a, b| b.cmp(a));
        dates.truncate(RHYTHM_ENTRIES);
        let mut gaps: Vec<u64> = dates.windows(2).map(|pair| pair[0].abs_diff(pair[1])).collect();
        gaps.sort_unstable();
        self.rhythm_ms = gaps.get(gaps.len() / 2).copied();
        self.newest_ms = dates.first().copied();
        self.ttl_ms = read.ttl.and_then(|ttl| u64::try_from(ttl.as_millis()).ok());
    }

    /// A tag that a proxy's compression made weak is sent as it was: WordPress compares letter by
    /// letter, and everybody else takes both for the same (RFC 9110 §13.1.2).
    fn validators(&mut self, reply: &Reply) {
        self.sender = Some(sender(reply));
        let text = |name| reply.headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
        let etag = text(header::ETAG).map(|tag| tag.strip_prefix("W/").unwrap_or(tag).to_owned());
        self.etag = etag.filter(|tag| tag.len() <= 1000);
        self.last_modified = text(header::LAST_MODIFIED).map(str::to_owned);
    }

    fn is_of(&self, reply: &Reply) -> bool {
        self.sender.as_ref() == Some(&sender(reply))
    }

    fn forget_validators(&mut self) {
        (self.sender, self.etag, self.last_modified) = (None, None, None);
    }

    fn note(&self, url: &WebUrl, reply: &Reply) -> Option<String> {
        let moved = reply.moved_permanently.then(|| {
            let to = shown(reply.url.as_str());
            format!(
                "{} answers that it moved permanently to {to}: if that is so, make it the source's `url`",
                url.shown()
            )
        });
        let notes: Vec<String> = moved.into_iter().chain(self.refused.clone()).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

/// The address may hold a key, so its hash is kept.
fn sender(reply: &Reply) -> String {
    let hash = Sha256::digest(reply.url.as_str().as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn unexpected(reply: &Reply, now: Millis) -> PullError {
    if reply.status == StatusCode::GONE {
        let url = shown(reply.url.as_str());
        let why = format!(
            "{url} answered 410: the feed is gone for good and is asked no more; remove the source, or set another url"
        );
        return PullError::Gone(why);
    }
    PullError::of_status(reply, now, "a feed is expected there; check the source's url")
}

/// `Cache-Control: max-age` (RFC 9111 §5.2.2.1), where it is no longer than a day.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|v| v.to_str().ok());
    let age = lines.flat_map(|line| line.split(',')).find_map(|directive| {
        let (name, seconds) = directive.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then_some(())?;
        seconds.trim().trim_matches('"').parse().ok()
    });
    age.map(Duration::from_secs).map(|age| age.min(PATIENCE_MAX))
}
