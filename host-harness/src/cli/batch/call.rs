//! One line of the input and its answer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use stripe_harness::types::{Planned, Response};
use stripe_harness::{CallError, Connection, Plugin};
use tokio::sync::watch;

use super::super::render;
use super::fault::Fault;
use super::input::Line;
use super::journal::{Journal, now};
use super::keyed::{Keyed, Target};
use super::limit::{Ending, Kind, Limits};

/// How long a key surely repeats its call's answer rather than the call, in
/// seconds. Stripe keeps keys for 24 hours; the hour less is for the call itself
/// and for clocks that differ.
const KEYS_LIVE: u64 = 23 * 3600;

/// What all lines are answered with.
pub(super) struct Batch {
    pub(super) plugin: Plugin,
    pub(super) connection: Connection,
    pub(super) dry_run: bool,
    pub(super) limits: Limits,
    pub(super) journal: Option<Journal>,
    /// True when nothing more may be sent.
    pub(super) halt: watch::Receiver<bool>,
    /// The kinds of the methods that were called: as many as there are methods.
    pub(super) kinds: Mutex<HashMap<(String, String), Kind>>,
    /// Whether a line of this batch was answered, by now or according to the journal.
    pub(super) was_answered: AtomicBool,
}

/// The answer of a line.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The line of JSON that is printed.
    pub(super) text: String,
    /// None if the call succeeded.
    pub(super) failed: Option<Failed>,
    pub(super) from_journal: bool,
    /// Why the batch ends with it, if no call can succeed with this connection.
    pub(super) wrong_connection: Option<String>,
}

/// A failure, as far as it is counted.
#[derive(Debug)]
pub(super) struct Failed {
    /// Its type.
    pub(super) kind: String,
    pub(super) may_have_been_sent: bool,
}

/// A line of the input that has no answer yet.
pub(super) struct Task {
    pub(super) line: Line,
    /// What the journal recognizes it by.
    pub(super) hash: String,
    /// When it was sent first, if that is so and what became of it is unknown.
    pub(super) sent_before: Option<u64>,
}

/// How a line reads.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object {\"id\", \"resource\", \"method\", \"args\"}"
)]
struct Call<'l> {
    #[serde(default)]
    id: Value,
    resource: String,
    method: String,
    /// As they are written: the component judges them, digits and all.
    #[serde(borrow, default)]
    args: Option<&'l RawValue>,
}

/// What can be said of a line that is not a call.
#[derive(Deserialize)]
struct Identified {
    #[serde(default)]
    id: Value,
}

/// Nothing more may be sent.
struct Halted;

/// What became of a call.
enum Made {
    Answered(Response),
    Planned(Planned),
    Failed(CallError),
    /// It may have been made before the keys were forgotten. Not a result: the
    /// next run says it again.
    Expired(CallError),
}

impl Batch {
    /// Answers a line. None if it was not sent because the run ends.
    pub(super) async fn answer(self: Arc<Self>, task: Task) -> Option<Answer> {
        let number = task.line.number;
        let mut has_own_key = false;
        let (id, made) = match read(&task.line) {
            Err((id, problem)) => {
                let message = format!("Line {number}: {problem}");
                let error = CallError::refused("argument_error", None, message);
                (id, Made::Failed(error))
            }
            Ok(mut call) => {
                let id = std::mem::take(&mut call.id);
                has_own_key = call
                    .args
                    .is_some_and(|args| args.get().contains("\"apiKey\""));
                let made = if self.dry_run {
                    let args = call.args.map_or("null", RawValue::get);
                    match self.target(&call).plan(args).await {
                        Ok(planned) => Made::Planned(planned),
                        Err(error) => Made::Failed(error),
                    }
                } else {
                    match self.make(&task, &call).await {
                        Ok(made) => made,
                        Err(Halted) => return None,
                    }
                };
                (id, made)
            }
        };
        let (error, was_answered) = match &made {
            Made::Failed(error) => (Some(error), error.failure.status.is_some()),
            Made::Expired(error) => (Some(error), false),
            Made::Answered(_) => (None, true),
            Made::Planned(_) => (None, false),
        };
        if was_answered {
            self.was_answered.store(true, Ordering::Relaxed);
        }
        let fault = |error| {
            let was_answered = self.was_answered.load(Ordering::Relaxed);
            Fault::of(error, has_own_key, was_answered)
        };
        let answer = Answer {
            failed: error.map(|error| Failed {
                kind: error.failure.type_.clone(),
                may_have_been_sent: error.failure.may_have_been_sent,
            }),
            text: match &made {
                Made::Planned(planned) => render::planned(&id, planned),
                Made::Failed(error) | Made::Expired(error) => render::failed(&id, error),
                Made::Answered(response) => render::answered(&id, response),
            },
            from_journal: false,
            wrong_connection: error
                .filter(|error| fault(error) == Fault::Connection)
                .map(|error| wrong_connection(number, error, self.journal.is_some())),
        };
        if let Some(journal) = &self.journal {
            // If it cannot be kept the run ends, but the answer is not lost.
            let _ = match &made {
                Made::Expired(_) | Made::Planned(_) => Ok(()),
                // As long as it is not the line's fault, there is no answer to it.
                Made::Failed(error) if fault(error) != Fault::Line => {
                    // Who answers in Stripe's place does not say what Stripe did.
                    let is_certain = error.failure.type_ != "response_error";
                    match is_certain && !error.failure.may_have_been_sent {
                        true => journal.unsent(number, &task.hash),
                        false => Ok(()),
                    }
                }
                Made::Failed(_) | Made::Answered(_) => journal.done(number, &task.hash, &answer),
            };
        }
        Some(answer)
    }

    fn target<'t>(&'t self, call: &'t Call<'_>) -> Target<'t> {
        Target {
            plugin: &self.plugin,
            connection: &self.connection,
            resource: &call.resource,
            method: &call.method,
        }
    }

    /// Makes a call when it is its turn.
    async fn make(&self, task: &Task, call: &Call<'_>) -> Result<Made, Halted> {
        let number = task.line.number;
        let args = call.args.map_or("null", RawValue::get);
        let keyed = match &self.journal {
            Some(journal) => self.target(call).keyed(args, &journal.key(number)).await,
            None => self.kind(call, args).await.map(|kind| Keyed {
                kind,
                args: Cow::Borrowed(args),
                key: None,
            }),
        };
        let keyed = match keyed {
            Ok(keyed) => keyed,
            // What cannot be planned cannot be sent.
            Err(error) => return Ok(Made::Failed(error)),
        };
        let bucket = self.limits.bucket(keyed.kind);
        let mut halt = self.halt.clone();
        let began = match bucket {
            None => None,
            Some(bucket) => tokio::select! {
                began = bucket.begin() => Some(began),
                _ = halt.wait_for(|halted| *halted) => return Err(Halted),
            },
        };
        if *halt.borrow() {
            return Err(Halted);
        }
        if let Some(journal) = &self.journal {
            if let (Some(key), Some(sent)) = (&keyed.key, task.sent_before)
                && now().abs_diff(sent) >= KEYS_LIVE
            {
                return Ok(Made::Expired(expired(number, key)));
            }
            let kept = match &keyed.key {
                Some(_) => journal.sent(number, &task.hash).is_ok(),
                None => journal.broken().is_none(),
            };
            if !kept {
                return Err(Halted);
            }
        }
        let result = self
            .plugin
            .request(&self.connection, &call.resource, &call.method, &*keyed.args)
            .await;
        if let (Some(bucket), Some(began)) = (bucket, began) {
            bucket.ended(began, ending(&result));
        }
        Ok(match result {
            Ok(response) => Made::Answered(response),
            Err(error) => Made::Failed(error),
        })
    }

    /// Whether a call reads or writes, where that makes a difference. A method
    /// is planned once; `rawRequest`, which has no resource, has its verb among
    /// its arguments.
    async fn kind(&self, call: &Call<'_>, args: &str) -> Result<Kind, CallError> {
        if !self.limits.are_on() {
            return Ok(Kind::Local);
        }
        let name = (call.resource.clone(), call.method.clone());
        let kinds = || self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = kinds().get(&name).copied() {
            return Ok(kind);
        }
        let kind = match self.target(call).plan(args).await? {
            Planned::Http(request) => Kind::of(&request.method),
            Planned::Local(_) => Kind::Local,
        };
        if !call.resource.is_empty() {
            kinds().insert(name, kind);
        }
        Ok(kind)
    }
}

/// The call a line is; else its id, if it has one, and what is wrong.
fn read(line: &Line) -> Result<Call<'_>, (Value, String)> {
    let Some(text) = &line.text else {
        return Err((Value::Null, "this is longer than 256 MiB.".to_owned()));
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return Err((Value::Null, "this is not UTF-8.".to_owned()));
    };
    serde_json::from_str(text).map_err(|error| {
        let id = serde_json::from_str(text).map_or(Value::Null, |Identified { id }| id);
        (id, format!("{error}."))
    })
}

/// Why nothing more is sent, for the operator.
fn wrong_connection(number: u64, error: &CallError, has_journal: bool) -> String {
    let again = match has_journal {
        true => {
            "mend it and run the same command again (another base URL, mode or account needs a \
             journal of its own)"
        }
        false => {
            "mend it; of the lines that have not succeeded look first for those with \
             \"may_have_been_sent\", which may have acted, and run the others again"
        }
    };
    let message = error.failure.message.trim_end_matches('.');
    let advice = render::advice(&error.failure)
        .map(|advice| format!(" ({})", advice.trim_end_matches('.')))
        .unwrap_or_default();
    format!(
        "line {number} shows that no call can succeed with this connection, so no further line was \
         begun: {message}{advice}; {again}"
    )
}

fn ending(result: &Result<Response, CallError>) -> Ending {
    match result {
        Ok(response) => Ending {
            attempts: response.attempts,
            ..Ending::default()
        },
        Err(CallError { failure, .. }) => Ending {
            attempts: failure.attempts,
            limited: failure.status == Some(429),
            retry_after: failure
                .retry_after_ms
                .map(|asked| Duration::from_millis(asked.into())),
        },
    }
}

/// The failure of a line that cannot be sent again safely.
fn expired(number: u64, key: &str) -> CallError {
    let mut error = CallError::refused(
        "idempotency_error",
        None,
        format!(
            "Line {number} may have reached Stripe in an earlier run, longer ago than Stripe keeps \
             idempotency keys (24 hours), so it is not sent again. Look for the key \"{key}\" in \
             the Dashboard's logs; if the call is not there, run the line in a batch of its own."
        ),
    );
    error.failure.may_have_been_sent = true;
    error.failure.idempotency_key = Some(key.to_owned());
    error
}
