//! The corpus of `tests/bad_input`: what people, templates and servers get
//! wrong, one line each with what must come of it. Everything goes through the
//! real component; nothing is sent where it is refused, nothing traps or hangs,
//! and the instance that met it serves the next call.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use stripe_harness::types::Planned;
use stripe_harness::{CallError, Case, Connection, HostOptions, Instances, Plugin, yaml};

use crate::support::{Answer, KEY, Server, allowing, failed, plugin};

/// When an entry hangs; none takes a hundredth of it.
const HANGS: Duration = Duration::from_secs(120);

/// Most characters of a message or a place: a person reads them.
const READABLE: usize = 1_000;

/// One line of the corpus.
struct Entry(Map<String, Value>);

impl Entry {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str().unwrap())
    }

    fn is(&self) -> &str {
        self.text("is").unwrap()
    }

    fn flag(&self, name: &str) -> bool {
        self.0
            .get(name)
            .is_some_and(|value| value.as_bool().unwrap())
    }
}

/// The entries of a file. `$KEY` is the key, `⟪x*9⟫` is nine `x`.
fn corpus(file: &str, names: &[&str]) -> Vec<Entry> {
    let text = match file {
        "connections" => include_str!("bad_input/connections.jsonl"),
        "calls" => include_str!("bad_input/calls.jsonl"),
        "names_and_bodies" => include_str!("bad_input/names_and_bodies.jsonl"),
        "answers" => include_str!("bad_input/answers.jsonl"),
        _ => panic!("{file}"),
    };
    let mut seen = HashSet::new();
    text.lines()
        .map(|line| {
            let entry: Map<String, Value> = serde_json::from_str(&expanded(line)).unwrap();
            for name in entry.keys() {
                assert!(
                    name == "is" || names.contains(&name.as_str()),
                    "{name}: {line}"
                );
            }
            let entry = Entry(entry);
            assert!(seen.insert(entry.is().to_owned()), "twice: {}", entry.is());
            entry
        })
        .collect()
}

fn expanded(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('⟪') {
        let (inner, behind) = after.split_once('⟫').unwrap();
        let (unit, times) = inner.rsplit_once('*').unwrap();
        out.push_str(before);
        out.push_str(&unit.repeat(times.parse().unwrap()));
        rest = behind;
    }
    out.push_str(rest);
    out.replace("$KEY", KEY)
}

/// One instance for one call after the other, as long as it is sound.
fn reused(origins: &[&str]) -> Plugin {
    let options = HostOptions {
        policy: allowing(origins),
        instances: Instances::Reused { max_idle: 1 },
        ..HostOptions::default()
    };
    plugin(&[]).with_options(options).unwrap()
}

async fn in_time<T>(entry: &Entry, outcome: impl Future<Output = T>) -> T {
    match tokio::time::timeout(HANGS, outcome).await {
        Ok(outcome) => outcome,
        Err(_) => panic!("{}: no outcome in {HANGS:?}", entry.is()),
    }
}

/// Whether a failure is one that a person can act on.
fn clear(error: &CallError) -> Result<(), String> {
    let failure = &error.failure;
    if error.case == Case::ExecutionFailed {
        return Err(format!("trapped: {error:?}"));
    }
    let path = failure.path.as_deref().unwrap_or("-");
    for text in [path, &failure.message] {
        let length = text.chars().count();
        if length > READABLE || text.is_empty() || text.chars().any(char::is_control) {
            return Err(format!(
                "cannot be read ({length} characters): {text:.300?}"
            ));
        }
    }
    Ok(())
}

/// Holds a refusal against the entry: `refused` is the place (`*` is any, null
/// is none), `says` a part of the message.
fn judge(entry: &Entry, error: &CallError, kind: &str) -> Result<(), String> {
    clear(error)?;
    let failure = &error.failure;
    let says = entry.text("says").unwrap();
    let place = match entry.0.get("refused") {
        None => return Err(format!("refused: {}", failure.message)),
        Some(Value::String(any)) if any == "*" => failure.path.clone(),
        Some(place) => place.as_str().map(str::to_owned),
    };
    let kind = entry.text("type").unwrap_or(kind);
    let found = (error.case, failure.type_.as_str(), failure.path.clone());
    if found != (Case::Permanent, kind, place) || !failure.message.contains(says) {
        return Err(format!("{found:?}: {}", failure.message));
    }
    if failure.attempts > 0 || failure.may_have_been_sent || failure.status.is_some() {
        return Err(format!("was sent: {failure:?}"));
    }
    Ok(())
}

/// Every entry that did not come to what it should, at once.
fn report(entries: usize, wrong: &[String], least: usize) {
    assert!(
        wrong.is_empty(),
        "{} of {entries}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(entries >= least, "{entries} entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections() {
    let names = ["yaml", "bare", "unread", "refused", "says", "accepted"];
    let entries = corpus("connections", &names);
    let plugin = reused(&[]);
    let mut wrong = Vec::new();
    for entry in &entries {
        if let Err(problem) = in_time(entry, connection(&plugin, entry)).await {
            wrong.push(format!("{}: {problem}", entry.is()));
        }
        let properties = json!({"secretKey": KEY}).to_string();
        assert!(
            plugin.parse_connection(&properties).await.is_ok(),
            "after {}",
            entry.is()
        );
    }
    report(entries.len(), &wrong, 300);
}

async fn connection(plugin: &Plugin, entry: &Entry) -> Result<(), String> {
    let mut text = String::new();
    if !entry.flag("bare") {
        text = format!("secretKey: {KEY}\n");
    }
    text.push_str(entry.text("yaml").unwrap());
    let node = match (yaml::parse(&text), entry.0.get("unread")) {
        (Ok(node), None) => node,
        (Ok(node), Some(_)) => return Err(format!("read as {:.300}", node.to_json())),
        (Err(error), None) => return Err(format!("not read: {error}")),
        (Err(error), Some(line)) => {
            let says = entry.text("says").unwrap();
            let is_there = Some(error.mark.line as u64) == line.as_u64();
            let is_clear = error.message.chars().count() < READABLE
                && !error.message.chars().any(char::is_control);
            if is_there && is_clear && error.message.contains(says) {
                return Ok(());
            }
            return Err(error.to_string());
        }
    };
    let connection = match (
        plugin.parse_connection(&node.to_json()).await,
        entry.text("accepted"),
    ) {
        (Ok(connection), Some(_)) => connection,
        (Ok(_), None) => return Err("accepted".to_owned()),
        (error, _) => return judge(entry, &failed(error), "configuration_error"),
    };
    let planned = plugin.plan(&connection, "customers", "list", "null").await;
    let Ok(Planned::Http(request)) = planned else {
        return Err(format!("not planned: {planned:?}"));
    };
    let mut shown = format!("{} {}\n", request.method, request.url);
    for (name, value) in request.headers {
        shown.push_str(&format!("{name}: {value}\n"));
    }
    let wanted = entry.text("accepted").unwrap();
    if shown.contains(wanted) {
        Ok(())
    } else {
        Err(shown)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls() {
    of_calls("calls", 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_bodies() {
    of_calls("names_and_bodies", 150).await;
}

async fn of_calls(file: &str, least: usize) {
    let names = [
        "call",
        "args",
        "text",
        "request",
        "request_text",
        "refused",
        "says",
        "type",
        "sends",
    ];
    let entries = corpus(file, &names);
    let server = Server::start(Vec::new()).await;
    let plugin = reused(&[server.url()]);
    let properties = json!({"secretKey": KEY, "baseUrl": server.url()}).to_string();
    let connection = plugin.parse_connection(&properties).await.unwrap();
    let mut wrong = Vec::new();
    for entry in &entries {
        let before = server.arrived().len();
        let result = in_time(entry, call(&plugin, &connection, entry)).await;
        let arrived: Vec<String> = server.arrived()[before..].iter().map(shown).collect();
        let outcome = match (result, entry.text("sends")) {
            (Ok(()), Some(wanted)) => match arrived.as_slice() {
                [only] if only.contains(wanted) => Ok(()),
                other => Err(format!("sent {other:.1000?}")),
            },
            (Ok(()), None) => Err(format!("sent {arrived:.300?}")),
            (Err(_), _) if !arrived.is_empty() => Err(format!("refused, but sent {arrived:?}")),
            (Err(error), _) => judge(entry, &error, "argument_error"),
        };
        if let Err(problem) = outcome {
            wrong.push(format!("{}: {problem}", entry.is()));
        }
        let next = plugin
            .request(&connection, "balance", "retrieve", "null")
            .await;
        assert!(next.is_ok(), "after {}: {next:?}", entry.is());
    }
    report(entries.len(), &wrong, least);
}

async fn call(plugin: &Plugin, connection: &Connection, entry: &Entry) -> Result<(), CallError> {
    let of = |json: &str, text: &str| match entry.text(text) {
        Some(text) => text.to_owned(),
        None => entry.0.get(json).map(Value::to_string).unwrap_or_default(),
    };
    let result = match entry.0.get("call") {
        None => {
            plugin
                .stripe_request(connection, &of("request", "request_text"))
                .await
        }
        Some(name) => {
            let (resource, method) = match name {
                Value::String(name) => name.rsplit_once('.').unwrap_or(("", name)),
                pair => (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()),
            };
            plugin
                .request(connection, resource, method, &of("args", "text"))
                .await
        }
    };
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err(failed::<()>(Err(error))),
    }
}

fn shown(request: &crate::support::Request) -> String {
    let mut out = format!("{} {} \n", request.method, request.target);
    for (name, value) in &request.headers {
        if name != "authorization" {
            out.push_str(&format!("{name}: {value}\n"));
        }
    }
    out.push('\n');
    out.push_str(&String::from_utf8_lossy(&request.body));
    out
}

/// The bytes of an answer: `raw` as it is, or a status, headers and a body that
/// is `body`, or `hex`.
fn bytes(entry: &Entry) -> Vec<u8> {
    if let Some(raw) = entry.text("raw") {
        return raw.as_bytes().to_vec();
    }
    let body = match entry.text("hex") {
        Some(hex) => (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect(),
        None => entry.text("body").unwrap_or_default().as_bytes().to_vec(),
    };
    let status = entry
        .0
        .get("status")
        .map_or(200, |status| status.as_u64().unwrap());
    // Its connection ends with it, and says so: the next call has another.
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    let headers = entry.text("headers").unwrap_or_default();
    if !headers.to_ascii_lowercase().contains("content-length") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for line in headers.lines() {
        head.push_str(&format!("{line}\r\n"));
    }
    head.push_str("\r\n");
    [head.into_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers() {
    let names = [
        "status", "headers", "body", "hex", "raw", "call", "passes", "fails", "get", "type",
        "says", "sent", "has",
    ];
    let entries = corpus("answers", &names);
    let next: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let given = Arc::clone(&next);
    let server = Server::answering(move |_| match given.lock().unwrap().clone() {
        Some(bytes) => Answer::Raw(bytes.leak()),
        None => Answer::plain(),
    })
    .await;
    let plugin = reused(&[server.url()]);
    let properties = json!({
        "secretKey": KEY, "baseUrl": server.url(), "maxNetworkRetries": 0, "maxResponseBytes": 100_000,
    });
    let connection = plugin
        .parse_connection(&properties.to_string())
        .await
        .unwrap();
    let mut wrong = Vec::new();
    for entry in &entries {
        let post = ("customers", "create", r#"{"name":"n"}"#);
        let get = ("customers", "list", "null");
        let file = ("quotes", "pdf", r#"["qt_1"]"#);
        let calls = match entry.text("call") {
            Some("file") => vec![(file, "get")],
            _ => vec![(post, "fails"), (get, "get")],
        };
        for ((resource, method, args), case) in calls {
            *next.lock().unwrap() = Some(bytes(entry));
            let result = plugin.request(&connection, resource, method, args);
            let result = in_time(entry, result).await;
            *next.lock().unwrap() = None;
            let outcome = match (result, entry.0.get("passes")) {
                (Ok(response), Some(passed)) if response.body == passed.as_str().unwrap() => Ok(()),
                (Ok(response), _) => Err(format!("passed {:.300}", response.body)),
                (error, _) => answered(entry, &failed(error), case),
            };
            if let Err(problem) = outcome {
                wrong.push(format!("{} ({method}): {problem}", entry.is()));
            }
        }
        let after = plugin
            .request(&connection, "balance", "retrieve", "null")
            .await;
        assert!(after.is_ok(), "after {}: {after:?}", entry.is());
    }
    report(entries.len(), &wrong, 100);
}

/// Holds a failure against the entry: `fails` is the case of a POST whose key
/// the plugin made, `get` that of a GET where it is another.
fn answered(entry: &Entry, error: &CallError, of: &str) -> Result<(), String> {
    let failure = &error.failure;
    // Stripe's own words are passed on, however long.
    if failure.raw.is_none() || error.case == Case::ExecutionFailed {
        clear(error)?;
    }
    let case = entry.text(of).or(entry.text("fails"));
    let wanted = (case, entry.text("type"), entry.flag("sent"));
    let kind = failure.type_.as_str();
    let found = (
        Some(error.case.as_str()),
        Some(kind),
        failure.may_have_been_sent,
    );
    if found != wanted
        || !failure
            .message
            .contains(entry.text("says").unwrap_or_default())
    {
        return Err(format!("{found:?}: {}", failure.message));
    }
    let known = json!({
        "code": failure.code, "decline_code": failure.decline_code, "param": failure.param,
        "doc_url": failure.doc_url, "request_id": failure.request_id, "status": failure.status,
        "retry_after_ms": failure.retry_after_ms, "raw": failure.raw, "message": failure.message,
        "attempts": failure.attempts,
    });
    let has = entry.0.get("has").and_then(Value::as_object);
    for (name, value) in has.into_iter().flatten() {
        if known.get(name) != Some(value) {
            return Err(format!("{name} is {}", known[name]));
        }
    }
    Ok(())
}
