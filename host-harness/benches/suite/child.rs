//! Processes of the suite's own: this very program in another role, or Node.
//! They answer in lines of JSON on stdout.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;

/// The argument that gives this program another role.
pub(crate) const ROLE: &str = "--role";

/// A process that ends when this is dropped.
pub(crate) struct Child {
    process: std::process::Child,
    answers: BufReader<ChildStdout>,
}

impl Child {
    /// This program in another role.
    pub(crate) fn role(role: &[&str]) -> Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ROLE).args(role);
        Child::start(&mut command)
    }

    pub(crate) fn start(command: &mut Command) -> Result<Child> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let stdout = process.stdout.take().context("no stdout")?;
        Ok(Child {
            process,
            answers: BufReader::new(stdout),
        })
    }

    /// Says a line to it.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self.process.stdin.as_mut().context("no stdin")?;
        writeln!(stdin, "{line}")?;
        Ok(stdin.flush()?)
    }

    /// Closes its stdin, so that it knows there is no more.
    pub(crate) fn end_input(&mut self) {
        self.process.stdin = None;
    }

    /// Its next line, as it is.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        anyhow::ensure!(!line.is_empty(), "a process ended without an answer");
        Ok(line)
    }

    pub(crate) fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = self.line()?;
        serde_json::from_str(&line).with_context(|| format!("not an answer: {line}"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.stdin = None;
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
