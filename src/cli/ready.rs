//! `jarshy ready`: asks the daemon on this machine whether it should get traffic, for health checks
//! that have no other program. Changes nothing.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use clap::Args;

use super::{Failure, Listeners, Which, say};

/// Asks the running daemon whether it should get traffic: exit code 0, or 1 with the reasons.
#[derive(Args, Debug)]
pub struct ReadyArgs {}

/// For the whole exchange; a daemon that is well answers at once.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A longer answer is not read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Runs the command.
pub async fn run(which: &Which, _: ReadyArgs) -> Result<(), Failure> {
    let config = which.settings(&Listeners::default())?;
    let path = config.store.data.join("daemon.json");
    let told = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let address = told.and_then(|told: serde_json::Value| told["ops"].as_str()?.parse().ok());
    let address: SocketAddr = address.ok_or_else(|| {
        let path = path.display();
        Failure::input(format!(
            "no daemon runs: there is no {path}; start it, or name it with --config or --data"
        ))
    })?;
    let answer = ask(address).map_err(|e| {
        Failure::input(format!("the daemon at {address} does not answer ({e}); is it running?"))
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => say("ready"),
        _ => Err(Failure::input(format!("not ready: {}", body.trim()))),
    }
}

fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
