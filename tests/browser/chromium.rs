//! Chromium without a window, told what to do over two pipes by its DevTools protocol: JSON, each
//! message ended by a zero byte.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than this the browser never thinks.
const LIMIT: Duration = Duration::from_secs(120);

/// The shell hands on its own input and output as the descriptors that Chromium reads and writes.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

/// A running browser.
pub(crate) struct Chromium {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    events: VecDeque<Value>,
    next: u64,
    folder: TempDir,
}

impl Chromium {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let program = find()?;
        let folder = tempfile::tempdir().context("a folder for the browser")?;
        let errors = std::fs::File::create(folder.path().join("log"))?;
        let mut child = Command::new("sh")
            .args(["-c", PIPES])
            .arg(&program)
            // Containers do not allow its sandbox; the pages are the tests' own.
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--remote-debugging-pipe", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg("about:blank")
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let (to, out) = (child.stdin.take(), child.stdout.take());
        let (send, from) = channel();
        let out = out.context("its output")?;
        std::thread::spawn(move || read(out, &send));
        Ok(Self {
            child,
            to: to.context("its input")?,
            from,
            events: VecDeque::new(),
            next: 0,
            folder,
        })
    }

    /// Calls a method, of the browser or of one page, and waits for the answer.
    pub(crate) fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Value> {
        self.next += 1;
        let id = self.next;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        write!(self.to, "{message}\0").with_context(|| self.ended(method))?;
        let end = Instant::now() + LIMIT;
        loop {
            let mut answer = self.receive(method, end)?;
            if answer["id"] != id {
                self.events.push_back(answer);
            } else if answer["error"].is_object() {
                bail!("{method}: {}", answer["error"]);
            } else {
                return Ok(answer["result"].take());
            }
        }
    }

    /// Waits for an event; every one up to it, and itself.
    pub(crate) fn until(&mut self, name: &str) -> anyhow::Result<Vec<Value>> {
        let mut seen = Vec::new();
        let end = Instant::now() + LIMIT;
        loop {
            let event = match self.events.pop_front() {
                Some(event) => event,
                None => self.receive(name, end)?,
            };
            let found = event["method"] == name;
            seen.push(event);
            if found {
                return Ok(seen);
            }
        }
    }

    /// What has happened since.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        self.events.drain(..).chain(self.from.try_iter()).collect()
    }

    fn receive(&mut self, what: &str, end: Instant) -> anyhow::Result<Value> {
        let left = end.saturating_duration_since(Instant::now());
        let received = self.from.recv_timeout(left);
        received.with_context(|| self.ended(what))
    }

    fn ended(&self, what: &str) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        format!("{what}: no answer from Chromium; it said:\n{log}")
    }
}

impl Drop for Chromium {
    /// Asks it to end, and ends it when it does not.
    fn drop(&mut self) {
        let message = json!({"id": 0, "method": "Browser.close"});
        let _ = write!(self.to, "{message}\0");
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Hands on every message until the browser ends.
fn read(out: impl Read, to: &Sender<Value>) {
    for message in BufReader::new(out).split(0) {
        let Ok(message) = message else { return };
        let Ok(message) = serde_json::from_slice(&message) else {
            return;
        };
        if to.send(message).is_err() {
            return;
        }
    }
}

/// The program: `CHROMIUM`, or the first on PATH.
fn find() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.find(|place| place.is_file()).context(
        "Chromium is not on PATH: `apt-get install -y chromium`, or say in CHROMIUM where it is",
    )
}
