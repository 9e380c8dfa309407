//! A document without its prose and its repetitions, so that the strict parser has little to do.
//!
//! Something is left out only where it cannot make a difference; whatever is doubtful stays in for
//! the parser to judge. Why that is as strict as parsing the whole, given that the reader refuses
//! comments, processing instructions and DOCTYPE: in a skeleton that a parser takes, every `<`
//! opens a tag or a CDATA section. So each piece left out stood between two of them, inside the
//! root element, where XML allows any [good](is_prose) text, and any [leaf] whose tag the parser
//! has taken before. A test throws broken documents at both.

use std::collections::HashSet;

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// The tags, with the text of ids and links and of everything doubtful.
pub(super) fn skeleton(document: &str) -> String {
    let mut kept = String::with_capacity(document.len() / 4);
    let mut seen = HashSet::new();
    let repeats = declares_once(document);
    let root_end = document.rfind("</").unwrap_or(0);
    let mut rest = document;
    let mut field = true;
    while !rest.is_empty() {
        let at = document.len() - rest.len();
        let repeated = leaf(rest)
            .filter(|leaf| repeats && !field && at + leaf.length <= root_end)
            .filter(|leaf| !seen.insert(leaf.tag));
        if let Some(leaf) = repeated {
            rest = &rest[leaf.length..];
        } else if let Some((prose, after)) = cdata(rest) {
            let prose = if field || !is_text(prose) { prose } else { "" };
            kept.extend([CDATA, prose, CDATA_END]);
            rest = after;
        } else {
            let end = rest.find('>').map_or(rest.len(), |at| at + 1);
            field = is_kept_whole(rest);
            kept.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        let Some(end) = rest.find('<') else {
            // Behind the root element; only the parser knows what may stand there.
            kept.push_str(rest);
            break;
        };
        if field || !is_prose(&rest[..end]) {
            kept.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    kept
}

/// True where only the root element declares namespaces, so that a tag means the same everywhere.
fn declares_once(document: &str) -> bool {
    let root_tag = document.match_indices('>').nth(1).map_or(0, |(at, _)| at);
    document.rfind("xmlns").is_none_or(|at| at < root_tag)
}

/// An element without elements in it.
struct Leaf<'a> {
    /// The start tag or empty-element tag.
    tag: &'a str,
    /// Of the whole element, in bytes.
    length: usize,
}

/// The element at the beginning, where it is one with good text only. Apostrophes and an odd number
/// of quotes leave open where its tag ends.
fn leaf(rest: &str) -> Option<Leaf<'_>> {
    let tag = &rest[..=rest.find('>')?];
    let quotes = tag.bytes().filter(|byte| *byte == b'"').count();
    let other = tag.starts_with("</") || tag.starts_with("<!") || is_kept_whole(tag);
    if other || tag.contains('\'') || quotes % 2 == 1 {
        return None;
    }
    if tag.ends_with("/>") {
        return Some(Leaf { tag, length: tag.len() });
    }
    let mut inner = &rest[tag.len()..];
    while let Some((_, after)) = cdata(inner).filter(|(text, _)| is_text(text)) {
        inner = after;
    }
    let text = &inner[..inner.find('<')?];
    let name = tag[1..].split([' ', '>']).next()?;
    let end_tag = inner[text.len()..].strip_prefix("</")?.strip_prefix(name)?;
    let after = end_tag.strip_prefix('>')?;
    is_prose(text).then_some(Leaf { tag, length: rest.len() - after.len() })
}

/// The text of a CDATA section at the beginning, and what follows it.
fn cdata(rest: &str) -> Option<(&str, &str)> {
    rest.strip_prefix(CDATA)?.split_once(CDATA_END)
}

/// Behind these the text matters: ids and links are read, and before the root no text may stand.
fn is_kept_whole(tag: &str) -> bool {
    ["<guid", "<id", "<link", "<?"].iter().any(|start| tag.starts_with(start))
}

/// Character data that XML 1.0 §2.4 allows in every element: good characters, no `>`, and `&` only
/// as one of the five references that need no declaration.
fn is_prose(text: &str) -> bool {
    let mut pieces = text.split('&');
    pieces.next().is_none_or(is_piece)
        && pieces.all(|piece| {
            let known = ["amp;", "lt;", "gt;", "quot;", "apos;"];
            known.iter().any(|name| piece.starts_with(name)) && is_piece(piece)
        })
}

fn is_piece(text: &str) -> bool {
    !text.as_bytes().contains(&b'>') && is_text(text)
}

/// Only characters of XML 1.0 §2.2.
fn is_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    // U+FFFE and U+FFFF begin with EF, which little else does.
    let rare = bytes.contains(&0xef);
    bytes.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'))
        && !(rare && text.contains(['\u{fffe}', '\u{ffff}']))
}
