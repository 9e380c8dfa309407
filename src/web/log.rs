//! The level of the log while the daemon runs: `GET /api/v1/log`, `PUT /api/v1/log`. What the
//! settings say comes back after a while, with a reload, or with a restart.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{Api, CanAdmin, CanRead, NoQuery, Problem, read_body};
use crate::{
    clock::Clock,
    config::{parse_duration, parse_log_level},
    model::Millis,
};

const JSON: &str = "application/json";

/// The level of this process's log; clones are the same one.
#[derive(Clone)]
pub struct LogLevel(Arc<Inner>);

type SetLevel = dyn Fn(&str) -> Result<(), String> + Send + Sync;

struct Inner {
    set: Box<SetLevel>,
    levels: Mutex<Levels>,
    changed: Notify,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Levels {
    /// As the settings say.
    settings: String,
    /// As it is.
    level: String,
    /// When the one of the settings comes back.
    until: Option<Millis>,
}

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogLevel").field(&*self.0.lock()).finish()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogLevel {
    /// A log that is at `level`, and `set` moves it to another; `set` is told only what
    /// [`parse_log_level`] takes.
    pub fn new(
        level: &str,
        set: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static,
    ) -> LogLevel {
        let levels = Levels { settings: level.to_owned(), level: level.to_owned(), until: None };
        let (set, levels) = (Box::new(set), Mutex::new(levels));
        LogLevel(Arc::new(Inner { set, levels, changed: Notify::new() }))
    }

    /// Follows the settings; what was set meanwhile ends.
    pub fn follow(&self, level: &str) -> Result<(), String> {
        let mut levels = self.0.lock();
        (self.0.set)(level)?;
        *levels = Levels { settings: level.to_owned(), level: level.to_owned(), until: None };
        drop(levels);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Another level, until a time or until the settings are followed again.
    fn change(&self, level: String, until: Option<Millis>) -> Result<(), String> {
        let mut levels = self.0.lock();
        (self.0.set)(&level)?;
        tracing::warn!(level, until = until.map(Millis::to_rfc3339), "the log has another level");
        *levels = Levels { level, until, ..levels.clone() };
        drop(levels);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Goes back to the settings' level when its time has come, until `stop`.
    pub async fn run(self, clock: Clock, stop: CancellationToken) {
        loop {
            let until = self.0.lock().until;
            let over = async {
                match until {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.changed.notified() => {}
                () = over => self.end(clock.now()),
            }
        }
    }

    fn end(&self, now: Millis) {
        let mut levels = self.0.lock();
        if levels.until.is_none_or(|until| until > now) {
            return;
        }
        match (self.0.set)(&levels.settings) {
            Ok(()) => tracing::info!(level = levels.settings, "the log has its own level again"),
            Err(error) => tracing::error!(error, "the log does not go back to its own level"),
        }
        *levels = Levels { level: levels.settings.clone(), until: None, ..levels.clone() };
    }

    fn shown(&self) -> LogJson {
        let Levels { settings, level, until } = self.0.lock().clone();
        LogJson { level, settings, until: until.map(Millis::to_rfc3339) }
    }
}

/// The level of the log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Log)]
pub(super) struct LogJson {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or a filter such as
    /// `info,jarshy::views=debug`.
    level: String,
    /// What the settings say.
    settings: String,
    /// When the level of the settings comes back; missing when it is there, or comes back with a
    /// reload.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// Another level of the log.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LogChange)]
pub(super) struct Change {
    /// A level or a filter, as `log.level` of the settings takes it.
    level: String,
    /// For how long, such as `10m`; without it until the next reload or restart.
    #[serde(default, rename = "for")]
    duration: Option<String>,
}

/// How much the log says.
#[utoipa::path(get, path = "/api/v1/log", tag = "log", operation_id = "log_get",
    responses((status = 200, description = "The level as it is", body = LogJson)))]
pub(super) async fn get(State(api): State<Arc<Api>>, _: CanRead, _: NoQuery) -> Json<LogJson> {
    Json(api.log.shown())
}

/// Let the log say more or less, for a while.
#[utoipa::path(put, path = "/api/v1/log", tag = "log", operation_id = "log_put",
    request_body(content_type = "application/json", content = Change),
    responses((status = 200, description = "The level as it is now", body = LogJson),
        (status = 422, description = "The level or the time is wrong")))]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    _: CanAdmin,
    _: NoQuery,
    request: Request,
) -> Result<Json<LogJson>, Problem> {
    let body = read_body(request, &api.limits.load(), &[JSON]).await?;
    let change: Change = serde_json::from_slice(&body).map_err(|e| malformed(&e))?;
    let wrong = |field: &str, why: String| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("`{field}`: {why}")).about(field)
    };
    let level = parse_log_level(&change.level).map_err(|why| wrong("level", why))?;
    let until = match &change.duration {
        Some(text) => {
            let time = parse_duration(text).map_err(|why| wrong("for", why))?;
            Some(api.clock.now().plus(time.as_millis() as i64))
        }
        None => None,
    };
    api.log.change(level, until).map_err(|why| wrong("level", why))?;
    Ok(Json(api.log.shown()))
}

fn malformed(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is not {{\"level\": …, \"for\": …}}: {error}");
    let status = match error.classify() {
        serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, detail)
}
