//! Telling the CDN in front of us that a document changed, before anybody is told of the change.
//!
//! Publishing names the addresses whose bytes were swapped, WordPress's old ones too where they are
//! answered in place; one task calls the URL of `[purge]` for each, a few at once, and tries again
//! while it fails. An address that changes once more while it waits is called once. Refuses to keep a
//! list on disk: after a start, what changed within the time that a cache may still hold the old bytes
//! is purged once more.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use url::{Position, Url};

use super::Settings;
use crate::{
    clock::Clock,
    config,
    metrics::PurgeMetrics,
    model::{Millis, shown},
    outbound::{Ask, Outbound},
};

/// Calls under way at once: a CDN's API has limits of its own.
const CALLS_MAX: usize = 4;
/// Bytes of an answer that are read; only its status matters.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Before the second try; doubled for each further one.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What a call is made of.
#[derive(Debug)]
struct Rules {
    purge: config::Purge,
    /// `public.url`, which addresses begin with.
    public: String,
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Rules {
        let public = settings.public.url.as_str().trim_end_matches('/').to_owned();
        Rules { purge: settings.purge.clone(), public }
    }
}

/// The addresses that wait to be purged, shared by cloning: one entry for each document at most.
#[derive(Clone, Debug)]
pub struct Purges(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rules: ArcSwap<Rules>,
    /// By our path, or by the whole address of the old site's.
    waiting: Mutex<BTreeMap<String, Waiting>>,
    wake: Notify,
    metrics: PurgeMetrics,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// Grows with each change of the document.
    changes: u32,
    tries: u32,
    due: Millis,
}

impl Purges {
    /// An empty list.
    pub(super) fn new(settings: &Settings, metrics: PurgeMetrics) -> Purges {
        let rules = ArcSwap::from_pointee(Rules::from(settings));
        Purges(Arc::new(Inner { rules, waiting: Mutex::default(), wake: Notify::new(), metrics }))
    }

    /// Follows other settings from the next call on.
    pub(super) fn reconfigure(&self, settings: &Settings) {
        self.0.rules.store(Arc::new(Rules::from(settings)));
        self.0.wake.notify_one();
    }

    /// Notes that the bytes at these paths of ours, or whole addresses, changed. Costs nothing without `purge.url`.
    pub(super) fn add(&self, paths: impl IntoIterator<Item = String>, now: Millis) {
        if self.0.rules.load().purge.url.is_none() {
            return;
        }
        let mut waiting = self.waiting();
        for path in paths {
            let entry = waiting.entry(path).or_insert(Waiting { changes: 0, tries: 0, due: now });
            *entry = Waiting { changes: entry.changes.wrapping_add(1), tries: 0, due: now };
        }
        self.show(&waiting);
        drop(waiting);
        self.0.wake.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<String, Waiting>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, waiting: &BTreeMap<String, Waiting>) {
        self.0.metrics.waiting.set(waiting.len() as i64);
    }

    /// What is due at `now`, a few.
    fn due(&self, now: Millis) -> Vec<(String, Waiting)> {
        let waiting = self.waiting();
        let due = waiting.iter().filter(|(_, w)| w.due <= now).take(CALLS_MAX);
        due.map(|(path, entry)| (path.clone(), *entry)).collect()
    }

    fn next_due(&self) -> Option<Millis> {
        self.waiting().values().map(|w| w.due).min()
    }

    fn ended(&self, path: &str, sent: Waiting, outcome: Result<(), String>, now: Millis) {
        let tries_max = self.0.rules.load().purge.tries_max as u32;
        match &outcome {
            Ok(()) => self.0.metrics.success.inc(),
            Err(_) => self.0.metrics.failure.inc(),
        }
        let mut waiting = self.waiting();
        // What changed meanwhile waits on.
        let Some(entry) = waiting.get_mut(path).filter(|w| w.changes == sent.changes) else {
            return;
        };
        match outcome {
            Ok(()) => {
                waiting.remove(path);
            }
            Err(why) => {
                entry.tries += 1;
                entry.due = now.plus(pause(entry.tries).as_millis() as i64);
                let (tries, given_up) = (entry.tries, entry.tries >= tries_max);
                tracing::warn!(path, why, tries, given_up, "the cache in front was not purged");
                if given_up {
                    waiting.remove(path);
                }
            }
        }
        self.show(&waiting);
    }
}

fn pause(tries: u32) -> Duration {
    PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(PAUSE_MAX)
}

/// Purges until `stop`.
pub async fn run(purges: Purges, outbound: Outbound, clock: Clock, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = run_once(&purges, &outbound, &clock) => {}
        }
        let next = purges.next_due();
        let later = async {
            match next {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = purges.0.wake.notified() => {}
            () = later => {}
        }
    }
}

/// Calls what is due, a few at once.
async fn run_once(purges: &Purges, outbound: &Outbound, clock: &Clock) {
    let rules = purges.0.rules.load_full();
    if rules.purge.url.is_none() {
        purges.waiting().clear();
        return;
    }
    let mut calls = JoinSet::new();
    for (path, entry) in purges.due(clock.now()) {
        let (outbound, rules) = (outbound.clone(), rules.clone());
        calls.spawn(async move {
            let outcome = call(&outbound, &rules, &path).await;
            (path, entry, outcome)
        });
    }
    while let Some(ended) = calls.join_next().await {
        if let Ok((path, entry, outcome)) = ended {
            purges.ended(&path, entry, outcome, clock.now());
        }
    }
}

async fn call(outbound: &Outbound, rules: &Rules, path: &str) -> Result<(), String> {
    let ask = ask(rules, path).await?;
    let reply = outbound.send(ask).await.map_err(|e| e.to_string())?;
    match reply.status.as_u16() {
        // Not found is not cached.
        200..=299 | 404 | 410 => Ok(()),
        status => Err(format!("the cache answered {status}; see purge.url in the settings")),
    }
}

async fn ask(rules: &Rules, path: &str) -> Result<Ask, String> {
    let purge = &rules.purge;
    let filled = |template: &str| fill(template, &rules.public, path);
    let url = purge.url.as_deref().map(filled).unwrap_or_default();
    let url =
        Url::parse(&url).map_err(|e| format!("purge.url is no address ({e}): {}", shown(&url)))?;
    let method = Method::from_bytes(purge.method.as_bytes())
        .map_err(|_| format!("purge.method is no method: {}", purge.method))?;
    let headers = match &purge.headers_file {
        Some(file) => {
            let text = tokio::fs::read_to_string(file).await;
            headers(&text.map_err(|e| format!("{} cannot be read: {e}", file.display()))?)?
        }
        None => HeaderMap::new(),
    };
    let body = filled(&purge.body).into();
    let (body_bytes_max, timeout) = (ANSWER_BYTES_MAX, purge.timeout);
    Ok(Ask { method, headers, body, body_bytes_max, timeout, redirects_max: 0, ..Ask::get(url) })
}

/// `{url}` and `{path}` as they are, `{url_encoded}` and `{path_encoded}` with percent signs.
fn fill(template: &str, public: &str, place: &str) -> String {
    let elsewhere = Url::parse(place).ok();
    let path = elsewhere.as_ref().map_or(place, |url| &url[Position::BeforePath..]);
    let url = if elsewhere.is_some() { place.to_owned() } else { format!("{public}{path}") };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    template
        .replace("{url_encoded}", &encoded(&url))
        .replace("{path_encoded}", &encoded(path))
        .replace("{url}", &url)
        .replace("{path}", path)
}

/// A header a line, as in HTTP. A fault is told without the line, which may hold a key.
fn headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let fault = || format!("line {number} of purge.headers_file is not `Name: value`");
        let (name, value) = line.split_once(':').ok_or_else(fault)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| fault())?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| fault())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}
