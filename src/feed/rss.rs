//! RSS 2.0 (rssboard.org/rss-specification) with `content:encoded`, Dublin Core and `atom:link`.
//!
//! Never writes `author` (it wants an e-mail address). `ttl` and the syndication module say what
//! `Cache-Control` says: how often the feed really changes. Namespaces are declared for what is used,
//! no more.

use std::collections::BTreeMap;

use ::rss::{
    Category, Channel, Enclosure, Guid, Image, Item, Source,
    extension::{Extension, ExtensionMap, dublincore::DublinCoreExtension},
};

use crate::{
    config::Content,
    model::{Format, Media},
};

use super::{GENERATOR, RenderError, Snapshot, entry::Entry, media, rhythm::Updates, text};

const NAMESPACES: [(&str, &str); 4] = [
    ("atom", "http://www.w3.org/2005/Atom"),
    ("dcterms", "http://purl.org/dc/terms/"),
    (media::PREFIX, media::NAMESPACE),
    ("sy", "http://purl.org/rss/1.0/modules/syndication/"),
];
const DOCS: &str = "https://www.rssboard.org/rss-specification";

/// The RSS document of a snapshot.
pub(super) fn render(snapshot: &Snapshot) -> Result<Vec<u8>, RenderError> {
    let channel = channel(snapshot);
    let failed = |e| RenderError::new("RSS document", &snapshot.slug, e);
    channel.write_to(Vec::with_capacity(size_hint(snapshot))).map_err(failed)
}

fn size_hint(snapshot: &Snapshot) -> usize {
    2048 + snapshot.entries.iter().map(|entry| entry.body_html.len() + 2048).sum::<usize>()
}

fn channel(snapshot: &Snapshot) -> Channel {
    let items: Vec<Item> =
        snapshot.entries.iter().map(|article| item(&Entry::of(article), snapshot)).collect();
    let extensions = channel_extensions(snapshot);
    let used = |prefix: &str| {
        extensions.contains_key(prefix)
            || items.iter().any(|item| item.extensions.contains_key(prefix))
    };
    let namespaces = NAMESPACES.into_iter().filter(|(prefix, _)| used(prefix));
    let namespaces =
        namespaces.map(|(prefix, name)| (prefix.to_owned(), name.to_owned())).collect();
    Channel {
        title: text::line(&snapshot.title).into_owned(),
        link: text::uri(&snapshot.site_url).into_owned(),
        description: text::html(&text::line(&snapshot.description)),
        language: snapshot.language.as_ref().map(ToString::to_string),
        copyright: Some(text::line(&snapshot.rights).into_owned()).filter(|line| !line.is_empty()),
        last_build_date: Some(snapshot.changed_at.to_rfc822()),
        generator: Some(GENERATOR.to_owned()),
        docs: Some(DOCS.to_owned()),
        ttl: snapshot.rhythm.map(|_| snapshot.max_age.as_secs().div_ceil(60).to_string()),
        image: image(snapshot),
        extensions,
        namespaces,
        items,
        ..Channel::default()
    }
}

/// RSS wants the channel's own title and link here.
fn image(snapshot: &Snapshot) -> Option<Image> {
    Some(Image {
        url: text::uri(snapshot.logo.as_ref()?).into_owned(),
        title: text::line(&snapshot.title).into_owned(),
        link: text::uri(&snapshot.site_url).into_owned(),
        ..Image::default()
    })
}

/// Links to itself, its other formats and hubs, and how often it changes.
fn channel_extensions(snapshot: &Snapshot) -> ExtensionMap {
    let others = snapshot.formats.iter().filter(|format| **format != Format::Rss);
    let document =
        |format: Format, rel| atom_link(snapshot.self_url(format), rel, Some(format.media_type()));
    let mut links = vec![document(Format::Rss, "self")];
    links.extend(others.map(|format| document(*format, "alternate")));
    links.extend(snapshot.hubs.iter().map(|hub| atom_link(text::uri(hub).into(), "hub", None)));
    let mut extensions =
        ExtensionMap::from([("atom".into(), BTreeMap::from([("link".into(), links)]))]);
    if let Some(rhythm) = snapshot.rhythm {
        let Updates { period, frequency } = rhythm.updates();
        let said =
            [("updatePeriod", period.to_owned()), ("updateFrequency", frequency.to_string())];
        let said = said.map(|(name, value)| (name.to_owned(), vec![worded("sy", name, value)]));
        extensions.insert("sy".into(), BTreeMap::from(said));
    }
    extensions
}

fn atom_link(href: String, rel: &str, media_type: Option<&str>) -> Extension {
    let attrs = [
        Some(("href", href)),
        Some(("rel", rel.to_owned())),
        media_type.map(|media_type| ("type", media_type.to_owned())),
    ];
    let attrs = attrs.into_iter().flatten();
    let attrs = attrs.map(|(name, value)| (name.to_owned(), value)).collect();
    Extension { name: "atom:link".into(), attrs, ..Extension::default() }
}

/// An element of a namespace with nothing but words in it.
fn worded(prefix: &str, name: &str, value: String) -> Extension {
    Extension { name: format!("{prefix}:{name}"), value: Some(value), ..Extension::default() }
}

fn item(entry: &Entry<'_>, snapshot: &Snapshot) -> Item {
    let guid = entry.guid.as_str();
    let full = snapshot.content == Content::Full && !entry.body.is_empty();
    Item {
        title: Some(entry.title.to_string()),
        link: Some(entry.link.to_string()),
        // Readers take a description for HTML.
        description: Some(text::html(&entry.summary)).filter(|text| !text.is_empty()),
        categories: categories(entry, snapshot),
        enclosure: entry.main_enclosure().map(enclosure),
        guid: Some(Guid { value: guid.to_owned(), permalink: guid == entry.link }),
        pub_date: Some(entry.published.to_rfc822()),
        source: source(entry),
        content: full.then(|| entry.body.to_string()),
        extensions: item_extensions(entry),
        dublin_core_ext: dublin_core(entry, snapshot),
        ..Item::default()
    }
}

/// The domain tells sections from tags.
fn categories(entry: &Entry<'_>, snapshot: &Snapshot) -> Vec<Category> {
    let category = |category: &super::entry::Category<'_>| Category {
        name: category.word.to_string(),
        domain: Some(snapshot.scheme(category.kind)),
    };
    entry.categories.iter().map(category).collect()
}

/// Length 0 says that it is not known.
fn enclosure(media: &Media) -> Enclosure {
    Enclosure {
        url: text::uri(&media.url).into_owned(),
        length: media.bytes.unwrap_or(0).to_string(),
        mime_type: text::media_type(&media.media_type).to_owned(),
    }
}

fn source(entry: &Entry<'_>) -> Option<Source> {
    let source = entry.source.as_ref()?;
    let url = source.url.as_ref()?.to_string();
    Some(Source { url, title: Some(source.name.to_string()) })
}

/// Media, and the time of an edit: that never moves `pubDate`, which would float the item to the top
/// as new.
fn item_extensions(entry: &Entry<'_>) -> ExtensionMap {
    let mut extensions = ExtensionMap::new();
    media::add(entry, &mut extensions);
    if let Some(time) = entry.modified {
        let modified = vec![worded("dcterms", "modified", time.to_rfc3339())];
        extensions.insert("dcterms".into(), BTreeMap::from([("modified".into(), modified)]));
    }
    extensions
}

/// Authors, rights, and the language where it is not the feed's.
fn dublin_core(entry: &Entry<'_>, snapshot: &Snapshot) -> Option<DublinCoreExtension> {
    let own = Some(entry.language).filter(|own| snapshot.language.as_ref() != Some(*own));
    let rights = Some(&entry.rights).filter(|rights| !rights.is_empty());
    let terms = DublinCoreExtension {
        creators: entry.authors.iter().map(|author| author.name.to_string()).collect(),
        languages: own.iter().map(ToString::to_string).collect(),
        rights: rights.iter().map(ToString::to_string).collect(),
        ..DublinCoreExtension::default()
    };
    (terms != DublinCoreExtension::default()).then_some(terms)
}
