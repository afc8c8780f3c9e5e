//! The lines of the input. A thread of its own reads them, so that a file and a
//! pipe are read alike and no call waits for a disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::Wrong;

/// Longest line that is read: more than any request body Stripe takes, written
/// as base64. It keeps an input without line breaks from filling the memory.
const MAX_LINE: usize = 256 << 20;

/// Lines, and bytes, that are read ahead at least. Handing lines over one by one
/// would cost more than reading them.
const AHEAD: (usize, usize) = (64, 256 << 10);

/// A line that is not blank.
pub(super) struct Line {
    /// Counted from 1, blank lines included.
    pub(super) number: u64,
    /// With its line break; none if it is longer than is read.
    pub(super) text: Option<Vec<u8>>,
    /// Where it ends in the input, in bytes.
    pub(super) end: u64,
}

/// Where lines come from.
pub(super) struct Source {
    name: String,
    input: Box<dyn Read + Send>,
    /// Bytes there are, where that is known.
    pub(super) length: Option<u64>,
}

impl Source {
    /// Opens a file; none or `-` is stdin.
    pub(super) fn open(path: Option<&PathBuf>) -> Result<Source, Wrong> {
        let Some(path) = path.filter(|path| path.as_path() != Path::new("-")) else {
            return Ok(Source {
                name: "stdin".to_owned(),
                input: Box::new(io::stdin()),
                length: None,
            });
        };
        let opened = File::open(path).and_then(|file| {
            let about = file.metadata()?;
            Ok((file, about))
        });
        let (file, about) =
            opened.map_err(|error| Wrong(format!("{} cannot be read: {error}", path.display())))?;
        Ok(Source {
            name: path.display().to_string(),
            input: Box::new(file),
            length: about.is_file().then_some(about.len()),
        })
    }
}

/// The lines, in order.
pub(super) struct Lines {
    name: String,
    read: Receiver<io::Result<Vec<Line>>>,
    ahead: VecDeque<Line>,
}

impl Lines {
    /// Starts to read. The thread ends with the input, or when nobody asks for
    /// more.
    pub(super) fn start(source: Source) -> Result<Lines, Wrong> {
        let (sender, read) = channel(1);
        let reader = Reader {
            input: BufReader::with_capacity(64 << 10, source.input),
            number: 0,
            end: 0,
        };
        std::thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || reader.hand_over(&sender))
            .map_err(|error| Wrong(format!("no threads could be started: {error}")))?;
        Ok(Lines {
            name: source.name,
            read,
            ahead: VecDeque::new(),
        })
    }

    /// The next line, or none at the end. Nothing is lost when it is cancelled.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Wrong> {
        while self.ahead.is_empty() {
            match self.read.recv().await {
                None => return Ok(None),
                Some(Ok(lines)) => self.ahead.extend(lines),
                Some(Err(error)) => {
                    return Err(Wrong(format!("{} cannot be read: {error}", self.name)));
                }
            }
        }
        Ok(self.ahead.pop_front())
    }
}

struct Reader {
    input: BufReader<Box<dyn Read + Send>>,
    number: u64,
    end: u64,
}

impl Reader {
    fn hand_over(mut self, to: &Sender<io::Result<Vec<Line>>>) {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        loop {
            let read = self.next();
            let ended = !matches!(read, Ok(Some(_)));
            let error = match read {
                Ok(Some(line)) => {
                    bytes += line.text.as_ref().map_or(0, Vec::len);
                    lines.push(line);
                    None
                }
                Ok(None) => None,
                Err(error) => Some(error),
            };
            // What has arrived through a pipe is not kept waiting for more.
            let is_last = ended || !self.input.buffer().contains(&b'\n');
            if (is_last || lines.len() >= AHEAD.0 || bytes >= AHEAD.1)
                && !lines.is_empty()
                && to.blocking_send(Ok(std::mem::take(&mut lines))).is_err()
            {
                return;
            }
            if lines.is_empty() {
                bytes = 0;
            }
            if let Some(error) = error {
                let _ = to.blocking_send(Err(error));
            }
            if ended {
                return;
            }
        }
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        /// What some programs begin a UTF-8 file with: no part of its first line.
        const MARK: &[u8] = b"\xef\xbb\xbf";
        loop {
            let mut text = Vec::new();
            // One byte more, for the line break.
            let mut read = (&mut self.input)
                .take(MAX_LINE as u64 + 1)
                .read_until(b'\n', &mut text)?;
            if read == 0 {
                return Ok(None);
            }
            let is_whole = text.len() <= MAX_LINE || text.ends_with(b"\n");
            if !is_whole {
                read += self.input.skip_until(b'\n')?;
            }
            if self.end == 0 && text.starts_with(MARK) {
                text.drain(..MARK.len());
            }
            self.number += 1;
            self.end += read as u64;
            let text = is_whole.then_some(text);
            if text
                .as_ref()
                .is_none_or(|text| !text.trim_ascii().is_empty())
            {
                return Ok(Some(Line {
                    number: self.number,
                    text,
                    end: self.end,
                }));
            }
        }
    }
}
