//! What an export says of WordPress's own names: slugs of categories, tags and authors, so that their
//! old feed addresses can be answered. Keeps no post.

use std::collections::HashMap;

use super::{
    item::Item,
    reader::{NamedAuthor, NamedTerm},
};
use crate::{
    ingest::clean::plain_text,
    model::{OldKind, OldName, old_slug},
};

/// Names remembered.
const NAMES_MAX: usize = 100_000;

/// Names by kind and slug.
#[derive(Debug, Default)]
pub(super) struct OldNames {
    names: HashMap<(OldKind, String), OldName>,
    /// Slugs of authors by login.
    logins: HashMap<String, String>,
}

impl OldNames {
    /// Remembers an author of the channel's list.
    pub fn add_author(&mut self, author: &NamedAuthor) {
        let Some(mut name) = OldName::of_login(&author.login, &words(&author.name)) else { return };
        name.number = author.id.trim().parse().ok();
        self.logins.insert(author.login.trim().to_owned(), name.slug.clone());
        self.add(name);
    }

    /// Remembers a category or tag of the channel's list.
    pub fn add_term(&mut self, term: &NamedTerm) {
        let kind = if term.is_tag { OldKind::Tag } else { OldKind::Category };
        let Some(mut name) = OldName::new(kind, &term.slug, &words(&term.name)) else { return };
        name.number = term.id.trim().parse().ok();
        name.parent = Some(old_slug(&term.parent)).filter(|parent| !parent.is_empty());
        self.add(name);
    }

    /// Counts the names of a post. An export of some posts lists no terms in its channel.
    pub fn count(&mut self, item: &Item) {
        if item.status != "publish" {
            return;
        }
        for term in &item.terms {
            let kind = match term.domain.as_str() {
                "category" => OldKind::Category,
                "post_tag" => OldKind::Tag,
                _ => continue,
            };
            let name = OldName::new(kind, &term.nicename, &words(&term.name));
            if let Some(name) = name.and_then(|name| self.add(name)) {
                name.articles += 1;
            }
        }
        let slug = self.logins.get(item.creator.trim()).cloned();
        if let Some(name) = slug.and_then(|slug| self.names.get_mut(&(OldKind::Author, slug))) {
            name.articles += 1;
        }
    }

    fn add(&mut self, name: OldName) -> Option<&mut OldName> {
        let key = (name.kind, name.slug.clone());
        let is_full = self.names.len() >= NAMES_MAX && !self.names.contains_key(&key);
        (!is_full).then(|| self.names.entry(key).or_insert(name))
    }

    /// All of them, in no order.
    pub fn all(&self) -> Vec<OldName> {
        self.names.values().cloned().collect()
    }
}

/// As articles carry the word.
fn words(name: &str) -> String {
    plain_text(name).split_whitespace().collect::<Vec<_>>().join(" ")
}
