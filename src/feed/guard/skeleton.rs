//! A document without its prose, so that the strict parser has a tenth of the work.
//!
//! Prose is left out only where it cannot make a difference: it was looked at here, and what is
//! left is ill-formed if it was. Whatever is doubtful stays in for the parser to judge. Why that is
//! as strict as parsing the whole, given that the reader refuses comments, processing instructions
//! and DOCTYPE: in a skeleton that a parser takes, every `<` opens a tag or a CDATA section, so
//! each piece left out stood between two of them, inside the root element, where XML allows any
//! [good](is_prose) text.

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

/// The tags, with the text of ids and links and of everything doubtful.
pub(super) fn skeleton(document: &str) -> String {
    let mut kept = String::with_capacity(document.len() / 4);
    let mut rest = document;
    let mut field = true;
    while !rest.is_empty() {
        if let Some((prose, after)) = cdata(rest) {
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
