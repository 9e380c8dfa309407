//! Tokens of the API: who may read, write, administer.
//!
//! A token is `jsy_<id>_<secret>`. The secret has 256 bits of its own, so its SHA-256 is enough;
//! it is shown once, never stored and never logged.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Store, db::Step, error::DbError, value::Row};
use crate::model::Millis;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const ID_LETTERS: usize = 10;
/// 62⁴³ is just more than 2²⁵⁶.
const SECRET_LETTERS: usize = 43;
/// Tokens that a list shows at most, revoked ones among them.
const TOKENS_MAX: usize = 10_000;

/// What a token may do; a greater one may all that a lesser one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Look.
    Read,
    /// Bring and withdraw articles.
    Write,
    /// Everything, such as running jobs.
    Admin,
}

impl Scope {
    /// All of them, the least first.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Admin];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Admin => "admin",
        }
    }

    /// The scope a word stands for.
    pub fn from_word(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// A token just made: the only time its secret is seen.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Names it in lists and logs.
    pub id: String,
    /// `jsy_<id>_<secret>`: for whoever shall use it, and nobody else.
    pub text: String,
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewToken {{ id: {:?}, text: (secret) }}", self.id)
    }
}

/// A token as the store knows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Names it in lists and logs.
    pub id: String,
    /// What it may do.
    pub scope: Scope,
    /// Who uses it, as its maker wrote.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends; `None` is never.
    pub expires_at: Option<Millis>,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    secret_hash: Vec<u8>,
}

impl Token {
    /// True when `secret` is this token's; takes the same time whatever it is.
    pub fn has_secret(&self, secret: &str) -> bool {
        self.secret_hash.ct_eq(&hash_of(secret)).into()
    }

    /// True when it is neither revoked nor expired.
    pub fn is_valid(&self, now: Millis) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, scope) = (&self.id, self.scope.as_str());
        write!(f, "Token {{ id: {id:?}, scope: {scope}, name: {:?} }}", self.name)
    }
}

impl Store {
    /// Makes a token; on disk when this returns.
    pub async fn create_token(
        &self,
        scope: Scope,
        name: Option<String>,
        expires_at: Option<Millis>,
        now: Millis,
    ) -> Result<NewToken, DbError> {
        const SQL: &str =
            "INSERT INTO tokens (id, secret_hash, scope, name, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)";
        let (id, secret) = (letters(ID_LETTERS)?, letters(SECRET_LETTERS)?);
        let row = vec![
            id.as_str().into(),
            hash_of(&secret).into(),
            scope.as_str().into(),
            name.into(),
            now.into(),
            expires_at.into(),
        ];
        self.db.write(vec![Step::new(SQL, row).want(1)]).await?;
        let text = format!("jsy_{id}_{secret}");
        Ok(NewToken { id, text })
    }

    /// All tokens, the newest first, revoked and expired ones too.
    pub async fn tokens(&self) -> Result<Vec<Token>, DbError> {
        const SQL: &str = "SELECT id, scope, name, created_at, expires_at, revoked_at, secret_hash
             FROM tokens ORDER BY created_at DESC, id LIMIT $1";
        let rows = self.db.read(SQL, vec![TOKENS_MAX.into()]).await?;
        rows.into_iter().map(token).collect()
    }

    /// The token of this id, revoked or not.
    pub async fn find_token(&self, id: &str) -> Result<Option<Token>, DbError> {
        const SQL: &str = "SELECT id, scope, name, created_at, expires_at, revoked_at, secret_hash
             FROM tokens WHERE id = $1";
        let rows = self.db.read(SQL, vec![id.into()]).await?;
        rows.into_iter().next().map(token).transpose()
    }

    /// Ends a token from the next request on. False when there is none of this id; one that is
    /// revoked already keeps its time.
    pub async fn revoke_token(&self, id: &str, now: Millis) -> Result<bool, DbError> {
        const SQL: &str = "UPDATE tokens SET revoked_at = COALESCE(revoked_at, $2)
             WHERE id = $1 RETURNING id";
        let returned = self.db.write(vec![Step::new(SQL, vec![id.into(), now.into()])]).await?;
        Ok(returned.first().is_some_and(|rows| !rows.is_empty()))
    }
}

/// Takes `jsy_<id>_<secret>` apart; `None` when it cannot be a token.
pub fn split_token(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix("jsy_")?.split_once('_')?;
    let good = |part: &str| {
        (1..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    (good(id) && good(secret)).then_some((id, secret))
}

fn hash_of(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Random letters, each of the 62 as likely.
fn letters(count: usize) -> Result<String, DbError> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut random = [0u8; 64];
        getrandom::fill(&mut random)
            .map_err(|e| DbError::Failed(format!("the system gives no random numbers: {e}")))?;
        // 248 is the greatest multiple of 62 within a byte.
        let fair = random.iter().filter(|b| **b < 248).map(|b| ALPHABET[usize::from(b % 62)]);
        text.extend(fair.map(char::from).take(count - text.len()));
    }
    Ok(text)
}

fn token(mut row: Row) -> Result<Token, DbError> {
    let id = row.text()?;
    let word = row.text()?;
    let scope = Scope::from_word(&word)
        .ok_or_else(|| DbError::Failed(format!("token {id} has the unknown scope `{word}`")))?;
    Ok(Token {
        id,
        scope,
        name: row.opt_text()?,
        created_at: row.time()?,
        expires_at: row.opt_time()?,
        revoked_at: row.opt_time()?,
        secret_hash: row.bytes()?,
    })
}
