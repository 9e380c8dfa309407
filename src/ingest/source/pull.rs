//! What one pull of a source is, whatever the source: its progress, what it came to, why it failed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, header};

use crate::{
    ingest::Outcome,
    model::Millis,
    outbound::{self, Reply},
    store::DbError,
};

/// How far a pull is; clones tell of the same one.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Steps>);

#[derive(Debug, Default)]
struct Steps {
    done: AtomicU64,
    of: AtomicU64,
}

impl Progress {
    /// Says that `done` of `of` articles (or pages, whatever is known) are done.
    pub fn set(&self, done: u64, of: u64) {
        self.0.of.store(of, Ordering::Relaxed);
        self.0.done.store(done, Ordering::Relaxed);
    }

    /// 0 to 1; 1 where nothing is to be done.
    pub fn ratio(&self) -> f64 {
        let (done, of) = (self.0.done.load(Ordering::Relaxed), self.0.of.load(Ordering::Relaxed));
        if of == 0 { 1.0 } else { (done as f64 / of as f64).min(1.0) }
    }
}

/// What became of the articles of a pull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They are new.
    pub created: u64,
    /// They are other than before.
    pub changed: u64,
    /// They say nothing new, or stay withdrawn as they were withdrawn here.
    pub unchanged: u64,
    /// The source has them no longer.
    pub withdrawn: u64,
    /// They cannot be taken.
    pub refused: u64,
}

impl Counts {
    /// Counts an article that was taken.
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Changed => self.changed += 1,
            Outcome::Unchanged | Outcome::Withheld => self.unchanged += 1,
        }
    }

    /// Adds another pull's.
    pub fn join(&mut self, other: Counts) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.withdrawn += other.withdrawn;
        self.refused += other.refused;
    }

    /// True when something in the store is other than before.
    pub fn is_change(&self) -> bool {
        self.created + self.changed + self.withdrawn > 0
    }
}

/// A pull that went well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Where the next pull goes on; kept by the caller.
    pub cursor: String,
    /// What became of the articles.
    pub outcome: Counts,
    /// HTTP requests made.
    pub requests: u32,
    /// True to be asked again at once.
    pub more: bool,
    /// When the source wants to be asked again; `every` where it does not say.
    pub next: Option<Duration>,
    /// What the owner of the settings should know, in one sentence; kept in the source's state.
    pub note: Option<String>,
}

/// A pull that failed. Each is one sentence with the remedy. Nothing is withdrawn for it, and the
/// cursor stays.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PullError {
    /// The credentials are not accepted.
    #[error("{0}")]
    Unauthorized(String),
    /// No whole answer came.
    #[error(transparent)]
    Unreachable(#[from] outbound::Failure),
    /// The answer has a status that it should not have.
    #[error("{host} answered {status}: {why}")]
    Answer {
        /// Who answered.
        host: String,
        /// HTTP status.
        status: u16,
        /// What that means, and the remedy.
        why: String,
        /// How long the source wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The source is gone for good (410): it is not asked again until its settings change, or by
    /// hand.
    #[error("{0}")]
    Gone(String),
    /// What came is not what the source should send.
    #[error("{0}")]
    Content(String),
    /// It took too long, or broke off by a fault of ours.
    #[error("{0}")]
    Ended(String),
    /// The store does not take it.
    #[error("the database does not take it: {0}")]
    Store(#[from] DbError),
}

impl PullError {
    /// An answer with a status that it should not have; `remedy` is for those that say nothing more.
    pub fn of_status(reply: &Reply, now: Millis, remedy: &str) -> PullError {
        let status = reply.status.as_u16();
        let why = match status {
            429 => "it wants fewer requests; make `every` longer",
            500..=599 => "it fails; its own log should say why",
            304 => "nothing was asked that this could answer",
            _ => remedy,
        };
        PullError::Answer {
            host: reply.url.host_str().unwrap_or_default().to_owned(),
            status,
            why: why.to_owned(),
            retry_after: retry_after(&reply.headers, now),
        }
    }

    /// How long the source wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            PullError::Answer { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Millis) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let at = at.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    let wait = i64::try_from(at).ok()?.saturating_sub(now.0);
    u64::try_from(wait).ok().map(Duration::from_millis)
}
