//! What becomes of a hit.

/// How a hit reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// `POST /v/…`, sent by a script on the page.
    Script,
    /// `GET /v/….gif`, an image on the page.
    Pixel,
}

impl Channel {
    /// Both of them.
    pub const ALL: [Channel; 2] = [Channel::Script, Channel::Pixel];

    /// The word in metrics and in the view store.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Script => "script",
            Channel::Pixel => "pixel",
        }
    }

    /// The channel a word stands for.
    pub fn from_word(word: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|c| c.as_str() == word)
    }
}

/// What became of a hit. Only `Counted` is a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// A view.
    Counted,
    /// The same visitor and article within the repeat window.
    Repeat,
    /// A program, by its own word.
    Bot,
    /// Fetched ahead, perhaps never shown.
    Prefetch,
    /// Sent by a page of another site.
    Foreign,
    /// No public article has this id or address.
    Unknown,
    /// The id cannot be one.
    Invalid,
    /// The queue was full; answered 503 and not kept.
    Overflow,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 8] = [
        Verdict::Counted,
        Verdict::Repeat,
        Verdict::Bot,
        Verdict::Prefetch,
        Verdict::Foreign,
        Verdict::Unknown,
        Verdict::Invalid,
        Verdict::Overflow,
    ];

    /// The word in the `Jarshy-View` header, in metrics and in the view store.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Counted => "counted",
            Verdict::Repeat => "repeat",
            Verdict::Bot => "bot",
            Verdict::Prefetch => "prefetch",
            Verdict::Foreign => "foreign",
            Verdict::Unknown => "unknown",
            Verdict::Invalid => "invalid",
            Verdict::Overflow => "overflow",
        }
    }

    /// The verdict a word stands for.
    pub fn from_word(word: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|v| v.as_str() == word)
    }
}
