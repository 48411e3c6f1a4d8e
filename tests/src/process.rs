//! Child processes that end with their owner, each with a log of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

/// A running program.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; its output goes to `FOLDER/NAME.log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("creating {}", log.display()))?;
        let errors = file
            .try_clone()
            .with_context(|| format!("creating {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn();
        Ok(Self {
            child: child.with_context(|| format!("starting {name}"))?,
            log,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The last lines of its log.
    pub fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().rev().take(15).collect();
        let lines: Vec<_> = lines.into_iter().rev().collect();
        format!("{}:\n{}", self.log.display(), lines.join("\n"))
    }

    /// All that it printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it at once, as a machine that loses power does (SIGKILL).
    ///
    /// # Errors
    /// When it is not there any more.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("killing a process")?;
        self.child.wait().context("the end of a process")?;
        Ok(())
    }

    /// Lets it hang until what is returned goes: its connections stay open and nobody answers.
    pub fn hang(&self) -> Hung {
        signal(self.id(), Signal::STOP);
        Hung(self.id())
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Asks it to end; returns its exit code once it has, `None` when a signal ended it.
    ///
    /// # Errors
    /// When it does not end within half a minute.
    pub fn terminate(&mut self) -> anyhow::Result<Option<i32>> {
        end(self.child.id());
        crate::wait_until("the end of a process", Duration::from_secs(30), || {
            let status = self.child.try_wait()?.context("it still runs")?;
            Ok(status.code())
        })
    }

    /// Its resident memory in KiB.
    ///
    /// # Errors
    /// When it does not run.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = line.context("no VmRSS")?.trim_end_matches("kB").trim();
        words.parse().context("VmRSS")
    }

    /// Leaves it running when its owner goes.
    pub fn leave(self) {
        std::mem::forget(self);
    }
}

impl Drop for Process {
    /// Asks it to end, and ends it when it does not.
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        end(self.child.id());
        let limit = Instant::now() + Duration::from_secs(10);
        while Instant::now() < limit {
            if self.has_ended() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that hangs.
pub struct Hung(u32);

impl Drop for Hung {
    fn drop(&mut self) {
        signal(self.0, Signal::CONT);
    }
}

/// Sends SIGTERM to a process that this project started.
pub fn end(id: u32) {
    signal(id, Signal::TERM);
}

fn signal(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Ends a process that an earlier run started, if it is still the one: a process id may belong to
/// another program by now, but that one does not have the cluster's folder in its arguments.
pub fn end_own(id: u32, folder: &Path) {
    let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let arguments = String::from_utf8_lossy(&arguments).into_owned();
    if !arguments.contains(&folder.display().to_string()) {
        return;
    }
    end(id);
    let limit = Instant::now() + Duration::from_secs(10);
    while Path::new(&format!("/proc/{id}")).exists() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
}
