//! A copy of a database file as it stands at one moment, while others write it. Copies pages, and
//! refuses to look into them.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::error::DbError;

/// Pages copied between two looks at the progress.
const PAGES_AT_ONCE: i32 = 1024;
/// How long a step rests when another process is in its way.
const REST: Duration = Duration::from_millis(20);
/// How often it rests before it gives up.
const RESTS_MAX: u32 = 1500;

/// Told how much of how much is done.
pub type Told<'a> = &'a mut dyn FnMut(u64, u64);

/// From now on, and until the connection is dropped, it reads the file as it is now. Writers go on:
/// they write to the log beside it, which grows meanwhile.
pub(super) fn hold_moment(conn: &Connection) -> Result<(), DbError> {
    conn.execute_batch("BEGIN")?;
    // The transaction begins with the first read.
    conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(())
}

/// Copies the database of `conn` to `to`, which is there as a whole and on disk, or not at all.
pub(super) fn copy(conn: &Connection, to: &Path, told: Told<'_>) -> Result<(), DbError> {
    let part = beside(to, ".part");
    let copied = copy_pages(conn, &part, told).and_then(|()| Ok(put_in_place(&part, to)?));
    if copied.is_err() {
        // A part is of no use; where even this fails, its name says what it is.
        let _ = fs::remove_file(&part);
    }
    copied
}

fn copy_pages(conn: &Connection, part: &Path, told: Told<'_>) -> Result<(), DbError> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut target = Connection::open(part)?;
    // Nothing of it counts before it is whole: it is flushed once, at the end.
    target.pragma_update(None, "journal_mode", "OFF")?;
    target.pragma_update(None, "synchronous", "OFF")?;
    let backup = Backup::new(conn, &mut target)?;
    let mut rests = 0;
    loop {
        match backup.step(PAGES_AT_ONCE)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ if rests >= RESTS_MAX => return Err(DbError::Busy),
            _ => {
                rests += 1;
                thread::sleep(REST);
            }
        }
        let progress = backup.progress();
        let total = progress.pagecount.max(0) as u64;
        told(total.saturating_sub(progress.remaining.max(0) as u64), total);
    }
    drop(backup);
    target.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Flushes a finished file and gives it its name.
pub(super) fn put_in_place(part: &Path, to: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, to)?;
    sync_folder(to.parent().unwrap_or(Path::new(".")))
}

/// Names in a folder are on disk after this.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(here)?.sync_all()
}

/// `views.db` and `.part` as `views.db.part`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(ending);
    path.with_file_name(name)
}

/// A connection to a file that nobody writes; leaves nothing beside it.
pub(super) fn open_still(path: &Path) -> Result<Connection, DbError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let text = path.display().to_string();
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Ok(Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags)?)
}

/// What `PRAGMA quick_check` finds wrong.
pub(super) fn faults_of(conn: &Connection) -> Result<Vec<String>, DbError> {
    let mut check = conn.prepare("PRAGMA quick_check(20)")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    let mut faults = lines.collect::<Result<Vec<String>, _>>()?;
    faults.retain(|line| line != "ok");
    Ok(faults)
}
