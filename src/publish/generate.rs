//! One feed from entries to ready documents: render, guard, compress. Rendering is total, so that no
//! article is left out for what it says; where the guard refuses, the last good documents stay and
//! the feed's failure says why.

use std::sync::Arc;

use super::{
    document::{Document, Encoding, Parts, link, modified_at},
    encode,
    lineup::Rendered,
};
use crate::{
    config::{self, FeedConfig},
    feed::{
        self, RenderError,
        guard::{self, Bounds, GuardFault, Previous},
        rhythm::Rhythm,
        snapshot::Snapshot,
    },
    metrics::FeedMetrics,
    model::{Article, FeedSlug, Format, Millis},
    store::KeptDocument,
};

/// All that a generation needs; it asks nobody.
#[derive(Debug)]
pub struct Order {
    /// The feed.
    pub config: Arc<FeedConfig>,
    /// Its site.
    pub site: config::Site,
    /// How the world sees us.
    pub public: config::Public,
    /// Bounds of the guard.
    pub bounds: config::Publish,
    /// What is shown, newest first.
    pub entries: Vec<Article>,
    /// When an entry last left.
    pub removed_at: Option<Millis>,
    /// What the last good documents held.
    pub previous: Option<Rendered>,
    /// How many of these entries are known to have left.
    pub left: usize,
    /// The documents there are.
    pub standing: Option<Arc<[Arc<Document>]>>,
    /// Where requests are counted.
    pub metrics: FeedMetrics,
    /// False for an automatic feed: without entries it is no feed.
    pub may_be_empty: bool,
    /// How far the revision log had been followed when this was ordered.
    pub followed: i64,
    /// The time.
    pub now: Millis,
}

/// A feed's new documents.
#[derive(Debug)]
pub struct Generated {
    /// Ready to be served, without brotli where the bytes are new.
    pub documents: Vec<Arc<Document>>,
    /// False when every byte is as it was.
    pub changed: bool,
    /// What they hold.
    pub rendered: Rendered,
    /// Publication of the newest entry.
    pub newest_at: Option<Millis>,
    /// Entries left out because the document would have been too big.
    pub cut: usize,
}

/// Makes a feed's documents. Blocking: tens of milliseconds for a large feed. Once all of them have
/// passed the guard, each that is new is handed to `serve` as soon as it is compressed.
pub fn generate(mut order: Order, serve: impl Fn(&Arc<Document>)) -> Result<Generated, String> {
    let entries = std::mem::take(&mut order.entries);
    let mut snapshot =
        Snapshot::new(&order.config, &order.site, &order.public, entries, order.removed_at);
    let (rendering, cut) = render_within_bounds(&order, &mut snapshot)?;
    let mut documents = Vec::with_capacity(rendering.len());
    // A format that is no longer declared has to go.
    let mut changed = order.standing.as_ref().is_some_and(|d| d.len() != rendering.len());
    for (format, bytes) in rendering {
        let (document, is_new) = document(&order, format, bytes, snapshot.rhythm)?;
        changed |= is_new;
        if is_new && (order.may_be_empty || !snapshot.entries.is_empty()) {
            serve(&document);
        }
        documents.push(document);
    }
    Ok(Generated {
        documents,
        changed,
        rendered: Rendered::new(&snapshot.entries, order.config.entries - cut),
        newest_at: snapshot.entries.first().and_then(|a| a.published_at),
        cut,
    })
}

type Rendering = Vec<(Format, Vec<u8>)>;

/// Renders every format. A few huge articles do not stop a feed: its oldest entries make room.
fn render_within_bounds(
    order: &Order,
    snapshot: &mut Snapshot,
) -> Result<(Rendering, usize), String> {
    let shown_before = |a: &&Article| order.previous.as_ref().is_some_and(|p| p.holds(&a.guid));
    let (mut cut, mut left) = (0, order.left);
    loop {
        match render_all(order, snapshot, left) {
            Ok(rendering) => return Ok((rendering, cut)),
            Err(Refused::Guard(GuardFault::TooBig { bytes, bytes_max }))
                if snapshot.entries.len() > 1 =>
            {
                let fitting = fitting(&snapshot.entries, bytes, bytes_max);
                let out = snapshot.entries.split_off(fitting);
                cut += out.len();
                left += out.iter().filter(shown_before).count();
            }
            Err(refused) => return Err(refused.to_string()),
        }
    }
}

/// How many of these entries, whose document has `bytes`, should fit into `bytes_max`: at least one,
/// and fewer than there are. Each is taken to fill as much of the document as of the words that go
/// into it; where that is too little, the next look takes more, so that there are few of them.
fn fitting(entries: &[Article], bytes: usize, bytes_max: usize) -> usize {
    let words = |a: &Article| (a.body_html.len() + a.summary.len() + ENTRY_BYTES) as u128;
    let all: u128 = entries.iter().map(words).sum();
    let room = all * bytes_max as u128 / bytes.max(1) as u128;
    let mut taken = 0;
    let fits = |a: &&Article| {
        taken += words(a);
        taken <= room
    };
    entries.iter().take_while(fits).count().clamp(1, entries.len() - 1)
}

/// What an entry has besides its words: title, addresses, dates, elements.
const ENTRY_BYTES: usize = 500;

/// Why a document was not made.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Guard(#[from] GuardFault),
}

fn render_all(order: &Order, snapshot: &Snapshot, left: usize) -> Result<Rendering, Refused> {
    let bounds =
        Bounds { bytes_max: order.bounds.document_bytes_max, shrink_max: order.bounds.shrink_max };
    let previous = order.previous.as_ref().map(|rendered| Previous {
        guids: &rendered.guids,
        links: &rendered.links,
        left,
    });
    let one = |format: &Format| {
        let bytes = feed::render(*format, snapshot)?;
        if !stands(order, *format, &bytes) {
            guard::check(*format, &bytes, snapshot, &bounds, previous.as_ref())?;
        }
        Ok((*format, bytes))
    };
    order.config.formats.iter().map(one).collect()
}

/// True when these bytes are already served.
fn stands(order: &Order, format: Format, bytes: &[u8]) -> bool {
    standing(order, format).is_some_and(|d| d.identity().bytes == bytes)
}

fn standing(order: &Order, format: Format) -> Option<&Arc<Document>> {
    order.standing.as_ref()?.iter().find(|d| d.format == format)
}

/// The document for these bytes, and whether they are new.
fn document(
    order: &Order,
    format: Format,
    bytes: Vec<u8>,
    rhythm: Option<Rhythm>,
) -> Result<(Arc<Document>, bool), String> {
    let standing = standing(order, format);
    let same = standing.filter(|d| d.identity().bytes == bytes);
    if let Some(document) = same.filter(|d| d.rhythm == rhythm) {
        return Ok((document.clone(), false));
    }
    let gzip = encode::gzip(&bytes).map_err(|e| e.to_string())?;
    let parts = Parts {
        format,
        content_type: format.content_type(),
        modified_at: same.map_or_else(
            || modified_at(order.now, standing.map(|d| d.modified_at)),
            |same| same.modified_at,
        ),
        link: Some(link(&order.public, &order.config.slug, format, &order.config.formats)),
        identity: bytes.into(),
        gzip: gzip.into(),
        brotli: None,
        metrics: Some(order.metrics.clone()),
        rhythm,
    };
    Ok((Arc::new(Document::new(parts, &order.public)), true))
}

/// The same documents with brotli. Blocking.
pub fn with_brotli(documents: &[Arc<Document>]) -> std::io::Result<Vec<Arc<Document>>> {
    let complete = |document: &Arc<Document>| {
        if document.variant(Encoding::Brotli).is_some() {
            return Ok(document.clone());
        }
        let brotli = encode::brotli(&document.identity().bytes)?;
        Ok(Arc::new(document.with_brotli(brotli.into())))
    };
    documents.iter().map(complete).collect()
}

/// Documents as the store keeps them.
pub fn kept(
    feed: &FeedSlug,
    documents: &[Arc<Document>],
    rendered: &Rendered,
    newest_at: Option<Millis>,
    now: Millis,
) -> Vec<KeptDocument> {
    let bytes =
        |document: &Document, encoding| document.variant(encoding).map(|v| v.bytes.to_vec());
    let one = |document: &Arc<Document>| KeptDocument {
        feed: feed.clone(),
        format: document.format,
        identity: document.identity().bytes.to_vec(),
        gzip: bytes(document, Encoding::Gzip).unwrap_or_default(),
        brotli: bytes(document, Encoding::Brotli),
        modified_at: document.modified_at,
        generated_at: now,
        newest_at,
        guids: rendered.guids.clone(),
        links: rendered.links.clone(),
        rhythm_seconds: document.rhythm.map(Rhythm::seconds),
    };
    documents.iter().map(one).collect()
}
