//! The jobs, and running one now: `GET /api/v1/jobs`, `POST /api/v1/jobs/{name}/run`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Api, CanRead, CanWrite, NoQuery, Problem};
use crate::{
    jobs::{JobOutcome, JobState, RunError},
    store::JobRun,
};

/// Every job, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Jobs {
    jobs: Vec<JobJson>,
}

/// A job as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
struct JobJson {
    name: String,
    /// A cron expression, read in the site's time zone.
    schedule: String,
    due_at: Option<String>,
    running_since: Option<String>,
    /// Ticks that were dropped since the start, as a run waited already.
    dropped_ticks: u64,
    /// Missing before the first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<RunJson>,
}

/// A run that ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobRun)]
struct RunJson {
    started_at: String,
    ended_at: Option<String>,
    /// `success`, `failure`, `panic`, `timeout` or `skipped`; missing for one that was cut off.
    result: Option<String>,
    note: Option<String>,
    last_success_at: Option<String>,
}

/// What a run came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobOutcome)]
pub(super) struct OutcomeJson {
    name: String,
    /// `success`, `failure`, `panic`, `timeout` or `skipped`.
    result: &'static str,
    seconds: f64,
    ended_at: String,
    /// What it did, or why it failed.
    note: String,
}

impl From<JobState> for JobJson {
    fn from(state: JobState) -> JobJson {
        JobJson {
            name: state.name,
            schedule: state.schedule,
            due_at: state.next_due.map(|at| at.to_rfc3339()),
            running_since: state.running_since.map(|at| at.to_rfc3339()),
            dropped_ticks: state.dropped_ticks,
            last_run: state.last.map(RunJson::from),
        }
    }
}

impl From<JobRun> for RunJson {
    fn from(run: JobRun) -> RunJson {
        RunJson {
            started_at: run.started_at.to_rfc3339(),
            ended_at: run.ended_at.map(|at| at.to_rfc3339()),
            result: run.result,
            note: run.note,
            last_success_at: run.last_success_at.map(|at| at.to_rfc3339()),
        }
    }
}

impl From<JobOutcome> for OutcomeJson {
    fn from(outcome: JobOutcome) -> OutcomeJson {
        OutcomeJson {
            name: outcome.name,
            result: outcome.result.as_str(),
            seconds: outcome.seconds,
            ended_at: outcome.ended_at.to_rfc3339(),
            note: outcome.note,
        }
    }
}

/// Every job with its schedule and last run.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", operation_id = "job_list",
    responses((status = 200, description = "Every job by name", body = Jobs)))]
pub(super) async fn list(State(api): State<Arc<Api>>, _: CanRead, _: NoQuery) -> Json<Jobs> {
    Json(Jobs { jobs: api.jobs.list().into_iter().map(JobJson::from).collect() })
}

/// Run a job now, and wait for it.
#[utoipa::path(post, path = "/api/v1/jobs/{name}/run", tag = "jobs", operation_id = "job_run",
    params(("name" = String, Path, description = "The job")),
    responses((status = 200, description = "It ran; the result says how", body = OutcomeJson)))]
pub(super) async fn run(
    State(api): State<Arc<Api>>,
    _: CanWrite,
    Path(name): Path<String>,
    _: NoQuery,
) -> Result<Json<OutcomeJson>, Problem> {
    Ok(Json(OutcomeJson::from(api.jobs.run_now(&name).await?)))
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Problem {
        let detail = error.to_string();
        match error {
            RunError::Unknown(_) => Problem::new(StatusCode::NOT_FOUND, detail).about("name"),
            RunError::Stopped | RunError::Busy => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
                    .with(header::RETRY_AFTER, HeaderValue::from_static("1"))
            }
        }
    }
}
