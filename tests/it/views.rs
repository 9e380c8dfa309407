//! Which hits count: verdicts, repeats, proxies, the roster, and exact sums of them.

use std::{collections::HashMap, path::Path, time::Duration};

use jarshy::{
    clock::Clock,
    config,
    model::{
        Article, ArticleId, CarriedOver, Channel, Guid, Language, Millis, Status, Verdict, WebUrl,
    },
    store::{Marks, Put, Store, views::ViewReader},
    views::{By, Hit, HitHeaders, NO_SECTION, NotKept, OTHER_SECTIONS, Target, Views},
};
use tempfile::TempDir;

pub const SITE: &str = "https://news.example";
pub const BROWSER: &[u8] =
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0";
/// 2026-11-24T12:00:00Z
pub const NOON: Millis = Millis(1_795_521_600_000);

/// A data folder with a store, and views on top.
pub struct Newsroom {
    pub folder: TempDir,
    pub clock: Clock,
    pub store: Store,
    pub views: Views,
}

pub fn settings() -> config::Views {
    config::Views {
        repeat_window: Duration::from_secs(30),
        require_origin: false,
        queue_max: 65_536,
        batch_hits_max: 4096,
        repeat_keys_max: 1_000_000,
        // Folding happens at the stop, where a test does not ask for more.
        fold_every: Duration::from_secs(3600),
        idempotency_keys_max: 1000,
        parked_max: 100,
        count_ids_max: 100,
    }
}

pub fn open(folder: &Path, settings: &config::Views, clock: &Clock) -> Views {
    let trusted = vec!["127.0.0.0/8".parse().unwrap()];
    let busy = Duration::from_secs(30);
    let origins = [SITE.to_owned()];
    Views::open(folder, settings, &origins, trusted, busy, clock.clone(), Box::new(drop)).unwrap()
}

impl Newsroom {
    pub async fn new(settings: &config::Views) -> Newsroom {
        let folder = TempDir::new().unwrap();
        let store = config::Store {
            data: folder.path().to_owned(),
            busy_timeout: Duration::from_secs(30),
            readers: 1,
            write_queue_max: 64,
            free_bytes_min: 0,
            free_bytes_warn: 0,
        };
        let store = Store::open(&store).await.unwrap();
        let clock = Clock::manual(NOON);
        let views = open(folder.path(), settings, &clock);
        Newsroom { folder, clock, store, views }
    }

    /// A newsroom with articles `a0`, `a1` … of section `News`.
    pub async fn with_articles(settings: &config::Views, articles: usize) -> Newsroom {
        let newsroom = Newsroom::new(settings).await;
        for number in 0..articles {
            newsroom.put(&article(&format!("a{number}"), "News"), None).await;
        }
        newsroom
    }

    pub async fn put(&self, article: &Article, expected: Option<i64>) -> i64 {
        let public = article.status != Status::Draft;
        let marks = Marks { is_public: public, was_public: public, ..Marks::default() };
        let put = Put { article: article.clone(), marks, expected, note: None };
        let revision = self.store.put_articles(vec![put]).await.remove(0).unwrap();
        self.views.roster().catch_up(&self.store).await.unwrap();
        revision
    }

    /// Ends the views and opens them again.
    pub async fn restart(&mut self, settings: &config::Views) {
        self.views.stop().await;
        self.views = open(self.folder.path(), settings, &self.clock);
        self.views.roster().catch_up(&self.store).await.unwrap();
    }
}

pub fn article(id: &str, section: &str) -> Article {
    Article {
        id: ArticleId::parse(id).unwrap(),
        guid: Guid::parse(&format!("guid-{id}")).unwrap(),
        url: WebUrl::parse(&format!("{SITE}/{id}/")).unwrap(),
        slug: None,
        title: id.to_owned(),
        summary: String::new(),
        body_html: String::new(),
        language: Language::parse("ru").unwrap(),
        family: None,
        sections: if section.is_empty() { vec![] } else { vec![section.to_owned()] },
        tags: vec![],
        authors: vec![],
        byline: None,
        source: None,
        rights: None,
        media: vec![],
        published_at: Some(NOON),
        updated_at: NOON,
        status: Status::Published,
        embargo_until: None,
        carried_over: None,
    }
}

/// A hit of a browser on the site's own page.
pub fn hit<'a>(id: &'a str, peer: &str) -> Hit<'a> {
    Hit {
        target: Target::Id(id),
        channel: Channel::Script,
        peer: peer.parse().unwrap(),
        headers: HitHeaders {
            user_agent: Some(BROWSER),
            origin: Some(SITE.as_bytes()),
            ..HitHeaders::default()
        },
        x_forwarded_for: &[],
        forwarded: &[],
        idempotency_key: None,
    }
}

/// Σ sections = Σ articles = Σ rows of the database, folded or not; answers the sum.
pub async fn agreed_sum(newsroom: &Newsroom, ids: &[&str]) -> u64 {
    let views = &newsroom.views;
    let sections: u64 = views.section_counts(1).iter().map(|(_, _, n)| n).sum();
    let articles: u64 = ids.iter().filter_map(|id| views.count(id)).map(|c| c.counted).sum();
    let reader = ViewReader::open(newsroom.folder.path()).unwrap();
    let summary = reader.summary(1000).unwrap();
    let rows: u64 = summary.top.iter().map(|(_, n)| n).sum();
    let hours: u64 = reader.top(Some(0), 1000).unwrap().iter().map(|(_, n)| n).sum();
    let verdicts = views.verdict_counts();
    let counted = verdicts.iter().find(|(v, _)| *v == Verdict::Counted).unwrap().1;
    assert_eq!([articles, rows, hours, counted, summary.counted], [sections; 5]);
    sections
}

#[tokio::test]
async fn a_view_counts_once_within_the_window_of_one_visitor_and_article() {
    let newsroom = Newsroom::with_articles(&settings(), 2).await;
    let views = &newsroom.views;
    let other_agent =
        HitHeaders { user_agent: Some(b"Opera/9.80"), ..hit("a0", "192.0.2.1").headers };
    assert_eq!(views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Counted));
    assert_eq!(views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Repeat));
    assert_eq!(views.hit(hit("a1", "192.0.2.1")).await, Ok(Verdict::Counted));
    assert_eq!(views.hit(hit("a0", "192.0.2.2")).await, Ok(Verdict::Counted));
    let other = Hit { headers: other_agent, ..hit("a0", "192.0.2.1") };
    assert_eq!(views.hit(other).await, Ok(Verdict::Counted));
    // The window begins with the counted view; the repeat in between does not move it.
    newsroom.clock.turn(Duration::from_millis(29_999));
    assert_eq!(views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Repeat));
    newsroom.clock.turn(Duration::from_millis(1));
    assert_eq!(views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Counted));
    assert_eq!(views.count("a0").unwrap().counted, 4);
    assert_eq!(views.count("a1").unwrap().counted, 1);
    assert_eq!(agreed_sum(&newsroom, &["a0", "a1"]).await, 5);
}

#[tokio::test]
async fn the_number_is_carried_over_and_counted() {
    let newsroom = Newsroom::new(&settings()).await;
    let carried_over = Some(CarriedOver { views: 809, at: NOON, source: "wp".into() });
    newsroom.put(&Article { carried_over, ..article("wp-25", "") }, None).await;
    newsroom.put(&Article { status: Status::Draft, ..article("wp-26", "") }, None).await;
    newsroom.views.hit(hit("wp-25", "192.0.2.1")).await.unwrap();
    let count = newsroom.views.count("wp-25").unwrap();
    assert_eq!((count.carried_over, count.counted, count.adjusted, count.total), (809, 1, 0, 810));
    assert_eq!(newsroom.views.count("wp-26"), None);
    assert_eq!(newsroom.views.hit(hit("wp-26", "192.0.2.1")).await, Ok(Verdict::Unknown));
    assert_eq!(agreed_sum(&newsroom, &["wp-25"]).await, 1);
}

#[tokio::test]
async fn whoever_asks_not_to_be_tracked_is_counted_without_a_key() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    let plain = hit("a0", "192.0.2.1");
    let dnt = HitHeaders { dnt: Some(b"1"), ..plain.headers };
    let gpc = HitHeaders { sec_gpc: Some(b"1"), ..plain.headers };
    let off = HitHeaders { dnt: Some(b"0"), ..plain.headers };
    for (headers, verdict) in [
        (dnt, Verdict::Counted),
        (gpc, Verdict::Counted),
        (dnt, Verdict::Counted),
        (off, Verdict::Counted),
        (off, Verdict::Repeat),
    ] {
        assert_eq!(newsroom.views.hit(Hit { headers, ..plain }).await, Ok(verdict));
    }
}

#[tokio::test]
async fn the_first_reason_in_order_is_the_verdict() {
    use Verdict::*;
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    newsroom.views.hit(hit("a0", "192.0.2.9")).await.unwrap();
    // Each row switches the reason of a verdict off; what remains is the next one.
    let mut now = Hit {
        headers: HitHeaders {
            user_agent: Some(b"curl/8"),
            origin: Some(b"null"),
            purposes: [Some(b"prefetch;prerender"), None, None, None],
            ..HitHeaders::default()
        },
        ..hit("a 0", "192.0.2.9")
    };
    let mut got = vec![newsroom.views.hit(now).await.unwrap()];
    now.target = Target::Id("nobody-knows");
    got.push(newsroom.views.hit(now).await.unwrap());
    now.headers.purposes = Default::default();
    got.push(newsroom.views.hit(now).await.unwrap());
    now.headers.user_agent = Some(BROWSER);
    got.push(newsroom.views.hit(now).await.unwrap());
    now.headers.origin = Some(SITE.as_bytes());
    got.push(newsroom.views.hit(now).await.unwrap());
    now.target = Target::Id("a0");
    got.push(newsroom.views.hit(now).await.unwrap());
    now.peer = "192.0.2.10".parse().unwrap();
    got.push(newsroom.views.hit(now).await.unwrap());
    assert_eq!(got, [Invalid, Prefetch, Bot, Foreign, Unknown, Repeat, Counted]);
    let counts: HashMap<_, _> = newsroom.views.verdict_counts().into_iter().collect();
    for verdict in Verdict::ALL {
        let expected = match verdict {
            Counted => 2,
            Overflow => 0,
            _ => 1,
        };
        assert_eq!(counts[&verdict], expected, "{verdict:?}");
    }
}

#[tokio::test]
async fn only_pages_of_the_site_count() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    let strict = config::Views { require_origin: true, ..settings() };
    type Header = Option<&'static [u8]>;
    let cases: &[(Header, Header, bool)] = &[
        (Some(b"https://news.example"), None, true),
        (Some(b"HTTPS://News.Example"), None, true),
        (None, Some(b"https://news.example/a0/?utm=1#x"), true),
        (None, Some(b"https://news.example"), true),
        (None, Some(b"https://news.example?x"), true),
        // Origin decides, whatever the referrer says.
        (Some(b"https://evil.example"), Some(b"https://news.example/"), false),
        (Some(b"https://news.example"), Some(b"https://evil.example/"), true),
        (Some(b"null"), None, false),
        (Some(b"http://news.example"), None, false),
        (Some(b"https://news.example:8443"), None, false),
        (Some(b"https://news.example.evil.example"), None, false),
        (None, Some(b"https://news.example.evil.example/"), false),
        (None, Some(b"https://news.example@evil.example/"), false),
        (None, Some(b"https://evil.example/https://news.example/"), false),
        (None, Some(b"about:blank"), false),
        (None, Some(b"\xff\xfe"), false),
        (None, None, true),
        (Some(b""), Some(b" "), true),
    ];
    for (origin, referer, ours) in cases {
        let plain = hit("a0", "192.0.2.1");
        let headers =
            HitHeaders { origin: *origin, referer: *referer, dnt: Some(b"1"), ..plain.headers };
        let expected = if *ours { Verdict::Counted } else { Verdict::Foreign };
        let got = newsroom.views.hit(Hit { headers, ..plain }).await;
        assert_eq!(got, Ok(expected), "{origin:?} {referer:?}");
    }
    newsroom.views.reconfigure(&strict, &[SITE.into()], vec![]);
    let plain = hit("a0", "192.0.2.3");
    let headers = HitHeaders { origin: None, ..plain.headers };
    assert_eq!(newsroom.views.hit(Hit { headers, ..plain }).await, Ok(Verdict::Foreign));
    assert_eq!(newsroom.views.hit(plain).await, Ok(Verdict::Counted));
}

#[tokio::test]
async fn programs_are_bots_and_browsers_are_not() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    let table = include_str!("../data/view_agents.tsv");
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (kind, rest) = line.split_once('\t').unwrap();
        let agent = rest.split('\t').next().unwrap();
        let plain = hit("a0", "192.0.2.1");
        let headers =
            HitHeaders { user_agent: Some(agent.as_bytes()), dnt: Some(b"1"), ..plain.headers };
        let expected = if kind == "bot" { Verdict::Bot } else { Verdict::Counted };
        assert_eq!(newsroom.views.hit(Hit { headers, ..plain }).await, Ok(expected), "{agent}");
    }
    for agent in [None, Some(&b""[..]), Some(b"  ")] {
        let plain = hit("a0", "192.0.2.1");
        let headers = HitHeaders { user_agent: agent, ..plain.headers };
        assert_eq!(newsroom.views.hit(Hit { headers, ..plain }).await, Ok(Verdict::Bot));
    }
}

#[tokio::test]
async fn what_is_fetched_ahead_does_not_count() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    for (at, value) in [
        (0, "prefetch"),
        (0, "prefetch;prerender"),
        (0, "Prefetch; anonymous-client-ip"),
        (1, "prefetch"),
        (2, "prefetch"),
        (3, "preview"),
    ] {
        let name = ["sec-purpose", "purpose", "x-moz", "x-purpose"][at];
        let headers = HitHeaders::read(|asked| match asked.as_str() {
            "user-agent" => Some(BROWSER),
            asked if asked == name => Some(value.as_bytes()),
            _ => None,
        });
        let ahead = Hit { headers, ..hit("a0", "192.0.2.1") };
        assert_eq!(newsroom.views.hit(ahead).await, Ok(Verdict::Prefetch), "{name}: {value}");
    }
}

#[tokio::test]
async fn too_many_visitors_shorten_the_window_and_are_counted() {
    let few = config::Views { repeat_keys_max: 4, ..settings() };
    let newsroom = Newsroom::with_articles(&few, 1).await;
    for number in 0..8 {
        newsroom.views.hit(hit("a0", &format!("192.0.2.{number}"))).await.unwrap();
    }
    // The newest are remembered, the oldest forgotten before their time.
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.7")).await, Ok(Verdict::Repeat));
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.0")).await, Ok(Verdict::Counted));
    assert!(newsroom.views.keys_forgotten_early() >= 4);
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 9);
}

#[tokio::test]
async fn a_full_queue_refuses_and_counts_what_it_refused() {
    let newsroom = Newsroom::with_articles(&config::Views { queue_max: 0, ..settings() }, 1).await;
    let full = newsroom.views.hit(hit("a0", "192.0.2.1")).await;
    assert_eq!(full, Err(NotKept::Overflow));
    let overflow = |views: &Views| {
        let counts = views.verdict_counts();
        counts.into_iter().find(|(v, _)| *v == Verdict::Overflow).unwrap().1
    };
    assert_eq!(overflow(&newsroom.views), 1);
    // The retry counts, with room.
    newsroom.views.reconfigure(&settings(), &[SITE.into()], vec![]);
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Counted));
    assert_eq!(overflow(&newsroom.views), 1);
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 1);
}

#[tokio::test]
async fn the_first_sections_keep_their_labels_over_a_restart() {
    let mut newsroom = Newsroom::new(&settings()).await;
    let sections = ["Общество", "Спорт", "a\t\"b\"\nc", "other", ""];
    for (number, section) in sections.iter().enumerate() {
        newsroom.put(&article(&format!("a{number}"), section), None).await;
    }
    let view = async |views: &Views, number: usize, peer: &str, channel| {
        let id = format!("a{number}");
        let seen = Hit { channel, ..hit(&id, peer) };
        assert_eq!(views.hit(seen).await, Ok(Verdict::Counted));
    };
    for number in [1, 0, 2, 3, 4] {
        view(&newsroom.views, number, "192.0.2.1", Channel::Script).await;
    }
    let labels = |views: &Views, max| {
        let mut rows = views.section_counts(max);
        rows.sort();
        rows
    };
    let row = |label: &str, channel, n| (label.to_owned(), channel, n);
    use Channel::{Pixel, Script};
    let mut expected = vec![
        row("Спорт", Script, 1),
        row("Спорт", Pixel, 0),
        row("Общество", Script, 1),
        row("Общество", Pixel, 0),
        row(OTHER_SECTIONS, Script, 2),
        row(OTHER_SECTIONS, Pixel, 0),
        row(NO_SECTION, Script, 1),
        row(NO_SECTION, Pixel, 0),
    ];
    expected.sort();
    assert_eq!(labels(&newsroom.views, 2), expected);
    let all = labels(&newsroom.views, 50);
    newsroom.restart(&settings()).await;
    assert_eq!(labels(&newsroom.views, 2), expected);
    assert_eq!(labels(&newsroom.views, 50), all);
    // Later views of an old section do not move the labels.
    view(&newsroom.views, 2, "192.0.2.2", Pixel).await;
    newsroom.restart(&settings()).await;
    let pixel = labels(&newsroom.views, 2).into_iter().find(|r| r.2 > 0 && r.1 == Pixel);
    assert_eq!(pixel, Some(row(OTHER_SECTIONS, Pixel, 1)));
}

#[tokio::test]
async fn reports_are_exact_by_hour_and_by_local_day() {
    // Once with everything folded after each commit, once with nothing folded.
    for fold_every in [Duration::ZERO, Duration::from_secs(3600)] {
        let newsroom =
            Newsroom::with_articles(&config::Views { fold_every, ..settings() }, 2).await;
        let views = &newsroom.views;
        let almaty = chrono_tz::Asia::Almaty;
        // 12:00, 18:30, 19:30 UTC are 17:00, 23:30 and the next day 00:30 in Almaty.
        for (turn, peer) in [(0, "192.0.2.1"), (390, "192.0.2.2"), (60, "192.0.2.3")] {
            newsroom.clock.turn(Duration::from_secs(turn * 60));
            assert_eq!(views.hit(hit("a0", peer)).await, Ok(Verdict::Counted));
            assert_eq!(views.hit(hit("a0", peer)).await, Ok(Verdict::Repeat));
        }
        views.hit(hit("a1", "192.0.2.1")).await.unwrap();
        let (from, to) = (NOON, NOON.plus(24 * 3_600_000));
        let starts = |report: jarshy::views::Report| {
            let start = |b: &jarshy::views::Bucket| (b.start.to_rfc3339(), b.counted());
            report.buckets.iter().map(start).collect::<Vec<_>>()
        };
        let at = |text: &str, n| (text.to_owned(), n);
        let hours = views.report("a0", from, to, By::Hour, almaty).await.unwrap();
        assert_eq!(hours.refused, [(Verdict::Repeat, 3)]);
        assert_eq!(
            starts(hours),
            [
                at("2026-11-24T12:00:00Z", 1),
                at("2026-11-24T18:00:00Z", 1),
                at("2026-11-24T19:00:00Z", 1)
            ]
        );
        let days = views.report("a0", from, to, By::Day, almaty).await.unwrap();
        assert_eq!(starts(days), [at("2026-11-23T19:00:00Z", 2), at("2026-11-24T19:00:00Z", 1)]);
        let later = views.report("a0", NOON.plus(1), to, By::Hour, almaty).await.unwrap();
        assert_eq!(later.buckets.len(), 2);
        let top = views.top(50, None).await.unwrap();
        assert_eq!(top.articles, [("a0".to_owned(), 3), ("a1".to_owned(), 1)]);
        let recent = views.top(50, Some(Duration::from_secs(3600))).await.unwrap();
        assert_eq!(recent.since.unwrap().to_rfc3339(), "2026-11-24T18:00:00Z");
        assert_eq!(recent.articles, [("a0".to_owned(), 2), ("a1".to_owned(), 1)]);
        assert_eq!(views.top(1, None).await.unwrap().articles.len(), 1);
        assert_eq!(agreed_sum(&newsroom, &["a0", "a1"]).await, 4);
    }
}
