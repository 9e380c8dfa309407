//! Why a database did not do it, or could not be opened.

use std::path::PathBuf;

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
    /// Another process holds the database, or too many writes wait.
    #[error("the database is busy")]
    Busy,
    /// The file cannot be read or written.
    #[error("{0}")]
    Failed(String),
}

impl DbError {
    /// A full disk or a broken file concerns every batch of a transaction.
    pub(super) fn concerns_all(&self) -> bool {
        matches!(self, DbError::Full | DbError::Failed(_))
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> DbError {
        let rusqlite::Error::SqliteFailure(code, text) = &error else {
            return DbError::Failed(error.to_string());
        };
        match code.code {
            ffi::ErrorCode::ConstraintViolation => {
                DbError::Constraint(text.clone().unwrap_or_else(|| error.to_string()))
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
    /// Anything else: no permission, no room, not a database.
    #[error("{} cannot be opened: {why}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system said.
        why: String,
    },
}
