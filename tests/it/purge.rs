//! The cache in front is told of every document that changed, until it takes it.

use std::{
    collections::BTreeSet,
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use crate::{
    running::{NOW, Running, SETTINGS},
    takeover,
    upstream::{Asked, Upstream, answer},
    wire,
};

/// The settings with a cache at `url`.
fn with_cache(url: &str, more: &str) -> String {
    format!(
        "[outbound]\nnetworks_allowed = [\"127.0.0.0/8\"]\n[purge]\nurl = \"{url}\"\n{more}\n{SETTINGS}"
    )
}

/// A cache whose answer the test changes.
struct Cache {
    server: Upstream,
    says: Arc<Mutex<&'static str>>,
}

impl Cache {
    fn saying(status: &'static str) -> Cache {
        let says = Arc::new(Mutex::new(status));
        let status = says.clone();
        let server = Upstream::start(move |_, stream| {
            let _ = stream.write_all(&answer(*status.lock().unwrap(), &[], ""));
        });
        Cache { server, says }
    }

    fn now_says(&self, status: &'static str) {
        *self.says.lock().unwrap() = status;
    }

    fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    fn asked(&self) -> Vec<Asked> {
        self.server.asked()
    }
}

fn cache() -> Cache {
    Cache::saying("200 OK")
}

/// Waits until the cache was called for all of `paths`.
fn called_for(r: &Running, cache: &Cache, paths: &[&str]) {
    let paths: BTreeSet<String> = paths.iter().map(|p| (*p).to_owned()).collect();
    r.until(&format!("the cache is called for {paths:?}"), |_| {
        let called: BTreeSet<String> = cache.asked().into_iter().map(|a| a.path).collect();
        paths.is_subset(&called).then_some(())
    });
}

const NEWS: [&str; 4] = ["/feeds/news.rss", "/feeds/news.atom", "/feeds/news.json", "/feeds/news"];

#[test]
fn a_withdrawal_purges_every_address_of_the_feeds_it_left() {
    let cache = cache();
    let r = Running::with(&with_cache(&cache.url("{path}"), ""));
    r.publish("a", "Ложь", NOW);
    called_for(&r, &cache, &NEWS);
    r.until("nothing waits", |r| (r.metric("purges_waiting") == 0.0).then_some(()));
    let before = cache.asked().len();
    r.withdraw("a");
    r.until("all is purged anew", |_| {
        let called: BTreeSet<String> =
            cache.asked().into_iter().skip(before).map(|a| a.path).collect();
        NEWS.iter().all(|path| called.contains(*path)).then_some(())
    });
    assert!(cache.asked().iter().all(|a| a.method == "PURGE" && a.body.is_empty()));
    r.until("the calls are counted", |r| {
        (r.metric("purges_total{result=\"success\"}") >= cache.asked().len() as f64).then_some(())
    });
    assert_eq!(r.metric("purges_total{result=\"failure\"}"), 0.0);
}

#[test]
fn wordpress_addresses_that_are_served_here_are_purged_too() {
    let sport = "/category/kultura/sport/feed/";
    let bilim = "/category/%d2%9b%d0%be%d2%93%d0%b0%d0%bc/bilim/feed/";
    for way in ["serve", "redirect"] {
        let cache = cache();
        let more = format!(
            "addresses = \"{way}\"\n[outbound]\nnetworks_allowed = [\"127.0.0.1\"]\n\
             [purge]\nurl = \"{}\"\nmethod = \"POST\"\nbody = \"{{url}}\"\n",
            cache.url("{path}")
        );
        let r = takeover::moved_in("small.wxr.xml", "https://turkestan.example/kk", &more);
        let quiet = |r: &Running| (r.metric("purges_waiting") == 0.0).then_some(());
        r.until("the first documents are purged", quiet);
        let before = cache.asked().len();
        r.put("a", NOW, serde_json::json!({"sections": ["Спорт", "Білім және ғылым"]}));
        called_for(&r, &cache, &NEWS);
        r.settle();
        r.until("all is purged", quiet);
        let asked = cache.asked().split_off(before);
        let old: Vec<&Asked> = asked.iter().filter(|a| a.path.starts_with("/kk/")).collect();
        if way == "redirect" {
            assert!(old.is_empty(), "{old:?}");
            continue;
        }
        let called: BTreeSet<&str> = old.iter().map(|a| a.path.as_str()).collect();
        let main =
            ["feed/", "feed", "feed/atom/", "feed/rdf/", "?feed=rss2"].map(|f| format!("/kk/{f}"));
        let named = [sport, bilim, "/category/kultura/feed/", "/category/kultura/feed/atom/"];
        let named = named.map(|path| format!("/kk{path}"));
        for path in main.iter().chain(&named) {
            assert!(called.contains(path.as_str()), "{path}: {called:?}");
            let answer = wire::get(r.public(), path, &[]);
            assert_eq!(answer.status, 200, "what is purged is what is served: {path}");
        }
        assert!(!called.contains("/kk/category/politika/feed/"), "{called:?}");
        for call in &old {
            let url = format!("https://turkestan.example{}", call.path);
            assert_eq!(String::from_utf8_lossy(&call.body), url);
            assert_eq!(wire::get(r.public(), &call.path, &[]).status, 200, "{}", call.path);
        }
    }
}

#[test]
fn the_bytes_are_new_when_the_cache_is_called() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let origin: Arc<OnceLock<SocketAddr>> = Arc::default();
    let (writes, reads) = (seen.clone(), origin.clone());
    let cache = Upstream::start(move |asked, stream| {
        if let ("/feeds/news.json", Some(origin)) = (asked.path.as_str(), reads.get()) {
            writes.lock().unwrap().push(wire::get(*origin, &asked.path, &[]).text());
        }
        let _ = stream.write_all(&answer("200 OK", &[], ""));
    });
    let r = Running::with(&with_cache(&cache.url("{path}"), ""));
    origin.set(r.public()).unwrap();
    r.publish("a", "Самая новая", NOW);
    r.until("the cache fetched what it was told of", |_| {
        seen.lock().unwrap().last().is_some_and(|text| text.contains("Самая новая")).then_some(())
    });
}

#[test]
fn a_key_and_a_body_go_as_the_cache_wants_them() {
    let cache = cache();
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "Authorization: Bearer s3cret\n\nContent-Type: application/json\n")
        .unwrap();
    let more = format!(
        "method = \"POST\"\nbody = '{{\"files\":[\"{{url}}\"]}}'\nheaders_file = \"{}\"",
        keys.display()
    );
    let r = Running::with(&with_cache(&cache.url("/zones?for={url_encoded}"), &more));
    r.publish("a", "А", NOW);
    let call = r.until("the cache is called", |_| {
        let is_rss = |body: &[u8]| String::from_utf8_lossy(body).contains("news.rss");
        cache.asked().into_iter().find(|a| is_rss(&a.body))
    });
    assert_eq!(call.method, "POST");
    assert_eq!(call.body, br#"{"files":["https://feeds.news.example/feeds/news.rss"]}"#);
    assert_eq!(call.path, "/zones?for=https%3A%2F%2Ffeeds%2Enews%2Eexample%2Ffeeds%2Fnews%2Erss");
    assert_eq!(call.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(call.header("content-type"), Some("application/json"));
}

#[test]
fn a_cache_that_fails_is_called_again_later_and_given_up_in_the_end() {
    let cache = Cache::saying("503 Busy");
    let r = Running::with(&with_cache(&cache.url("{path}"), "tries_max = 3"));
    r.publish("a", "А", NOW);
    called_for(&r, &cache, &NEWS);
    assert!(r.metric("purges_waiting") > 0.0);
    all_ended(&r, &cache);
    let before = times(&cache, NEWS[0]);
    r.clock.turn(Duration::from_secs(1));
    r.until("it is called again", |_| (times(&cache, NEWS[0]) > before).then_some(()));
    all_ended(&r, &cache);
    cache.now_says("404 Not Found");
    r.until("what is not there is purged", |r| {
        r.clock.turn(Duration::from_secs(2));
        (r.metric("purges_waiting") == 0.0).then_some(())
    });

    cache.now_says("500 No");
    let before = times(&cache, NEWS[0]);
    r.publish("b", "Б", NOW);
    r.until("failures give it up", |r| {
        r.clock.turn(Duration::from_secs(60));
        (times(&cache, NEWS[0]) >= before + 3 && r.metric("purges_waiting") == 0.0).then_some(())
    });
    assert_eq!(r.titles("news"), ["Б", "А"], "publishing never waited");
}

/// Waits until no call is under way: only then is it known when the next one is due.
fn all_ended(r: &Running, cache: &Cache) {
    r.until("every call has ended", |r| {
        let results = ["success", "failure"];
        let ended = results.map(|result| r.metric(&format!("purges_total{{result=\"{result}\"}}")));
        (ended.iter().sum::<f64>() >= cache.asked().len() as f64).then_some(())
    });
}

fn times(cache: &Cache, path: &str) -> usize {
    cache.asked().iter().filter(|a| a.path == path).count()
}

#[test]
fn what_changed_just_before_the_end_is_purged_at_the_next_start() {
    let cache = Cache::saying("503 Busy");
    let settings = with_cache(&cache.url("{path}"), "");
    let r = Running::with(&settings);
    r.publish("a", "А", NOW);
    r.settle();
    let clock = r.clock.clone();
    let folder = r.stop();
    let before = cache.asked().len();
    cache.now_says("200 OK");
    let r = Running::on(folder, &settings, clock);
    r.until("it is purged now", |r| {
        (cache.asked().len() >= before + 4 && r.metric("purges_waiting") == 0.0).then_some(())
    });
}

#[test]
fn without_a_cache_nobody_is_called_and_a_reload_names_one() {
    let cache = cache();
    let r = Running::start();
    r.publish("a", "А", NOW);
    r.settle();
    assert_eq!(r.metric("purges_waiting"), 0.0);
    r.reload(&with_cache(&cache.url("{path}"), ""));
    r.publish("b", "Б", NOW);
    called_for(&r, &cache, &NEWS);
}

#[test]
fn a_wrong_template_is_named() {
    for (line, says) in [
        ("url = \"ftp://x/{path}\"", "purge.url"),
        ("url = \"http://cache/{pfad}\"", "{pfad}"),
        ("url = \"http://cache/{pfad}?key=s3cret\"", "{pfad}"),
        ("url = \"http://u:s3cret@cache{path}?key=s3cret\"", "http://cache/x?…"),
        ("method = \"purge it\"", "purge.method"),
        ("tries_max = 0", "purge.tries_max"),
    ] {
        let text = format!("[purge]\n{line}\n");
        let flags = jarshy::config::Overrides::default();
        let errors =
            jarshy::config::parse(&text, "test.toml", &[], &flags).unwrap_err().to_string();
        assert!(errors.contains(says) && errors.contains("test.toml:2"), "{line}: {errors}");
        assert!(!errors.contains("s3cret"), "{errors}");
    }
}
