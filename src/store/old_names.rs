//! How WordPress called categories, tags and authors in addresses: written by importers, read by
//! publishing. Never forgets a name: a subscriber may ask for it years later.

use tokio::sync::watch;

use super::{
    Store,
    db::Step,
    error::DbError,
    value::{Row, Value},
};
use crate::model::{OldKind, OldName};

/// A name that says what it said before keeps its version. What an importer does not know (parent,
/// number) stays as it is.
const KEEP: &str = "INSERT INTO old_names (kind, slug, name, parent, number, articles, version)
     VALUES ($1, $2, $3, $4, $5, $6, (SELECT COALESCE(MAX(version), 0) + 1 FROM old_names))
     ON CONFLICT (kind, slug) DO UPDATE SET name = excluded.name, version = excluded.version,
       parent = COALESCE(excluded.parent, old_names.parent),
       number = COALESCE(excluded.number, old_names.number)
     WHERE old_names.name <> excluded.name
       OR old_names.parent IS DISTINCT FROM COALESCE(excluded.parent, old_names.parent)
       OR old_names.number IS DISTINCT FROM COALESCE(excluded.number, old_names.number)";
const COUNT: &str = "UPDATE old_names SET articles = $3 WHERE kind = $1 AND slug = $2";

impl Store {
    /// Adds names, or says anew what they stand for.
    pub async fn keep_old_names(&self, names: &[OldName]) -> Result<(), DbError> {
        if names.is_empty() {
            return Ok(());
        }
        let batch = vec![
            Step::each(KEEP, names.iter().map(row).collect()),
            Step::each(COUNT, names.iter().map(counted).collect()),
        ];
        self.db.write(batch).await?;
        self.look_for_changes().await.map(drop)
    }

    /// Every name, the kinds together and the largest first.
    pub async fn old_names(&self) -> Result<Vec<OldName>, DbError> {
        const SQL: &str = "SELECT kind, slug, name, parent, number, articles FROM old_names
             ORDER BY kind, articles DESC, slug";
        self.db.read(SQL, vec![]).await?.into_iter().map(old_name).collect()
    }

    /// A number that grows whenever a name is new or stands for something else.
    pub fn old_names_version(&self) -> watch::Receiver<i64> {
        self.names.subscribe()
    }
}

fn row(name: &OldName) -> Vec<Value> {
    vec![
        name.kind.as_str().into(),
        name.slug.as_str().into(),
        name.name.as_str().into(),
        name.parent.clone().into(),
        name.number.and_then(|n| i64::try_from(n).ok()).into(),
        count(name),
    ]
}

fn counted(name: &OldName) -> Vec<Value> {
    vec![name.kind.as_str().into(), name.slug.as_str().into(), count(name)]
}

fn count(name: &OldName) -> Value {
    Value::from(i64::try_from(name.articles).unwrap_or(i64::MAX))
}

fn old_name(mut row: Row) -> Result<OldName, DbError> {
    let kind = row.text()?;
    Ok(OldName {
        kind: OldKind::from_word(&kind).ok_or_else(|| super::broken(kind))?,
        slug: row.text()?,
        name: row.text()?,
        parent: row.opt_text()?,
        number: row.opt_int()?.and_then(|n| u64::try_from(n).ok()),
        articles: row.int()?.max(0) as u64,
    })
}
