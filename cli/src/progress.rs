//! What is being done, for people who wait: one line on stderr, on a terminal only, once a second
//! has passed, and gone when there is something to read.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Nobody is told of what takes less.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const PACE: Duration = Duration::from_millis(250);
/// Back to the line's beginning, and everything off it.
const CLEAR: &str = "\r\u{1b}[K";

static LINE: Mutex<Line> = Mutex::new(Line {
    text: String::new(),
    shown: false,
    muted: false,
});

struct Line {
    text: String,
    /// Whether it stands on the screen now.
    shown: bool,
    /// Whether the terminal belongs to somebody else.
    muted: bool,
}

fn line() -> MutexGuard<'static, Line> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says what is being done from here on.
pub(crate) fn doing(text: impl Into<String>) {
    line().text = text.into();
}

/// Takes the line off the screen, before anything else is written there.
pub(crate) fn clear() {
    let mut line = line();
    if line.shown {
        let _ = write!(io::stderr(), "{CLEAR}");
        line.shown = false;
    }
}

/// Leaves the terminal to a question, or to another program, until it is dropped.
pub(crate) struct Quiet;

/// Leaves the terminal to somebody else.
pub(crate) fn quiet() -> Quiet {
    clear();
    line().muted = true;
    Quiet
}

impl Drop for Quiet {
    fn drop(&mut self) {
        line().muted = false;
    }
}

/// Shows the line until it is dropped.
pub(crate) struct Watch {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Watch {
    /// Begins to watch, where somebody sees it.
    pub(crate) fn begin() -> Self {
        if !io::stderr().is_terminal() {
            return Self { thread: None };
        }
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            let began = Instant::now();
            let mut pause = PATIENCE;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                show(began.elapsed());
                pause = PACE;
            }
            clear();
        });
        Self {
            thread: Some((end, thread)),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.thread.take() {
            drop(end);
            let _ = thread.join();
        }
    }
}

fn show(time: Duration) {
    let mut line = line();
    if line.muted || line.text.is_empty() {
        return;
    }
    let text: String = line.text.chars().take(70).collect();
    let text = crate::output::printable(&text);
    let _ = write!(io::stderr(), "{CLEAR}{text} ({} s)", time.as_secs());
    line.shown = true;
}
