//! A post as a candidate: the same article, word for word, that an export of the same site makes.
//!
//! Where REST is silent or hides something (an author, a photo, the language of a free plugin), what
//! is known already stays; nothing is guessed.

use super::{due, excerpt::is_made, names::Names, post::Post, sound::enclosures};
use crate::{
    ingest::{Candidate, wxr},
    model::{Article, ArticleId, Author, Guid, Media, MediaRole, Millis, Status, WebUrl},
    store::Stored,
};

/// Sections or tags of one article, as from an export.
const TERMS_MAX: usize = 50;

/// What turning posts into candidates needs.
pub(super) struct Posts<'a> {
    pub prefix: &'a str,
    /// The site's address without a slash at the end.
    pub site: &'a str,
    pub names: &'a Names,
}

/// The article's id of a post.
pub(super) fn article_id(prefix: &str, post: u64) -> Result<ArticleId, String> {
    ArticleId::parse(&format!("{prefix}-{post}")).map_err(|e| format!("its id cannot be made: {e}"))
}

impl Posts<'_> {
    /// The candidate, or why there is none. `family` is that of its translations.
    pub fn candidate(
        &self,
        post: Post,
        stored: Option<&Stored>,
        family: Option<String>,
    ) -> Result<Candidate, String> {
        let id = article_id(self.prefix, post.id)?;
        let old = stored.map(|s| &s.article);
        // A password hides the words, it does not change them.
        let hidden = old.filter(|_| post.is_protected && post.content.trim().is_empty());
        let written = || !is_made(&post.excerpt, &post.content);
        let summary =
            if post.has_excerpt.unwrap_or_else(written) { post.excerpt.as_str() } else { "" };
        let (body_html, summary) = match hidden {
            Some(old) => (old.body_html.clone(), crate::ingest::clean::escaped(&old.summary)),
            None => (post.content.trim().to_owned(), summary.to_owned()),
        };
        Ok(Candidate {
            title: wxr::title_of(&post.title, &body_html, &summary, post.id),
            guid: Guid::parse(&post.guid).ok(),
            url: self.url(&post)?,
            slug: Some(post.slug.clone()).filter(|slug| !slug.is_empty()),
            language: post.language.clone(),
            family,
            sections: terms(&post.categories, old.map(|a| &a.sections), |id| {
                self.names.section(id)
            }),
            tags: terms(&post.tags, old.map(|a| &a.tags), |id| self.names.tag(id)),
            authors: self.authors(&post, stored),
            byline: None,
            source: None,
            rights: None,
            media: self.media(&post, stored),
            published_at: post.published_at,
            updated_at: post.modified_at,
            status: post.status,
            embargo_until: embargo(&post, old),
            carried_over: None,
            id,
            summary,
            body_html,
        })
    }

    /// The link byte for byte; what has no public address yet gets the one that WordPress uses.
    fn url(&self, post: &Post) -> Result<WebUrl, String> {
        match WebUrl::parse(post.link.trim()) {
            Ok(url) => Ok(url),
            Err(_) if post.status != Status::Published => {
                let url = format!("{}/?p={}", self.site, post.id);
                WebUrl::parse(&url).map_err(|e| format!("link: {e}"))
            }
            Err(e) => Err(format!("link: {e}")),
        }
    }

    fn authors(&self, post: &Post, stored: Option<&Stored>) -> Vec<Author> {
        match self.names.author(post.author) {
            Some(name) => vec![Author { name: name.to_owned(), url: None }],
            None if post.author == 0 => vec![],
            None => stored.map_or(vec![], |s| s.article.authors.clone()),
        }
    }

    fn media(&self, post: &Post, stored: Option<&Stored>) -> Vec<Media> {
        let known = || {
            let media = stored.map(|s| &s.article.media);
            media.and_then(|m| m.iter().find(|m| m.role == MediaRole::Lead)).cloned()
        };
        let lead = match post.featured_media {
            0 => None,
            id => self.names.picture(id).cloned().or_else(known),
        };
        let mut media: Vec<Media> = lead.into_iter().collect();
        media.extend(enclosures(&post.content, stored));
        media
    }
}

/// One set here stays, by somebody who knew why; a scheduled post waits until its page is there.
fn embargo(post: &Post, old: Option<&Article>) -> Option<Millis> {
    let wait = |at: Option<Millis>| at.map(due::wait_until);
    let set_here = old.filter(|a| a.embargo_until != wait(a.published_at));
    let scheduled = post.status == Status::Scheduled;
    let waits = || wait(post.published_at).filter(|_| scheduled);
    set_here.and_then(|a| a.embargo_until).or_else(waits)
}

/// Names of terms in the order of their ids. One that cannot be read leaves all as they were.
fn terms<'a>(
    ids: &[u64],
    old: Option<&Vec<String>>,
    name: impl Fn(u64) -> Option<&'a str>,
) -> Vec<String> {
    let names: Vec<&str> = ids.iter().filter_map(|id| name(*id)).collect();
    if let Some(old) = old.filter(|_| names.len() < ids.len()) {
        return old.clone();
    }
    let mut kept: Vec<String> = Vec::new();
    for name in names.into_iter().filter(|name| !name.is_empty()).take(TERMS_MAX) {
        if !kept.iter().any(|k| k == name) {
            kept.push(name.to_owned());
        }
    }
    kept
}
