//! Numbers out of a PHP-serialized array, as `_wp_attachment_metadata` holds them.
//!
//! Reads the top level only and gives up quietly on anything else: such metadata is a courtesy.

/// Arrays within one another.
const DEPTH_MAX: usize = 16;

/// What is known of a media file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct FileFacts {
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub bytes: Option<u64>,
    pub seconds: Option<u32>,
}

/// The facts in a serialized array; empty where it is not one.
pub(super) fn file_facts(serialized: &str) -> FileFacts {
    let mut facts = FileFacts::default();
    let mut php = Php { rest: serialized.as_bytes() };
    let Some(entries) = php.array_start() else { return facts };
    for _ in 0..entries {
        let (Some(key), Some(value)) = (php.value(0), php.value(0)) else { break };
        let number = value.number();
        match key.text() {
            b"width" => facts.width = number.and_then(|n| n.try_into().ok()),
            b"height" => facts.height = number.and_then(|n| n.try_into().ok()),
            b"filesize" => facts.bytes = number.filter(|n| *n > 0),
            b"length" => facts.seconds = number.and_then(|n| n.try_into().ok()),
            _ => {}
        }
    }
    facts
}

enum Value<'a> {
    Number(u64),
    Text(&'a [u8]),
    Other,
}

impl<'a> Value<'a> {
    fn text(&self) -> &'a [u8] {
        match self {
            Value::Text(text) => text,
            _ => b"",
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Value::Number(n) => Some(*n),
            Value::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            Value::Other => None,
        }
    }
}

struct Php<'a> {
    rest: &'a [u8],
}

impl<'a> Php<'a> {
    fn until(&mut self, end: u8) -> Option<&'a [u8]> {
        let at = self.rest.iter().position(|b| *b == end)?;
        let (before, rest) = self.rest.split_at(at);
        self.rest = &rest[1..];
        Some(before)
    }

    fn number_until(&mut self, end: u8) -> Option<u64> {
        std::str::from_utf8(self.until(end)?).ok()?.parse().ok()
    }

    fn expect(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn array_start(&mut self) -> Option<u64> {
        self.expect(b"a:")?;
        let entries = self.number_until(b':')?;
        self.expect(b"{")?;
        Some(entries)
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.rest.first()? {
            b'a' => {
                for _ in 0..self.array_start()? {
                    self.value(depth + 1)?;
                    self.value(depth + 1)?;
                }
                self.expect(b"}")?;
                Some(Value::Other)
            }
            b's' => self.text(),
            b'i' => {
                self.expect(b"i:")?;
                let number = self.until(b';')?;
                let number = std::str::from_utf8(number).ok().and_then(|n| n.parse().ok());
                Some(number.map_or(Value::Other, Value::Number))
            }
            b'd' | b'b' | b'N' => self.until(b';').map(|_| Value::Other),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<Value<'a>> {
        self.expect(b"s:")?;
        let length = usize::try_from(self.number_until(b':')?).ok()?;
        self.expect(b"\"")?;
        let text = self.rest.get(..length)?;
        self.rest = &self.rest[length..];
        self.expect(b"\";")?;
        Some(Value::Text(text))
    }
}
