//! Reading a journal again, in step with the input. Each run's records are in
//! the input's order but for those that were under way together, so what has
//! been read and not asked for is never more than each run's concurrency.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::Arc;

use super::super::super::Wrong;
use super::super::call::{Answer, Failed};
use super::{BEGINNING, Header, Record, VERSION};

/// What a journal knows of a line.
#[derive(Debug)]
pub(in super::super) enum Known {
    /// Its answer.
    Done(Answer),
    /// It was sent first at this time, in seconds since 1970, and what became of
    /// it is not known.
    Sent(u64),
    /// Nothing, or that it was not acted on.
    Nothing,
}

/// The earlier runs of a batch.
#[derive(Default)]
pub(in super::super) struct Replay {
    runs: Vec<Run>,
}

impl Replay {
    /// Finds the runs of a journal, whose last line is cut off if it is torn.
    /// No header: the journal is empty. The error says what is wrong with it.
    pub(super) fn read(file: &Arc<File>) -> Result<(Option<Header>, Replay), String> {
        let length = file.metadata().map_err(|error| unreadable(&error))?.len();
        let mut lines = RecordLines::new(file, 0, length);
        let mut line = Vec::new();
        let mut header = None;
        // Start, end and concurrency of each run.
        let mut runs: Vec<(u64, u64, u16)> = Vec::new();
        let mut number = 0_u64;
        loop {
            let start = lines.at;
            if !lines.next(&mut line).map_err(|error| unreadable(&error))? {
                break;
            }
            number += 1;
            let is_last = lines.at >= length;
            if header.is_none() {
                if is_last && is_torn_header(&line) {
                    cut(file, 0)?;
                    break;
                }
                header = Some(read_header(&line)?);
                continue;
            }
            match serde_json::from_slice::<Record<'_>>(&line) {
                Ok(Record::Begun { concurrency, .. }) if line.ends_with(b"\n") => {
                    runs.push((lines.at, lines.at, concurrency));
                }
                Ok(_) if line.ends_with(b"\n") => match runs.last_mut() {
                    Some((_, end, _)) => *end = lines.at,
                    None => return Err(damaged(number)),
                },
                // A write that was cut short by a crash.
                _ if is_last => {
                    cut(file, start)?;
                    break;
                }
                _ => return Err(damaged(number)),
            }
        }
        let runs = runs.into_iter().filter(|(start, end, _)| start < end);
        let runs = runs.map(|(start, end, concurrency)| Run::new(file, start, end, concurrency));
        Ok((
            header,
            Replay {
                runs: runs.collect(),
            },
        ))
    }

    /// What is known of a line. Lines must be asked for in order. The error says
    /// that the input is not the one the journal was made with.
    pub(in super::super) fn look_up(&mut self, line: u64, hash: &str) -> Result<Known, Wrong> {
        let mut first_sent: Option<u64> = None;
        let mut done = None;
        for run in &mut self.runs {
            let entry = run
                .entry(line)
                .map_err(|error| Wrong(format!("the journal {}", unreadable(&error))))?;
            if let Some(earlier) = run.first().filter(|earlier| *earlier < line) {
                return Err(changed(earlier));
            }
            let Some(entry) = entry else {
                continue;
            };
            if entry.hash != hash {
                return Err(changed(line));
            }
            first_sent = match (first_sent, entry.sent) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            done = done.or(entry.done);
        }
        self.runs.retain(|run| !run.is_empty());
        Ok(match (done, first_sent) {
            (Some(answer), _) => Known::Done(answer),
            (None, Some(at)) => Known::Sent(at),
            (None, None) => Known::Nothing,
        })
    }

    /// Checks at the end of the input that the journal has no line beyond it.
    pub(in super::super) fn end(&mut self) -> Result<(), Wrong> {
        for run in &mut self.runs {
            let beyond = run
                .any()
                .map_err(|error| Wrong(format!("the journal {}", unreadable(&error))))?;
            if let Some(line) = beyond {
                return Err(changed(line));
            }
        }
        Ok(())
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

fn damaged(number: u64) -> String {
    format!(
        "is damaged: its line {number} is not a record of this program; restore it, since what it \
         has lost could be sent twice"
    )
}

fn changed(line: u64) -> Wrong {
    Wrong(format!(
        "line {line} of the input is not the one the journal was made with, so nothing more was \
         sent; restore the input, or run what is new as a batch of its own"
    ))
}

fn read_header(line: &[u8]) -> Result<Header, String> {
    let not_one = || {
        "is not a journal of stripe-harness batch; name a file that does not exist yet, and one is \
         begun there"
            .to_owned()
    };
    if !line.ends_with(b"\n") {
        return Err(not_one());
    }
    #[derive(serde::Deserialize)]
    struct Versioned {
        stripe_harness_batch: u32,
    }
    match serde_json::from_slice::<Versioned>(line) {
        Ok(versioned) if versioned.stripe_harness_batch != VERSION => Err(format!(
            "has format {}, and this program reads format {VERSION}; continue with the program \
             that began it",
            versioned.stripe_harness_batch
        )),
        Ok(_) => serde_json::from_slice(line).map_err(|_| damaged(1)),
        Err(_) => Err(not_one()),
    }
}

/// Whether this is the beginning of a header, and no other file's.
fn is_torn_header(line: &[u8]) -> bool {
    let common = line.len().min(BEGINNING.len());
    !line.ends_with(b"\n") && line.get(..common) == BEGINNING.as_bytes().get(..common)
}

fn cut(file: &File, at: u64) -> Result<(), String> {
    file.set_len(at)
        .map_err(|error| format!("cannot be mended after a crash: {error}"))
}

/// One run's records.
struct Run {
    lines: RecordLines,
    /// Lines that could be under way together.
    window: usize,
    /// What has been read of lines that have not been asked for.
    pending: BTreeMap<u64, Entry>,
    line: Vec<u8>,
}

/// What a run has of a line.
struct Entry {
    hash: String,
    sent: Option<u64>,
    done: Option<Answer>,
}

impl Run {
    fn new(file: &Arc<File>, start: u64, end: u64, concurrency: u16) -> Run {
        Run {
            lines: RecordLines::new(file, start, end),
            window: usize::from(concurrency),
            pending: BTreeMap::new(),
            line: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.lines.at >= self.lines.end()
    }

    /// The earliest line that has not been asked for.
    fn first(&self) -> Option<u64> {
        self.pending.keys().next().copied()
    }

    /// A line that is left.
    fn any(&mut self) -> io::Result<Option<u64>> {
        if self.pending.is_empty() {
            self.read()?;
        }
        Ok(self.first())
    }

    /// What there is of a line. Nothing comes after the records of as many
    /// others as could be under way with it.
    fn entry(&mut self, line: u64) -> io::Result<Option<Entry>> {
        loop {
            let entry = self.pending.get(&line);
            let others = self.pending.len() - usize::from(entry.is_some());
            let is_done = entry.is_some_and(|entry| entry.done.is_some());
            if is_done || others >= self.window || !self.read()? {
                return Ok(self.pending.remove(&line));
            }
        }
    }

    /// Reads one record; whether there was one.
    fn read(&mut self) -> io::Result<bool> {
        if !self.lines.next(&mut self.line)? {
            return Ok(false);
        }
        let record: Record<'_> = serde_json::from_slice(&self.line)?;
        let (line, hash) = match &record {
            Record::Begun { .. } => return Ok(true),
            Record::Sent { line, hash, .. }
            | Record::Unsent { line, hash }
            | Record::Done { line, hash, .. } => (*line, *hash),
        };
        let entry = self.pending.entry(line).or_insert_with(|| Entry {
            hash: hash.to_owned(),
            sent: None,
            done: None,
        });
        match record {
            Record::Begun { .. } => {}
            Record::Sent { at, .. } => entry.sent = Some(at),
            Record::Unsent { .. } => entry.sent = None,
            Record::Done {
                error,
                may_have_been_sent,
                answer,
                ..
            } => {
                entry.done = Some(Answer {
                    text: answer.get().to_owned(),
                    failed: error.map(|kind| Failed {
                        kind,
                        may_have_been_sent,
                    }),
                    from_journal: true,
                    wrong_connection: None,
                });
            }
        }
        Ok(true)
    }
}

/// Lines of a part of the file.
struct RecordLines {
    input: BufReader<Part>,
    at: u64,
}

impl RecordLines {
    fn new(file: &Arc<File>, start: u64, end: u64) -> RecordLines {
        let part = Part {
            file: Arc::clone(file),
            at: start,
            end,
        };
        RecordLines {
            input: BufReader::with_capacity(16 << 10, part),
            at: start,
        }
    }

    fn end(&self) -> u64 {
        self.input.get_ref().end
    }

    /// Reads a line with its line break, if it has one; whether there was one.
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let read = self.input.read_until(b'\n', line)?;
        self.at += read as u64;
        Ok(read > 0)
    }
}

/// A part of a file that others read and append to: its place is its own.
struct Part {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let part = buffer.get_mut(..most).unwrap_or_default();
        // Not sought for: the file's own place moves with every record that is
        // appended meanwhile.
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(&*self.file, part, self.at)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(&*self.file, part, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Journal, Purpose};
    use super::*;

    fn open(path: &std::path::Path, concurrency: u16) -> (Journal, Replay) {
        let purpose = Purpose {
            mode: None,
            base_url: None,
            stripe_account: None,
            stripe_context: None,
            api_version: None,
        };
        Journal::open(path, purpose, concurrency).unwrap()
    }

    fn answer(line: u64) -> Answer {
        Answer {
            text: format!("{{\"id\":{line}}}"),
            ..Answer::default()
        }
    }

    /// The line whose answer it is, 0 for one that was sent and not answered.
    fn found(known: Known) -> Option<u64> {
        match known {
            Known::Done(answer) => {
                let id = answer.text.strip_prefix("{\"id\":").unwrap();
                Some(id.strip_suffix('}').unwrap().parse().unwrap())
            }
            Known::Sent(_) => Some(0),
            Known::Nothing => None,
        }
    }

    /// Answers of this run are written while those of earlier ones are read.
    #[test]
    fn what_is_appended_meanwhile_does_not_disturb_the_reading() {
        const LINES: u64 = 20_000;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (journal, _) = open(&path, 1);
        for line in 1..=LINES {
            journal.done(line, "h", &answer(line)).unwrap();
        }
        drop(journal);
        let (journal, mut replay) = open(&path, 1);
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut line = LINES;
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    line += 1;
                    journal.done(line, "h", &answer(line)).unwrap();
                }
            });
            let found: Vec<_> = (1..=LINES)
                .map(|line| replay.look_up(line, "h").map(found))
                .collect();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            for (line, found) in (1..=LINES).zip(found) {
                assert_eq!(found.unwrap(), Some(line));
            }
        });
    }

    #[test]
    fn records_out_of_order_are_found_and_few_are_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        // Four at a time, the first of them last: the most that can be out of
        // order. Each seventh line is never answered, each eleventh not sent.
        let (journal, _) = open(&path, 4);
        for first in (1..=4_000).step_by(4) {
            for line in (first..first + 4).rev().filter(|line| line % 11 != 0) {
                journal.sent(line, "h").unwrap();
            }
            for line in (first..first + 4).rev() {
                if line % 11 != 0 && line % 7 != 0 {
                    journal.done(line, "h", &answer(line)).unwrap();
                }
            }
        }
        drop(journal);
        // A second run answers half of those.
        let (journal, _) = open(&path, 2);
        for line in (1..=4_000).filter(|line| line % 7 == 0 && line % 2 == 0) {
            journal.sent(line, "h").unwrap();
            journal.done(line, "h", &answer(line)).unwrap();
        }
        drop(journal);
        let (_journal, mut replay) = open(&path, 1);
        for line in 1..=4_000 {
            let expected = match (line % 7 == 0, line % 11 == 0) {
                (true, _) if line % 2 == 0 => Some(line),
                (_, true) => None,
                (true, false) => Some(0),
                (false, false) => Some(line),
            };
            let known = replay.look_up(line, "h").unwrap();
            assert_eq!(found(known), expected, "{line}");
            for run in &replay.runs {
                assert!(run.pending.len() <= run.window, "{line}");
            }
        }
        assert!(replay.end().is_ok());
        assert!(replay.runs.is_empty());
    }

    #[test]
    fn the_first_time_a_line_was_sent_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        drop(open(&path, 1));
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (at, rest) in [
            (100, ""),
            (200, ""),
            (50, "{\"unsent\":{\"line\":1,\"hash\":\"h\"}}\n"),
        ] {
            text.push_str("{\"begun\":{\"at\":1,\"concurrency\":1}}\n");
            text.push_str(&format!(
                "{{\"sent\":{{\"line\":1,\"hash\":\"h\",\"at\":{at}}}}}\n{rest}"
            ));
        }
        std::fs::write(&path, text).unwrap();
        let (_journal, mut replay) = open(&path, 1);
        // What Stripe certainly did not act on is forgotten, the rest is not.
        let known = replay.look_up(1, "h").unwrap();
        assert!(matches!(known, Known::Sent(100)), "{known:?}");
    }
}
