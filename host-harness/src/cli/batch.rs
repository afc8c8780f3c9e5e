//! `stripe-harness batch`: many calls, read from stdin as JSON Lines and
//! answered in the same order. Only as many lines are held as calls run.

use std::collections::VecDeque;

use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stripe_harness::types::Planned;
use stripe_harness::{CallError, Connection, HostOptions, Plugin};
use tokio::io::{AsyncBufReadExt as _, BufReader, Stdin};
use tokio::task::{JoinError, JoinHandle};

use super::connection::Flags;
use super::{Ended, Host, Wrong, render};

/// Arguments of `batch`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Say what each call would send, without sending it.
    #[arg(long)]
    dry_run: bool,

    /// Calls under way at the same time.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,

    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let (options, sandbox) = arguments.flags.open().await?;
    let options = HostOptions {
        max_concurrent_calls: usize::from(arguments.concurrency),
        ..options
    };
    let plugin = host.load(options).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let mut input = Lines::new();
    let mut under_way: VecDeque<JoinHandle<(Value, bool)>> = VecDeque::new();
    let mut ended = Ended::Succeeded;
    // What stopped the reading; calls under way are answered first.
    let mut stopped = None;
    loop {
        let has_room = under_way.len() < usize::from(arguments.concurrency);
        tokio::select! {
            answered = front(&mut under_way), if !under_way.is_empty() => {
                under_way.pop_front();
                let (answer, succeeded) =
                    answered.map_err(|error| Wrong(format!("a call was cut off: {error}")))?;
                render::line(&answer.to_string())?;
                if !succeeded {
                    ended = Ended::RequestFailed;
                }
            }
            line = input.next(), if has_room && stopped.is_none() => match line {
                Ok(Some((number, line))) => {
                    let call = Call {
                        plugin: plugin.clone(),
                        connection: connection.clone(),
                        dry_run: arguments.dry_run,
                        number,
                    };
                    under_way.push_back(tokio::spawn(call.answer(line)));
                }
                Ok(None) => stopped = Some(Ok(())),
                Err(error) => stopped = Some(Err(Wrong(format!("stdin cannot be read: {error}")))),
            },
            else => break,
        }
    }
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    match stopped {
        Some(Err(error)) => Err(error),
        _ => Ok(ended),
    }
}

/// The answer of the first call under way.
async fn front(
    under_way: &mut VecDeque<JoinHandle<(Value, bool)>>,
) -> Result<(Value, bool), JoinError> {
    match under_way.front_mut() {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

/// The lines of stdin that are not blank, with their numbers.
struct Lines {
    input: BufReader<Stdin>,
    /// Kept over a cancelled read: what has been read of a line is not lost.
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    fn new() -> Self {
        Lines {
            input: BufReader::new(tokio::io::stdin()),
            line: Vec::new(),
            number: 0,
        }
    }

    async fn next(&mut self) -> std::io::Result<Option<(u64, Vec<u8>)>> {
        loop {
            let read = self.input.read_until(b'\n', &mut self.line).await?;
            if read == 0 && self.line.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                return Ok(Some((self.number, line)));
            }
        }
    }
}

/// One line of the input.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object {\"id\", \"resource\", \"method\", \"args\"}"
)]
struct Line<'l> {
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

/// A line and what it needs to be answered.
struct Call {
    plugin: Plugin,
    connection: Connection,
    dry_run: bool,
    number: u64,
}

impl Call {
    /// The line's answer, and whether the call succeeded.
    async fn answer(self, line: Vec<u8>) -> (Value, bool) {
        let number = self.number;
        let refuse = |id: &Value, message: String| {
            let error =
                CallError::refused("argument_error", None, format!("Line {number}: {message}"));
            (render::failed(id, &error), false)
        };
        let line = match String::from_utf8(line) {
            Ok(line) => line,
            Err(_) => return refuse(&Value::Null, "this is not UTF-8.".to_owned()),
        };
        let call: Line<'_> = match serde_json::from_str(&line) {
            Ok(call) => call,
            Err(error) => {
                let id = serde_json::from_str(&line).map_or(Value::Null, |Identified { id }| id);
                return refuse(&id, format!("{error}."));
            }
        };
        let (id, resource, method) = (call.id, call.resource, call.method);
        let args = call.args.map_or("null", RawValue::get);
        if self.dry_run {
            let planned = self
                .plugin
                .plan(&self.connection, &resource, &method, args)
                .await;
            return match planned {
                Ok(Planned::Http(request)) => (
                    json!({"id": id, "request": render::request_json(&request)}),
                    true,
                ),
                Ok(Planned::Local(value)) => {
                    (json!({"id": id, "local": render::parsed(&value)}), true)
                }
                Err(error) => (render::failed(&id, &error), false),
            };
        }
        let result = self
            .plugin
            .request(&self.connection, &resource, &method, args)
            .await;
        (render::outcome(&id, &result), result.is_ok())
    }
}
