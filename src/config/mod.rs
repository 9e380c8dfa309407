//! The settings: `default.toml`, then a file, then the environment, then flags, checked as a whole.
//!
//! Each feature gets its own section, never the whole [`Config`]. Nothing here opens a file except
//! [`load`], and a source's password file to see that it can be read; nothing here is changed after it was built: a reload builds a new [`Config`].

mod declared;
mod feeds;
mod layers;
mod load;
mod reference;
mod schema;
mod sources;
mod takeover;
mod value;
mod warnings;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono_tz::Tz;
use ipnet::IpNet;

pub use feeds::{Content, FeedConfig, FeedLanguage, FeedsAuto, Select};
pub use load::{ConfigErrors, Fault, Overrides, load, parse, reference};
pub use reference::{KeyReference, SectionReference};
pub use sources::{FeedSource, SourceConfig, SourceKind, WordPressSource};
pub use value::{parse_duration, parse_log_level};
pub use warnings::{Warning, warnings};

use crate::model::{FeedSlug, Language, WebUrl};

/// All settings, valid because they exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The publisher's site.
    pub site: Site,
    /// The public listener.
    pub public: Public,
    /// The ops listener.
    pub ops: Ops,
    /// The article database.
    pub store: Store,
    /// Counting views.
    pub views: Views,
    /// Bounds on what is published.
    pub publish: Publish,
    /// Bounds on what is accepted.
    pub limits: Limits,
    /// WordPress's addresses.
    pub takeover: Takeover,
    /// Bounds on metric labels.
    pub metrics: Metrics,
    /// The scheduler.
    pub jobs: Jobs,
    /// The log.
    pub log: Log,
    /// Telling a cache in front that documents changed.
    pub purge: Purge,
    /// HTTP that jarshy starts.
    pub outbound: Outbound,
    /// What holds for every source.
    pub pull: Pull,
    /// Declared sources, in the order of the file.
    pub sources: Vec<SourceConfig>,
    /// Declared feeds, in the order of the file.
    pub feeds: Vec<FeedConfig>,
    /// Feeds made by themselves.
    pub feeds_auto: FeedsAuto,
}

/// `[site]`: the publisher's site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Where a feed has no title of its own.
    pub title: String,
    /// Origin of articles and of relative links.
    pub url: WebUrl,
    /// Whose pages may count views, as in the `Origin` header.
    pub origins: Vec<String>,
    /// Of articles that do not say.
    pub language: Language,
    /// Of schedules and of times without a zone.
    pub time_zone: Tz,
    /// The copyright line of every feed; empty is none.
    pub rights: String,
    /// A picture that stands for the site.
    pub logo: Option<WebUrl>,
    /// A small square one.
    pub icon: Option<WebUrl>,
}

/// `[public]`: the listener for the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Public {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How the world sees the listener, without a slash at the end.
    pub url: WebUrl,
    /// Whose `X-Forwarded-For` and `Forwarded` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `Cache-Control: max-age` of documents that change often.
    pub max_age: Duration,
    /// The same of those that change rarely.
    pub max_age_max: Duration,
    /// RFC 5861 §3.
    pub stale_while_revalidate: Duration,
    /// RFC 5861 §4.
    pub stale_if_error: Duration,
    /// WebSub hubs that every feed names.
    pub hubs: Vec<WebUrl>,
}

/// `[ops]`: the listener for metrics, API and health.
#[derive(Clone, Debug, PartialEq)]
pub struct Ops {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
}

/// `[store]`: the article database.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Folder of both databases, the lock and `daemon.json`.
    pub data: PathBuf,
    /// How long a write waits for another process's write.
    pub busy_timeout: Duration,
    /// Read connections.
    pub readers: usize,
    /// Writes waiting for the writer.
    pub write_queue_max: usize,
    /// Less room on the disk, and articles are refused; a quarter of it, and hits too. 0 is never.
    pub free_bytes_min: usize,
    /// Less room on the disk, and it is said.
    pub free_bytes_warn: usize,
}

/// `[views]`: counting views.
#[derive(Clone, Debug, PartialEq)]
pub struct Views {
    /// The same visitor and article within it is a repeat.
    pub repeat_window: Duration,
    /// A hit without `Origin` and `Referer` is foreign.
    pub require_origin: bool,
    /// Hits waiting for the disk.
    pub queue_max: usize,
    /// Hits committed together.
    pub batch_hits_max: usize,
    /// Visitor keys remembered.
    pub repeat_keys_max: usize,
    /// How often committed hits are added to the counts.
    pub fold_every: Duration,
    /// Hits with an `Idempotency-Key` remembered.
    pub idempotency_keys_max: usize,
    /// Rows of hits for articles that have not arrived.
    pub parked_max: usize,
    /// Articles of one `/count?ids=`.
    pub count_ids_max: usize,
}

/// `[publish]`: bounds on what is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    /// A bigger document is a failed generation.
    pub document_bytes_max: usize,
    /// The most that a feed's `entries` may ask for.
    pub entries_max: usize,
    /// Share of a feed's entries that may vanish at once without withdrawals, 0 to 1.
    pub shrink_max: f64,
}

/// `[limits]`: bounds on what is accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Open connections of a listener.
    pub connections_max: usize,
    /// Open connections of one IPv4 address or IPv6 /64 that is no trusted proxy.
    pub connections_per_address_max: usize,
    /// An older connection is closed after its next answer.
    pub connection_age_max: Duration,
    /// Open files that connections leave to the databases.
    pub descriptors_reserved: usize,
    /// Request line and headers together.
    pub header_bytes_max: usize,
    /// Header lines.
    pub headers_max: usize,
    /// Request target; longer is 414.
    pub uri_bytes_max: usize,
    /// Body of an API request; longer is 413.
    pub body_bytes_max: usize,
    /// Body of a hit.
    pub hit_body_bytes_max: usize,
    /// Body of a ping.
    pub ping_body_bytes_max: usize,
    /// From the first byte to the end of the headers.
    pub header_timeout: Duration,
    /// To send a whole body.
    pub body_timeout: Duration,
    /// Between two requests of a connection.
    pub idle_timeout: Duration,
    /// Without any progress in taking an answer.
    pub write_timeout: Duration,
    /// How fast an answer must be taken on average, once a peer is `write_timeout` behind.
    pub write_bytes_per_second_min: usize,
    /// API requests at once.
    pub api_requests_max: usize,
    /// Of these, lists, changes, batches and reports.
    pub exports_max: usize,
    /// How long a stop waits for answers under way.
    pub drain_timeout: Duration,
    /// One article's HTML.
    pub article_bytes_max: usize,
    /// Nesting of one article's HTML.
    pub html_depth_max: usize,
    /// Rows of one answer of the API.
    pub list_max: usize,
}

/// `[takeover]`: the addresses at which WordPress served feeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Takeover {
    /// Whether they are answered, and how.
    pub addresses: OldAddresses,
    /// The declared feed that `/feed/` is; one there is, unless they are not answered.
    pub feed: FeedSlug,
    /// Entries of the feeds of categories, tags and authors.
    pub entries: usize,
    /// Feeds of categories, tags and authors.
    pub feeds_max: usize,
    /// Before a category's slug.
    pub category_base: String,
    /// Before a tag's slug.
    pub tag_base: String,
}

/// How old addresses are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldAddresses {
    /// Not at all.
    Off,
    /// With our documents.
    Serve,
    /// With the address of our documents.
    Redirect,
}

/// `[metrics]`: bounds on metric labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Sections with a series of their own.
    pub sections_max: usize,
    /// Declared feeds with series of their own.
    pub feeds_max: usize,
    /// Sources with series of their own.
    pub sources_max: usize,
}

/// `[outbound]`: HTTP that jarshy starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbound {
    /// Networks that are not public and may be reached all the same.
    pub networks_allowed: Vec<IpNet>,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// From the name's resolution to the connection.
    pub connect_timeout: Duration,
    /// For a whole request that does not say, redirects included.
    pub timeout: Duration,
    /// An answer's body, also after unpacking, of a request that does not say.
    pub body_bytes_max: usize,
}

/// `[pull]`: what holds for every source.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    /// A pull that runs longer is ended and counted as failed.
    pub time_limit: Duration,
    /// At most one pull for pings within it.
    pub ping_interval: Duration,
    /// After the first failure; doubled by each further one …
    pub retry_min: Duration,
    /// … up to this.
    pub retry_max: Duration,
}

/// `[jobs]`: the scheduler.
#[derive(Clone, Debug, PartialEq)]
pub struct Jobs {
    /// A job that runs longer is ended and counted as failed.
    pub time_limit: Duration,
}

/// `[purge]`: telling a cache in front of us that documents changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Purge {
    /// Called for each changed document, with `{url}` `{path}` `{url_encoded}` `{path_encoded}`
    /// filled in; `None` calls nobody.
    pub url: Option<String>,
    /// The method of the call.
    pub method: String,
    /// The body of the call, filled in as `url` is.
    pub body: String,
    /// A file of headers, one a line; read for each call, so that a key may change.
    pub headers_file: Option<PathBuf>,
    /// For a whole call.
    pub timeout: Duration,
    /// Calls for one change before it is given up.
    pub tries_max: usize,
}

/// `[log]`: the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// A level or a filter of `tracing`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
    /// A line for each request.
    pub access: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
