//! What a process has used, from /proc (Linux: proc(5)).

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Ticks of a second in /proc/PID/stat; Linux reports 100 to programs whatever the kernel's own.
const TICKS: f64 = 100.0;

/// User and system time of all threads so far.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    // The name in parentheses may hold blanks.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks / TICKS))
}

/// Resident memory in MiB.
pub(crate) fn resident(process: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: f64 = kib
        .with_context(|| format!("no VmRSS in {path}"))?
        .parse()?;
    Ok(kib / 1024.0)
}

/// The processor's name, for tables that others compare with theirs.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = told("/proc/cpuinfo", "model name").unwrap_or("unknown".to_owned());
    let memory = told("/proc/meminfo", "MemTotal");
    let memory = memory.and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok());
    let memory = memory.unwrap_or_default() / 1024.0 / 1024.0;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{model}, {cores} cores, {memory:.0} GiB of memory, Linux {}",
        kernel.trim()
    )
}

/// The value of a line of a file of the kernel's.
fn told(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
}
