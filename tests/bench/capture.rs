//! A served document as files, so that other servers answer the same bytes; and waiting for a 200.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};

use crate::{
    arguments::Arguments,
    talk::{self, Reply, Talk},
};

/// What each server says in its own way.
const OWN: [&str; 4] = ["date", "connection", "server", "keep-alive"];
const AWAIT_SECONDS_MAX: u64 = 120;

/// Writes `DIR/PATH`, `DIR/PATH.gz` and `DIR/PATH.head`, the headers of the gzip answer.
pub fn capture(arguments: &Arguments) -> anyhow::Result<()> {
    let path = arguments.text("path")?;
    let mut talk = Talk::to(arguments.address("address")?)?;
    let identity = expect(talk.ask(&talk::get(path, "identity", ""))?, "")?;
    let gzip = expect(talk.ask(&talk::get(path, "gzip", ""))?, "gzip")?;
    let file = Path::new(arguments.text("files")?).join(path.trim_start_matches('/'));
    fs::create_dir_all(file.parent().context("a path has a folder")?)?;
    let suffixed = |suffix| format!("{}{suffix}", file.display());
    fs::write(&file, &identity.body)?;
    fs::write(suffixed(".gz"), &gzip.body)?;
    let kept = gzip.headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
    let head: String = kept.map(|(name, value)| format!("{name}: {value}\n")).collect();
    fs::write(suffixed(".head"), head)?;
    println!("{path}: {} bytes, {} in gzip", identity.body.len(), gzip.body.len());
    Ok(())
}

fn expect(reply: Reply, encoding: &str) -> anyhow::Result<Reply> {
    let got = reply.header("content-encoding");
    if reply.status != 200 || got != encoding {
        bail!("expected a 200 in {encoding:?}, got {} in {got:?}", reply.status);
    }
    Ok(reply)
}

/// Prints the milliseconds from `--since` to the first 200, in `--encoding` where one is named.
pub fn wait(arguments: &Arguments) -> anyhow::Result<()> {
    let (address, path) = (arguments.address("address")?, arguments.text("path")?);
    let since = UNIX_EPOCH + Duration::from_nanos(arguments.number("since", 0)?);
    let encoding = if arguments.has("encoding") { arguments.text("encoding")? } else { "gzip" };
    let wanted = |reply: Reply| {
        let named = arguments.has("encoding");
        reply.status == 200 && (!named || reply.header("content-encoding") == encoding)
    };
    let request = talk::get(path, encoding, "");
    let began = SystemTime::now();
    loop {
        let reply = Talk::to(address).and_then(|mut talk| talk.ask(&request));
        if reply.is_ok_and(wanted) {
            let took = SystemTime::now().duration_since(since).unwrap_or_default();
            println!("{:.1}", took.as_secs_f64() * 1000.0);
            return Ok(());
        }
        if began.elapsed().unwrap_or_default().as_secs() > AWAIT_SECONDS_MAX {
            bail!("no 200 from {address}{path} within {AWAIT_SECONDS_MAX} s");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
