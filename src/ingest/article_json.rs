//! The Article JSON of the API, both ways.
//!
//! Reading refuses unknown fields by name; writing leaves absent values out, so that what was read
//! may be sent back. Times are RFC 3339.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    Candidate, Refusal, RefusalKind,
    json_fields::{Fields, text_at, unknown},
};
use crate::model::{
    Article, ArticleId, Author, CarriedOver, Guid, Language, Media, MediaRole, Millis, Source,
    Status, WebUrl,
};

/// The names of an article's fields, in the order of the contract.
pub const FIELDS: [&str; 21] = [
    "id",
    "guid",
    "url",
    "slug",
    "title",
    "summary",
    "body_html",
    "language",
    "family",
    "sections",
    "tags",
    "authors",
    "byline",
    "source",
    "rights",
    "media",
    "published_at",
    "updated_at",
    "status",
    "embargo_until",
    "carried_over_views",
];
const AUTHOR_FIELDS: [&str; 2] = ["name", "url"];
const MEDIA_FIELDS: [&str; 9] =
    ["url", "type", "bytes", "width", "height", "duration_seconds", "role", "credit", "alt"];

/// Numbers that every reader of JSON keeps exactly (RFC 8259 §6).
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// An article as the API shows it. Absent values are left out.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Article)]
pub struct ArticleJson {
    /// 1 to 64 characters of `[A-Za-z0-9_-]`, chosen by whoever sends the article.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$", example = "wp-25")]
    pub id: String,
    /// What feed readers know it by. Never changes; made for articles that come without one.
    pub guid: String,
    /// The page people read: absolute, http or https.
    #[schema(format = "uri")]
    pub url: String,
    /// The newsroom's own short name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Plain text of up to 1000 characters; tags are taken out.
    pub title: String,
    /// Plain text of up to 10,000 characters; tags are taken out.
    pub summary: String,
    /// HTML; scripts and the like are taken out, links are made absolute.
    pub body_html: String,
    /// BCP 47, such as `ru` or `kk`; the site's where missing.
    pub language: String,
    /// Shared by translations of one story.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The first is the main one.
    pub sections: Vec<String>,
    /// The newsroom's tags.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub authors: Vec<AuthorJson>,
    /// The line under the headline, where it says more than the authors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byline: Option<String>,
    /// The publication the story was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceJson>,
    /// Copyright line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// Pictures, sound, video, in order.
    pub media: Vec<MediaJson>,
    /// First publication; only a draft may have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub published_at: Option<String>,
    /// The last editorial change: of title, summary, body, authors or media.
    #[schema(format = "date-time")]
    pub updated_at: String,
    /// `published` with a time to come becomes `scheduled`, and the other way round.
    #[schema(pattern = "^(draft|scheduled|published|withdrawn)$")]
    pub status: String,
    /// Not public before this time, whatever the status says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub embargo_until: Option<String>,
    /// Views brought from the old system; kept where missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carried_over_views: Option<u64>,
}

/// Who wrote an article.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Author)]
pub struct AuthorJson {
    /// As readers see it.
    pub name: String,
    /// A page about the author.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub url: Option<String>,
}

/// The publication a story was taken from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Source)]
pub struct SourceJson {
    /// As readers see it.
    pub name: String,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub url: Option<String>,
}

/// A picture, sound or video.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Media)]
pub struct MediaJson {
    /// Where the file is.
    #[schema(format = "uri")]
    pub url: String,
    /// Media type such as `image/jpeg`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Size of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Length of sound and video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// `lead` (usual for the first), `body` (for other pictures) or `enclosure` (sound, video).
    #[schema(pattern = "^(lead|body|enclosure)$")]
    pub role: String,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<String>,
    /// What it shows, for those who do not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

impl From<&Article> for ArticleJson {
    fn from(a: &Article) -> ArticleJson {
        ArticleJson {
            id: a.id.to_string(),
            guid: a.guid.to_string(),
            url: a.url.to_string(),
            slug: a.slug.clone(),
            title: a.title.clone(),
            summary: a.summary.clone(),
            body_html: a.body_html.clone(),
            language: a.language.to_string(),
            family: a.family.clone(),
            sections: a.sections.clone(),
            tags: a.tags.clone(),
            authors: a.authors.iter().map(AuthorJson::from).collect(),
            byline: a.byline.clone(),
            source: a.source.as_ref().map(SourceJson::from),
            rights: a.rights.clone(),
            media: a.media.iter().map(MediaJson::from).collect(),
            published_at: a.published_at.map(Millis::to_rfc3339),
            updated_at: a.updated_at.to_rfc3339(),
            status: a.status.as_str().to_owned(),
            embargo_until: a.embargo_until.map(Millis::to_rfc3339),
            carried_over_views: a.carried_over.as_ref().map(|c| c.views),
        }
    }
}

impl From<&Author> for AuthorJson {
    fn from(a: &Author) -> AuthorJson {
        AuthorJson { name: a.name.clone(), url: a.url.as_ref().map(WebUrl::to_string) }
    }
}

impl From<&Source> for SourceJson {
    fn from(s: &Source) -> SourceJson {
        SourceJson { name: s.name.clone(), url: s.url.as_ref().map(WebUrl::to_string) }
    }
}

impl From<&Media> for MediaJson {
    fn from(m: &Media) -> MediaJson {
        MediaJson {
            url: m.url.to_string(),
            media_type: m.media_type.clone(),
            bytes: m.bytes,
            width: m.width,
            height: m.height,
            duration_seconds: m.duration_seconds,
            role: m.role.as_str().to_owned(),
            credit: m.credit.clone(),
            alt: m.alt.clone(),
        }
    }
}

/// Parses JSON; the refusal says line and column.
pub fn parse_json(bytes: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(bytes)
        .map_err(|e| Refusal::whole(RefusalKind::Syntax, format!("this is not JSON: {e}")))
}

/// Reads an article. `id` is the address's, where there is one: an `id` in the JSON must equal it.
pub fn candidate_from_json(bytes: &[u8], id: Option<&ArticleId>) -> Result<Candidate, Refusal> {
    candidate_from_value(parse_json(bytes)?, id)
}

/// [`candidate_from_json`] of JSON that is already parsed.
pub fn candidate_from_value(value: Value, id: Option<&ArticleId>) -> Result<Candidate, Refusal> {
    let mut f = Fields::of("", value, &FIELDS)?;
    let candidate = Candidate {
        id: article_id(&mut f, id)?,
        guid: f.parsed("guid", Guid::parse)?,
        url: f.url("url")?.ok_or_else(|| Refusal::invalid("url", "is missing"))?,
        slug: f.text("slug")?,
        title: f.required("title")?,
        summary: f.text("summary")?.unwrap_or_default(),
        body_html: f.long_text("body_html")?.unwrap_or_default(),
        language: f.parsed("language", Language::parse)?,
        family: f.text("family")?,
        sections: f.list("sections", text_at)?,
        tags: f.list("tags", text_at)?,
        authors: f.list("authors", author)?,
        byline: f.text("byline")?,
        source: source(f.take("source"))?,
        rights: f.text("rights")?,
        media: f.list("media", media)?,
        published_at: f.time("published_at")?,
        updated_at: f.time("updated_at")?,
        status: status(&mut f)?,
        embargo_until: f.time("embargo_until")?,
        carried_over: f.count("carried_over_views", NUMBER_MAX)?.map(carried_over),
    };
    if candidate.published_at.is_none() && candidate.status != Status::Draft {
        let why = "is missing; only a draft may be without a time such as 2026-11-24T12:00:00Z";
        return Err(Refusal::invalid("published_at", why));
    }
    Ok(candidate)
}

/// Reads a change of `existing` (RFC 7396): `null` takes a value away, lists are replaced.
pub fn merge_patch(
    existing: &ArticleJson,
    patch: &[u8],
    id: &ArticleId,
) -> Result<Candidate, Refusal> {
    let Value::Object(patch) = parse_json(patch)? else {
        return Err(Refusal::whole(RefusalKind::Syntax, "a merge patch is a JSON object"));
    };
    // An unknown field with `null` would vanish unseen.
    if let Some(name) = patch.keys().find(|k| !FIELDS.contains(&k.as_str())) {
        return Err(unknown(name, name, &FIELDS));
    }
    let mut merged = serde_json::to_value(existing)
        .map_err(|e| Refusal::whole(RefusalKind::Syntax, e.to_string()))?;
    apply(&mut merged, Value::Object(patch));
    candidate_from_value(merged, Some(id))
}

/// RFC 7396 §2. Its depth is bounded by that of the parser.
fn apply(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            apply(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn article_id(f: &mut Fields, id: Option<&ArticleId>) -> Result<ArticleId, Refusal> {
    match (f.parsed("id", ArticleId::parse)?, id) {
        (Some(given), Some(id)) if given != *id => {
            Err(Refusal::invalid("id", format!("is `{given}`, but the address says `{id}`")))
        }
        (given, id) => given.or(id.cloned()).ok_or_else(|| Refusal::invalid("id", "is missing")),
    }
}

fn status(f: &mut Fields) -> Result<Status, Refusal> {
    let word = |word: &str| {
        Status::from_word(word)
            .ok_or_else(|| format!("`{word}` is not draft, scheduled, published or withdrawn"))
    };
    Ok(f.parsed("status", word)?.unwrap_or(Status::Published))
}

/// Without a time: the intake dates it.
fn carried_over(views: u64) -> CarriedOver {
    CarriedOver { views, at: Millis::default(), source: "api".into() }
}

fn author(path: &str, value: Value) -> Result<Author, Refusal> {
    let mut f = Fields::of(path, value, &AUTHOR_FIELDS)?;
    Ok(Author { name: f.required("name")?, url: f.url("url")? })
}

fn source((path, value): (String, Option<Value>)) -> Result<Option<Source>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let mut f = Fields::of(&path, value, &AUTHOR_FIELDS)?;
    Ok(Some(Source { name: f.required("name")?, url: f.url("url")? }))
}

fn media(path: &str, value: Value) -> Result<Media, Refusal> {
    let mut f = Fields::of(path, value, &MEDIA_FIELDS)?;
    let url = f.url("url")?.ok_or_else(|| Refusal::invalid(f.path("url"), "is missing"))?;
    let role = |word: &str| {
        MediaRole::from_word(word).ok_or_else(|| format!("`{word}` is not lead, body or enclosure"))
    };
    let media_type = f.required("type")?;
    let role = f.parsed("role", role)?.unwrap_or_else(|| usual_role(path, &media_type));
    Ok(Media {
        url,
        media_type,
        role,
        bytes: f.count("bytes", NUMBER_MAX)?,
        width: f.count("width", u32::MAX.into())?.map(|n| n as u32),
        height: f.count("height", u32::MAX.into())?.map(|n| n as u32),
        duration_seconds: f.number("duration_seconds")?,
        credit: f.text("credit")?,
        alt: f.text("alt")?,
    })
}

/// The first picture stands for the article, sound and video are offered.
fn usual_role(path: &str, media_type: &str) -> MediaRole {
    match media_type.starts_with("image/") {
        true if path == "media[0]" => MediaRole::Lead,
        true => MediaRole::Body,
        false => MediaRole::Enclosure,
    }
}
