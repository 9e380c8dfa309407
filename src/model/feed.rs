//! The shapes of a feed.

/// A shape: RSS 2.0, Atom 1.0 (RFC 4287) or JSON Feed 1.1; RSS 1.0 only at WordPress's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// RSS 2.0.
    Rss,
    /// Atom 1.0.
    Atom,
    /// JSON Feed 1.1.
    Json,
    /// RSS 1.0, which is RDF. No address of ours has it, only those taken over from WordPress.
    Rdf,
}

impl Format {
    /// The public ones; the first is what a reader gets that does not say.
    pub const ALL: [Format; 3] = [Format::Rss, Format::Atom, Format::Json];

    /// True for a shape with an address of its own.
    pub fn is_public(self) -> bool {
        self != Format::Rdf
    }

    /// The word in settings, which is also the ending of the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Rss => "rss",
            Format::Atom => "atom",
            Format::Json => "json",
            Format::Rdf => "rdf",
        }
    }

    /// The format a word stands for.
    pub fn from_word(word: &str) -> Option<Format> {
        Format::ALL.into_iter().chain([Format::Rdf]).find(|f| f.as_str() == word)
    }

    /// The media type without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Rss => "application/rss+xml",
            Format::Atom => "application/atom+xml",
            Format::Json => "application/feed+json",
            Format::Rdf => "application/rdf+xml",
        }
    }

    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Rss => "application/rss+xml; charset=utf-8",
            Format::Atom => "application/atom+xml; charset=utf-8",
            Format::Json => "application/feed+json; charset=utf-8",
            Format::Rdf => "application/rdf+xml; charset=utf-8",
        }
    }
}
