//! Plain text out of HTML, and the characters that XML cannot carry.

use std::{borrow::Cow, cell::RefCell};

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};

/// True for what XML 1.0 §2.2 allows as a character.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The text without characters that XML 1.0 §2.2 forbids, and how many they were.
pub fn without_forbidden(text: &str) -> (Cow<'_, str>, usize) {
    let forbidden = text.chars().filter(|c| !is_xml_char(*c)).count();
    if forbidden == 0 {
        return (Cow::Borrowed(text), 0);
    }
    (Cow::Owned(text.chars().filter(|c| is_xml_char(*c)).collect()), forbidden)
}

/// The text of a title or summary: tags out (scripts and styles with what they hold), entities
/// decoded once, runs of white space one space, forbidden characters out.
pub fn plain_text(raw: &str) -> String {
    let text = if raw.contains(['<', '&']) { text_of_html(raw) } else { raw.to_owned() };
    let (text, _) = without_forbidden(&text);
    folded(&text)
}

/// White space as typed (not the no-break kinds) folded to single spaces.
fn folded(text: &str) -> String {
    let is_space =
        |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{2028}' | '\u{2029}');
    let words = text.split(is_space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn text_of_html(raw: &str) -> String {
    let tokenizer = Tokenizer::new(TextSink::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(raw));
    // Scripts are never run, so the tokenizer does not stop before the end.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.text.into_inner()
}

/// Collects text from the tokenizer alone: linear, whatever the nesting.
#[derive(Default)]
struct TextSink {
    text: RefCell<String>,
    /// The element whose content is not text for people.
    within: RefCell<Option<String>>,
}

impl TextSink {
    fn tag(&self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        if tag.kind == TagKind::EndTag {
            self.within.borrow_mut().take_if(|within| within == name);
        }
        if separates(name) {
            self.text.borrow_mut().push(' ');
        }
        match (tag.kind, name) {
            (TagKind::StartTag, "script") => self.hide(name, RawKind::ScriptData),
            (TagKind::StartTag, "style" | "iframe" | "noembed" | "noframes" | "xmp") => {
                self.hide(name, RawKind::Rawtext)
            }
            _ => TokenSinkResult::Continue,
        }
    }

    fn hide(&self, name: &str, kind: RawKind) -> TokenSinkResult<()> {
        *self.within.borrow_mut() = Some(name.to_owned());
        TokenSinkResult::RawData(kind)
    }
}

impl TokenSink for TextSink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::CharacterTokens(text) if self.within.borrow().is_none() => {
                self.text.borrow_mut().push_str(&text);
            }
            Token::TagToken(tag) => return self.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// Words on both sides of such a tag are not one word.
fn separates(name: &str) -> bool {
    const INLINE: &[&str] = &[
        "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i",
        "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup",
        "tt", "u", "var", "wbr",
    ];
    !INLINE.contains(&name)
}
