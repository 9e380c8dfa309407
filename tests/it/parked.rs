//! Views of articles that have not arrived: parked, and counted when they do.

use std::time::Duration;

use jarshy::{
    clock::Clock,
    config,
    model::{Channel, Verdict},
    store::views::ViewReader,
    views::{Hit, HitHeaders, NotKept, Target, Views},
};
use rusqlite::Connection;

use crate::{
    running::{BROWSER, NOW, Running, SETTINGS},
    views::{NOON, Newsroom, agreed_sum, article, hit, open, settings},
    wire,
};

const HOUR: Duration = Duration::from_secs(3600);

fn of(verdict: Verdict, views: &Views) -> u64 {
    views.verdict_counts().into_iter().find(|(v, _)| *v == verdict).unwrap().1
}

/// Waits for the writer to have counted what was parked; gives up when it surely will not.
async fn until(mut done: impl FnMut() -> bool) {
    let patience = std::time::Instant::now();
    while !done() {
        assert!(patience.elapsed() < Duration::from_secs(60), "it did not happen");
        tokio::task::yield_now().await;
    }
}

async fn until_counted(views: &Views, id: &str, n: u64) {
    until(|| views.count(id).is_some_and(|count| count.counted == n)).await;
}

#[test]
fn a_page_that_is_read_before_its_article_comes_is_counted_when_it_does() {
    let running = Running::start();
    let send = |path: &str, client: &str| {
        let headers = [("User-Agent", BROWSER), ("X-Forwarded-For", client)];
        let reply = wire::ask(running.public(), "POST", path, &headers, b"");
        assert_eq!(reply.status, 204);
        reply.header("jarshy-view").unwrap().to_owned()
    };
    assert_eq!(send("/v/wp-7", "192.0.2.1"), "unknown", "there is none yet, and that is the truth");
    assert_eq!(send("/v/wp-7", "192.0.2.1"), "unknown");
    assert_eq!(send("/v/wp-7", "192.0.2.2"), "unknown");
    assert_eq!(send("/v/other", "192.0.2.2"), "unknown");
    assert_eq!(running.metric("parked_views"), 3.0);
    assert_eq!(running.get("/count/wp-7.json", &[]).status, 404);
    running.publish("wp-7", "Seven", NOW);
    let total = |r: &Running| r.get("/count/wp-7.json", &[]).json()["total"].as_u64();
    running.until("its two views count", |r| (total(r) == Some(2)).then_some(()));
    let section = "article_views_total{section=\"Общество\",channel=\"script\"}";
    assert_eq!(running.metric(section), 2.0, "in the section that it came with");
    assert_eq!(running.metric("hit_verdicts_total{verdict=\"counted\"}"), 2.0);
    assert_eq!(running.metric("hit_verdicts_total{verdict=\"unknown\"}"), 4.0, "no total falls");
    assert_eq!(running.metric("parked_views"), 1.0);
    assert_eq!(running.metric("parked_views_total{outcome=\"counted\"}"), 2.0);
    assert_eq!(send("/v/wp-7", "192.0.2.2"), "repeat", "of the parked view");
    assert_eq!(send("/v/wp-7", "192.0.2.3"), "counted");
    let again = Running::on(running.stop(), SETTINGS, Clock::manual(NOW));
    assert_eq!(total(&again), Some(3));
    assert_eq!(again.metric("parked_views"), 1.0, "the other one still waits");
}

#[tokio::test]
async fn parked_views_count_in_the_hour_and_channel_of_their_hits() {
    let newsroom = Newsroom::new(&settings()).await;
    newsroom.views.hit(hit("late", "192.0.2.1")).await.unwrap();
    newsroom.clock.turn(HOUR * 2);
    let pixel = Hit { channel: Channel::Pixel, ..hit("late", "192.0.2.2") };
    newsroom.views.hit(pixel).await.unwrap();
    newsroom.clock.turn(HOUR * 3);
    newsroom.put(&article("late", "News"), None).await;
    until_counted(&newsroom.views, "late", 2).await;
    let reader = ViewReader::open(newsroom.folder.path()).unwrap();
    let noon = NOON.0 / 3_600_000;
    assert_eq!(
        reader.hours("late", 0, i64::MAX).unwrap(),
        [(noon, Channel::Script, 1), (noon + 2, Channel::Pixel, 1)]
    );
    assert_eq!(agreed_sum(&newsroom, &["late"]).await, 2);
    assert_eq!(newsroom.views.section_counts(5).len(), 6, "none, other, News");
}

#[tokio::test]
async fn only_what_would_have_counted_is_parked() {
    let newsroom = Newsroom::new(&settings()).await;
    let plain = hit("late", "192.0.2.1");
    let with = |headers: HitHeaders<'static>| Hit { headers, ..hit("late", "192.0.2.1") };
    let bot = with(HitHeaders { user_agent: Some(b"curl/8.0"), ..HitHeaders::default() });
    let foreign = with(HitHeaders { origin: Some(b"https://evil.example"), ..plain.headers });
    let ahead = HitHeaders { purposes: [Some(b"prefetch"), None, None, None], ..plain.headers };
    for refused in [bot, foreign, Hit { headers: ahead, ..plain }, hit("no id", "192.0.2.1")] {
        assert_ne!(newsroom.views.hit(refused).await, Ok(Verdict::Unknown));
    }
    let page = Hit { target: Target::Url("https://news.example/late/"), ..plain };
    assert_eq!(newsroom.views.hit(page).await, Ok(Verdict::Unknown));
    assert_eq!(newsroom.views.writer_numbers().parked, 0, "an address could be any page");
    let draft =
        jarshy::model::Article { status: jarshy::model::Status::Draft, ..article("late", "") };
    newsroom.views.hit(plain).await.unwrap();
    let revision = newsroom.put(&draft, None).await;
    assert_eq!(newsroom.views.hit(hit("late", "192.0.2.9")).await, Ok(Verdict::Unknown));
    assert_eq!(newsroom.views.writer_numbers().parked, 2, "a draft has not arrived");
    newsroom.put(&article("late", ""), Some(revision)).await;
    until_counted(&newsroom.views, "late", 2).await;
    assert_eq!(newsroom.views.writer_numbers().parked, 0);
}

#[tokio::test]
async fn after_a_day_they_are_dropped() {
    let mut newsroom = Newsroom::new(&settings()).await;
    newsroom.views.hit(hit("late", "192.0.2.1")).await.unwrap();
    newsroom.clock.turn(HOUR * 24);
    newsroom.views.hit(hit("late", "192.0.2.2")).await.unwrap();
    newsroom.restart(&settings()).await;
    newsroom.clock.turn(HOUR);
    newsroom.put(&article("late", ""), None).await;
    until_counted(&newsroom.views, "late", 1).await;
    let numbers = newsroom.views.writer_numbers();
    assert_eq!((numbers.parked, numbers.parked_counted, numbers.parked_expired), (0, 1, 1));
    newsroom.restart(&settings()).await;
    assert_eq!(newsroom.views.count("late").unwrap().counted, 1, "once");
    assert_eq!(agreed_sum(&newsroom, &["late"]).await, 1);
    let disk = Connection::open(newsroom.folder.path().join("views.db")).unwrap();
    let rows: i64 = disk.query_row("SELECT COUNT(*) FROM parked", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0, "nothing is left on the disk");
}

#[tokio::test]
async fn there_is_room_for_so_many_rows() {
    let few = config::Views { parked_max: 3, ..settings() };
    let newsroom = Newsroom::new(&few).await;
    for number in 0..10 {
        for peer in ["192.0.2.1", "192.0.2.2"] {
            let id = format!("late{number}");
            assert_eq!(newsroom.views.hit(hit(&id, peer)).await, Ok(Verdict::Unknown));
        }
    }
    let numbers = newsroom.views.writer_numbers();
    assert_eq!((numbers.parked, numbers.parked_refused), (6, 14), "rows are full, not views");
    newsroom.put(&article("late9", ""), None).await;
    assert_eq!(
        newsroom.views.hit(hit("late9", "192.0.2.1")).await,
        Ok(Verdict::Counted),
        "no repeat"
    );
    newsroom.clock.turn(HOUR * 25);
    newsroom.views.hit(hit("late9", "192.0.2.3")).await.unwrap();
    until(|| newsroom.views.writer_numbers().parked == 0).await;
    newsroom.views.hit(hit("later", "192.0.2.3")).await.unwrap();
    assert_eq!(newsroom.views.writer_numbers().parked, 1, "what waited too long makes room");
    let none = config::Views { parked_max: 0, ..settings() };
    let newsroom = Newsroom::new(&none).await;
    newsroom.views.hit(hit("late", "192.0.2.1")).await.unwrap();
    assert_eq!(newsroom.views.writer_numbers().parked, 0);
}

#[tokio::test]
async fn parked_is_on_disk_when_it_is_answered_and_survives_a_kill() {
    for fold_every in [Duration::ZERO, HOUR] {
        let settings = config::Views { fold_every, ..settings() };
        let newsroom = Newsroom::new(&settings).await;
        for number in 0..20 {
            newsroom.views.hit(hit("late", &format!("192.0.2.{number}"))).await.unwrap();
        }
        let still = Connection::open(newsroom.folder.path().join("views.db")).unwrap();
        still.busy_timeout(Duration::from_secs(30)).unwrap();
        still.execute_batch("BEGIN IMMEDIATE").unwrap();
        let copy = tempfile::TempDir::new().unwrap();
        for name in ["views.db", "views.db-wal"] {
            std::fs::copy(newsroom.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        still.execute_batch("ROLLBACK").unwrap();
        newsroom.put(&article("late", "News"), None).await;
        // The article came while the daemon was away.
        let views = open(copy.path(), &settings, &newsroom.clock);
        views.roster().catch_up(&newsroom.store).await.unwrap();
        until_counted(&views, "late", 20).await;
        assert_eq!((of(Verdict::Counted, &views), of(Verdict::Unknown, &views)), (20, 20));
        views.stop().await;
        let revived = Newsroom {
            views: open(copy.path(), &settings, &newsroom.clock),
            folder: copy,
            clock: newsroom.clock.clone(),
            store: newsroom.store.clone(),
        };
        revived.views.roster().catch_up(&revived.store).await.unwrap();
        assert_eq!(agreed_sum(&revived, &["late"]).await, 20);
        assert_eq!(revived.views.writer_numbers().parked, 0);
    }
}

#[tokio::test]
async fn a_disk_that_refuses_loses_and_doubles_nothing() {
    let soon = config::Views { fold_every: Duration::from_millis(20), ..settings() };
    let newsroom = Newsroom::new(&soon).await;
    newsroom.views.hit(hit("late", "192.0.2.1")).await.unwrap();
    let disk = Connection::open(newsroom.folder.path().join("views.db")).unwrap();
    disk.busy_timeout(Duration::from_secs(30)).unwrap();
    disk.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .unwrap();
    assert_eq!(newsroom.views.hit(hit("late", "192.0.2.2")).await, Err(NotKept::Refused));
    assert_eq!(newsroom.views.writer_numbers().parked, 1);
    newsroom.put(&article("late", ""), None).await;
    until(|| newsroom.views.commit_errors() > 3).await;
    assert_eq!(newsroom.views.count("late").unwrap().counted, 0, "not before it is on disk");
    disk.execute_batch("DROP TRIGGER refuse").unwrap();
    until_counted(&newsroom.views, "late", 1).await;
    assert_eq!(newsroom.views.hit(hit("late", "192.0.2.2")).await, Ok(Verdict::Counted));
    assert_eq!(agreed_sum(&newsroom, &["late"]).await, 2);
}

/// Hits and articles that come at the same time: each view is counted once, whoever was first.
#[test]
fn a_race_between_hits_and_their_article_loses_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let newsroom = Newsroom::new(&settings()).await;
        let (mut known, mut unknown) = (0, 0);
        for round in 0..20 {
            let id = format!("late{round}");
            let mut hits = tokio::task::JoinSet::new();
            for number in 0..40_u8 {
                let (views, id) = (newsroom.views.clone(), id.clone());
                hits.spawn(async move { views.hit(hit(&id, &format!("10.0.0.{number}"))).await });
            }
            newsroom.put(&article(&id, ""), None).await;
            while let Some(verdict) = hits.join_next().await {
                match verdict.unwrap().unwrap() {
                    Verdict::Counted => known += 1,
                    Verdict::Unknown => unknown += 1,
                    other => panic!("{other:?}"),
                }
            }
            until_counted(&newsroom.views, &id, 40).await;
        }
        assert_eq!(known + unknown, 800);
        let numbers = newsroom.views.writer_numbers();
        assert_eq!((numbers.parked, numbers.parked_counted), (0, unknown));
        assert_eq!(of(Verdict::Counted, &newsroom.views), 800);
        let ids: Vec<String> = (0..20).map(|round| format!("late{round}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(agreed_sum(&newsroom, &ids).await, 800);
    });
}
