//! The number that WordPress plugins kept under the headline, out of their meta fields.

/// Meta keys of known plugins and theme snippets, the commonest first.
const KEYS: &[&str] = &[
    "post_views_count",
    "views",
    "_post_views_count",
    "_post_views",
    "post_views",
    "_pvc_views",
    "pvc_views",
    "total_views",
    "_views_count",
    "view_count",
];
/// A larger number is not a count of views but rubbish.
const VIEWS_MAX: u64 = 1 << 50;

/// True for a meta field that may hold views.
pub(super) fn is_view_key(key: &str) -> bool {
    KEYS.contains(&key)
}

/// The largest sane number and the key it stood under; duplicates count once.
pub(super) fn largest(meta: &[(String, String)]) -> Option<(u64, &str)> {
    let place = |key: &str| KEYS.iter().position(|k| *k == key);
    let sane = meta.iter().filter(|(key, _)| is_view_key(key)).filter_map(|(key, value)| {
        let views = parse_views(value)?;
        (views <= VIEWS_MAX).then_some((views, key.as_str()))
    });
    sane.max_by_key(|(views, key)| (*views, std::cmp::Reverse(place(key))))
}

/// A number as people and plugins write it: `809`, `1 234`, `1,234`, `{"total":12}`, `i:12;`.
pub(in crate::ingest) fn parse_views(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.starts_with('{') {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let of = |key| json.get(key).and_then(as_number);
        return ["total", "all", "views", "count"].into_iter().filter_map(of).max();
    }
    let text = text.strip_prefix("i:").and_then(|t| t.strip_suffix(';')).unwrap_or(text);
    let is_group = |c: char| c.is_whitespace() || matches!(c, '\u{a0}' | '\u{202f}' | '\'' | '’');
    let digits: String = text.chars().filter(|c| !is_group(*c)).collect();
    let digits = without_groups(&digits);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

fn as_number(value: &serde_json::Value) -> Option<u64> {
    value.as_u64().or_else(|| parse_views(value.as_str()?))
}

/// Commas and points are groups only between three digits each.
fn without_groups(digits: &str) -> String {
    let mut parts = digits.split([',', '.']);
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    if (1..=3).contains(&first.len()) && rest.iter().all(|part| part.len() == 3) {
        return format!("{first}{}", rest.concat());
    }
    digits.to_owned()
}
