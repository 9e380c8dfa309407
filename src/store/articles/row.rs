//! An article as a row: the columns, in one order for writing and one for reading.

use serde::{Deserialize, Serialize};

use super::{Marks, Put, Slim, Stored, Withdrawal};
use crate::{
    model::{
        Article, ArticleId, Author, CarriedOver, Guid, Language, Media, MediaRole, Source, Status,
        WebUrl,
    },
    store::{
        broken,
        db::DbError,
        from_json, json,
        value::{Row, Value},
    },
};

/// The columns that [`stored`] reads, of a table called `a`; the two long texts may be replaced.
macro_rules! columns {
    () => {
        crate::store::articles::columns!("a.summary", "a.body_html")
    };
    ($summary:literal, $body:literal) => {
        concat!(
            "a.id, a.revision, a.status, a.guid, a.url, a.slug, a.title, ",
            $summary,
            ", ",
            $body,
            ", a.language, a.family, a.sections, a.tags, a.authors, a.byline, a.source_name,
             a.source_url, a.rights, a.media, a.published_at, a.updated_at, a.embargo_until,
             a.carried_over_views, a.carried_over_at, a.carried_over_source, a.is_public,
             a.was_public, a.editorial_hash, a.source, a.source_hash, a.source_modified_at,
             a.withdrawn_at, a.withdrawn_by, a.withdrawn_reason"
        )
    };
}
pub(in crate::store) use columns;

pub(super) const INSERT: &str = "INSERT INTO articles (revision, id, status, guid, url, slug, title, summary, body_html, language, family, sections, tags,
     authors, byline, source_name, source_url, rights, media, published_at, updated_at,
     embargo_until, carried_over_views, carried_over_at, carried_over_source, is_public,
     was_public, editorial_hash, source, source_hash, source_modified_at, withdrawn_at,
     withdrawn_by, withdrawn_reason, title_folded, visible_from)
     VALUES ((SELECT n FROM store_revision), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
     $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35) RETURNING revision";

/// The last parameter is the revision that the change was decided on.
pub(super) const UPDATE: &str = "UPDATE articles SET revision = (SELECT n FROM store_revision),
     status = $2, guid = $3, url = $4, slug = $5, title = $6, summary = $7,
     body_html = $8, language = $9, family = $10, sections = $11, tags = $12,
     authors = $13, byline = $14, source_name = $15, source_url = $16, rights = $17,
     media = $18, published_at = $19, updated_at = $20, embargo_until = $21,
     carried_over_views = $22, carried_over_at = $23, carried_over_source = $24,
     is_public = $25, was_public = $26, editorial_hash = $27, source = $28,
     source_hash = $29, source_modified_at = $30, withdrawn_at = $31, withdrawn_by = $32,
     withdrawn_reason = $33, title_folded = $34, visible_from = $35
     WHERE id = $1 AND revision = $36 RETURNING revision";

/// The parameters of [`INSERT`], and of [`UPDATE`] but for its last.
pub(super) fn put_row(put: &Put) -> Vec<Value> {
    let (a, m) = (&put.article, &put.marks);
    let carried = a.carried_over.as_ref();
    let withdrawn = m.withdrawn.as_ref();
    vec![
        a.id.as_str().into(),
        a.status.as_str().into(),
        a.guid.as_str().into(),
        a.url.as_str().into(),
        a.slug.clone().into(),
        a.title.as_str().into(),
        a.summary.as_str().into(),
        a.body_html.as_str().into(),
        a.language.as_str().into(),
        a.family.clone().into(),
        json(&a.sections),
        json(&a.tags),
        json(&a.authors.iter().map(AuthorJson::from).collect::<Vec<_>>()),
        a.byline.clone().into(),
        a.source.as_ref().map(|s| s.name.clone()).into(),
        a.source.as_ref().and_then(|s| s.url.as_ref()).map(WebUrl::as_str).into(),
        a.rights.clone().into(),
        json(&a.media.iter().map(MediaJson::from).collect::<Vec<_>>()),
        a.published_at.into(),
        a.updated_at.into(),
        a.embargo_until.into(),
        carried.map(|c| c.views).into(),
        carried.map(|c| c.at).into(),
        carried.map(|c| c.source.clone()).into(),
        m.is_public.into(),
        m.was_public.into(),
        m.editorial_hash.clone().into(),
        m.source.clone().into(),
        m.source_hash.clone().into(),
        m.source_modified_at.into(),
        withdrawn.map(|w| w.at).into(),
        withdrawn.map(|w| w.by.clone()).into(),
        withdrawn.and_then(|w| w.reason.clone()).into(),
        a.title.to_lowercase().into(),
        a.visible_from().into(),
    ]
}

/// Reads the columns of `columns!()`.
pub(in crate::store) fn stored(mut row: Row) -> Result<Stored, DbError> {
    let row = &mut row;
    let id = article_id(&row.text()?)?;
    let revision = row.int()?;
    let article = Article {
        id,
        status: status(&row.text()?)?,
        guid: Guid::parse(&row.text()?).map_err(broken)?,
        url: WebUrl::parse(&row.text()?).map_err(broken)?,
        slug: row.opt_text()?,
        title: row.text()?,
        summary: row.text()?,
        body_html: row.text()?,
        language: Language::parse(&row.text()?).map_err(broken)?,
        family: row.opt_text()?,
        sections: from_json(&row.text()?)?,
        tags: from_json(&row.text()?)?,
        authors: authors(&row.text()?)?,
        byline: row.opt_text()?,
        source: source(row)?,
        rights: row.opt_text()?,
        media: media(&row.text()?)?,
        published_at: row.opt_time()?,
        updated_at: row.time()?,
        embargo_until: row.opt_time()?,
        carried_over: carried_over(row)?,
    };
    Ok(Stored { article, revision, marks: marks(row)? })
}

fn marks(row: &mut Row) -> Result<Marks, DbError> {
    Ok(Marks {
        is_public: row.int()? != 0,
        was_public: row.int()? != 0,
        editorial_hash: row.bytes()?,
        source: row.opt_text()?,
        source_hash: row.opt_bytes()?,
        source_modified_at: row.opt_time()?,
        withdrawn: withdrawal(row)?,
    })
}

fn withdrawal(row: &mut Row) -> Result<Option<Withdrawal>, DbError> {
    let (at, by, reason) = (row.opt_time()?, row.opt_text()?, row.opt_text()?);
    Ok(at.map(|at| Withdrawal { at, by: by.unwrap_or_default(), reason }))
}

fn carried_over(row: &mut Row) -> Result<Option<CarriedOver>, DbError> {
    let (views, at, source) = (row.opt_int()?, row.opt_time()?, row.opt_text()?);
    Ok(views.map(|views| CarriedOver {
        views: views.max(0) as u64,
        at: at.unwrap_or_default(),
        source: source.unwrap_or_default(),
    }))
}

fn source(row: &mut Row) -> Result<Option<Source>, DbError> {
    let (name, url) = (row.opt_text()?, row.opt_text()?);
    let url = url.map(|u| WebUrl::parse(&u).map_err(broken)).transpose()?;
    Ok(name.map(|name| Source { name, url }))
}

pub(super) fn slim(mut row: Row) -> Result<Slim, DbError> {
    Ok(Slim {
        id: article_id(&row.text()?)?,
        revision: row.int()?,
        url: row.text()?,
        section: from_json::<Vec<String>>(&row.text()?)?.into_iter().next().unwrap_or_default(),
        carried_over: row.opt_int()?.unwrap_or(0).max(0) as u64,
        was_public: row.int()? != 0,
    })
}

pub(in crate::store) fn article_id(text: &str) -> Result<ArticleId, DbError> {
    ArticleId::parse(text).map_err(broken)
}

pub(super) fn status(word: &str) -> Result<Status, DbError> {
    Status::from_word(word).ok_or_else(|| broken(format!("`{word}` is not a status")))
}

/// An author as the `authors` column holds it.
#[derive(Serialize, Deserialize)]
struct AuthorJson {
    name: String,
    url: Option<String>,
}

impl From<&Author> for AuthorJson {
    fn from(a: &Author) -> AuthorJson {
        AuthorJson { name: a.name.clone(), url: a.url.as_ref().map(WebUrl::to_string) }
    }
}

fn authors(text: &str) -> Result<Vec<Author>, DbError> {
    let author = |a: AuthorJson| {
        let url = a.url.map(|u| WebUrl::parse(&u).map_err(broken)).transpose()?;
        Ok(Author { name: a.name, url })
    };
    from_json::<Vec<AuthorJson>>(text)?.into_iter().map(author).collect()
}

/// A media file as the `media` column holds it.
#[derive(Serialize, Deserialize)]
struct MediaJson {
    url: String,
    #[serde(rename = "type")]
    media_type: String,
    bytes: Option<u64>,
    width: Option<u32>,
    height: Option<u32>,
    duration_seconds: Option<f64>,
    role: String,
    credit: Option<String>,
    alt: Option<String>,
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

fn media(text: &str) -> Result<Vec<Media>, DbError> {
    let media = |m: MediaJson| {
        Ok(Media {
            url: WebUrl::parse(&m.url).map_err(broken)?,
            media_type: m.media_type,
            bytes: m.bytes,
            width: m.width,
            height: m.height,
            duration_seconds: m.duration_seconds,
            role: MediaRole::from_word(&m.role).ok_or_else(|| broken("media role"))?,
            credit: m.credit,
            alt: m.alt,
        })
    };
    from_json::<Vec<MediaJson>>(text)?.into_iter().map(media).collect()
}
