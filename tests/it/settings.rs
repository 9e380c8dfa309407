//! Settings: every documented example is taken, every mistake is found at once, with its line, its
//! key and the remedy.

use std::{collections::BTreeSet, time::Duration};

use jarshy::{
    config::{self, Config, Content, FeedLanguage, LogFormat, Overrides},
    model::{Format, Language},
};
use proptest::prelude::*;

const DEFAULTS: &str = include_str!("../../config/default.toml");
const NEWSROOM: &str = include_str!("../../config/newsroom.toml");
/// The example of the documentation.
const DOCUMENTED: &str = r#"
[site]
title = "Түркістан жаңалықтары"
url = "https://news.example"
origins = ["https://news.example"]
language = "ru"
time_zone = "Asia/Almaty"
[public]
listen = "127.0.0.1:8080"
url = "https://feeds.news.example"
trusted_proxies = ["127.0.0.0/8"]
[ops]
listen = "127.0.0.1:9464"
[store]
data = "data"
[views]
repeat_window = "30s"
require_origin = false
[[feeds]]
slug = "news"
title = "Новости"
language = "ru"
formats = ["rss", "atom", "json"]
content = "full"
entries = 50
schedule = "*/10 * * * *"
select = { sections = [], tags = [], authors = [], languages = ["ru"], max_age = "" }
[feeds_auto]
sections = true
languages = true
tags = false
authors = false
articles_min = 3
feeds_max = 200
"#;

fn parse(text: &str) -> Result<Config, Vec<String>> {
    parse_env(text, &[])
}

fn parse_env(text: &str, env: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let env: Vec<_> = env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    config::parse(text, "jarshy.toml", &env, &Overrides::default())
        .map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
}

fn ok(text: &str) -> Config {
    parse(text).unwrap()
}

#[test]
fn the_defaults_alone_are_settings() {
    let config = ok("");
    assert_eq!(config.site.origins, ["http://localhost:8080"]);
    assert_eq!(config.public.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.public.trusted_proxies.len(), 2);
    assert_eq!(config.store.write_queue_max, 1024);
    assert_eq!(config.views.repeat_window, Duration::from_secs(30));
    assert_eq!(config.publish.document_bytes_max, 16 << 20);
    assert_eq!(config.publish.shrink_max, 0.9);
    assert_eq!(config.limits.header_bytes_max, 32 << 10);
    assert_eq!(config.public.stale_if_error, Duration::from_secs(86_400));
    assert_eq!(config.log.format, LogFormat::Auto);
    assert_eq!(config.feeds, []);
    assert!(config.feeds_auto.sections && !config.feeds_auto.tags);
}

#[test]
fn the_defaults_laid_over_themselves_change_nothing() {
    assert_eq!(ok(DEFAULTS), ok(""));
}

#[test]
fn the_documented_example_is_taken_as_it_stands() {
    let config = ok(DOCUMENTED);
    assert_eq!(config.site.time_zone, chrono_tz::Asia::Almaty);
    let feed = &config.feeds[0];
    assert_eq!(feed.slug.as_str(), "news");
    assert_eq!(feed.language, FeedLanguage::One(Language::parse("ru").unwrap()));
    assert_eq!(feed.formats, Format::ALL);
    assert_eq!(feed.content, Content::Full);
    assert_eq!(feed.schedule.as_ref().unwrap().as_str(), "*/10 * * * *");
    assert_eq!(feed.select.languages, [Language::parse("ru").unwrap()]);
    assert_eq!(feed.select.max_age, None);
}

/// The commented `[[feeds]]` of default.toml is the reference of what a feed may say.
#[test]
fn the_commented_feed_of_the_defaults_is_taken() {
    let start = DEFAULTS.find("# [[feeds]]").unwrap();
    let end = start + DEFAULTS[start..].find("\n\n").unwrap();
    let feed: String =
        DEFAULTS[start..end].lines().map(|line| line.replacen("# ", "", 1) + "\n").collect();
    assert_eq!(ok(&feed).feeds[0].entries, 50);
    for key in ["slug", "title", "language", "formats", "content", "entries", "schedule"] {
        assert!(feed.contains(&format!("\n{key} = ")), "{key} is not documented");
    }
}

#[test]
fn the_shipped_newsroom_is_taken() {
    let config = ok(NEWSROOM);
    let slugs: Vec<_> = config.feeds.iter().map(|feed| feed.slug.as_str()).collect();
    assert_eq!(slugs, ["all", "news", "zhanalyqtar", "sport", "bulletin", "culture"]);
    assert_eq!(config.feeds[0].language, FeedLanguage::Mixed);
    assert_eq!(config.feeds[4].select.max_age, Some(Duration::from_secs(86_400)));
    assert_eq!(config.feeds[4].formats, [Format::Rss]);
}

#[test]
fn a_feed_says_little_and_gets_the_rest_from_the_site() {
    let config = ok("[site]\ntitle = \"Жаршы\"\nlanguage = \"kk\"\n[publish]\nentries_max = 20\n\
                     [[feeds]]\nslug = \"all\"\n");
    let feed = &config.feeds[0];
    assert_eq!(feed.title, "Жаршы");
    assert_eq!(feed.language, FeedLanguage::One(Language::parse("kk").unwrap()));
    assert_eq!((feed.entries, feed.schedule.is_none()), (20, true));
}

#[test]
fn addresses_are_brought_into_one_shape() {
    let config = ok("[site]\nurl = \"https://News.Example/\"\n\
                     origins = [\"https://News.Example:443/\", \"http://news.example:8000\"]\n\
                     [public]\nurl = \"https://news.example/jarshy/\"\n\
                     trusted_proxies = [\"10.0.0.7\", \"fd00::/8\"]\n");
    assert_eq!(config.site.origins, ["https://news.example", "http://news.example:8000"]);
    assert_eq!(config.public.url.as_str(), "https://news.example/jarshy");
    assert_eq!(config.public.trusted_proxies[0].to_string(), "10.0.0.7/32");
    let config = ok("[site]\nurl = \"https://News.Example/\"\n");
    assert_eq!(config.site.origins, ["https://news.example"]);
}

#[test]
fn nothing_is_repeated_when_the_window_is_zero() {
    assert_eq!(ok("[views]\nrepeat_window = \"0s\"").views.repeat_window, Duration::ZERO);
}

/// `tracing` itself would panic at the first, and read the second as the target ` jarshy`.
#[test]
fn spaces_around_the_parts_of_a_log_level_are_no_part_of_them() {
    assert_eq!(ok("[log]\nlevel = \"  é=info\"").log.level, "é=info");
    let level = ok("[log]\nlevel = \" info , jarshy=debug \"").log.level;
    assert_eq!(level, "info,jarshy=debug");
}

/// One mistake, and the exact sentence.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[public]\nlisen = \"x\"",
        "jarshy.toml:2: public.lisen: there is no such key; did you mean public.listen?",
    ),
    (
        "[site]\nlisten = \"x\"",
        "jarshy.toml:2: site.listen: there is no such key; did you mean public.listen?",
    ),
    ("[site]\nqqqqqqqq = 1", "jarshy.toml:2: site.qqqqqqqq: there is no such key"),
    (
        "[pubic]\nlisten = \"x\"",
        "jarshy.toml:1: pubic: there is no such section; did you mean public?",
    ),
    (
        "site = 3",
        "jarshy.toml:1: site: this is a whole number, and must be a section: write [site] and its keys below",
    ),
    (
        "[site]\ntitle = 3",
        "jarshy.toml:2: site.title: this is a whole number; write for example \"jarshy\"",
    ),
    (
        "[site]\ntitle = \"\"",
        "jarshy.toml:2: site.title: the text is empty; write for example \"jarshy\"",
    ),
    (
        "[site]\nurl = \"news.example\"",
        "jarshy.toml:2: site.url: `news.example` is not an absolute http or https URL: relative URL without a base; write for example \"http://localhost:8080\"",
    ),
    (
        "[site]\norigins = [\"https://a.example/news\"]",
        "jarshy.toml:2: site.origins: `https://a.example/news` is more than an origin, which is https://a.example; write for example []",
    ),
    (
        "[site]\norigins = \"https://a.example\"",
        "jarshy.toml:2: site.origins: this is text; write for example []",
    ),
    (
        "[site]\nlanguage = \"русский\"",
        "jarshy.toml:2: site.language: `русский` is not a language tag such as ru, kk or kk-Latn; write for example \"en\"",
    ),
    (
        "[site]\ntime_zone = \"Asia/Almata\"",
        "jarshy.toml:2: site.time_zone: `Asia/Almata` is not a time zone of the tz database; did you mean Asia/Almaty?",
    ),
    (
        "[site]\ntime_zone = \"+05:00\"",
        "jarshy.toml:2: site.time_zone: `+05:00` is not a time zone of the tz database; write for example \"UTC\"",
    ),
    (
        "[public]\nlisten = \"0.0.0.0\"",
        "jarshy.toml:2: public.listen: `0.0.0.0` has no port; write for example \"127.0.0.1:8080\"",
    ),
    (
        "[public]\nlisten = \"localhost:80\"",
        "jarshy.toml:2: public.listen: `localhost:80` is not an IP address with a port; write for example \"127.0.0.1:8080\"",
    ),
    (
        "[public]\nurl = \"https://a.example/?x=1\"",
        "jarshy.toml:2: public.url: `https://a.example/?…` has a query or a fragment; write for example \"http://localhost:8080\"",
    ),
    (
        "[public]\ntrusted_proxies = [\"10.0.0.0/33\"]",
        "jarshy.toml:2: public.trusted_proxies: `10.0.0.0/33` is not a network or an IP address; write for example [\"127.0.0.0/8\", \"::1/128\"]",
    ),
    (
        "[public]\nmax_age = 60",
        "jarshy.toml:2: public.max_age: 60 has no unit; write for example \"60s\"",
    ),
    (
        "[public]\nmax_age = \"60\"",
        "jarshy.toml:2: public.max_age: `60` has no unit; write for example \"60s\"",
    ),
    (
        "[public]\nmax_age = \"-1s\"",
        "jarshy.toml:2: public.max_age: `-1s` is not a duration; write for example \"60s\"",
    ),
    (
        "[public]\nmax_age = \"1 fortnight\"",
        "jarshy.toml:2: public.max_age: `1 fortnight` is not a duration; write for example \"60s\"",
    ),
    (
        "[public]\nmax_age = \"99999999999999999999s\"",
        "jarshy.toml:2: public.max_age: `99999999999999999999s` is not a duration; write for example \"60s\"",
    ),
    (
        "[public]\nmax_age = \"4000d\"",
        "jarshy.toml:2: public.max_age: `4000d` is longer than ten years; write for example \"60s\"",
    ),
    (
        "[ops]\nlisten = \"127.0.0.1:8080\"",
        "jarshy.toml:2: ops.listen: public.listen has 127.0.0.1:8080 already; give it another port",
    ),
    (
        "[store]\nreaders = 0",
        "jarshy.toml:2: store.readers: 0 is not between 1 and 256; write for example 4",
    ),
    (
        "[store]\nreaders = -4",
        "jarshy.toml:2: store.readers: -4 is not between 1 and 256; write for example 4",
    ),
    (
        "[store]\nreaders = 99999999999999999999",
        "jarshy.toml:2: store.readers: this is a number that is too large; write for example 4",
    ),
    (
        "[store]\nbusy_timeout = \"0s\"",
        "jarshy.toml:2: store.busy_timeout: it cannot be zero; write for example \"5s\"",
    ),
    (
        "[views]\nqueue_max = 0",
        "jarshy.toml:2: views.queue_max: 0 is not between 1 and 16777216; write for example 65536",
    ),
    (
        "[views]\nrequire_origin = \"yes\"",
        "jarshy.toml:2: views.require_origin: this is text; write for example false",
    ),
    (
        "[publish]\nshrink_max = 90",
        "jarshy.toml:2: publish.shrink_max: 90 is not between 0 and 1; write for example 0.9",
    ),
    (
        "[publish]\nshrink_max = nan",
        "jarshy.toml:2: publish.shrink_max: NaN is not between 0 and 1; write for example 0.9",
    ),
    (
        "[limits]\nheader_bytes_max = \"1 KiB\"",
        "jarshy.toml:2: limits.header_bytes_max: 1024 B is not between 8 KiB and 16 MiB; write for example \"32 KiB\"",
    ),
    (
        "[limits]\nbody_bytes_max = \"16 MByte\"",
        "jarshy.toml:2: limits.body_bytes_max: `16 MByte` is not a size; write for example \"16 MiB\"",
    ),
    (
        "[limits]\nbody_bytes_max = 16",
        "jarshy.toml:2: limits.body_bytes_max: 16 has no unit; write for example \"16 MiB\"",
    ),
    (
        "[log]\nlevel = \"inof\"",
        "jarshy.toml:2: log.level: `inof` is not a level (error, warn, info, debug, trace); did you mean info?",
    ),
    (
        "[log]\nlevel = \"jarshy=loud\"",
        "jarshy.toml:2: log.level: `jarshy=loud` is not a filter of the log: error parsing level filter: expected one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5; write for example \"info\"",
    ),
    (
        "[log]\nformat = \"xml\"",
        "jarshy.toml:2: log.format: `xml` is none of auto, text, json; write for example \"auto\"",
    ),
    (
        "[[sources]]\nkind = \"wordpres\"",
        "jarshy.toml:2: sources[0].kind: `wordpres` is none of wordpress, feed; write for example \"wordpress\"",
    ),
    (
        "[feeds]\nslug = \"news\"",
        "jarshy.toml:1: feeds: write [[feeds]] with double brackets, once for each",
    ),
    ("feeds = [1]", "jarshy.toml:1: feeds[0]: this is a whole number, and must be a table"),
    (
        "[[feeds]]\ntitle = \"x\"",
        "jarshy.toml:1: feeds[0].slug: is missing; write for example \"news\"",
    ),
    (
        "[[feeds]]\nslug = \"Новости\"",
        "jarshy.toml:2: feeds[0].slug: `Новости` is no slug: a feed slug is 1 to 100 characters of a-z 0-9 -; write for example \"news\"",
    ),
    (
        "[[feeds]]\nslug = \"section-a\"",
        "jarshy.toml:2: feeds[0].slug: `section-a` begins with `section-`, as feeds made by themselves do; write for example \"news\"",
    ),
    (
        "[[feeds]]\nslug = \"a\"\n[[feeds]]\nslug = \"a\"",
        "jarshy.toml:4: feeds[1].slug: `a` is the slug of the feed at jarshy.toml:2 too; choose another",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nentries = 501",
        "jarshy.toml:3: feeds[0].entries: 501 is not between 1 and 500; write for example 50",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nformats = []",
        "jarshy.toml:3: feeds[0].formats: a feed needs a format; write for example [\"rss\", \"atom\", \"json\"]",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nformats = [\"rdf\"]",
        "jarshy.toml:3: feeds[0].formats: `rdf` is none of rss, atom, json; write for example [\"rss\", \"atom\", \"json\"]",
    ),
    (
        "[[feeds]]\nslug = \"a\"\ncontent = \"all\"",
        "jarshy.toml:3: feeds[0].content: `all` is none of full, summary; write for example \"full\"",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nschedule = \"0 0 31 2 *\"",
        "jarshy.toml:3: feeds[0].schedule: `0 0 31 2 *` never fires: there is no such day; write for example \"*/10 * * * *\"",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nschedule = \"0 */10 * * * *\"",
        "jarshy.toml:3: feeds[0].schedule: `0 */10 * * * *` has not five fields (minute hour day month weekday) but 6; write for example \"*/10 * * * *\"",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nschedule = \"0 24 * * *\"",
        "jarshy.toml:3: feeds[0].schedule: `0 24 * * *` is not a cron expression: number out of bounds; write for example \"*/10 * * * *\"",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nhold_back = \"5m\"",
        "jarshy.toml:3: feeds[0].hold_back: comes with a later version of jarshy; remove it",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nselekt = {}",
        "jarshy.toml:3: feeds[0].selekt: there is no such key; did you mean select?",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nselect = { section = [] }",
        "jarshy.toml:3: feeds[0].select.section: there is no such key; did you mean sections?",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nselect = { sections = \"Спорт\" }",
        "jarshy.toml:3: feeds[0].select.sections: this is text; write for example [\"Спорт\"]",
    ),
    (
        "[[feeds]]\nslug = \"a\"\nselect = { max_age = \"0s\" }",
        "jarshy.toml:3: feeds[0].select.max_age: it cannot be zero; leave it empty for no limit; write for example \"7d\"",
    ),
];

#[test]
fn each_mistake_has_its_sentence() {
    let said = |text| parse(text).map(|_| "taken".to_owned()).unwrap_or_else(|f| f.join("\n"));
    let wrong = MISTAKES.iter().filter(|(text, sentence)| said(text) != *sentence);
    let wrong: Vec<_> =
        wrong.map(|(text, want)| format!("{text}\n  want {want}\n  said {}", said(text))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn all_mistakes_are_said_at_once_in_the_order_of_the_file() {
    let text = MISTAKES
        .iter()
        .filter(|(text, _)| text.starts_with("[[feeds]]") && !text.contains("slug = \"a\"\n[["))
        .enumerate()
        .map(|(n, (text, _))| text.replace("\"a\"", &format!("\"a{n}\"")) + "\n")
        .collect::<String>();
    let faults = parse(&text).unwrap_err();
    assert_eq!(faults.len(), text.matches("[[feeds]]").count());
    let lines: Vec<u32> =
        faults.iter().map(|f| f.split(':').nth(1).unwrap().parse().unwrap()).collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn broken_toml_is_said_with_its_lines_and_the_rest_is_still_checked() {
    let faults =
        parse("[site]\ntitle = \"open\nurl = \"nonsense\"\n[store]\nreaders = 0\n").unwrap_err();
    assert!(faults[0].starts_with("jarshy.toml:2: this is not TOML: "), "{faults:?}");
    assert!(faults.iter().any(|f| f.starts_with("jarshy.toml:5: store.readers: ")), "{faults:?}");
    let faults = parse("[site]\ntitle = \"a\"\ntitle = \"b\"\n").unwrap_err();
    assert_eq!(faults, ["jarshy.toml:3: this is not TOML: duplicate key"]);
}

#[test]
fn the_environment_stands_over_the_file() {
    let text = "[public]\nlisten = \"127.0.0.1:1\"\n[views]\nqueue_max = 7\n";
    let env = [
        ("JARSHY_PUBLIC__LISTEN", "[::1]:0"),
        ("JARSHY_SITE__ORIGINS", "https://a.example, https://b.example"),
        ("JARSHY_PUBLIC__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
        ("JARSHY_VIEWS__REQUIRE_ORIGIN", "true"),
        ("JARSHY_FEEDS_AUTO__ARTICLES_MIN", "9"),
        ("JARSHY_PUBLISH__SHRINK_MAX", "0.5"),
        ("JARSHY_SERVICE_HOST", "10.0.0.1"),
        ("JARSHY_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("HOME", "/root"),
    ];
    let config = parse_env(text, &env).unwrap();
    assert_eq!(config.public.listen, "[::1]:0".parse().unwrap());
    assert_eq!(config.site.origins, ["https://a.example", "https://b.example"]);
    assert_eq!(config.public.trusted_proxies, ["10.0.0.0/8".parse().unwrap()]);
    assert!(config.views.require_origin);
    assert_eq!((config.views.queue_max, config.feeds_auto.articles_min), (7, 9));
    assert_eq!(config.publish.shrink_max, 0.5);
}

#[test]
fn mistakes_of_the_environment_name_the_variable() {
    let env = [
        ("JARSHY_FEEDS__SLUG", "x"),
        ("JARSHY_PUBLIC_LISTEN", "127.0.0.1:1"),
        ("JARSHY_PUBLIC__LISTN", "127.0.0.1:1"),
        ("JARSHY_SITE__ORIGINS", "[\"https://a.example\""),
        ("JARSHY_STORE__READERS", "four"),
    ];
    let faults = parse_env("", &env).unwrap_err();
    assert_eq!(
        faults[..3],
        [
            "JARSHY_FEEDS__SLUG: feeds.slug: feeds and sources cannot be set here; declare them in the file",
            "JARSHY_PUBLIC_LISTEN: public.listen: two underscores divide levels: write JARSHY_PUBLIC__LISTEN",
            "JARSHY_PUBLIC__LISTN: public.listn: there is no such key; did you mean public.listen?",
        ]
    );
    assert!(
        faults[3].starts_with("JARSHY_SITE__ORIGINS: site.origins: this is not TOML"),
        "{faults:?}"
    );
    assert_eq!(
        faults[4],
        "JARSHY_STORE__READERS: store.readers: `four` is not a whole number; write for example 4"
    );
}

#[test]
fn flags_stand_over_everything() {
    let env = [("JARSHY_PUBLIC__LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
    let mut flags = Overrides { listen: Some("127.0.0.1:3".into()), ..Overrides::default() };
    flags.data = Some("elsewhere".into());
    let config = config::parse("[store]\ndata = \"here\"", "f", &env, &flags).unwrap();
    assert_eq!(config.public.listen.port(), 3);
    assert_eq!(config.store.data.to_str(), Some("elsewhere"));
    flags.ops_listen = Some("9464".into());
    let faults = config::parse("", "f", &[], &flags).unwrap_err();
    assert_eq!(
        faults.0[0].to_string(),
        "--ops-listen: ops.listen: `9464` is not an IP address with a port; write for example \"127.0.0.1:9464\""
    );
}

#[test]
fn a_data_folder_brings_its_own_file_and_a_named_file_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let flags = Overrides { data: Some(folder.path().into()), ..Overrides::default() };
    assert_eq!(config::load(None, &flags).unwrap().site.title, "jarshy");
    let file = folder.path().join("jarshy.toml");
    std::fs::write(&file, "[site]\ntitle = \"Жаршы\"").unwrap();
    assert_eq!(config::load(None, &flags).unwrap().site.title, "Жаршы");
    std::fs::write(&file, b"[site]\ntitle = \"\xc6\"").unwrap();
    let faults = config::load(Some(&file), &flags).unwrap_err();
    assert_eq!(faults.0[0].what, "line 2 is not UTF-8; save the file as UTF-8");
    let faults = config::load(Some(&folder.path().join("no.toml")), &flags).unwrap_err();
    assert!(faults.to_string().contains("no.toml: the file cannot be read"), "{faults}");
}

#[test]
fn a_section_that_no_article_has_is_a_warning() {
    let config =
        ok("[[feeds]]\nslug = \"a\"\nselect = { sections = [\"Спорт\", \"Културa\", \"x\"] }");
    let said: Vec<_> =
        config::warnings(&config, &["Спорт", "Культура"]).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "feeds[0].select.sections: no article has the section \"Културa\", which the feed a selects; did you mean \"Культура\"?",
            "feeds[0].select.sections: no article has the section \"x\", which the feed a selects",
        ]
    );
}

/// A key, and what a person may have written instead of a right value.
fn any_line() -> impl Strategy<Value = String> {
    let keys: BTreeSet<String> = DEFAULTS
        .lines()
        .chain(NEWSROOM.lines())
        .filter_map(|line| {
            line.split_once(" = ").map(|(key, _)| key.trim_start_matches("# ").to_owned())
        })
        .collect();
    let key = prop::sample::select(keys.into_iter().collect::<Vec<_>>());
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        "\"[0-9]{0,22} ?(ms|s|d|B|GiB|)\"",
        "\"[-*/,0-9LW#? ]{0,14}\"",
        "\\[\"\\PC{0,6}\"\\]",
        "\\PC{0,12}",
    ];
    (key, value).prop_map(|(key, value)| format!("{key} = {value}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_the_loader_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    /// Lines of a good file are swapped for others; whatever is refused says why.
    #[test]
    fn no_change_of_a_good_file_makes_the_loader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_line()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut lines: Vec<String> = NEWSROOM.lines().map(str::to_owned).collect();
        for (at, line) in changes {
            let at = at.index(lines.len());
            lines[at] = line;
        }
        let text = lines.join("\n");
        let end = text.char_indices().map(|(at, _)| at).nth(cut.index(text.chars().count())).unwrap();
        for text in [&text[..], &text[..end]] {
            if let Err(faults) = parse(text) {
                prop_assert!(!faults.is_empty());
            }
        }
    }

    #[test]
    fn no_variable_makes_the_loader_panic(name in "JARSHY_[A-Z_]{0,20}", text in "\\PC{0,40}") {
        let _ = parse_env("", &[(&name, &text), ("JARSHY_SITE__ORIGINS", &text)]);
        let _ = parse_env("", &[("JARSHY_LOG__LEVEL", &text), ("JARSHY_VIEWS__QUEUE_MAX", &text)]);
    }
}

#[test]
fn hostile_nesting_is_refused_without_overflowing() {
    for text in [
        format!("{} = 1", vec!["a"; 200_000].join(".")),
        format!("site.title = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("site.title = {}1{}", "{a=".repeat(100_000), "}".repeat(100_000)),
        "[[feeds]]\n".repeat(20_000),
    ] {
        assert!(parse(&text).is_err());
    }
}
