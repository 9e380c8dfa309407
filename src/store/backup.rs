//! Both databases into a new folder and back, each as it was at one moment, beside a daemon that
//! writes them. A folder is there as a whole or not at all; one that was touched since is refused.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    copy::{self, Told, beside, faults_of, open_still, sync_folder},
    database_path,
    db::open_reader,
    error::DbError,
    migrate::version_of,
    restored, room, views,
};
use crate::model::Millis;

/// What a backup says of itself.
const MANIFEST: &str = "backup.json";
/// The shape of [`Manifest`].
const FORMAT: u32 = 1;
/// Settings that a data folder may hold: a demo's.
const SETTINGS: &str = "jarshy.toml";
/// Stands in a data folder while a restore into it is under way.
const UNFINISHED: &str = "restoring";
/// Read at once while a file is copied.
const PIECE_BYTES: usize = 1 << 20;

/// A backup, as its `backup.json` tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The shape of this file.
    pub format: u32,
    /// The version that made it.
    pub jarshy: String,
    /// The moment it shows, RFC 3339.
    pub made_at: String,
    /// The newest revision in it.
    pub revision: i64,
    /// Articles in it, withdrawn ones too.
    pub articles: i64,
    /// Views in it, counted by jarshy.
    pub views: i64,
    /// Its files.
    pub files: Vec<ManifestFile>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name in the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Of a database: its schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<i64>,
}

/// Why there is no backup, or nothing was restored. Nothing half is left behind.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// What was named is not right; the sentence says what would be.
    #[error("{0}")]
    Input(String),
    /// The disk or a database did not do it.
    #[error("{0}")]
    Failed(String),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> BackupError {
        BackupError::Failed(error.to_string())
    }
}

impl From<DbError> for BackupError {
    fn from(error: DbError) -> BackupError {
        BackupError::Failed(error.to_string())
    }
}

/// Copies the databases of `data` to `to`, a folder that is empty or not there yet. `told` hears of
/// pages done and of pages in all, file by file.
pub fn backup(
    data: &Path,
    to: &Path,
    now: Millis,
    told: Told<'_>,
) -> Result<Manifest, BackupError> {
    must_be_free(to, "name a new one")?;
    let parent = parent_of(to);
    let sources = sources_in(data)?;
    let needed = sources.iter().map(|path| size_with_log(path)).sum();
    must_have_room(&parent, needed)?;
    let part = beside(to, &format!(".part-{}", std::process::id()));
    let made = fill(data, &sources, &part, now, told).and_then(|manifest| {
        fs::rename(&part, to).map_err(|e| {
            let to = to.display();
            BackupError::Failed(format!("{to} cannot be made ({e}); name a new folder in it"))
        })?;
        sync_folder(&parent)?;
        Ok(manifest)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    made
}

fn fill(
    data: &Path,
    sources: &[PathBuf],
    part: &Path,
    now: Millis,
    told: Told<'_>,
) -> Result<Manifest, BackupError> {
    let made = DirBuilder::new().mode(0o700).create(part);
    made.map_err(|e| BackupError::Failed(format!("{} cannot be made: {e}", part.display())))?;
    // Both moments are held before anything is copied, the views' first: an article is there before
    // it can be viewed, so no counted view refers to an article that the copy does not know.
    let held = sources.iter().map(|path| {
        let conn = open_reader(path).map_err(DbError::from)?;
        copy::hold_moment(&conn)?;
        Ok::<_, DbError>((path, conn))
    });
    let held = held.collect::<Result<Vec<_>, _>>()?;
    let mut files = Vec::new();
    for (path, conn) in held {
        let copy = part.join(path.file_name().unwrap_or_default());
        copy::copy(&conn, &copy, told)?;
        drop(conn);
        files.push(described(&copy)?);
    }
    if data.join(SETTINGS).exists() {
        copy_hashed(&data.join(SETTINGS), &part.join(SETTINGS))?;
        files.push(described(&part.join(SETTINGS))?);
    }
    let manifest = manifest(part, now, files)?;
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| failed(&e))?;
    write_synced(&part.join(MANIFEST), format!("{text}\n").as_bytes())?;
    sync_folder(part)?;
    Ok(manifest)
}

/// The databases that there are, the views' first.
fn sources_in(data: &Path) -> Result<Vec<PathBuf>, BackupError> {
    if !database_path(data).exists() {
        let data = data.display();
        return Err(BackupError::Input(format!(
            "there is no jarshy.db in {data}; name the daemon with --config FILE or --data DIR"
        )));
    }
    let both = [views::database_path(data), database_path(data)];
    Ok(both.into_iter().filter(|path| path.exists()).collect())
}

fn manifest(folder: &Path, now: Millis, files: Vec<ManifestFile>) -> Result<Manifest, BackupError> {
    let articles = open_still(&database_path(folder))?;
    let number = |conn: &Connection, sql: &str| {
        conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(DbError::from)
    };
    let views = views::database_path(folder);
    let views = match views.exists() {
        true => number(&open_still(&views)?, views::COUNTED)?,
        false => 0,
    };
    Ok(Manifest {
        format: FORMAT,
        jarshy: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now.to_rfc3339(),
        revision: number(&articles, "SELECT n FROM store_revision")?,
        articles: number(&articles, "SELECT COUNT(*) FROM articles")?,
        views,
        files,
    })
}

/// What the manifest says of a finished file; a damaged database is found here.
fn described(path: &Path) -> Result<ManifestFile, BackupError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let schema = match name.ends_with(".db") {
        true => Some(checked(path)?),
        false => None,
    };
    let (sha256, bytes) = hash(path)?;
    Ok(ManifestFile { name, bytes, sha256, schema })
}

/// The schema of a database without faults.
fn checked(path: &Path) -> Result<i64, BackupError> {
    let conn = open_still(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let damaged = |why: &dyn std::fmt::Display| {
        BackupError::Failed(format!(
            "{name} is damaged ({why}): this copy is of no use, take an older backup"
        ))
    };
    match faults_of(&conn) {
        Ok(faults) => match faults.first() {
            Some(first) => Err(damaged(first)),
            None => Ok(version_of(&conn).map_err(DbError::from)?),
        },
        Err(error) => Err(damaged(&error)),
    }
}

/// Reads `backup.json`, and refuses what this jarshy cannot restore.
pub fn read_manifest(from: &Path) -> Result<Manifest, BackupError> {
    let path = from.join(MANIFEST);
    let shown = path.display();
    let text = fs::read_to_string(&path).map_err(|e| {
        BackupError::Input(format!(
            "{shown} cannot be read ({e}); name a folder that `jarshy backup` made"
        ))
    })?;
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|e| BackupError::Input(format!("{shown} is not what a backup has: {e}")))?;
    let known = |name: &str| match name {
        "jarshy.db" => Some(super::MIGRATIONS.len()),
        "views.db" => Some(views::MIGRATIONS.len()),
        SETTINGS => Some(0),
        _ => None,
    };
    for ManifestFile { name, schema, .. } in &manifest.files {
        let newer = |known: usize| schema.unwrap_or(0) > known as i64;
        if manifest.format > FORMAT || known(name).is_none_or(newer) {
            return Err(BackupError::Input(format!(
                "the backup was made by jarshy {}, which is newer: restore it with that one",
                manifest.jarshy
            )));
        }
    }
    if !manifest.files.iter().any(|file| file.name == "jarshy.db") {
        return Err(BackupError::Input(format!("{shown} names no jarshy.db: it is not whole")));
    }
    Ok(manifest)
}

/// Refuses a folder that holds anything but what a restore itself puts there.
pub fn must_be_free(folder: &Path, remedy: &str) -> Result<(), BackupError> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(BackupError::Input(format!("the folder {shown} is not empty; {remedy}"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(BackupError::Input(format!("{shown} is no folder for it: {error}"))),
    }
}

/// Puts a backup back into `data`, an empty folder that the caller holds. Every byte is compared
/// with the manifest and every database is checked before any takes its name.
pub fn restore(
    from: &Path,
    manifest: &Manifest,
    data: &Path,
    now: Millis,
    told: Told<'_>,
) -> Result<(), BackupError> {
    let needed = manifest.files.iter().map(|file| file.bytes).sum();
    must_have_room(data, needed)?;
    write_synced(&data.join(UNFINISHED), b"a restore into this folder was not finished\n")?;
    sync_folder(data)?;
    let done = put_back(from, manifest, data, needed, told)
        .and_then(|()| Ok(restored::note(&database_path(data), manifest, now)?))
        .and_then(|()| Ok(sync_folder(data)?))
        .and_then(|()| Ok(fs::remove_file(data.join(UNFINISHED))?))
        .and_then(|()| Ok(sync_folder(data)?));
    if done.is_err() {
        clear(data);
    }
    done
}

fn put_back(
    from: &Path,
    manifest: &Manifest,
    data: &Path,
    needed: u64,
    told: Told<'_>,
) -> Result<(), BackupError> {
    let mut done = 0;
    // The caller's lock is in the folder already.
    if data.join("lock").exists() {
        give_to_owner_of(data, &data.join("lock"))?;
    }
    for file in &manifest.files {
        let part = data.join(format!("{}.part", file.name));
        let (sha256, bytes) = copy_hashed(&from.join(&file.name), &part)?;
        if (&sha256, bytes) != (&file.sha256, file.bytes) {
            return Err(BackupError::Input(format!(
                "{} is not what it was when the backup was made ({bytes} bytes, sha256 {sha256}); take another backup",
                from.join(&file.name).display()
            )));
        }
        if file.schema.is_some() {
            checked(&part)?;
        }
        give_to_owner_of(data, &part)?;
        done += bytes;
        told(done, needed);
    }
    for file in &manifest.files {
        copy::put_in_place(&data.join(format!("{}.part", file.name)), &data.join(&file.name))?;
    }
    Ok(())
}

/// A restore by root into the folder of another user is that user's.
fn give_to_owner_of(folder: &Path, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (wanted, given) = (fs::metadata(folder)?, fs::metadata(path)?);
    if (wanted.uid(), wanted.gid()) == (given.uid(), given.gid()) {
        return Ok(());
    }
    std::os::unix::fs::chown(path, Some(wanted.uid()), Some(wanted.gid()))
}

/// Takes away what a failed restore has put into the folder, so that it is empty again.
fn clear(data: &Path) {
    for name in ["jarshy.db", "views.db", SETTINGS] {
        for ending in ["", ".part", "-wal", "-shm"] {
            // What is not there need not be taken away.
            let _ = fs::remove_file(data.join(format!("{name}{ending}")));
        }
    }
    let _ = fs::remove_file(data.join(UNFINISHED));
}

/// True while a restore into this folder is under way, or was cut off.
pub(super) fn is_unfinished(data: &Path) -> bool {
    data.join(UNFINISHED).exists()
}

fn must_have_room(folder: &Path, needed: u64) -> Result<(), BackupError> {
    let shown = folder.display();
    let free = room::free_bytes(folder)
        .map_err(|e| BackupError::Input(format!("{shown} cannot be used: {e}")))?;
    if free > needed {
        return Ok(());
    }
    Err(BackupError::Failed(format!(
        "{shown} has {} MiB of room, and {} MiB are needed; make room or name another disk",
        free >> 20,
        (needed >> 20) + 1
    )))
}

/// The bytes of a database and of the log beside it.
fn size_with_log(path: &Path) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    size(path) + size(&beside(path, "-wal"))
}

fn parent_of(folder: &Path) -> PathBuf {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Copies a file, on disk when this returns; answers the hash and length of what was read.
fn copy_hashed(from: &Path, to: &Path) -> Result<(String, u64), BackupError> {
    let open = File::open(from);
    let open = open.map_err(|e| BackupError::Input(format!("{}: {e}", from.display())))?;
    let mut target = File::create(to)?;
    let hashed = hash_pieces(open, |piece| target.write_all(piece))?;
    target.sync_all()?;
    Ok(hashed)
}

fn hash(path: &Path) -> io::Result<(String, u64)> {
    hash_pieces(File::open(path)?, |_| Ok(()))
}

fn hash_pieces(
    mut file: File,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<(String, u64)> {
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        each(&piece[..read])?;
        bytes += read as u64;
    }
    let hex = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, bytes))
}

fn failed(error: &dyn std::fmt::Display) -> BackupError {
    BackupError::Failed(error.to_string())
}
