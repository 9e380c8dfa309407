//! Starting from what was kept, and following other settings.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::mpsc;

use super::{
    Rounds,
    fill::{AUTO_KINDS, Fill, kinds_left, kinds_text},
};
use crate::{
    clock::Clock,
    config::{FeedConfig, OldAddresses},
    feed::rhythm::Rhythm,
    metrics::Metrics,
    model::{FeedSlug, OldName},
    publish::{
        Publisher, Request, Settings,
        document::{Document, Encoding, Parts, link},
        lineup::{LiveFeed, Rendered, is_automatic, selection_text},
        membership::Scope,
        takeover::{self, Aliases, OldFeeds},
    },
    store::{DbError, EntryChanges, FeedState, KeptDocument, Store},
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
            names_known: *store.old_names_version().borrow(),
            names: store.old_names_version(),
            scope: scope(&settings, &OldFeeds::default()),
            settings: settings.clone(),
            expired_until: clock.now(),
            store,
            metrics,
            clock,
            publisher,
            requests,
            feeds: BTreeMap::new(),
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
        rounds.reload(settings).await?;
        rounds.purge_recent();
        Ok(rounds)
    }

    /// The run before may have ended between a change and its purge: what a cache may still hold
    /// from before is purged once more.
    fn purge_recent(&self) {
        let (now, public) = (self.clock.now(), &self.settings.public);
        let held = public.max_age + public.stale_while_revalidate;
        let since = now.plus(-(held.as_millis() as i64));
        for feed in self.publisher.shelf().changed_since(since) {
            self.purge(&feed);
        }
    }

    /// Follows other settings. All that can fail comes first, and is worked out beside what is served:
    /// a reload that fails leaves everything as it was.
    pub(super) async fn reload(&mut self, settings: Settings) -> Result<(), DbError> {
        let mut known = Known::read(&self.store).await?;
        let lineup = self.lineup(settings, &mut known);
        let forgotten: Vec<FeedSlug> = known.states.into_keys().collect();
        if !forgotten.is_empty() || lineup.kinds != known.kinds {
            let fact = Some((AUTO_KINDS, lineup.kinds.clone()));
            let changes = EntryChanges { forgotten, fact, ..EntryChanges::default() };
            self.store.change_entries(changes).await?;
        }
        self.take_lineup(lineup, known.documents);
        Ok(())
    }

    /// Takes old names that an importer has added or changed.
    pub(super) async fn follow_names(&mut self) -> Result<(), DbError> {
        let version = *self.names.borrow();
        if version != self.names_known {
            if self.settings.takeover.addresses != OldAddresses::Off {
                self.reload(self.settings.clone()).await?;
            }
            self.names_known = version;
        }
        Ok(())
    }

    /// True for a slug from which a declared feed has moved away.
    pub(super) fn has_moved(&self, feed: &FeedSlug) -> bool {
        self.settings.feeds.iter().any(|config| config.moved_from.contains(feed))
    }

    /// Which feeds there are, by the settings and by the store. Of what is known, the states of feeds
    /// that are no more are left over.
    fn lineup(&self, settings: Settings, known: &mut Known) -> Lineup {
        let old = OldFeeds::new(&settings, &known.names);
        if old.is_cut {
            self.metrics.limit_hit("takeover_feeds");
            tracing::warn!(
                "some old categories, tags or authors have no feed: raise takeover.feeds_max"
            );
        }
        let scope = scope(&settings, &old);
        let aliases = Aliases::new(&settings, &old, &self.metrics);
        let mut feeds = BTreeMap::new();
        let to_fill = self.add_declared(&scope, known, &mut feeds);
        self.add_automatic(&settings, known, &mut feeds);
        // An empty log: every article will come by as a change.
        let kinds = match self.cursor {
            0 => kinds_text(&scope.auto),
            _ => kinds_left(&scope.auto, &known.kinds),
        };
        let filling = Fill::new(&scope, to_fill, &kinds);
        Lineup { settings, scope, aliases, feeds, filling, kinds }
    }

    /// Adds the declared feeds, and returns those that have to be filled anew.
    fn add_declared(
        &self,
        scope: &Scope,
        known: &mut Known,
        feeds: &mut BTreeMap<FeedSlug, LiveFeed>,
    ) -> Vec<Arc<FeedConfig>> {
        let mut to_fill = Vec::new();
        for config in &scope.declared {
            let selection = selection_text(config);
            let fresh = FeedState {
                feed: config.slug.clone(),
                auto_name: None,
                selection: if self.cursor == 0 { selection.clone() } else { String::new() },
                removed_at: None,
                dirty: true,
            };
            let state = known.states.remove(&config.slug).unwrap_or(fresh);
            let is_current = state.selection == selection;
            let mut live = LiveFeed::declared(FeedConfig::clone(config), state, &self.metrics);
            live.rendered = self.rendered(&config.slug);
            if !is_current {
                to_fill.push(config.clone());
                live.forget_floor();
            }
            feeds.insert(config.slug.clone(), live);
        }
        to_fill
    }

    /// Adds the automatic feeds of the kinds that are on: those that are large enough, or were served
    /// before and are not empty; the largest, when there is no room for all.
    fn add_automatic(
        &self,
        settings: &Settings,
        known: &mut Known,
        feeds: &mut BTreeMap<FeedSlug, LiveFeed>,
    ) {
        let auto = &settings.auto;
        let moved = |slug| settings.feeds.iter().any(|feed| feed.moved_from.contains(slug));
        let of_kind = |s: &mut FeedState| s.auto_name.is_some() && is_automatic(auto, &s.feed);
        let mut states: HashMap<FeedSlug, FeedState> =
            known.states.extract_if(|_, state| of_kind(state)).collect();
        let mut room = auto.feeds_max;
        for (feed, count) in &known.counts {
            let Some(state) = states.remove(feed).filter(|_| room > 0 && !moved(feed)) else {
                continue;
            };
            // What it served last may not be kept yet.
            let served =
                state.dirty || self.feeds.contains_key(feed) || known.documents.contains_key(feed);
            if *count < auto.articles_min && !(served && *count > 0) {
                continue;
            }
            if let Some(mut live) = LiveFeed::automatic(state, &self.metrics) {
                live.rendered = self.rendered(feed);
                feeds.insert(feed.clone(), live);
                room -= 1;
            }
        }
    }

    fn rendered(&self, feed: &FeedSlug) -> Option<Rendered> {
        self.feeds.get(feed)?.rendered.clone()
    }

    /// What was found out holds from here on.
    fn take_lineup(&mut self, lineup: Lineup, documents: KeptDocuments) {
        self.publisher.purges.reconfigure(&lineup.settings);
        self.settings = lineup.settings;
        self.scope = lineup.scope;
        self.filling = lineup.filling;
        let old = std::mem::replace(&mut self.feeds, lineup.feeds);
        let left = old.keys().filter(|feed| !self.feeds.contains_key(*feed));
        // Those that they had until now.
        let left: Vec<_> = left.map(|feed| (feed, self.addresses(feed))).collect();
        self.publisher.shelf().set_aliases(lineup.aliases);
        for (feed, addresses) in left {
            self.publisher.shelf().remove(feed);
            self.publisher.purges.add(addresses, self.clock.now());
            self.statuses.remove(feed);
        }
        // Documents of automatic feeds that are not served: finishing these forgets them.
        let unserved = documents.keys().filter(|feed| !self.feeds.contains_key(*feed));
        self.unfinished.extend(unserved.cloned());
        // Nothing changed for the others; they are looked at when there is time.
        let asked: BTreeSet<&FeedSlug> = self.asked.iter().map(|(feed, _)| feed).collect();
        self.touched.retain(|feed| {
            self.feeds.get(feed).is_some_and(|f| f.state.dirty || asked.contains(feed))
        });
        self.stale.clear();
        self.take_documents(documents);
        self.show_all();
    }

    /// Puts kept documents on the shelf, and notes what is missing or may have to change.
    fn take_documents(&mut self, mut kept: KeptDocuments) {
        for (slug, live) in &mut self.feeds {
            let documents = kept.remove(slug).unwrap_or_default();
            let is_new = documents.is_empty() && takeover::is_old(slug);
            if is_new && self.filling.as_ref().is_some_and(|fill| fill.holds(slug)) {
                // Until it is filled it would only say that there is nothing.
            } else if live.state.dirty || documents.len() != live.config.formats.len() {
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
    }
}

type KeptDocuments = BTreeMap<FeedSlug, Vec<KeptDocument>>;

/// What the store knows of feeds.
struct Known {
    states: HashMap<FeedSlug, FeedState>,
    /// How many entries each has, the largest first.
    counts: Vec<(FeedSlug, usize)>,
    documents: KeptDocuments,
    /// The kinds of automatic feeds that have entries.
    kinds: String,
    /// What WordPress called categories, tags and authors.
    names: Vec<OldName>,
}

impl Known {
    async fn read(store: &Store) -> Result<Known, DbError> {
        let (states, _) = store.feed_states().await?;
        let mut counts = store.entry_counts().await?;
        counts.sort_by_key(|(_, count)| Reverse(*count));
        let mut documents = KeptDocuments::new();
        for document in store.documents().await? {
            documents.entry(document.feed.clone()).or_default().push(document);
        }
        Ok(Known {
            states: states.into_iter().map(|s| (s.feed.clone(), s)).collect(),
            counts,
            documents,
            kinds: store.fact(AUTO_KINDS).await?.unwrap_or_default(),
            names: store.old_names().await?,
        })
    }
}

/// Settings with the feeds they make.
struct Lineup {
    settings: Settings,
    scope: Scope,
    aliases: Aliases,
    feeds: BTreeMap<FeedSlug, LiveFeed>,
    filling: Option<Fill>,
    /// The kinds of automatic feeds that have entries.
    kinds: String,
}

fn scope(settings: &Settings, old: &OldFeeds) -> Scope {
    let declared = takeover::with_rdf(settings).into_iter().chain(old.feeds.iter().cloned());
    Scope { declared: declared.map(Arc::new).collect(), auto: settings.auto.clone() }
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
        rhythm: document.rhythm,
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
        rhythm: kept.rhythm_seconds.map(Rhythm::from_seconds),
    };
    Document::new(parts, &settings.public)
}
