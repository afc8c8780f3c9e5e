//! `stripe-harness run`: the requests of a YAML file, one after the other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::Value;
use stripe_harness::document::{Document, Request};
use stripe_harness::operators::Context;
use stripe_harness::sandbox::Sandbox;
use stripe_harness::yaml::{self, Node};
use stripe_harness::{CallError, Connection, Plugin};

use super::connection::{THROW_AWAY_KEY, environment, read};
use super::outcome::{Outcome, Shown};
use super::reach::Reach;
use super::{Ended, Host, Output, Wrong, given, render};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The YAML file: connections and requests in Lowdefy's form.
    file: PathBuf,

    /// Run this request alone; may be given several times.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,

    /// The payload that _payload reads.
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,

    /// The form of the results.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let document = read(&arguments.file)?;
    let payload = arguments
        .payload
        .as_deref()
        .map(given::value)
        .transpose()
        .map_err(|fault| Wrong(format!("--payload {fault}")))?;
    let chosen = choose(&document, &arguments.only)?;
    let (options, sandbox) = arguments.reach.open(None).await?;
    let plugin = host.load(options).await?;
    let run = Run {
        arguments: &arguments,
        document: &document,
        payload,
        plugin,
        sandbox,
    };
    let connections = run.connect(&chosen).await?;
    // All operators first: a fault in the last request is found before the
    // first has charged anyone.
    let prepared = chosen
        .iter()
        .map(|request| Ok((*request, run.properties_of(request)?)))
        .collect::<Result<Vec<_>, Wrong>>()?;
    let mut ended = Ended::Succeeded;
    let mut prepared = prepared.into_iter();
    while let Some((request, properties)) = prepared.next() {
        let Some(connection) = connections.get(request.connection_id.as_str()) else {
            continue;
        };
        let shown = run.one(request, &properties, connection).await;
        if shown.ended() != Ended::Succeeded {
            ended = Ended::RequestFailed;
        }
        if !shown.written {
            // Nobody would see what came of the others.
            let rest: Vec<&str> = prepared.map(|(request, _)| request.id.as_str()).collect();
            if !rest.is_empty() {
                let rest = rest.join(", ");
                render::error_line(&format!("  nothing was sent after it: not {rest}"));
            }
            break;
        }
    }
    if let Some(sandbox) = run.sandbox {
        sandbox.shutdown().await;
    }
    Ok(ended)
}

/// The requests to run, in the file's order.
fn choose<'d>(document: &'d Document, only: &[String]) -> Result<Vec<&'d Request>, Wrong> {
    for id in only {
        if !document.requests.iter().any(|request| request.id == *id) {
            let ids: Vec<&str> = document.requests.iter().map(|r| r.id.as_str()).collect();
            return Err(Wrong(format!(
                "there is no request {id:?} (--only); there is {}",
                ids.join(", ")
            )));
        }
    }
    let chosen: Vec<&Request> = document
        .requests
        .iter()
        .filter(|request| only.is_empty() || only.contains(&request.id))
        .collect();
    if chosen.is_empty() {
        return Err(Wrong("the file has no requests".to_owned()));
    }
    Ok(chosen)
}

/// One run of a file.
struct Run<'r> {
    arguments: &'r Arguments,
    document: &'r Document,
    payload: Option<Value>,
    plugin: Plugin,
    sandbox: Option<Sandbox>,
}

impl Run<'_> {
    /// The connections the requests use, parsed by the component.
    async fn connect(&self, requests: &[&Request]) -> Result<HashMap<String, Connection>, Wrong> {
        let mut connections = HashMap::new();
        for entry in &self.document.connections {
            if !requests
                .iter()
                .any(|request| request.connection_id == entry.id)
            {
                continue;
            }
            let properties = self.evaluate(&entry.properties, None)?;
            let properties = self.arguments.reach.overruled(properties.to_json());
            let mut connection =
                self.plugin
                    .parse_connection(&properties)
                    .await
                    .map_err(|error| {
                        let failure = &error.failure;
                        let path = failure.path.as_deref().unwrap_or("properties");
                        let place = format!("connections.{}.{path}", entry.id);
                        Wrong(format!(
                            "{}:{}: {} ({place})",
                            self.arguments.file.display(),
                            self.document.locate(&place).unwrap_or(entry.mark),
                            failure.message,
                        ))
                    })?;
            if let Some(sandbox) = &self.sandbox {
                connection.set_base_url(sandbox.base_url());
            }
            connections.insert(entry.id.clone(), connection);
        }
        Ok(connections)
    }

    fn evaluate(&self, node: &Node, payload: Option<&Value>) -> Result<Node, Wrong> {
        let context = Context {
            env: &environment,
            payload: payload.or(self.payload.as_ref()),
            missing_secret: self.sandbox.as_ref().map(|_| THROW_AWAY_KEY),
        };
        context.evaluate(node).map_err(|error| self.at(&error))
    }

    fn at(&self, error: &yaml::Error) -> Wrong {
        Wrong(format!("{}:{error}", self.arguments.file.display()))
    }

    /// A request's properties, their operators evaluated.
    fn properties_of(&self, request: &Request) -> Result<Node, Wrong> {
        let payload = self.payload_of(request)?;
        self.evaluate(&request.properties, payload.as_ref())
    }

    /// Runs a request and prints how it went.
    async fn one(&self, request: &Request, properties: &Node, connection: &Connection) -> Shown {
        let begun = Instant::now();
        let result = self
            .plugin
            .stripe_request(connection, &properties.to_json())
            .await
            .map_err(|error| in_file(error, request));
        let took = begun.elapsed();
        let path = result
            .as_ref()
            .err()
            .and_then(|e| e.failure.path.as_deref());
        let mark = path.and_then(|path| self.document.locate(path));
        let outcome = Outcome {
            id: &request.id,
            call: &called(properties),
            place: mark.map(|mark| format!("{}:{mark}", self.arguments.file.display())),
            result: &result,
            took,
        };
        outcome.print(self.arguments.output)
    }

    /// The payload `_payload` reads: the request's own, then `--payload`'s
    /// members over it.
    fn payload_of(&self, request: &Request) -> Result<Option<Value>, Wrong> {
        let Some(node) = &request.payload else {
            return Ok(self.payload.clone());
        };
        let own = self.evaluate(node, None)?;
        let mut payload = render::parsed(&own.to_json());
        if let (Some(base), Some(Value::Object(over))) = (payload.as_object_mut(), &self.payload) {
            base.extend(over.clone());
        }
        Ok(Some(payload))
    }
}

/// A place in a request's properties, seen from the whole file.
fn in_file(mut error: CallError, request: &Request) -> CallError {
    error.failure.path = error.failure.path.map(|path| {
        if path.starts_with("connection.") {
            let rest = path.trim_start_matches("connection.");
            format!("connections.{}.properties.{rest}", request.connection_id)
        } else {
            format!("requests.{}.{path}", request.id)
        }
    });
    error
}

/// The operations there are, for headings alone.
const OPERATIONS: &str = include_str!("../../../plugin/catalogue/operations.txt");

fn is_operation(name: &str) -> bool {
    OPERATIONS
        .lines()
        .any(|row| row.split_whitespace().next() == Some(name))
}

/// What a request calls, for a heading: its keys as far as they name a method.
fn called(properties: &Node) -> String {
    let mut name = String::new();
    let mut node = properties;
    while let Some([(key, below)]) = node.mapping() {
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&key.name);
        if is_operation(&name) {
            break;
        }
        node = below;
    }
    name
}
