//! Rendered bytes, kept so that a restart serves before it regenerates.

use super::{
    Store,
    db::Step,
    entries::slug,
    error::DbError,
    value::{Row, Value},
};
use crate::model::{FeedSlug, Format, Millis};

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptDocument {
    /// Its feed.
    pub feed: FeedSlug,
    /// Its format.
    pub format: Format,
    /// The bytes.
    pub identity: Vec<u8>,
    /// The same, compressed (RFC 1952).
    pub gzip: Vec<u8>,
    /// The same, compressed (RFC 7932); may follow later.
    pub brotli: Option<Vec<u8>>,
    /// When the bytes last changed, whole seconds.
    pub modified_at: Millis,
    /// When they were last made or found to be the same.
    pub generated_at: Millis,
    /// Publication of the newest entry.
    pub newest_at: Option<Millis>,
    /// The entries' guids, newest first.
    pub guids: Vec<String>,
    /// The entries' addresses, in the same order.
    pub links: Vec<String>,
    /// The usual time between two entries, where that can be told.
    pub rhythm_seconds: Option<u64>,
}

/// What is known of a document without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Its feed.
    pub feed: FeedSlug,
    /// Its format.
    pub format: Format,
    /// Size as it is.
    pub bytes: u64,
    /// Size in gzip.
    pub bytes_gzip: u64,
    /// How many entries it has.
    pub entries: u64,
    /// When the bytes last changed.
    pub modified_at: Millis,
    /// When they were last made or found to be the same.
    pub generated_at: Millis,
}

const KEEP: &str = "INSERT INTO documents
     (feed, format, identity, gzip, brotli, modified_at, generated_at, newest_at, guids,
       links, rhythm_seconds)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (feed, format) DO UPDATE SET identity = excluded.identity, gzip = excluded.gzip,
       brotli = excluded.brotli, modified_at = excluded.modified_at,
       generated_at = excluded.generated_at, newest_at = excluded.newest_at, guids = excluded.guids,
       links = excluded.links, rhythm_seconds = excluded.rhythm_seconds";

const CLEAN: &str = "UPDATE feed_states SET dirty = 0 WHERE feed = $1";

impl Store {
    /// All documents, feed by feed.
    pub async fn documents(&self) -> Result<Vec<KeptDocument>, DbError> {
        const SQL: &str = "SELECT feed, format, identity, gzip, brotli, modified_at, generated_at,
             newest_at, guids, links, rhythm_seconds FROM documents ORDER BY feed, format";
        self.db.read(SQL, vec![]).await?.into_iter().map(document).collect()
    }

    /// All documents without their bytes, feed by feed.
    pub async fn document_facts(&self) -> Result<Vec<DocumentFacts>, DbError> {
        const SQL: &str = "SELECT feed, format, LENGTH(identity), LENGTH(gzip), guids, modified_at,
             generated_at FROM documents ORDER BY feed, format";
        self.db.read(SQL, vec![]).await?.into_iter().map(facts).collect()
    }

    /// Keeps a feed's documents in the place of its old ones; the feed's latest change is then done with.
    pub async fn keep_documents(
        &self,
        feed: &FeedSlug,
        documents: Vec<KeptDocument>,
    ) -> Result<(), DbError> {
        let rows = documents.into_iter().map(document_row).collect();
        let clean = vec![feed.as_str().into()];
        const DROP: &str = "DELETE FROM documents WHERE feed = $1";
        let feed = vec![feed.as_str().into()];
        let batch = vec![Step::new(DROP, feed), Step::each(KEEP, rows), Step::new(CLEAN, clean)];
        self.db.write(batch).await.map(drop)
    }
}

fn document_row(d: KeptDocument) -> Vec<Value> {
    vec![
        d.feed.as_str().into(),
        d.format.as_str().into(),
        d.identity.into(),
        d.gzip.into(),
        d.brotli.into(),
        d.modified_at.into(),
        d.generated_at.into(),
        d.newest_at.into(),
        super::json(&d.guids),
        super::json(&d.links),
        d.rhythm_seconds.map(|seconds| seconds as i64).into(),
    ]
}

fn facts(mut row: Row) -> Result<DocumentFacts, DbError> {
    Ok(DocumentFacts {
        feed: slug(&row.text()?)?,
        format: format(&row.text()?)?,
        bytes: row.int()?.max(0) as u64,
        bytes_gzip: row.int()?.max(0) as u64,
        entries: super::from_json::<Vec<String>>(&row.text()?)?.len() as u64,
        modified_at: row.time()?,
        generated_at: row.time()?,
    })
}

fn format(word: &str) -> Result<Format, DbError> {
    Format::from_word(word).ok_or_else(|| super::broken(word))
}

fn document(mut row: Row) -> Result<KeptDocument, DbError> {
    let feed = slug(&row.text()?)?;
    let format = format(&row.text()?)?;
    Ok(KeptDocument {
        feed,
        format,
        identity: row.bytes()?,
        gzip: row.bytes()?,
        brotli: row.opt_bytes()?,
        modified_at: row.time()?,
        generated_at: row.time()?,
        newest_at: row.opt_time()?,
        guids: super::from_json(&row.text()?)?,
        links: super::from_json(&row.text()?)?,
        rhythm_seconds: row.opt_int()?.and_then(|seconds| u64::try_from(seconds).ok()),
    })
}
