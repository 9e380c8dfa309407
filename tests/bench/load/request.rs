//! The requests of a run, made before it: one that is always the same, or hits that are all different.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    arguments::Arguments,
    talk::{self, Talk},
};

/// As a browser sends it; ids and addresses have a fixed width and are written over.
const HIT: &str = "POST /v/bench-0000000 HTTP/1.1\r\nHost: feeds.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: */*\r\nX-Forwarded-For: 10.100.100.100\r\nContent-Length: 0\r\n\r\n";
/// More hits than any run makes in a second; keeps the visitors of one run from those of the next.
const HITS_PER_SECOND_MAX: u64 = 200_000;

/// What a run sends.
pub enum Requests {
    /// Always the same.
    Same(Vec<u8>),
    /// Hits by visitors of their own.
    Hits {
        /// The text with the last id and address.
        text: Vec<u8>,
        /// How many articles are hit, one after the other.
        articles: u64,
        /// The number of the next visitor.
        visitor: u64,
        /// Where the digits of the id and of the address are.
        places: (usize, usize),
    },
}

impl Requests {
    /// `--hits N` articles, or `--path P`, with the validators of its 200 where `--unchanged`.
    pub fn new(arguments: &Arguments) -> anyhow::Result<Requests> {
        if arguments.has("hits") {
            return Requests::hits(arguments.number("hits", 1)?);
        }
        let path = arguments.text("path")?;
        let plain = talk::get(path, "gzip", "");
        if !arguments.has("unchanged") {
            return Ok(Requests::Same(plain));
        }
        let reply = Talk::to(arguments.address("address")?)?.ask(&plain)?;
        let validator = format!("If-None-Match: {}\r\n", reply.header("etag"));
        Ok(Requests::Same(talk::get(path, "gzip", &validator)))
    }

    fn hits(articles: u64) -> anyhow::Result<Requests> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let place = |word: &str| HIT.find(word).map_or(0, |at| at + word.len());
        Ok(Requests::Hits {
            text: HIT.as_bytes().to_vec(),
            articles: articles.max(1),
            visitor: seconds.wrapping_mul(HITS_PER_SECOND_MAX),
            places: (place("/v/bench-"), place("X-Forwarded-For: 10.")),
        })
    }

    /// True when only a hit that was counted is what we want.
    pub fn wants_mark(&self) -> bool {
        matches!(self, Requests::Hits { .. })
    }

    /// The next request.
    pub fn next(&mut self) -> &[u8] {
        match self {
            Requests::Same(request) => request,
            Requests::Hits { text, articles, visitor, places: (id, address) } => {
                write_digits(&mut text[*id..*id + 7], *visitor % *articles);
                // Three octets of 100 to 249: a fixed width without leading zeros.
                let mut rest = *visitor;
                for place in [0, 4, 8] {
                    let from = *address + place;
                    write_digits(&mut text[from..from + 3], 100 + rest % 150);
                    rest /= 150;
                }
                *visitor = visitor.wrapping_add(1);
                text
            }
        }
    }
}

fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
