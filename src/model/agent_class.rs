//! What kind of program a User-Agent says it is.

/// As far as the agent tells by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentClass {
    /// Software that polls feeds.
    FeedReader,
    /// Any other program that says so, or says nothing.
    Bot,
    /// A browser, or what looks like one.
    Other,
}

impl AgentClass {
    /// All of them.
    pub const ALL: [AgentClass; 3] = [AgentClass::FeedReader, AgentClass::Bot, AgentClass::Other];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            AgentClass::FeedReader => "feed_reader",
            AgentClass::Bot => "bot",
            AgentClass::Other => "other",
        }
    }
}
