//! Whatever an article holds, the three formats say the same of it, strict parsers take them, and the
//! same article makes the same bytes.

use jarshy::{
    feed,
    model::{Article, Author, Format, Media, MediaRole, Millis},
};
use proptest::prelude::*;

use crate::newsroom::*;

/// What a reader makes of an entry; some trim a body.
#[derive(Debug, PartialEq)]
struct Read {
    title: String,
    link: String,
    published: i64,
    authors: Vec<String>,
    categories: Vec<String>,
    body: String,
    enclosures: Vec<(String, String, Option<u64>)>,
}

fn seconds(date: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(date)
        .or_else(|_| chrono::DateTime::parse_from_rfc2822(date))
        .unwrap_or_else(|e| panic!("{date}: {e}"))
        .timestamp()
}

fn from_rss(bytes: &[u8]) -> Vec<(String, Read)> {
    let channel = rss::Channel::read_from(bytes).unwrap();
    let one = |item: rss::Item| {
        let enclosure = item.enclosure.map(|e| (e.url, e.mime_type, e.length.parse().ok()));
        let read = Read {
            title: item.title.unwrap(),
            link: item.link.unwrap(),
            published: seconds(&item.pub_date.unwrap()),
            authors: item.dublin_core_ext.map(|dc| dc.creators).unwrap_or_default(),
            categories: item.categories.into_iter().map(|c| c.name).collect(),
            body: item.content.unwrap_or_default().trim().to_owned(),
            enclosures: enclosure.into_iter().map(known).collect(),
        };
        (item.guid.unwrap().value, read)
    };
    channel.items.into_iter().map(one).collect()
}

/// RSS says 0 where a length is not known.
fn known((url, kind, length): (String, String, Option<u64>)) -> (String, String, Option<u64>) {
    (url, kind, length.filter(|length| *length > 0))
}

fn from_atom(bytes: &[u8]) -> Vec<(String, Read)> {
    let feed = atom_syndication::Feed::read_from(bytes).unwrap();
    let one = |entry: atom_syndication::Entry| {
        let of =
            |rel: &str| entry.links.iter().filter(|l| l.rel == rel).cloned().collect::<Vec<_>>();
        let enclosure = |link: &atom_syndication::Link| {
            let length = link.length.as_ref().and_then(|length| length.parse().ok());
            known((link.href.clone(), link.mime_type.clone().unwrap_or_default(), length))
        };
        let read = Read {
            title: entry.title.value.clone(),
            link: of("alternate")[0].href.clone(),
            published: entry.published.unwrap().timestamp(),
            authors: entry.authors.iter().map(|a| a.name.clone()).collect(),
            categories: entry.categories.iter().map(|c| c.term.clone()).collect(),
            body: entry
                .content
                .as_ref()
                .and_then(|c| c.value.clone())
                .unwrap_or_default()
                .trim()
                .to_owned(),
            enclosures: of("enclosure").iter().take(1).map(enclosure).collect(),
        };
        (entry.id, read)
    };
    feed.entries.into_iter().map(one).collect()
}

fn from_json(bytes: &[u8]) -> Vec<(String, Read)> {
    let feed: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let one = |item: &serde_json::Value| {
        let files = list(&item["attachments"])
            .into_iter()
            .map(|a| known((text(&a["url"]), text(&a["mime_type"]), a["size_in_bytes"].as_u64())));
        let read = Read {
            title: text(&item["title"]),
            link: text(&item["url"]),
            published: seconds(item["date_published"].as_str().unwrap()),
            authors: list(&item["authors"]).iter().map(|a| text(&a["name"])).collect(),
            categories: list(&item["tags"]).iter().map(text).collect(),
            body: text(&item["content_html"]).trim().to_owned(),
            enclosures: files.take(1).collect(),
        };
        (text(&item["id"]), read)
    };
    list(&feed["items"]).iter().map(one).collect()
}

/// Letters that newsrooms write, and all that they should not.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[а-яәғқңөұүһі <>&\"']{0,40}",
        Just("]]><![CDATA[ &amp; \u{b}\u{fffe}\u{202e}\u{1f468}\u{200d}\u{1f469}".to_owned()),
    ]
}

fn an_article() -> impl Strategy<Value = Article> {
    let words = || prop::collection::vec(text(), 0..4);
    let time = || -70_000_000_000_000_i64..260_000_000_000_000;
    let file = (any::<Option<u64>>(), any::<Option<f64>>(), text());
    let texts = (text(), text(), text(), text());
    (texts, words(), words(), words(), (time(), time()), prop::option::of(file)).prop_map(
        |((title, summary, body, byline), sections, tags, names, (published, updated), file)| {
            let mut article = article("a");
            article.title = title;
            article.summary = summary;
            article.body_html = body;
            article.byline = Some(byline);
            article.sections = sections;
            article.tags = tags;
            article.authors = names.into_iter().map(|name| Author { name, url: None }).collect();
            article.published_at = Some(Millis(published));
            article.updated_at = Millis(updated);
            article.media = file.into_iter().map(sound).collect();
            article
        },
    )
}

fn sound((bytes, duration, alt): (Option<u64>, Option<f64>, String)) -> Media {
    let address = "https://turkestan.example/звук.mp3";
    let mut sound = picture(MediaRole::Enclosure, address);
    sound.media_type = "audio/mpeg".into();
    (sound.bytes, sound.duration_seconds, sound.alt) = (bytes, duration, Some(alt.clone()));
    sound.credit = Some(alt);
    sound
}

/// The id is Atom's own where the guid is no IRI; here it is one.
fn read(format: Format, bytes: &[u8]) -> Vec<(String, Read)> {
    match format {
        Format::Atom => from_atom(bytes),
        Format::Json => from_json(bytes),
        Format::Rss | Format::Rdf => from_rss(bytes),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_formats_agree_on_whatever_an_article_holds(
        articles in prop::collection::vec(an_article(), 1..4),
    ) {
        let mut articles = articles;
        for (number, article) in articles.iter_mut().enumerate() {
            article.guid = jarshy::model::Guid::parse(&format!("tag:a.example,2026:{number}")).unwrap();
        }
        let snapshot = snapshot(articles);
        let documents = Format::ALL.map(|format| document(format, &snapshot));
        for (format, bytes) in Format::ALL.into_iter().zip(&documents) {
            let again = feed::render(format, &snapshot).unwrap();
            prop_assert_eq!(again, bytes.as_bytes(), "the same article makes the same bytes");
        }
        let [rss, atom, json] =
            Format::ALL.map(|format| read(format, documents[format as usize].as_bytes()));
        prop_assert_eq!(&rss, &json);
        prop_assert_eq!(&atom, &json);
    }
}
