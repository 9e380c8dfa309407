//! Bytes over HTTP: a client that sends what it is told and shows what came back.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// One request on a connection of its own.
pub fn ask(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    raw(to, &bytes).unwrap_or_else(|| panic!("no answer to {method} {path}"))
}

/// GET.
pub fn get(to: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Reply {
    ask(to, "GET", path, headers, b"")
}

/// These very bytes; `None` when the connection was closed without an answer.
pub fn raw(to: SocketAddr, bytes: &[u8]) -> Option<Reply> {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A server that refuses early may close while we still send.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    parse(&answer)
}

fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut body = answer[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    Some(Reply { status, head, body })
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16).unwrap_or(0);
        if size == 0 || rest.len() < end + 2 + size {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[(end + 4 + size).min(rest.len())..];
    }
    body
}

/// A connection that stays open for several requests.
pub struct Wire {
    stream: TcpStream,
    left: Vec<u8>,
}

impl Wire {
    pub fn to(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Wire { stream, left: Vec::new() }
    }

    /// Sends bytes; a server that has closed already may not take them all.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// The next answer, its body as long as `Content-Length` says.
    pub fn reply(&mut self, has_body: bool) -> Option<Reply> {
        let end = loop {
            if let Some(end) = self.left.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more()?;
        };
        let mut reply = parse(&self.left[..end])?;
        let length = reply.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        let length: usize = if has_body { length } else { 0 };
        while self.left.len() < end + length {
            self.read_more()?;
        }
        reply.body = self.left[end..end + length].to_vec();
        self.left.drain(..end + length);
        Some(reply)
    }

    fn read_more(&mut self) -> Option<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.left.extend_from_slice(&buffer[..n]);
                Some(())
            }
        }
    }

    /// Sends a byte again and again, a little slower than the server likes; true once it closes.
    pub fn drip_until_closed(&mut self, byte: u8) -> bool {
        self.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while std::time::Instant::now() < deadline {
            if !self.send([byte]) {
                return true;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(n) => self.left.extend_from_slice(&buffer[..n]),
                Err(error) if is_patience(&error) => {}
                Err(_) => return true,
            }
        }
        false
    }

    /// What came besides whole replies, after [`Wire::drip_until_closed`].
    pub fn last_words(&self) -> Option<Reply> {
        parse(&self.left)
    }

    /// True once the server closes; false when it has not within twenty seconds.
    pub fn is_closed(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !is_patience(&error),
            }
        }
    }

    /// True when the server cuts the connection with a reset, so that nothing stays in its kernel.
    pub fn is_reset(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    }
}

/// Our own patience ended, not the connection.
fn is_patience(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock)
}

impl Wire {
    /// Lets some time pass as a slow peer does; what arrives meanwhile is kept.
    pub fn pause(&mut self, millis: u64) {
        self.stream.set_read_timeout(Some(Duration::from_millis(millis))).unwrap();
        let _ = self.read_more();
        self.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    }
}

impl Wire {
    /// From this address of our own, with little room for what comes back.
    pub fn from(own: &str, to: SocketAddr) -> Wire {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        socket.bind(&format!("{own}:0").parse::<SocketAddr>().unwrap().into()).unwrap();
        socket.connect(&to.into()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Wire { stream: socket.into(), left: Vec::new() }
    }

    /// The same connection, for another thread to send.
    pub fn twin(&self) -> Wire {
        Wire { stream: self.stream.try_clone().unwrap(), left: Vec::new() }
    }

    /// Takes what comes at this pace, until the other side ends; tells how much it was.
    pub fn sip_until_closed(&mut self, bytes: usize, every: Duration) -> usize {
        let (mut buffer, mut total) = (vec![0; bytes], 0);
        while let Ok(n @ 1..) = self.stream.read(&mut buffer) {
            total += n;
            std::thread::sleep(every);
        }
        total
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}
