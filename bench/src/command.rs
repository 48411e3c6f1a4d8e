//! Commands that run to their end, side by side: time, peak memory, and whether they did it right.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use tempfile::TempDir;

use crate::figure::{Sample, Unit};

/// Whether a command did what it should.
type Check<'a> = Box<dyn Fn(&Done) -> anyhow::Result<()> + 'a>;

/// What is run, in an empty folder each time.
pub(crate) struct Job<'a> {
    pub(crate) who: &'static str,
    command: Vec<OsString>,
    check: Check<'a>,
}

/// What a command did.
pub(crate) struct Done {
    seconds: f64,
    peak: f64,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The folder in which it ran.
    pub(crate) folder: TempDir,
}

/// Figures of one command.
pub(crate) struct Measured {
    pub(crate) who: &'static str,
    pub(crate) seconds: Vec<f64>,
    peaks: Vec<f64>,
}

impl Measured {
    pub(crate) fn time(&self) -> Sample {
        Sample::new(Unit::Seconds, self.seconds.iter().copied())
    }

    pub(crate) fn peak(&self) -> Sample {
        Sample::new(Unit::Mebibytes, self.peaks.iter().copied())
    }
}

impl<'a> Job<'a> {
    pub(crate) fn new(
        who: &'static str,
        program: &Path,
        args: &[&str],
        check: impl Fn(&Done) -> anyhow::Result<()> + 'a,
    ) -> Self {
        let program = std::iter::once(program.into());
        let args = args.iter().map(OsString::from);
        Self {
            who,
            command: program.chain(args).collect(),
            check: Box::new(check),
        }
    }

    /// Runs it once; an error where it did not do what it should.
    pub(crate) fn run(&self) -> anyhow::Result<Done> {
        let done = timed(&self.command).with_context(|| self.who.to_owned())?;
        (self.check)(&done).with_context(|| {
            let (code, said) = (done.code, format!("{}{}", done.stderr, done.stdout));
            format!("{} exits with {code} and says {said:.800}", self.who)
        })?;
        Ok(done)
    }
}

/// Every job in each round, in turn; a round that is not counted comes first.
pub(crate) fn side_by_side(rounds: usize, jobs: &[Job<'_>]) -> anyhow::Result<Vec<Measured>> {
    let mut measured: Vec<_> = jobs.iter().map(begin).collect();
    for round in 0..=rounds {
        for (job, figures) in jobs.iter().zip(&mut measured) {
            let done = job.run()?;
            if round > 0 {
                figures.seconds.push(done.seconds);
                figures.peaks.push(done.peak);
            }
        }
    }
    Ok(measured)
}

fn begin(job: &Job<'_>) -> Measured {
    Measured {
        who: job.who,
        seconds: Vec::new(),
        peaks: Vec::new(),
    }
}

/// A process of its own waits for the command: the system tells the peak of all children alone.
fn timed(command: &[OsString]) -> anyhow::Result<Done> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let beside = tempfile::tempdir().context("making a folder")?;
    let file = |name: &str| beside.path().join(name);
    let own = std::env::current_exe().context("finding this program")?;
    let mut timer = Command::new(own);
    timer.arg("timed").arg(file("report")).args(command);
    timer.current_dir(folder.path());
    timer
        .stdout(File::create(file("stdout"))?)
        .stderr(File::create(file("stderr"))?);
    let status = timer.status().context("starting the timer")?;
    let read = |name: &str| -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(file(name))?).into_owned())
    };
    let (stdout, stderr) = (read("stdout")?, read("stderr")?);
    ensure!(status.success(), "{stderr}");
    let report = read("report")?;
    let mut words = report.split(' ');
    let mut word = || words.next().context("half a report");
    Ok(Done {
        seconds: word()?.parse()?,
        peak: word()?.parse::<f64>()? / 1024.0,
        code: word()?.parse()?,
        stdout,
        stderr,
        folder,
    })
}

/// What the process of its own does: seconds, KiB and exit code go to a file.
pub(crate) fn timer(report: &str, command: &[&str]) -> anyhow::Result<()> {
    let [program, args @ ..] = command else {
        anyhow::bail!("there is no command");
    };
    let begun = Instant::now();
    let status = Command::new(program).args(args).status();
    let seconds = begun.elapsed().as_secs_f64();
    let code = status
        .with_context(|| format!("starting {program}"))?
        .code();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("what the command has used")?;
    let text = format!("{seconds} {} {}", usage.max_rss(), code.unwrap_or(-1));
    fs::write(report, text).with_context(|| format!("writing {report}"))
}
