//! Damaged databases: articles are never served from one, views go on from what can be read, and it
//! is said until somebody has seen to it.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use jarshy::{clock::Clock, daemon::Daemon};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    publish::hours_ago,
    running::{BROWSER, NOW, Running, SETTINGS, settings_of},
    wire,
};

const PAGE: usize = 4096;

/// A folder as a daemon that was cut off left it, with `articles` articles of many hours, and the
/// views of each.
fn cut_off(articles: i64) -> (TempDir, i64) {
    let r = Running::start();
    for n in 0..3 {
        r.put(&format!("a{n}"), hours_ago(n), json!({}));
    }
    r.until("they can be viewed", |r| (r.get("/count/a2.json", &[]).status == 200).then_some(()));
    r.settle();
    let folder = TempDir::new().unwrap();
    for name in ["jarshy.db", "views.db"] {
        let conn = Connection::open(r.data().join(name)).unwrap();
        conn.execute("VACUUM INTO ?1", [folder.path().join(name).display().to_string()]).unwrap();
    }
    fs::write(folder.path().join("daemon.json"), "{}").unwrap();
    let conn = Connection::open(folder.path().join("views.db")).unwrap();
    conn.execute_batch("BEGIN").unwrap();
    let mut total = 0;
    for n in 0..articles {
        let id = format!("a{n}");
        for hour in 0..40 {
            let row = (&id, 490_000 + hour, "Спорт", "script", 1 + n);
            conn.execute("INSERT INTO views VALUES (?1, ?2, ?3, ?4, ?5)", row).unwrap();
        }
        conn.execute("INSERT INTO article_counts VALUES (?1, ?2)", (&id, 40 * (1 + n))).unwrap();
        total += 40 * (1 + n);
    }
    conn.execute("INSERT INTO section_counts VALUES ('Спорт', 'script', ?1)", [total]).unwrap();
    conn.execute("INSERT INTO section_labels VALUES ('Спорт', 0)", []).unwrap();
    conn.execute("INSERT INTO verdict_counts VALUES ('counted', ?1)", [total]).unwrap();
    conn.execute("INSERT INTO verdict_counts VALUES ('bot', 77)", []).unwrap();
    conn.execute_batch("COMMIT").unwrap();
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    (folder, total)
}

/// Overwrites pages that hold rows of a table, from its second page on.
fn tear(path: &Path, table: &str, pages: usize) {
    let conn = Connection::open(path).unwrap();
    let root: i64 = conn
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [table], |r| r.get(0))
        .unwrap();
    drop(conn);
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut page = vec![0; PAGE];
    file.read_exact_at(&mut page, (root as u64 - 1) * PAGE as u64).unwrap();
    // An interior page of a table without row ids points to its leaves from its cells.
    assert_eq!(page[0], 2, "{table} is small enough for one page: tear a larger one");
    let cells = usize::from(u16::from_be_bytes([page[3], page[4]]));
    for cell in (0..cells).skip(cells / 2).take(pages) {
        let at = usize::from(u16::from_be_bytes([page[12 + 2 * cell], page[13 + 2 * cell]]));
        let leaf = u32::from_be_bytes(page[at..at + 4].try_into().unwrap());
        file.write_all_at(&[0xa5; PAGE], (u64::from(leaf) - 1) * PAGE as u64).unwrap();
    }
}

fn start(folder: &Path) -> Result<Daemon, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let config = settings_of(SETTINGS, folder);
    runtime.block_on(Daemon::start(config, Clock::manual(NOW))).map_err(|e| format!("{e:#}"))
}

fn aside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let is_aside = |path: &PathBuf| {
        let text = path.display().to_string();
        text.contains("views.db.damaged-") && !text.ends_with("-wal") && !text.ends_with("-shm")
    };
    entries.filter(is_aside).collect()
}

fn number(folder: &Path, sql: &str) -> i64 {
    let conn = Connection::open(folder.join("views.db")).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn views_go_on_from_what_can_be_read() {
    let (folder, total) = cut_off(300);
    tear(&folder.path().join("views.db"), "views", 5);
    let r = Running::on(folder, SETTINGS, Clock::manual(NOW));
    // The totals of articles were whole, so no view is lost, though the hours of some are.
    for n in 0..3 {
        let count = r.get(&format!("/count/a{n}.json"), &[]).json();
        assert_eq!(count["counted"], 40 * (1 + n));
    }
    assert_eq!(number(r.data(), "SELECT SUM(n) FROM views"), total);
    let lost = number(r.data(), "SELECT COUNT(*) FROM views WHERE hour = 0");
    assert!((1..300).contains(&lost), "{lost} articles lost hours");
    let headers = [("User-Agent", BROWSER)];
    let reply = wire::ask(r.public(), "POST", "/v/a0", &headers, b"");
    assert_eq!(reply.header("jarshy-view"), Some("counted"));
    let page = r.metrics();
    let sum = |name: &str| -> f64 {
        let lines = page.lines().filter(|l| l.starts_with(name));
        lines.map(|l| l.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
    };
    assert_eq!(sum("jarshy_article_views_total{"), total as f64 + 1.0);
    assert_eq!(r.metric("hit_verdicts_total{verdict=\"bot\"}"), 77.0);

    // It is said until somebody takes the file away.
    assert_eq!(aside(r.data()).len(), 1);
    assert_eq!(r.metric("damaged_files"), 1.0);
    let told = wire::get(r.ops(), "/readyz", &[]);
    assert_eq!(told.status, 200, "{}", told.text());
    assert!(
        told.json()["warnings"][0].as_str().unwrap().contains("views.db.damaged-20261124T120000Z")
    );
    for file in aside(r.data()) {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(r.metric("damaged_files"), 0.0);
    assert_eq!(wire::get(r.ops(), "/readyz", &[]).json()["warnings"], json!([]));
}

#[test]
fn counts_that_are_torn_come_from_the_hours() {
    let (folder, total) = cut_off(2000);
    tear(&folder.path().join("views.db"), "article_counts", 3);
    let r = Running::on(folder, SETTINGS, Clock::manual(NOW));
    for n in 0..3 {
        let count = r.get(&format!("/count/a{n}.json"), &[]).json();
        assert_eq!(count["counted"], 40 * (1 + n));
    }
    assert_eq!(number(r.data(), "SELECT SUM(n) FROM article_counts"), total);
    assert_eq!(number(r.data(), "SELECT COUNT(*) FROM views WHERE hour = 0"), 0);
}

/// A letter in the place of a database, or nothing but its beginning: also without a crash before.
#[test]
fn what_is_no_database_is_put_aside_too() {
    for bytes in [b"this is no database, it is a letter".repeat(300), vec![0xff; 100]] {
        let (folder, _) = cut_off(1);
        fs::remove_file(folder.path().join("daemon.json")).unwrap();
        fs::write(folder.path().join("views.db"), &bytes).unwrap();
        let r = Running::on(folder, SETTINGS, Clock::manual(NOW));
        assert_eq!(r.get("/count/a0.json", &[]).json()["counted"], 0);
        assert_eq!(fs::read(&aside(r.data())[0]).unwrap(), bytes, "kept as it was");
        assert_eq!(
            wire::ask(r.public(), "POST", "/v/a0", &[("User-Agent", BROWSER)], b"").status,
            204
        );
    }
}

#[test]
fn damaged_articles_are_never_served() {
    let (folder, _) = cut_off(1);
    let path = folder.path().join("jarshy.db");
    let whole = fs::read(&path).unwrap();
    let views = fs::read(folder.path().join("views.db")).unwrap();
    for (from, to) in [(PAGE, 6 * PAGE), (0, PAGE), (whole.len() / 2, whole.len() / 2 + PAGE)] {
        let mut bytes = whole.clone();
        bytes[from..to].fill(0xa5);
        fs::write(&path, &bytes).unwrap();
        let error = start(folder.path()).err().expect("it must not start");
        assert!(error.contains("jarshy.db is damaged"), "{error}");
        assert!(error.contains("jarshy restore FROM --data NEW"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "it is left as it is");
    }
    assert_eq!(fs::read(folder.path().join("views.db")).unwrap(), views);
    fs::write(&path, &whole).unwrap();
    let r = Running::on(folder, SETTINGS, Clock::manual(NOW));
    assert_eq!(r.titles("news"), ["a0", "a1", "a2"]);
    assert_eq!(r.metric("damaged_files"), 0.0);
}

/// Bits turned over anywhere: it goes on with the true total, or says that something is wrong.
#[test]
fn a_flipped_bit_never_makes_a_silently_wrong_total() {
    let (folder, total) = cut_off(60);
    let path = folder.path().join("views.db");
    let whole = fs::read(&path).unwrap();
    let (mut refused, mut repaired) = (0, 0);
    for step in 0..60 {
        let at = (step * 7919 + 101) % whole.len();
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (step % 8);
        fs::write(&path, &bytes).unwrap();
        match start(folder.path()) {
            Err(error) => {
                refused += 1;
                assert!(error.contains("views.db"), "{error}");
            }
            Ok(daemon) => {
                let counted = daemon.parts().views.verdict_counts();
                drop(daemon);
                let sums = ["views", "article_counts", "section_counts"].map(|table| {
                    number(folder.path(), &format!("SELECT COALESCE(SUM(n), 0) FROM {table}"))
                });
                assert_eq!(sums, [sums[0]; 3], "at byte {at}: the sums agree");
                let counted = counted.iter().find(|(v, _)| v.as_str() == "counted").unwrap().1;
                assert_eq!(counted as i64, sums[0], "at byte {at}");
                let was_aside = !aside(folder.path()).is_empty();
                repaired += usize::from(was_aside);
                assert!(was_aside || sums[0] == total, "at byte {at}: {sums:?} of {total}");
            }
        }
        for file in fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()) {
            if file.display().to_string().contains("views.db") {
                fs::remove_file(file).unwrap();
            }
        }
        fs::write(folder.path().join("daemon.json"), "{}").unwrap();
    }
    assert!(repaired > 10, "{refused} refused, {repaired} repaired");
}

/// A number that was turned over is outvoted by the other ways in which views are counted.
#[test]
fn a_wrong_number_is_outvoted() {
    for sql in [
        "UPDATE views SET n = n + 4096 WHERE article = 'a1' AND hour = 490007",
        "UPDATE views SET n = n - 1 WHERE article = 'a1' AND hour = 490007",
        "UPDATE article_counts SET n = n + 65536 WHERE article = 'a1'",
        "UPDATE article_counts SET n = n - 1 WHERE article = 'a1'",
        "UPDATE section_counts SET n = n + 4096",
        "UPDATE verdict_counts SET n = n - 1 WHERE verdict = 'counted'",
    ] {
        let (folder, total) = cut_off(3);
        Connection::open(folder.path().join("views.db")).unwrap().execute(sql, []).unwrap();
        let r = Running::on(folder, SETTINGS, Clock::manual(NOW));
        for n in 0..3 {
            let count = r.get(&format!("/count/a{n}.json"), &[]).json();
            assert_eq!(count["counted"], 40 * (1 + n), "{sql}");
        }
        for table in ["views", "article_counts", "section_counts"] {
            assert_eq!(number(r.data(), &format!("SELECT SUM(n) FROM {table}")), total, "{sql}");
        }
        assert_eq!(r.metric("damaged_files"), 1.0, "{sql}");
    }
}

/// Batches that are JSON and not ours, and such that are no JSON: what is whole goes on.
#[test]
fn a_batch_that_is_not_ours_is_left_behind_with_the_damaged_file() {
    for text in ["no json", "{\"views\":7}", "[]"] {
        let (folder, total) = cut_off(300);
        let conn = Connection::open(folder.path().join("views.db")).unwrap();
        conn.execute("INSERT INTO batches VALUES (9, ?1)", [text]).unwrap();
        drop(conn);
        fs::remove_file(folder.path().join("daemon.json")).unwrap(); // not even an unclean stop
        let r = Running::on(folder, SETTINGS, Clock::manual(NOW));
        assert_eq!(aside(r.data()).len(), 1, "{text}");
        assert_eq!(number(r.data(), "SELECT SUM(n) FROM views"), total, "{text}");
        let reply = wire::ask(r.public(), "POST", "/v/a0", &[("User-Agent", BROWSER)], b"");
        assert_eq!(reply.header("jarshy-view"), Some("counted"), "{text}");
    }
}

/// The process dies at any point of a salvage: the next start salvages, and takes no empty file for
/// the truth.
#[test]
fn a_salvage_that_was_cut_off_is_begun_anew() {
    for cut in ["before any rename", "before the last rename"] {
        let (folder, total) = cut_off(300);
        let path = folder.path().join("views.db");
        tear(&path, "views", 5);
        // What a salvage has made so far: a fresh file under a name of its own, not yet filled.
        let fresh = Connection::open(folder.path().join("views.db.salvaging")).unwrap();
        fresh.execute_batch("CREATE TABLE half (n INTEGER)").unwrap();
        drop(fresh);
        if cut == "before the last rename" {
            fs::rename(&path, folder.path().join("views.db.damaged-20261124T115959Z")).unwrap();
        }
        let r = Running::on(folder, SETTINGS, Clock::manual(NOW));
        assert_eq!(number(r.data(), "SELECT SUM(n) FROM views"), total, "{cut}");
        assert_eq!(aside(r.data()).len(), 1, "{cut}");
        assert!(!r.data().join("views.db.salvaging").exists(), "{cut}");
    }
}

/// Starts thrice; what each said.
fn started_thrice(folder: &Path) -> Vec<Result<(), String>> {
    let once = |n: i64| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let config = settings_of(SETTINGS, folder);
        runtime.block_on(async {
            let clock = Clock::manual(NOW.plus(n * 5000));
            let daemon = Daemon::start(config, clock).await.map_err(|e| format!("{e:#}"))?;
            daemon.stop().await;
            Ok(())
        })
    };
    (0..3).map(once).collect()
}

/// Words, hashes and numbers that no start takes are left behind by the first salvage: the second start
/// has nothing to salvage.
#[test]
fn rows_that_no_start_takes_are_salvaged_once() {
    const HUGE: &str = "9223372036854775807";
    let batch = |hits: &str| format!("INSERT INTO batches VALUES (9, '{hits}')");
    let cases = [
        "INSERT INTO idempotency_keys VALUES (1, 'zz', 'counted', 0)".to_owned(),
        "INSERT INTO idempotency_keys VALUES (1, '00', 'nonsense', 0)".to_owned(),
        "INSERT INTO verdict_counts VALUES ('nonsense', 3)".to_owned(),
        "INSERT INTO parked VALUES ('x', 3, 'nonsense', 3)".to_owned(),
        "UPDATE section_counts SET channel = 'nonsense'".to_owned(),
        batch(r#"{"views":[],"verdicts":[["",3,"nonsense",1]]}"#),
        batch(r#"{"views":[],"verdicts":[],"keys":[[1,"zz","counted",0]]}"#),
        batch(r#"{"views":[["a1",3,"","nonsense",1]],"verdicts":[]}"#),
        batch(r#"{"views":[["a1",3,"","script",18446744073709551615]],"verdicts":[]}"#),
        batch(&format!(
            r#"{{"views":[["a1",3,"","script",{HUGE}],["a1",3,"","script",{HUGE}],["a1",3,"","script",5]],"verdicts":[]}}"#
        )),
        batch(r#"{"views":[],"verdicts":[],"views":[]}"#),
        batch(""),
        "INSERT INTO batches VALUES (9, CAST(x'7b22ff22' AS TEXT))".to_owned(),
        format!("UPDATE article_counts SET n = {HUGE} WHERE article = 'a1'"),
        format!("UPDATE section_counts SET n = {HUGE}"),
        "UPDATE verdict_counts SET n = -5 WHERE verdict = 'bot'".to_owned(),
    ];
    for sql in cases {
        for was_cut_off in [true, false] {
            let (folder, total) = cut_off(3);
            let conn = Connection::open(folder.path().join("views.db")).unwrap();
            conn.execute(&sql, []).unwrap();
            drop(conn);
            if !was_cut_off {
                fs::remove_file(folder.path().join("daemon.json")).unwrap();
            }
            let said = started_thrice(folder.path());
            assert_eq!(said, [const { Ok(()) }; 3], "{sql}, cut off: {was_cut_off}");
            assert_eq!(aside(folder.path()).len(), 1, "{sql}, cut off: {was_cut_off}");
            let sum = number(folder.path(), "SELECT SUM(n) FROM article_counts");
            assert_eq!(sum, total, "{sql}, cut off: {was_cut_off}");
        }
    }
}

/// Hours are read only when somebody asks for them; a start after an unclean stop looks at them all.
#[test]
fn an_hour_that_nobody_counted_is_outvoted() {
    for set in ["n = 9223372036854775807", "n = -7", "channel = 'nonsense'"] {
        let (folder, total) = cut_off(3);
        let conn = Connection::open(folder.path().join("views.db")).unwrap();
        let sql = format!("UPDATE views SET {set} WHERE article = 'a1' AND hour = 490000");
        conn.execute(&sql, []).unwrap();
        drop(conn);
        assert_eq!(started_thrice(folder.path()), [const { Ok(()) }; 3], "{set}");
        assert_eq!(aside(folder.path()).len(), 1, "{set}");
        assert_eq!(number(folder.path(), "SELECT SUM(n) FROM views"), total, "{set}");
    }
}

/// Somebody packed the file that a salvage put aside: that is no database to be put back.
#[test]
fn only_what_a_salvage_put_aside_is_put_back() {
    let (folder, total) = cut_off(300);
    let path = folder.path().join("views.db");
    let aside = folder.path().join("views.db.damaged-20261124T115959Z");
    tear(&path, "views", 5);
    fs::write(folder.path().join("views.db.salvaging"), "x").unwrap();
    fs::rename(&path, &aside).unwrap();
    for name in ["20261124T115959Z.gz", "20261124T115959Z-copy-of-mineZ", "9999-the-newestZ"] {
        fs::write(folder.path().join(format!("views.db.damaged-{name}")), "packed").unwrap();
    }
    start(folder.path()).unwrap();
    assert_eq!(number(folder.path(), "SELECT SUM(n) FROM views"), total);
}

/// A salvage and its undoing may die between any two renames: views that stand only in the log come
/// along.
#[test]
fn the_log_is_never_parted_from_its_database() {
    let aside = "views.db.damaged-20261124T115959Z";
    for point in 0..=7 {
        let (folder, total) = cut_off(300);
        let here = |name: &str| folder.path().join(name);
        tear(&here("views.db"), "views", 5);
        only_in_the_log(folder.path());
        let rename = |from: &str, to: &str| fs::rename(here(from), here(to)).unwrap();
        fs::write(here("views.db.damaged-20200101T000000Z"), "an older one").unwrap();
        fs::write(here("views.db.salvaging"), "").unwrap();
        let logs = ["-wal", "-shm"]
            .map(|ending| (format!("views.db{ending}"), format!("{aside}{ending}")));
        // What the salvage has renamed when it dies …
        if point >= 1 {
            rename("views.db", aside);
        }
        for (log, log_aside) in logs.iter().take((point as usize).saturating_sub(1)) {
            rename(log, log_aside);
        }
        // … and what its undoing has renamed back.
        for (log, log_aside) in logs.iter().take((point as usize).saturating_sub(3)) {
            rename(log_aside, log);
        }
        if point >= 6 {
            rename(aside, "views.db");
        }
        if point == 7 {
            fs::remove_file(here("views.db.salvaging")).unwrap();
        }
        start(folder.path()).unwrap_or_else(|error| panic!("{point}: {error}"));
        let folded = number(folder.path(), "SELECT SUM(n) FROM views");
        let left = number(folder.path(), "SELECT COALESCE(SUM(n), 0) FROM unfolded_views");
        assert_eq!(folded + left, total + 7, "{point}");
    }
}

/// Undoing fails between its renames and is done once more.
#[test]
fn an_undoing_that_failed_halfway_still_finds_the_log() {
    let (folder, total) = cut_off(300);
    let here = |name: &str| folder.path().join(name);
    tear(&here("views.db"), "views", 5);
    only_in_the_log(folder.path());
    fs::write(here("views.db.salvaging"), "").unwrap();
    for ending in ["", "-wal", "-shm"] {
        let aside = format!("views.db.damaged-20261124T115959Z{ending}");
        fs::rename(here(&format!("views.db{ending}")), here(&aside)).unwrap();
    }
    // No file can be renamed to where a folder is.
    fs::create_dir(here("views.db-wal")).unwrap();
    let error = start(folder.path()).map(drop).unwrap_err();
    assert!(error.contains("cannot be undone"), "{error}");
    fs::remove_dir(here("views.db-wal")).unwrap();
    start(folder.path()).unwrap();
    let folded = number(folder.path(), "SELECT SUM(n) FROM views");
    let left = number(folder.path(), "SELECT COALESCE(SUM(n), 0) FROM unfolded_views");
    assert_eq!(folded + left, total + 7);
}

/// One more batch of seven views, as a process leaves it that dies before its log is moved home.
fn only_in_the_log(folder: &Path) {
    let here = |name: &str| folder.join(name);
    let conn = Connection::open(here("views.db")).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    let hits = r#"{"views":[["a0",490000,"Спорт","script",7]],"verdicts":[]}"#;
    conn.execute("INSERT INTO batches VALUES (9, ?1)", [hits]).unwrap();
    let kept = ["views.db", "views.db-wal"].map(|name| (name, fs::read(here(name)).unwrap()));
    drop(conn);
    for (name, bytes) in kept {
        fs::write(here(name), bytes).unwrap();
    }
    fs::write(here("views.db-shm"), vec![0; 32_768]).unwrap();
}
