//! Articles as JSON, one a line, in the shape of the API. Each line needs an `id`; a wrong line is
//! skipped and told, the next is read. Lines are bounded; empty ones do not count.

use std::io::{BufRead, BufReader, Read};

use super::{article_json::candidate_from_json, import::Found, wxr::Broken};

/// Hands each line's article to `found`, until that says stop.
pub(super) fn read(input: impl Read, line_bytes_max: usize, found: &mut dyn FnMut(Found) -> bool) {
    let mut input = BufReader::with_capacity(64 << 10, input);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        match next_line(&mut input, line_bytes_max, &mut line) {
            Ok(Line::End) => return,
            Ok(Line::Whole) => {}
            Ok(Line::TooLong) => {
                let why = format!("the line is longer than {line_bytes_max} bytes");
                if !found(Found::Skipped { name: format!("line {number}"), why }) {
                    return;
                }
                continue;
            }
            Err(error) => {
                let why = format!("it cannot be read further: {error}");
                found(Found::Broken(Broken { line: number, why }));
                return;
            }
        }
        let text =
            if number == 1 { line.trim_ascii().strip_prefix("\u{feff}".as_bytes()) } else { None };
        let text = text.unwrap_or(&line).trim_ascii();
        if !text.is_empty() && !found(article(text, number)) {
            return;
        }
    }
}

fn article(text: &[u8], number: u64) -> Found {
    match candidate_from_json(text, None) {
        Ok(candidate) => Found::Article(Box::new(candidate)),
        Err(refusal) => Found::Skipped { name: format!("line {number}"), why: refusal.to_string() },
    }
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads one line, keeping at most `max` bytes of it.
fn next_line(input: &mut impl BufRead, max: usize, line: &mut Vec<u8>) -> std::io::Result<Line> {
    let (mut any, mut too_long) = (false, false);
    loop {
        let ready = input.fill_buf()?;
        if ready.is_empty() {
            break;
        }
        any = true;
        let end = ready.iter().position(|b| *b == b'\n');
        let piece = &ready[..end.unwrap_or(ready.len())];
        if line.len() + piece.len() <= max {
            line.extend_from_slice(piece);
        } else {
            too_long = true;
        }
        let used = piece.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    Ok(if too_long {
        Line::TooLong
    } else if any {
        Line::Whole
    } else {
        Line::End
    })
}
