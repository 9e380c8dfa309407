//! Why an article was not taken: one sentence that names the field.

use std::fmt;

use crate::store::{DbError, PutError};

/// Why an article was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The field that is wrong, as a path such as `media[0].url`.
    pub field: Option<String>,
    /// What is wrong and what would be right; goes on after the field's name where there is one.
    pub why: String,
    /// What a caller branches on.
    pub kind: RefusalKind,
}

/// The kinds of refusal that callers tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It is not JSON, or not in the shape that was promised.
    Syntax,
    /// A field is missing, unknown or wrong.
    Invalid,
    /// There is no such article.
    NotFound,
    /// Another article has this guid, or the article has another one.
    Conflict,
    /// It is not at the revision that was asked for.
    Precondition,
    /// The body's HTML is larger than the limits allow.
    TooLarge,
    /// The store failed.
    Store(DbError),
}

impl Refusal {
    /// A wrong field; `why` goes on after its name.
    pub fn invalid(field: impl Into<String>, why: impl Into<String>) -> Refusal {
        Refusal { field: Some(field.into()), why: why.into(), kind: RefusalKind::Invalid }
    }

    /// A field beyond its limit; `why` goes on after its name.
    pub fn too_large(field: impl Into<String>, why: impl Into<String>) -> Refusal {
        Refusal { kind: RefusalKind::TooLarge, ..Refusal::invalid(field, why) }
    }

    /// A refusal of the whole, told by a full sentence.
    pub fn whole(kind: RefusalKind, why: impl Into<String>) -> Refusal {
        Refusal { field: None, why: why.into(), kind }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "`{field}` {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Refusal {
        Refusal::whole(RefusalKind::Store(error.clone()), format!("nothing was kept: {error}"))
    }
}

impl From<PutError> for Refusal {
    fn from(error: PutError) -> Refusal {
        match error {
            PutError::Store(error) => error.into(),
            PutError::Conflict => DbError::Conflict.into(),
            PutError::GuidTaken(guid) => Refusal {
                kind: RefusalKind::Conflict,
                ..Refusal::invalid("guid", format!("`{guid}` belongs to another article"))
            },
        }
    }
}
