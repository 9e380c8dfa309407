//! HTTP that jarshy starts: it reaches nothing inside unless told so, and no answer can hold it up or
//! fill it up.

use std::{
    io::Write,
    net::{IpAddr, TcpListener},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use jarshy::{
    config::{self, Overrides},
    outbound::{Ask, Failure, Outbound, Reply, is_public},
};
use url::Url;

use crate::upstream::{Upstream, answer};

const LOOPBACK: &str = r#"networks_allowed = ["127.0.0.1/32"]"#;

fn outbound(settings: &str) -> Outbound {
    let text = format!("[site]\nurl = \"https://news.example\"\n[outbound]\n{settings}\n");
    let config = config::parse(&text, "test.toml", &[], &Overrides::default()).unwrap();
    Outbound::new(&config.outbound).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn send(outbound: &Outbound, ask: Ask) -> Result<Reply, Failure> {
    runtime().block_on(outbound.send(ask))
}

fn get(settings: &str, url: &str) -> Result<Reply, Failure> {
    send(&outbound(settings), ask(url))
}

fn ask(url: &str) -> Ask {
    Ask::get(Url::parse(url).unwrap())
}

#[test]
fn every_range_that_is_not_the_public_internet_is_refused() {
    let refused = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 \
        127.255.255.255 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 \
        192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 \
        239.255.255.255 240.0.0.1 255.255.255.255 \
        :: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 \
        ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 \
        2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002::1 3fff::1 \
        5f00::1 fc00::1 fd00::1 fe80::1 fec0::1 ff02::1 ff0e::1";
    for text in refused.split_whitespace() {
        let address: IpAddr = text.parse().unwrap();
        assert!(!is_public(address), "{text} is let through");
    }
    let public = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 172.15.0.1 \
        172.32.0.1 192.0.1.1 192.167.0.1 198.17.0.1 198.20.0.1 223.255.255.255 \
        ::ffff:8.8.8.8 2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1 3ffe::1";
    for text in public.split_whitespace() {
        let address: IpAddr = text.parse().unwrap();
        assert!(is_public(address), "{text} is refused");
    }
}

#[test]
fn nothing_inside_is_reached_unless_the_settings_say_so() {
    let upstream = Upstream::saying(answer("200 OK", &[], "inside"));
    let port = upstream.address.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        "[::]",
        "[::1]",
    ];
    for host in hosts {
        let failure = get("", &format!("http://{host}:{port}/x?key=secret")).unwrap_err();
        assert!(matches!(failure, Failure::Forbidden { .. }), "{host}: {failure:?}");
        let said = failure.to_string();
        assert!(said.contains("outbound.networks_allowed"), "{host}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
    assert!(upstream.asked().is_empty(), "the server was connected to");
    let reply = get(LOOPBACK, &upstream.url("/x")).unwrap();
    assert_eq!((reply.status.as_u16(), &reply.body[..]), (200, &b"inside"[..]));
    assert_eq!(get(LOOPBACK, &format!("http://localhost:{port}/")).unwrap().body, "inside");
}

#[test]
fn another_setting_holds_from_the_next_request_on() {
    let upstream = Upstream::saying(answer("200 OK", &[], "inside"));
    let outbound = outbound(LOOPBACK);
    let runtime = runtime();
    let url = upstream.url("/");
    assert!(runtime.block_on(outbound.send(ask(&url))).is_ok());
    let closed = config::parse("", "test.toml", &[], &Overrides::default()).unwrap();
    outbound.clone().reconfigure(&closed.outbound);
    let failure = runtime.block_on(outbound.send(ask(&url))).unwrap_err();
    assert!(matches!(failure, Failure::Forbidden { .. }), "{failure:?}");
}

#[test]
fn requests_say_who_asks_and_take_gzip() {
    let upstream = Upstream::saying(answer("200 OK", &[], ""));
    get(LOOPBACK, &upstream.url("/feed/?a=1#there")).unwrap();
    let asked = &upstream.asked()[0];
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(asked.path, "/feed/?a=1");
    let agent = format!("jarshy/{version} (+https://news.example/)");
    assert_eq!(asked.header("user-agent"), Some(&*agent));
    assert_eq!(asked.header("accept-encoding"), Some("gzip"));
    assert_eq!(asked.header("host"), Some(&*upstream.address.to_string()));
}

#[test]
fn each_hop_of_a_redirect_is_filtered_again() {
    let inner = Upstream::saying(answer("200 OK", &[], "inside"));
    let to = format!("http://127.0.0.2:{}/", inner.address.port());
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let outer = Upstream::saying(answer(status, &[("Location", &to)], ""));
        let failure = get(LOOPBACK, &outer.url("/")).unwrap_err();
        assert!(matches!(failure, Failure::Forbidden { .. }), "{status}: {failure:?}");
    }
    for to in ["file:///etc/passwd", "gopher://127.0.0.1/", "http://u:p@news.example/", "http://"] {
        let outer = Upstream::saying(answer("302 Found", &[("Location", to)], ""));
        let failure = get(LOOPBACK, &outer.url("/")).unwrap_err();
        assert!(matches!(failure, Failure::Redirects { .. }), "{to}: {failure:?}");
    }
    assert!(inner.asked().is_empty());
}

#[test]
fn redirects_end() {
    let upstream = Upstream::saying(answer("302 Found", &[("Location", "/again")], ""));
    let failure = get(LOOPBACK, &upstream.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::Redirects { .. }), "{failure:?}");
    assert_eq!(upstream.asked().len(), 6);
    let unfollowed = Ask { redirects_max: 0, ..ask(&upstream.url("/")) };
    assert_eq!(send(&outbound(LOOPBACK), unfollowed).unwrap().status.as_u16(), 302);
}

#[test]
fn a_redirect_tells_where_it_led_and_whether_for_good() {
    let upstream = Upstream::start(|asked, stream| {
        let bytes = match asked.path.as_str() {
            "/old" => answer("301 Moved", &[("Location", "/new")], ""),
            "/new" => answer("308 Moved", &[("Location", "newest")], ""),
            "/here" => answer("302 Found", &[("Location", "/newest")], ""),
            _ => answer("200 OK", &[], "found"),
        };
        let _ = stream.write_all(&bytes);
    });
    let reply = get(LOOPBACK, &upstream.url("/old")).unwrap();
    assert_eq!((reply.url.path(), reply.moved_permanently), ("/newest", true));
    let reply = get(LOOPBACK, &upstream.url("/here")).unwrap();
    assert_eq!((reply.url.path(), reply.moved_permanently), ("/newest", false));
    assert!(!get(LOOPBACK, &upstream.url("/newest")).unwrap().moved_permanently);
}

#[test]
fn credentials_stay_with_the_origin_they_are_for() {
    let other = Upstream::saying(answer("200 OK", &[], ""));
    let to = other.url("/there");
    let upstream = Upstream::start(move |asked, stream| {
        let location = if asked.path == "/stay" { "/end" } else { to.as_str() };
        let bytes = match asked.path.as_str() {
            "/end" => answer("200 OK", &[], ""),
            _ => answer("307 Go", &[("Location", location)], ""),
        };
        let _ = stream.write_all(&bytes);
    });
    let secret = |url: &str| {
        let mut ask = ask(url);
        ask.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic c2VjcmV0"));
        (ask.method, ask.body) = (Method::POST, Bytes::from_static(b"body"));
        ask
    };
    send(&outbound(LOOPBACK), secret(&upstream.url("/stay"))).unwrap();
    let stayed = &upstream.asked()[1];
    assert_eq!(stayed.header("authorization"), Some("Basic c2VjcmV0"));
    assert_eq!((stayed.method.as_str(), &stayed.body[..]), ("POST", &b"body"[..]));
    send(&outbound(LOOPBACK), secret(&upstream.url("/leave"))).unwrap();
    assert_eq!(other.asked()[0].header("authorization"), None);
    assert_eq!(other.asked()[0].method, "POST");
    assert!(!format!("{:?}", secret("http://a.example/?key=c2VjcmV0")).contains("c2VjcmV0"));
}

#[test]
fn an_answer_is_cut_at_its_bound() {
    let settings = format!("{LOOPBACK}\nbody_bytes_max = \"64 KiB\"");
    let announced = Upstream::saying(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 104857600\r\n\r\n".as_slice(),
    );
    let failure = get(&settings, &announced.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::TooLarge { bytes_max: 65536, .. }), "{failure:?}");
    let endless = Upstream::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 65536], b"\r\n"].concat();
        for _ in 0..1600 {
            if stream.write_all(&chunk).is_err() {
                return;
            }
        }
    });
    let failure = get(&settings, &endless.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::TooLarge { bytes_max: 65536, .. }), "{failure:?}");
    let long_head = Upstream::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        let line = format!("X: {}\r\n", "x".repeat(8000));
        while stream.write_all(line.as_bytes()).is_ok() {}
    });
    let failure = get(&settings, &long_head.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::Malformed { .. }), "{failure:?}");
}

#[test]
fn gzip_is_unpacked_and_a_bomb_is_not() {
    let pack = |bytes: &[u8]| {
        let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        to.write_all(bytes).unwrap();
        to.finish().unwrap()
    };
    let coded = [("Content-Encoding", "GZIP")];
    let good = Upstream::saying(answer("200 OK", &coded, pack("тёплый".as_bytes())));
    let reply = get(LOOPBACK, &good.url("/")).unwrap();
    assert_eq!(reply.body, "тёплый");
    assert_eq!(reply.headers.get(header::CONTENT_ENCODING), None);
    let bomb = pack(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let bomb = Upstream::saying(answer("200 OK", &coded, bomb));
    let settings = format!("{LOOPBACK}\nbody_bytes_max = \"1 MiB\"");
    let failure = get(&settings, &bomb.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::TooLarge { .. }), "{failure:?}");
    for (coding, body) in [("gzip", &b"no gzip"[..]), ("br", b"x"), ("gzip, gzip", b"x")] {
        let damaged = Upstream::saying(answer("200 OK", &[("Content-Encoding", coding)], body));
        let failure = get(LOOPBACK, &damaged.url("/")).unwrap_err();
        assert!(matches!(failure, Failure::Malformed { .. }), "{coding}: {failure:?}");
    }
}

#[test]
fn a_silent_or_dripping_server_is_left() {
    let settings = format!("{LOOPBACK}\ntimeout = \"300ms\"");
    let silent = Upstream::start(|_, _| std::thread::sleep(Duration::from_secs(30)));
    let failure = get(&settings, &silent.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::TimedOut { .. }), "{failure:?}");
    let dripping = Upstream::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let failure = get(&settings, &dripping.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::TimedOut { .. }), "{failure:?}");
    let informing = Upstream::start(|_, stream| {
        while stream.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let failure = get(&settings, &informing.url("/")).unwrap_err();
    assert!(matches!(failure, Failure::TimedOut { .. }), "{failure:?}");
}

#[test]
fn what_fails_says_what_and_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = get(LOOPBACK, &format!("http://{free}/")).unwrap_err();
    assert!(matches!(failure, Failure::Connect { .. }), "{failure:?}");
    // No name has a part of 64 letters (RFC 1035 §2.3.4), so that no server is asked for it.
    let name = "a".repeat(64);
    let failure = get(LOOPBACK, &format!("http://{name}/")).unwrap_err();
    assert!(matches!(failure, Failure::Resolve { .. }), "{failure:?}");
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    std::thread::spawn(move || plain.accept().unwrap().0.write_all(b"HTTP/1.1 400 No\r\n\r\n"));
    let failure = get(LOOPBACK, &format!("https://{address}/")).unwrap_err();
    assert!(matches!(failure, Failure::Tls { .. }), "{failure:?}");
    for bytes in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "garbage\r\n\r\n"] {
        let broken = Upstream::saying(bytes);
        let failure = get(LOOPBACK, &broken.url("/")).unwrap_err();
        assert!(matches!(failure, Failure::Malformed { .. }), "{bytes}: {failure:?}");
    }
    for url in ["ftp://news.example/", "http://user:secret@news.example/"] {
        let failure = get(LOOPBACK, url).unwrap_err();
        assert!(matches!(failure, Failure::Malformed { .. }), "{url}: {failure:?}");
        assert!(!failure.to_string().contains("secret"));
    }
}
