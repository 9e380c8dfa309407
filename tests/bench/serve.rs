//! Servers to be compared with: bare hyper with ready documents, one that logs hits, one that does not.
//!
//! All run on one thread (the log has a second one for the disk) with hyper set up as in jarshy and
//! with jarshy's own deadlines for a connection.

use std::{
    collections::HashMap, convert::Infallible, fs, future::Future, net::SocketAddr, path::Path,
    sync::Arc, time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use jarshy::{
    config::{self, Limits, Overrides},
    metrics::Metrics,
    web::deadline::Patient,
};
use tokio::net::TcpListener;

use crate::{arguments::Arguments, log_file::LogFile};

type Answer = Response<Full<Bytes>>;

/// One document in one encoding.
struct Ready {
    etag: HeaderValue,
    headers: HeaderMap,
    headers_unchanged: HeaderMap,
    bytes: Bytes,
}

/// Captured documents from `--files`; with `--hyper-timer`, hyper's own header timeout instead.
pub fn bare(arguments: &Arguments) -> anyhow::Result<()> {
    let mut documents = HashMap::new();
    for entry in fs::read_dir(Path::new(arguments.text("files")?).join("feeds"))? {
        let file = entry?.path();
        let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if file.extension().is_some_and(|e| e != "gz" && e != "head") {
            documents.insert(format!("/feeds/{name}"), Arc::new(ready(&file)?));
        }
    }
    let documents = Arc::new(documents);
    serve(arguments, move |request| {
        let answer = documents.get(request.uri().path()).map(|ready| ready.answer(&request));
        async move { answer.unwrap_or_else(|| empty(StatusCode::NOT_FOUND)) }
    })
}

fn ready(file: &Path) -> anyhow::Result<Ready> {
    let head = fs::read_to_string(format!("{}.head", file.display()))?;
    let mut headers = HeaderMap::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let mut headers_unchanged = headers.clone();
    let of_content = [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
        header::LINK,
        header::X_CONTENT_TYPE_OPTIONS,
    ];
    for name in of_content {
        headers_unchanged.remove(name);
    }
    let etag = headers.get(header::ETAG).context("a captured document has an ETag")?.clone();
    let bytes = Bytes::from(fs::read(format!("{}.gz", file.display()))?);
    Ok(Ready { etag, headers, headers_unchanged, bytes })
}

impl Ready {
    fn answer(&self, request: &Request<Incoming>) -> Answer {
        let unchanged = request.headers().get(header::IF_NONE_MATCH) == Some(&self.etag);
        let (status, headers, bytes) = match unchanged {
            true => (StatusCode::NOT_MODIFIED, &self.headers_unchanged, Bytes::new()),
            false => (StatusCode::OK, &self.headers, self.bytes.clone()),
        };
        let mut answer = Response::new(Full::new(bytes));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers.clone();
        answer
    }
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

/// A hit's answer with the headers that jarshy sends.
fn counted() -> Answer {
    let mut answer = empty(StatusCode::NO_CONTENT);
    let headers = answer.headers_mut();
    headers.insert("jarshy-view", HeaderValue::from_static("counted"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Jarshy-View"));
    answer
}

/// 204 once the hit is in `--file` and the file is on disk.
pub fn log(arguments: &Arguments) -> anyhow::Result<()> {
    let log = Arc::new(LogFile::start(Path::new(arguments.text("file")?))?);
    serve(arguments, move |request| {
        let path = request.uri().path().as_bytes();
        let kept = log.keep(path.strip_prefix(b"/v/").unwrap_or(path));
        async move {
            match kept.await {
                Ok(true) => counted(),
                _ => empty(StatusCode::SERVICE_UNAVAILABLE),
            }
        }
    })
}

/// 204 and nothing kept.
pub fn nothing(arguments: &Arguments) -> anyhow::Result<()> {
    serve(arguments, |_| async { counted() })
}

fn serve<F>(
    arguments: &Arguments,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> anyhow::Result<()>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let address = arguments.address("listen")?;
    let hyper_timer = arguments.has("hyper-timer");
    let limits = config::parse("", "defaults", &[], &Overrides::default())?.limits;
    let metrics = Arc::new(Metrics::new(0)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let accepting = accept(address, hyper_timer, limits, metrics, answer);
    runtime.block_on(accepting)
}

async fn accept<F>(
    address: SocketAddr,
    hyper_timer: bool,
    limits: Limits,
    metrics: Arc<Metrics>,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> anyhow::Result<()>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        let builder = builder(hyper_timer);
        if hyper_timer {
            let service = service_fn(move |request| {
                let answer = answer(request);
                async { Ok::<_, Infallible>(answer.await) }
            });
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
            continue;
        }
        let (stream, phase) = Patient::new(stream, &limits, metrics.clone());
        let service = service_fn(move |request| {
            phase.answering();
            let (answer, phase) = (answer(request), phase.clone());
            async move {
                let answer = answer.await;
                phase.waiting();
                Ok::<_, Infallible>(answer)
            }
        });
        tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
    }
}

fn builder(hyper_timer: bool) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(32 << 10).header_read_timeout(None);
    if hyper_timer {
        builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
    }
    builder
}
