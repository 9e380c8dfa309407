//! A tiny real HTTP server of the test: what it answers, byte for byte, is the test's own affair.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }
}

type Answer = dyn Fn(&Asked, &mut TcpStream) + Send + Sync;

/// A server on loopback that ends with the test.
pub struct Upstream {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Mutex<Arc<Answer>>>,
    ended: Arc<AtomicBool>,
}

impl Upstream {
    /// Each request, on a connection of its own, is answered by what `answer` writes.
    pub fn start(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Upstream {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            answer: Arc::new(Mutex::new(Arc::new(answer))),
            ended: Arc::default(),
        };
        let (asked, answer) = (upstream.asked.clone(), upstream.answer.clone());
        let ended = upstream.ended.clone();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, answer) = (asked.clone(), answer.clone());
                std::thread::spawn(move || {
                    let Some(request) = read(&mut stream) else { return };
                    asked.lock().unwrap().push(request.clone());
                    let answer = answer.lock().unwrap().clone();
                    answer(&request, &mut stream);
                });
            }
        });
        upstream
    }

    /// Answers with the same bytes always.
    pub fn saying(bytes: impl Into<Vec<u8>>) -> Upstream {
        let bytes = bytes.into();
        Upstream::start(move |_, stream| {
            let _ = stream.write_all(&bytes);
        })
    }

    /// Answers otherwise from now on.
    pub fn now_says(&self, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        self.now_does(move |_, stream| {
            let _ = stream.write_all(&bytes);
        });
    }

    /// Answers by other rules from now on.
    pub fn now_does(&self, answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(answer);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// The bytes of an answer that closes its connection.
pub fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut words = head.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut asked = Asked { method, path, head, body: bytes[end..].to_vec() };
    let length = asked.header("content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
    while asked.body.len() < length {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(n) => asked.body.extend_from_slice(&buffer[..n]),
        }
    }
    Some(asked)
}
