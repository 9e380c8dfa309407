//! Stand-in until branch `api` brings the real one: cleans, decides by body hash, writes.

use sha2::{Digest, Sha256};

use super::{
    Candidate, Origin,
    clean::{CleanLimits, Removal, TooMuch, clean_html, plain_text},
};
use crate::{
    clock::Clock,
    config,
    model::{Article, ArticleId, Guid, Status},
    store::{DbError, Marks, Put, PutError, Store},
};

/// Decides what becomes of candidates and writes them.
#[derive(Clone, Debug)]
pub struct Intake {
    store: Store,
    site: config::Site,
    limits: CleanLimits,
    clock: Clock,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The article.
    pub id: ArticleId,
    /// What happened.
    pub outcome: Outcome,
    /// What cleaning took out.
    pub removed: Vec<Removal>,
}

/// What taking a candidate did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It is other than before.
    Changed,
    /// It is as before.
    Unchanged,
    /// Withdrawn here; a re-import does not bring it back.
    Withheld,
}

/// Why a candidate was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field at fault.
    pub field: Option<String>,
    /// One plain sentence.
    pub why: String,
    /// The kind of fault.
    pub kind: RefusalKind,
}

/// The kind of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// A field is wrong.
    Invalid,
    /// Another article stands in the way.
    Conflict,
    /// Too large or too deep.
    TooLarge,
    /// The store failed.
    Store(DbError),
}

impl Intake {
    /// An intake for one site.
    pub fn new(store: Store, site: config::Site, limits: &config::Limits, clock: Clock) -> Intake {
        let limits =
            CleanLimits { bytes_max: limits.article_bytes_max, depth_max: limits.html_depth_max };
        Intake { store, site, limits, clock }
    }

    /// Takes candidates, in the same order.
    pub async fn take_many(
        &self,
        candidates: Vec<Candidate>,
        origin: &Origin,
    ) -> Vec<Result<Taken, Refusal>> {
        let mut results = Vec::new();
        for candidate in candidates {
            results.push(self.one(candidate, origin, true).await);
        }
        results
    }

    /// What `take_many` would do.
    pub async fn preview_many(
        &self,
        candidates: Vec<Candidate>,
        origin: &Origin,
    ) -> Vec<Result<Taken, Refusal>> {
        let mut results = Vec::new();
        for candidate in candidates {
            results.push(self.one(candidate, origin, false).await);
        }
        results
    }

    async fn one(&self, c: Candidate, _: &Origin, write: bool) -> Result<Taken, Refusal> {
        let hash = Sha256::digest(format!("{c:?}")).to_vec();
        let known = self.store.article(&c.id).await.map_err(store_failed)?;
        let id = c.id.clone();
        let done = |outcome, removed| Ok(Taken { id: id.clone(), outcome, removed });
        if let Some(known) = &known {
            if known.article.status == Status::Withdrawn {
                return done(Outcome::Withheld, vec![]);
            }
            if known.marks.source_hash.as_ref() == Some(&hash) {
                return done(Outcome::Unchanged, vec![]);
            }
        }
        let cleaned =
            clean_html(&c.body_html, &c.url, &self.limits).map_err(|e: TooMuch| Refusal {
                field: Some("body_html".into()),
                why: e.to_string(),
                kind: RefusalKind::TooLarge,
            })?;
        let outcome = if known.is_some() { Outcome::Changed } else { Outcome::Created };
        if write {
            let put = self.put(c, cleaned.html, hash, known.map(|k| k.revision));
            let result = self.store.put_articles(vec![put]).await.remove(0);
            result.map_err(put_failed)?;
        }
        done(outcome, cleaned.removed)
    }

    fn put(&self, c: Candidate, body: String, hash: Vec<u8>, expected: Option<i64>) -> Put {
        let now = self.clock.now();
        let status = match c.status {
            Status::Published if c.published_at.is_some_and(|at| at > now) => Status::Scheduled,
            status => status,
        };
        let article = Article {
            guid: c.guid.unwrap_or_else(|| Guid::mint(&self.site.url.host(), "2026-11-24", &c.id)),
            language: c.language.unwrap_or_else(|| self.site.language.clone()),
            title: plain_text(&c.title),
            summary: plain_text(&c.summary),
            body_html: body,
            updated_at: c.updated_at.or(c.published_at).unwrap_or(now),
            id: c.id,
            url: c.url,
            slug: c.slug,
            family: c.family,
            sections: c.sections,
            tags: c.tags,
            authors: c.authors,
            byline: c.byline,
            source: c.source,
            rights: c.rights,
            media: c.media,
            published_at: c.published_at,
            status,
            embargo_until: c.embargo_until,
            carried_over: c.carried_over,
        };
        let is_public = article.is_public(now);
        let marks =
            Marks { source_hash: Some(hash), is_public, was_public: is_public, ..Marks::default() };
        Put { article, marks, expected }
    }
}

fn store_failed(error: DbError) -> Refusal {
    Refusal { field: None, why: error.to_string(), kind: RefusalKind::Store(error) }
}

fn put_failed(error: PutError) -> Refusal {
    match error {
        PutError::Store(error) => store_failed(error),
        other => Refusal {
            field: Some("guid".into()),
            why: other.to_string(),
            kind: RefusalKind::Conflict,
        },
    }
}
