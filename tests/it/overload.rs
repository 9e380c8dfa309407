//! More than there is room for: idle peers give way, busy ones stay, the rest is told when to come
//! again; and whoever asks whether a feed has changed is always answered.

use std::time::Duration;

use crate::{
    running::{BROWSER, NOW, Running},
    wire::Wire,
};

const FEED: &str = "\n[[feeds]]\nslug = \"news\"\ntitle = \"N\"\nlanguage = \"mixed\"\n";
const GET: &str = "GET /feeds/news.rss HTTP/1.1\r\nHost: x\r\n\r\n";

fn newsroom(settings: &str) -> Running {
    let running = Running::with(&format!("{settings}\n{FEED}"));
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    running
}

fn limit_hits(running: &Running, limit: &str) -> f64 {
    running.metric(&format!("limit_hits_total{{limit=\"{limit}\"}}"))
}

/// A request whose body does not come: its connection is busy.
fn busy(running: &Running) -> Wire {
    let mut wire = Wire::to(running.public());
    wire.send(format!(
        "POST /v/a HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\n\
         Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    ));
    assert_eq!(wire.reply(false).unwrap().status, 100);
    wire
}

/// A connection that has had an answer and asks for nothing more.
fn idle(running: &Running) -> Wire {
    let mut wire = Wire::to(running.public());
    wire.send(GET);
    assert_eq!(wire.reply(true).unwrap().status, 200);
    wire
}

fn etag(running: &Running) -> String {
    running.get("/feeds/news.rss", &[]).header("etag").unwrap().to_owned()
}

#[test]
fn where_all_connections_are_busy_the_next_is_told_to_come_back() {
    let running = newsroom("[limits]\nconnections_max = 8");
    let mut open: Vec<Wire> = (0..8).map(|_| busy(&running)).collect();
    let mut ninth = Wire::to(running.public());
    let refusal = ninth.reply(true).unwrap();
    assert_eq!((refusal.status, refusal.header("retry-after")), (503, Some("5")));
    assert!(!refusal.body.is_empty());
    assert!(ninth.is_closed());
    assert!(limit_hits(&running, "connections") >= 1.0);
    assert!(running.metric("http_connections ") >= 8.0);
    open[0].send("hello");
    assert_eq!(open[0].reply(false).unwrap().status, 204, "those who are in stay in");
    open[0] = busy_again(&running, open.remove(0));
    running.reload(&format!("[limits]\nconnections_max = 9\n{FEED}"));
    assert_eq!(running.get("/feeds/news.rss", &[]).status, 200, "a reload makes room");
}

/// The same connection with its next request.
fn busy_again(running: &Running, mut wire: Wire) -> Wire {
    wire.send("POST /v/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n");
    running.until("it is at it", |r| (r.metric("http_connections ") >= 8.0).then_some(()));
    wire
}

#[test]
fn idle_connections_give_way_and_busy_ones_stay() {
    let running = newsroom("[limits]\nconnections_max = 8");
    let tag = etag(&running);
    let mut busy = busy(&running);
    let mut waiting: Vec<Wire> = (0..7).map(|_| idle(&running)).collect();
    for n in 0..50 {
        let reply = running.get("/feeds/news.rss", &[("If-None-Match", &tag)]);
        assert_eq!(reply.status, 304, "request {n} beyond the limit");
    }
    assert!(limit_hits(&running, "connections_given_way") >= 1.0);
    assert_eq!(limit_hits(&running, "connections"), 0.0);
    assert!(waiting.iter_mut().any(Wire::is_closed));
    busy.send("hello");
    assert_eq!(busy.reply(false).unwrap().header("jarshy-view"), Some("counted"));
}

#[test]
fn silent_connections_and_half_heads_keep_nobody_out() {
    for head in ["", "GET /feeds/news.rss HTTP/1.1\r\nHo"] {
        let running = newsroom("[limits]\nconnections_max = 8\nheader_timeout = \"1h\"");
        let mut held: Vec<Wire> = Vec::new();
        for _ in 0..20 {
            // Whoever attacks does not stop: all seats are taken again before somebody comes.
            running.until("eight are open", |r| {
                let mut wire = Wire::to(r.public());
                wire.send(head);
                held.push(wire);
                (r.metric("http_connections ") >= 8.0).then_some(())
            });
            running.until("it is let in", |r| {
                let mut wire = Wire::to(r.public());
                wire.send(GET);
                wire.reply(true).filter(|reply| reply.status == 200)
            });
        }
        assert!(limit_hits(&running, "connections_given_way") >= 10.0, "{head:?}");
    }
}

#[test]
fn one_address_has_its_share_and_proxies_have_none() {
    let settings = "[limits]\nconnections_per_address_max = 4\n[public]\ntrusted_proxies = [";
    let running = newsroom(&format!("{settings}\"127.0.0.9/32\"]"));
    let from = |own: &str| {
        let mut wire = Wire::from(own, running.public());
        wire.send("GET /feeds/news.rss HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
        let reply = wire.reply(true).unwrap();
        assert!(reply.status == 200 || reply.header("retry-after") == Some("5"));
        (wire, reply.status)
    };
    let mut open: Vec<Wire> = Vec::new();
    for n in 0..6 {
        let (wire, status) = from("127.0.0.2");
        assert_eq!(status, if n < 4 { 200 } else { 503 }, "{n}");
        open.push(wire);
    }
    assert_eq!(limit_hits(&running, "connections_per_address"), 2.0);
    assert_eq!(from("127.0.0.3").1, 200, "another address has its own share");
    let proxied: Vec<_> = (0..20).map(|_| from("127.0.0.9")).collect();
    assert!(proxied.iter().all(|(_, status)| *status == 200), "a proxy brings many");
    open.clear();
    running.until("its share is given back", |_| (from("127.0.0.2").1 == 200).then_some(()));
    running.reload(&format!("{settings}\"127.0.0.0/8\"]\n{FEED}"));
    let more: Vec<_> = (0..8).map(|_| from("127.0.0.2")).collect();
    assert!(more.iter().all(|(_, status)| *status == 200), "a proxy now");
}

#[test]
fn an_old_connection_is_closed_after_an_answer_that_says_so() {
    let running = newsroom("[limits]\nconnection_age_max = \"100ms\"");
    for request in [GET, "POST /v/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"] {
        let mut wire = Wire::to(running.public());
        let last = running.until("the last answer", |_| {
            wire.send(request);
            let reply = wire.reply(request == GET).expect("no answer is lost");
            assert!(matches!(reply.status, 200 | 204));
            reply.header("connection").map(str::to_owned)
        });
        assert_eq!(last, "close");
        assert!(wire.is_closed());
    }
}

/// A reader that takes something all the time, and too little of it, is cut as well. (Answers that are
/// far larger than what the kernel keeps for a connection; no feed has to be made for them.)
#[test]
fn an_answer_must_be_taken_at_the_slowest_rate() {
    let limits = |time: &str, rate: &str| {
        format!("[limits]\nwrite_timeout = \"{time}\"\nwrite_bytes_per_second_min = \"{rate}\"\n")
    };
    let quiet = "[feeds_auto]\nlanguages = false";
    let running = Running::with(&(limits("1s", "1 GiB") + quiet));
    let body = "a".repeat(3_500_000);
    for id in ["b", "c"] {
        running.put(id, NOW, serde_json::json!({ "body_html": format!("<p>{body}</p>") }));
    }
    let sip = || {
        let mut wire = Wire::from("127.0.0.1", running.ops());
        wire.send(format!(
            "GET /api/v1/articles HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\n\r\n",
            running.token
        ));
        wire.sip_until_closed(64 << 10, Duration::from_millis(6))
    };
    assert!(sip() < 2 * body.len(), "cut on the way");
    assert_eq!(limit_hits(&running, "write_time"), 1.0);
    running.reload(&(limits("20s", "1 KiB") + quiet));
    assert!(sip() > 2 * body.len(), "slow is allowed, as slow as is set");
    assert_eq!(limit_hits(&running, "write_time"), 1.0);
}

#[test]
fn too_many_api_requests_are_told_to_come_back_and_nobody_else_is() {
    let running = newsroom("[limits]\napi_requests_max = 3\nexports_max = 1");
    let tag = etag(&running);
    let open = |request: &str| {
        let mut wire = Wire::to(running.ops());
        wire.send(format!(
            "{request} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Expect: 100-continue\r\nContent-Length: 50\r\n\r\n",
            running.token
        ));
        assert_eq!(wire.reply(false).unwrap().status, 100, "{request} is under way");
        wire
    };
    let refused = |path: &str| {
        let reply = running.api("GET", path, "");
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{path}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    };
    let batch = open("POST /api/v1/articles");
    for path in ["/api/v1/articles", "/api/v1/changes?since=0", "/api/v1/views"] {
        refused(path);
    }
    assert_eq!(limit_hits(&running, "exports"), 3.0);
    assert_eq!(running.api("GET", "/api/v1/articles/a", "").status, 200, "small ones go on");
    let puts = [open("PUT /api/v1/articles/b"), open("PUT /api/v1/articles/c")];
    refused("/api/v1/articles/a");
    assert_eq!(limit_hits(&running, "api_requests"), 1.0);
    assert_eq!(running.get("/feeds/news.rss", &[("If-None-Match", &tag)]).status, 304);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(running.api("GET", path, "").status, 200, "{path} is seen");
    }
    drop((batch, puts));
    running.until("there is room again", |r| {
        (r.api("GET", "/api/v1/articles", "").status == 200).then_some(())
    });
}

/// Ten thousand requests in one piece are worked off in order, and nobody waits for them.
#[test]
fn one_peer_cannot_take_all_of_the_time() {
    let running = newsroom("");
    let tag = etag(&running);
    let count = 10_000;
    let ask = format!("GET /feeds/news.rss HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\n\r\n");
    let greedy = {
        let (public, ask) = (running.public(), ask.clone());
        std::thread::spawn(move || {
            let mut wire = Wire::to(public);
            let mut sender = wire.twin();
            let all = ask.repeat(count);
            let sending = std::thread::spawn(move || sender.send(all));
            let answers = (0..count).filter(|_| wire.reply(false).unwrap().status == 304).count();
            assert!(sending.join().unwrap());
            answers
        })
    };
    while !greedy.is_finished() {
        let reply = running.get("/feeds/news.rss", &[("If-None-Match", &tag)]);
        assert_eq!(reply.status, 304);
    }
    assert_eq!(greedy.join().unwrap(), count);
}
