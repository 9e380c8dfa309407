//! Atom 1.0 (RFC 4287).
//!
//! Only text and HTML constructs are written: the writer lets ill-formed XHTML through, does not
//! escape attributes of extension elements, and gives an entry an empty id and the year 1970 unless
//! told otherwise. So no extensions, and every field that RFC 4287 requires is set here.

use atom_syndication::{
    Category, Content as Body, Entry as AtomEntry, Feed, FixedDateTime, Generator, Link, Person,
    Text, TextType,
};

use crate::{
    config::Content,
    model::{Format, Language, Media, Millis},
};

use super::{
    GENERATOR, RenderError, Snapshot,
    entry::{Creator, Entry, entry_id, whole_seconds},
    text,
};

/// The Atom document of a snapshot.
pub(super) fn render(snapshot: &Snapshot) -> Result<Vec<u8>, RenderError> {
    let feed = feed(snapshot);
    let failed = |e| RenderError::new("Atom document", &snapshot.slug, e);
    feed.write_to(Vec::with_capacity(size_hint(snapshot))).map_err(failed)
}

/// Escaped markup is longer than the markup.
fn size_hint(snapshot: &Snapshot) -> usize {
    2048 + snapshot.entries.iter().map(|entry| entry.body_html.len() * 5 / 4 + 2048).sum::<usize>()
}

fn feed(snapshot: &Snapshot) -> Feed {
    let others = snapshot.formats.iter().filter(|format| **format != Format::Atom);
    let mut links = vec![
        document_link(snapshot, Format::Atom, "self"),
        link("alternate", &text::uri(&snapshot.site_url), Some("text/html")),
    ];
    links.extend(others.map(|format| document_link(snapshot, *format, "alternate")));
    links.extend(snapshot.hubs.iter().map(|hub| link("hub", &text::uri(hub), None)));
    Feed {
        title: plain(&text::line(&snapshot.title), None),
        id: snapshot.self_url(Format::Atom),
        updated: date(snapshot.changed_at),
        // Stands for entries without an author, which RFC 4287 §4.1.1 requires.
        authors: vec![Person {
            name: text::line(&snapshot.publisher).into_owned(),
            uri: Some(text::uri(&snapshot.site_url).into_owned()),
            ..Person::default()
        }],
        generator: Some(Generator { value: GENERATOR.into(), uri: None, version: None }),
        links,
        rights: Some(text::line(&snapshot.rights))
            .filter(|r| !r.is_empty())
            .map(|r| plain(&r, None)),
        logo: snapshot.logo.as_ref().map(|url| text::uri(url).into_owned()),
        icon: snapshot.icon.as_ref().map(|url| text::uri(url).into_owned()),
        subtitle: Some(plain(&text::line(&snapshot.description), None)),
        lang: snapshot.language.as_ref().map(ToString::to_string),
        entries: snapshot.entries.iter().map(|a| entry(&Entry::of(a), snapshot)).collect(),
        ..Feed::default()
    }
}

fn entry(entry: &Entry<'_>, snapshot: &Snapshot) -> AtomEntry {
    let own = Some(entry.language).filter(|own| snapshot.language.as_ref() != Some(*own));
    let full = snapshot.content == Content::Full && !entry.body.is_empty();
    AtomEntry {
        title: plain(&entry.title, own),
        id: entry_id(Format::Atom, entry.guid.as_str()).into_owned(),
        updated: date(entry.updated()),
        published: Some(date(entry.published)),
        authors: entry.authors.iter().map(person).collect(),
        categories: categories(entry, snapshot),
        links: links(entry),
        rights: Some(&entry.rights).filter(|r| !r.is_empty()).map(|r| plain(r, own)),
        summary: Some(&entry.summary).filter(|s| !s.is_empty()).map(|s| plain(s, own)),
        content: full.then(|| html(&entry.body, own)),
        ..AtomEntry::default()
    }
}

fn plain(text: &str, language: Option<&Language>) -> Text {
    Text {
        value: text.to_owned(),
        base: None,
        lang: language.map(ToString::to_string),
        r#type: TextType::Text,
    }
}

fn html(body: &str, language: Option<&Language>) -> Body {
    Body {
        value: Some(body.to_owned()),
        content_type: Some("html".into()),
        lang: language.map(ToString::to_string),
        ..Body::default()
    }
}

fn person(author: &Creator<'_>) -> Person {
    Person {
        name: author.name.to_string(),
        uri: author.url.as_ref().map(ToString::to_string),
        ..Person::default()
    }
}

/// The scheme tells sections from tags.
fn categories(entry: &Entry<'_>, snapshot: &Snapshot) -> Vec<Category> {
    let category = |category: &super::entry::Category<'_>| Category {
        term: category.word.to_string(),
        scheme: Some(snapshot.scheme(category.kind)),
        label: None,
    };
    entry.categories.iter().map(category).collect()
}

fn links(entry: &Entry<'_>) -> Vec<Link> {
    let mut links = vec![link("alternate", &entry.link, Some("text/html"))];
    let only_image = entry.image().filter(|_| entry.enclosures.is_empty());
    links.extend(entry.enclosures.iter().copied().chain(only_image).map(enclosure));
    if let Some((source, url)) = entry.source.as_ref().and_then(|s| Some((s, s.url.as_ref()?))) {
        let title = Some(source.name.to_string()).filter(|name| !name.is_empty());
        links.push(Link { title, ..link("via", url, None) });
    }
    links
}

fn enclosure(media: &Media) -> Link {
    let alt = media.alt.as_deref().map(text::line).unwrap_or_default();
    Link {
        length: media.bytes.map(|bytes| bytes.to_string()),
        title: Some(alt.into_owned()).filter(|alt| !alt.is_empty()),
        ..link("enclosure", &text::uri(&media.url), Some(text::media_type(&media.media_type)))
    }
}

fn document_link(snapshot: &Snapshot, format: Format, rel: &str) -> Link {
    link(rel, &snapshot.self_url(format), Some(format.media_type()))
}

fn link(rel: &str, href: &str, media_type: Option<&str>) -> Link {
    Link {
        href: href.to_owned(),
        rel: rel.to_owned(),
        mime_type: media_type.map(ToOwned::to_owned),
        ..Link::default()
    }
}

fn date(time: Millis) -> FixedDateTime {
    whole_seconds(time).utc().fixed_offset()
}
