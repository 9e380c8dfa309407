//! One request after another on a kept connection, for what is not measured by the load generator.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};

/// Nothing that we ask takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer that we want is larger.
const BODY_BYTES_MAX: usize = 64 << 20;

/// A kept connection.
pub struct Talk {
    stream: BufReader<TcpStream>,
}

/// An answer.
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// As it came, encoded or not.
    pub body: Vec<u8>,
}

impl Reply {
    /// The header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

impl Talk {
    /// Connects.
    pub fn to(address: SocketAddr) -> anyhow::Result<Talk> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Talk { stream: BufReader::with_capacity(1 << 16, stream) })
    }

    /// Sends a whole request and reads its answer.
    pub fn ask(&mut self, request: &[u8]) -> anyhow::Result<Reply> {
        self.stream.get_mut().write_all(request)?;
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
        let status: u16 = status.with_context(|| format!("no status line: {line:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        let length = reply.header("content-length").parse().unwrap_or(0);
        if length > BODY_BYTES_MAX || !reply.header("transfer-encoding").is_empty() {
            bail!("an answer with a body of a length that is not expected");
        }
        if !matches!(status, 204 | 304) {
            reply.body.resize(length, 0);
            self.stream.read_exact(&mut reply.body)?;
        }
        Ok(reply)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            bail!("the server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }
}

/// A GET as a feed reader sends it.
pub fn get(path: &str, encoding: &str, more: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: feeds.example\r\nUser-Agent: Reader/1.0 (bench)\r\n\
         Accept: application/rss+xml, application/xml;q=0.9, */*;q=0.5\r\n\
         Accept-Encoding: {encoding}\r\n{more}\r\n"
    )
    .into_bytes()
}
