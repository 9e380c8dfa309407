//! RSS 1.0, for those who asked WordPress for it: well-formed, complete, items named by their links.

use jarshy::{
    feed::{entry_ids, guard, reading, render},
    model::{Format, OldAddress, OldBases, OldFeed, OldKind},
};

use crate::newsroom::{
    article, assert_golden, at, bounds, document, language, rich_articles, snapshot, url,
};

#[test]
fn a_whole_feed_looks_as_it_did_before() {
    assert_golden("news.rdf", &document(Format::Rdf, &snapshot(rich_articles())));
}

#[test]
fn an_empty_feed_is_a_feed() {
    let text = document(Format::Rdf, &snapshot(vec![]));
    assert!(text.contains("<rdf:Seq></rdf:Seq>") && !text.contains("<item "), "{text}");
}

#[test]
fn nasty_words_stay_words() {
    let mut one = article("a");
    one.title = "]]> <b>&amp; \u{b}\u{ffff}\"".into();
    one.summary = "<script>alert(1)</script> ]]>".into();
    one.body_html = "<p>]]&gt; &lt;item&gt;</p>".into();
    one.tags = vec!["<item rdf:about=\"x\">".into()];
    one.language = language("kk");
    one.url = url("https://news.example/?a=1&b=\"<2>'");
    let text = document(Format::Rdf, &snapshot(vec![one, article("b")]));
    let read = reading::read(text.as_bytes()).unwrap();
    assert_eq!((read.format, read.entries.len()), (Format::Rdf, 2));
    assert!(read.entries[0].title.contains("]]> <b>&amp; \""), "{:?}", read.entries[0]);
    assert_eq!(read.entries[0].link, "https://news.example/?a=1&b=%22%3C2%3E'");
    assert_eq!(read.entries[0].published, Some(at("2026-11-20T06:00:00Z")));
}

#[test]
fn of_two_articles_at_one_address_the_newer_is_shown() {
    let (first, mut second) = (article("a"), article("b"));
    second.url = first.url.clone();
    let snapshot = snapshot(vec![first, second, article("c")]);
    let text = document(Format::Rdf, &snapshot);
    let shown: Vec<&str> =
        entry_ids(Format::Rdf, &snapshot).iter().map(|(a, _)| a.id.as_str()).collect();
    assert_eq!(shown, ["a", "c"]);
    assert_eq!(text.matches("<item ").count(), 2);
}

#[test]
fn the_guard_refuses_what_is_not_the_snapshot() {
    let snapshot = snapshot(rich_articles());
    let bytes = render(Format::Rdf, &snapshot).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let check = |text: &str| guard::check(Format::Rdf, text.as_bytes(), &snapshot, &bounds(), None);
    assert_eq!(check(&text), Ok(()));
    for broken in [
        text.replace("</item>", ""),
        text.replacen("<link>https://turkestan.example/wp-31/", "<link>https://other.example/", 1),
        text.replace("http://purl.org/rss/1.0/\"", "http://purl.org/rss/2.0/\""),
        text.replace("rdf:RDF", "rdf:Other"),
        format!(" {text}"),
        text.replacen("<title>", "<title>\u{b}", 1),
    ] {
        assert!(broken != text && check(&broken).is_err(), "{}", &broken[..200]);
    }
}

fn bases() -> OldBases {
    OldBases { site: String::new(), category: "category".into(), tag: "tag".into() }
}

#[test]
fn old_addresses_are_understood_as_wordpress_did() {
    let bases = bases();
    let parse = |path: &'static str, query: Option<&'static str>| {
        OldAddress::parse(path, query, &bases).map(|old| (old.feed, old.format, old.is_beyond))
    };
    let named = |kind, slug: &'static str| OldFeed::Named(kind, slug.into());
    for (path, query, feed, format) in [
        ("/feed/", None, OldFeed::Main, Format::Rss),
        ("/rss2", None, OldFeed::Main, Format::Rss),
        ("/feed/feed/", None, OldFeed::Main, Format::Rss),
        ("/atom/", None, OldFeed::Main, Format::Atom),
        ("//feed//rdf//", None, OldFeed::Main, Format::Rdf),
        ("/category/a/b/feed/rss/", None, named(OldKind::Category, "b"), Format::Rdf),
        ("/author/x/atom", None, named(OldKind::Author, "x"), Format::Atom),
        ("/", Some("feed=atom&tag=x"), named(OldKind::Tag, "x"), Format::Atom),
        ("/feed/", Some("cat=7"), OldFeed::Numbered(OldKind::Category, 7), Format::Rss),
        ("/tag/x/", Some("feed=rdf"), named(OldKind::Tag, "x"), Format::Rdf),
        ("/search/x+y/feed/", None, OldFeed::Search, Format::Rss),
        ("/a/b/comments/feed", None, OldFeed::Under("a/b/comments"), Format::Rss),
        ("/wp-commentsrss2.php", None, OldFeed::Comments, Format::Rss),
    ] {
        assert_eq!(parse(path, query), Some((feed, format, false)), "{path} {query:?}");
    }
    assert_eq!(parse("/feed/", Some("paged=2")).map(|old| old.2), Some(true));
    assert_eq!(parse("/feed/", Some("paged=1")).map(|old| old.2), Some(false));
    for (path, query) in
        [("/", None), ("/feeds/", None), ("/x", Some("feed=podcast")), ("/feedx", None)]
    {
        assert_eq!(parse(path, query), None, "{path}");
    }
}

proptest::proptest! {
    #[test]
    fn any_address_is_read_without_harm(path in "(/|feed|tag|category|author|atom|қ|index.php|.{0,2}){0,12}", query in ".{0,30}") {
        let bases = bases();
        OldAddress::parse(&path, Some(&query), &bases);
        OldAddress::is_likely(&path, Some(&query));
    }
}
