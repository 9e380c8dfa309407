//! Addresses inside HTML: absolute, of a harmless scheme, percent-encoded.

use url::Url;

/// An attribute that holds one address, and which kinds it may hold.
pub(super) fn holds_address(element: &str, attribute: &str) -> bool {
    matches!(
        (element, attribute),
        ("a", "href")
            | ("img" | "audio" | "video" | "source" | "iframe", "src")
            | ("video", "poster")
            | ("blockquote" | "q" | "del" | "ins", "cite")
    )
}

/// The address as it may stand in `element`; `None` takes the attribute out.
pub(super) fn absolute(base: &Url, element: &str, text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let url = if text.starts_with("//") {
        // Without a scheme it would be read as http wherever the feed came by http.
        Url::parse(&format!("https:{text}")).ok()?
    } else {
        base.join(text).ok()?
    };
    match url.scheme() {
        "http" | "https" if url.has_host() => Some(url.into()),
        "mailto" | "tel" if element == "a" => Some(url.into()),
        _ => None,
    }
}

/// A `srcset` (HTML §4.8.4.2.1) with absolute addresses; candidates that cannot be are left out.
pub(super) fn absolute_srcset(base: &Url, text: &str) -> Option<String> {
    let mut rest = text;
    let mut kept = Vec::new();
    while let Some((address, descriptor, after)) = next_candidate(rest) {
        rest = after;
        if let Some(url) = absolute(base, "img", address).filter(|url| !url.ends_with(',')) {
            let one = format!("{url} {}", descriptor.trim());
            kept.push(one.trim_end().to_owned());
        }
    }
    (!kept.is_empty()).then(|| kept.join(", "))
}

/// Address, descriptor, and what follows.
fn next_candidate(text: &str) -> Option<(&str, &str, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
    if text.is_empty() {
        return None;
    }
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let (address, rest) = text.split_at(end);
    if let Some(address) = address.strip_suffix(',') {
        return Some((address.trim_end_matches(','), "", rest));
    }
    let end = rest.find(',').unwrap_or(rest.len());
    let (descriptor, rest) = rest.split_at(end);
    let plain = descriptor.trim();
    let is_plain = plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    Some((address, if is_plain { plain } else { "" }, rest))
}

/// The page of a film whose player is embedded from this address; `None` where the host is unknown.
pub(super) fn page_of_player(src: &str) -> Option<String> {
    let url = Url::parse(src).ok()?;
    let host = url.host_str()?.trim_start_matches("www.").trim_start_matches("m.");
    let last = url.path_segments()?.rfind(|s| !s.is_empty()).unwrap_or_default();
    match host {
        "youtube.com" | "youtube-nocookie.com" if url.path().starts_with("/embed/") => {
            Some(format!("https://www.youtube.com/watch?v={last}"))
        }
        "player.vimeo.com" => Some(format!("https://vimeo.com/{last}")),
        "rutube.ru" => Some(format!("https://rutube.ru/video/{last}/")),
        "dailymotion.com" => Some(format!("https://www.dailymotion.com/video/{last}")),
        "youtube.com"
        | "youtube-nocookie.com"
        | "youtu.be"
        | "vk.com"
        | "vk.ru"
        | "vkvideo.ru"
        | "ok.ru"
        | "kaztube.kz" => Some(url.into()),
        _ => None,
    }
}
