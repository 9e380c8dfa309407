//! Acknowledged means kept: what `views.db` holds through crashes, refusals and restarts.

use std::{fs, path::Path, time::Duration};

use jarshy::{
    config,
    model::Verdict,
    store::views::{ViewReader, database_path},
    views::{Hit, HitHeaders, NotKept, Views},
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::views::{BROWSER, NOON, Newsroom, agreed_sum, hit, open, settings};

/// Another connection, such as a stranger's.
fn stranger(folder: &Path) -> Connection {
    let conn = Connection::open(database_path(folder)).unwrap();
    conn.busy_timeout(Duration::from_secs(30)).unwrap();
    conn
}

fn rows(folder: &Path, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    stranger(folder).query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// Waits for what another thread is to do; gives up when it surely will not.
async fn until(mut done: impl FnMut() -> bool) {
    let patience = std::time::Instant::now();
    while !done() {
        assert!(patience.elapsed() < Duration::from_secs(60), "it did not happen");
        tokio::task::yield_now().await;
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn every_acknowledged_view_is_in_the_files_at_that_moment() {
    for fold_every in [Duration::ZERO, Duration::from_secs(3600)] {
        let settings = config::Views { fold_every, ..settings() };
        let newsroom = Newsroom::with_articles(&settings, 2).await;
        for number in 0..20 {
            newsroom.views.hit(hit("a0", &format!("192.0.2.{number}"))).await.unwrap();
        }
        newsroom.views.hit(hit("a0", "192.0.2.1")).await.unwrap();
        newsroom.views.hit(hit("nobody", "192.0.2.1")).await.unwrap();
        // While a transaction of ours is open nobody writes, so that the copy is of one moment, as
        // after kill -9.
        let still = stranger(newsroom.folder.path());
        still.execute_batch("BEGIN IMMEDIATE").unwrap();
        let copy = TempDir::new().unwrap();
        for name in ["views.db", "views.db-wal"] {
            fs::copy(newsroom.folder.path().join(name), copy.path().join(name)).unwrap();
        }
        still.execute_batch("ROLLBACK").unwrap();
        let before = newsroom.views.verdict_counts();
        let revived = Newsroom {
            views: open(copy.path(), &settings, &newsroom.clock),
            folder: copy,
            clock: newsroom.clock.clone(),
            store: newsroom.store.clone(),
        };
        revived.views.roster().catch_up(&revived.store).await.unwrap();
        assert_eq!(revived.views.count("a0").unwrap().counted, 20);
        assert_eq!(revived.views.verdict_counts(), before);
        assert_eq!(rows(revived.folder.path(), "batches"), 0);
        assert_eq!(agreed_sum(&revived, &["a0", "a1"]).await, 20);
    }
}

#[tokio::test]
async fn a_stop_folds_everything_and_refuses_what_comes_later() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    newsroom.views.hit(hit("a0", "192.0.2.1")).await.unwrap();
    assert_eq!(rows(newsroom.folder.path(), "batches"), 1);
    newsroom.views.stop().await;
    assert_eq!(rows(newsroom.folder.path(), "batches"), 0);
    assert_eq!(rows(newsroom.folder.path(), "views"), 1);
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.2")).await, Err(NotKept::Stopped));
    newsroom.views.stop().await;
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 1);
}

#[tokio::test]
async fn folding_goes_by_time() {
    let soon = config::Views { fold_every: Duration::from_millis(20), ..settings() };
    let newsroom = Newsroom::with_articles(&soon, 1).await;
    newsroom.views.hit(hit("a0", "192.0.2.1")).await.unwrap();
    until(|| rows(newsroom.folder.path(), "batches") == 0).await;
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 1);
}

#[tokio::test]
async fn a_refused_commit_is_an_error_and_its_retry_counts() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Counted));
    let disk = stranger(newsroom.folder.path());
    disk.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .unwrap();
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.2")).await, Err(NotKept::Refused));
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.2")).await, Err(NotKept::Refused));
    assert_eq!(newsroom.views.commit_errors(), 2);
    assert_eq!(newsroom.views.count("a0").unwrap().counted, 1);
    disk.execute_batch("DROP TRIGGER refuse").unwrap();
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.2")).await, Ok(Verdict::Counted));
    // What was kept before the refusal is still remembered.
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Repeat));
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 2);
}

#[tokio::test]
async fn after_a_broken_file_nothing_is_acknowledged_until_it_was_opened_anew() {
    let mut newsroom = Newsroom::with_articles(&settings(), 1).await;
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Counted));
    let disk = stranger(newsroom.folder.path());
    disk.execute_batch("PRAGMA legacy_alter_table=ON; ALTER TABLE batches RENAME TO away").unwrap();
    for _ in 0..3 {
        assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.2")).await, Err(NotKept::Refused));
    }
    assert_eq!(newsroom.views.commit_errors(), 3);
    // A refused batch that reached the disk all the same is taken away.
    disk.execute_batch(
        r#"INSERT INTO away VALUES (2, '{"views":[["a0",1,"News","script",9]],"verdicts":[]}');
           ALTER TABLE away RENAME TO batches"#,
    )
    .unwrap();
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.2")).await, Ok(Verdict::Counted));
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 2);
    newsroom.restart(&settings()).await;
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 2);
}

#[tokio::test]
async fn a_refused_fold_loses_nothing() {
    let eager = config::Views { fold_every: Duration::ZERO, ..settings() };
    let mut newsroom = Newsroom::with_articles(&eager, 1).await;
    let disk = stranger(newsroom.folder.path());
    disk.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON section_counts
         BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .unwrap();
    for number in 0..5 {
        let seen = newsroom.views.hit(hit("a0", &format!("192.0.2.{number}"))).await;
        assert_eq!(seen, Ok(Verdict::Counted));
    }
    until(|| newsroom.views.commit_errors() > 0).await;
    assert_eq!(rows(newsroom.folder.path(), "views"), 0);
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 5);
    disk.execute_batch("DROP TRIGGER refuse").unwrap();
    newsroom.restart(&eager).await;
    assert_eq!(rows(newsroom.folder.path(), "batches"), 0);
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 5);
}

#[tokio::test]
async fn a_healed_disk_is_noticed_without_a_hit() {
    let eager = config::Views { fold_every: Duration::from_millis(10), ..settings() };
    let newsroom = Newsroom::with_articles(&eager, 1).await;
    let disk = stranger(newsroom.folder.path());
    disk.execute_batch("PRAGMA legacy_alter_table=ON; ALTER TABLE batches RENAME TO away").unwrap();
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.1")).await, Err(NotKept::Refused));
    assert!(newsroom.views.is_failing());
    disk.execute_batch("ALTER TABLE away RENAME TO batches").unwrap();
    until(|| !newsroom.views.is_failing()).await;
    assert_eq!(newsroom.views.hit(hit("a0", "192.0.2.1")).await, Ok(Verdict::Counted));
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_hangs_the_queue_is_bounded() {
    let small = config::Views { queue_max: 2, ..settings() };
    let newsroom = Newsroom::with_articles(&small, 1).await;
    let disk = stranger(newsroom.folder.path());
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut hits = JoinSet::new();
    for number in 0..10 {
        let views = newsroom.views.clone();
        hits.spawn(async move { views.hit(hit("a0", &format!("192.0.2.{number}"))).await });
    }
    // At most two are being written and two wait; the others are refused while the disk hangs.
    for _ in 0..6 {
        assert_eq!(hits.join_next().await.unwrap().unwrap(), Err(NotKept::Overflow));
    }
    disk.execute_batch("ROLLBACK").unwrap();
    let rest = hits.join_all().await;
    let kept = rest.iter().filter(|result| **result == Ok(Verdict::Counted)).count() as u64;
    let refused = rest.iter().filter(|result| **result == Err(NotKept::Overflow)).count() as u64;
    assert_eq!(kept + refused, 4);
    assert!(kept >= 2);
    let overflow =
        newsroom.views.verdict_counts().into_iter().find(|(v, _)| *v == Verdict::Overflow);
    assert_eq!(overflow, Some((Verdict::Overflow, 6 + refused)));
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn eight_threads_count_exactly() {
    let eager = config::Views { fold_every: Duration::from_millis(5), ..settings() };
    let newsroom = Newsroom::with_articles(&eager, 3).await;
    let mut tasks = JoinSet::new();
    for task in 0..32u8 {
        let views = newsroom.views.clone();
        tasks.spawn(async move {
            for number in 0..100u8 {
                let id = ["a0", "a1", "a2"][usize::from(number % 3)];
                let peer = format!("10.0.{task}.{number}");
                assert_eq!(views.hit(hit(id, &peer)).await, Ok(Verdict::Counted));
                // Read your own write, and never more than all.
                assert!((1..=32 * 34).contains(&views.count(id).unwrap().counted));
                assert_eq!(views.hit(hit(id, &peer)).await, Ok(Verdict::Repeat));
            }
        });
    }
    tasks.join_all().await;
    let counted = ["a0", "a1", "a2"].map(|id| newsroom.views.count(id).unwrap().counted);
    assert_eq!(counted, [34 * 32, 33 * 32, 33 * 32]);
    assert_eq!(agreed_sum(&newsroom, &["a0", "a1", "a2"]).await, 3200);
    newsroom.views.stop().await;
    assert_eq!(agreed_sum(&newsroom, &["a0", "a1", "a2"]).await, 3200);
}

#[tokio::test]
async fn whoever_goes_away_before_the_answer_is_still_counted() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    let disk = stranger(newsroom.folder.path());
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let gone = hit("a0", "192.0.2.1");
    {
        let asking = newsroom.views.hit(gone);
        tokio::select! {
            biased;
            _ = asking => unreachable!("the disk hangs"),
            () = std::future::ready(()) => {}
        }
    }
    disk.execute_batch("ROLLBACK").unwrap();
    assert_eq!(newsroom.views.hit(gone).await, Ok(Verdict::Repeat));
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 1);
}

#[tokio::test]
async fn neither_address_nor_agent_is_ever_on_disk() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    let agent = [BROWSER, b" CanaryBrowser/77"].concat();
    let lines = [&b"203.0.113.177"[..]];
    for id in ["a0", "nobody", "not an id"] {
        let plain = hit(id, "127.0.0.1");
        let headers = HitHeaders {
            user_agent: Some(&agent),
            referer: Some(b"https://canary-page.example/"),
            ..plain.headers
        };
        newsroom.views.hit(Hit { headers, x_forwarded_for: &lines, ..plain }).await.unwrap();
    }
    let canaries: [&[u8]; 6] =
        [b"Canary", b"canary", b"203.0.113.177", b"127.0.0.1", b"not an id", &[203, 0, 113, 177]];
    let search = || {
        for file in files(newsroom.folder.path()) {
            let bytes = fs::read(&file).unwrap();
            for canary in canaries {
                let found = bytes.windows(canary.len()).any(|window| window == canary);
                assert!(!found, "{canary:?} is in {}", file.display());
            }
        }
    };
    search();
    newsroom.views.stop().await;
    search();
    let summary = ViewReader::open(newsroom.folder.path()).unwrap().summary(10).unwrap();
    assert_eq!(summary.top, [("a0".to_owned(), 1)]);
    assert_eq!(summary.verdicts.len(), 3);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_by_name() {
    let folder = TempDir::new().unwrap();
    fs::write(database_path(folder.path()), b"this is no database, it is a letter".repeat(100))
        .unwrap();
    let clock = jarshy::clock::Clock::manual(NOON);
    let busy = Duration::from_secs(1);
    let opened = Views::open(folder.path(), &settings(), &[], vec![], busy, clock, Box::new(drop));
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("views.db is damaged"), "{error}");
    assert!(fs::read(database_path(folder.path())).unwrap().starts_with(b"this is no"));
}

#[tokio::test]
async fn a_batch_that_is_not_ours_is_never_counted_and_never_thrown_away() {
    let newsroom = Newsroom::with_articles(&settings(), 1).await;
    newsroom.views.hit(hit("a0", "192.0.2.1")).await.unwrap();
    let disk = stranger(newsroom.folder.path());
    disk.execute("INSERT INTO batches VALUES (2, '{\"views\":[[\"a0\",1')", []).unwrap();
    newsroom.views.stop().await;
    assert_eq!(newsroom.views.commit_errors(), 1);
    let clock = newsroom.clock.clone();
    let busy = Duration::from_secs(1);
    let opened =
        Views::open(newsroom.folder.path(), &settings(), &[], vec![], busy, clock, Box::new(drop));
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("damaged"), "{error}");
    assert_eq!(rows(newsroom.folder.path(), "batches"), 2);
}

#[tokio::test]
async fn a_database_of_the_first_version_goes_on() {
    let mut newsroom = Newsroom::with_articles(&settings(), 1).await;
    newsroom.views.hit(hit("a0", "192.0.2.1")).await.unwrap();
    newsroom.views.stop().await;
    // As the first version left it, with a batch that it had not folded.
    stranger(newsroom.folder.path())
        .execute_batch(
            "DROP VIEW unfolded_parked; DROP VIEW unfolded_keys; DROP TABLE parked;
             DROP TABLE idempotency_keys; DELETE FROM schema_version WHERE version > 1;
             INSERT INTO batches VALUES (1, '{\"views\":[[\"a0\",498756,\"News\",\"pixel\",2]],
                \"verdicts\":[[\"a0\",20781,\"repeat\",3],[\"\",20781,\"unknown\",4]]}')",
        )
        .unwrap();
    newsroom.restart(&settings()).await;
    assert_eq!(newsroom.views.count("a0").unwrap().counted, 3);
    let of = |wanted| newsroom.views.verdict_counts().into_iter().find(|(v, _)| *v == wanted);
    assert_eq!(of(Verdict::Unknown), Some((Verdict::Unknown, 4)));
    assert_eq!(newsroom.views.hit(hit("late", "192.0.2.1")).await, Ok(Verdict::Unknown));
    assert_eq!(newsroom.views.writer_numbers().parked, 1);
    assert_eq!(agreed_sum(&newsroom, &["a0"]).await, 3);
}
