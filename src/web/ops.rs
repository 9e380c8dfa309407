//! The ops listener: host and length checked, then the table of `routes`, then counted.

use std::{
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use hyper::{
    StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
};
use tower::ServiceExt;

use super::{
    Api, Problem, StoreErrors,
    access::{Asked, REQUEST_ID, method_name},
    admission::{Turn, Turns},
    answer::{self, Answer},
    error::LimitHit,
    host,
    routes::{NAMES, router},
    server::Door,
};
use crate::metrics::RouteMetrics;

const BAD_HOST: &str = "a request needs exactly one valid Host header";
const LONG_URI: &str = "the address is too long";
const BUSY: &str = "too many requests are under way; send it again in a moment";
/// What reads or brings many articles at once, and can wait longest.
const EXPORTS: [&str; 3] = ["/api/v1/articles", "/api/v1/changes", "/api/v1/views"];
const BROKEN: &str = "something broke in jarshy; its log says what";

/// The door for the newsroom's ops, editors' tools and partners' mirrors.
#[derive(Clone)]
pub struct Ops {
    api: Arc<Api>,
    router: Router,
    routes: Arc<Vec<OpsRoute>>,
    requests: Turns,
    exports: Turns,
}

/// A route with its name in metrics and in the access log.
struct OpsRoute {
    path: &'static str,
    name: &'static str,
    metrics: RouteMetrics,
}

/// The route a request was matched to, told by the router on the way out.
#[derive(Clone)]
struct Matched(MatchedPath);

impl Ops {
    /// A door with these features behind it.
    pub fn new(api: Arc<Api>) -> Ops {
        let route = |&(path, name)| OpsRoute { path, name, metrics: api.metrics.route(name) };
        let routes = NAMES.iter().map(route).collect();
        let (router, _) = router(api.clone());
        let router = router.layer(from_fn(tell_route));
        let (requests, exports) = <(Turns, Turns)>::default();
        Ops { api, router, routes: Arc::new(routes), requests, exports }
    }

    /// The turns that a request holds while it is under way; the limit it hit where there is none.
    /// Who only watches needs none: it must be seen how busy the daemon is.
    fn turns(&self, path: &str) -> Result<Vec<Turn>, &'static str> {
        let mut turns = Vec::new();
        if path.starts_with("/api/") {
            let limits = self.api.limits.load();
            turns.push(self.requests.take(limits.api_requests_max).ok_or("api_requests")?);
            if EXPORTS.contains(&path) {
                turns.push(self.exports.take(limits.exports_max).ok_or("exports")?);
            }
        }
        Ok(turns)
    }

    fn refusal(&self, request: &Request<Incoming>) -> Option<Answer> {
        if !host::is_valid(request.headers()) {
            return Some(problem(StatusCode::BAD_REQUEST, BAD_HOST));
        }
        let length = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
        if length > self.api.limits.load().uri_bytes_max {
            self.api.metrics.limit_hit("uri");
            return Some(problem(StatusCode::URI_TOO_LONG, LONG_URI));
        }
        None
    }

    async fn routed(&self, request: Request<Incoming>) -> Answer {
        let answer = self.router.clone().oneshot(request.map(Body::new));
        // A panic of a handler is a bug, and still no reason to cut the connection.
        let answer = tokio::spawn(answer).await;
        match answer {
            Ok(Ok(answer)) => answer::routed(answer),
            Ok(Err(never)) => match never {},
            Err(error) => {
                tracing::error!(%error, "a handler panicked");
                problem(StatusCode::INTERNAL_SERVER_ERROR, BROKEN)
            }
        }
    }

    /// Counts an answer; answers the name of its route.
    fn count(&self, answer: &Answer, took: Duration) -> &'static str {
        let matched = answer.extensions().get::<Matched>();
        let path = matched.map_or("", |m| m.0.as_str());
        let route = self.routes.iter().find(|known| known.path == path).or(self.routes.last());
        if let Some(route) = route {
            route.metrics.answered(answer.status().as_u16(), took);
        }
        if let Some(StoreErrors(errors)) = answer.extensions().get() {
            self.api.metrics.store_errors.inc_by(*errors);
        }
        if let Some(LimitHit(limit)) = answer.extensions().get() {
            self.api.metrics.limit_hit(limit);
        }
        route.map_or("", |route| route.name)
    }

    /// Tells the caller what its request is called, and the access log what became of it.
    fn tell(&self, id: HeaderValue, method: &'static str, began: Instant, answer: &mut Answer) {
        let took = began.elapsed();
        let route = self.count(answer, took);
        if self.api.access.is_on() {
            let asked = Asked { listener: "ops", method, route, document: None };
            self.api.access.write(&id, asked, answer, took);
        }
        answer.headers_mut().insert(REQUEST_ID, id);
    }
}

impl Door for Ops {
    fn answer_now(&self, _: &Request<Incoming>) -> Option<Answer> {
        None
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        _: SocketAddr,
    ) -> impl Future<Output = Answer> + Send + 'static {
        let door = self.clone();
        async move {
            let began = Instant::now();
            let id = door.api.access.request_id(request.headers());
            let method = method_name(request.method());
            let mut answer = match door.refusal(&request) {
                Some(refusal) => refusal,
                None => match door.turns(request.uri().path()) {
                    Err(limit) => busy(limit),
                    Ok(turns) => {
                        let answer = door.routed(request).await;
                        drop(turns);
                        answer
                    }
                },
            };
            door.tell(id, method, began, &mut answer);
            answer
        }
    }
}

fn busy(limit: &'static str) -> Answer {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, BUSY).for_limit(limit);
    let after = (header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer::routed(problem.with(after.0, after.1).into_response())
}

fn problem(status: StatusCode, detail: &str) -> Answer {
    answer::routed(Problem::new(status, detail).into_response())
}

async fn tell_route(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(matched) = matched {
        response.extensions_mut().insert(Matched(matched));
    }
    response
}
