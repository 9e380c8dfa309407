//! Who withdrew or restored which article, when and why: written in the transaction of the change
//! itself, so that neither stands without the other.

use super::{Store, articles::id as article_id, broken, db::Step, error::DbError, value::Row};
use crate::model::{ArticleId, Millis, Status};

/// Entries kept; the oldest go. An editor's button is not pressed a million times.
const ENTRIES_MAX: i64 = 100_000;

/// What was done to an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// It was taken back.
    Withdraw,
    /// It was brought back.
    Restore,
}

impl AuditAction {
    /// The word in answers and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditAction::Withdraw => "withdraw",
            AuditAction::Restore => "restore",
        }
    }

    fn from_word(word: &str) -> Option<AuditAction> {
        [AuditAction::Withdraw, AuditAction::Restore].into_iter().find(|a| a.as_str() == word)
    }
}

/// What is noted beside a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditNote {
    /// When.
    pub at: Millis,
    /// By whom: a token's id, `cli`, or a source.
    pub actor: String,
    /// What.
    pub action: AuditAction,
    /// How the article stood before.
    pub status_before: Status,
    /// Why, where somebody said.
    pub reason: Option<String>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The revision that the change gave the article.
    pub revision: i64,
    /// The article.
    pub article: ArticleId,
    /// What was noted.
    pub note: AuditNote,
}

const INSERT: &str = "INSERT INTO audit
     (revision, at, actor, action, article, status_before, reason)
     VALUES ((SELECT n FROM store_revision), $1, $2, $3, $4, $5, $6)";

/// Only looks at the newest row that is too many: a range of the primary key.
const FORGET: &str = "DELETE FROM audit WHERE revision <=
     (SELECT revision FROM audit ORDER BY revision DESC LIMIT 1 OFFSET $1)";

impl Store {
    /// The audit log, the newest first: of one article or of all, before a revision where given.
    pub async fn audit(
        &self,
        article: Option<&ArticleId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>, DbError> {
        const SQL: &str = "SELECT revision, article, at, actor, action, status_before, reason
             FROM audit WHERE (CAST($1 AS TEXT) IS NULL OR article = $1)
             AND (CAST($2 AS BIGINT) IS NULL OR revision < $2)
             ORDER BY revision DESC LIMIT $3";
        let article = article.map(ArticleId::as_str);
        let rows = self.db.read(SQL, vec![article.into(), before.into(), limit.into()]).await?;
        rows.into_iter().map(entry).collect()
    }
}

/// The steps of a write that note it.
pub(super) fn steps(note: AuditNote, article: &ArticleId) -> [Step; 2] {
    let row = vec![
        note.at.into(),
        note.actor.into(),
        note.action.as_str().into(),
        article.as_str().into(),
        note.status_before.as_str().into(),
        note.reason.into(),
    ];
    [Step::new(INSERT, row), Step::new(FORGET, vec![ENTRIES_MAX.into()])]
}

fn entry(mut row: Row) -> Result<AuditEntry, DbError> {
    Ok(AuditEntry {
        revision: row.int()?,
        article: article_id(&row.text()?)?,
        note: AuditNote {
            at: row.time()?,
            actor: row.text()?,
            action: word(&row.text()?, AuditAction::from_word)?,
            status_before: word(&row.text()?, Status::from_word)?,
            reason: row.opt_text()?,
        },
    })
}

fn word<T>(text: &str, from_word: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    from_word(text).ok_or_else(|| broken(format!("`{text}` is no word of the audit log")))
}
