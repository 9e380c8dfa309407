//! Which encoding and which format the client asks for (RFC 9110 §12).

use std::borrow::Cow;

use hyper::{
    HeaderMap,
    header::{self, HeaderName},
};

use crate::{
    model::Format,
    publish::{Document, Encoding, Variant},
};

/// The best encoding that the client accepts and that is ready; identity where none is, since a
/// feed is better than a 406.
pub fn variant<'a>(headers: &HeaderMap, document: &'a Document) -> &'a Variant {
    let Some(accept) = field(headers, &header::ACCEPT_ENCODING) else {
        return document.identity();
    };
    let accept = &*accept;
    let mut best = (document.identity(), weight(accept, "identity").unwrap_or(1));
    for (encoding, name) in [(Encoding::Gzip, "gzip"), (Encoding::Brotli, "br")] {
        let Some(weight) = weight(accept, name).filter(|w| *w > 0) else { continue };
        let Some(variant) = document.variant(encoding) else { continue };
        // Identity that nobody named is taken only where nothing else is.
        if weight >= best.1 || best.1 == 1 {
            best = (variant, weight);
        }
    }
    best.0
}

/// A list that may be spread over several lines, as one (RFC 9110 §5.3); `None` when there is none
/// that can be read.
fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    let first = lines.next()?;
    let more = lines.fold(String::new(), |more, line| more + "," + line);
    Some(if more.is_empty() { Cow::Borrowed(first) } else { Cow::Owned(first.to_owned() + &more) })
}

/// The weight of a coding in thousandths: as named, or as `*` says; `None` when neither.
fn weight(accept: &str, coding: &str) -> Option<u16> {
    let mut star = None;
    for part in accept.split(',') {
        let (name, q) = split_weight(part);
        if name.eq_ignore_ascii_case(coding)
            || (coding == "gzip" && name.eq_ignore_ascii_case("x-gzip"))
        {
            return Some(q);
        }
        if name == "*" {
            star = Some(q);
        }
    }
    star
}

/// A name and its weight in thousandths; a weight that is no number counts as 0.
fn split_weight(part: &str) -> (&str, u16) {
    let mut parameters = part.split(';');
    let name = parameters.next().unwrap_or_default().trim();
    let q = parameters.find_map(|p| {
        let (key, value) = p.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
    });
    (name, (q.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u16)
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
        Format::Atom => &[],
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
