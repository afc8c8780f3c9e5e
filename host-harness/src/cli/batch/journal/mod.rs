//! The journal of a batch: what has been sent and what was answered, so that an
//! interrupted run is continued without sending anything twice.
//!
//! JSON Lines. The first says what the batch is and whose; after it, each run
//! adds `begun` and then, for each of its lines,
//!
//! - `sent`, before a call that writes is sent, with the time;
//! - `done`, with the answer, if the call need not be made again;
//! - `unsent`, if it failed for a reason that may pass, or that the line has no
//!   part in, and Stripe has certainly not acted.
//!
//! A line that is `sent` and nothing more may or may not have been acted on. It
//! is sent again under the same idempotency key, as long as Stripe remembers
//! keys.

mod purpose;
mod replay;

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::Wrong;
use super::call::Answer;
pub(super) use purpose::Purpose;
pub(super) use replay::{Known, Replay};

/// The format this program writes and reads. Format 1 did not tell accounts and
/// modes apart that were not given as a property, so nothing may be concluded
/// from it.
const VERSION: u32 = 2;

/// How a header begins, by which a torn one is recognized.
const BEGINNING: &str = "{\"stripe_harness_batch\":";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    stripe_harness_batch: u32,
    /// Random: idempotency keys are made from it.
    run: String,
    purpose: Purpose,
}

/// A line of the journal after the first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Record<'r> {
    Begun {
        at: u64,
        /// Records of different lines may change places within so many.
        concurrency: u16,
    },
    Sent {
        line: u64,
        #[serde(borrow)]
        hash: &'r str,
        at: u64,
    },
    Unsent {
        line: u64,
        #[serde(borrow)]
        hash: &'r str,
    },
    Done {
        line: u64,
        #[serde(borrow)]
        hash: &'r str,
        /// The type of a failure.
        error: Option<String>,
        may_have_been_sent: bool,
        #[serde(borrow)]
        answer: &'r RawValue,
    },
}

/// What a line is recognized by.
pub(super) fn hash(line: &[u8]) -> String {
    blake3::hash(line.trim_ascii()).to_hex().to_string()
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A journal that is written to. Its file is locked until the program ends.
pub(super) struct Journal {
    run: String,
    file: Mutex<Arc<File>>,
    path: String,
    /// Why it cannot be written any more. What follows a record that was cut
    /// short would be lost with it, so nothing follows.
    broken: OnceLock<String>,
}

/// Puts a new file's name on the disk too.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// A folder cannot be opened for that here.
#[cfg(not(unix))]
fn sync_folder(_file: &Path) -> io::Result<()> {
    Ok(())
}

/// A record could not be written: nothing more may be sent.
#[derive(Debug)]
pub(super) struct Unwritable;

impl Journal {
    /// Opens a journal, or begins one, and locks it.
    pub(super) fn open(
        path: &Path,
        purpose: Purpose,
        concurrency: u16,
    ) -> Result<(Journal, Replay), Wrong> {
        let wrong = |problem: String| Wrong(format!("the journal {} {problem}", path.display()));
        let mut options = File::options();
        options.read(true).append(true).create(true);
        // Answers tell about customers.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .map_err(|error| wrong(format!("cannot be opened: {error}")))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(wrong(
                    "is in use by another run; wait for it, or name another file with --resume"
                        .to_owned(),
                ));
            }
            Err(TryLockError::Error(error)) => {
                return Err(wrong(format!("cannot be locked: {error}")));
            }
        }
        let file = Arc::new(file);
        let (header, replay) = Replay::read(&file).map_err(wrong)?;
        let is_new = header.is_none();
        let run = match header {
            Some(header) => {
                if let Some(difference) = header.purpose.differs(&purpose) {
                    return Err(wrong(format!(
                        "{difference}; continue with what it was made with, or name another file \
                         with --resume"
                    )));
                }
                header.run
            }
            None => {
                let header = Header {
                    stripe_harness_batch: VERSION,
                    run: random().map_err(wrong)?,
                    purpose,
                };
                write(&file, &header)
                    .map_err(|error| wrong(format!("cannot be written: {error}")))?;
                header.run
            }
        };
        let begun = Record::Begun {
            at: now(),
            concurrency,
        };
        // On the disk before anything is sent: without the run's name, no key
        // could be made again.
        write(&file, &begun)
            .and_then(|()| file.sync_data())
            .and_then(|()| match is_new {
                true => sync_folder(path),
                false => Ok(()),
            })
            .map_err(|error| wrong(format!("cannot be written: {error}")))?;
        let journal = Journal {
            run,
            file: Mutex::new(file),
            path: path.display().to_string(),
            broken: OnceLock::new(),
        };
        Ok((journal, replay))
    }

    /// The idempotency key of a line: the same in every run.
    pub(super) fn key(&self, line: u64) -> String {
        format!("batch-{}-{line}", self.run)
    }

    /// Why nothing can be written any more.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Says that a call is about to be sent.
    pub(super) fn sent(&self, line: u64, hash: &str) -> Result<(), Unwritable> {
        let at = now();
        self.write(&Record::Sent { line, hash, at })
    }

    /// Says that Stripe has not acted on a call that was about to be sent.
    pub(super) fn unsent(&self, line: u64, hash: &str) -> Result<(), Unwritable> {
        self.write(&Record::Unsent { line, hash })
    }

    /// Keeps an answer.
    pub(super) fn done(&self, line: u64, hash: &str, answer: &Answer) -> Result<(), Unwritable> {
        // The answer is a line of JSON that this program made.
        let Ok(text) = serde_json::from_str(&answer.text) else {
            return self.give_up("an answer is not JSON");
        };
        self.write(&Record::Done {
            line,
            hash,
            error: answer.failed.as_ref().map(|failed| failed.kind.clone()),
            may_have_been_sent: answer
                .failed
                .as_ref()
                .is_some_and(|failed| failed.may_have_been_sent),
            answer: text,
        })
    }

    /// Sees to it that what was written is on the disk.
    pub(super) fn sync(&self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.sync_data() {
            let _ = self.give_up::<()>(&error.to_string());
        }
    }

    fn write(&self, record: &Record<'_>) -> Result<(), Unwritable> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if self.broken.get().is_some() {
            return Err(Unwritable);
        }
        match write(&file, record) {
            Ok(()) => Ok(()),
            Err(error) => self.give_up(&error.to_string()),
        }
    }

    fn give_up<T>(&self, problem: &str) -> Result<T, Unwritable> {
        let _ = self.broken.set(format!(
            "the journal {} cannot be written, so nothing more was sent: {problem}; make room for \
             it and run the same command again",
            self.path
        ));
        Err(Unwritable)
    }
}

/// Writes a record and its line break at once, so that only the last one can be
/// torn.
fn write(mut file: &File, record: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// A name that no other batch has.
fn random() -> Result<String, String> {
    let mut bytes = [0; 16];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| "cannot be begun: the system gives no random numbers".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
