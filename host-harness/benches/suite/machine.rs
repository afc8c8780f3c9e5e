//! The machine the figures are of, and what Linux says about this process.
//! Elsewhere most of it is unknown, and is said to be.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

/// CPU, cores, kernel, memory, load: what a reader needs to judge a figure.
pub(crate) fn described() -> String {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':'))
            .map_or("unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{} ({cores} cores), {} of memory, {} {}, Node {}, load {}",
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal"),
        std::env::consts::OS,
        kernel.trim(),
        node().unwrap_or("absent".to_owned()),
        load(),
    )
}

/// The load averages: others' work shows here.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = text.split(' ').take(3).collect();
    averages.join(" ")
}

/// Node's version, where there is Node.
pub(crate) fn node() -> Option<String> {
    let output = Command::new("node").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    Some(version.trim().trim_start_matches('v').to_owned())
}

/// Resident memory of this process, in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// Pages shared with other processes counted in part.
    pub(crate) proportional: u64,
    /// The most there was since the start, or since [`forget_peak`].
    pub(crate) peak: u64,
}

pub(crate) fn memory() -> Result<Memory> {
    let status = fs::read_to_string("/proc/self/status").context("memory is read on Linux only")?;
    let rollup = fs::read_to_string("/proc/self/smaps_rollup")?;
    Ok(Memory {
        resident: kibibytes(&status, "VmRSS:")?,
        proportional: kibibytes(&rollup, "Pss:")?,
        peak: kibibytes(&status, "VmHWM:")?,
    })
}

fn kibibytes(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.and_then(|line| line.split_whitespace().next());
    Ok(figure.with_context(|| format!("no {name}"))?.parse()?)
}

/// Begins to count the peak anew: what loading took is not what a call takes.
pub(crate) fn forget_peak() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("the peak cannot be reset")
}

/// Processor time of this process so far, in microseconds; in steps of 10 ms.
pub(crate) fn processor_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in the second field may hold spaces; what follows it does not.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some((user + system) * 10_000)
}

/// How many files this process may have open.
pub(crate) fn open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}
