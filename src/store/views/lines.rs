//! What a batch of hits holds, as its row of JSON says it: sums, never single visitors.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::store::error::DbError;

/// Views of one article, hour, section and channel that were committed together.
#[derive(Debug, Serialize, Deserialize)]
pub struct ViewLine<'a>(
    /// The article.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// Hours since the epoch.
    pub i64,
    /// The article's main section at the time of the hit; empty is none.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// [`crate::model::Channel::as_str`].
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// How many.
    pub u64,
);

/// Hits of one article, day and verdict that were no views.
#[derive(Debug, Serialize, Deserialize)]
pub struct VerdictLine<'a>(
    /// The article; empty where none was known.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// Days since the epoch.
    pub i64,
    /// [`crate::model::Verdict::as_str`].
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// How many.
    pub u64,
);

/// Hits for an article that has not arrived; fewer than none where they leave again.
#[derive(Debug, Serialize, Deserialize)]
pub struct ParkedLine<'a>(
    /// The article they name.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// Hours since the epoch.
    pub i64,
    /// [`crate::model::Channel::as_str`].
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// How many more.
    pub i64,
);

/// The first verdict of a hit that carried an `Idempotency-Key`.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyLine<'a>(
    /// Grows with each of them.
    pub i64,
    /// 32 hexadecimal digits.
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// [`crate::model::Verdict::as_str`].
    #[serde(borrow)]
    pub Cow<'a, str>,
    /// When, milliseconds since the epoch.
    pub i64,
);

/// What is committed together.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Hits<'a> {
    /// Views.
    #[serde(borrow)]
    pub views: Vec<ViewLine<'a>>,
    /// The other verdicts.
    #[serde(borrow)]
    pub verdicts: Vec<VerdictLine<'a>>,
    /// Hits whose article has not arrived, and such as leave again.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub parked: Vec<ParkedLine<'a>>,
    /// First verdicts of hits with a key.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyLine<'a>>,
}

impl Hits<'_> {
    /// As the `batches` table holds it.
    pub fn encode(&self) -> Result<String, DbError> {
        serde_json::to_string(self).map_err(|e| DbError::Failed(e.to_string()))
    }
}
