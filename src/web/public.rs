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
    access::{AccessLog, Asked, method_name},
    answer::{self, Answer},
    feeds, host,
    server::Door,
    views,
};
use crate::{
    clock::Clock,
    config::Limits,
    metrics::{Metrics, RouteMetrics},
    model::Channel,
    publish::Shelf,
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
    access: AccessLog,
    routes: Routes,
}

/// One handle for each route of this listener.
struct Routes {
    document: RouteMetrics,
    feed: RouteMetrics,
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
    Feed(&'a str),
    Hit(views::Named<'a>, Channel),
    Count(&'a str),
    Other,
}

impl Public {
    /// A door with these features behind it.
    pub fn new(
        shelf: Arc<Shelf>,
        views: Views,
        limits: Arc<ArcSwap<Limits>>,
        metrics: Arc<Metrics>,
        clock: Clock,
        access: AccessLog,
    ) -> Public {
        let routes = Routes {
            document: metrics.route("document"),
            feed: metrics.route("feed"),
            hit: metrics.route("hit"),
            pixel: metrics.route("pixel"),
            count: metrics.route("count"),
            other: metrics.route("other"),
        };
        Public(Arc::new(Inner { shelf, views, limits, metrics, clock, access, routes }))
    }
}

impl Door for Public {
    fn answer_now(&self, request: &Request<Incoming>) -> Option<Answer> {
        let began = Instant::now();
        let document = self.0.shelf.get(request.uri().path())?;
        let answer = match self.0.refusal(request.headers(), request.uri()) {
            Some(refusal) => refusal,
            None => {
                let now = self.0.clock.now();
                feeds::document(request.method(), request.headers(), &document, now)
            }
        };
        let took = began.elapsed();
        self.0.routes.document.answered(answer.status().as_u16(), took);
        if self.0.access.is_on() {
            let route = Route::Document(request.uri().path());
            self.0.tell(request.method(), request.headers(), route, &answer, took);
        }
        Some(answer)
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
        let counted = |answer: Answer| {
            let took = began.elapsed();
            self.routes.of(route).answered(answer.status().as_u16(), took);
            if self.access.is_on() {
                self.tell(&parts.method, &parts.headers, route, &answer, took);
            }
            answer
        };
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
            Route::Feed(slug) => {
                feeds::by_accept(method, headers, &self.shelf, slug, self.clock.now())
            }
            Route::Hit(named, channel) => {
                let limits = self.limits.load_full();
                let bounds = (&*limits, &*self.metrics);
                views::hit(&self.views, bounds, (named, channel), parts, body, peer.ip()).await
            }
            Route::Count(rest) => views::count(&self.views, method, headers, rest),
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
            Route::Feed(_) => &self.feed,
            Route::Hit(_, Channel::Script) => &self.hit,
            Route::Hit(_, Channel::Pixel) => &self.pixel,
            Route::Count(_) => &self.count,
            Route::Other => &self.other,
        }
    }
}

/// THE LIST of public addresses besides ready documents.
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
        return Route::Count(rest);
    }
    match path.strip_prefix("/feeds/") {
        Some(slug) if !slug.contains(['.', '/']) && !slug.is_empty() => Route::Feed(slug),
        _ => Route::Other,
    }
}
