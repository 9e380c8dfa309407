//! A look through a feed before it is parsed: the parser takes a file that ends in the middle of an
//! entry, and follows any nesting.

use quick_xml::{Reader, encoding::DecodingReader, events::Event};

/// Elements within each other; a feed with XHTML inside has a few dozen.
const DEPTH_MAX: usize = 256;

/// Refuses XML that is cut short, nested too deep, or no XML. JSON is checked by its parser.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let first = bytes.iter().find(|b| matches!(b, b'<' | b'{'));
    if first != Some(&b'<') {
        return Ok(());
    }
    let mut reader = Reader::from_reader(DecodingReader::new(bytes));
    reader.config_mut().trim_markup_names_in_closing_tags = true;
    let (mut depth, mut buffer) = (0_usize, Vec::new());
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) if depth > 0 => {
                return Err("it is cut short: its last element is not closed".into());
            }
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(error) => {
                let at = reader.error_position();
                return Err(format!("it is no well-formed XML at byte {at}: {error}"));
            }
        }
        if depth > DEPTH_MAX {
            return Err(format!("its elements are nested deeper than {DEPTH_MAX}"));
        }
    }
}
