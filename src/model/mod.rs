//! Facts of a newsroom, valid because they exist. Pure: no clock, no files, no wire format.

mod agent_class;
mod article;
mod feed;
mod ids;
mod old_address;
mod time;
mod verdict;
mod web_url;

pub use agent_class::AgentClass;
pub use article::{Article, Author, CarriedOver, Media, MediaRole, Source, Status};
pub use feed::Format;
pub use ids::{ArticleId, BadId, FeedSlug, Guid, Language, slugify};
pub use old_address::{OldAddress, OldBases, OldFeed, OldKind, OldName, author_slug, old_slug};
pub use time::{BadTime, Millis};
pub use verdict::{Channel, Verdict};
pub use web_url::{BadUrl, WebUrl, shown};
