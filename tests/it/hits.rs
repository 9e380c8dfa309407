//! Hits over HTTP: the verdict is said and kept, numbers agree everywhere, and who came is written
//! nowhere.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    running::{BROWSER, NOW, Running},
    wire::{self, Reply, Wire},
};

const SETTINGS: &str = r#"
[site]
url = "https://news.example"
[[feeds]]
slug = "news"
title = "N"
language = "mixed"
"#;

fn newsroom(more: &str) -> Running {
    let running = Running::with(&format!("{more}\n{SETTINGS}"));
    running.publish("a", "A", NOW);
    running.publish("b", "B", NOW);
    running.until("both articles can be viewed", |r| {
        let known = |id: &str| r.get(&format!("/count/{id}.json"), &[]).status == 200;
        (known("a") && known("b")).then_some(())
    });
    running
}

fn post(running: &Running, path: &str, headers: &[(&str, &str)]) -> Reply {
    wire::ask(running.public(), "POST", path, headers, b"")
}

fn counted(running: &Running, id: &str) -> u64 {
    running.get(&format!("/count/{id}.json"), &[]).json()["counted"].as_u64().unwrap()
}

#[test]
fn each_verdict_is_said_and_counted() {
    let running = newsroom("");
    let long = format!("/v/{}", "a".repeat(65));
    let longest = format!("/v/{}", "a".repeat(64));
    let browser = ("User-Agent", BROWSER);
    let other = ("User-Agent", "Mozilla/5.0 (Macintosh) Safari/605");
    let from = |origin| vec![browser, ("Origin", origin)];
    let cases = vec![
        ("/v/a", vec![browser], "counted"),
        ("/v/a", vec![browser], "repeat"),
        ("/v/%61", vec![browser], "repeat"),
        ("/v/a?x=y", vec![browser], "repeat"),
        ("/v/a", vec![other], "counted"),
        ("/v/b", from("https://news.example"), "counted"),
        ("/v/b", from("https://evil.example"), "foreign"),
        ("/v/b", from("null"), "foreign"),
        (
            "/v/b",
            vec![browser, ("Referer", "https://evil.example/https://news.example/")],
            "foreign",
        ),
        ("/v/b", vec![browser, ("Sec-Purpose", "prefetch;prerender")], "prefetch"),
        ("/v/b", vec![("User-Agent", "curl/8.0")], "bot"),
        ("/v/b", vec![("User-Agent", "Googlebot/2.1")], "bot"),
        ("/v/nope", vec![browser], "unknown"),
        (longest.as_str(), vec![browser], "unknown"),
        (long.as_str(), vec![browser], "invalid"),
        ("/v/", vec![browser], "invalid"),
        ("/v/a%2Fb", vec![browser], "invalid"),
        ("/v/%ff", vec![browser], "invalid"),
        ("/v/%zz", vec![browser], "invalid"),
        ("/v/a%00", vec![browser], "invalid"),
        ("/v/a.json", vec![browser], "invalid"),
        ("/v/a/b", vec![browser], "invalid"),
        ("/v", vec![browser], "invalid"),
        ("/v?url=", vec![browser], "invalid"),
        ("/v?url=nonsense", vec![browser], "invalid"),
        ("/v?id=a", vec![browser], "invalid"),
        ("/v?url=https://news.example/b/", vec![("User-Agent", "Mozilla/5.0 Opera")], "counted"),
        (
            "/v?x=1&url=https%3A%2F%2Fnews.example%2Fb%2F%3Futm_source%3Dx",
            vec![("User-Agent", "Mozilla/5.0 Opera")],
            "repeat",
        ),
        ("/v?url=https://news.example/none/", vec![browser], "unknown"),
    ];
    let mut expected = std::collections::BTreeMap::new();
    for (path, headers, verdict) in &cases {
        let reply = post(&running, path, headers);
        assert_eq!(
            (reply.status, reply.header("jarshy-view")),
            (204, Some(*verdict)),
            "{path} {headers:?}"
        );
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert!(reply.body.is_empty());
        *expected.entry(*verdict).or_insert(0.0) += 1.0;
    }
    for (verdict, n) in expected {
        let series = format!("hit_verdicts_total{{verdict=\"{verdict}\"}}");
        assert_eq!(running.metric(&series), n, "{verdict}");
    }
}

#[test]
fn the_pixel_is_43_bytes_whatever_the_verdict() {
    let running = newsroom("");
    for (path, verdict) in [
        ("/v/a.gif", "counted"),
        ("/v/a.gif?rand=0.5", "repeat"),
        ("/v/%61%2Egif", "repeat"),
        ("/v/nope.gif", "unknown"),
        ("/v/.gif", "invalid"),
        ("/v/%zz.gif", "invalid"),
        ("/v/a.gif.gif", "invalid"),
    ] {
        let reply = running.get(path, &[("User-Agent", BROWSER)]);
        assert_eq!((reply.status, reply.body.len()), (200, 43), "{path}");
        assert_eq!(reply.header("jarshy-view"), Some(verdict), "{path}");
        assert_eq!(reply.header("content-type"), Some("image/gif"), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("etag"), None);
        assert!(reply.body.starts_with(b"GIF89a") && reply.body.ends_with(b";"));
    }
    let bot = running.get("/v/b.gif", &[]);
    assert_eq!((bot.status, bot.header("jarshy-view")), (200, Some("bot")), "no User-Agent");
    // What a cache may have kept is asked for anew: a hit is never 304.
    let again = running.get("/v/b.gif", &[("If-None-Match", "*"), ("User-Agent", BROWSER)]);
    assert_eq!((again.status, again.header("jarshy-view")), (200, Some("counted")));
}

#[test]
fn other_methods_are_no_hits() {
    let running = newsroom("");
    for (path, allow) in
        [("/v/a", "POST"), ("/v?url=https://news.example/a/", "POST"), ("/v/a.gif", "GET")]
    {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            if method == allow {
                continue;
            }
            let reply = wire::ask(running.public(), method, path, &[("User-Agent", BROWSER)], b"");
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, Some(allow)),
                "{method} {path}"
            );
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            assert_eq!(reply.header("jarshy-view"), None);
        }
    }
    assert_eq!(counted(&running, "a"), 0);
}

#[test]
fn a_visitor_is_the_client_behind_trusted_proxies() {
    let running = newsroom("");
    let hit = |forwarded: &[(&str, &str)]| {
        let mut headers = vec![("User-Agent", BROWSER)];
        headers.extend_from_slice(forwarded);
        post(&running, "/v/a", &headers).header("jarshy-view").unwrap().to_owned()
    };
    let xff = |value| hit(&[("X-Forwarded-For", value)]);
    assert_eq!(xff("192.0.2.1"), "counted");
    assert_eq!(xff("192.0.2.1"), "repeat");
    assert_eq!(xff("192.0.2.2"), "counted", "another client of the same proxy");
    assert_eq!(xff("203.0.113.9, 192.0.2.2"), "repeat", "what the client claims is not believed");
    assert_eq!(xff("192.0.2.2, 127.0.0.3"), "repeat", "through two proxies of ours");
    assert_eq!(xff("192.0.2.2:4711"), "repeat");
    assert_eq!(hit(&[("Forwarded", "for=192.0.2.1;proto=https")]), "repeat");
    assert_eq!(hit(&[("Forwarded", "for=\"[2001:db8::1]:80\"")]), "counted");
    let lines = [("X-Forwarded-For", "192.0.2.77"), ("X-Forwarded-For", "192.0.2.1")];
    assert_eq!(hit(&lines), "repeat", "the last line is the nearest");
    assert_eq!(hit(&[]), "counted", "the proxy itself");
    assert_eq!(xff("garbage"), "repeat", "is the proxy itself");
    assert_eq!(xff(&"1,".repeat(2000)), "repeat");

    let strict = newsroom("[public]\ntrusted_proxies = []");
    let from = |address| {
        let headers = [("User-Agent", BROWSER), ("X-Forwarded-For", address)];
        post(&strict, "/v/a", &headers).header("jarshy-view").unwrap().to_owned()
    };
    assert_eq!(from("192.0.2.1"), "counted");
    assert_eq!(from("192.0.2.2"), "repeat", "an untrusted peer cannot be somebody else");
}

#[test]
fn who_asks_not_to_be_tracked_is_counted_each_time() {
    let running = newsroom("");
    for header in [("DNT", "1"), ("Sec-GPC", "1")] {
        for _ in 0..3 {
            let reply = post(&running, "/v/a", &[("User-Agent", BROWSER), header]);
            assert_eq!(reply.header("jarshy-view"), Some("counted"));
        }
    }
    let reply = post(&running, "/v/b", &[("User-Agent", BROWSER), ("DNT", "0")]);
    assert_eq!(reply.header("jarshy-view"), Some("counted"));
    let reply = post(&running, "/v/b", &[("User-Agent", BROWSER), ("DNT", "0")]);
    assert_eq!(reply.header("jarshy-view"), Some("repeat"));
}

#[test]
fn huge_and_binary_headers_are_only_bytes() {
    let running = newsroom("");
    let names = [
        "User-Agent",
        "Origin",
        "Referer",
        "X-Forwarded-For",
        "Forwarded",
        "DNT",
        "Sec-Purpose",
        "Cookie",
        "Accept",
        "Accept-Encoding",
        "If-None-Match",
    ];
    for name in names {
        for value in
            [vec![b'a'; 20_000], vec![0xff; 500], b"\x80\"\\,;=\t".to_vec(), vec![b','; 5000]]
        {
            let mut request =
                format!("POST /v/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: ")
                    .into_bytes();
            request.extend(value);
            request.extend(b"\r\n\r\n");
            let reply = wire::raw(running.public(), &request).unwrap();
            assert_eq!(reply.status, 204, "{name}");
            assert!(reply.header("jarshy-view").is_some());
        }
    }
}

#[test]
fn the_number_may_be_asked_for_cheaply_and_from_any_page() {
    let running = newsroom("");
    let first = running.get("/count/a.json", &[]);
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("cache-control"), Some("max-age=30"));
    assert_eq!(first.header("access-control-allow-origin"), Some("*"));
    let text = "{\"article\":\"a\",\"total\":0,\"carried_over\":0,\"counted\":0,\"adjusted\":0,\
                \"as_of\":\"2026-11-24T12:00:00Z\"}";
    assert_eq!(first.json(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    let tag = first.header("etag").unwrap().to_owned();
    for form in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
        let same = running.get("/count/a.json", &[("If-None-Match", &form)]);
        assert_eq!((same.status, same.body.len()), (304, 0), "{form}");
        for name in ["etag", "cache-control", "access-control-allow-origin"] {
            assert_eq!(same.header(name), first.header(name), "{name}");
        }
    }
    assert_eq!(running.get("/count/%61.json", &[]).json()["article"], "a");
    post(&running, "/v/a", &[("User-Agent", BROWSER)]);
    let after = running.get("/count/a.json", &[("If-None-Match", &tag)]);
    assert_eq!((after.status, &after.json()["total"]), (200, &serde_json::json!(1)));
    let missing = running.get("/count/nope.json", &[]);
    assert_eq!(missing.header("access-control-allow-origin"), Some("*"), "a page may read the 404");
}

#[test]
fn numbers_agree_everywhere() {
    let running = newsroom("");
    let mut wire = Wire::to(running.public());
    for n in 0..300 {
        let id = if n % 3 == 0 { "a" } else { "b" };
        let request = if n % 2 == 0 {
            format!("POST /v/{id} HTTP/1.1\r\nContent-Length: 0\r\n")
        } else {
            format!("GET /v/{id}.gif HTTP/1.1\r\n")
        };
        wire.send(format!("{request}Host: x\r\nUser-Agent: {BROWSER} {}\r\n\r\n", n % 100));
        let reply = wire.reply(n % 2 == 1).unwrap();
        assert!(reply.header("jarshy-view").is_some());
    }
    let counts = counted(&running, "a") + counted(&running, "b");
    assert!(counts > 100, "{counts}");
    let page = running.metrics();
    let views = page.lines().filter(|l| l.starts_with("jarshy_article_views_total{"));
    let sum: f64 = views.map(|l| l.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
    assert_eq!(sum as u64, counts, "Σ metrics = Σ counts");
    assert_eq!(running.metric("hit_verdicts_total{verdict=\"counted\"}") as u64, counts);
    let top = running.api("GET", "/api/v1/views?top=50", "").json();
    let rows = top.as_object().unwrap().values().find_map(|v| v.as_array()).unwrap();
    let kept: u64 = rows.iter().filter_map(|r| r["counted"].as_u64().or(r["views"].as_u64())).sum();
    assert_eq!(kept, counts, "Σ counts = Σ rows of the store: {top}");
    let folder = running.stop();
    let again = Running::on(folder, SETTINGS, jarshy::clock::Clock::manual(NOW));
    assert_eq!(counted(&again, "a") + counted(&again, "b"), counts, "and after a restart");
}

/// The whole program with everything logged: a visitor's address and agent are written nowhere.
#[test]
fn who_came_is_written_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("jarshy.toml");
    let data = folder.path().join("data");
    let text = format!(
        "[public]\nlisten = \"127.0.0.1:0\"\n[ops]\nlisten = \"127.0.0.1:0\"\n[log]\n\
         level = \"trace\"\nformat = \"json\"\n[store]\ndata = {data:?}\n{SETTINGS}"
    );
    std::fs::write(&settings, text).unwrap();
    let program = env!("CARGO_BIN_EXE_jarshy");
    let mut daemon = Command::new(program)
        .args(["serve", "--config"])
        .arg(&settings)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(daemon.stderr.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("jarshy is ready") {
        assert!(log.read_line(&mut seen).unwrap() > 0, "it did not start: {seen}");
    }
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        let _ = log.read_to_string(&mut rest);
        rest
    });
    let token = Command::new(program)
        .args(["token", "create", "--scope", "admin", "--config"])
        .arg(&settings)
        .output()
        .unwrap();
    let token = String::from_utf8_lossy(&token.stdout).into_owned();
    let token = token.split_whitespace().find(|w| w.starts_with("jsy_")).unwrap();
    let told = std::fs::read_to_string(data.join("daemon.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let address = |key: &str| told[key].as_str().unwrap().parse().unwrap();
    let (public, ops) = (address("public"), address("ops"));
    let bearer = format!("Bearer {token}");
    let article = "{\"title\":\"A\",\"url\":\"https://news.example/a/\",\"published_at\":\"2020-01-01T00:00:00Z\"}";
    let put = wire::ask(
        ops,
        "PUT",
        "/api/v1/articles/a",
        &[("Authorization", &bearer)],
        article.as_bytes(),
    );
    assert_eq!(put.status, 201, "{}", put.text());
    let wrong = format!("Bearer {}x", token);
    assert_eq!(wire::get(ops, "/api/v1/articles/a", &[("Authorization", &wrong)]).status, 401);
    let agent = "Mozilla/5.0 CanaryBrowser/77.31337";
    let who = [
        ("User-Agent", agent),
        ("X-Forwarded-For", "198.51.100.213"),
        ("Cookie", "canary-cookie=1"),
    ];
    let mut verdicts = Vec::new();
    for (method, path) in [
        ("POST", "/v/a"),
        ("POST", "/v/a"),
        ("GET", "/v/a.gif"),
        ("POST", "/v/canary-unknown"),
        ("POST", "/v/%zz"),
        ("GET", "/feeds/x"),
        ("PUT", "/v/a"),
    ] {
        let reply = wire::ask(public, method, path, &who, b"");
        verdicts.extend(reply.header("jarshy-view").map(str::to_owned));
    }
    assert!(verdicts.contains(&"unknown".to_owned()), "{verdicts:?}");
    wire::raw(
        public,
        format!(
            "POST /v/a HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\nContent-Length: x\r\n\r\n"
        )
        .as_bytes(),
    );
    let metrics = wire::get(ops, "/metrics", &[]).text();
    let mut places = vec![("metrics".to_owned(), metrics.into_bytes())];
    read_folder(&data, &mut places);
    let stopped = Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    daemon.wait().unwrap();
    seen += &reader.join().unwrap();
    assert!(seen.contains("jarshy has stopped"), "{seen}");
    places.push(("log".into(), seen.into_bytes()));
    read_folder(&data, &mut places);
    let secret = token.rsplit('_').next().unwrap();
    for (place, bytes) in &places {
        for canary in ["198.51.100.213", "CanaryBrowser", "31337", "canary-cookie", secret] {
            assert!(!contains(bytes, canary.as_bytes()), "{canary} is in {place}");
        }
    }
    let log = &places.iter().find(|(place, _)| place == "log").unwrap().1;
    assert!(!contains(log, b"canary-unknown"), "nor is what was asked for");
}

fn read_folder(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            into.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

fn contains(bytes: &[u8], canary: &[u8]) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary)
}
