//! What goes into and comes out of a statement.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use super::error::DbError;
use crate::model::Millis;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// DOUBLE PRECISION.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BYTEA.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<u64> for Value {
    /// Counts stay far below 2⁶³.
    fn from(value: u64) -> Value {
        Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Value::from(value as u64)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Int(value.into())
    }
}

impl From<Millis> for Value {
    fn from(value: Millis) -> Value {
        Value::Int(value.0)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Bytes(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

impl FromSql for Value {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Value> {
        Ok(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(value) => Value::Int(value),
            ValueRef::Real(value) => Value::Real(value),
            ValueRef::Text(value) => Value::Text(String::from_utf8_lossy(value).into_owned()),
            ValueRef::Blob(value) => Value::Bytes(value.to_vec()),
        })
    }
}

/// One row, read from left to right.
#[derive(Debug)]
pub struct Row {
    values: std::vec::IntoIter<Value>,
}

impl Row {
    /// A row of these values.
    pub fn new(values: Vec<Value>) -> Row {
        Row { values: values.into_iter() }
    }

    /// The next column, whatever it holds.
    pub fn value(&mut self) -> Result<Value, DbError> {
        self.values.next().ok_or_else(|| DbError::Failed("a row has too few columns".into()))
    }

    /// The next column as a number that may be missing.
    pub fn opt_int(&mut self) -> Result<Option<i64>, DbError> {
        match self.value()? {
            Value::Int(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            other => Err(unexpected("a number", &other)),
        }
    }

    /// The next column as a number.
    pub fn int(&mut self) -> Result<i64, DbError> {
        self.opt_int()?.ok_or_else(|| unexpected("a number", &Value::Null))
    }

    /// The next column as text that may be missing.
    pub fn opt_text(&mut self) -> Result<Option<String>, DbError> {
        match self.value()? {
            Value::Text(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            other => Err(unexpected("text", &other)),
        }
    }

    /// The next column as text.
    pub fn text(&mut self) -> Result<String, DbError> {
        self.opt_text()?.ok_or_else(|| unexpected("text", &Value::Null))
    }

    /// The next column as bytes that may be missing.
    pub fn opt_bytes(&mut self) -> Result<Option<Vec<u8>>, DbError> {
        match self.value()? {
            Value::Bytes(value) => Ok(Some(value)),
            Value::Null => Ok(None),
            other => Err(unexpected("bytes", &other)),
        }
    }

    /// The next column as bytes.
    pub fn bytes(&mut self) -> Result<Vec<u8>, DbError> {
        self.opt_bytes()?.ok_or_else(|| unexpected("bytes", &Value::Null))
    }

    /// The next column as a time that may be missing.
    pub fn opt_time(&mut self) -> Result<Option<Millis>, DbError> {
        Ok(self.opt_int()?.map(Millis))
    }

    /// The next column as a time.
    pub fn time(&mut self) -> Result<Millis, DbError> {
        Ok(Millis(self.int()?))
    }
}

fn unexpected(wanted: &str, found: &Value) -> DbError {
    let found = match found {
        Value::Null => "NULL",
        Value::Int(_) => "a number",
        Value::Real(_) => "a real number",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    };
    DbError::Failed(format!("a column holds {found} instead of {wanted}"))
}
