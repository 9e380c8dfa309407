//! The public listener: hot paths first, then a short list of the rest.

use std::{
    borrow::Cow,
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use hyper::{HeaderMap, Method, Request, StatusCode, Uri, body::Incoming, http::request::Parts};
use percent_encoding::percent_decode_str;

use super::{
    Api,
    access::{AccessLog, Asked, method_name},
    answer::{self, Answer},
    counts, feeds, host, script,
    server::Door,
    takeover::{self, Takeover},
    views,
};
use crate::{
    clock::Clock,
    config::{self, Limits},
    metrics::{Metrics, RouteMetrics},
    model::Channel,
    publish::{Document, Shelf},
    views::Views,
};

const NOTHING: &str = "There is nothing at this address; feeds are listed in /feeds.opml.\n";
const BAD_HOST: &str = "A request needs exactly one valid Host header.\n";
const LONG_URI: &str = "The address is too long.\n";

/// The door for readers, aggregators and pages.
#[derive(Clone)]
pub struct Public(Arc<Inner>);

struct Inner {
    shelf: Arc<Shelf>,
    views: Views,
    limits: Arc<ArcSwap<Limits>>,
    metrics: Arc<Metrics>,
    clock: Clock,
    takeover: Takeover,
    script: Document,
    access: AccessLog,
    routes: Routes,
}

/// One handle for each route of this listener.
struct Routes {
    document: RouteMetrics,
    script: RouteMetrics,
    feed: RouteMetrics,
    takeover: RouteMetrics,
    hit: RouteMetrics,
    pixel: RouteMetrics,
    count: RouteMetrics,
    other: RouteMetrics,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
enum Route<'a> {
    /// A ready document whose path was written with percent signs.
    Document(&'a str),
    Script,
    /// An address of before.
    Takeover,
    Feed(&'a str),
    Hit(views::Named<'a>, Channel),
    Count(counts::Asked<'a>),
    Other,
}

impl Public {
    /// A door with these features behind it, and `/views.js`.
    pub fn new(parts: &Api, settings: &config::Public) -> std::io::Result<Public> {
        let metrics = parts.metrics.clone();
        let routes = Routes {
            document: metrics.route("document"),
            script: metrics.route("script"),
            feed: metrics.route("feed"),
            takeover: metrics.route("takeover"),
            hit: metrics.route("hit"),
            pixel: metrics.route("pixel"),
            count: metrics.route("count"),
            other: metrics.route("other"),
        };
        let inner = Inner {
            shelf: parts.publisher.shelf().clone(),
            views: parts.views.clone(),
            limits: parts.limits.clone(),
            clock: parts.clock.clone(),
            access: parts.access.clone(),
            takeover: Takeover::new(&metrics),
            script: script::document(parts.clock.now(), settings)?,
            metrics,
            routes,
        };
        Ok(Public(Arc::new(inner)))
    }
}

impl Door for Public {
    fn answer_now(&self, request: &Request<Incoming>) -> Option<Answer> {
        let began = Instant::now();
        let path = request.uri().path();
        let shelved = self.0.shelf.get(path);
        let (document, route) = match &shelved {
            Some(document) => (&**document, Route::Document(path)),
            None if path == script::PATH => (&self.0.script, Route::Script),
            None => return self.0.before(request, began),
        };
        let answer = match self.0.refusal(request.headers(), request.uri()) {
            Some(refusal) => refusal,
            None => {
                let now = self.0.clock.now();
                feeds::document(request.method(), request.headers(), document, now)
            }
        };
        Some(self.0.counted((request.method(), request.headers()), route, answer, began))
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Answer> + Send + 'static {
        // Taken apart out here, so that the future holds it once: a hit's is allocated.
        let (parts, body) = request.into_parts();
        self.0.clone().answer(parts, body, peer)
    }
}

impl Inner {
    /// The answer where the address is one of before: WordPress's, or a renamed feed's.
    fn before(&self, request: &Request<Incoming>, began: Instant) -> Option<Answer> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let asked = takeover::Asked { method, uri, headers, clock: &self.clock };
        let answer = self.takeover.answer(&asked, &self.shelf, &self.views)?;
        let answer = self.refusal(headers, uri).unwrap_or(answer);
        Some(self.counted((method, headers), Route::Takeover, answer, began))
    }

    /// Counts an answer, and tells of it where the settings ask for that.
    fn counted(
        &self,
        (method, headers): (&Method, &HeaderMap),
        route: Route<'_>,
        answer: Answer,
        began: Instant,
    ) -> Answer {
        let took = began.elapsed();
        self.routes.of(route).answered(answer.status().as_u16(), took);
        if self.access.is_on() {
            self.tell(method, headers, route, &answer, took);
        }
        answer
    }

    /// What is wrong with the request whatever it asks for.
    fn refusal(&self, headers: &HeaderMap, uri: &Uri) -> Option<Answer> {
        if !host::is_valid(headers) {
            return Some(answer::text(StatusCode::BAD_REQUEST, BAD_HOST));
        }
        let length = uri.path().len() + uri.query().map_or(0, str::len);
        if length > self.limits.load().uri_bytes_max {
            self.metrics.limit_hit("uri");
            return Some(answer::text(StatusCode::URI_TOO_LONG, LONG_URI));
        }
        None
    }

    async fn answer(self: Arc<Self>, parts: Parts, body: Incoming, peer: SocketAddr) -> Answer {
        let began = Instant::now();
        // RFC 3986 §2.3: an address is the same whether its letters are encoded or not.
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let route = match &path {
            Cow::Owned(path) if self.shelf.get(path).is_some() => Route::Document(path),
            path => route(path, parts.uri.query()),
        };
        let asked = (&parts.method, &parts.headers);
        let counted = |answer: Answer| self.counted(asked, route, answer, began);
        if let Some(refusal) = self.refusal(&parts.headers, &parts.uri) {
            return counted(refusal);
        }
        counted(self.dispatch(route, &parts, body, peer).await)
    }

    #[cold]
    fn tell(
        &self,
        method: &Method,
        headers: &HeaderMap,
        route: Route<'_>,
        answer: &Answer,
        took: Duration,
    ) {
        let document = match route {
            Route::Document(path) => Some(path),
            _ => None,
        };
        let (method, name) = (method_name(method), route.name());
        let asked = Asked { listener: "public", method, route: name, document };
        self.access.write(&self.access.request_id(headers), asked, answer, took);
    }

    async fn dispatch(
        &self,
        route: Route<'_>,
        parts: &Parts,
        body: Incoming,
        peer: SocketAddr,
    ) -> Answer {
        let (method, headers) = (&parts.method, &parts.headers);
        match route {
            Route::Document(path) => match self.shelf.get(path) {
                Some(document) => feeds::document(method, headers, &document, self.clock.now()),
                None => feeds::not_found(),
            },
            Route::Script => feeds::document(method, headers, &self.script, self.clock.now()),
            Route::Feed(slug) => {
                feeds::by_accept(method, headers, &self.shelf, slug, self.clock.now())
            }
            Route::Hit(named, channel) => {
                let limits = self.limits.load_full();
                let bounds = (&*limits, &*self.metrics);
                views::hit(&self.views, bounds, (named, channel), parts, body, peer.ip()).await
            }
            Route::Count(asked) => counts::answer(&self.views, &self.metrics, parts, asked),
            // Answered before routing.
            Route::Takeover => answer::text(StatusCode::NOT_FOUND, NOTHING),
            Route::Other if parts.uri.path().starts_with("/feeds/") => feeds::not_found(),
            Route::Other => answer::text(StatusCode::NOT_FOUND, NOTHING),
        }
    }
}

impl Route<'_> {
    /// As in metrics.
    fn name(self) -> &'static str {
        match self {
            Route::Document(_) => "document",
            Route::Script => "script",
            Route::Takeover => "takeover",
            Route::Feed(_) => "feed",
            Route::Hit(_, Channel::Script) => "hit",
            Route::Hit(_, Channel::Pixel) => "pixel",
            Route::Count(_) => "count",
            Route::Other => "other",
        }
    }
}

impl Routes {
    fn of(&self, route: Route<'_>) -> &RouteMetrics {
        match route {
            Route::Document(_) => &self.document,
            Route::Script => &self.script,
            Route::Takeover => &self.takeover,
            Route::Feed(_) => &self.feed,
            Route::Hit(_, Channel::Script) => &self.hit,
            Route::Hit(_, Channel::Pixel) => &self.pixel,
            Route::Count(_) => &self.count,
            Route::Other => &self.other,
        }
    }
}

/// THE LIST of public addresses besides ready documents and those of before (`takeover.rs`).
fn route<'a>(path: &'a str, query: Option<&'a str>) -> Route<'a> {
    if let Some(rest) = path.strip_prefix("/v/") {
        return match rest.strip_suffix(".gif") {
            Some(id) => Route::Hit(views::Named::Id(id), Channel::Pixel),
            None => Route::Hit(views::Named::Id(rest), Channel::Script),
        };
    }
    if path == "/v" {
        return Route::Hit(views::Named::Query(query.unwrap_or_default()), Channel::Script);
    }
    if let Some(rest) = path.strip_prefix("/count/") {
        return Route::Count(counts::Asked::One(rest));
    }
    if path == "/count" {
        return Route::Count(counts::Asked::Many);
    }
    if path == script::PATH {
        return Route::Script;
    }
    match path.strip_prefix("/feeds/") {
        Some(slug) if !slug.contains(['.', '/']) && !slug.is_empty() => Route::Feed(slug),
        _ => Route::Other,
    }
}
