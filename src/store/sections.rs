//! Which sections the articles of a data folder have, for commands that change nothing.

use std::path::Path;

use super::{database_path, db::open_reader, error::DbError};

/// Every section that an article has, of a data folder that is neither made nor brought up to date;
/// none when it holds no database.
pub fn sections_in(data: &Path) -> Result<Vec<String>, DbError> {
    const SQL: &str =
        "SELECT DISTINCT s.value FROM articles a, json_each(a.sections) s LIMIT 10000";
    let path = database_path(data);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let connection = open_reader(&path)?;
    let mut statement = connection.prepare(SQL)?;
    let sections = statement.query_map([], |row| row.get(0))?;
    Ok(sections.collect::<Result<_, _>>()?)
}
