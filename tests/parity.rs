//! What the plugin sends is what the official client sends: every recording of
//! `tests/recordings/` is replayed through the component and compared byte for
//! byte. The rules of the comparison are those of that folder's README.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use stripe_harness::types::{HttpRequest, Planned};
use stripe_harness::{Case, Connection, Plugin};

use crate::support::plugin;

/// The key of the recordings, which is in none of them.
const KEY: &str = "sk_test_recording0000004242";

/// Headers that say truthfully who speaks, and so differ.
const WHO_SPEAKS: [&str; 3] = [
    "user-agent",
    "x-stripe-client-user-agent",
    "x-stripe-client-telemetry",
];

/// A recording; its arguments as text, since their digits matter.
#[derive(serde::Deserialize)]
struct Recording {
    id: String,
    resource: String,
    method: String,
    args: Box<RawValue>,
    connection: Option<Map<String, Value>>,
    request: Option<Sent>,
    local: Option<String>,
    error: Option<String>,
    difference: Option<String>,
    plugin: Option<Otherwise>,
}

/// A request, as recordings spell it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
struct Sent {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

/// What the plugin does otherwise, by a named difference.
#[derive(serde::Deserialize)]
struct Otherwise {
    #[serde(default)]
    refused: bool,
    request: Option<Value>,
}

#[derive(serde::Deserialize)]
struct Differences {
    rules: Vec<Rule>,
    cases: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
struct Rule {
    api: String,
    drop: Header,
}

#[derive(serde::Deserialize)]
struct Header {
    header: String,
    value: String,
}

/// What is expected of the plugin.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Request(Sent),
    Local(String),
    Refused,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .join("tests/recordings")
}

fn differences() -> Differences {
    let text = std::fs::read_to_string(folder().join("differences.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn recordings() -> Vec<Recording> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .collect();
    files.sort();
    let mut recordings = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let recording = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{}: {error}: {line}", file.display()));
            recordings.push(recording);
        }
    }
    recordings
}

fn expected(recording: &Recording, differences: &Differences) -> Expected {
    if let Some(name) = &recording.difference {
        assert!(differences.cases.contains_key(name), "{name} has no reason");
    }
    let ruled = recording.request.clone().map(|mut sent| {
        let path = sent.url.splitn(4, '/').nth(3).unwrap_or_default();
        let api = if path.starts_with("v2/") { "v2" } else { "v1" };
        for rule in differences.rules.iter().filter(|rule| rule.api == api) {
            if sent.headers.get(&rule.drop.header) == Some(&rule.drop.value) {
                sent.headers.remove(&rule.drop.header);
            }
        }
        sent
    });
    match (&recording.plugin, ruled, &recording.local) {
        (Some(Otherwise { refused: true, .. }), ..) => Expected::Refused,
        (Some(otherwise), ruled, _) => Expected::Request(overlaid(ruled, otherwise)),
        (None, Some(sent), _) => Expected::Request(sent),
        (None, None, Some(url)) => Expected::Local(url.clone()),
        (None, None, None) => {
            assert!(
                recording.error.is_some(),
                "{} expects nothing",
                recording.id
            );
            Expected::Refused
        }
    }
}

/// The recorded request with other members put over it.
fn overlaid(sent: Option<Sent>, otherwise: &Otherwise) -> Sent {
    let mut sent = match sent {
        Some(sent) => json!({
            "method": sent.method, "url": sent.url, "headers": sent.headers, "body": sent.body
        }),
        None => json!({}),
    };
    let over = otherwise.request.as_ref().unwrap().as_object().unwrap();
    for (name, value) in over {
        if name != "headers" {
            sent[name] = value.clone();
            continue;
        }
        for (header, value) in value.as_object().unwrap() {
            match value {
                Value::Null => {
                    sent["headers"]
                        .as_object_mut()
                        .unwrap()
                        .shift_remove(header);
                }
                value => sent["headers"][header] = value.clone(),
            }
        }
    }
    serde_json::from_value(sent).unwrap()
}

/// A planned request in the recordings' spelling.
fn spelled(request: HttpRequest, expected: &Sent) -> Sent {
    let mut headers: BTreeMap<String, String> = request
        .headers
        .into_iter()
        .filter(|(name, _)| !WHO_SPEAKS.contains(&name.as_str()))
        .collect();
    let mut body = request.body.map(|bytes| String::from_utf8(bytes).unwrap());
    let generated =
        expected.headers.get("idempotency-key").map(String::as_str) == Some("<generated>");
    if generated
        && headers
            .get("idempotency-key")
            .is_some_and(|key| !key.is_empty())
    {
        headers.insert("idempotency-key".into(), "<generated>".into());
    }
    let boundary = headers
        .get("content-type")
        .and_then(|kind| kind.strip_prefix("multipart/form-data; boundary="))
        .map(str::to_owned);
    if let (Some(boundary), Some(text)) = (boundary, &mut body) {
        assert_eq!(headers["content-length"], text.len().to_string());
        *text = text.replace(&boundary, "<boundary>");
        headers.insert(
            "content-type".into(),
            "multipart/form-data; boundary=<boundary>".into(),
        );
        headers.insert("content-length".into(), text.len().to_string());
    }
    Sent {
        method: request.method,
        url: request.url,
        headers,
        body,
    }
}

async fn connect(plugin: &Plugin, recording: &Recording) -> Result<Connection, String> {
    let mut properties = json!({"secretKey": KEY});
    if let Some(more) = &recording.connection {
        properties.as_object_mut().unwrap().extend(more.clone());
    }
    plugin
        .parse_connection(&properties.to_string())
        .await
        .map_err(|error| error.to_string())
}

/// How the plugin deviates from what is expected of it; none if it does not.
async fn deviation(plugin: &Plugin, recording: &Recording, expected: &Expected) -> Option<String> {
    let connection = match connect(plugin, recording).await {
        Ok(connection) => connection,
        Err(_) if *expected == Expected::Refused => return None,
        Err(error) => return Some(format!("the connection was refused: {error}")),
    };
    let planned = plugin
        .plan(
            &connection,
            &recording.resource,
            &recording.method,
            recording.args.get(),
        )
        .await;
    match (planned, expected) {
        (Ok(Planned::Http(request)), Expected::Request(sent)) => {
            let found = spelled(request, sent);
            (found != *sent).then(|| format!("expected {sent:#?}\nfound {found:#?}"))
        }
        (Ok(Planned::Local(json)), Expected::Local(url)) => {
            let found: String = serde_json::from_str(&json).unwrap();
            (found != *url).then(|| format!("expected {url}\nfound {found}"))
        }
        (Err(error), Expected::Refused) => {
            let failure = &error.failure;
            let final_refusal = error.case == Case::Permanent
                && failure.attempts == 0
                && !failure.may_have_been_sent;
            (!final_refusal).then(|| format!("a refusal of another kind: {error:?}"))
        }
        (planned, expected) => Some(format!("expected {expected:?}\nfound {planned:?}")),
    }
}

#[tokio::test]
async fn every_recording_of_the_official_client_is_matched_byte_for_byte() {
    let plugin = plugin(&[]);
    let differences = differences();
    let recordings = recordings();
    let mut methods: Vec<(&str, &str)> = Vec::new();
    let mut deviations = Vec::new();
    for recording in &recordings {
        methods.push((&recording.resource, &recording.method));
        let expected = expected(recording, &differences);
        if let Some(deviation) = deviation(&plugin, recording, &expected).await {
            deviations.push(format!("{} {}\n{deviation}", recording.id, recording.args));
        }
    }
    methods.sort_unstable();
    methods.dedup();
    // The table's 673 and rawRequest.
    assert_eq!(methods.len(), 674);
    let shown: Vec<&String> = deviations.iter().take(5).collect();
    assert!(
        deviations.is_empty(),
        "{} of {} recordings are not matched; the first:\n{shown:#?}",
        deviations.len(),
        recordings.len()
    );
}
