//! Starting from what was kept, and following other settings.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::mpsc;

use super::Rounds;
use crate::{
    clock::Clock,
    config::FeedConfig,
    metrics::Metrics,
    model::FeedSlug,
    publish::{
        Publisher, Request, Settings,
        document::{Document, Encoding, Parts, link},
        lineup::{LiveFeed, Rendered, is_automatic, selection_text},
        membership::Scope,
    },
    store::{DbError, FeedState, KeptDocument, Store},
};

impl Rounds {
    /// Puts the kept documents on the shelf and finds out what is to be done.
    pub(in crate::publish) async fn load(
        store: Store,
        settings: Settings,
        metrics: Arc<Metrics>,
        clock: Clock,
        publisher: Publisher,
        requests: mpsc::Receiver<Request>,
    ) -> Result<Rounds, DbError> {
        let (_, cursor) = store.feed_states().await?;
        let mut rounds = Rounds {
            revisions: store.revisions(),
            scope: scope(&settings),
            expired_until: clock.now(),
            store,
            settings,
            metrics,
            clock,
            publisher,
            requests,
            feeds: BTreeMap::new(),
            small: HashMap::new(),
            statuses: BTreeMap::new(),
            cursor,
            next_expiry: None,
            touched: BTreeSet::new(),
            asked: Vec::new(),
            arrived: VecDeque::new(),
            unfinished: VecDeque::new(),
            stale: VecDeque::new(),
            filling: None,
            failed: false,
        };
        rounds.take_lineup().await?;
        Ok(rounds)
    }

    /// Follows other settings.
    pub(super) async fn reload(&mut self, settings: Settings) -> Result<(), DbError> {
        self.scope = scope(&settings);
        self.settings = settings;
        self.filling = None;
        self.take_lineup().await
    }

    /// Finds out which feeds there are, by the settings and by the store.
    async fn take_lineup(&mut self) -> Result<(), DbError> {
        let (states, _) = self.store.feed_states().await?;
        let mut known: HashMap<FeedSlug, FeedState> =
            states.into_iter().map(|s| (s.feed.clone(), s)).collect();
        let mut old = std::mem::take(&mut self.feeds);
        self.small.clear();
        let to_fill = self.take_declared(&mut known, &mut old).await?;
        self.take_automatic(&mut known, &mut old).await?;
        let gone = |feed: &&FeedSlug| !self.feeds.contains_key(*feed);
        for feed in old.keys().chain(known.keys()).filter(gone) {
            self.publisher.shelf().remove(feed);
            self.statuses.remove(feed);
        }
        for feed in known.keys() {
            self.store.forget_feed(feed).await?;
        }
        self.take_documents().await?;
        self.begin_filling(to_fill).await?;
        self.show_all();
        Ok(())
    }

    async fn take_declared(
        &mut self,
        known: &mut HashMap<FeedSlug, FeedState>,
        old: &mut BTreeMap<FeedSlug, LiveFeed>,
    ) -> Result<Vec<Arc<FeedConfig>>, DbError> {
        let mut to_fill = Vec::new();
        for config in &self.scope.declared {
            let selection = selection_text(config);
            let fresh = FeedState {
                feed: config.slug.clone(),
                auto_name: None,
                selection: if self.cursor == 0 { selection.clone() } else { String::new() },
                removed_at: None,
                dirty: true,
            };
            let state = known.remove(&config.slug).unwrap_or(fresh);
            let is_current = state.selection == selection;
            let mut live = LiveFeed::declared(FeedConfig::clone(config), state, &self.metrics);
            live.rendered = old.remove(&config.slug).and_then(|was| was.rendered);
            if !is_current {
                to_fill.push(config.clone());
                live.forget_floor();
            }
            self.feeds.insert(config.slug.clone(), live);
        }
        Ok(to_fill)
    }

    /// Automatic feeds of the kinds that are on; the largest are served.
    async fn take_automatic(
        &mut self,
        known: &mut HashMap<FeedSlug, FeedState>,
        old: &mut BTreeMap<FeedSlug, LiveFeed>,
    ) -> Result<(), DbError> {
        let mut counts = self.store.entry_counts().await?;
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let wanted =
            |s: &FeedState| s.auto_name.is_some() && is_automatic(&self.settings.auto, &s.feed);
        let of_kind: Vec<FeedSlug> =
            known.values().filter(|s| wanted(s)).map(|s| s.feed.clone()).collect();
        for feed in of_kind {
            if let Some(state) = known.remove(&feed) {
                self.small.insert(feed, state);
            }
        }
        for (feed, count) in counts {
            let served_before = old.contains_key(&feed);
            let large = count >= self.settings.auto.articles_min || (served_before && count > 0);
            if large && self.automatic_count() < self.settings.auto.feeds_max {
                self.wake(&feed);
                let rendered = old.remove(&feed).and_then(|was| was.rendered);
                if let Some(live) = self.feeds.get_mut(&feed) {
                    live.rendered = rendered;
                }
            }
        }
        // Nothing changed for these; they are looked at when there is time.
        let asked: BTreeSet<&FeedSlug> = self.asked.iter().map(|(feed, _)| feed).collect();
        self.touched.retain(|feed| {
            self.feeds.get(feed).is_some_and(|f| f.state.dirty || asked.contains(feed))
        });
        Ok(())
    }

    /// Puts kept documents on the shelf, and notes what is missing or may have to change.
    async fn take_documents(&mut self) -> Result<(), DbError> {
        let mut kept: BTreeMap<FeedSlug, Vec<KeptDocument>> = BTreeMap::new();
        for document in self.store.documents().await? {
            kept.entry(document.feed.clone()).or_default().push(document);
        }
        for (slug, live) in &mut self.feeds {
            let documents = kept.remove(slug).unwrap_or_default();
            if live.state.dirty || documents.len() != live.config.formats.len() {
                self.touched.insert(slug.clone());
            } else {
                self.stale.push_back(slug.clone());
            }
            // What is served may be newer than what is kept.
            if let Some(standing) = self.publisher.shelf().feed(slug.as_str()) {
                let renewed = standing.iter().map(|d| renewed(d, live, &self.settings));
                self.publisher.shelf().put(slug, renewed.map(Arc::new).collect());
                continue;
            }
            if documents.is_empty() {
                continue;
            }
            if live.rendered.is_none() {
                let (guids, links) = (documents[0].guids.clone(), documents[0].links.clone());
                live.rendered = Some(Rendered::kept(guids, links));
            }
            let documents = documents.into_iter().map(|d| ready(d, live, &self.settings));
            self.publisher.shelf().put(slug, documents.map(Arc::new).collect());
        }
        Ok(())
    }
}

fn scope(settings: &Settings) -> Scope {
    Scope {
        declared: settings.feeds.iter().cloned().map(Arc::new).collect(),
        auto: settings.auto.clone(),
    }
}

/// The same bytes with the headers of other settings.
fn renewed(document: &Document, live: &LiveFeed, settings: &Settings) -> Document {
    let bytes = |encoding| document.variant(encoding).map(|v| v.bytes.clone());
    let (slug, format) = (&live.config.slug, document.format);
    let parts = Parts {
        format,
        content_type: format.content_type(),
        modified_at: document.modified_at,
        link: Some(link(&settings.public, slug, format, &live.config.formats)),
        identity: document.identity().bytes.clone(),
        gzip: bytes(Encoding::Gzip).unwrap_or_default(),
        brotli: bytes(Encoding::Brotli),
        metrics: Some(live.metrics.clone()),
    };
    Document::new(parts, &settings.public)
}

fn ready(kept: KeptDocument, live: &LiveFeed, settings: &Settings) -> Document {
    let parts = Parts {
        format: kept.format,
        content_type: kept.format.content_type(),
        modified_at: kept.modified_at,
        link: Some(link(&settings.public, &kept.feed, kept.format, &live.config.formats)),
        identity: kept.identity.into(),
        gzip: kept.gzip.into(),
        brotli: kept.brotli.map(Into::into),
        metrics: Some(live.metrics.clone()),
    };
    Document::new(parts, &settings.public)
}
