//! Why a database did not do it, or could not be opened.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ffi;

/// Why the database did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// Something changed since it was read; read again and decide anew.
    #[error("the row was changed by another writer meanwhile")]
    Conflict,
    /// A rule of the schema was broken, such as a guid that is taken.
    #[error("{0}")]
    Constraint(String),
    /// No room on the disk.
    #[error("the disk is full")]
    Full,
    /// Less room is left than `store.free_bytes_min`; nothing new is taken until there is more.
    #[error("the disk has less room than store.free_bytes_min")]
    NoRoom,
    /// Another process holds the database, or too many writes wait.
    #[error("the database is busy")]
    Busy,
    /// The file is not what it was, or no database at all.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The file cannot be read or written.
    #[error("{0}")]
    Failed(String),
}

impl DbError {
    /// A full disk or a broken file concerns every batch of a transaction.
    pub(super) fn concerns_all(&self) -> bool {
        matches!(self, DbError::Full | DbError::Damaged(_) | DbError::Failed(_))
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> DbError {
        DbError::from_sqlite(&error)
    }
}

impl From<io::Error> for DbError {
    fn from(error: io::Error) -> DbError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => DbError::Full,
            _ => DbError::Failed(error.to_string()),
        }
    }
}

impl DbError {
    pub(super) fn from_sqlite(error: &rusqlite::Error) -> DbError {
        let rusqlite::Error::SqliteFailure(code, text) = error else {
            return DbError::Failed(error.to_string());
        };
        match code.code {
            ffi::ErrorCode::ConstraintViolation => {
                DbError::Constraint(text.clone().unwrap_or_else(|| error.to_string()))
            }
            ffi::ErrorCode::DatabaseCorrupt | ffi::ErrorCode::NotADatabase => {
                DbError::Damaged(error.to_string())
            }
            ffi::ErrorCode::DiskFull => DbError::Full,
            ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked => DbError::Busy,
            _ => DbError::Failed(error.to_string()),
        }
    }
}

/// Why a database file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Made by a later jarshy.
    #[error("{} has schema {found}, this jarshy knows up to {known}: run the newer jarshy", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// Its pages are not what they were.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// Anything else: no permission, no room, not a database.
    #[error("{} cannot be opened: {why}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system said.
        why: String,
    },
}

impl OpenError {
    /// Why `path` could not be opened.
    pub fn of(path: &Path, error: impl Into<DbError>) -> OpenError {
        let path = path.to_owned();
        match error.into() {
            DbError::Damaged(why) => OpenError::Damaged { path, why },
            other => OpenError::Failed { path, why: other.to_string() },
        }
    }
}
