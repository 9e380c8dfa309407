//! From the 2xx of a publish to the first 200 that contains it, in every feed that it touches.
//!
//! Readers poll with the ETag they have, once a millisecond, five feeds in identity and in gzip; the
//! time of a publish is that of the last of its feeds. Before each publish the daemon comes to rest:
//! brotli of the last one is ready, so nothing is left to do.

use std::{
    io::Read,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::json;

use crate::{
    arguments::Arguments,
    seed::{Words, section},
    talk::{self, Reply, Talk},
};

/// How many feeds a published article is in.
const FEEDS: u64 = 5;
const POLL_EVERY: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest that all publishes may take; fewer are measured then.
const ALL_SECONDS_MAX: u64 = 60;

/// A feed as one reader polls it.
struct Reader {
    path: String,
    encoding: &'static str,
    etag: String,
    seen: Option<Duration>,
}

/// Prints a line: label, publishes, then p50 and p99 in milliseconds of identity, of gzip, and of the
/// publish itself from the request to its 2xx.
pub fn publish(arguments: &Arguments) -> anyhow::Result<()> {
    let publishes: usize = arguments.number("publishes", 100)?;
    let mut desk = Desk::open(arguments)?;
    let began = Instant::now();
    let (mut identity, mut gzip, mut accepted) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..publishes {
        if began.elapsed().as_secs() > ALL_SECONDS_MAX {
            break;
        }
        accepted.push(desk.publish(number)?);
        identity.push(desk.slowest("identity"));
        gzip.push(desk.slowest("gzip"));
        desk.rest(number)?;
    }
    let count = identity.len();
    let columns = [&mut identity, &mut gzip, &mut accepted].map(|times| quantiles(times));
    println!("{}\t{count}\t{}", arguments.text("label")?, columns.join("\t"));
    Ok(())
}

fn quantiles(times: &mut [f64]) -> String {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (times.len() as f64 * share).ceil() as usize;
        times.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    };
    format!("{:.2}\t{:.2}", at(0.5), at(0.99))
}

/// Who publishes, and who reads.
struct Desk {
    api: Talk,
    public: Talk,
    token: String,
    run: u64,
    readers: Vec<Reader>,
    words: Words,
}

impl Desk {
    fn open(arguments: &Arguments) -> anyhow::Result<Desk> {
        let public: SocketAddr = arguments.address("address")?;
        let mut readers = Vec::new();
        for feed in 0..FEEDS {
            for encoding in ["identity", "gzip"] {
                let path = format!("/feeds/feed-{feed}.rss");
                readers.push(Reader { path, encoding, etag: String::new(), seen: None });
            }
        }
        Ok(Desk {
            api: Talk::to(arguments.address("ops")?)?,
            public: Talk::to(public)?,
            token: arguments.text("token")?.to_owned(),
            run: u64::from(std::process::id()),
            readers,
            words: Words::new(2),
        })
    }

    /// Publishes one article and waits until every reader has it. Milliseconds of the publish.
    fn publish(&mut self, number: usize) -> anyhow::Result<f64> {
        let marker = self.marker(number);
        let request = self.request(number, &marker)?;
        let asked = Instant::now();
        let reply = self.api.ask(&request)?;
        let accepted = Instant::now();
        if !matches!(reply.status, 200 | 201) {
            let body = String::from_utf8_lossy(&reply.body);
            bail!("the publish was answered {}: {body}", reply.status);
        }
        self.readers.iter_mut().for_each(|reader| reader.seen = None);
        while self.readers.iter().any(|reader| reader.seen.is_none()) {
            for reader in self.readers.iter_mut().filter(|reader| reader.seen.is_none()) {
                reader.poll(&mut self.public, &marker, accepted)?;
            }
            if accepted.elapsed() > PATIENCE {
                bail!("an article was not in all its feeds after {PATIENCE:?}");
            }
            thread::sleep(POLL_EVERY);
        }
        Ok((accepted - asked).as_secs_f64() * 1000.0)
    }

    fn marker(&self, number: usize) -> String {
        format!("publish {} {number} end", self.run)
    }

    fn request(&mut self, number: usize, marker: &str) -> anyhow::Result<Vec<u8>> {
        let id = format!("publish-{}-{number}", self.run);
        let now = jarshy::clock::Clock::system().now();
        let article = json!({
            "title": marker,
            "url": format!("https://news.example/{id}/"),
            "summary": self.words.sentence(20),
            "body_html": self.words.body(5),
            "sections": (0..FEEDS).map(section).collect::<Vec<_>>(),
            "published_at": now.to_rfc3339(),
        });
        let body = serde_json::to_vec(&article)?;
        let mut request = format!(
            "PUT /api/v1/articles/{id} HTTP/1.1\r\nHost: ops.example\r\n\
             Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.token,
            body.len()
        )
        .into_bytes();
        request.extend(body);
        Ok(request)
    }

    /// Milliseconds until the last reader of this encoding had it.
    fn slowest(&self, encoding: &str) -> f64 {
        let readers = self.readers.iter().filter(|reader| reader.encoding == encoding);
        let slowest = readers.filter_map(|reader| reader.seen).max().unwrap_or_default();
        slowest.as_secs_f64() * 1000.0
    }

    /// Waits until brotli of this publish is served in every feed.
    fn rest(&mut self, number: usize) -> anyhow::Result<()> {
        let began = Instant::now();
        for feed in 0..FEEDS {
            let request = talk::get(&format!("/feeds/feed-{feed}.rss"), "br", "");
            while self.public.ask(&request)?.header("content-encoding") != "br" {
                if began.elapsed() > PATIENCE {
                    bail!("the daemon did not come to rest after publish {number}");
                }
                thread::sleep(POLL_EVERY * 5);
            }
        }
        thread::sleep(POLL_EVERY * 20);
        Ok(())
    }
}

impl Reader {
    fn poll(&mut self, public: &mut Talk, marker: &str, since: Instant) -> anyhow::Result<()> {
        let validator = match self.etag.as_str() {
            "" => String::new(),
            etag => format!("If-None-Match: {etag}\r\n"),
        };
        let reply = public.ask(&talk::get(&self.path, self.encoding, &validator))?;
        let came = since.elapsed();
        match reply.status {
            304 => return Ok(()),
            200 => {}
            status => bail!("{} was answered {status}", self.path),
        }
        self.etag = reply.header("etag").to_owned();
        if text(&reply)?.contains(marker) {
            self.seen = Some(came);
        }
        Ok(())
    }
}

fn text(reply: &Reply) -> anyhow::Result<String> {
    let mut text = String::new();
    match reply.header("content-encoding") {
        "gzip" => {
            let mut decoder = flate2::read::GzDecoder::new(reply.body.as_slice());
            decoder.read_to_string(&mut text).context("a gzip body is whole")?;
        }
        _ => text = String::from_utf8(reply.body.clone())?,
    }
    Ok(text)
}
