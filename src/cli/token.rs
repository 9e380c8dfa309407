//! `jarshy token`: tokens of the API. A token is shown once, when it is made.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{Failure, Listeners, Which, say};
use crate::{
    clock::Clock,
    config::parse_duration,
    model::Millis,
    store::{Scope, Store, Token, split_token},
};

/// Creates, lists or revokes tokens of the API.
#[derive(Args, Debug)]
pub struct TokenArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and show it, once
    Create {
        /// What it may do
        #[arg(long, value_enum)]
        scope: ScopeWord,
        /// Who uses it
        #[arg(long)]
        name: Option<String>,
        /// When it ends, such as 90d [default: never]
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// List tokens, without their secrets
    List {
        /// Write JSON
        #[arg(long)]
        json: bool,
    },
    /// End a token at once
    Revoke {
        /// Its id, or the token itself
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScopeWord {
    Read,
    Write,
    Admin,
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Scope {
        match word {
            ScopeWord::Read => Scope::Read,
            ScopeWord::Write => Scope::Write,
            ScopeWord::Admin => Scope::Admin,
        }
    }
}

/// Runs the command.
pub async fn run(which: &Which, args: TokenArgs) -> Result<(), Failure> {
    let now = Clock::system().now();
    match args.action {
        Action::Create { scope, name, expires, json } => {
            let expires_at = expires.map(|after| now.plus(after.as_millis() as i64));
            // A token may be made before the daemon runs for the first time.
            let store = Store::open(&which.settings(&Listeners::default())?.store).await?;
            create(&store, scope.into(), name, expires_at, now, json).await
        }
        Action::List { json } => list(&which.open_store().await?.1, now, json).await,
        Action::Revoke { id } => revoke(&which.open_store().await?.1, &id, now).await,
    }
}

async fn create(
    store: &Store,
    scope: Scope,
    name: Option<String>,
    expires_at: Option<Millis>,
    now: Millis,
    json: bool,
) -> Result<(), Failure> {
    if expires_at == Some(now) {
        return Err(Failure::input(
            "a token that expires at once is of no use; write --expires 90d",
        ));
    }
    let token = store.create_token(scope, name, expires_at, now).await?;
    if json {
        let expires_at = expires_at.map(Millis::to_rfc3339);
        let scope = scope.as_str();
        return say(json!({
            "id": token.id, "token": token.text, "scope": scope, "expires_at": expires_at,
        }));
    }
    // Nothing but the token, so that a script can take it.
    say(token.text)
}

async fn list(store: &Store, now: Millis, json: bool) -> Result<(), Failure> {
    let tokens = store.tokens().await?;
    if json {
        return say(serde_json::Value::from_iter(tokens.iter().map(|token| as_json(token, now))));
    }
    if tokens.is_empty() {
        return say("there are no tokens; make one with `jarshy token create --scope read`");
    }
    say(format!(
        "{:<12} {:<6} {:<8} {:<25} {:<25} NAME",
        "ID", "SCOPE", "STATE", "CREATED", "EXPIRES"
    ))?;
    for token in tokens {
        let end = token.expires_at.map_or_else(|| "never".into(), Millis::to_rfc3339);
        say(format!(
            "{:<12} {:<6} {:<8} {:<25} {end:<25} {}",
            token.id,
            token.scope.as_str(),
            state(&token, now),
            token.created_at.to_rfc3339(),
            token.name.as_deref().unwrap_or("-"),
        ))?;
    }
    Ok(())
}

fn state(token: &Token, now: Millis) -> &'static str {
    match token.revoked_at {
        Some(_) => "revoked",
        None if token.is_valid(now) => "valid",
        None => "expired",
    }
}

fn as_json(token: &Token, now: Millis) -> serde_json::Value {
    json!({
        "id": token.id,
        "scope": token.scope.as_str(),
        "name": token.name,
        "state": state(token, now),
        "created_at": token.created_at.to_rfc3339(),
        "expires_at": token.expires_at.map(Millis::to_rfc3339),
        "revoked_at": token.revoked_at.map(Millis::to_rfc3339),
    })
}

async fn revoke(store: &Store, id: &str, now: Millis) -> Result<(), Failure> {
    let id = split_token(id).map_or(id, |(id, _)| id);
    if !store.revoke_token(id, now).await? {
        return Err(Failure::input(format!(
            "there is no token `{id}`; `jarshy token list` shows them"
        )));
    }
    say(format!("the token {id} is revoked"))
}
