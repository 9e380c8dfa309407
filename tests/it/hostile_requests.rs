//! Whole requests with bad intentions: headers without end, strange paths, headers that other servers
//! believe, bytes that would break out of an answer, guesses at tokens. None changes what others get.

use jarshy::{model::Millis, store::Scope};

use crate::{
    running::{BROWSER, NOW, Running},
    wire::{self, Reply, Wire},
};

const H: &str = "Host: x.example\r\n";

fn newsroom() -> Running {
    let running = Running::start();
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    running
}

/// What a cache would keep: everything but the date.
fn kept(reply: &Reply) -> (u16, Vec<&str>, &[u8]) {
    // Each answer has a date and a name of its own.
    let own =
        |l: &&str| ["date:", "x-request-id:"].iter().any(|n| l.to_ascii_lowercase().starts_with(n));
    let lines = reply.head.lines().filter(|l| !own(l));
    (reply.status, lines.collect(), &reply.body)
}

/// Poisoning a cache: what is not in the address nor in `Vary` changes no byte of an answer.
#[test]
fn headers_that_other_servers_believe_change_nothing() {
    let running = newsroom();
    for path in ["/feeds/news.rss", "/feeds/news", "/feeds.opml", "/nothing"] {
        let plain = running.get(path, &[]);
        for header in [
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "gopher"),
            ("X-Forwarded-Port", "1"),
            ("X-Forwarded-Prefix", "/evil"),
            ("X-Forwarded-For", "203.0.113.9, evil"),
            ("Forwarded", "for=203.0.113.9;host=evil.example;proto=https"),
            ("X-Host", "evil.example"),
            ("X-Original-URL", "/feeds.opml"),
            ("X-Rewrite-URL", "/feeds.opml"),
            ("X-HTTP-Method-Override", "DELETE"),
            ("X-Method-Override", "HEAD"),
            ("Origin", "https://evil.example"),
            ("Referer", "https://evil.example/"),
            ("Range", "bytes=0-0"),
            ("Range", "bytes=0-,0-,0-,0-,0-,0-,0-,0-"),
            ("If-Range", "\"x\""),
            ("If-Match", "\"x\""),
            ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("If-Modified-Since", "yesterday"),
            ("If-Modified-Since", "Thu, 99 Foo 99999 99:99:99 GMT"),
            ("If-Modified-Since", "-1"),
            ("If-None-Match", "W/\"\"\"\"\",,,,\""),
            ("TE", "trailers, deflate;q=0.5"),
            ("Expect", "the-unexpected"),
            ("Max-Forwards", "0"),
            ("Cache-Control", "only-if-cached, no-transform"),
            ("Accept-Language", "xx;q=9999999999999999999999"),
            ("Accept-Charset", "utf-7"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Cookie", "a=b; a=c; $Version=1"),
            ("Upgrade-Insecure-Requests", "1"),
        ] {
            let reply = running.get(path, &[header]);
            assert_eq!(kept(&reply), kept(&plain), "{header:?} {path}");
        }
        let cookie = "c=".to_owned() + &"x".repeat(30_000);
        assert_eq!(kept(&running.get(path, &[("Cookie", &cookie)])), kept(&plain), "{path}");
        for query in
            ["?", "?x=y", "?utm_source=%0d%0aSet-Cookie:%20a=b", "?%00", "?%3Cscript%3E", "?%"]
        {
            let reply = running.get(&format!("{path}{query}"), &[]);
            assert_eq!(kept(&reply), kept(&plain), "{path}{query}");
        }
    }
}

/// Work per request has a bound: what stands far behind in a list is not looked at.
#[test]
fn lists_without_end_are_read_as_far_as_anybody_honest_goes() {
    let running = newsroom();
    let plain = running.get("/feeds/news.rss", &[]);
    let tag = plain.header("etag").unwrap();
    let status = |name: &str, value: &str| running.get("/feeds/news", &[(name, value)]).status;
    let noise = |count: usize| "\"x\", ".repeat(count);
    assert_eq!(status("If-None-Match", &format!("{}{tag}", noise(50))), 304);
    assert_eq!(status("If-None-Match", &format!("{}{tag}", noise(5000))), 200);
    assert_eq!(status("If-None-Match", &format!("{tag}, {}", noise(5000))), 304);
    assert_eq!(status("If-None-Match", &",".repeat(30_000)), 200);
    let types = |count: usize| "a/b, ".repeat(count);
    assert_eq!(status("Accept", &format!("{}application/rss+xml", types(50))), 200);
    assert_eq!(status("Accept", &format!("{}application/rss+xml", types(5000))), 406);
    assert_eq!(status("Accept", &"*/*;q=0.1;q=".repeat(2000)), 200);
    let packed = |value: &str| {
        let reply = running.get("/feeds/news.rss", &[("Accept-Encoding", value)]);
        assert_eq!(reply.status, 200);
        reply.header("content-encoding").map(str::to_owned)
    };
    assert_eq!(packed(&format!("{}gzip", "x, ".repeat(50))).as_deref(), Some("gzip"));
    assert_eq!(packed(&format!("{}gzip", "x, ".repeat(5000))), None);
    assert_eq!(packed(&";".repeat(30_000)), None);
    assert_eq!(packed(&"gzip;q=".repeat(4000)), None);
    let lines: String = (0..90).map(|_| format!("If-None-Match: {}\r\n", noise(60))).collect();
    let request = format!("GET /feeds/news.rss HTTP/1.1\r\n{H}{lines}Connection: close\r\n\r\n");
    assert_eq!(wire::raw(running.public(), request.as_bytes()).unwrap().status, 200);
}

#[test]
fn strange_paths_are_the_document_or_nothing() {
    let running = newsroom();
    let plain = running.get("/feeds/news.rss", &[]);
    for path in ["/feeds/news%2erss", "/%66eeds/news.rss", "/feeds/%6E%65%77%73.rss"] {
        assert_eq!(running.get(path, &[]).body, plain.body, "{path} is the same address");
    }
    for path in [
        "//feeds/news.rss",
        "/feeds//news.rss",
        "/./feeds/news.rss",
        "/feeds/../feeds/news.rss",
        "/feeds/%2e%2e/feeds/news.rss",
        "/feeds/%2e%2e%2f%2e%2e%2fetc%2fpasswd.rss",
        "/feeds/..%5c..%5cjarshy.toml",
        "/feeds/%252e%252e/news.rss",
        "/feeds/news.rss/",
        "/feeds/news.rss/x.css",
        "/feeds/news.rss%2fx.css",
        "/feeds/news.rss;x=y",
        "/feeds/news.rss%00",
        "/feeds/news.rss%0d%0aSet-Cookie:a=b",
        "/feeds/news.rss%20",
        "/feeds/news.rss%3Fx",
        "/feeds/news.rss.",
        "/feeds/NEWS.rss",
        "/feeds/news.RSS",
        "/FEEDS/news.rss",
        "/feeds/%",
        "/feeds/%zz.rss",
        "/feeds/%f0%28%8c%28.rss",
        "/feeds/%c0%ae%c0%ae/news.rss",
        "/feeds/\u{ff4e}ews.rss",
        "/feeds/news.rss%e2%80%ae",
        "/feeds/",
        "/feeds/-",
        "/%00",
        "/%2F/evil.example",
        "//evil.example/%2e%2e",
        "/data/jarshy.db",
        "/.git/config",
        "/metrics",
        "/readyz",
        "/api/v1/articles",
    ] {
        let reply = running.get(path, &[]);
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.header("location"), None, "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(!reply.text().contains("evil") && !reply.text().contains("etc"), "{path}");
    }
}

/// Whatever stands in an address, the head of the answer is ours.
#[test]
fn nothing_breaks_out_of_an_answer() {
    let running = newsroom();
    let payload = "%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a%3Cscript%3Ealert(1)%3C/script%3E";
    let public = ["/feeds/P", "/feeds/P.rss", "/v/P.gif", "/count/P.json", "/P", "/feeds/news?P"];
    let ops = [
        "/P",
        "/api/v1/articles/P",
        "/api/v1/articles?cursor=P",
        "/api/v1/articles?P=1",
        "/api/v1/changes?since=P",
        "/api/v1/views/a?from=P",
        "/api/v1/views?window=P",
        "/api/v1/jobs/P",
        "/api/v1/feeds/P/regenerate",
    ];
    for path in
        public.iter().map(|p| (running.public(), p)).chain(ops.iter().map(|p| (running.ops(), p)))
    {
        for method in ["GET", "POST", "TRACE", "OPTIONS", "DELETE"] {
            let bearer = format!("Bearer {}", running.token);
            let headers = [("Authorization", bearer.as_str()), ("Evil", "1")];
            let reply = wire::ask(path.0, method, &path.1.replace('P', payload), &headers, b"");
            assert!(!reply.head.to_ascii_lowercase().contains("evil"), "{method} {}", path.1);
            assert!(reply.status < 500, "{method} {}: {}", path.1, reply.status);
            let html = reply.header("content-type").is_some_and(|t| t.contains("html"));
            assert!(!html, "{method} {}", path.1);
        }
    }
}

/// Bodies whose framing goes on and on although hardly anything is in them.
#[test]
fn chunks_are_bounded_in_what_stands_around_them() {
    let running = newsroom();
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let extension = format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(400);
    let trailer: String = (0..3000).map(|n| format!("X{n}: y\r\n")).collect();
    let long_trailer = format!("X: {}\r\n", "y".repeat(100_000));
    let size = format!("{}1\r\na\r\n0\r\n\r\n", "0".repeat(100_000));
    for (what, body) in [
        ("extensions", format!("{extension}0\r\n\r\n")),
        ("trailers", format!("0\r\n{trailer}\r\n")),
        ("one trailer", format!("0\r\n{long_trailer}\r\n")),
        ("zeros", size),
    ] {
        let mut wire = Wire::to(running.public());
        let head = format!("POST /v/a HTTP/1.1\r\n{H}User-Agent: {BROWSER}\r\n");
        wire.send(head + chunked + &body);
        wire.finish_sending();
        let status = wire.reply(true).map_or(0, |reply| reply.status);
        assert!(matches!(status, 0 | 400 | 413), "{what}: {status}");
        assert!(wire.is_closed(), "{what}");
    }
    assert_eq!(running.get("/count/a.json", &[]).json()["counted"], 0);
}

/// Guessing tells nothing: neither which ids there are, nor that a token once was one.
#[test]
fn every_wrong_token_gets_the_same_answer() {
    let running = newsroom();
    let store = running.daemon.as_ref().unwrap().parts().store.clone();
    let make = |end: Option<Millis>| {
        running.runtime.block_on(store.create_token(Scope::Admin, None, end, NOW)).unwrap()
    };
    let (known, expired, revoked) = (make(None), make(Some(NOW)), make(None));
    running.runtime.block_on(store.revoke_token(&revoked.id, NOW)).unwrap();
    let secret = known.text.rsplit('_').next().unwrap();
    let ask = |token: &str| {
        let bearer = format!("Bearer {token}");
        wire::get(running.ops(), "/api/v1/articles", &[("Authorization", &bearer)])
    };
    assert_eq!(ask(&known.text).status, 200);
    let first = ask(&format!("jsy_nobody_{secret}"));
    assert_eq!(first.status, 401);
    for wrong in [
        format!("jsy_{}_{}", known.id, "x".repeat(secret.len())),
        format!("jsy_{}_{}", known.id, &secret[1..]),
        format!("jsy_{}_{secret}x", known.id),
        format!("jsy_{}_{secret}", revoked.id),
        expired.text,
        revoked.text,
    ] {
        assert_eq!(kept(&ask(&wrong)), kept(&first), "{wrong}");
    }
    let refused = "http_requests_total{code=\"401\",route=\"articles\"}";
    assert_eq!(running.metric(refused), 7.0, "guesses are counted");
}

/// A page in an operator's browser can reach the ops listener, but neither read nor change anything.
#[test]
fn a_page_of_another_site_gets_nowhere_with_the_api() {
    let running = newsroom();
    let page = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")];
    for (method, path) in [
        ("POST", "/api/v1/articles"),
        ("POST", "/api/v1/feeds/news/regenerate"),
        ("POST", "/api/v1/jobs/x/run"),
        ("DELETE", "/api/v1/articles/a"),
        ("GET", "/api/v1/articles"),
    ] {
        let reply = wire::ask(running.ops(), method, path, &page, b"{}");
        assert_eq!(reply.status, 401, "{method} {path}");
        assert!(!reply.head.to_ascii_lowercase().contains("access-control"), "{method} {path}");
    }
    for path in ["/metrics", "/api/v1/articles"] {
        let preflight = [page[0], ("Access-Control-Request-Method", "POST")];
        let reply = wire::ask(running.ops(), "OPTIONS", path, &preflight, b"");
        assert!(!reply.head.to_ascii_lowercase().contains("access-control"), "{path}");
    }
}
