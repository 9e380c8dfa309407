//! `jarshy demo`: once it says where to look, everything there is as it will be.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::wire;

/// A running demo; killed when it goes out of scope.
struct Demo {
    public: SocketAddr,
    process: Child,
    _folder: TempDir,
}

impl Demo {
    /// Reads what it says up to its last line.
    fn start() -> Demo {
        let folder = TempDir::new().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_jarshy"))
            .args(["demo", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let welcome: Vec<String> = said.take_while(|line| !line.starts_with("Stop it")).collect();
        let address =
            |line: &String| Some(line.split_once("http://")?.1.split_once('/')?.0.parse());
        let public = welcome.iter().find_map(address).expect("an address is named").unwrap();
        Demo { public, process, _folder: folder }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // One that has ended already need not be ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_the_welcome_names_is_there_in_every_encoding() {
    let demo = Demo::start();
    let opml = wire::get(demo.public, "/feeds.opml", &[]).text();
    let feeds: Vec<&str> =
        opml.split("xmlUrl=\"").skip(1).filter_map(|s| s.split('"').next()).collect();
    assert!(feeds.len() > 5, "{opml}");
    for feed in feeds {
        let path = feed.splitn(4, '/').nth(3).expect("an address has a path");
        for encoding in ["gzip", "br"] {
            let asked = [("Accept-Encoding", encoding)];
            let reply = wire::get(demo.public, &format!("/{path}"), &asked);
            assert_eq!(
                (reply.status, reply.header("content-encoding")),
                (200, Some(encoding)),
                "{path}"
            );
        }
    }
}
