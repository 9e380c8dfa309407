//! `[[sources]]`: where articles are pulled from. Secrets are not here: a source names the file that
//! holds its password.

use std::{path::PathBuf, time::Duration};

use sha2::{Digest, Sha256};

use crate::model::{Language, WebUrl};

/// A declared source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceConfig {
    /// Its name in metrics, state and logs: 1–40 characters of `[a-z0-9-]`.
    pub name: String,
    /// From one pull to the next.
    pub every: Duration,
    /// What it is, and what belongs to that.
    pub kind: SourceKind,
}

impl SourceConfig {
    /// Where it is.
    pub fn url(&self) -> &WebUrl {
        match &self.kind {
            SourceKind::WordPress(source) => &source.url,
            SourceKind::Feed(source) => &source.url,
        }
    }

    /// What the place where a pull goes on belongs to: with another one everything is read anew.
    pub fn identity(&self) -> String {
        let (kind, url, prefix) = (self.kind.as_str(), identity_of(self.url()), self.prefix());
        match &self.kind {
            SourceKind::WordPress(source) => {
                let user = source.user.as_deref().unwrap_or_default();
                format!("{kind} {url} {prefix} {user} {}", source.types.join(","))
            }
            SourceKind::Feed(source) => {
                let language = source.language.as_ref().map_or("", Language::as_str);
                let section = source.section.as_deref().unwrap_or_default();
                format!("{kind} {url} {prefix} {language} {section}")
            }
        }
    }

    /// What the ids of its articles begin with.
    pub fn prefix(&self) -> &str {
        match &self.kind {
            SourceKind::WordPress(source) => &source.prefix,
            SourceKind::Feed(source) => &source.prefix,
        }
    }
}

/// An address, so that keys in it are kept nowhere but in the settings.
fn identity_of(url: &WebUrl) -> String {
    let shown = url.shown();
    if shown == url.as_str() {
        return shown;
    }
    let hash = Sha256::digest(url.as_str().as_bytes());
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{shown} {digits}")
}

/// What a source is.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// A WordPress site, read by its REST API.
    WordPress(WordPressSource),
    /// An RSS, Atom or JSON feed.
    Feed(FeedSource),
}

impl SourceKind {
    /// The word in the settings.
    pub fn as_str(&self) -> &'static str {
        match self {
            SourceKind::WordPress(_) => "wordpress",
            SourceKind::Feed(_) => "feed",
        }
    }
}

/// A WordPress site.
#[derive(Clone, Debug, PartialEq)]
pub struct WordPressSource {
    /// The site's address (WordPress's "Site Address"), without a slash at the end.
    pub url: WebUrl,
    /// Whose application password is used; nobody's reads what is public.
    pub user: Option<String>,
    /// The file that holds the application password; set with `user`, and readable when the settings
    /// were read.
    pub password_file: Option<PathBuf>,
    /// Ids are `PREFIX-<post id>`.
    pub prefix: String,
    /// How often the whole list is compared with the store.
    pub reconcile_every: Duration,
    /// Post types by their REST names, such as `posts`.
    pub types: Vec<String>,
    /// For one request.
    pub timeout: Duration,
    /// Posts asked for at once, 1 to 100.
    pub page_size: usize,
}

/// An RSS, Atom or JSON feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedSource {
    /// Where the feed is.
    pub url: WebUrl,
    /// Ids are `PREFIX-<hash of the guid>`; the source's name where not set.
    pub prefix: String,
    /// The one section of its articles, their categories being tags then; without it the categories
    /// are sections.
    pub section: Option<String>,
    /// Of its articles, whatever the feed says; what it says where not set.
    pub language: Option<Language>,
    /// A quiet feed is asked less and less often, down to this.
    pub every_max: Duration,
}
