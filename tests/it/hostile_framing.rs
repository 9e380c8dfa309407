//! Request smuggling: of two readings of one request none is taken, and what stands behind it is
//! never answered, on both listeners.

use crate::{
    running::{BROWSER, NOW, Running},
    wire::Wire,
};

/// A head that two servers may read differently, and the body behind it.
const FORMS: [(&str, &str, &str); 36] = [
    ("two lengths", "Content-Length: 5\r\nContent-Length: 6", "hello"),
    ("two lengths, the longer first", "Content-Length: 6\r\nContent-Length: 5", "hello"),
    ("a list of lengths", "Content-Length: 5, 6", "hello"),
    ("a length with a plus", "Content-Length: +5", "hello"),
    ("a length with a minus", "Content-Length: -5", "hello"),
    ("a length in hex", "Content-Length: 0x5", "hello"),
    ("a length with a blank", "Content-Length: 5 5", "hello"),
    ("no length", "Content-Length: ", "hello"),
    ("a length beyond counting", "Content-Length: 18446744073709551621", "hello"),
    ("a blank before the colon of a length", "Content-Length : 5", "hello"),
    ("a folded length", "Content-Length:\r\n 5", "hello"),
    ("xchunked", "Transfer-Encoding: xchunked", "0\r\n\r\n"),
    ("chunkedx", "Transfer-Encoding: chunkedx", "0\r\n\r\n"),
    ("chunked in quotes", "Transfer-Encoding: \"chunked\"", "0\r\n\r\n"),
    ("chunked, then identity", "Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
    ("chunked in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "0\r\n\r\n"),
    ("identity", "Transfer-Encoding: identity", "0\r\n\r\n"),
    ("gzip", "Transfer-Encoding: gzip", "0\r\n\r\n"),
    ("no encoding", "Transfer-Encoding: ", "0\r\n\r\n"),
    ("a blank before the colon", "Transfer-Encoding : chunked", "0\r\n\r\n"),
    ("a tab before the colon", "Transfer-Encoding\t: chunked", "0\r\n\r\n"),
    ("a vertical tab", "Transfer-Encoding:\x0bchunked", "0\r\n\r\n"),
    ("a folded encoding", "Transfer-Encoding:\r\n chunked", "0\r\n\r\n"),
    ("a fold", "X: a\r\n b", ""),
    ("a header that begins with a blank", " Content-Length: 5", "hello"),
    ("a NUL in a value", "X: a\0b\r\nContent-Length: 0", ""),
    ("a NUL in a name", "X\0Y: ab\r\nContent-Length: 0", ""),
    ("a bare CR", "X: a\rContent-Length: 5", "hello"),
    ("no colon", "Content-Length 5", "hello"),
    ("no name", ": 5", "hello"),
    ("a chunk that is no number", "Transfer-Encoding: chunked", "z\r\n\r\n"),
    ("a chunk beyond counting", "Transfer-Encoding: chunked", "fffffffffffffffff0\r\n\r\n"),
    ("a bare LF after the size", "Transfer-Encoding: chunked", "0\n\r\n"),
    ("a bare LF in an extension", "Transfer-Encoding: chunked", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("a chunk longer than its size", "Transfer-Encoding: chunked", "5\r\nhelloX\r\n0\r\n\r\n"),
    ("a sign before the size", "Transfer-Encoding: chunked", "+5\r\nhello\r\n0\r\n\r\n"),
];

fn newsroom() -> Running {
    let running = Running::start();
    running.publish("a", "A", NOW);
    running.until_titles("news", &["A"]);
    running
}

fn counted(running: &Running) -> u64 {
    running.get("/count/a.json", &[]).json()["counted"].as_u64().unwrap()
}

/// A whole hit that would count.
fn hit(visitor: usize) -> String {
    format!(
        "POST /v/a HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\n\
         X-Forwarded-For: 192.0.2.{visitor}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A whole request of the API that would make an article.
fn put(running: &Running, id: &str) -> String {
    let body = "{\"title\":\"b\",\"url\":\"https://news.example/b/\",\"status\":\"draft\"}";
    format!(
        "PUT /api/v1/articles/{id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        running.token,
        body.len()
    )
}

/// All answers that come before the connection ends, which it must.
fn answers(mut wire: Wire, what: &str) -> Vec<u16> {
    let mut statuses = Vec::new();
    while let Some(reply) = wire.reply(true) {
        statuses.push(reply.status);
    }
    assert!(wire.is_closed(), "{what} stays open");
    statuses
}

#[test]
fn a_request_with_two_readings_is_refused_and_ends_its_connection() {
    let running = newsroom();
    for (what, head, body) in FORMS {
        let mut wire = Wire::to(running.public());
        wire.send(format!(
            "POST /v/a HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\n{head}\r\n\r\n{body}{}",
            hit(1)
        ));
        assert_eq!(answers(wire, what), [400], "{what}, public");
        let mut wire = Wire::to(running.ops());
        let token = &running.token;
        wire.send(format!(
            "PUT /api/v1/articles/b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             {head}\r\n\r\n{body}{}",
            put(&running, "c")
        ));
        assert_eq!(answers(wire, what), [400], "{what}, ops");
    }
    assert_eq!(counted(&running), 0);
    for id in ["b", "c"] {
        assert_eq!(running.api("GET", &format!("/api/v1/articles/{id}"), "").status, 404);
    }
}

#[test]
fn the_request_line_has_one_reading() {
    let running = newsroom();
    for line in [
        "POST /v/a HTTP/1.1 ",
        "POST /v/a  HTTP/1.1",
        "POST\t/v/a\tHTTP/1.1",
        "POST /v/a HTTP/1.1\r\r",
        "POST /v/ a HTTP/1.1",
        "POST /v/a\0 HTTP/1.1",
        "POST /v/a HTTP/1.2",
        "POST /v/a HTTP/2.0",
        "POST /v/a HTTP/0.9",
        "POST /v/a http/1.1",
        "POST /v/a",
        "P()ST /v/a HTTP/1.1",
        " POST /v/a HTTP/1.1",
    ] {
        for to in [running.public(), running.ops()] {
            let mut wire = Wire::to(to);
            let rest = format!("Host: x\r\nUser-Agent: {BROWSER}\r\nContent-Length: 0\r\n\r\n");
            wire.send(format!("{line}\r\n{rest}{}", hit(1)));
            assert_eq!(answers(wire, line), [400], "{line:?}");
        }
    }
    assert_eq!(counted(&running), 0);
}

/// An HTTP/1.0 proxy does not know chunks (RFC 9112 §6.1).
#[test]
fn chunks_in_http_1_0_are_refused() {
    let running = newsroom();
    let mut wire = Wire::to(running.public());
    wire.send(format!(
        "POST /v/a HTTP/1.0\r\nHost: x\r\nUser-Agent: {BROWSER}\r\nConnection: keep-alive\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}",
        hit(1)
    ));
    assert_eq!(answers(wire, "chunks in 1.0"), [400]);
    assert_eq!(counted(&running), 0);
}

/// RFC 9112 §6.3 allows the chunks to win if the connection ends then.
#[test]
fn behind_both_kinds_of_framing_nothing_is_answered() {
    let running = newsroom();
    let length = "Content-Length: 6\r\n";
    for head in [format!("{length}Transfer-Encoding: chunked"), {
        let length = length.trim_end();
        format!("Transfer-Encoding: chunked\r\n{length}")
    }] {
        let mut wire = Wire::to(running.public());
        wire.send(format!(
            "POST /v/made-up HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\n{head}\r\n\r\n\
             0\r\n\r\n{}",
            hit(1)
        ));
        assert_eq!(answers(wire, &head), [204], "{head:?}");
    }
    assert_eq!(counted(&running), 0, "what stood behind was no request");
}

/// What the standard lets a server read leniently has one reading, and the next request is the next.
#[test]
fn lenient_forms_are_read_as_the_standard_says() {
    let running = newsroom();
    let forms = [
        ("two equal lengths", "POST /v/made-up", "Content-Length: 5\r\nContent-Length: 5", "hello"),
        ("a body of a GET", "GET /count/a.json", "Content-Length: 5", "hello"),
        ("another host in the target", "GET http://y.example/count/a.json", "X: y", ""),
        ("an extension of a chunk", "POST /v/made-up", CHUNKED, "5;a=b\r\nhello\r\n0\r\n\r\n"),
        ("a trailer", "POST /v/made-up", CHUNKED, "5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
        ("zeros before the size", "POST /v/made-up", CHUNKED, "005\r\nhello\r\n0\r\n\r\n"),
        ("chunked in capitals", "POST /v/made-up", "Transfer-Encoding: CHUNKED", "0\r\n\r\n"),
        ("empty lines before", "\r\n\r\nPOST /v/made-up", "Content-Length: 0", ""),
    ];
    for (n, (what, line, head, body)) in forms.into_iter().enumerate() {
        let mut wire = Wire::to(running.public());
        wire.send(format!("{line} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{body}{}", hit(n + 1)));
        let first = wire.reply(true).unwrap();
        assert!(matches!(first.status, 200 | 204), "{what}: {}", first.status);
        assert_eq!(wire.reply(false).unwrap().header("jarshy-view"), Some("counted"), "{what}");
    }
    let mut wire = Wire::to(running.public());
    wire.send(format!("POST /v/made-up HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello{}", hit(99)));
    assert_eq!(wire.reply(false).unwrap().status, 204, "bare LF ends a line (RFC 9112 §2.2)");
    assert_eq!(wire.reply(false).unwrap().header("jarshy-view"), Some("counted"));
    assert_eq!(counted(&running), 9);
}

const CHUNKED: &str = "Transfer-Encoding: chunked";

/// HTTP/2 is for the proxy in front; its preface ends the connection at once and is not waited out.
/// (Half of one is half a head, and cut like any other.)
#[test]
fn a_preface_of_http_2_is_refused_at_once() {
    let running = Running::with("[limits]\nheader_timeout = \"1h\"\nidle_timeout = \"1h\"");
    for preface in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n"] {
        for to in [running.public(), running.ops()] {
            let mut wire = Wire::to(to);
            wire.send(preface);
            let answers = answers(wire, preface);
            assert!(matches!(answers[..], [] | [400]), "{preface:?}: {answers:?}");
        }
    }
}
