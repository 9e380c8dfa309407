//! From what was delivered to what may be stored: plain text, clean HTML, bounded lists.
//!
//! Does not know what stands in the store; refuses what is beyond the limits and never shortens.

use super::{
    Candidate, Refusal,
    clean::{CleanLimits, Removal, clean_html, plain_text, without_forbidden},
    hash::source_hash,
};
use crate::model::{Author, Media, Source};

const TITLE_CHARS_MAX: usize = 1000;
const SUMMARY_CHARS_MAX: usize = 10_000;
const NAME_CHARS_MAX: usize = 200;
const LINE_CHARS_MAX: usize = 1000;
const CAPTION_CHARS_MAX: usize = 10_000;
const NAMES_MAX: usize = 50;
const MEDIA_MAX: usize = 100;

/// A candidate made ready for the store, with what the merge wants to know of its raw form.
#[derive(Clone, Debug)]
pub struct Tidied {
    /// Cleaned in every field.
    pub candidate: Candidate,
    /// The title as it was delivered.
    pub raw_title: String,
    /// The summary as it was delivered.
    pub raw_summary: String,
    /// SHA-256 of what was delivered.
    pub source_hash: Vec<u8>,
    /// What cleaning took out of the body and the texts.
    pub removed: Vec<Removal>,
}

/// Cleans every field; slow for long bodies. The refusal names the field that is too large or wrong.
pub fn tidy(raw: Candidate, limits: &CleanLimits) -> Result<Tidied, Refusal> {
    let source_hash = source_hash(&raw);
    let body = clean_html(&raw.body_html, &raw.url, limits)
        .map_err(|much| Refusal::too_large("body_html", format!("cannot be taken: {much}")))?;
    let mut text = Texts { forbidden: 0 };
    let candidate = Candidate {
        title: text.plain("title", &raw.title, TITLE_CHARS_MAX)?,
        summary: text.plain("summary", &raw.summary, SUMMARY_CHARS_MAX)?,
        body_html: body.html,
        slug: text.optional("slug", raw.slug, NAME_CHARS_MAX)?,
        family: text.optional("family", raw.family, NAME_CHARS_MAX)?,
        sections: text.names("sections", raw.sections)?,
        tags: text.names("tags", raw.tags)?,
        authors: text.authors(raw.authors)?,
        byline: text.optional("byline", raw.byline, LINE_CHARS_MAX)?,
        source: raw.source.map(|s| text.source(s)).transpose()?,
        rights: text.optional("rights", raw.rights, LINE_CHARS_MAX)?,
        media: text.all_media(raw.media)?,
        ..raw
    };
    let mut removed = body.removed;
    if text.forbidden > 0 {
        let what = "characters that XML forbids".to_owned();
        removed.push(Removal { what, count: text.forbidden });
    }
    let (raw_title, raw_summary) = (raw.title, raw.summary);
    Ok(Tidied { candidate, raw_title, raw_summary, source_hash, removed })
}

/// Tidies texts and counts the characters that had to go.
struct Texts {
    forbidden: usize,
}

impl Texts {
    /// Text that may hold tags and entities.
    fn plain(&mut self, field: &str, raw: &str, max: usize) -> Result<String, Refusal> {
        // Tags do not count towards the limit, but parsing them must stay bounded too.
        if raw.len() > max * 40 {
            return Err(too_long(field, max));
        }
        let (raw, forbidden) = without_forbidden(raw);
        self.forbidden += forbidden;
        within(field, plain_text(&raw), max)
    }

    /// Text that is text already: trimmed, white space folded.
    fn line(&mut self, field: &str, raw: &str, max: usize) -> Result<String, Refusal> {
        let (raw, forbidden) = without_forbidden(raw);
        self.forbidden += forbidden;
        within(field, raw.split_whitespace().collect::<Vec<_>>().join(" "), max)
    }

    fn optional(
        &mut self,
        field: &str,
        raw: Option<String>,
        max: usize,
    ) -> Result<Option<String>, Refusal> {
        let line = raw.map(|raw| self.line(field, &raw, max)).transpose()?;
        Ok(line.filter(|line| !line.is_empty()))
    }

    /// Sections or tags: each once, in the order given.
    fn names(&mut self, field: &str, raw: Vec<String>) -> Result<Vec<String>, Refusal> {
        let mut names: Vec<String> = Vec::new();
        for (at, name) in raw.iter().enumerate() {
            let name = self.line(&format!("{field}[{at}]"), name, NAME_CHARS_MAX)?;
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
            bounded(field, names.len(), NAMES_MAX)?;
        }
        Ok(names)
    }

    fn authors(&mut self, raw: Vec<Author>) -> Result<Vec<Author>, Refusal> {
        bounded("authors", raw.len(), NAMES_MAX)?;
        let mut authors = Vec::with_capacity(raw.len());
        for (at, author) in raw.into_iter().enumerate() {
            let name = self.line(&format!("authors[{at}].name"), &author.name, NAME_CHARS_MAX)?;
            let author = Author { name, ..author };
            if !author.name.is_empty() && !authors.contains(&author) {
                authors.push(author);
            }
        }
        Ok(authors)
    }

    fn source(&mut self, raw: Source) -> Result<Source, Refusal> {
        let name = self.line("source.name", &raw.name, NAME_CHARS_MAX)?;
        if name.is_empty() {
            return Err(Refusal::invalid("source.name", "is empty; say where the story is from"));
        }
        Ok(Source { name, ..raw })
    }

    fn all_media(&mut self, raw: Vec<Media>) -> Result<Vec<Media>, Refusal> {
        bounded("media", raw.len(), MEDIA_MAX)?;
        raw.into_iter().enumerate().map(|(at, media)| self.media(at, media)).collect()
    }

    fn media(&mut self, at: usize, raw: Media) -> Result<Media, Refusal> {
        let field = |name| format!("media[{at}].{name}");
        if !is_media_type(&raw.media_type) {
            return Err(Refusal::invalid(field("type"), "is not a media type such as image/jpeg"));
        }
        if raw.duration_seconds.is_some_and(|s| !s.is_finite() || s < 0.0) {
            return Err(Refusal::invalid(field("duration_seconds"), "must be 0 or more"));
        }
        Ok(Media {
            media_type: raw.media_type.to_ascii_lowercase(),
            credit: self.optional(&field("credit"), raw.credit, LINE_CHARS_MAX)?,
            alt: self.optional(&field("alt"), raw.alt, CAPTION_CHARS_MAX)?,
            ..raw
        })
    }
}

/// `type/subtype` with the characters of RFC 6838 §4.2 and without parameters.
fn is_media_type(text: &str) -> bool {
    let good = |part: &str| {
        (1..=127).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/').is_some_and(|(kind, rest)| good(kind) && good(rest))
}

fn within(field: &str, text: String, max: usize) -> Result<String, Refusal> {
    if text.len() > max && text.chars().count() > max {
        return Err(too_long(field, max));
    }
    Ok(text)
}

fn bounded(field: &str, count: usize, max: usize) -> Result<(), Refusal> {
    if count > max {
        return Err(Refusal::invalid(field, format!("has more than {max} entries")));
    }
    Ok(())
}

fn too_long(field: &str, max: usize) -> Refusal {
    Refusal::invalid(field, format!("is longer than {max} characters"))
}
