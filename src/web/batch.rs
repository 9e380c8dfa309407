//! Many articles in one request, each taken or refused on its own, a result per line.

use std::{fmt, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Api, CanWrite, NoQuery, Problem, StoreErrors, read_body};
use crate::ingest::{
    Candidate, Outcome, Refusal, Taken,
    article_json::{candidate_from_value, parse_json},
};

const KINDS: [&str; 3] = ["application/json", "application/x-ndjson", "application/ndjson"];
/// Articles of one request.
const ARTICLES_MAX: usize = 10_000;

/// What became of one article of many; one JSON object a line.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchLine {
    /// The line of the article in the request, or its place in the array; the first is 1.
    line: usize,
    /// The article's id, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The HTTP status it would have had on its own.
    status: u16,
    /// `created`, `changed`, `unchanged` or `refused`.
    outcome: &'static str,
    /// The revision it stands at.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<i64>,
    /// The field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What cleaning took out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<RemovalJson>,
}

/// What cleaning took out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Removal)]
struct RemovalJson {
    /// Its name.
    what: String,
    /// How often.
    count: usize,
}

/// Create or replace many articles.
///
/// A JSON array, or one article a line. Each needs an `id` and is taken or refused on its own.
#[utoipa::path(post, path = "/api/v1/articles", tag = "articles", operation_id = "article_post",
    request_body(content(
        (ref("#/components/schemas/ArticlesOfMany") = "application/json"),
        (ref("#/components/schemas/ArticleOfMany") = "application/x-ndjson"))),
    responses((status = 200, description = "A result per line, in the order of the request",
        body = BatchLine, content_type = "application/x-ndjson")))]
pub(super) async fn post(
    State(api): State<Arc<Api>>,
    caller: CanWrite,
    _: NoQuery,
    request: Request,
) -> Result<Response, Problem> {
    let body = read_body(request, &api.limits.load(), &KINDS).await?;
    let mut lines: Vec<BatchLine> = Vec::new();
    let (mut candidates, mut places) = (Vec::new(), Vec::new());
    for (line, read) in articles(&body)? {
        let id = read.as_ref().ok().and_then(id_of);
        match read.and_then(|value| candidate_from_value(value, None)) {
            Err(refusal) => lines.push(refused(line, id, &refusal.into())),
            Ok(candidate) => {
                places.push((line, candidate.id.to_string()));
                candidates.push(candidate);
            }
        }
    }
    let failures = take(&api, &caller, candidates, places, &mut lines).await;
    Ok(answer(lines, failures))
}

/// Takes what could be read; answers how often the store failed.
async fn take(
    api: &Api,
    caller: &CanWrite,
    candidates: Vec<Candidate>,
    places: Vec<(usize, String)>,
    lines: &mut Vec<BatchLine>,
) -> u64 {
    let mut failures = Vec::new();
    let answers = api.intake.take_many(candidates, &caller.origin()).await;
    for ((line, id), answer) in places.into_iter().zip(answers) {
        match answer {
            Ok(done) => lines.push(taken(line, id, done)),
            Err(refusal) => {
                let problem = Problem::from(refusal);
                lines.push(refused(line, Some(id), &problem));
                failures.extend(problem.store_error().cloned());
            }
        }
    }
    if let Some(error) = failures.last() {
        tracing::error!(%error, articles = failures.len(), "the store failed");
    }
    failures.len() as u64
}

fn answer(mut lines: Vec<BatchLine>, failures: u64) -> Response {
    lines.sort_by_key(|l| l.line);
    let mut body = Vec::new();
    for line in &lines {
        // Strings and numbers: serde_json cannot fail on these.
        body.extend(serde_json::to_vec(line).unwrap_or_default());
        body.push(b'\n');
    }
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    let mut response = (StatusCode::OK, kind, body).into_response();
    if failures > 0 {
        response.extensions_mut().insert(StoreErrors(failures));
    }
    response
}

type Read = (usize, Result<Value, Refusal>);

/// The articles of a body: of an array all or none, of lines each on its own.
fn articles(body: &[u8]) -> Result<Vec<Read>, Problem> {
    let array = body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'[');
    if array {
        let array: Array = serde_json::from_slice(body).map_err(|e| {
            Problem::new(StatusCode::BAD_REQUEST, format!("this is not a JSON array: {e}"))
        })?;
        return Ok((1..).zip(array.0.into_iter().map(Ok)).collect());
    }
    // One article may stand on many lines, as people write it.
    if let Ok(one) = parse_json(body) {
        return Ok(vec![(1, Ok(one))]);
    }
    let lines = (1..).zip(body.split(|b| *b == b'\n'));
    let mut full = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    let read = |(at, line)| (at, parse_json(line));
    let articles: Vec<Read> = full.by_ref().take(ARTICLES_MAX).map(read).collect();
    match (articles.is_empty(), full.next()) {
        (_, Some(_)) => Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, too_many())),
        (true, None) => {
            let detail = "the body is empty: send a JSON array of articles, or one a line";
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
        (false, None) => Ok(articles),
    }
}

fn too_many() -> String {
    format!("more than {ARTICLES_MAX} articles: send fewer at a time")
}

/// An array of bounded length.
struct Array(Vec<Value>);

impl<'de> Deserialize<'de> for Array {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Array, D::Error> {
        deserializer.deserialize_seq(ArrayVisitor)
    }
}

struct ArrayVisitor;

impl<'de> Visitor<'de> for ArrayVisitor {
    type Value = Array;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of articles")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Array, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            if values.len() == ARTICLES_MAX {
                return Err(serde::de::Error::custom(too_many()));
            }
            values.push(value);
        }
        Ok(Array(values))
    }
}

/// The id as the client wrote it, so that a refusal can be found again.
fn id_of(value: &Value) -> Option<String> {
    value.get("id")?.as_str().map(|id| id.chars().take(100).collect())
}

fn taken(line: usize, id: String, taken: Taken) -> BatchLine {
    let status = match taken.outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Changed | Outcome::Unchanged | Outcome::Withheld => StatusCode::OK,
    };
    let removed = taken.removed.into_iter();
    BatchLine {
        line,
        id: Some(id),
        status: status.as_u16(),
        outcome: taken.outcome.as_str(),
        revision: Some(taken.stored.revision),
        field: None,
        detail: None,
        removed: removed.map(|r| RemovalJson { what: r.what, count: r.count }).collect(),
    }
}

fn refused(line: usize, id: Option<String>, problem: &Problem) -> BatchLine {
    BatchLine {
        line,
        id,
        status: problem.status().as_u16(),
        outcome: "refused",
        revision: None,
        field: problem.field().map(str::to_owned),
        detail: Some(problem.detail().to_owned()),
        removed: Vec::new(),
    }
}
