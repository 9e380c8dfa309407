//! Which User-Agents are programs by their own word.
//!
//! A first table of words (`agents.txt`), not a judge of clever ones: a program that sends a
//! browser's agent passes.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use crate::model::AgentClass;

const TABLE: &str = include_str!("agents.txt");
/// Browsers send far less; what is longer is judged by its beginning.
const AGENT_BYTES_MAX: usize = 4096;

/// The line of the table that the feed readers' words follow.
const FEED_READERS: &str = "# Feed readers";

/// The table, ready to search.
#[derive(Debug)]
pub struct Agents {
    words: AhoCorasick,
    /// The words from this number on hide the others.
    first_human: usize,
    /// The numbers of feed readers' words.
    feed_readers: Range<usize>,
}

impl Agents {
    /// Builds the search from the table.
    pub fn new() -> Result<Agents, BuildError> {
        let lines = || TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let bots: Vec<&str> = lines().filter(|line| !line.starts_with('!')).collect();
        let humans = lines().filter_map(|line| line.strip_prefix('!'));
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            // Every hit is searched: a table built once costs less than states followed each time.
            .kind(Some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(bots.iter().copied().chain(humans))?;
        Ok(Agents { words, first_human: bots.len(), feed_readers: feed_readers() })
    }

    /// True for a program, and for whoever does not say what it is.
    pub fn is_bot(&self, user_agent: Option<&[u8]>) -> bool {
        let agent = user_agent.unwrap_or_default().trim_ascii();
        let agent = &agent[..agent.len().min(AGENT_BYTES_MAX)];
        let bot_word = |found: aho_corasick::Match| found.pattern().as_usize() < self.first_human;
        agent.is_empty() || self.words.find_iter(agent).any(bot_word)
    }

    /// What kind of program it is by its own word.
    pub fn class(&self, user_agent: Option<&[u8]>) -> AgentClass {
        let agent = user_agent.unwrap_or_default().trim_ascii();
        let agent = &agent[..agent.len().min(AGENT_BYTES_MAX)];
        let mut found = self.words.find_iter(agent).map(|word| word.pattern().as_usize());
        if found.any(|word| self.feed_readers.contains(&word)) {
            AgentClass::FeedReader
        } else if self.is_bot(user_agent) {
            AgentClass::Bot
        } else {
            AgentClass::Other
        }
    }
}

/// Where the feed readers' words stand among the bots' words: up to the table's next heading.
fn feed_readers() -> Range<usize> {
    let (before, after) = TABLE.split_once(FEED_READERS).unwrap_or((TABLE, ""));
    let is_word = |line: &&str| !line.is_empty() && !line.starts_with(['#', '!']);
    let first = before.lines().filter(is_word).count();
    let own = after.lines().skip(1).take_while(|line| !line.starts_with("# "));
    first..first + own.filter(is_word).count()
}
