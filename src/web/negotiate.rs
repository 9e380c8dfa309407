//! Which encoding and which format the client asks for (RFC 9110 §12).

use std::borrow::Cow;

use hyper::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};

use crate::{
    model::Format,
    publish::{Document, Encoding, Variant},
};

/// The best encoding that the client accepts and that is ready; identity where none is, since a
/// feed is better than a 406.
pub fn variant<'a>(headers: &HeaderMap, document: &'a Document) -> &'a Variant {
    let mut lines = headers.get_all(header::ACCEPT_ENCODING).iter().peekable();
    if lines.peek().is_none() {
        return document.identity();
    }
    let accepted = Accepted::of(lines.map(HeaderValue::as_bytes));
    let named = |weight: Option<u16>| weight.or(accepted.any);
    let mut best = (document.identity(), named(accepted.identity).unwrap_or(1));
    for (encoding, weight) in [(Encoding::Gzip, accepted.gzip), (Encoding::Brotli, accepted.brotli)]
    {
        let Some(weight) = named(weight).filter(|w| *w > 0) else { continue };
        let Some(variant) = document.variant(encoding) else { continue };
        // Identity that nobody named is taken only where nothing else is.
        if weight >= best.1 || best.1 == 1 {
            best = (variant, weight);
        }
    }
    best.0
}

/// The weights that `Accept-Encoding` gives to what we have, in thousandths; the first word on each
/// counts.
#[derive(Default)]
struct Accepted {
    identity: Option<u16>,
    gzip: Option<u16>,
    brotli: Option<u16>,
    /// `*`.
    any: Option<u16>,
}

impl Accepted {
    /// Reads all lines once: every request for a document comes through here.
    fn of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Accepted {
        let mut accepted = Accepted::default();
        for part in lines.flat_map(|line| line.split(|b| *b == b',')) {
            let (name, parameters) = match part.iter().position(|b| *b == b';') {
                Some(end) => (&part[..end], str::from_utf8(&part[end + 1..]).unwrap_or("q=0")),
                None => (part, ""),
            };
            let name = name.trim_ascii();
            let is = |coding: &[u8]| name.eq_ignore_ascii_case(coding);
            let weight = match name {
                b"*" => &mut accepted.any,
                _ if is(b"gzip") || is(b"x-gzip") => &mut accepted.gzip,
                _ if is(b"br") => &mut accepted.brotli,
                _ if is(b"identity") => &mut accepted.identity,
                _ => continue,
            };
            weight.get_or_insert_with(|| thousandths(parameters));
        }
        accepted
    }
}

/// A list that may be spread over several lines, as one (RFC 9110 §5.3); `None` when there is none
/// that can be read.
fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    let first = lines.next()?;
    let more = lines.fold(String::new(), |more, line| more + "," + line);
    Some(if more.is_empty() { Cow::Borrowed(first) } else { Cow::Owned(first.to_owned() + &more) })
}

/// A name and its weight.
fn split_weight(part: &str) -> (&str, u16) {
    let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
    (name.trim(), thousandths(parameters))
}

/// The weight among parameters in thousandths, 1000 where there is none; one that is no number
/// counts as 0.
fn thousandths(parameters: &str) -> u16 {
    let q = parameters.split(';').find_map(|p| {
        let (key, value) = p.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
    });
    (q.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u16
}

/// The format of the feed's formats that `Accept` asks for, RSS where it does not say; `None` when
/// it excludes all of them.
pub fn format(headers: &HeaderMap, formats: &[Format]) -> Option<Format> {
    let usual = formats.iter().copied().find(|f| *f == Format::Rss);
    let by_preference = usual.into_iter().chain(formats.iter().copied());
    let Some(accept) = field(headers, &header::ACCEPT).filter(|a| !a.trim().is_empty()) else {
        return by_preference.into_iter().next();
    };
    let mut best: Option<(u16, Format)> = None;
    for format in by_preference {
        let weight = media_weight(&accept, format);
        if weight > best.map_or(0, |(w, _)| w) {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format)
}

/// The weight of a format by the most specific range that fits it.
fn media_weight(accept: &str, format: Format) -> u16 {
    let mut found = (0, 0);
    for part in accept.split(',') {
        let (range, q) = split_weight(part);
        let fit = fit(&range.to_ascii_lowercase(), format);
        if fit > found.0 {
            found = (fit, q);
        }
    }
    found.1
}

/// How closely a media range fits a format: 0 not at all, 4 by its own name.
fn fit(range: &str, format: Format) -> u8 {
    let kin = match format {
        Format::Rss => {
            &["application/xml", "text/xml", "text/html", "text/*", "application/rdf+xml"][..]
        }
        Format::Atom | Format::Rdf => &[],
        Format::Json => &["application/json"],
    };
    match range {
        range if range == format.media_type() => 4,
        range if kin.contains(&range) => 3,
        "application/*" => 2,
        "*/*" => 1,
        _ => 0,
    }
}
