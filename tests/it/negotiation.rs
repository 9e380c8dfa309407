//! Which encoding and which format: what browsers, feed readers and odd clients ask for.

use std::io::Read;

use crate::{
    running::{NOW, Running},
    wire,
};

const RSS: &str = "/feeds/news.rss";
const FEED: &str = "/feeds/news";
const TYPES: [(&str, &str); 3] = [
    ("rss", "application/rss+xml; charset=utf-8"),
    ("atom", "application/atom+xml; charset=utf-8"),
    ("json", "application/feed+json; charset=utf-8"),
];

fn newsroom() -> Running {
    let running = Running::start();
    running.publish("a", "Первая", NOW);
    running.until_titles("news", &["Первая"]);
    running.until("brotli is ready", |r| {
        let reply = r.get(RSS, &[("Accept-Encoding", "br")]);
        (reply.header("content-encoding") == Some("br")).then_some(())
    });
    running
}

#[test]
fn an_encoding_is_chosen_by_weight() {
    let running = newsroom();
    let cases = [
        ("gzip", Some("gzip")),
        ("br", Some("br")),
        ("gzip, br", Some("br")),
        ("br, gzip", Some("br")),
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip;q=0.75, br;q=0.25", Some("gzip")),
        ("br;q=0.75,gzip;q=0.25", Some("br")),
        ("gzip; q=0.5", Some("gzip")),
        ("GZIP", Some("gzip")),
        ("x-gzip", Some("gzip")),
        ("gzip;q=0", None),
        ("gzip;q=0.000, br;q=0.0", None),
        ("gzip;q=0, *;q=0", None),
        ("br;q=0, gzip", Some("gzip")),
        ("*", Some("br")),
        ("*;q=0", None),
        ("br;q=0, *", Some("gzip")),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", Some("gzip")),
        ("identity;q=0, gzip;q=0.1", Some("gzip")),
        ("identity;q=0", None),
        ("deflate, zstd", None),
        ("", None),
        (",,;;q=", None),
        ("gzip;q=nonsense", None),
        ("gzip;q=NaN", None),
        ("gzip;q=-1", None),
        ("gzip;q=99", Some("gzip")),
        ("gzip;level=9;q=0.5", Some("gzip")),
        ("gzipp", None),
        ("\u{442}", None),
    ];
    for (accept, encoding) in cases {
        let reply = running.get(RSS, &[("Accept-Encoding", accept)]);
        assert_eq!((reply.status, reply.header("content-encoding")), (200, encoding), "{accept}");
        assert_eq!(reply.header("vary"), Some("Accept-Encoding"), "{accept}");
    }
    assert_eq!(running.get(RSS, &[]).header("content-encoding"), None, "no header");
    let lines = [("Accept-Encoding", "deflate"), ("Accept-Encoding", "gzip")];
    assert_eq!(running.get(RSS, &lines).header("content-encoding"), Some("gzip"), "two lines");
}

#[test]
fn every_encoding_is_the_same_document() {
    let running = newsroom();
    let plain = running.get(RSS, &[]).body;
    let gzip = running.get(RSS, &[("Accept-Encoding", "gzip")]).body;
    let mut unzipped = Vec::new();
    flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut unzipped).unwrap();
    assert_eq!(unzipped, plain);
    let brotli = running.get(RSS, &[("Accept-Encoding", "br")]).body;
    let mut unpacked = Vec::new();
    brotli::Decompressor::new(&brotli[..], 4096).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

#[test]
fn a_feed_without_an_ending_is_sent_in_the_format_asked_for() {
    let running = newsroom();
    let firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let cases = [
        (firefox, "rss"),
        ("*/*", "rss"),
        ("", "rss"),
        ("application/rss+xml", "rss"),
        ("application/atom+xml", "atom"),
        ("application/feed+json", "json"),
        ("application/json", "json"),
        ("application/xml", "rss"),
        ("text/xml", "rss"),
        ("text/*", "rss"),
        ("application/*", "rss"),
        ("application/atom+xml, application/rss+xml;q=0.9, */*;q=0.1", "atom"),
        ("application/rss+xml;q=0.8, application/feed+json", "json"),
        ("application/rss+xml;q=0, */*", "atom"),
        ("application/rss+xml;q=0.1, application/atom+xml;q=0.1", "rss"),
        ("*/*;q=0.5, application/feed+json;q=0.6", "json"),
        ("APPLICATION/ATOM+XML", "atom"),
        ("application/atom+xml; charset=utf-8; q=1", "atom"),
    ];
    for (accept, format) in cases {
        let reply = running.get(FEED, &[("Accept", accept)]);
        let content_type = TYPES.iter().find(|(f, _)| *f == format).unwrap().1;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some(content_type)),
            "{accept}"
        );
        assert_eq!(reply.header("vary"), Some("Accept, Accept-Encoding"), "{accept}");
        let own = running.get(&format!("/feeds/news.{format}"), &[]);
        assert_eq!(reply.body, own.body, "{accept}");
    }
    assert_eq!(running.get(FEED, &[]).header("content-type"), Some(TYPES[0].1), "no header");
    for accept in
        ["image/png", "*/*;q=0", "application/json;q=0", "text/plain, image/*", "nonsense"]
    {
        let reply = running.get(FEED, &[("Accept", accept)]);
        assert_eq!(reply.status, 406, "{accept}");
        assert_eq!(reply.header("vary"), Some("Accept, Accept-Encoding"));
        assert!(reply.text().contains(".rss"), "says what there is");
    }
    let lines = [("Accept", "image/png"), ("Accept", "application/atom+xml")];
    assert_eq!(running.get(FEED, &lines).header("content-type"), Some(TYPES[1].1), "two lines");
}

#[test]
fn rss_is_the_format_of_those_who_do_not_say_even_when_declared_last() {
    let settings = "[[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n\
                    formats = [\"json\", \"atom\", \"rss\"]\n";
    let running = Running::with(settings);
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    for headers in [&[][..], &[("Accept", "*/*")]] {
        let reply = running.get(FEED, headers);
        assert_eq!(reply.header("content-type"), Some(TYPES[0].1), "{headers:?}");
    }
}

#[test]
fn a_document_says_what_it_is_and_where_its_siblings_are() {
    let running = newsroom();
    for (format, content_type) in TYPES {
        let reply = running.get(&format!("/feeds/news.{format}"), &[]);
        assert_eq!(reply.header("content-type"), Some(content_type));
        let link = reply.header("link").unwrap();
        for (other, media_type) in TYPES {
            let rel = if other == format { "self" } else { "alternate" };
            let media_type = media_type.split(';').next().unwrap();
            let url = format!("https://feeds.news.example/feeds/news.{other}");
            let one = format!("<{url}>; rel=\"{rel}\"; type=\"{media_type}\"");
            assert!(link.contains(&one), "{link} has no {one}");
        }
        let cache = reply.header("cache-control").unwrap();
        for word in ["public", "max-age=60", "stale-while-revalidate=600", "stale-if-error=86400"] {
            assert!(cache.split(", ").any(|w| w == word), "{cache} has no {word}");
        }
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
    let opml = running.get("/feeds.opml", &[]);
    assert_eq!(opml.status, 200);
    assert!(opml.text().contains("xmlUrl=\"https://feeds.news.example/feeds/news.rss\""));
    assert!(opml.header("content-type").unwrap().ends_with("charset=utf-8"));
}

#[test]
fn unknown_query_parameters_and_encoded_letters_change_nothing() {
    let running = newsroom();
    let plain = running.get(RSS, &[]);
    let tag = plain.header("etag").unwrap().to_owned();
    for path in [
        "/feeds/news.rss?_=0.123",
        "/feeds/news.rss?utm_source=x&utm_source=y",
        "/feeds/news.rss?%zz",
        "/feeds/news.rss?",
        "/feeds/news%2Erss",
        "/feeds/%6Eews.rss",
        "/feed%73/news.rss?x=y",
        "/%66eeds/news",
        "/feeds/n%65ws?x",
    ] {
        let reply = running.get(path, &[]);
        assert_eq!((reply.status, &reply.body), (200, &plain.body), "{path}");
        assert_eq!(running.get(path, &[("If-None-Match", &tag)]).status, 304, "{path}");
    }
}

#[test]
fn what_is_not_there_is_said_in_a_sentence() {
    let running = newsroom();
    for path in [
        "/",
        "/feeds/nope.rss",
        "/feeds/nope",
        "/feeds/news.xml",
        "/feeds/NEWS.rss",
        "/feeds/",
        "/feeds/news.rss/",
        "/feeds//news.rss",
        "/feeds/../etc/passwd",
        "/feeds/%2e%2e%2fetc.rss",
        "/feeds/news.rss%00",
        "/feeds/%ff%fe",
        "/%zz",
        "/%",
        "/count/nope.json",
        "/count/",
        "/count/.json",
        "/count/a",
        "/count/a.png",
        "/metrics",
        "/api/v1/articles",
        "/healthz",
        "/readyz",
        "/api/v1/openapi.json",
        "//",
        "/v1",
    ] {
        let reply = running.get(path, &[]);
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"), "{path}");
        assert!(
            reply.text().starts_with("There is n") || reply.text().starts_with("No "),
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        for path in [RSS, FEED, "/feeds.opml", "/feeds/news%2Erss", "/count/a.json"] {
            let reply = wire::ask(running.public(), method, path, &[], b"");
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, Some("GET, HEAD")),
                "{method} {path}"
            );
            assert!(!reply.body.is_empty());
        }
    }
}
