//! Articles, their revisions, and what changed since one.

mod row;

use self::row::{article_id, contains, put_row, slim, status};
pub(super) use self::row::{article_id as id, status as status_of, stored};
use super::{
    Store,
    audit::{self, AuditNote},
    db::{Batch, Step},
    error::DbError,
    json, json_text,
    value::Row,
};
use crate::model::{Article, ArticleId, Guid, Millis, Status};

/// An article with what only the store knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The article.
    pub article: Article,
    /// Its place in the growing log of changes.
    pub revision: i64,
    /// What decides about its next change.
    pub marks: Marks,
}

/// What decides about an article's next change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// SHA-256 of title, summary, body, authors, media.
    pub editorial_hash: Vec<u8>,
    /// Who brought it, such as `wxr:wp`; `None` is the API.
    pub source: Option<String>,
    /// SHA-256 of what the source delivered, before cleaning.
    pub source_hash: Option<Vec<u8>>,
    /// The source's own time of change.
    pub source_modified_at: Option<Millis>,
    /// True when the public could see it as of this revision.
    pub is_public: bool,
    /// True when the public could ever see it.
    pub was_public: bool,
    /// Set while it is withdrawn.
    pub withdrawn: Option<Withdrawal>,
}

/// How an article was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// When.
    pub at: Millis,
    /// By whom: a token's id, `cli`, or a source.
    pub by: String,
    /// Why, where somebody said.
    pub reason: Option<String>,
}

/// A write of one article.
#[derive(Clone, Debug)]
pub struct Put {
    /// The article as it shall be.
    pub article: Article,
    /// Its marks as they shall be; `is_public` and `was_public` too.
    pub marks: Marks,
    /// The revision it was decided on; `None` when there was no such article.
    pub expected: Option<i64>,
    /// What the audit log says of it, where it withdraws or restores the article.
    pub note: Option<AuditNote>,
}

/// Why an article was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// It changed meanwhile: read it again and decide anew.
    #[error("the article was changed meanwhile")]
    Conflict,
    /// Another article has this guid.
    #[error("another article already has the guid {0}")]
    GuidTaken(Guid),
    /// The store failed.
    #[error(transparent)]
    Store(DbError),
}

/// An entry of the change log, as partners may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What changed.
    pub stored: Stored,
    /// How.
    pub kind: ChangeKind,
}

/// How a public article changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new, or other than before.
    Upsert,
    /// The public may no longer see it.
    Withdraw,
}

/// What counting views needs of an article, and no more.
#[derive(Clone, Debug, PartialEq)]
pub struct Slim {
    /// The article.
    pub id: ArticleId,
    /// Its revision.
    pub revision: i64,
    /// The page people read.
    pub url: String,
    /// Its main section; empty is none.
    pub section: String,
    /// Views brought from the old system.
    pub carried_over: u64,
    /// True when the public could ever see it.
    pub was_public: bool,
}

/// Which articles a list shows.
#[derive(Clone, Debug, Default)]
pub struct ArticleFilter {
    /// Of this section.
    pub section: Option<String>,
    /// In this state.
    pub status: Option<Status>,
    /// Whose title contains this text, whatever its case.
    pub text: Option<String>,
    /// After this one in the order of the list: newest first.
    pub after: Option<(Millis, ArticleId)>,
    /// At most this many.
    pub limit: usize,
}

/// The columns that [`stored`] reads, of a table called `a`; the two long texts may be replaced.
macro_rules! columns {
    () => {
        crate::store::articles::columns!("a.summary", "a.body_html")
    };
    ($summary:literal, $body:literal) => {
        concat!(
            "a.id, a.revision, a.status, a.guid, a.url, a.slug, a.title, ",
            $summary,
            ", ",
            $body,
            ", a.language, a.family, a.sections, a.tags, a.authors, a.byline, a.source_name,
             a.source_url, a.rights, a.media, a.published_at, a.updated_at, a.embargo_until,
             a.carried_over_views, a.carried_over_at, a.carried_over_source, a.is_public,
             a.was_public, a.editorial_hash, a.source, a.source_hash, a.source_modified_at,
             a.withdrawn_at, a.withdrawn_by, a.withdrawn_reason"
        )
    };
}
pub(super) use columns;

const INSERT: &str = "INSERT INTO articles (revision, id, status, guid, url, slug, title, summary, body_html, language, family, sections, tags,
     authors, byline, source_name, source_url, rights, media, published_at, updated_at,
     embargo_until, carried_over_views, carried_over_at, carried_over_source, is_public,
     was_public, editorial_hash, source, source_hash, source_modified_at, withdrawn_at,
     withdrawn_by, withdrawn_reason, title_folded, visible_from)
     VALUES ((SELECT n FROM store_revision), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
     $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35) RETURNING revision";

/// The last parameter is the revision that the change was decided on.
const UPDATE: &str = "UPDATE articles SET revision = (SELECT n FROM store_revision),
     status = $2, guid = $3, url = $4, slug = $5, title = $6, summary = $7,
     body_html = $8, language = $9, family = $10, sections = $11, tags = $12,
     authors = $13, byline = $14, source_name = $15, source_url = $16, rights = $17,
     media = $18, published_at = $19, updated_at = $20, embargo_until = $21,
     carried_over_views = $22, carried_over_at = $23, carried_over_source = $24,
     is_public = $25, was_public = $26, editorial_hash = $27, source = $28,
     source_hash = $29, source_modified_at = $30, withdrawn_at = $31, withdrawn_by = $32,
     withdrawn_reason = $33, title_folded = $34, visible_from = $35
     WHERE id = $1 AND revision = $36 RETURNING revision";

const NEXT_REVISION: &str = "UPDATE store_revision SET n = n + 1";

impl Store {
    /// The article, whatever its status.
    pub async fn article(&self, id: &ArticleId) -> Result<Option<Stored>, DbError> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM articles a WHERE a.id = $1");
        let rows = self.db.read(SQL, vec![id.as_str().into()]).await?;
        rows.into_iter().next().map(stored).transpose()
    }

    /// Several articles, in no order; unknown ids are left out.
    pub async fn articles_by_id(&self, ids: &[ArticleId]) -> Result<Vec<Stored>, DbError> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM articles a WHERE a.id IN (SELECT value FROM json_each($1))"
        );
        let ids: Vec<&str> = ids.iter().map(ArticleId::as_str).collect();
        let rows = self.db.read(SQL, vec![json(&ids)]).await?;
        rows.into_iter().map(stored).collect()
    }

    /// Writes articles in one commit, each taken or refused on its own; the answers are their new
    /// revisions, in the same order.
    pub async fn put_articles(&self, puts: Vec<Put>) -> Vec<Result<i64, PutError>> {
        let guids: Vec<Guid> = puts.iter().map(|p| p.article.guid.clone()).collect();
        let batches = puts.into_iter().map(put_batch).collect();
        let results = self.db.write_many(batches).await;
        let revision = |result: Result<_, DbError>, guid| put_result(result, guid);
        let revisions: Vec<_> =
            results.into_iter().zip(guids).map(|(r, g)| revision(r, g)).collect();
        if let Some(newest) = revisions.iter().flatten().max() {
            self.announce(*newest);
        }
        revisions
    }

    /// The articles of these guids, in no order; unknown ones are left out.
    pub async fn articles_by_guid(&self, guids: &[&str]) -> Result<Vec<Stored>, DbError> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!("'' AS summary", "'' AS body_html"),
            " FROM articles a WHERE a.guid IN (SELECT value FROM json_each($1))"
        );
        let rows = self.db.read(SQL, vec![json(guids)]).await?;
        rows.into_iter().map(stored).collect()
    }

    /// Articles whose revision is greater than `since`, in the order of revisions.
    pub async fn changes_since(&self, since: i64, limit: usize) -> Result<Vec<Stored>, DbError> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM articles a WHERE a.revision > $1 ORDER BY a.revision LIMIT $2"
        );
        let rows = self.db.read(SQL, vec![since.into(), limit.into()]).await?;
        rows.into_iter().map(stored).collect()
    }

    /// What the public may know of changes since `since`: no draft and no article that is not yet
    /// due; one that was public and no longer is reads as withdrawn. The number is where to go on.
    pub async fn public_changes(
        &self,
        since: i64,
        limit: usize,
    ) -> Result<(Vec<Change>, i64), DbError> {
        let stored = self.changes_since(since, limit).await?;
        let next = stored.last().map_or(since, |s| s.revision);
        let changes = stored.into_iter().filter(|s| s.marks.was_public).map(|stored| {
            let kind =
                if stored.marks.is_public { ChangeKind::Upsert } else { ChangeKind::Withdraw };
            Change { stored, kind }
        });
        Ok((changes.collect(), next))
    }

    /// What counting views needs of each article changed since `since`, in the order of revisions.
    pub async fn slim_changes_since(&self, since: i64, limit: usize) -> Result<Vec<Slim>, DbError> {
        const SQL: &str = "SELECT id, revision, url, sections, carried_over_views, was_public
             FROM articles WHERE revision > $1 ORDER BY revision LIMIT $2";
        let rows = self.db.read(SQL, vec![since.into(), limit.into()]).await?;
        rows.into_iter().map(slim).collect()
    }

    /// Articles by publication, the newest first; undated ones last.
    pub async fn list_articles(&self, filter: &ArticleFilter) -> Result<Vec<Stored>, DbError> {
        const SQL: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM articles a
             WHERE (CAST($1 AS TEXT) IS NULL OR a.sections LIKE $1 ESCAPE '!')
             AND (CAST($2 AS TEXT) IS NULL OR a.status = $2)
             AND (CAST($3 AS TEXT) IS NULL OR a.title_folded LIKE $3 ESCAPE '!')
             AND (CAST($4 AS BIGINT) IS NULL
               OR (COALESCE(a.published_at, $7), a.id) < ($4, $5))
             ORDER BY COALESCE(a.published_at, $7) DESC, a.id DESC LIMIT $6"
        );
        let section = filter.section.as_ref().map(|s| contains(&json_text(s)));
        let text = filter.text.as_ref().map(|t| contains(&t.to_lowercase()));
        let (after, after_id) = match &filter.after {
            Some((at, id)) => (Some(*at), Some(id.as_str())),
            None => (None, None),
        };
        let status = filter.status.map(Status::as_str);
        let params = vec![
            section.into(),
            status.into(),
            text.into(),
            after.into(),
            after_id.into(),
            filter.limit.into(),
            UNDATED.into(),
        ];
        let rows = self.db.read(SQL, params).await?;
        rows.into_iter().map(stored).collect()
    }

    /// How many articles have each status.
    pub async fn count_by_status(&self) -> Result<Vec<(Status, u64)>, DbError> {
        const SQL: &str = "SELECT status, COUNT(*) FROM articles GROUP BY status";
        let rows = self.db.read(SQL, vec![]).await?;
        let pair = |mut row: Row| Ok((status(&row.text()?)?, row.int()? as u64));
        rows.into_iter().map(pair).collect()
    }

    /// Ids of articles whose time has come at `now` but which are not yet public, and the next such
    /// time after `now`.
    pub async fn due(&self, now: Millis) -> Result<(Vec<ArticleId>, Option<Millis>), DbError> {
        const SQL: &str = "SELECT id, visible_from FROM articles
             WHERE is_public = 0 AND visible_from IS NOT NULL ORDER BY visible_from LIMIT 101";
        let mut due = Vec::new();
        for mut row in self.db.read(SQL, vec![]).await? {
            let (id, at) = (article_id(&row.text()?)?, row.time()?);
            if at > now {
                return Ok((due, Some(at)));
            }
            due.push(id);
        }
        let more = (due.len() > 100).then_some(now);
        Ok((due, more))
    }

    /// The newest article that the public could ever see at this address.
    pub async fn article_at(&self, url: &str) -> Result<Option<ArticleId>, DbError> {
        const SQL: &str = "SELECT id FROM articles WHERE url = $1 ORDER BY revision DESC LIMIT 1";
        let mut rows = self.db.read(SQL, vec![url.into()]).await?;
        rows.first_mut().map(|row| article_id(&row.text()?)).transpose()
    }
}

/// Stands for the publication of an article that has none, in the order of a list.
const UNDATED: Millis = Millis(i64::MIN);

fn put_result(result: Result<Vec<Vec<Row>>, DbError>, guid: Guid) -> Result<i64, PutError> {
    match result {
        Ok(mut returned) => {
            // The second step is the article's.
            let row = returned.get_mut(1).and_then(|rows| rows.first_mut());
            row.ok_or(PutError::Conflict)?.int().map_err(PutError::Store)
        }
        Err(DbError::Conflict) => Err(PutError::Conflict),
        Err(DbError::Constraint(why)) if why.contains("articles.guid") => {
            Err(PutError::GuidTaken(guid))
        }
        // Two writers made the same new article.
        Err(DbError::Constraint(why)) if why.contains("articles.id") => Err(PutError::Conflict),
        Err(error) => Err(PutError::Store(error)),
    }
}

fn put_batch(put: Put) -> Batch {
    let mut row = put_row(&put);
    let write = match put.expected {
        None => Step::new(INSERT, row).want(1),
        Some(revision) => {
            row.push(revision.into());
            Step::new(UPDATE, row).want(1)
        }
    };
    let note = put.note.map(|note| audit::steps(note, &put.article.id));
    let mut batch = vec![Step::new(NEXT_REVISION, vec![]), write];
    batch.extend(note.into_iter().flatten());
    batch
}
