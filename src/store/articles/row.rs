//! An article as a row: what the columns hold, and what they are read back to.

use serde::{Deserialize, Serialize};

use super::{Marks, Put, Slim, Stored, Withdrawal};
use crate::{
    model::{
        Article, ArticleId, Author, CarriedOver, Guid, Language, Media, MediaRole, Source, Status,
        WebUrl,
    },
    store::{
        broken,
        error::DbError,
        from_json, json,
        value::{Row, Value},
    },
};

pub(in crate::store) fn put_row(put: &Put) -> Vec<Value> {
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

pub(in crate::store) fn slim(mut row: Row) -> Result<Slim, DbError> {
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

pub(in crate::store) fn status(word: &str) -> Result<Status, DbError> {
    Status::from_word(word).ok_or_else(|| broken(format!("`{word}` is not a status")))
}

/// A LIKE pattern for "contains", with `!` before its own signs.
pub(in crate::store) fn contains(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| matches!(c, '%' | '_' | '!').then_some('!').into_iter().chain([c]))
        .collect();
    format!("%{escaped}%")
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
