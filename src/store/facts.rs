//! Single facts that must outlive a run, such as the site whose ids a prefix stands for.

use super::{Store, db::Step, error::DbError, value::Row};

impl Store {
    /// The value of a fact.
    pub async fn fact(&self, name: &str) -> Result<Option<String>, DbError> {
        const SQL: &str = "SELECT value FROM facts WHERE name = $1";
        let mut rows = self.db.read(SQL, vec![name.into()]).await?;
        rows.first_mut().map(Row::text).transpose()
    }

    /// Sets a fact, whatever it was before.
    pub async fn set_fact(&self, name: &str, value: &str) -> Result<(), DbError> {
        self.db.write(vec![set(name, value)]).await.map(drop)
    }

    /// Writes a fact that nobody wrote before, and returns the one that stands now.
    pub async fn claim_fact(&self, name: &str, value: &str) -> Result<String, DbError> {
        const SQL: &str =
            "INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        self.db.write(vec![Step::new(SQL, vec![name.into(), value.into()])]).await?;
        Ok(self.fact(name).await?.unwrap_or_else(|| value.to_owned()))
    }
}

/// The step of a write that sets a fact.
pub(super) fn set(name: &str, value: &str) -> Step {
    const SQL: &str = "INSERT INTO facts (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    Step::new(SQL, vec![name.into(), value.into()])
}
