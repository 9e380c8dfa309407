//! `POST /ping`: what WordPress calls an update service (XML-RPC `weblogUpdates.ping` and
//! `weblogUpdates.extendedPing`). It says that a site has something new, and wakes the sources that
//! are declared there; nothing is ever asked at an address that a ping names.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderValue},
};
use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, Event},
};
use url::Url;

use super::answer::{self, Answer};
use crate::{config::Limits, ingest::source::Sources, metrics::Metrics};

/// Parameters that are read: name, address, changed page, feed, tag.
const PARAMETERS_MAX: usize = 5;
const LARGE_BODY: &str = "A ping may not be this large.\n";
const SLOW_BODY: &str = "The ping took too long.\n";
const BROKEN_BODY: &str = "The ping was cut off or broken.\n";
/// Codes of faults (specification for fault code interoperability).
const NOT_WELL_FORMED: i32 = -32700;
const NO_METHOD: i32 = -32601;

/// A call, as far as it matters.
#[derive(Debug, Default, PartialEq, Eq)]
struct Call {
    method: String,
    parameters: Vec<String>,
}

/// Answers a ping.
pub async fn ping(
    sources: &Sources,
    (limits, metrics): (&Limits, &Metrics),
    method: &Method,
    body: Incoming,
) -> Answer {
    if method != Method::POST {
        return answer::method_not_allowed("POST");
    }
    match read_body(body, limits, metrics).await {
        Ok(body) => xml(respond(sources, &body)),
        Err(refusal) => refusal,
    }
}

async fn read_body(body: Incoming, limits: &Limits, metrics: &Metrics) -> Result<Bytes, Answer> {
    let too_large = || {
        metrics.limit_hit("body");
        answer::text(StatusCode::PAYLOAD_TOO_LARGE, LARGE_BODY)
    };
    if body.size_hint().lower() > limits.ping_body_bytes_max as u64 {
        return Err(too_large());
    }
    let whole = Limited::new(body, limits.ping_body_bytes_max).collect();
    match tokio::time::timeout(limits.body_timeout, whole).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(answer::text(StatusCode::BAD_REQUEST, BROKEN_BODY)),
        Err(_) => {
            metrics.limit_hit("body_time");
            Err(answer::text(StatusCode::REQUEST_TIMEOUT, SLOW_BODY))
        }
    }
}

fn respond(sources: &Sources, body: &[u8]) -> String {
    let Some(call) = Call::read(body) else {
        return fault(NOT_WELL_FORMED, "this is no XML-RPC call");
    };
    if !matches!(call.method.as_str(), "weblogUpdates.ping" | "weblogUpdates.extendedPing") {
        return fault(
            NO_METHOD,
            "only weblogUpdates.ping and weblogUpdates.extendedPing are known",
        );
    }
    let site = call.parameters.get(1).and_then(|site| Url::parse(site.trim()).ok());
    let woken = site.map_or(0, |site| sources.ping(&site));
    match woken {
        0 => outcome(true, "No source is declared at this site."),
        _ => outcome(false, "Thanks for the ping."),
    }
}

impl Call {
    /// The method and the texts of its parameters; `None` for what is no call.
    fn read(body: &[u8]) -> Option<Call> {
        let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
        let (mut call, mut text, mut is_call) = (Call::default(), String::new(), false);
        loop {
            match reader.read_event().ok()? {
                Event::Start(element) => {
                    is_call |= element.name().as_ref() == "methodCall";
                    text.clear();
                }
                Event::Text(piece) => text.push_str(&piece.xml10_content()),
                Event::CData(piece) => text.push_str(&piece.into_inner()),
                Event::GeneralRef(entity) => text.push(letter(&entity)?),
                Event::End(element) => match element.name().as_ref() {
                    "methodName" => call.method = text.trim().to_owned(),
                    "param" if call.parameters.len() < PARAMETERS_MAX => {
                        call.parameters.push(std::mem::take(&mut text));
                    }
                    "methodCall" => return is_call.then_some(call),
                    _ => {}
                },
                Event::Eof => return None,
                _ => {}
            }
        }
    }
}

/// What a reference stands for; an entity that XML itself does not know is none.
fn letter(entity: &BytesRef<'_>) -> Option<char> {
    if let Some(letter) = entity.resolve_char_ref().ok()? {
        return Some(letter);
    }
    resolve_predefined_entity(&entity.clone().into_inner())?.chars().next()
}

fn outcome(is_error: bool, message: &str) -> String {
    let flag = u8::from(is_error);
    format!(
        "<?xml version=\"1.0\"?>\n<methodResponse><params><param><value><struct>\
         <member><name>flerror</name><value><boolean>{flag}</boolean></value></member>\
         <member><name>message</name><value><string>{message}</string></value></member>\
         </struct></value></param></params></methodResponse>\n"
    )
}

fn fault(code: i32, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<methodResponse><fault><value><struct>\
         <member><name>faultCode</name><value><int>{code}</int></value></member>\
         <member><name>faultString</name><value><string>{message}</string></value></member>\
         </struct></value></fault></methodResponse>\n"
    )
}

/// XML-RPC answers 200 also where it says no.
fn xml(body: String) -> Answer {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer::ready(StatusCode::OK, headers, Bytes::from(body))
}
