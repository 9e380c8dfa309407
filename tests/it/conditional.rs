//! Is what the client has still what we would send? RFC 9110 §13 as feed readers and proxies use it.

use crate::{
    running::{NOW, Running},
    wire::{self, Reply, Wire},
};

const RSS: &str = "/feeds/news.rss";
/// Headers that a 304 has in common with the 200 it stands for (RFC 9110 §15.4.5).
const SHARED: [&str; 5] =
    ["etag", "last-modified", "cache-control", "vary", "access-control-allow-origin"];
/// Headers of the content, which the client has already.
const OF_CONTENT: [&str; 4] =
    ["content-type", "content-encoding", "link", "x-content-type-options"];

fn newsroom() -> Running {
    let running = Running::start();
    running.publish("a", "Первая", NOW);
    running.until_titles("news", &["Первая"]);
    until_brotli(&running, RSS);
    // Two changes were made in one second; its date is settled in the next.
    running.clock.turn(std::time::Duration::from_secs(1));
    running
}

/// Brotli is made a little later than the rest.
fn until_brotli(running: &Running, path: &str) {
    running.until("brotli is ready", |r| {
        let reply = r.get(path, &[("Accept-Encoding", "br")]);
        (reply.header("content-encoding") == Some("br")).then_some(())
    });
}

fn etag(reply: &Reply) -> String {
    reply.header("etag").unwrap().to_owned()
}

#[test]
fn a_tag_that_fits_is_304_however_proxies_write_it() {
    let running = newsroom();
    let whole = running.get(RSS, &[]);
    let tag = etag(&whole);
    let bare = tag.trim_matches('"');
    let forms = [
        tag.clone(),
        format!("W/{tag}"),
        format!("w/{tag}"),
        format!("\"x\", {tag}"),
        format!("{tag}, \"x\""),
        format!("W/\"x\",{tag} , \"y\""),
        format!(", ,{tag},"),
        "*".into(),
        format!("\"{bare}-gzip\""),
        format!("W/\"{bare}-gzip\""),
        format!("\"{bare}--gzip\""),
        format!("\"{bare};gzip\""),
        format!("\"{bare}-br\""),
        format!("\"{bare}\"-gzip"),
        bare.to_owned(),
    ];
    for form in forms {
        let reply = running.get(RSS, &[("If-None-Match", &form)]);
        assert_eq!((reply.status, reply.body.len()), (304, 0), "{form}");
        for name in SHARED {
            assert_eq!(reply.header(name), whole.header(name), "{form}: {name}");
        }
        for name in OF_CONTENT {
            assert_eq!(reply.header(name), None, "{form}: {name}");
        }
    }
}

#[test]
fn a_tag_that_does_not_fit_is_200_whatever_the_date_says() {
    let running = newsroom();
    let whole = running.get(RSS, &[]);
    let (tag, date) = (etag(&whole), whole.header("last-modified").unwrap().to_owned());
    let bare = tag.trim_matches('"');
    let others = [
        "\"nope\"".to_owned(),
        String::new(),
        "\"".into(),
        "\"\"".into(),
        "W/".into(),
        format!("\"{}\"", &bare[1..]),
        format!("\"{bare}x\""),
        "\"*\"".into(),
        "\u{442}".into(),
        "a".repeat(4000),
    ];
    for other in others {
        for more in [&[][..], &[("If-Modified-Since", date.as_str())]] {
            let mut headers = vec![("If-None-Match", other.as_str())];
            headers.extend_from_slice(more);
            let reply = running.get(RSS, &headers);
            assert_eq!((reply.status, &reply.body), (200, &whole.body), "{other} {more:?}");
        }
    }
    let old = "Mon, 01 Jan 2001 00:00:00 GMT";
    let both = [("If-None-Match", tag.as_str()), ("If-Modified-Since", old)];
    assert_eq!(running.get(RSS, &both).status, 304, "the tag wins over the date");
    let lines = [("If-None-Match", "\"x\""), ("If-None-Match", &*tag), ("If-None-Match", "\"y\"")];
    assert_eq!(running.get(RSS, &lines).status, 304, "any line may hold the tag");
}

#[test]
fn a_date_decides_where_there_is_no_tag() {
    let running = newsroom();
    let whole = running.get(RSS, &[]);
    let date = whole.header("last-modified").unwrap().to_owned();
    let cases = [
        (date.as_str(), 304),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 304),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 200),
        ("Monday, 01-Jan-01 00:00:00 GMT", 200),
        ("yesterday", 200),
        ("", 200),
        ("0", 200),
        ("-1", 200),
        ("2026-11-24T12:00:00Z", 200),
        ("Mon, 99 Foo 99999 99:99:99 GMT", 200),
        ("\u{442}", 200),
    ];
    for (since, status) in cases {
        let reply = running.get(RSS, &[("If-Modified-Since", since)]);
        assert_eq!(reply.status, status, "{since}");
        assert_eq!(reply.body.is_empty(), status == 304, "{since}");
    }
}

#[test]
fn each_encoding_has_a_tag_and_each_tag_is_understood_with_any_encoding() {
    let running = newsroom();
    let replies = ["identity", "gzip", "br"]
        .map(|encoding| running.get(RSS, &[("Accept-Encoding", encoding)]));
    let tags = replies.each_ref().map(etag);
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    for tag in &tags {
        assert!(tag.starts_with('"') && tag.ends_with('"'), "strong and quoted: {tag}");
        for accept in ["identity", "gzip", "br", "gzip, br", ""] {
            let headers = [("If-None-Match", tag.as_str()), ("Accept-Encoding", accept)];
            let reply = running.get(RSS, &headers);
            assert_eq!((reply.status, etag(&reply)), (304, tag.clone()), "{accept}");
        }
    }
}

#[test]
fn head_says_what_get_says_without_a_body() {
    let running = newsroom();
    let paths = [
        RSS,
        "/feeds/news.atom",
        "/feeds/news.json",
        "/feeds/news",
        "/feeds.opml",
        "/count/a.json",
    ];
    for path in paths {
        for accept in ["identity", "gzip", "br"] {
            if accept == "br" && path.starts_with("/feeds") {
                until_brotli(&running, path);
            }
            let headers = [("Accept-Encoding", accept)];
            let get = running.get(path, &headers);
            let head = wire::ask(running.public(), "HEAD", path, &headers, b"");
            let without_date = |r: &Reply| {
                let mut lines: Vec<String> = r.head.lines().map(str::to_lowercase).collect();
                lines.retain(|line| !line.starts_with("date:"));
                lines.sort();
                lines
            };
            assert_eq!(get.status, 200, "{path}");
            assert_eq!(without_date(&head), without_date(&get), "{path} {accept}");
            assert!(head.body.is_empty(), "{path}");
            assert_eq!(get.header("content-length"), Some(&*get.body.len().to_string()), "{path}");
            let tag = etag(&get);
            let both = [("If-None-Match", tag.as_str()), ("Accept-Encoding", accept)];
            let unchanged = wire::ask(running.public(), "HEAD", path, &both, b"");
            assert_eq!((unchanged.status, unchanged.body.len()), (304, 0), "{path}");
        }
    }
}

#[test]
fn on_one_connection_nothing_follows_a_304_or_a_head() {
    let running = newsroom();
    let tag = etag(&running.get(RSS, &[]));
    let mut wire = Wire::to(running.public());
    for (method, more, status) in [
        ("GET", format!("If-None-Match: {tag}\r\n"), 304),
        ("HEAD", String::new(), 200),
        ("GET", String::new(), 200),
        ("HEAD", format!("If-None-Match: {tag}\r\n"), 304),
        ("GET", "Accept-Encoding: gzip\r\n".into(), 200),
    ] {
        wire.send(format!("{method} {RSS} HTTP/1.1\r\nHost: x\r\n{more}\r\n"));
        let reply = wire.reply(method == "GET" && status == 200).unwrap();
        assert_eq!(reply.status, status, "{method} {more}");
    }
}

#[test]
fn the_second_look_is_304_until_something_changes() {
    let running = newsroom();
    for path in [RSS, "/feeds/news.atom", "/feeds/news.json", "/feeds/news"] {
        let first = running.get(path, &[]);
        let (tag, date) = (etag(&first), first.header("last-modified").unwrap().to_owned());
        let look = [("If-None-Match", tag.as_str()), ("If-Modified-Since", date.as_str())];
        assert_eq!(running.get(path, &look).status, 304, "{path}");
    }
    let before = running.get(RSS, &[]);
    let (tag, date) = (etag(&before), before.header("last-modified").unwrap().to_owned());
    running.publish("b", "Вторая", NOW);
    running.until_titles("news", &["Вторая", "Первая"]);
    let after = running.get(RSS, &[("If-None-Match", &tag), ("If-Modified-Since", &date)]);
    assert_eq!(after.status, 200);
    assert_ne!(etag(&after), tag);
    let by_date = running.get(RSS, &[("If-Modified-Since", &date)]);
    assert_eq!(by_date.status, 200, "Last-Modified grew, although the clock stood still");
}
