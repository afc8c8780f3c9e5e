//! What a call came to, brought to whoever asked for it. A call that was made
//! stays made if its result cannot be written: then stderr says which it was, so
//! that nobody makes it again unseen, and the exit code is that of a failed
//! request, not that of a call which was never sent.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use stripe_harness::CallError;
use stripe_harness::types::Response;

use super::{Ended, Output, Wrong, render, terminal};

/// A call that was made.
pub(super) struct Outcome<'c> {
    /// What it is known by in the output: of a step or a request of a file, its
    /// id.
    pub(super) id: &'c str,
    /// What was called.
    pub(super) call: &'c str,
    /// The place in a file that an error is about.
    pub(super) place: Option<String>,
    /// What came of it.
    pub(super) result: &'c Result<Response, CallError>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Whether a call succeeded, and whether its result was written.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(super) struct Shown {
    pub(super) succeeded: bool,
    pub(super) written: bool,
}

impl Shown {
    /// How a command ends whose only call this was.
    pub(super) fn ended(self) -> Ended {
        match self.succeeded && self.written {
            true => Ended::Succeeded,
            false => Ended::RequestFailed,
        }
    }
}

impl Outcome<'_> {
    /// Prints it in this form, or says on stderr what it was.
    pub(super) fn print(&self, output: Output) -> Shown {
        let written = match (output, self.result) {
            (Output::Json, result) => {
                let id = Value::String(self.id.to_owned());
                render::line(&render::outcome(&id, result))
            }
            (Output::Text, Ok(response)) => {
                let page = render::Page::stdout();
                render::line(&page.response(self.id, self.call, response, self.took))
            }
            (Output::Text, Err(error)) => {
                self.say_failure(error);
                Ok(())
            }
        };
        if let Err(unwritten) = &written {
            match self.result {
                Ok(response) => self.say_made(response, "stdout", unwritten),
                Err(error) => {
                    self.say_failure(error);
                    render::error_line(&format!("error: {}", unwritable("stdout", unwritten)));
                }
            }
        }
        Shown {
            succeeded: self.result.is_ok(),
            written: written.is_ok(),
        }
    }

    fn say_failure(&self, error: &CallError) {
        let page = render::Page::stderr();
        render::error_line(&page.error(self.id, self.call, error, self.place.as_deref()));
    }

    /// Says that a call was made though its answer could not be written there,
    /// with all that it can be found by.
    pub(super) fn say_made(&self, response: &Response, place: &str, unwritten: &io::Error) {
        let mut found_by = vec![self.id.to_owned()];
        if self.id != self.call {
            found_by.push(self.call.to_owned());
        }
        found_by.extend(response.status.map(|status| status.to_string()));
        let body = render::parsed(&response.body);
        found_by.extend(body.get("id").and_then(Value::as_str).map(str::to_owned));
        found_by.extend(response.request_id.clone());
        let key = response.idempotency_key.as_ref();
        found_by.extend(key.map(|key| format!("idempotency key {key}")));
        let unwritten = unwritable(place, unwritten);
        let found_by = terminal::line(&found_by.join(" · "));
        render::error_line(&match key {
            Some(_) => format!(
                "error: {unwritten}\n  the call was made and succeeded; look for what it did \
                 before you make it again:\n  {found_by}"
            ),
            // It read something, mostly: `… | head` needs no advice.
            None => format!("error: {unwritten}; the call was made: {found_by}"),
        });
    }
}

/// Says that a place could not be written to.
pub(super) fn unwritable(place: &str, error: &io::Error) -> String {
    format!("{place} could not be written to: {error}")
}

/// A file that an answer is to be written to, open before anything is sent: a
/// path that cannot be written to is no reason to lose an answer. What the file
/// held stays until there is one.
pub(super) struct AnswerFile {
    path: PathBuf,
    file: File,
    is_new: bool,
}

impl AnswerFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> Result<AnswerFile, Wrong> {
        let mut options = OpenOptions::new();
        options.write(true);
        // Not renamed into its place: that may be a device or a link.
        let opened = match options.clone().create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let opened = options.create(true).truncate(false).open(path);
                opened.map(|file| (file, false))
            }
            opened => opened.map(|file| (file, true)),
        };
        let (file, is_new) = opened.map_err(|error| {
            Wrong(format!(
                "{} cannot be written to, so nothing was sent: {error}",
                path.display()
            ))
        })?;
        Ok(AnswerFile {
            path: path.to_owned(),
            file,
            is_new,
        })
    }

    /// Writes an answer in place of what is there: its bytes where it is a file
    /// itself, else its JSON.
    pub(super) fn save(mut self, body: &str) -> io::Result<()> {
        let decoded = render::parsed(body)
            .get("base64")
            .and_then(Value::as_str)
            .and_then(|text| STANDARD.decode(text).ok());
        let bytes = decoded.as_deref().unwrap_or(body.as_bytes());
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(bytes)
    }

    /// Leaves things as they were.
    pub(super) fn abandon(self) {
        if self.is_new {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
