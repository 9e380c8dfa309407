//! Every key of the settings is either followed by a reload or named as waiting for a restart. THE
//! TABLE of both; a new key needs its line here.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    publish::hours_ago,
    running::{BROWSER, NOW, Running, SETTINGS, settings_of},
    wire,
};

const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Keys that a reload follows, with another value than the default.
const FOLLOWED: &str = r#"
site.title = "Other"
site.url = "https://other.example"
site.origins = ["https://pages.example"]
site.language = "kk"
site.time_zone = "Asia/Tokyo"
public.url = "https://feeds.other.example"
public.trusted_proxies = ["10.0.0.0/8"]
public.max_age = "77m"
public.max_age_max = "7m"
public.hubs = ["https://hub.example/"]
site.rights = "© Other"
site.logo = "https://other.example/logo.png"
site.icon = "https://other.example/icon.png"
public.stale_while_revalidate = "7m"
public.stale_if_error = "7d"
store.free_bytes_min = "1 MiB"
store.free_bytes_warn = "2 MiB"
views.repeat_window = "0s"
views.require_origin = true
views.queue_max = 7
views.batch_hits_max = 7
views.repeat_keys_max = 7
views.fold_every = "7s"
views.idempotency_keys_max = 7
views.parked_max = 7
views.count_ids_max = 700
takeover.addresses = "serve"
takeover.feed = "news"
takeover.entries = 7
takeover.feeds_max = 7
takeover.category_base = "rubric"
takeover.tag_base = "label"
publish.document_bytes_max = "2 KiB"
publish.entries_max = 400
publish.shrink_max = 0.5
limits.connections_max = 70
limits.header_bytes_max = "9 KiB"
limits.headers_max = 50
limits.uri_bytes_max = "300 B"
limits.body_bytes_max = "2 KiB"
limits.hit_body_bytes_max = "7 B"
limits.ping_body_bytes_max = "2 KiB"
limits.header_timeout = "7s"
limits.body_timeout = "7s"
limits.idle_timeout = "7s"
limits.write_timeout = "7s"
limits.drain_timeout = "7s"
limits.article_bytes_max = "1 KiB"
limits.html_depth_max = 9
limits.list_max = 7
limits.connections_per_address_max = 70
limits.connection_age_max = "7m"
limits.descriptors_reserved = 70
limits.write_bytes_per_second_min = "7 KiB"
limits.api_requests_max = 7
limits.exports_max = 7
outbound.networks_allowed = ["127.0.0.0/8"]
outbound.user_agent = "x/1"
outbound.connect_timeout = "7s"
outbound.timeout = "7s"
outbound.body_bytes_max = "1 MiB"
pull.time_limit = "7m"
pull.ping_interval = "7s"
pull.retry_min = "7s"
pull.retry_max = "7m"
jobs.time_limit = "7m"
purge.url = "http://127.0.0.1:9{path}"
purge.method = "GET"
purge.body = "x"
purge.timeout = "7s"
purge.tries_max = 7
log.level = "warn"
log.access = true
feeds_auto.sections = false
feeds_auto.languages = false
feeds_auto.tags = true
feeds_auto.authors = true
feeds_auto.articles_min = 1
feeds_auto.feeds_max = 7
"#;

/// Keys that a reload names as waiting for a restart.
const NAMED: &str = r#"
public.listen = "127.0.0.1:1"
ops.listen = "127.0.0.1:2"
store.data = "elsewhere"
store.busy_timeout = "7s"
store.readers = 7
store.write_queue_max = 7
metrics.sections_max = 7
metrics.feeds_max = 7
metrics.sources_max = 7
log.format = "text"
"#;

/// Set by flags or a file of their own in these tests.
const ELSEWHERE: [&str; 1] = ["purge.headers_file"];

fn keys(lines: &str) -> BTreeMap<String, String> {
    let pairs = lines.lines().filter_map(|line| line.split_once(" = "));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The test's settings with one key changed.
fn with(key: &str, value: &str) -> String {
    let mut tables: toml::Table = SETTINGS.parse().unwrap();
    let (section, name) = key.split_once('.').unwrap();
    let changed: toml::Table = format!("value = {value}").parse().unwrap();
    let empty = || toml::Value::Table(toml::Table::new());
    let section = tables.entry(section).or_insert_with(empty).as_table_mut().unwrap();
    section.insert(name.to_owned(), changed["value"].clone());
    tables.to_string()
}

/// As [`Running::reload`], with the listeners and the folder that the text says.
fn reload(r: &Running, key: &str, value: &str) -> Vec<&'static str> {
    let mut config = settings_of(&with(key, value), r.data());
    let text = || value.trim_matches('"');
    // Flags have set these three.
    match key {
        "public.listen" => config.public.listen = text().parse().unwrap(),
        "ops.listen" => config.ops.listen = text().parse().unwrap(),
        "store.data" => config.store.data = text().into(),
        _ => {}
    }
    r.runtime.block_on(r.daemon.as_ref().unwrap().reload(config)).unwrap()
}

#[test]
fn every_key_is_followed_or_named() {
    let (followed, named) = (keys(FOLLOWED), keys(NAMED));
    let defaults: toml::Table = DEFAULTS.parse().unwrap();
    for (section, table) in defaults {
        for name in table.as_table().unwrap().keys() {
            let key = format!("{section}.{name}");
            let known = [&followed, &named].map(|k| usize::from(k.contains_key(&key)));
            let known = known[0] + known[1] + usize::from(ELSEWHERE.contains(&key.as_str()));
            assert_eq!(known, 1, "{key} needs a line in FOLLOWED or NAMED of this file");
        }
    }
    let r = Running::start();
    for (key, value) in &followed {
        assert_eq!(r.reload(&with(key, value)), Vec::<&str>::new(), "{key} is followed");
    }
    assert_eq!(r.reload(SETTINGS), Vec::<&str>::new());
    for (key, value) in &named {
        assert_eq!(reload(&r, key, value), [key.as_str()], "{key} is named");
        assert_eq!(r.reload(SETTINGS), [key.as_str()], "{key} is named on the way back");
    }
}

fn hit(r: &Running, headers: &[(&str, &str)]) -> String {
    let mut all = vec![("User-Agent", BROWSER)];
    all.extend_from_slice(headers);
    let reply = wire::ask(r.public(), "POST", "/v/a0", &all, b"");
    reply.header("jarshy-view").unwrap_or_default().to_owned()
}

/// Followed means that it shows.
#[test]
fn what_is_followed_shows() {
    let r = Running::start();
    for n in 0..3 {
        r.put(&format!("a{n}"), hours_ago(n), json!({"sections": ["Спорт"], "tags": ["вода"]}));
    }
    r.until_titles("news", &["a0", "a1", "a2"]);
    let document = |r: &Running| r.get("/feeds/news.rss", &[]);
    let set = |key: &str| r.reload(&with(key, &keys(FOLLOWED)[key]));

    // An article an hour: a quarter of that, within the bounds.
    for (key, seconds) in [("public.max_age", 4620), ("public.max_age_max", 420)] {
        set(key);
        let wanted = format!("max-age={seconds},");
        r.until(key, |r| document(r).header("cache-control")?.contains(&wanted).then_some(()));
    }
    set("public.url");
    r.until("self links", |r| {
        document(r).text().contains("https://feeds.other.example/").then_some(())
    });
    set("feeds_auto.tags");
    r.until_status("/feeds/tag-voda.rss", 200);
    set("views.require_origin");
    assert_eq!(hit(&r, &[]), "foreign");
    set("site.origins");
    assert_eq!(hit(&r, &[("Origin", "https://pages.example")]), "counted");
    r.clock.turn(std::time::Duration::from_secs(1));
    set("views.repeat_window");
    assert_eq!(hit(&r, &[]), "counted", "a second later it is no repeat");
    set("limits.uri_bytes_max");
    let long = format!("/feeds/{}", "x".repeat(400));
    assert_eq!(r.get(&long, &[]).status, 414);
    assert_eq!(wire::get(r.ops(), &long, &[]).status, 414);
    set("limits.list_max");
    assert_eq!(r.api("GET", "/api/v1/articles?limit=8", "").status, 400);
    set("limits.body_bytes_max");
    assert_eq!(r.api("PUT", "/api/v1/articles/x", &"x".repeat(4000)).status, 413);
    set("limits.html_depth_max");
    let deep = json!({"title": "x", "url": "https://news.example/x/", "published_at": NOW.to_rfc3339(),
        "body_html": format!("{}x", "<div>".repeat(12))});
    assert_eq!(r.api("PUT", "/api/v1/articles/x", &deep.to_string()).status, 413);
    set("log.level");
    assert_eq!(r.api("GET", "/api/v1/log", "").json()["level"], "warn");
    set("site.time_zone");
    let zone = *r.daemon.as_ref().unwrap().parts().zone.load_full();
    assert_eq!(zone.name(), "Asia/Tokyo");
    set("limits.connections_max");
    let open: Vec<_> = (0..90).map(|_| std::net::TcpStream::connect(r.public()).unwrap()).collect();
    r.until("the limit is hit", |r| {
        (r.metric("limit_hits_total{limit=\"connections\"}") > 0.0).then_some(())
    });
    drop(open);
}

/// A job that has begun keeps its time; the next one has the new one.
#[test]
fn a_job_follows_its_time_limit() {
    let r = Running::start();
    r.reload(&format!("{SETTINGS}[jobs]\ntime_limit = \"1ms\"\n"));
    let ended = r.until("a job is cut off", |r| {
        let outcome = r.api("POST", "/api/v1/jobs/check-databases/run", "").json();
        (outcome["result"] == "timeout").then_some(outcome)
    });
    assert!(ended["note"].as_str().unwrap().contains("1ms"), "{ended}");
    r.reload(SETTINGS);
    let outcome = r.api("POST", "/api/v1/jobs/check-databases/run", "").json();
    assert_eq!(outcome["result"], "success", "{outcome}");
}

/// A reload that failed is a warning until one succeeds.
#[test]
fn a_reload_that_failed_is_told() {
    let r = Running::start();
    let daemon = r.daemon.as_ref().unwrap();
    daemon.reload_failed("test.toml:2: site.url: `nope` is not a URL");
    let told = wire::get(r.ops(), "/readyz", &[]);
    assert_eq!(told.status, 200);
    let warning = told.json()["warnings"][0].as_str().unwrap().to_owned();
    assert!(warning.contains("kept the old settings: test.toml:2: site.url"), "{warning}");
    r.reload(SETTINGS);
    assert_eq!(wire::get(r.ops(), "/readyz", &[]).json()["warnings"], json!([]));
}
