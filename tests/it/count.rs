//! The number under a headline, for one article and for lists, as JSON, text and picture.

use std::fmt::Write;

use serde_json::json;

use crate::{
    running::{BROWSER, NOW, Running},
    wire,
};

const SITE: &str = "https://news.example";

fn newsroom() -> Running {
    let running = Running::start();
    running.put("a", NOW, json!({"carried_over_views": 1_234_566}));
    running.put("b", NOW, json!({"carried_over_views": 809}));
    running.put("draft", NOW, json!({"status": "draft"}));
    running.until("articles can be viewed", |r| {
        let known = |id: &str| r.get(&format!("/count/{id}.json"), &[]).status == 200;
        (known("a") && known("b")).then_some(())
    });
    running
}

fn hit(running: &Running, id: &str) {
    let headers = [("User-Agent", BROWSER), ("Origin", SITE)];
    let reply = wire::ask(running.public(), "POST", &format!("/v/{id}"), &headers, b"");
    assert_eq!(reply.header("jarshy-view"), Some("counted"));
}

#[test]
fn many_are_asked_for_at_once_and_unknown_ones_are_absent() {
    let running = newsroom();
    for (query, expected) in [
        ("ids=a,b,nope", json!({"a": 1_234_566, "b": 809})),
        ("ids=b", json!({"b": 809})),
        ("ids=b,b,%62,%20b%20", json!({"b": 809})),
        ("ids=b&ids=a&x=y", json!({"a": 1_234_566, "b": 809})),
        ("ids=a%2Cb", json!({"a": 1_234_566, "b": 809})),
        ("ids=draft,a.json,%00,../b,%ff,,", json!({})),
        ("ids=", json!({})),
    ] {
        let reply = running.get(&format!("/count?{query}"), &[("Origin", "https://x.example")]);
        assert_eq!((reply.status, reply.json()), (200, expected), "{query}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("max-age=30"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
    let first = running.get("/count?ids=a,b", &[]);
    let tag = first.header("etag").unwrap().to_owned();
    let same = running.get("/count?ids=a,b", &[("If-None-Match", &tag)]);
    assert_eq!((same.status, same.body.len()), (304, 0));
    for name in ["etag", "cache-control", "access-control-allow-origin"] {
        assert_eq!(same.header(name), first.header(name), "{name}");
    }
    hit(&running, "b");
    let after = running.get("/count?ids=a,b", &[("If-None-Match", &tag)]);
    assert_eq!((after.status, after.json()["b"].as_u64()), (200, Some(810)), "strict");
}

#[test]
fn one_question_names_a_hundred_articles_at_most() {
    let running = newsroom();
    let ids = |n: usize| {
        (0..n).fold(String::from("/count?ids=a"), |mut ids, number| {
            let _ = write!(ids, ",none-{number}");
            ids
        })
    };
    assert_eq!(running.get(&ids(99), &[]).json(), json!({"a": 1_234_566}));
    let many = running.get(&ids(100), &[]);
    assert_eq!(many.status, 400);
    assert!(many.text().contains("more articles than one question may name"), "{}", many.text());
    assert_eq!(many.header("access-control-allow-origin"), Some("*"), "a page may read why");
    assert_eq!(running.metric("limit_hits_total{limit=\"count_ids\"}"), 1.0);
    for query in ["", "?", "?id=a", "?IDS=a"] {
        let reply = running.get(&format!("/count{query}"), &[]);
        assert_eq!(reply.status, 400, "{query}");
        assert!(reply.text().contains("/count?ids="), "{}", reply.text());
    }
}

#[test]
fn a_number_is_there_as_text_and_as_picture() {
    let running = newsroom();
    let text = running.get("/count/a.txt", &[]);
    assert_eq!((text.status, text.text().as_str()), (200, "1234566"));
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    let tag = text.header("etag").unwrap();
    assert_eq!(running.get("/count/a.txt", &[("If-None-Match", tag)]).status, 304);
    for (query, shown) in [
        ("", "1\u{a0}234\u{a0}566"),
        ("?lang=ru", "1\u{a0}234\u{a0}566"),
        ("?lang=kk", "1\u{a0}234\u{a0}566"),
        ("?lang=en-GB", "1,234,566"),
        (
            "?lang=kk&label=%D2%9A%D0%B0%D1%80%D0%B0%D0%BB%D1%8B%D0%BC%D1%8B%3A",
            "Қаралымы: 1\u{a0}234\u{a0}566",
        ),
        (
            "?label=%3C%2Ftext%3E%3Cscript%3E%22%27%26%00%0B%E2%80%AE%ff",
            "&#60;/text&#62;&#60;script&#62;&#34;&#39;&#38;\u{fffd} 1\u{a0}234\u{a0}566",
        ),
    ] {
        let reply = running.get(&format!("/count/a.svg{query}"), &[]);
        assert_eq!(reply.status, 200, "{query}");
        let svg = reply.text();
        assert!(svg.contains(&format!("aria-label=\"{shown}\"><title>{shown}</title>")), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark"), "{svg}");
        let read = xml::EventReader::from_str(&svg).into_iter().collect::<Result<Vec<_>, _>>();
        assert!(read.is_ok(), "{svg}");
        assert_eq!(reply.header("content-type"), Some("image/svg+xml; charset=utf-8"));
        assert_eq!(reply.header("cross-origin-resource-policy"), Some("cross-origin"));
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
    }
    let long = running.get(&format!("/count/a.svg?label={}", "x".repeat(61)), &[]);
    assert_eq!((long.status, long.text().contains("60 characters")), (400, true));
}

#[test]
fn what_is_not_there_is_404_and_readable_by_pages() {
    let running = newsroom();
    for path in ["/count/none.txt", "/count/draft.svg", "/count/a", "/count/a.xml", "/count/.json"]
    {
        let reply = running.get(path, &[]);
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{path}");
    }
    for path in ["/count/a.json", "/count?ids=a"] {
        let head = wire::ask(running.public(), "HEAD", path, &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        let posted = wire::ask(running.public(), "POST", path, &[], b"");
        assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
        let asks = [
            ("Origin", "https://x.example"),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "if-none-match"),
        ];
        let allowed = wire::ask(running.public(), "OPTIONS", path, &asks, b"");
        assert_eq!(allowed.status, 204, "{path}");
        assert_eq!(allowed.header("access-control-allow-origin"), Some("*"));
        assert_eq!(allowed.header("access-control-allow-headers"), Some("*"));
    }
    assert_eq!(
        running.metric("hit_verdicts_total{verdict=\"counted\"}"),
        0.0,
        "asking counts nothing"
    );
}

#[test]
fn only_pages_of_the_site_may_send_hits_with_headers_and_read_their_verdicts() {
    let running = newsroom();
    let ask = |method: &str, path: &str, origin: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("User-Agent", BROWSER), ("Origin", origin)];
        headers.extend_from_slice(more);
        wire::ask(running.public(), method, path, &headers, b"")
    };
    let asks = [
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "idempotency-key"),
    ];
    for path in ["/v/a", "/v/none", "/v?url=https://news.example/a/"] {
        let allowed = ask("OPTIONS", path, SITE, &asks);
        assert_eq!(allowed.status, 204, "{path}");
        assert_eq!(allowed.header("access-control-allow-origin"), Some(SITE));
        assert_eq!(allowed.header("access-control-allow-methods"), Some("POST"));
        let headers = allowed.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("Idempotency-Key"), "{headers}");
        assert!(allowed.header("access-control-max-age").is_some());
        assert_eq!(allowed.header("vary"), Some("Origin"));
        assert_eq!(allowed.header("jarshy-view"), None, "asking is no hit");
        for foreign in ["https://evil.example", "null", "https://news.example.evil.example"] {
            let refused = ask("OPTIONS", path, foreign, &asks);
            assert_eq!(refused.status, 403, "{foreign}");
            assert_eq!(refused.header("access-control-allow-origin"), None);
            assert!(refused.text().contains("site.origins"), "{}", refused.text());
        }
    }
    let own = ask("POST", "/v/a", SITE, &[]);
    assert_eq!(own.header("access-control-allow-origin"), Some(SITE));
    assert_eq!(own.header("access-control-expose-headers"), Some("Jarshy-View"));
    let foreign = ask("POST", "/v/a", "https://evil.example", &[]);
    assert_eq!((foreign.status, foreign.header("jarshy-view")), (204, Some("foreign")));
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    assert_eq!(foreign.header("vary"), Some("Origin"));
    assert_eq!(own.header("access-control-allow-credentials"), None, "no cookie is ever wanted");
}
