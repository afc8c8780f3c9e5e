//! `stripe-harness batch` against a server of the test's own.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::command::{finished, harness, lines};
use super::secrets::unseen;
use super::{KEY, Server};

/// A folder with an input, and a place for a journal.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) lines: Vec<Value>,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new(input: &str) -> Bench {
        let bench = Bench {
            dir: tempfile::tempdir().unwrap(),
        };
        bench.input(input);
        bench
    }

    pub(crate) fn input(&self, input: &str) {
        std::fs::write(self.path("input"), input).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn journal(&self) -> String {
        let journal = std::fs::read_to_string(self.path("journal")).unwrap();
        unseen(journal.as_bytes());
        journal
    }

    /// The command, with a file as its input.
    pub(crate) fn command(&self, server: &Server, args: &[&str]) -> Command {
        let mut command = harness(&["batch", "--secret-key-env", "K", "--base-url"]);
        command
            .arg(server.url())
            .args(args)
            .arg(self.path("input"))
            .env("K", KEY)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The same with a journal.
    pub(crate) fn resumed(&self, server: &Server, args: &[&str]) -> Command {
        let mut command = self.command(server, args);
        command.arg("--resume").arg(self.path("journal"));
        command
    }
}

pub(crate) fn end(mut command: Command) -> Ended {
    ended(command.spawn().unwrap())
}

pub(crate) fn ended(child: Child) -> Ended {
    let (code, stdout, stderr) = finished(child.wait_with_output().unwrap());
    Ended {
        code,
        lines: lines(&stdout),
        stderr,
    }
}

/// Calls `customers.create` with a name that tells the line.
pub(crate) fn customers(lines: std::ops::Range<u32>) -> String {
    lines
        .map(|at| {
            format!(
                "{{\"id\":{at},\"resource\":\"customers\",\"method\":\"create\",\
                 \"args\":[{{\"name\":\"n{at}\"}}]}}\n"
            )
        })
        .collect()
}

/// Waits for what other programs do. The time only says when to give up.
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < Duration::from_secs(120), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Reads what a program says until this is among it.
pub(crate) fn until_said(child: &mut Child, said: &str) {
    let mut text = Vec::new();
    let stderr = child.stderr.as_mut().unwrap();
    while !String::from_utf8_lossy(&text).contains(said) {
        let mut byte = [0];
        stderr.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
}

/// A file's permissions, as digits.
#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o777
}
