//! Is the file that is open still the one at its path?
//!
//! A file that is deleted, moved away or replaced while it is open goes on taking writes, which are
//! gone with the process. Asking the file system before a commit costs two microseconds.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::error::DbError;

/// A database file and its write-ahead log, as the system knows them.
#[derive(Clone, Debug)]
pub struct Identity {
    path: PathBuf,
    /// Device and number of the file.
    file: (u64, u64),
    /// The same of the log, where there is one.
    log: Option<(PathBuf, (u64, u64))>,
}

impl Identity {
    /// Of an open database.
    pub(super) fn of(path: &Path) -> io::Result<Identity> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = PathBuf::from(log);
        let log = numbers(&log).ok().map(|numbers| (log, numbers));
        Ok(Identity { path: path.to_owned(), file: numbers(path)?, log })
    }

    /// An error when the file or its log is no longer there, or is another one.
    pub(super) fn check(&self) -> Result<(), DbError> {
        let log = self.log.iter().map(|(path, numbers)| (path, *numbers));
        for (path, known) in [(&self.path, self.file)].into_iter().chain(log) {
            is_same(path, known)?;
        }
        Ok(())
    }

    /// The same for the file alone: its log goes with the last connection and comes with the next.
    pub(super) fn check_file(&self) -> Result<(), DbError> {
        is_same(&self.path, self.file)
    }
}

fn is_same(path: &Path, known: (u64, u64)) -> Result<(), DbError> {
    match numbers(path) {
        Ok(found) if found == known => Ok(()),
        _ => Err(DbError::Failed(format!(
            "{} was deleted, moved or replaced while jarshy has it open: put that very file back, \
             or stop jarshy, restore a backup and start it again",
            path.display()
        ))),
    }
}

fn numbers(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}
