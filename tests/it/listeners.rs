//! The listeners' patience: slow, silent and many peers are cut, a stop lets answers finish.
//!
//! Limits are milliseconds here. What is asserted is that the server ended the connection, never
//! how long it took.

use std::net::TcpStream;

use crate::{
    running::{NOW, Running},
    wire::{self, Wire},
};

const FEED: &str = "\n[[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n";
const GET: &str = "GET /feeds/news.rss HTTP/1.1\r\nHost: x\r\n\r\n";
const MISS: &str = "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";

fn newsroom(limits: &str) -> Running {
    let running = Running::with(&format!("[limits]\n{limits}\n{FEED}"));
    running.publish("a", "A", NOW);
    // Short limits may cut a busy machine's own requests, so this asks until it succeeds.
    running.until("the feed holds the article", |_| answers(&running).then_some(()));
    running
}

fn answers(running: &Running) -> bool {
    wire::raw(running.public(), close(GET).as_bytes()).is_some_and(|r| r.status == 200)
}

fn still_answers(running: &Running) {
    running.until("the daemon answers", |r| answers(r).then_some(()));
}

fn close(request: &str) -> String {
    request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
}

fn limit_hits(running: &Running, limit: &str) -> f64 {
    running.metric(&format!("limit_hits_total{{limit=\"{limit}\"}}"))
}

#[test]
fn who_does_not_finish_a_head_is_cut() {
    let running = newsroom("header_timeout = \"200ms\"");
    let heads: [&[u8]; 5] =
        [b"", b"G", b"GET /feeds/news.rss HTTP/1.1\r\nHo", b"\r\n", b"PRI * HTTP/2.0\r\n\r\nSM"];
    for address in [running.public(), running.ops()] {
        for head in heads {
            let mut wire = Wire::to(address);
            wire.send(head);
            assert!(wire.is_closed(), "{}", String::from_utf8_lossy(head));
        }
    }
    let mut wire = Wire::to(running.public());
    wire.send("GET /feeds/news.rss HTTP/1.1\r\nX: ");
    assert!(wire.drip_until_closed(b'a'), "dripping does not extend the time");
    assert!(limit_hits(&running, "header_time") >= 8.0);
    still_answers(&running);
}

#[test]
fn a_later_request_of_a_connection_has_the_same_time_for_its_head() {
    let running = newsroom("header_timeout = \"300ms\"");
    for first in [GET, MISS] {
        let mut wire = Wire::to(running.public());
        running.until("an answer and then half a head", |r| {
            wire = Wire::to(r.public());
            wire.send(first);
            wire.reply(true)
        });
        let before = limit_hits(&running, "header_time");
        wire.send("GET /feeds/news.rss HTTP/1.1\r\nX: ");
        assert!(wire.drip_until_closed(b'a'), "{first}");
        assert!(limit_hits(&running, "header_time") > before, "{first}");
    }
}

#[test]
fn an_idle_connection_is_closed_whatever_was_asked_before() {
    let running = newsroom("idle_timeout = \"150ms\"\nheader_timeout = \"5s\"");
    let hit = "POST /v/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    for requests in [vec![GET], vec![MISS], vec![hit], vec![GET, MISS, hit, GET, hit]] {
        let mut wire = Wire::to(running.public());
        for request in &requests {
            wire.send(request);
            if wire.reply(true).is_none() {
                break; // cut between two requests: that is what is asked for
            }
        }
        assert!(wire.is_closed(), "{requests:?}");
    }
    let mut wire = Wire::to(running.ops());
    wire.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(wire.reply(true).unwrap().status, 200);
    assert!(wire.is_closed());
    assert_eq!(limit_hits(&running, "header_time"), 0.0, "idle is not slow");
}

/// While a request is with its door nothing watches the reads; afterwards something must again.
#[test]
fn a_connection_whose_request_took_long_is_closed_when_it_is_idle() {
    let running = newsroom("idle_timeout = \"100ms\"\nheader_timeout = \"100ms\"");
    let reply = running.until("a hit whose body comes late", |r| {
        let mut wire = Wire::to(r.public());
        wire.send("POST /v/a HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n");
        // Longer than both times; the body may take `body_timeout`.
        for _ in 0..40 {
            if !wire.send("b") {
                return None;
            }
            wire.pause(10);
        }
        let reply = wire.reply(true)?;
        assert!(wire.is_closed(), "nobody watches the connection any more");
        Some(reply)
    });
    assert_eq!(reply.status, 204);
}

#[test]
fn a_body_that_drips_is_refused_in_time() {
    let running = newsroom("body_timeout = \"200ms\"");
    let mut wire = Wire::to(running.public());
    wire.send("POST /v/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n");
    assert!(wire.drip_until_closed(b'a'));
    assert_eq!(wire.last_words().unwrap().status, 408);
    assert_eq!(limit_hits(&running, "body_time"), 1.0);
    let mut wire = Wire::to(running.ops());
    let token = &running.token;
    wire.send(format!(
        "PUT /api/v1/articles/b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: 4000\r\n\r\n"
    ));
    assert!(wire.drip_until_closed(b' '));
    let last = wire.last_words().unwrap();
    assert_eq!(last.status, 408);
    assert_eq!(last.header("content-type"), Some("application/problem+json"));
    assert_eq!(limit_hits(&running, "body_time"), 2.0);
    assert_eq!(running.get("/count/a.json", &[]).json()["counted"], 0);
    still_answers(&running);
}

#[test]
fn who_does_not_take_answers_is_cut_with_a_reset() {
    let running = newsroom("write_timeout = \"200ms\"");
    let long = format!("<p>{}</p>", "Құлақтандыру. ".repeat(20_000));
    let article = serde_json::json!({
        "title": "Long", "url": "https://news.example/long/", "body_html": long,
        "published_at": NOW.to_rfc3339(),
    });
    assert_eq!(running.api("PUT", "/api/v1/articles/long", &article.to_string()).status, 201);
    running.until("the long article is there", |r| {
        (r.get("/feeds/news.rss", &[]).body.len() > long.len()).then_some(())
    });
    let mut wire = Wire::to(running.public());
    // Far more than both kernels keep.
    wire.send(GET.repeat(200));
    running.until("the connection is cut", |r| (limit_hits(r, "write_time") > 0.0).then_some(()));
    assert!(wire.is_reset());
    still_answers(&running);
}

#[test]
fn requests_in_one_piece_are_answered_in_order() {
    let running = newsroom("");
    let mut wire = Wire::to(running.public());
    let hit = "POST /v/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    wire.send([GET, hit, MISS, GET, hit, MISS, GET].concat());
    for status in [200, 204, 404, 200, 204, 404, 200] {
        assert_eq!(wire.reply(status != 204).unwrap().status, status);
    }
    // Bytes one by one are the same requests.
    for byte in [GET, hit].concat().bytes() {
        wire.send([byte]);
    }
    assert_eq!(wire.reply(true).unwrap().status, 200);
    assert_eq!(wire.reply(false).unwrap().status, 204);
}

#[test]
fn http_1_0_is_answered_and_closed() {
    let running = newsroom("");
    let mut wire = Wire::to(running.public());
    wire.send("GET /feeds/news.rss HTTP/1.0\r\nHost: x\r\n\r\n");
    assert_eq!(wire.reply(true).unwrap().status, 200);
    assert!(wire.is_closed());
}

#[test]
fn a_stop_finishes_what_is_under_way_and_closes_the_rest() {
    let running = newsroom("");
    let (public, ops) = (running.public(), running.ops());
    let mut idle = Wire::to(public);
    idle.send(GET);
    assert_eq!(idle.reply(true).unwrap().status, 200);
    let mut silent = Wire::to(public);
    let mut busy = Wire::to(public);
    busy.send(
        "POST /v/a HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0 Firefox/128.0\r\n\
         Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    );
    assert_eq!(busy.reply(false).unwrap().status, 100, "the body is waited for");
    let stopping = std::thread::spawn(move || running.stop());
    assert!(idle.is_closed());
    assert!(silent.is_closed());
    assert!(TcpStream::connect(public).is_err(), "new connections are refused");
    busy.send("hello");
    let reply = busy.reply(false).unwrap();
    assert_eq!((reply.status, reply.header("jarshy-view")), (204, Some("counted")));
    assert!(busy.is_closed());
    let folder = stopping.join().unwrap();
    assert!(TcpStream::connect(ops).is_err());
    let again = Running::on(folder, FEED, jarshy::clock::Clock::manual(NOW));
    assert_eq!(again.get("/count/a.json", &[]).json()["counted"], 1, "what was promised is kept");
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let running = newsroom("drain_timeout = \"100ms\"");
    let mut busy = Wire::to(running.public());
    busy.send("POST /v/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(busy.reply(false).unwrap().status, 100);
    running.stop();
    assert!(busy.is_closed());
}
