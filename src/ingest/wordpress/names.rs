//! What posts refer to by number: sections, tags, authors, pictures. Remembered between pulls, within
//! bounds, until the next reconciliation.
//!
//! What the site hides (users behind a firewall, a draft's photo) is remembered as unknown, so that
//! it is not asked for with every post.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    excerpt::is_made,
    post::{number, rendered, text},
};
use crate::{
    ingest::{clean::plain_text, wxr::media_type},
    model::{Media, MediaRole, OldKind, OldName, WebUrl},
};

/// Numbers of one kind that are remembered.
const REMEMBERED_MAX: usize = 20_000;

/// Kinds of things that posts refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Section,
    Tag,
    Author,
    Picture,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Section, Kind::Tag, Kind::Author, Kind::Picture];

    /// Where REST tells them.
    pub fn route(self) -> &'static str {
        match self {
            Kind::Section => "categories",
            Kind::Tag => "tags",
            Kind::Author => "users",
            Kind::Picture => "media",
        }
    }

    /// The fields asked for.
    pub fn fields(self) -> &'static str {
        match self {
            Kind::Section => "id,name,slug,parent,count",
            Kind::Tag => "id,name,slug,count",
            Kind::Author => "id,name,slug",
            // Fields of fields are not understood here.
            Kind::Picture => "id,source_url,mime_type,alt_text,caption,description,media_details",
        }
    }
}

/// What is known; `None` is known to be hidden.
#[derive(Debug, Default)]
pub(super) struct Names {
    sections: HashMap<u64, Option<String>>,
    tags: HashMap<u64, Option<String>>,
    authors: HashMap<u64, Option<String>>,
    pictures: HashMap<u64, Option<Media>>,
}

impl Names {
    /// A category's name.
    pub fn section(&self, id: u64) -> Option<&str> {
        self.sections.get(&id)?.as_deref()
    }

    /// A tag's name.
    pub fn tag(&self, id: u64) -> Option<&str> {
        self.tags.get(&id)?.as_deref()
    }

    /// An author's name.
    pub fn author(&self, id: u64) -> Option<&str> {
        self.authors.get(&id)?.as_deref().filter(|name| !name.is_empty())
    }

    /// A picture of the media library.
    pub fn picture(&self, id: u64) -> Option<&Media> {
        self.pictures.get(&id)?.as_ref()
    }

    /// Those of `ids` that have to be asked for, each once.
    pub fn unknown(&self, kind: Kind, ids: impl Iterator<Item = u64>) -> Vec<u64> {
        let is_known = |id: &u64| match kind {
            Kind::Section => self.sections.contains_key(id),
            Kind::Tag => self.tags.contains_key(id),
            Kind::Author => self.authors.contains_key(id),
            Kind::Picture => self.pictures.contains_key(id),
        };
        let mut unknown: Vec<u64> = ids.filter(|id| *id > 0 && !is_known(id)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// Remembers the answer to a question for `asked`: what is not in it is hidden.
    pub fn learn(&mut self, kind: Kind, asked: &[u64], answer: &[Value]) {
        match kind {
            Kind::Section => keep(&mut self.sections, asked, answer, name),
            Kind::Tag => keep(&mut self.tags, asked, answer, name),
            Kind::Author => keep(&mut self.authors, asked, answer, name),
            Kind::Picture => keep(&mut self.pictures, asked, answer, picture),
        }
    }

    /// Names may have changed, and what was hidden may be shown now.
    pub fn forget(&mut self) {
        *self = Names::default();
    }
}

/// How the site calls these in addresses, for those who still ask for its feeds. A parent that
/// neither the answer nor `known` names is left out.
pub(super) fn old_names(kind: Kind, answer: &[Value], known: &[OldName]) -> Vec<OldName> {
    let kind = match kind {
        Kind::Section => OldKind::Category,
        Kind::Tag => OldKind::Tag,
        Kind::Author => OldKind::Author,
        Kind::Picture => return Vec::new(),
    };
    let read = |item: &Value| {
        let mut name = OldName::new(kind, item["slug"].as_str()?, &name(item)?)?;
        name.number = number(&item["id"]);
        name.articles = number(&item["count"]).unwrap_or_default();
        Some((name, number(&item["parent"]).filter(|parent| *parent > 0)))
    };
    let read: Vec<(OldName, Option<u64>)> = answer.iter().filter_map(read).collect();
    let all: Vec<OldName> = read.iter().map(|(name, _)| name).chain(known).cloned().collect();
    let slug_of = |parent: u64| {
        let found = all.iter().find(|name| (name.kind, name.number) == (kind, Some(parent)));
        found.map(|name| name.slug.clone())
    };
    let with_parent = |(name, parent): (OldName, Option<u64>)| OldName {
        parent: parent.and_then(slug_of),
        ..name
    };
    read.into_iter().map(with_parent).collect()
}

fn keep<T>(
    known: &mut HashMap<u64, Option<T>>,
    asked: &[u64],
    answer: &[Value],
    read: fn(&Value) -> Option<T>,
) {
    if known.len() + asked.len() > REMEMBERED_MAX {
        known.clear();
    }
    known.extend(asked.iter().map(|id| (*id, None)));
    for item in answer {
        if let Some(id) = number(&item["id"]).filter(|id| asked.contains(id)) {
            known.insert(id, read(item));
        }
    }
}

fn name(item: &Value) -> Option<String> {
    item["name"].as_str().map(plain_text)
}

fn picture(item: &Value) -> Option<Media> {
    let url = WebUrl::parse(item["source_url"].as_str()?.trim()).ok()?;
    let details = &item["media_details"];
    let pixels = |side: &str| number(&details[side]).and_then(|n| u32::try_from(n).ok());
    let line = |text: String| Some(plain_text(&text)).filter(|text| !text.is_empty());
    let (caption, description) = (rendered(&item["caption"]), rendered(&item["description"]));
    // WordPress makes captions of descriptions where there is none.
    let written = !is_made(&caption, &description);
    let mime = text(&item["mime_type"]);
    let by_ending = media_type(url.as_str());
    Some(Media {
        media_type: if mime.contains('/') { mime } else { by_ending.to_owned() },
        bytes: number(&details["filesize"]).filter(|bytes| *bytes > 0),
        width: pixels("width").filter(|n| *n > 0),
        height: pixels("height").filter(|n| *n > 0),
        duration_seconds: None,
        role: MediaRole::Lead,
        credit: Some(caption).filter(|_| written).and_then(line),
        alt: line(text(&item["alt_text"])),
        url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_tells_how_the_site_calls_things_in_addresses() {
        let answer = serde_json::json!([
            { "id": 4, "name": "Спорт &amp; отдых", "slug": "sport", "parent": 9, "count": 7 },
            { "id": 9, "name": "Культура", "slug": "%d0%ba", "parent": 0, "count": 2 },
            { "id": 5, "name": "", "slug": "nameless" },
            { "id": 6, "name": "Мир", "slug": "mir", "parent": 77 },
        ]);
        let answer = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        let names = old_names(Kind::Section, answer, &[]);
        let told: Vec<_> = names
            .iter()
            .map(|n| (n.slug.as_str(), n.name.as_str(), n.parent.as_deref(), n.number, n.articles))
            .collect();
        assert_eq!(
            told,
            [
                ("sport", "Спорт & отдых", Some("к"), Some(4), 7),
                ("к", "Культура", None, Some(9), 2),
                ("mir", "Мир", None, Some(6), 0),
            ]
        );
        // The parent may have come before.
        let later = old_names(Kind::Section, &answer[..1], &names[1..2]);
        assert_eq!(later[0].parent.as_deref(), Some("к"));
        assert!(old_names(Kind::Picture, answer, &[]).is_empty());
    }
}
