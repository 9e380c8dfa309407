//! Whatever an article holds, every format is valid, says the same, and says it the same again.

use jarshy::{
    config::Content,
    feed::{self, Snapshot},
    model::{
        Article, ArticleId, Author, Format, Guid, Language, Media, MediaRole, Millis, Source,
        Status, WebUrl,
    },
};
use proptest::prelude::*;
use serde_json::Value;

use crate::newsroom::*;

/// What a reader sees of an entry.
#[derive(Debug, PartialEq)]
struct Seen {
    id: String,
    title: String,
    link: String,
    published: i64,
    updated: i64,
}

fn seen(snapshot: &Snapshot) -> [Vec<Seen>; 3] {
    Format::ALL.map(|format| {
        let text = document(format, snapshot);
        assert_eq!(text.as_bytes(), feed::render(format, snapshot).unwrap(), "twice the same");
        match format {
            Format::Json => seen_json(&text),
            Format::Rss => seen_rss(&text),
            Format::Atom | Format::Rdf => seen_xml(&text),
        }
    })
}

fn seen_xml(text: &str) -> Vec<Seen> {
    let feed = feed_rs::parser::parse(text.as_bytes()).unwrap();
    let entries = feed.entries.into_iter().map(|entry| {
        let published = entry.published.unwrap().timestamp();
        Seen {
            id: entry.id,
            title: entry.title.unwrap().content,
            link: entry.links.into_iter().find(|l| l.rel.as_deref() != Some("self")).unwrap().href,
            published,
            updated: entry.updated.map_or(published, |time| time.timestamp()),
        }
    });
    entries.collect()
}

/// feed-rs does not read `dcterms:modified`.
fn seen_rss(text: &str) -> Vec<Seen> {
    let channel = rss::Channel::read_from(text.as_bytes()).unwrap();
    let seen = seen_xml(text).into_iter().zip(channel.items).map(|(seen, item)| {
        let modified = item.extensions.get("dcterms").map(|terms| &terms["modified"][0]);
        let modified = modified.map(|element| at(element.value.as_deref().unwrap()).seconds());
        Seen { updated: modified.unwrap_or(seen.published), ..seen }
    });
    seen.collect()
}

fn seen_json(text: &str) -> Vec<Seen> {
    let feed: Value = serde_json::from_str(text).unwrap();
    let time = |value: &Value| value.as_str().map(|text| at(text).seconds());
    let items = feed["items"].as_array().unwrap().iter().map(|item| {
        let published = time(&item["date_published"]).unwrap();
        Seen {
            id: item["id"].as_str().unwrap().to_owned(),
            title: item["title"].as_str().unwrap().to_owned(),
            link: item["url"].as_str().unwrap().to_owned(),
            published,
            updated: time(&item["date_modified"]).unwrap_or(published),
        }
    });
    items.collect()
}

fn assert_agree(snapshot: &Snapshot) {
    let [rss, atom, json] = seen(snapshot);
    assert_eq!(rss.len(), snapshot.entries.len());
    assert_eq!(atom.len(), json.len());
    for (((rss, atom), json), article) in rss.iter().zip(&atom).zip(&json).zip(&snapshot.entries) {
        assert_eq!(json.id, article.guid.as_str());
        assert_eq!(rss.id.trim(), json.id.trim());
        assert_eq!(atom.id, feed::entry_id(Format::Atom, &json.id));
        for other in [rss, atom] {
            // feed-rs trims titles, of no-break spaces too.
            assert_eq!(other.title.trim(), json.title.trim());
            // feed-rs hands out addresses as browsers write them.
            assert_eq!(url(&other.link).to_uri(), url(&json.link).to_uri());
            assert_eq!(other.published, json.published);
            assert_eq!(other.updated, json.updated);
        }
    }
}

/// Strings that have broken feeds.
const NASTY: &[&str] = &[
    "]]>",
    "<![CDATA[a]]>",
    "<![CDATA[<![CDATA[a]]>]]>",
    "a]]]]><![CDATA[>b",
    "&amp;amp; &lt;b&gt; &nbsp; & && &#0; &#x1F;",
    "\u{fffe}\u{ffff}\u{fdd0}\u{1fffe}",
    "\u{301}\u{202e}\u{200f}\u{feff}",
    "\r\n\r\t \u{2028}\u{85}",
    "<script>alert(1)</script><!-- x --",
    "\"'><a href='x\">",
    "<?xml version=\"1.0\"?><!DOCTYPE x>",
    "\u{10ffff}😀👨‍👩‍👧",
    "   ",
    "",
];

fn nasty_strings() -> Vec<String> {
    let controls = (0..0xa0u32).filter_map(char::from_u32).filter(|c| c.is_control());
    let mut strings: Vec<String> = NASTY.iter().map(ToString::to_string).collect();
    strings.extend(controls.map(|c| format!("a{c}b")));
    strings.push("ы".repeat(300));
    strings.push("слово ".repeat(50));
    strings
}

/// An article that says `text` wherever it can.
fn saying(id: usize, text: &str) -> Article {
    let author = Author { name: text.into(), url: Some(url("https://a.example/ж?q=<>|")) };
    let mut media = picture(MediaRole::Enclosure, "https://a.example/ж.mp3");
    media.media_type = text.into();
    media.alt = Some(text.into());
    Article {
        title: text.into(),
        summary: text.into(),
        body_html: text.into(),
        sections: vec![text.into(), text.into()],
        tags: vec![text.into()],
        authors: vec![author.clone()],
        byline: Some(text.into()),
        source: Some(Source { name: text.into(), url: author.url }),
        rights: Some(text.into()),
        media: vec![media],
        ..article(&format!("a{id}"))
    }
}

#[test]
fn strings_that_broke_feeds_break_none() {
    let entries = nasty_strings().iter().enumerate().map(|(id, text)| saying(id, text)).collect();
    let mut snapshot = snapshot(entries);
    assert_agree(&snapshot);
    snapshot.content = Content::Summary;
    assert_agree(&snapshot);
    for text in nasty_strings() {
        snapshot.title = text.clone();
        snapshot.description = text.clone();
        snapshot.publisher = text;
        snapshot.entries.truncate(1);
        assert_agree(&snapshot);
    }
}

#[test]
fn an_article_without_words_is_still_an_entry() {
    let entry = Article { title: " ".into(), body_html: "<p> </p>".into(), ..article("wp-7") };
    let [rss, atom, json] = seen(&snapshot(vec![entry]));
    assert_eq!(json[0].title, "wp-7");
    assert!(rss == json && atom == json);
}

#[test]
fn an_article_without_a_title_is_called_by_its_first_words() {
    let words = "<h2>А</h2><p>б в<b>в</b> г д е ё ж з и к <i>л</i></p>";
    let entry = Article { title: String::new(), body_html: words.into(), ..article("a") };
    assert_eq!(seen(&snapshot(vec![entry]))[2][0].title, "А б вв г д е ё ж з и…");
}

#[test]
fn the_first_words_stand_in_for_a_missing_summary() {
    let summary = |body: &str| {
        let entry = Article { body_html: body.into(), ..article("a") };
        let feed: Value =
            serde_json::from_str(&document(Format::Json, &snapshot(vec![entry]))).unwrap();
        feed["items"][0]["summary"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(summary("<p>Один<br>два</p><ul><li>три</li></ul>"), "Один два три");
    assert_eq!(summary("<p>а<b>б</b>в &laquo;г&raquo;&nbsp;&#1076;&#x435;</p>"), "абв «г» де");
    assert_eq!(summary("1 < 2 && 3 > 2 &unknown; &#0;"), "1 < 2 && 3 > 2 &unknown;");
    assert_eq!(summary("<a title='>\"'>x</a><img alt=\"> нет\">y"), "x y");
    assert_eq!(summary("<script>1 < 2</script>да<style>p{}</style>"), "да");
    assert_eq!(summary("да<!-- нет > нет -->да"), "дада");
    for open in ["<a", "<a href=\"", "<!-- ", "<script>", "&", "<", "</", "&#x"] {
        assert!(summary(&format!("да {open}")).starts_with("да"));
    }
    let long = summary(&"слово ".repeat(60));
    assert_eq!((long.split(' ').count(), long.ends_with("слово…")), (55, true));
    assert!(summary(&"字".repeat(100_000)).len() < 2100, "languages without spaces");
}

#[test]
fn addresses_are_kept_where_they_are_uris_and_encoded_where_not() {
    let link = |address: &str| {
        let entry = Article { url: url(address), ..article("a") };
        seen(&snapshot(vec![entry]))[2][0].link.clone()
    };
    for kept in [
        "https://a.example/?p=25",
        "HTTP://A.example/%d0%b6/../x;y?a=b&c=%20#z",
        "http://[::1]:8080/a",
        "https://a.example",
    ] {
        assert_eq!(link(kept), kept);
    }
    for (given, sent) in [
        (
            "https://a.example/жук/%D0?q=ж#я",
            "https://a.example/%D0%B6%D1%83%D0%BA/%D0?q=%D0%B6#%D1%8F",
        ),
        ("https://a.example/a|b{c}^`<>\"", "https://a.example/a%7Cb%7Bc%7D%5E%60%3C%3E%22"),
        ("https://a.example/100%", "https://a.example/100%25"),
        ("https://a.example/%zz/../b", "https://a.example/%25zz/../b"),
        ("https://қазақ.example/", "https://xn--80aau21bd.example/"),
        ("https:\\\\a.example\\b", "https://a.example/b"),
        ("https:a.example/b", "https://a.example/b"),
    ] {
        assert_eq!(link(given), sent);
    }
}

#[test]
fn the_ends_of_time_can_be_written() {
    let times = [i64::MIN, -62_135_596_800_000, -1, 0, 253_402_300_799_999, i64::MAX];
    let entries = times.iter().enumerate().map(|(id, time)| Article {
        published_at: Some(Millis(*time)),
        updated_at: Millis(*time),
        ..article(&format!("a{id}"))
    });
    let snapshot = snapshot(entries.collect());
    for format in Format::ALL {
        document(format, &snapshot);
    }
}

#[test]
fn a_body_of_five_megabytes_is_an_entry_like_any_other() {
    let pieces = ["<", "&", "]]>", "<script>", "<!--", "\u{1}"].map(|piece| (piece, 500_000));
    for (piece, length) in pieces.into_iter().chain([("<p>абв</p>", 5_000_000)]) {
        let body_html = piece.repeat(length / piece.len());
        let snapshot = snapshot(vec![Article { body_html, ..article("a") }]);
        for format in Format::ALL {
            document(format, &snapshot);
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(nasty_strings());
    let piece = prop_oneof![nasty, any::<String>(), "[a-zа-я <>&;\"']{0,20}"];
    prop::collection::vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn web_url() -> impl Strategy<Value = WebUrl> {
    text().prop_map(|tail| {
        let tail: String = tail.chars().take(300).collect();
        WebUrl::parse(&format!("https://a.example/{tail}"))
            .unwrap_or_else(|_| url("https://a.example/b"))
    })
}

fn time() -> impl Strategy<Value = Millis> {
    prop_oneof![
        -62_135_596_800_000..253_402_300_799_999i64,
        1_600_000_000_000..1_900_000_000_000i64
    ]
    .prop_map(Millis)
}

prop_compose! {
    fn media()(
        url in web_url(),
        media_type in text(),
        bytes in any::<Option<u64>>(),
        duration_seconds in any::<Option<f64>>(),
        role in prop::sample::select(vec![MediaRole::Lead, MediaRole::Body, MediaRole::Enclosure]),
        alt in prop::option::of(text()),
    ) -> Media {
        Media { url, media_type, bytes, width: None, height: None, duration_seconds, role, credit: None, alt }
    }
}

prop_compose! {
    fn any_article(place: usize)(
        (guid, url, title, summary, body_html) in (text(), web_url(), text(), text(), text()),
        tag in prop::sample::select(vec!["ru", "kk", "kk-Latn", "en"]),
        (sections, tags) in (prop::collection::vec(text(), 0..3), prop::collection::vec(text(), 0..3)),
        authors in prop::collection::vec((text(), prop::option::of(web_url())), 0..3),
        (byline, rights) in (prop::option::of(text()), prop::option::of(text())),
        source in prop::option::of((text(), prop::option::of(web_url()))),
        media in prop::collection::vec(media(), 0..3),
        (published_at, updated_at) in (prop::option::weighted(0.9, time()), time()),
    ) -> Article {
        let clean: String = guid.chars().filter(|c| !c.is_control()).take(200).collect();
        let guid = Guid::parse(&format!("{clean}{place}")).unwrap_or_else(|_| article("x").guid);
        Article {
            id: ArticleId::parse(&format!("a{place}")).unwrap(),
            guid, url, slug: None, title, summary, body_html,
            language: Language::parse(tag).unwrap(),
            family: None, sections, tags,
            authors: authors.into_iter().map(|(name, url)| Author { name, url }).collect(),
            byline,
            source: source.map(|(name, url)| Source { name, url }),
            rights, media, published_at, updated_at,
            status: Status::Published,
            embargo_until: None,
            carried_over: None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_articles_make_three_valid_feeds_that_agree(
        first in any_article(1),
        second in any_article(2),
        full in any::<bool>(),
    ) {
        let mut snapshot = snapshot(vec![first, second]);
        snapshot.content = if full { Content::Full } else { Content::Summary };
        assert_agree(&snapshot);
    }
}

#[test]
fn a_title_of_nothing_but_space_is_none() {
    for space in ["\u{a0}", " \u{202f}\n", "\u{3000}"] {
        let mut entry = article("a");
        entry.title = space.into();
        let rss = document(Format::Rss, &snapshot(vec![entry]));
        assert!(rss.contains("<title>Первый абзац. Второй.</title>"), "{space:?}: {rss}");
    }
}

#[test]
fn forbidden_characters_go_wherever_they_stand() {
    let fillers = ["а", "abc", "«»\u{a0}", "\u{feff}x", "👩‍🚒"];
    for filler in fillers {
        for count in 0..70 {
            for bad in ["\u{0}", "\u{b}", "\u{7f}", "\u{85}", "\u{9f}", "\u{fffe}", "\u{ffff}"] {
                let mut entry = article("a");
                entry.body_html = format!("{0}{bad}{0}", filler.repeat(count));
                let json = document(Format::Json, &snapshot(vec![entry]));
                let json: serde_json::Value = serde_json::from_str(&json).unwrap();
                assert_eq!(json["items"][0]["content_html"], filler.repeat(2 * count), "{bad:?}");
            }
        }
    }
}
