//! What the newsroom wrote.

use super::{ArticleId, Guid, Language, Millis, WebUrl};

/// One article as it stands in the store: cleaned, with absolute links and a guid for good.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// Chosen by whoever sends the article.
    pub id: ArticleId,
    /// What feed readers know it by; never changes.
    pub guid: Guid,
    /// The page people read.
    pub url: WebUrl,
    /// The newsroom's own short name for it.
    pub slug: Option<String>,
    /// Plain text.
    pub title: String,
    /// Plain text; empty when the newsroom wrote none.
    pub summary: String,
    /// Cleaned HTML with absolute links.
    pub body_html: String,
    /// The site's language where the newsroom did not say.
    pub language: Language,
    /// Shared by translations of one story.
    pub family: Option<String>,
    /// Newsroom's sections, the first is the main one.
    pub sections: Vec<String>,
    /// Newsroom's tags.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub authors: Vec<Author>,
    /// The line under the headline, where it says more than the authors.
    pub byline: Option<String>,
    /// Where the story was taken from.
    pub source: Option<Source>,
    /// Copyright line.
    pub rights: Option<String>,
    /// Pictures, sound, video, in order.
    pub media: Vec<Media>,
    /// First publication; only a draft may have none.
    pub published_at: Option<Millis>,
    /// The last editorial change (title, summary, body, authors, media), nothing else.
    pub updated_at: Millis,
    /// Where it is in its life.
    pub status: Status,
    /// Not public before this time, whatever the status says.
    pub embargo_until: Option<Millis>,
    /// Views brought from the old system.
    pub carried_over: Option<CarriedOver>,
}

impl Article {
    /// When the public may see it: never for drafts and withdrawn articles.
    pub fn visible_from(&self) -> Option<Millis> {
        match self.status {
            Status::Draft | Status::Withdrawn => None,
            Status::Scheduled => self.published_at.max(self.embargo_until),
            Status::Published => Some(self.embargo_until.unwrap_or(Millis(i64::MIN))),
        }
    }

    /// True when the public may see it at `now`.
    pub fn is_public(&self, now: Millis) -> bool {
        self.visible_from().is_some_and(|from| from <= now)
    }

    /// Views brought from the old system, 0 where there were none.
    pub fn carried_over_views(&self) -> u64 {
        self.carried_over.as_ref().map_or(0, |c| c.views)
    }
}

/// Where an article is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Not for the public.
    Draft,
    /// Public when `published_at` comes.
    Scheduled,
    /// Public.
    Published,
    /// Was taken back; a tombstone remains.
    Withdrawn,
}

impl Status {
    /// All of them, in the order of life.
    pub const ALL: [Status; 4] =
        [Status::Draft, Status::Scheduled, Status::Published, Status::Withdrawn];

    /// The word used in JSON, settings and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Scheduled => "scheduled",
            Status::Published => "published",
            Status::Withdrawn => "withdrawn",
        }
    }

    /// The status a word stands for.
    pub fn from_word(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// A person or body that wrote an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// As readers see it.
    pub name: String,
    /// A page about the author.
    pub url: Option<WebUrl>,
}

/// The publication a story was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As readers see it.
    pub name: String,
    /// Its address.
    pub url: Option<WebUrl>,
}

/// A picture, sound or video of an article.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// Where the file is.
    pub url: WebUrl,
    /// Media type such as `image/jpeg` (RFC 6838).
    pub media_type: String,
    /// Size of the file; unknown is `None`.
    pub bytes: Option<u64>,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Length of sound and video.
    pub duration_seconds: Option<f64>,
    /// What it is for.
    pub role: MediaRole,
    /// Who made it.
    pub credit: Option<String>,
    /// What it shows, for those who do not see it.
    pub alt: Option<String>,
}

/// What a media file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaRole {
    /// The picture that stands for the article.
    Lead,
    /// Stands in the body.
    Body,
    /// Sound or video to be offered as an enclosure.
    Enclosure,
}

impl MediaRole {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            MediaRole::Lead => "lead",
            MediaRole::Body => "body",
            MediaRole::Enclosure => "enclosure",
        }
    }

    /// The role a word stands for.
    pub fn from_word(word: &str) -> Option<MediaRole> {
        [MediaRole::Lead, MediaRole::Body, MediaRole::Enclosure]
            .into_iter()
            .find(|r| r.as_str() == word)
    }
}

/// Views counted by the system before us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedOver {
    /// How many.
    pub views: u64,
    /// When the number was taken.
    pub at: Millis,
    /// From what, for example `wxr post_views_count` or `api`.
    pub source: String,
}
