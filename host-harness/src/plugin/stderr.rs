//! The component's standard error, where it tells what its `validation: warn`
//! found: each line becomes a `tracing` warning. What looks like a key is taken
//! out, lines are cut, and a component that writes without end is not listened
//! to for ever.

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Longest line that is told, in bytes.
const MAX_LINE: usize = 2048;

/// Most lines that are told of what is written to one stream.
const MAX_LINES: usize = 200;

/// Bytes that are taken at a time.
const TAKEN: usize = 64 * 1024;

/// How keys and signing secrets begin.
const KEYS: [&str; 3] = ["sk_", "rk_", "whsec_"];

/// The standard error of every instance.
pub(super) struct Warnings;

impl IsTerminal for Warnings {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Warnings {
    /// Only components of WASI 0.3 would ask for it.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines::new(|line| tracing::warn!("{line}")))
    }
}

/// Takes bytes, gives lines.
struct Lines<F> {
    tell: F,
    unfinished: Vec<u8>,
    left: usize,
}

impl<F: FnMut(&str)> Lines<F> {
    fn new(tell: F) -> Self {
        Lines {
            tell,
            unfinished: Vec::new(),
            left: MAX_LINES,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.line();
            } else if self.unfinished.len() < MAX_LINE {
                self.unfinished.push(*byte);
            }
        }
    }

    fn line(&mut self) {
        let line = std::mem::take(&mut self.unfinished);
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        (self.tell)(&without_keys(&String::from_utf8_lossy(&line)));
    }
}

/// Words that look like a key become stars; what could steer a terminal, spaces.
fn without_keys(line: &str) -> String {
    line.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map(|word| match KEYS.iter().any(|key| word.starts_with(key)) {
            true => {
                let end = word.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
                format!("***{end}")
            }
            false => word.to_owned(),
        })
        .collect::<String>()
        .replace(char::is_control, " ")
}

#[async_trait]
impl<F: FnMut(&str) + Send + 'static> Pollable for Lines<F> {
    async fn ready(&mut self) {}
}

impl<F: FnMut(&str) + Send + 'static> OutputStream for Lines<F> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(TAKEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parts: &[&str]) -> Vec<String> {
        let mut told = Vec::new();
        let mut lines = Lines::new(|line: &str| told.push(line.to_owned()));
        for part in parts {
            lines.take(part.as_bytes());
        }
        told
    }

    #[test]
    fn lines_are_told_whole_and_without_keys() {
        assert_eq!(told(&["a b", "c\nd", "\nunfinished"]), ["a bc", "d"]);
        assert_eq!(
            told(&["key sk_test_123, and \"rk_live_4\"; task_1\x1b[2J\n"]),
            ["key ***, and \"***\"; task_1 [2J"]
        );
    }

    #[test]
    fn what_has_no_end_is_cut() {
        assert_eq!(
            told(&["x".repeat(1 << 20).as_str(), "\n"])[0].len(),
            MAX_LINE
        );
        assert_eq!(told(&["x\n".repeat(1000).as_str()]).len(), MAX_LINES);
    }
}
