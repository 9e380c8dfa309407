//! One database file: a writer that groups commits, and a few readers. All of SQLite is in here.
//!
//! A write is a batch of [`Step`]s that takes effect as a whole or not at all. Batches that arrive
//! while a commit is under way share the next one. Nothing is decided between two steps of a batch:
//! what depends on what stands there is said in SQL, with [`Step::want`] rows affected.
//!
//! The SQL is text that PostgreSQL reads too: `$1` parameters, TEXT BIGINT BYTEA DOUBLE PRECISION.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::{
    error::{DbError, OpenError},
    identity::Identity,
    migrate::migrate,
    value::{Row, Value},
};

/// Batches that share one commit at most.
const BATCHES_PER_COMMIT_MAX: usize = 256;
/// Prepared statements kept by each connection.
const STATEMENTS_MAX: usize = 64;
/// Pages of the write-ahead log before SQLite moves them home (4 KiB each): small, so that recovery
/// on a full disk needs little room.
const WAL_PAGES: u32 = 1000;

/// One statement of a batch, run once for each of its rows.
#[derive(Debug)]
pub struct Step {
    sql: &'static str,
    rows: Vec<Vec<Value>>,
    want: Option<usize>,
}

impl Step {
    /// A statement that is run once.
    pub fn new(sql: &'static str, row: Vec<Value>) -> Step {
        Step { sql, rows: vec![row], want: None }
    }

    /// A statement that is run for each row.
    pub fn each(sql: &'static str, rows: Vec<Vec<Value>>) -> Step {
        Step { sql, rows, want: None }
    }

    /// Each run must affect (or return) just `rows` rows, else the batch fails with
    /// [`DbError::Conflict`].
    pub fn want(mut self, rows: usize) -> Step {
        self.want = Some(rows);
        self
    }
}

/// Steps that take effect as a whole.
pub type Batch = Vec<Step>;

/// What the statements of a batch returned (`RETURNING`), step by step.
pub type Returned = Vec<Vec<Row>>;

/// The one connection that writes a file.
#[derive(Debug)]
pub struct Writer {
    conn: Connection,
    busy_timeout: Duration,
    identity: Identity,
}

impl Writer {
    /// Opens (and makes) the file and brings its schema up to date; a copy of an older one is kept.
    pub fn open(
        path: &Path,
        busy_timeout: Duration,
        migrations: &[&str],
    ) -> Result<Writer, OpenError> {
        let conn = Connection::open(path).map_err(|e| OpenError::of(path, e))?;
        prepare_writer(&conn, busy_timeout).map_err(|e| OpenError::of(path, e))?;
        migrate(&conn, path, migrations)?;
        let failed =
            |e: std::io::Error| OpenError::Failed { path: path.to_owned(), why: e.to_string() };
        let identity = Identity::of(path).map_err(failed)?;
        Ok(Writer { conn, busy_timeout, identity })
    }

    /// Which file is written.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Runs each batch within one transaction and commits it to disk. The outer error means that
    /// none of them took effect; an inner one means that its own batch did not.
    pub fn commit(&mut self, batches: &[Batch]) -> Result<Vec<Result<Returned, DbError>>, DbError> {
        // What is written to a file that was deleted would be gone with the process.
        self.identity.check()?;
        let mut tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let [batch] = batches {
            return commit_alone(tx, batch);
        }
        let mut results = Vec::with_capacity(batches.len());
        for batch in batches {
            results.push(run_batch(&mut tx, batch)?);
        }
        tx.commit()?;
        Ok(results)
    }

    /// Whether a write would be taken now; waits for nobody.
    pub fn probe(&mut self) -> Result<(), DbError> {
        self.conn.busy_timeout(Duration::ZERO)?;
        let probed = self.commit(&[]);
        self.conn.busy_timeout(self.busy_timeout)?;
        probed.map(drop)
    }

    /// Reads through the writer's own connection.
    pub fn read(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        query(&self.conn, sql, params)
    }

    /// Moves the write-ahead log home and empties it.
    pub fn checkpoint(&self) -> Result<(), DbError> {
        self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// A batch that is the whole transaction: it needs no savepoint.
fn commit_alone(
    tx: Transaction<'_>,
    batch: &Batch,
) -> Result<Vec<Result<Returned, DbError>>, DbError> {
    match run_steps(&tx, batch) {
        Ok(returned) => {
            tx.commit()?;
            Ok(vec![Ok(returned)])
        }
        Err(error) if error.concerns_all() => Err(error),
        Err(error) => Ok(vec![Err(error)]),
    }
}

/// A batch within the transaction; a failed one is rolled back to where it began.
fn run_batch(
    tx: &mut Transaction<'_>,
    batch: &Batch,
) -> Result<Result<Returned, DbError>, DbError> {
    let savepoint = tx.savepoint()?;
    match run_steps(&savepoint, batch) {
        Ok(returned) => {
            savepoint.commit()?;
            Ok(Ok(returned))
        }
        Err(error) if error.concerns_all() => Err(error),
        Err(error) => Ok(Err(error)),
    }
}

fn run_steps(conn: &Connection, batch: &Batch) -> Result<Returned, DbError> {
    batch.iter().map(|step| run_step(conn, step)).collect()
}

fn run_step(conn: &Connection, step: &Step) -> Result<Vec<Row>, DbError> {
    let mut statement = conn.prepare_cached(&sqlite_text(step.sql))?;
    let mut returned = Vec::new();
    for row in &step.rows {
        let affected = if statement.column_count() == 0 {
            statement.execute(rusqlite::params_from_iter(row))?
        } else {
            let rows = statement.query(rusqlite::params_from_iter(row))?;
            let before = returned.len();
            collect_rows(rows, &mut returned)?;
            returned.len() - before
        };
        if step.want.is_some_and(|want| want != affected) {
            return Err(DbError::Conflict);
        }
    }
    Ok(returned)
}

/// Rows of a query of text like a [`Step`]'s.
pub(super) fn query(conn: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
    let mut statement = conn.prepare_cached(&sqlite_text(sql))?;
    let mut found = Vec::new();
    collect_rows(statement.query(rusqlite::params_from_iter(params))?, &mut found)?;
    Ok(found)
}

fn collect_rows(mut rows: rusqlite::Rows<'_>, into: &mut Vec<Row>) -> Result<(), DbError> {
    let columns = rows.as_ref().map_or(0, |s| s.column_count());
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|at| row.get::<_, Value>(at));
        into.push(Row::new(values.collect::<Result<_, _>>()?));
    }
    Ok(())
}

/// `$1` numbers by appearance in SQLite, `?1` as it says.
fn sqlite_text(sql: &str) -> String {
    sql.replace('$', "?")
}

fn prepare_writer(conn: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    conn.busy_timeout(busy_timeout)?;
    let mode: String = conn.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(rusqlite::Error::InvalidParameterName(format!(
            "journal mode is {mode}, WAL is not possible on this file system"
        )));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", "ON")?;
    conn.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

struct Write {
    batches: Vec<Batch>,
    answer: oneshot::Sender<Vec<Result<Returned, DbError>>>,
}

/// A database file that many tasks share.
#[derive(Clone, Debug)]
pub struct Db {
    writes: mpsc::SyncSender<Write>,
    readers: Arc<Readers>,
    fault: Fault,
}

/// Why the last commit failed as a whole; `None` when it did not.
type Fault = Arc<Mutex<Option<DbError>>>;

#[derive(Debug)]
struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Db {
    /// Starts the writer's thread, which ends when the last clone is dropped, and the readers.
    pub fn start(
        path: &Path,
        writer: Writer,
        readers: usize,
        write_queue_max: usize,
    ) -> Result<Db, OpenError> {
        let failed = |why: String| OpenError::Failed { path: path.to_owned(), why };
        let (writes, queue) = mpsc::sync_channel(write_queue_max);
        let fault = Fault::default();
        thread::Builder::new()
            .name("store-writer".into())
            .spawn({
                let fault = fault.clone();
                move || write_until_closed(writer, &queue, &fault)
            })
            .map_err(|e| failed(e.to_string()))?;
        let open = || open_reader(path).map_err(|e| failed(e.to_string()));
        let idle = (0..readers).map(|_| open()).collect::<Result<Vec<_>, _>>()?;
        let permits = Arc::new(Semaphore::new(readers));
        Ok(Db { writes, readers: Arc::new(Readers { idle: Mutex::new(idle), permits }), fault })
    }

    /// Why writes fail at present.
    pub fn write_fault(&self) -> Option<DbError> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds out whether writes that failed would be taken again, so that it is noticed even when
    /// nobody dares to send one.
    pub async fn probe(&self) {
        // What came of it is in `fault`.
        self.write_many(Vec::new()).await;
    }

    /// One atomic batch; on disk when this returns `Ok`.
    pub async fn write(&self, batch: Batch) -> Result<Returned, DbError> {
        let mut results = self.write_many(vec![batch]).await;
        results.pop().unwrap_or_else(|| Err(closed()))
    }

    /// Several batches in one commit, each with its own result.
    pub async fn write_many(&self, batches: Vec<Batch>) -> Vec<Result<Returned, DbError>> {
        let count = batches.len();
        let (answer, answered) = oneshot::channel();
        match self.writes.try_send(Write { batches, answer }) {
            Ok(()) => answered.await.unwrap_or_else(|_| all_failed(closed(), count)),
            Err(mpsc::TrySendError::Full(_)) => all_failed(DbError::Busy, count),
            Err(mpsc::TrySendError::Disconnected(_)) => all_failed(closed(), count),
        }
    }

    /// Rows of a query; never waits for a writer.
    pub async fn read(&self, sql: &'static str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let permit = self.readers.permits.clone().acquire_owned().await.map_err(|_| closed())?;
        let readers = self.readers.clone();
        let read = move || {
            let conn = readers.lock().pop().ok_or_else(closed)?;
            let found = query(&conn, sql, &params);
            readers.lock().push(conn);
            drop(permit);
            found
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| closed())?
    }
}

impl Readers {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn all_failed(error: DbError, count: usize) -> Vec<Result<Returned, DbError>> {
    (0..count).map(|_| Err(error.clone())).collect()
}

fn closed() -> DbError {
    DbError::Failed("the database is closed".into())
}

/// A connection that only reads; also for files that another process writes.
pub fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "query_only", "ON")?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(conn)
}

/// Takes all that waits, commits it together, answers, and begins again.
fn write_until_closed(mut writer: Writer, queue: &mpsc::Receiver<Write>, fault: &Fault) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        let mut batches = group[0].batches.len();
        while batches < BATCHES_PER_COMMIT_MAX
            && let Ok(next) = queue.try_recv()
        {
            batches += next.batches.len();
            group.push(next);
        }
        commit_group(&mut writer, group, fault);
    }
    // The last words of a tidy stop; the next start would do it as well.
    let _ = writer.checkpoint();
}

fn commit_group(writer: &mut Writer, group: Vec<Write>, fault: &Fault) {
    let (counts, batches, answers) = unzip(group);
    let committed = match batches.is_empty() {
        true => writer.probe().map(|()| Vec::new()),
        false => writer.commit(&batches),
    };
    *fault.lock().unwrap_or_else(PoisonError::into_inner) = committed.as_ref().err().cloned();
    let mut results = committed.unwrap_or_else(|error| all_failed(error, batches.len()));
    for (count, answer) in counts.into_iter().zip(answers) {
        let rest = results.split_off(count.min(results.len()));
        // Whoever asked may have gone away; the write stands all the same.
        let _ = answer.send(std::mem::replace(&mut results, rest));
    }
}

type Unzipped = (Vec<usize>, Vec<Batch>, Vec<oneshot::Sender<Vec<Result<Returned, DbError>>>>);

fn unzip(group: Vec<Write>) -> Unzipped {
    let mut unzipped: Unzipped = Default::default();
    for write in group {
        unzipped.0.push(write.batches.len());
        unzipped.1.extend(write.batches);
        unzipped.2.push(write.answer);
    }
    unzipped
}
