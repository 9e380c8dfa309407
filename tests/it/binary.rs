//! The real binary as a daemon: its settings file, its signals, and what it writes to its log.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::wire::{self, Reply};

/// `jarshy serve` on a folder of its own; killed when it goes out of scope.
pub struct Binary {
    pub public: SocketAddr,
    pub ops: SocketAddr,
    pub token: String,
    folder: TempDir,
    process: Child,
}

impl Binary {
    /// With these settings; listeners, data folder and the token are the test's own.
    pub fn serve(settings: &str) -> Binary {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("settings.toml"), whole(&folder, settings)).unwrap();
        let token = jarshy(&folder, &["token", "create", "--scope", "admin"]).output().unwrap();
        let token = String::from_utf8(token.stdout).unwrap().trim().to_owned();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let process = jarshy(&folder, &["serve"]).stderr(log).spawn().unwrap();
        let (public, ops) = until("daemon.json is there", || {
            let text = fs::read_to_string(folder.path().join("data/daemon.json")).ok()?;
            let said: Value = serde_json::from_str(&text).ok()?;
            let at = |key: &str| said[key].as_str()?.parse::<SocketAddr>().ok();
            Some((at("public")?, at("ops")?))
        });
        Binary { public, ops, token, folder, process }
    }

    /// Other settings, by SIGHUP.
    pub fn reload(&self, settings: &str) {
        fs::write(self.folder.path().join("settings.toml"), whole(&self.folder, settings)).unwrap();
        self.signal("-HUP");
    }

    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    pub fn api(&self, method: &str, path: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        wire::ask(self.ops, method, path, &headers, body.as_bytes())
    }

    /// The log so far, an object a line.
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap();
        // The last line may be under way.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The log as its bytes.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The first line of the log that `wanted` takes.
    pub fn until_logged(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.log().into_iter().find(&wanted))
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // One that has ended already need not be ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn jarshy(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jarshy"));
    command.args(arguments).arg("--config").arg(folder.path().join("settings.toml"));
    command.env_clear().stdin(Stdio::null());
    command
}

fn whole(folder: &TempDir, settings: &str) -> String {
    let data = folder.path().join("data");
    let mut tables: toml::Table = settings.parse().unwrap();
    for (table, key, value) in [
        ("public", "listen", "127.0.0.1:0"),
        ("ops", "listen", "127.0.0.1:0"),
        ("store", "data", data.to_str().unwrap()),
    ] {
        let empty = || toml::Value::Table(toml::Table::new());
        let table = tables.entry(table).or_insert_with(empty).as_table_mut().unwrap();
        table.insert(key.into(), toml::Value::String(value.into()));
    }
    tables.to_string()
}

/// Asks until there is an answer; a test that waits for ever fails after twenty seconds.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
