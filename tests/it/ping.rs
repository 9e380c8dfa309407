//! `POST /ping`, as WordPress sends it: wakes the sources at that site, and does nothing else.

use std::time::Duration;

use crate::{
    running::{Running, SETTINGS},
    sources::{rss, settings, state, until_asked},
    upstream::{Upstream, answer},
    wire::{self, Reply},
};

/// What WordPress 6.1 sends to its update services.
fn extended(site: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<methodCall>\n<methodName>weblogUpdates.extendedPing</methodName>\n\
         <params>\n<param><value><string>Түркістан &amp; Со &#171;жаңалық&#187;</string></value></param>\n\
         <param><value><string>{site}</string></value></param>\n\
         <param><value><string>{site}feed/</string></value></param>\n</params></methodCall>\n"
    )
}

fn ping(r: &Running, body: &str) -> Reply {
    wire::ask(r.public(), "POST", "/ping", &[("Content-Type", "text/xml")], body.as_bytes())
}

fn said(reply: &Reply, flerror: u8) {
    let text = reply.text();
    assert_eq!(reply.status, 200, "{text}");
    assert_eq!(reply.header("content-type"), Some("text/xml; charset=utf-8"));
    let flag = format!("<name>flerror</name><value><boolean>{flerror}</boolean></value>");
    assert!(text.contains(&flag) && text.contains("<name>message</name>"), "{text}");
}

fn start(upstream: &Upstream) -> Running {
    let r = Running::with(&settings(&upstream.url("/feed/"), "every = \"1h\""));
    r.until("first pulled", |r| state(r)["last_success_at"].is_string().then_some(()));
    r
}

#[test]
fn a_ping_brings_what_is_new_at_once() {
    let upstream = Upstream::saying(answer("200 OK", &[], rss(&["a"])));
    let r = start(&upstream);
    r.clock.turn(Duration::from_secs(10));
    upstream.now_says(answer("200 OK", &[], rss(&["b", "a"])));
    said(&ping(&r, &extended(&upstream.url("/"))), 0);
    r.until_titles("news", &["b", "a"]);
    assert_eq!(upstream.asked().len(), 2);
    let plain = extended(&upstream.url("/")).replace("extendedPing", "ping");
    said(&ping(&r, &plain), 0);
    assert_eq!(r.metric("http_requests_total{code=\"200\",route=\"ping\"}"), 2.0);
}

#[test]
fn a_flood_of_pings_is_one_pull() {
    let upstream = Upstream::saying(answer("200 OK", &[], rss(&["a"])));
    let r = start(&upstream);
    for _ in 0..200 {
        said(&ping(&r, &extended(&upstream.url("/"))), 0);
    }
    // None yet: the last pull began less than two seconds ago.
    assert_eq!(upstream.asked().len(), 1);
    r.clock.turn(Duration::from_secs(2));
    until_asked(&upstream, &r, 2);
    // And it was the only one.
    r.clock.turn(Duration::from_secs(60));
    r.settle();
    assert_eq!(upstream.asked().len(), 2);
}

#[test]
fn a_source_that_wants_to_be_left_alone_is() {
    let upstream = Upstream::saying(answer("503 Busy", &[("Retry-After", "600")], ""));
    let r = Running::with(&settings(&upstream.url("/feed/"), ""));
    until_asked(&upstream, &r, 1);
    r.until("noted", |r| (state(r)["failures"] == 1).then_some(()));
    said(&ping(&r, &extended(&upstream.url("/"))), 0);
    r.clock.turn(Duration::from_secs(599));
    r.settle();
    assert_eq!(upstream.asked().len(), 1);
    r.clock.turn(Duration::from_secs(1));
    r.until("asked again", |_| (upstream.asked().len() == 2).then_some(()));
}

#[test]
fn an_unknown_site_wakes_nobody_and_is_never_asked() {
    let (upstream, other) = (
        Upstream::saying(answer("200 OK", &[], rss(&["a"]))),
        Upstream::saying(answer("200 OK", &[], rss(&["evil"]))),
    );
    let r = start(&upstream);
    r.clock.turn(Duration::from_secs(10));
    for site in [&*other.url("/"), "https://news.example/", "not a URL", "", "file:///etc/passwd"] {
        said(&ping(&r, &extended(site)), 1);
    }
    let none = extended("x").replace("<param>", "<other>").replace("</param>", "</other>");
    said(&ping(&r, &none), 1);
    // The feed's address is not where anybody is asked, only what the settings say.
    let mixed = extended(&upstream.url("/")).replace("feed/", "../../evil");
    said(&ping(&r, &mixed), 0);
    r.until("pulled", |_| (upstream.asked().len() == 2).then_some(()));
    assert_eq!(upstream.asked()[1].path, "/feed/");
    assert!(other.asked().is_empty());
}

#[test]
fn what_is_no_ping_is_answered_as_xml_rpc_says() {
    let r = Running::with(SETTINGS);
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><methodCall>\
        <methodName>weblogUpdates.ping</methodName><params><param>&b;</param></params></methodCall>";
    let cases = [
        ("", "-32700"),
        ("<methodCall>", "-32700"),
        ("{\"ping\": 1}", "-32700"),
        ("<methodCall></methodResponse>", "-32700"),
        (bomb, "-32700"),
        ("<methodCall><methodName>system.multicall</methodName></methodCall>", "-32601"),
        ("<methodCall><methodName>pingback.ping</methodName></methodCall>", "-32601"),
    ];
    for (body, code) in cases {
        let reply = ping(&r, body);
        let fault = format!("<name>faultCode</name><value><int>{code}</int></value>");
        assert_eq!(reply.status, 200, "{body}");
        assert!(reply.text().contains(&fault), "{body}: {}", reply.text());
    }
    let nested = format!("{}{}", "<a>".repeat(2000), "</a>".repeat(2000));
    assert!(ping(&r, &nested).text().contains("-32700"));
    assert_eq!(ping(&r, &"x".repeat(17 << 10)).status, 413);
    let reply = wire::get(r.public(), "/ping", &[]);
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}
