//! What an attacker sends: refused or cut, never counted, and the daemon serves on.

use crate::{
    running::{BROWSER, NOW, Running},
    wire::{self, Wire},
};

const H: &str = "Host: x.example\r\n";

fn newsroom(limits: &str) -> Running {
    let feed = "[[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n";
    let running = Running::with(&format!("[limits]\n{limits}\n{feed}"));
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    running
}

fn still_answers(running: &Running, after: &str) {
    assert_eq!(running.get("/feeds/news.rss", &[]).status, 200, "after {after}");
}

fn counted(running: &Running) -> u64 {
    running.get("/count/a.json", &[]).json()["counted"].as_u64().unwrap()
}

/// A hit by a browser; what follows the headers is the attack.
fn hit(rest: &str) -> String {
    format!("POST /v/a HTTP/1.1\r\n{H}User-Agent: {BROWSER}\r\nConnection: close\r\n{rest}")
}

#[test]
fn just_one_valid_host_is_needed() {
    let running = newsroom("");
    let long = format!("Host: {}\r\n", "a".repeat(301));
    let cases = [
        ("Host: x\r\n", 200),
        ("Host: feeds.news.example:8080\r\n", 200),
        ("Host: 127.0.0.1\r\n", 200),
        ("Host: [::1]\r\n", 200),
        ("Host: [::1]:8080\r\n", 200),
        ("Host: x:\r\n", 200),
        ("host:x\r\n", 200),
        ("", 400),
        ("Host:\r\n", 400),
        ("Host: \r\n", 400),
        ("Host: x\r\nHost: y\r\n", 400),
        ("Host: x\r\nHost: x\r\n", 400),
        ("Host: a b\r\n", 400),
        ("Host: a/b\r\n", 400),
        ("Host: a@b\r\n", 400),
        ("Host: a:b\r\n", 400),
        ("Host: a:1:2\r\n", 400),
        ("Host: :80\r\n", 400),
        ("Host: [::1\r\n", 400),
        ("Host: [::1]x\r\n", 400),
        ("Host: [nonsense]\r\n", 400),
        ("Host: ]\r\n", 400),
        ("Host: x, y\r\n", 400),
        ("Host: http://x\r\n", 400),
        ("Host: \u{442}\u{435}\u{441}\u{442}\r\n", 400),
        (long.as_str(), 400),
    ];
    for (host, status) in cases {
        for (address, path) in [(running.public(), "/feeds/news.rss"), (running.ops(), "/healthz")]
        {
            let request = format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
            let reply = wire::raw(address, request.as_bytes()).unwrap();
            assert_eq!(reply.status, status, "{host} {path}");
            assert!(!reply.body.is_empty());
        }
    }
    for target in ["http://other.example/feeds/news.rss", "http://x.example:1/feeds/news.rss"] {
        let request = format!("GET {target} HTTP/1.1\r\n{H}Connection: close\r\n\r\n");
        assert_eq!(
            wire::raw(running.public(), request.as_bytes()).unwrap().status,
            200,
            "{target}"
        );
    }
}

#[test]
fn badly_framed_hits_are_refused_or_cut_and_never_counted() {
    let running = newsroom("");
    let cases = [
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5, 6\r\n\r\nhello",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length: 99999999999999999999999\r\n\r\n",
        "Content-Length : 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
        "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\nhello",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        "X: a\r\n b\r\n\r\n",
        "X: a\x00b\r\n\r\n",
        "X\x00: ab\r\n\r\n",
        "X y: ab\r\n\r\n",
        ": ab\r\n\r\n",
        "no colon\r\n\r\n",
        "X: a\rb\r\n\r\n",
        "Content-Length: 50\r\n\r\ncut off",
    ];
    for case in cases {
        let mut wire = Wire::to(running.public());
        wire.send(hit(case));
        wire.finish_sending();
        let reply = wire.reply(true);
        let status = reply.as_ref().map_or(0, |r| r.status);
        assert!(matches!(status, 0 | 400), "{case:?}: {status}");
        assert!(reply.is_none_or(|r| !r.body.is_empty()), "{case:?} is told why");
        assert!(wire.is_closed(), "{case:?}");
        still_answers(&running, case);
    }
    assert_eq!(counted(&running), 0);
}

/// RFC 9112 §6.1 lets a server take the chunks, if it closes then: nothing may follow.
#[test]
fn nothing_is_smuggled_behind_two_kinds_of_framing() {
    let running = newsroom("");
    let smuggled = format!("POST /v/a HTTP/1.1\r\n{H}User-Agent: {BROWSER}\r\n\r\n");
    let request = format!(
        "POST /v/nothing HTTP/1.1\r\n{H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
         0\r\n\r\n{smuggled}"
    );
    let mut wire = Wire::to(running.public());
    wire.send(request);
    let first = wire.reply(true).unwrap();
    assert!(matches!(first.status, 204 | 400), "{}", first.status);
    assert!(wire.reply(true).is_none(), "the connection ends");
    assert_eq!(counted(&running), 0);
}

#[test]
fn bytes_that_are_no_request_do_not_disturb() {
    let running = newsroom("");
    let long = "a".repeat(70_000);
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    let cases: Vec<Vec<u8>> = vec![
        tls,
        vec![0; 5000],
        vec![0xff; 50_000],
        (0..=255).cycle().take(10_000).collect(),
        b"\r\n".repeat(20_000),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET / HTTP/2.0\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET  /  HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nSSH-2.0".to_vec(),
        b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        format!("{long} / HTTP/1.1\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\n{long}").into_bytes(),
    ];
    for (at, case) in cases.iter().enumerate() {
        for address in [running.public(), running.ops()] {
            let mut wire = Wire::to(address);
            wire.send(case);
            wire.finish_sending();
            assert!(wire.reply(true).is_none_or(|r| r.status >= 400), "{at}");
            assert!(wire.is_closed(), "{at}");
        }
        still_answers(&running, &at.to_string());
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_kept() {
    let running = newsroom("body_bytes_max = \"2 KiB\"\nheader_timeout = \"20s\"");
    let limit = |name: &str| running.metric(&format!("limit_hits_total{{limit=\"{name}\"}}"));
    let uri = format!("GET /feeds/{} HTTP/1.1\r\n{H}Connection: close\r\n\r\n", "a".repeat(9000));
    let query = format!(
        "GET /feeds/news.rss?{} HTTP/1.1\r\n{H}Connection: close\r\n\r\n",
        "a".repeat(9000)
    );
    let header = format!("GET / HTTP/1.1\r\n{H}X: {}\r\n\r\n", "a".repeat(100_000));
    let lines: String = (0..1000).map(|n| format!("X{n}: a\r\n")).collect();
    let lines = format!("GET / HTTP/1.1\r\n{H}{lines}\r\n");
    let endless = format!("GET /{} HTTP/1.1\r\n{H}\r\n", "a".repeat(200_000));
    for address in [running.public(), running.ops()] {
        for (request, status, name) in [
            (&uri, 414, "uri"),
            (&query, 414, "uri"),
            (&header, 431, "headers"),
            (&lines, 431, "headers"),
            (&endless, 431, "headers"),
        ] {
            let before = limit(name);
            let mut wire = Wire::to(address);
            wire.send(request);
            let reply = wire.reply(true).unwrap();
            assert_eq!(reply.status, status, "{}", &request[..40]);
            assert!(!reply.body.is_empty());
            assert!(wire.is_closed());
            assert_eq!(limit(name), before + 1.0, "{name}");
        }
    }
    let bodies = [
        format!("Content-Length: 10000000\r\n\r\n{}", "a".repeat(100_000)),
        "Content-Length: 10000000\r\n\r\n".to_owned(),
        format!("Content-Length: 4097\r\n\r\n{}", "a".repeat(4097)),
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{}",
            format!("1000\r\n{}\r\n", "a".repeat(4096)).repeat(9)
        ),
    ];
    for body in bodies {
        let before = limit("body");
        let mut wire = Wire::to(running.public());
        wire.send(hit(&body));
        assert_eq!(wire.reply(true).unwrap().status, 413, "{}", &body[..30]);
        assert!(wire.is_closed());
        assert_eq!(limit("body"), before + 1.0);
        let mut wire = Wire::to(running.ops());
        let token = &running.token;
        let head =
            format!("POST /api/v1/articles HTTP/1.1\r\n{H}Authorization: Bearer {token}\r\n");
        wire.send(head + &body);
        let reply = wire.reply(true).unwrap();
        assert_eq!(reply.status, 413, "{}", &body[..30]);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(limit("body"), before + 2.0);
    }
    still_answers(&running, "large things");
    assert_eq!(counted(&running), 0);
}

#[test]
fn bodies_nobody_asked_for_do_not_hold_a_document_back() {
    let running = newsroom("");
    for method in ["GET", "POST", "PUT"] {
        for path in ["/feeds/news.rss", "/feeds/news", "/nothing", "/count/a.json"] {
            for framing in [
                "Content-Length: 1000000000\r\n\r\n",
                "Content-Length: 5\r\n\r\nhello",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                "Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n",
            ] {
                let mut wire = Wire::to(running.public());
                wire.send(format!("{method} {path} HTTP/1.1\r\n{H}{framing}"));
                let reply = wire.reply(true).unwrap();
                assert!(matches!(reply.status, 200 | 404 | 405), "{method} {path} {framing}");
            }
        }
    }
    for upgrade in ["websocket", "h2c", "TLS/1.0"] {
        let headers =
            [("Upgrade", upgrade), ("HTTP2-Settings", "AAMAAABk"), ("Connection", "Upgrade")];
        assert_eq!(running.get("/feeds/news.rss", &headers).status, 200, "{upgrade}");
        assert_eq!(running.get("/feeds/news", &headers).status, 200, "{upgrade}");
    }
}

#[test]
fn many_made_up_addresses_leave_no_trace() {
    let running = newsroom("");
    let series = |r: &Running| r.metrics().lines().filter(|l| !l.starts_with('#')).count();
    let before = series(&running);
    let mut wire = Wire::to(running.public());
    for n in 0..500 {
        let mut requests = String::new();
        for path in [
            "/feeds/made-up-N",
            "/feeds/made-up-N.rss",
            "/v/made-up-N.gif",
            "/count/made-up-N.json",
            "/N",
        ] {
            let path = path.replace('N', &n.to_string());
            requests += &format!("GET {path} HTTP/1.1\r\n{H}\r\n");
        }
        wire.send(requests);
        for _ in 0..5 {
            assert!(matches!(wire.reply(true).unwrap().status, 200 | 404));
        }
    }
    assert_eq!(series(&running), before);
    assert!(!running.metrics().contains("made-up"));
}
