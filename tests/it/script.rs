//! `/views.js`: small, the same for everybody, ready to be kept by caches, and readable where it is
//! written. What it does in a browser is held by tests of a real one.

use crate::{
    running::Running,
    wire::{self, Reply},
};

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
    text
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packer, text).unwrap();
    packer.finish().unwrap()
}

fn script(running: &Running, headers: &[(&str, &str)]) -> Reply {
    running.get("/views.js", headers)
}

#[test]
fn it_is_a_kilobyte_at_most_and_says_nothing_that_its_source_does_not_say() {
    let running = Running::start();
    let plain = script(&running, &[]);
    assert_eq!(plain.status, 200);
    let best = packed(&plain.body).len();
    assert!(best <= 1024, "gzip -9 makes {best} bytes of it");
    let sent = script(&running, &[("Accept-Encoding", "gzip")]);
    assert_eq!(sent.header("content-encoding"), Some("gzip"));
    assert!(sent.body.len() <= 1024, "{} bytes are sent", sent.body.len());
    assert_eq!(unpacked(&sent.body), plain.body);
    let small = script(&running, &[("Accept-Encoding", "gzip, deflate, br, zstd")]);
    assert_eq!(small.header("content-encoding"), Some("br"));
    assert!(small.body.len() <= 1024, "{} bytes are sent", small.body.len());
    let source = include_str!("../../src/web/views.js");
    for line in plain.text().lines() {
        assert!(source.contains(line), "{line} is not in the source");
    }
    // What a strict policy of the page forbids, and what a visitor would be known by.
    for word in ["eval", "cookie", "localStorage", "sessionStorage", "style", "innerHTML", "//"] {
        assert!(!plain.text().contains(word), "{word}");
    }
}

#[test]
fn any_page_may_load_it_and_any_cache_may_keep_it() {
    let running = Running::start();
    let first = script(&running, &[]);
    assert_eq!(first.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(first.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(first.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(first.header("access-control-allow-origin"), Some("*"));
    assert_eq!(first.header("vary"), Some("Accept-Encoding"));
    let cache = first.header("cache-control").unwrap();
    assert!(cache.starts_with("public, max-age=3600"), "{cache}");
    let tag = first.header("etag").unwrap();
    let again = script(&running, &[("If-None-Match", tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("cache-control"), first.header("cache-control"));
    let versioned = running.get("/views.js?ver=1.0", &[]);
    assert_eq!((versioned.status, &versioned.body), (200, &first.body));
    let head = wire::ask(running.public(), "HEAD", "/views.js", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), Some(tag));
    assert_eq!(running.get("/views%2Ejs", &[]).body, first.body, "RFC 3986 §2.3");
    let posted = wire::ask(running.public(), "POST", "/views.js", &[], b"");
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
    // A restart changes nothing that a cache could see.
    let tag = tag.to_owned();
    assert_eq!(script(&Running::start(), &[]).header("etag"), Some(tag.as_str()));
    assert!(running.metric("http_requests_total{code=\"200\",route=\"script\"}") >= 4.0);
}
