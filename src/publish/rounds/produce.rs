//! Making the documents of touched feeds, serving them, and finishing them afterwards.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::Rounds;
use crate::{
    feed::{
        opml::{self, Outline},
        select,
    },
    model::{Article, FeedSlug, Format, Millis},
    publish::{
        DocumentStatus, FeedStatus, RegenerateError, Shelf,
        document::{Document, Encoding, Parts, modified_at},
        encode,
        generate::{self, Generated, Order},
        lineup::LiveFeed,
        shelf::feed_paths,
        takeover,
    },
    store::{DbError, Store, Stored},
};

/// How a generation went: the store failed, or the feed did.
type Outcome = Result<Result<Generated, String>, DbError>;

impl Rounds {
    /// Makes the documents of every touched feed, as many at once as there are cores, and serves
    /// each as soon as it is ready.
    pub(super) async fn produce_touched(&mut self) -> Result<(), DbError> {
        if self.touched.is_empty() && self.asked.is_empty() {
            return Ok(());
        }
        let mut running = self.begin_generations();
        let mut result = Ok(());
        while let Some(ended) = running.join_next().await {
            let Ok((feed, outcome, took)) = ended else { continue };
            match outcome {
                Ok(outcome) => self.take_generation(&feed, outcome, took),
                Err(error) => {
                    self.touched.insert(feed);
                    result = Err(error);
                }
            }
        }
        self.answer_the_rest();
        self.show_all();
        result
    }

    /// Whoever asked for a feed that is not there any more, or whose generation broke off.
    fn answer_the_rest(&mut self) {
        let (waiting, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.asked)
            .into_iter()
            .partition(|(f, _)| self.touched.contains(f));
        self.asked = waiting;
        for (feed, answer) in rest {
            let gone = !self.feeds.contains_key(&feed);
            let why = if gone {
                RegenerateError::Unknown(feed.to_string())
            } else {
                RegenerateError::Busy
            };
            // Whoever asked may have gone away.
            let _ = answer.send(Err(why));
        }
    }

    fn begin_generations(&mut self) -> JoinSet<(FeedSlug, Outcome, Duration)> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let room = Arc::new(Semaphore::new(cores));
        let mut running = JoinSet::new();
        for feed in std::mem::take(&mut self.touched) {
            let Some(order) = self.order(&feed) else { continue };
            let (store, room, shelf) =
                (self.store.clone(), room.clone(), self.publisher.shelf().clone());
            let may_be_empty = order.may_be_empty;
            running.spawn(async move {
                // Never closed.
                let _place = room.acquire_owned().await;
                let began = Instant::now();
                let outcome = produce(store, order, shelf.clone()).await;
                if let Ok(Ok(generated)) = &outcome
                    && generated.changed
                    && (may_be_empty || !generated.rendered.guids.is_empty())
                {
                    shelf.put(&feed, generated.documents.clone());
                }
                (feed, outcome, began.elapsed())
            });
        }
        running
    }

    fn order(&self, feed: &FeedSlug) -> Option<Order> {
        let live = self.feeds.get(feed)?;
        Some(Order {
            config: live.config.clone(),
            site: self.settings.site.clone(),
            public: self.settings.public.clone(),
            bounds: self.settings.publish.clone(),
            entries: Vec::new(),
            removed_at: live.state.removed_at,
            previous: live.rendered.clone(),
            left: 0,
            standing: self.publisher.shelf().feed(feed.as_str()),
            metrics: live.metrics.clone(),
            may_be_empty: !live.is_auto,
            followed: self.cursor,
            now: self.clock.now(),
        })
    }

    fn take_generation(
        &mut self,
        feed: &FeedSlug,
        outcome: Result<Generated, String>,
        took: Duration,
    ) {
        self.metrics.feed_generation_duration.observe(took.as_secs_f64());
        let now = self.clock.now();
        let result = match outcome {
            Ok(generated) => self.take_success(feed, generated, now),
            Err(why) => self.take_failure(feed, why, now),
        };
        let (mine, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.asked).into_iter().partition(|(asked, _)| asked == feed);
        self.asked = others;
        for (_, answer) in mine {
            // Whoever asked may have gone away.
            let _ = answer.send(result.clone());
        }
    }

    fn take_success(
        &mut self,
        feed: &FeedSlug,
        generated: Generated,
        now: Millis,
    ) -> Result<FeedStatus, RegenerateError> {
        let unknown = || RegenerateError::Unknown(feed.to_string());
        if generated.cut > 0 {
            self.metrics.feed_entries_cut.inc_by(generated.cut as u64);
            tracing::warn!(%feed, cut = generated.cut, "a feed is too big, its oldest entries were left out");
        }
        if generated.changed && self.feeds.contains_key(feed) {
            self.purge(feed);
        }
        let live = self.feeds.get_mut(feed).ok_or_else(unknown)?;
        let counter = if generated.changed { &live.metrics.success } else { &live.metrics.same };
        counter.inc();
        live.rendered = Some(generated.rendered.clone());
        if live.is_auto && generated.rendered.guids.is_empty() {
            self.retire(feed);
            return Err(unknown());
        }
        if (generated.changed || live.state.dirty) && !self.unfinished.contains(feed) {
            self.unfinished.push_back(feed.clone());
        }
        let status = status(live, &generated, now, self.settings.site.time_zone);
        show(live, &status);
        self.statuses.insert(feed.clone(), status.clone());
        Ok(status)
    }

    fn take_failure(
        &mut self,
        feed: &FeedSlug,
        why: String,
        now: Millis,
    ) -> Result<FeedStatus, RegenerateError> {
        tracing::error!(%feed, why, "a feed was not generated, its last good documents stay");
        if let Some(live) = self.feeds.get_mut(feed) {
            live.metrics.failure.inc();
            // The entry at fault may stand below it, and whatever mends that is to be noticed.
            live.forget_floor();
        }
        if let Some(status) = self.statuses.get_mut(feed) {
            status.failure = Some((now, why.clone()));
        }
        Err(RegenerateError::Failed(why))
    }

    /// The cache in front is to be told of this feed's documents, wherever they are served.
    pub(super) fn purge(&self, feed: &FeedSlug) {
        self.publisher.purges.add(self.addresses(feed), self.clock.now());
    }

    /// Every address at which this feed's documents are served now.
    pub(super) fn addresses(&self, feed: &FeedSlug) -> Vec<String> {
        let aliases = self.publisher.shelf().aliases();
        let old = aliases.iter().flat_map(|aliases| aliases.old_addresses(feed));
        feed_paths(feed).chain(old).collect()
    }

    /// An automatic feed without entries is no feed; its kept documents go when it is finished.
    fn retire(&mut self, feed: &FeedSlug) {
        self.feeds.remove(feed);
        self.publisher.shelf().remove(feed);
        self.purge(feed);
        self.statuses.remove(feed);
        self.unfinished.retain(|other| other != feed);
        self.unfinished.push_back(feed.clone());
    }

    /// Brotli and keeping, for one feed a round, so that the next change does not wait for it.
    pub(super) async fn finish_one(&mut self) -> Result<(), DbError> {
        let Some(feed) = self.unfinished.pop_front() else { return Ok(()) };
        let finished = self.finish(&feed).await;
        if finished.is_err() {
            // Others may have more luck meanwhile.
            self.unfinished.push_back(feed);
        }
        finished
    }

    async fn finish(&mut self, feed: &FeedSlug) -> Result<(), DbError> {
        let standing = self.publisher.shelf().feed(feed.as_str());
        let Some(live) = self.feeds.get(feed) else {
            return self.store.keep_documents(feed, Vec::new()).await;
        };
        let Some(standing) = standing else { return Ok(()) };
        let complete = tokio::task::spawn_blocking(move || generate::with_brotli(&standing)).await;
        // Without brotli the other encodings serve.
        if let Ok(Ok(documents)) = complete {
            self.publisher.shelf().put(feed, documents.clone());
            let rendered = live.rendered.clone().unwrap_or_default();
            let newest = self.statuses.get(feed).and_then(|s| s.newest_at);
            let kept = generate::kept(feed, &documents, &rendered, newest, self.clock.now());
            self.store.keep_documents(feed, kept).await?;
        }
        if let Some(live) = self.feeds.get_mut(feed) {
            live.state.dirty = false;
        }
        Ok(())
    }

    /// Puts the feeds' states on the board and the list of feeds on the shelf.
    pub(super) fn show_all(&mut self) {
        for (slug, live) in &self.feeds {
            if !self.statuses.contains_key(slug) {
                let documents = self.publisher.shelf().feed(slug.as_str());
                self.statuses.insert(slug.clone(), standing_status(live, documents.as_deref()));
            }
        }
        self.publisher.board.store(Arc::new(self.statuses.values().cloned().collect()));
        if let Err(error) = self.show_opml() {
            tracing::error!(error, "the list of feeds was not made");
        }
    }

    fn show_opml(&self) -> Result<(), String> {
        let declared = self.settings.feeds.iter().filter_map(|f| self.feeds.get(&f.slug));
        let automatic = self.feeds.values().filter(|f| f.is_auto);
        let outlines: Vec<Outline> = declared.chain(automatic).map(outline).collect();
        let (site, public) = (&self.settings.site, &self.settings.public);
        let standing = self.publisher.shelf().get(OPML_PATH);
        let before = standing.as_ref().map(|d| d.modified_at);
        let now = modified_at(self.clock.now(), before);
        let made_at = before.unwrap_or(now);
        let render = |at| opml::render(&site.title, public, site, &outlines, at);
        let same = render(made_at).map_err(|e| e.to_string())?;
        if standing.is_some_and(|d| d.identity().bytes == same) {
            return Ok(());
        }
        let bytes = render(now).map_err(|e| e.to_string())?;
        let parts = Parts {
            format: Format::Rss,
            content_type: "text/x-opml; charset=utf-8",
            modified_at: now,
            link: None,
            gzip: encode::gzip(&bytes).map_err(|e| e.to_string())?.into(),
            brotli: encode::brotli(&bytes).ok().map(Into::into),
            identity: bytes.into(),
            metrics: None,
            rhythm: None,
        };
        self.publisher.shelf().put_at(OPML_PATH, Arc::new(Document::new(parts, public)));
        self.publisher.purges.add([OPML_PATH.to_owned()], self.clock.now());
        Ok(())
    }
}

const OPML_PATH: &str = "/feeds.opml";

async fn produce(store: Store, mut order: Order, shelf: Arc<Shelf>) -> Outcome {
    let (config, now) = (order.config.clone(), order.now);
    order.entries = store.window(&config.slug, now, config.entries).await?;
    if order.previous.is_some() {
        order.left = count_left(&store, &order).await?;
    }
    let serve = move |document: &Arc<Document>| shelf.replace(&config.slug, document);
    let generated = tokio::task::spawn_blocking(move || generate::generate(order, serve)).await;
    Ok(generated.unwrap_or_else(|_| Err("rendering panicked".into())))
}

/// How many entries of the last good documents are gone for a reason that their articles tell:
/// hidden or withdrawn, too old, no longer selected, or pushed out by newer ones. The entries in the
/// store are not asked, so that a loss of these is noticed. An article that has changed since the
/// entries were brought in step may have left and come back: its change is still to be followed.
async fn count_left(store: &Store, order: &Order) -> Result<usize, DbError> {
    let Order { config, entries, now, followed, .. } = order;
    let present: HashSet<&str> = entries.iter().map(|a| a.guid.as_str()).collect();
    let known = order.previous.iter().flat_map(|rendered| &rendered.guids).map(String::as_str);
    let gone: Vec<&str> = known.filter(|guid| !present.contains(guid)).collect();
    if gone.is_empty() {
        return Ok(0);
    }
    let floor = entries.last().filter(|_| entries.len() >= config.entries);
    let floor = floor.map(|a| (a.published_at, &a.id));
    let has_place = |a: &Article| {
        let shown = select::membership(config, a).is_some_and(|m| {
            m.visible_from <= *now && m.visible_until.is_none_or(|until| until > *now)
        });
        shown && floor.is_none_or(|floor| (a.published_at, &a.id) > floor)
    };
    let articles = store.articles_by_guid(&gone).await?;
    let is_gone = |stored: &&Stored| stored.revision > *followed || !has_place(&stored.article);
    Ok(articles.iter().filter(is_gone).count())
}

fn outline(live: &LiveFeed) -> Outline {
    Outline {
        title: live.config.title.clone(),
        slug: live.config.slug.clone(),
        language: live.language(),
        description: String::new(),
    }
}

fn status(live: &LiveFeed, generated: &Generated, now: Millis, zone: chrono_tz::Tz) -> FeedStatus {
    FeedStatus {
        entries: generated.rendered.guids.len(),
        newest_at: generated.newest_at,
        last_success_at: Some(now),
        due_at: live.config.due_after(now, zone),
        ..standing_status(live, Some(&generated.documents))
    }
}

/// What is known of a feed before its first generation of this run.
fn standing_status(live: &LiveFeed, documents: Option<&[Arc<Document>]>) -> FeedStatus {
    FeedStatus {
        slug: live.config.slug.clone(),
        title: live.config.title.clone(),
        is_auto: live.is_auto || takeover::is_old(&live.config.slug),
        language: live.language().map(|l| l.to_string()),
        entries: live.rendered.as_ref().map_or(0, |r| r.guids.len()),
        newest_at: None,
        last_success_at: None,
        failure: None,
        due_at: None,
        documents: documents.unwrap_or_default().iter().map(|d| document_status(d)).collect(),
    }
}

fn document_status(document: &Document) -> DocumentStatus {
    let length = |encoding| document.variant(encoding).map(|v| v.bytes.len());
    DocumentStatus {
        format: document.format,
        bytes: (
            document.identity().bytes.len(),
            length(Encoding::Gzip).unwrap_or(0),
            length(Encoding::Brotli),
        ),
        etag: document.identity().etag.clone(),
        modified_at: document.modified_at,
    }
}

/// The feed's gauges.
fn show(live: &LiveFeed, status: &FeedStatus) {
    let seconds = |at: Option<Millis>| at.map_or(0.0, |at| at.0 as f64 / 1000.0);
    live.metrics.last_success.set(seconds(status.last_success_at));
    live.metrics.due.set(seconds(status.due_at));
    live.metrics.entries.set(status.entries as f64);
    live.metrics.newest_entry.set(seconds(status.newest_at));
}
