//! The block editor's comments: they go, and what they stand for stays.

use std::{collections::HashMap, sync::LazyLock};

use regex::Regex;

use super::Notes;

/// Reusable blocks within one another.
const NESTED_MAX: usize = 5;
/// Bytes of reusable blocks in one post.
const EXPANDED_BYTES_MAX: usize = 8 << 20;

/// True for content of the block editor, which has its own paragraphs.
pub(super) fn has_blocks(content: &str) -> bool {
    content.contains("<!-- wp:")
}

/// The content without block comments, with reusable blocks in their place.
pub(super) fn resolved(content: &str, known: &HashMap<u64, String>, notes: &mut Notes) -> String {
    let mut left = EXPANDED_BYTES_MAX;
    expanded(content, known, notes, 0, &mut left)
}

fn expanded(
    content: &str,
    known: &HashMap<u64, String>,
    notes: &mut Notes,
    nested: usize,
    left: &mut usize,
) -> String {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find("<!-- ") {
        let (before, on) = rest.split_at(at);
        out.push_str(before);
        let inner = &on["<!-- ".len()..];
        let is_block = inner.starts_with("wp:") || inner.starts_with("/wp:");
        if !is_block {
            out.push_str("<!-- ");
            rest = inner;
            continue;
        }
        // A comment without an end hides the rest.
        let end = inner.find("-->");
        let Some(end) = end else { return out };
        let comment = &inner[..end];
        rest = &inner[end + "-->".len()..];
        let Some(reference) = reference(comment) else { continue };
        match known.get(&reference) {
            Some(block) if nested < NESTED_MAX && block.len() <= *left => {
                *left -= block.len();
                out.push_str(&expanded(block, known, notes, nested + 1, left));
            }
            _ => notes.add(format!("reusable block {reference} is not in the file")),
        }
    }
    out.push_str(rest);
    out
}

/// The id in `wp:block {"ref":24} /`.
fn reference(comment: &str) -> Option<u64> {
    let json = comment.strip_prefix("wp:block ")?.trim().trim_end_matches('/').trim();
    let json: serde_json::Value = serde_json::from_str(json).ok()?;
    json.get("ref")?.as_u64()
}

/// An address alone on its line, which WordPress would make a player of, becomes a link.
pub(super) fn addresses_as_links(content: &str) -> String {
    static ALONE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?m)^[ \t]*(https?://[^\s<>"\[\]]+)[ \t]*\r?$"#).ok());
    match ALONE.as_ref() {
        Some(alone) if content.contains("http") => {
            alone.replace_all(content, r#"<a href="$1">$1</a>"#).into_owned()
        }
        _ => content.to_owned(),
    }
}
