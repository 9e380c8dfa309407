//! The editor's button: an article is taken back everywhere, or brought back, and the audit log says
//! by whom and why.

use super::{
    Intake, Refusal, RefusalKind,
    candidate::is_source,
    intake::{TRIES_MAX, at_revision, put_of, standing},
};
use crate::{
    model::{ArticleId, Millis, Status},
    store::{AuditAction, AuditNote, DbError, Put, PutError, Stored, Withdrawal},
};

/// Withdrawals of one article that may follow each other without a restoration between: a source's
/// and an editor's.
const STEPS_MAX: usize = 2;

/// An article that was taken back or brought back.
#[derive(Clone, Debug)]
pub struct Acted {
    /// How it stands now.
    pub stored: Stored,
    /// False when it stood so before.
    pub newly: bool,
}

/// Who acts, why and when.
struct Act<'a> {
    by: &'a str,
    reason: Option<String>,
    now: Millis,
}

impl Intake {
    /// Takes an article back: its tombstone stays. Once more changes nothing, but for an editor who
    /// withdraws what a source had withdrawn: from then on it is the editor's, and stays. `by` is a
    /// token's id, `cli`, or a source.
    pub async fn withdraw(
        &self,
        id: &ArticleId,
        by: &str,
        reason: Option<String>,
        if_match: Option<i64>,
    ) -> Result<Acted, Refusal> {
        let act = |now| Act { by, reason: reason.clone(), now };
        self.act(id, if_match, |stored, now| {
            (!stands(stored, by)).then(|| withdrawal(stored, act(now)))
        })
        .await
    }

    /// Brings an article back that was withdrawn, as it stood before. Once more changes nothing.
    pub async fn restore(
        &self,
        id: &ArticleId,
        by: &str,
        reason: Option<String>,
        if_match: Option<i64>,
    ) -> Result<Acted, Refusal> {
        // The newest entries about a withdrawn article are its withdrawals: by a source, by an editor.
        let entries = self.store.audit(Some(id), None, STEPS_MAX).await?;
        let befores = entries.iter().map(|entry| entry.note.status_before);
        let before = befores.into_iter().find(|status| *status != Status::Withdrawn);
        let act = |now| Act { by, reason: reason.clone(), now };
        self.act(id, if_match, |stored, now| {
            let withdrawn = stored.article.status == Status::Withdrawn;
            withdrawn.then(|| restoration(stored, before, act(now)))
        })
        .await
    }

    /// Writes what `decide` makes of the article as it stands, read anew while others write it.
    async fn act(
        &self,
        id: &ArticleId,
        if_match: Option<i64>,
        decide: impl Fn(&Stored, Millis) -> Option<Put>,
    ) -> Result<Acted, Refusal> {
        for _ in 0..TRIES_MAX {
            let Some(stored) = self.store.article(id).await? else {
                let why = format!("there is no article `{id}`");
                return Err(Refusal::whole(RefusalKind::NotFound, why));
            };
            at_revision(Some(&stored), if_match)?;
            let Some(put) = decide(&stored, self.clock.now()) else {
                return Ok(Acted { stored, newly: false });
            };
            match self.put_one(put.clone()).await {
                Err(PutError::Conflict) => {}
                Err(error) => return Err(error.into()),
                Ok(revision) => {
                    let status = put.article.status.as_str();
                    tracing::info!(article = %id, revision, status, "an editor acted on an article");
                    return Ok(Acted { stored: standing(put, revision), newly: true });
                }
            }
        }
        Err(DbError::Conflict.into())
    }
}

/// True where a withdrawal by `by` would say nothing new.
fn stands(stored: &Stored, by: &str) -> bool {
    let by_source = stored.marks.withdrawn.as_ref().is_some_and(|w| is_source(&w.by));
    stored.article.status == Status::Withdrawn && (!by_source || is_source(by))
}

fn withdrawal(stored: &Stored, act: Act<'_>) -> Put {
    let mut put = put_of(stored.clone());
    put.article.status = Status::Withdrawn;
    put.marks.is_public = false;
    let (by, reason) = (act.by.to_owned(), act.reason.clone());
    put.marks.withdrawn = Some(Withdrawal { at: act.now, by, reason });
    put.note = Some(note(stored, AuditAction::Withdraw, act));
    put
}

/// Without an entry in the log, what the public could see before is published again, and nothing
/// else is.
fn restoration(stored: &Stored, before: Option<Status>, act: Act<'_>) -> Put {
    let mut put = put_of(stored.clone());
    let was_public = if stored.marks.was_public { Status::Published } else { Status::Draft };
    put.article.status = match before.filter(|s| *s != Status::Withdrawn).unwrap_or(was_public) {
        Status::Draft => Status::Draft,
        _ if put.article.published_at.is_some_and(|at| at > act.now) => Status::Scheduled,
        _ => Status::Published,
    };
    put.marks.is_public = put.article.is_public(act.now);
    put.marks.was_public |= put.marks.is_public;
    put.marks.withdrawn = None;
    put.note = Some(note(stored, AuditAction::Restore, act));
    put
}

fn note(stored: &Stored, action: AuditAction, act: Act<'_>) -> AuditNote {
    AuditNote {
        at: act.now,
        actor: act.by.to_owned(),
        action,
        status_before: stored.article.status,
        reason: act.reason,
    }
}
