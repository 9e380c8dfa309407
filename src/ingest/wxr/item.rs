//! One `<item>` of an export as it stands there, nothing decided yet.

/// Categories and tags of one item that are kept.
const TERMS_MAX: usize = 1000;
/// Bytes of a title, an address, a name.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Bytes of a meta field that is read.
const META_BYTES_MAX: usize = 256 << 10;
/// Meta fields of one item that are kept.
const META_MAX: usize = 100;

/// Where in an export an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Rss,
    Channel,
    Version,
    Site,
    Author,
    AuthorLogin,
    AuthorName,
    AuthorId,
    Term,
    TermSlug,
    TermName,
    TermParent,
    TermId,
    Item,
    Title,
    Link,
    Guid,
    Creator,
    Content,
    Excerpt,
    Id,
    Date,
    DateGmt,
    ModifiedGmt,
    Name,
    Status,
    Parent,
    Type,
    Password,
    AttachmentUrl,
    Category,
    Meta,
    MetaKey,
    MetaValue,
    Other,
}

impl Place {
    /// The place of an element within its parent.
    pub fn of(parent: Option<Place>, name: &str) -> Place {
        match (parent, name) {
            (None, "rss") => Place::Rss,
            (Some(Place::Rss), "channel") => Place::Channel,
            (Some(Place::Channel), name) => Place::of_channel(name),
            (Some(Place::Author), "wp:author_login") => Place::AuthorLogin,
            (Some(Place::Author), "wp:author_display_name") => Place::AuthorName,
            (Some(Place::Author), "wp:author_id") => Place::AuthorId,
            (Some(Place::Term), name) => Place::of_term(name),
            (Some(Place::Item), name) => Place::of_item(name),
            (Some(Place::Meta), "wp:meta_key") => Place::MetaKey,
            (Some(Place::Meta), "wp:meta_value") => Place::MetaValue,
            _ => Place::Other,
        }
    }

    fn of_channel(name: &str) -> Place {
        match name {
            "wp:wxr_version" => Place::Version,
            "wp:base_blog_url" => Place::Site,
            "wp:author" => Place::Author,
            "wp:category" | "wp:tag" => Place::Term,
            "item" => Place::Item,
            _ => Place::Other,
        }
    }

    fn of_term(name: &str) -> Place {
        match name {
            "wp:category_nicename" | "wp:tag_slug" => Place::TermSlug,
            "wp:cat_name" | "wp:tag_name" => Place::TermName,
            "wp:category_parent" => Place::TermParent,
            "wp:term_id" => Place::TermId,
            _ => Place::Other,
        }
    }

    fn of_item(name: &str) -> Place {
        match name {
            "title" => Place::Title,
            "link" => Place::Link,
            "guid" => Place::Guid,
            "dc:creator" => Place::Creator,
            "content:encoded" => Place::Content,
            "excerpt:encoded" => Place::Excerpt,
            "wp:post_id" => Place::Id,
            "wp:post_date" => Place::Date,
            "wp:post_date_gmt" => Place::DateGmt,
            "wp:post_modified_gmt" => Place::ModifiedGmt,
            "wp:post_name" => Place::Name,
            "wp:status" => Place::Status,
            "wp:post_parent" => Place::Parent,
            "wp:post_type" => Place::Type,
            "wp:post_password" => Place::Password,
            "wp:attachment_url" => Place::AttachmentUrl,
            "category" => Place::Category,
            "wp:postmeta" => Place::Meta,
            _ => Place::Other,
        }
    }

    /// Bytes that a field may have; `article` is the limit of an article's HTML.
    pub fn bytes_max(self, article: usize) -> usize {
        match self {
            Place::Content | Place::Excerpt => article,
            Place::MetaValue => META_BYTES_MAX,
            _ => LINE_BYTES_MAX,
        }
    }

    /// False where text is only layout, or not for us.
    pub fn holds_text(self) -> bool {
        !matches!(
            self,
            Place::Rss
                | Place::Channel
                | Place::Author
                | Place::Term
                | Place::Item
                | Place::Meta
                | Place::Version
                | Place::Other
        )
    }
}

/// One item, text as in the file.
#[derive(Debug, Default)]
pub(super) struct Item {
    pub id: u64,
    pub kind: String,
    pub status: String,
    pub title: String,
    pub link: String,
    pub guid: String,
    pub creator: String,
    pub content: String,
    pub excerpt: String,
    pub date: String,
    pub date_gmt: Option<String>,
    pub modified_gmt: String,
    pub name: String,
    pub parent: u64,
    pub password: String,
    pub attachment_url: String,
    pub terms: Vec<Term>,
    pub meta: Vec<(String, String)>,
    /// A field was longer than allowed and is missing here.
    pub too_large: bool,
    meta_key: String,
    meta_value: String,
}

/// A category, tag, language, …
#[derive(Debug)]
pub(super) struct Term {
    pub domain: String,
    pub nicename: String,
    pub name: String,
}

impl Item {
    /// Takes the text of an element that ended.
    pub fn set(&mut self, place: Place, text: String, domain: &str, nicename: String) {
        let number = || text.trim().parse().unwrap_or_default();
        match place {
            Place::Id => self.id = number(),
            Place::Parent => self.parent = number(),
            Place::Type => self.kind = text,
            Place::Status => self.status = text,
            Place::Title => self.title = text,
            Place::Link => self.link = text,
            Place::Guid => self.guid = text,
            Place::Creator => self.creator = text,
            Place::Content => self.content = text,
            Place::Excerpt => self.excerpt = text,
            Place::Date => self.date = text,
            Place::DateGmt => self.date_gmt = Some(text),
            Place::ModifiedGmt => self.modified_gmt = text,
            Place::Name => self.name = text,
            Place::Password => self.password = text,
            Place::AttachmentUrl => self.attachment_url = text,
            Place::Category if self.terms.len() < TERMS_MAX => {
                self.terms.push(Term { domain: domain.to_owned(), nicename, name: text });
            }
            Place::MetaKey => self.meta_key = text,
            Place::MetaValue => self.meta_value = text,
            Place::Meta => self.keep_meta(),
            _ => {}
        }
    }

    fn keep_meta(&mut self) {
        let pair = (std::mem::take(&mut self.meta_key), std::mem::take(&mut self.meta_value));
        let known = matches!(
            pair.0.as_str(),
            "_thumbnail_id" | "enclosure" | "_wp_attachment_metadata" | "_wp_attachment_image_alt"
        );
        if self.meta.len() < META_MAX && (known || super::views::is_view_key(&pair.0)) {
            self.meta.push(pair);
        }
    }

    /// The first value of a meta field.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}
