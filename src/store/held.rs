//! What a pulling source needs to know of many articles at once: how they stand, nothing of their
//! words.

use super::{
    Store,
    articles::{id as article_id, status_of},
    db::Step,
    error::DbError,
    json,
    value::Row,
};
use crate::model::{ArticleId, Millis, Status};

/// How an article stands that a source may bring or take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The article.
    pub id: ArticleId,
    /// Where it is in its life.
    pub status: Status,
    /// Who brought it; `None` is the API.
    pub source: Option<String>,
    /// Its type in the source's own words, where the source said so.
    pub kind: Option<String>,
    /// The source's own time of change.
    pub source_modified_at: Option<Millis>,
    /// Who withdrew it, while it is withdrawn.
    pub withdrawn_by: Option<String>,
}

macro_rules! held {
    ($rest:literal) => {
        concat!(
            "SELECT id, status, source, source_modified_at, withdrawn_by, type FROM articles
             LEFT JOIN article_types ON article = id WHERE ",
            $rest
        )
    };
}

impl Store {
    /// How these articles stand, in no order; unknown ids are left out.
    pub async fn held(&self, ids: &[ArticleId]) -> Result<Vec<Held>, DbError> {
        const SQL: &str = held!("id IN (SELECT value FROM json_each($1))");
        let ids: Vec<&str> = ids.iter().map(ArticleId::as_str).collect();
        self.db.read(SQL, vec![json(&ids)]).await?.into_iter().map(held).collect()
    }

    /// The public articles `PREFIX-…` that `sources` brought, in the order of their ids, after `after`
    /// (empty: from the first).
    pub async fn shown_from(
        &self,
        prefix: &str,
        sources: &[&str],
        after: &str,
        limit: usize,
    ) -> Result<Vec<Held>, DbError> {
        const SQL: &str = held!(
            "id > $1 AND id < $2 AND is_public = 1
             AND source IN (SELECT value FROM json_each($3)) ORDER BY id LIMIT $4"
        );
        let (first, end) = range(prefix);
        let after = if after.is_empty() { first } else { after.to_owned() };
        let params = vec![after.into(), end.into(), json(sources), limit.into()];
        self.db.read(SQL, params).await?.into_iter().map(held).collect()
    }

    /// Says of which of its source's types these articles are; also of those yet to come.
    pub async fn keep_types(&self, kind: &str, ids: &[ArticleId]) -> Result<(), DbError> {
        const SQL: &str = "INSERT INTO article_types (article, type) VALUES ($1, $2)
             ON CONFLICT (article) DO UPDATE SET type = excluded.type";
        if ids.is_empty() {
            return Ok(());
        }
        let rows = ids.iter().map(|id| vec![id.as_str().into(), kind.into()]).collect();
        self.db.write(vec![Step::each(SQL, rows)]).await.map(drop)
    }

    /// Articles of `source` that are to come after `after` but wait `wait` milliseconds for the source
    /// to show them: with their times, the next ones first.
    pub async fn waiting(
        &self,
        source: &str,
        wait: i64,
        after: Millis,
        limit: usize,
    ) -> Result<Vec<(ArticleId, Millis)>, DbError> {
        const SQL: &str = "SELECT id, published_at FROM articles
             WHERE is_public = 0 AND visible_from IS NOT NULL AND source = $1
             AND embargo_until = published_at + $2 AND published_at > $3
             ORDER BY visible_from LIMIT $4";
        let params = vec![source.into(), wait.into(), after.into(), limit.into()];
        let rows = self.db.read(SQL, params).await?;
        rows.into_iter().map(|mut row| Ok((article_id(&row.text()?)?, row.time()?))).collect()
    }

    /// How many [`Store::shown_from`] would list.
    pub async fn count_shown_from(&self, prefix: &str, sources: &[&str]) -> Result<u64, DbError> {
        const SQL: &str = "SELECT COUNT(*) FROM articles
             WHERE id > $1 AND id < $2 AND is_public = 1
             AND source IN (SELECT value FROM json_each($3))";
        let (first, end) = range(prefix);
        let params = vec![first.into(), end.into(), json(sources)];
        let mut rows = self.db.read(SQL, params).await?;
        Ok(rows.first_mut().map_or(Ok(0), Row::int)?.max(0) as u64)
    }
}

/// Ids that begin with `PREFIX-` lie between these two; `.` is the byte after `-`.
fn range(prefix: &str) -> (String, String) {
    (format!("{prefix}-"), format!("{prefix}."))
}

fn held(mut row: Row) -> Result<Held, DbError> {
    Ok(Held {
        id: article_id(&row.text()?)?,
        status: status_of(&row.text()?)?,
        source: row.opt_text()?,
        source_modified_at: row.opt_time()?,
        withdrawn_by: row.opt_text()?,
        kind: row.opt_text()?,
    })
}
