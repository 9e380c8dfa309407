//! The access log: a line for each request where it is asked for, and nothing about who asked.

use std::io::Write;

use serde_json::Value;

use crate::{binary::Binary, running::BROWSER, wire};

const SETTINGS: &str = "[[feeds]]\nslug = \"news\"\n[log]\naccess = true\n";
/// What must never be in a log: an address, a User-Agent, a query, a token, an article.
const SECRETS: [&str; 5] =
    ["203.0.113.77", "Canary/9", "secretquery", "jsy_canary", "canary-article"];

fn lines(daemon: &Binary) -> Vec<Value> {
    let mut lines = daemon.log();
    lines.retain(|line| line["target"] == "jarshy::access");
    lines
}

fn line(daemon: &Binary, id: &str) -> Value {
    daemon.until_logged(id, |line| line["request_id"] == id)
}

#[test]
fn each_request_has_a_line_with_its_route() {
    let daemon = Binary::serve(SETTINGS);
    let (public, ops) = (daemon.public, daemon.ops);
    // Address, route, status, the document.
    let asked = [
        (public, "GET", "/feeds/news.rss?secretquery=1", "document", 200, "/feeds/news.rss"),
        (public, "GET", "/feeds/%6Eews.rss", "document", 200, "/feeds/news.rss"),
        (public, "GET", "/feeds.opml", "document", 200, "/feeds.opml"),
        (public, "GET", "/feeds/news", "feed", 200, ""),
        (public, "POST", "/v/canary-article", "hit", 204, ""),
        (public, "GET", "/v/canary-article.gif", "pixel", 200, ""),
        (public, "GET", "/count/canary-article.json", "count", 404, ""),
        (public, "GET", "/canary-article", "other", 404, ""),
        (ops, "GET", "/healthz", "healthz", 200, ""),
        (ops, "GET", "/api/v1/articles/canary-article", "article", 401, ""),
        (ops, "GET", "/canary-article", "ops_other", 404, ""),
    ];
    for (number, (to, method, path, route, status, document)) in asked.into_iter().enumerate() {
        let id = format!("req-{number}");
        let agent = format!("{BROWSER} Canary/9");
        let headers = [
            ("X-Request-Id", id.as_str()),
            ("User-Agent", &agent),
            ("X-Forwarded-For", "203.0.113.77"),
            ("Referer", "https://a.example/?secretquery"),
        ];
        let reply = wire::ask(to, method, path, &headers, b"");
        assert_eq!(reply.status, status, "{path}");
        let line = line(&daemon, &id);
        assert_eq!(line["route"], route, "{line}");
        assert_eq!(line["method"], method, "{line}");
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line["document"].as_str().unwrap_or_default(), document, "{line}");
        assert_eq!(line["listener"], if to == public { "public" } else { "ops" }, "{line}");
        assert_eq!(line["bytes"], reply.body.len(), "{line}");
        assert!(line["seconds"].is_f64(), "{line}");
    }
    let bearer = [("Authorization", "Bearer jsy_canary_secret")];
    wire::ask(ops, "GET", "/api/v1/feeds", &bearer, b"");
    wire::ask(ops, "CANARY-ARTICLE", "/api/v1/feeds", &[("X-Request-Id", "odd")], b"");
    assert_eq!(line(&daemon, "odd")["method"], "other");
    let log = daemon.log_text();
    for secret in SECRETS {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

/// What a proxy calls a request is taken over when it is sane, and told back where a program reads.
#[test]
fn a_request_keeps_the_name_its_proxy_gave() {
    let daemon = Binary::serve(SETTINGS);
    let name_of = |id: &str| {
        let reply = wire::ask(daemon.ops, "GET", "/healthz", &[("X-Request-Id", id)], b"");
        reply.header("x-request-id").unwrap().to_owned()
    };
    let long = "a".repeat(64);
    for sane in ["abc", "A-1_b.2", &long] {
        assert_eq!(name_of(sane), sane);
    }
    let mut made = Vec::new();
    for insane in ["", "a b", "a\tb", "ä", "a;b", "\"a\"", &"a".repeat(65)] {
        let name = name_of(insane);
        assert_ne!(name, insane);
        assert!((1..=64).contains(&name.len()), "{name}");
        made.push(name);
    }
    let count = made.len();
    made.sort();
    made.dedup();
    assert_eq!(made.len(), count, "names that were made differ: {made:?}");
    // Ready documents are cached by others: they carry no name of one request.
    let reply = wire::get(daemon.public, "/feeds/news.rss", &[("X-Request-Id", "abc")]);
    assert_eq!(reply.header("x-request-id"), None);
}

#[test]
fn it_is_off_by_default_and_a_reload_switches_it() {
    let off = "[[feeds]]\nslug = \"news\"\n";
    let daemon = Binary::serve(off);
    let ask = |id: &str| {
        wire::get(daemon.public, "/feeds/news.rss", &[("X-Request-Id", id)]);
        wire::get(daemon.ops, "/healthz", &[("X-Request-Id", id)]);
    };
    let reloads = |count: usize| {
        daemon.until_logged("it is reloaded", |_| {
            let followed = "the new settings are followed";
            daemon.log().iter().filter(|line| line["message"] == followed).count() == count
        });
    };
    ask("before");
    daemon.reload(SETTINGS);
    reloads(1);
    ask("on");
    line(&daemon, "on");
    daemon.reload(off);
    reloads(2);
    ask("after");
    daemon.reload(SETTINGS);
    reloads(3);
    ask("last");
    line(&daemon, "last");
    let ids: Vec<_> = lines(&daemon).iter().map(|l| l["request_id"].to_string()).collect();
    assert!(!ids.iter().any(|id| id.contains("before") || id.contains("after")), "{ids:?}");
}

/// A name cannot break out of its line.
#[test]
fn a_line_stays_a_line() {
    let daemon = Binary::serve(SETTINGS);
    let mut stream = std::net::TcpStream::connect(daemon.ops).unwrap();
    let bytes =
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: a\xff\"}\r\n\r\n";
    stream.write_all(bytes).unwrap();
    drop(stream);
    wire::get(daemon.ops, "/healthz", &[("X-Request-Id", "then")]);
    line(&daemon, "then");
    // Every line is JSON, or `log` would have failed.
    assert!(lines(&daemon).iter().all(|line| line["message"] == "request"));
}
