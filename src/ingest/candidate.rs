//! An article as somebody hands it to us: fields checked one by one, HTML not yet cleaned.

use crate::model::{
    ArticleId, Author, CarriedOver, Guid, Language, Media, Millis, Source, Status, WebUrl,
};

/// An article on its way in. What is `None` is kept where the article is known, or gets its default.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Chosen by whoever sends it.
    pub id: ArticleId,
    /// Kept byte for byte; minted where missing.
    pub guid: Option<Guid>,
    /// The page people read; also what relative links are resolved against.
    pub url: WebUrl,
    /// The newsroom's own short name.
    pub slug: Option<String>,
    /// May hold tags and entities; becomes plain text.
    pub title: String,
    /// May hold tags and entities; becomes plain text.
    pub summary: String,
    /// As the source delivered it.
    pub body_html: String,
    /// The site's where missing.
    pub language: Option<Language>,
    /// Shared by translations of one story.
    pub family: Option<String>,
    /// The first is the main one.
    pub sections: Vec<String>,
    /// Newsroom's tags.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub authors: Vec<Author>,
    /// The line under the headline.
    pub byline: Option<String>,
    /// Where the story was taken from.
    pub source: Option<Source>,
    /// Copyright line.
    pub rights: Option<String>,
    /// In order.
    pub media: Vec<Media>,
    /// Only a draft may have none.
    pub published_at: Option<Millis>,
    /// The source's own time of change.
    pub updated_at: Option<Millis>,
    /// `Published` with a time to come is stored as `Scheduled`.
    pub status: Status,
    /// Not public before this time.
    pub embargo_until: Option<Millis>,
    /// Views brought from the old system; kept where missing.
    pub carried_over: Option<CarriedOver>,
}

/// Who brings an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person or program through the API; `by` is the token's id.
    Api {
        /// The token's id.
        by: String,
    },
    /// An importer or a pulling source. Unchanged input never reverts an edit made by the API.
    Source {
        /// For example `wxr:wp` or `page`.
        name: String,
    },
}

impl Origin {
    /// How the audit log and tombstones name it.
    pub fn actor(&self) -> &str {
        match self {
            Origin::Api { by } => by,
            Origin::Source { name } => name,
        }
    }
}

/// True for the name of a source or importer: what such a one took back, it may bring back.
pub(super) fn is_source(actor: &str) -> bool {
    // Tokens are letters and digits, and a person at the command line is `cli`.
    actor.contains(':') || ["page", "jsonl"].contains(&actor)
}
