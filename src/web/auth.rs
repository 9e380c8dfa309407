//! Who may do what: bearer tokens (RFC 6750) and their scopes.
//!
//! A route takes [`CanRead`], [`CanWrite`] or [`CanAdmin`] as an argument and cannot be reached
//! without. Every request asks the store, so that a revoked token ends at once; nothing is cached
//! and no token is logged.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
};

use super::{Api, Problem};
use crate::{
    ingest::Origin,
    store::{Scope, split_token},
};

macro_rules! scope_extractor {
    ($(#[$doc:meta])* $name:ident, $scope:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            /// The id of the caller's token.
            pub token: String,
        }

        impl FromRequestParts<Arc<Api>> for $name {
            type Rejection = Problem;

            async fn from_request_parts(
                parts: &mut Parts,
                api: &Arc<Api>,
            ) -> Result<$name, Problem> {
                Ok($name { token: token_of(&parts.headers, api, $scope).await? })
            }
        }
    };
}

scope_extractor! {
    /// The caller may look.
    CanRead, Scope::Read
}
scope_extractor! {
    /// The caller may bring and withdraw articles.
    CanWrite, Scope::Write
}
scope_extractor! {
    /// The caller may do everything.
    CanAdmin, Scope::Admin
}

impl CanWrite {
    /// Who brings the article.
    pub(super) fn origin(&self) -> Origin {
        Origin::Api { by: self.token.clone() }
    }
}

/// The id of the caller's token, if that may do what `need` says.
async fn token_of(headers: &HeaderMap, api: &Api, need: Scope) -> Result<String, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = given.next() else {
        let detail = "this needs a token: send `Authorization: Bearer jsy_…`, made by \
                      `jarshy token create`";
        return Err(unauthorized(detail, "Bearer"));
    };
    let text = given.next().is_none().then(|| bearer(first)).flatten();
    let Some((id, secret)) = text.and_then(split_token) else {
        return Err(invalid_token(
            "this is not a token; one looks like `Bearer jsy_<id>_<secret>`",
        ));
    };
    let token = api.store.find_token(id).await?;
    let token = token.filter(|t| t.has_secret(secret) && t.is_valid(api.clock.now()));
    let Some(token) = token else {
        return Err(invalid_token("this token is unknown, revoked or expired"));
    };
    if token.scope < need {
        return Err(insufficient(token.scope, need));
    }
    Ok(token.id)
}

/// The token of `Bearer <token>`; the scheme is written in any case (RFC 9110 §11.1).
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn invalid_token(detail: &str) -> Problem {
    unauthorized(detail, "Bearer error=\"invalid_token\"")
}

fn unauthorized(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

fn insufficient(has: Scope, need: Scope) -> Problem {
    let challenge = match need {
        Scope::Read => "Bearer error=\"insufficient_scope\", scope=\"read\"",
        Scope::Write => "Bearer error=\"insufficient_scope\", scope=\"write\"",
        Scope::Admin => "Bearer error=\"insufficient_scope\", scope=\"admin\"",
    };
    let (has, need) = (has.as_str(), need.as_str());
    let detail = format!("this token has the scope `{has}`, this needs `{need}`");
    Problem::new(StatusCode::FORBIDDEN, detail)
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
