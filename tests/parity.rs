//! What the plugin sends is what the official client sends: every recording of
//! `tests/recordings/` is replayed through the component and compared byte for
//! byte. The rules of the comparison are those of that folder's README.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use stripe_harness::types::Planned;
use stripe_harness::{Case, Connection, Plugin};

use crate::support::{Sent, Server, plugin};

/// The key of the recordings, which is in none of them.
const KEY: &str = "sk_test_recording0000004242";

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
        (Some(otherwise), ruled, _) => {
            let over = otherwise.request.as_ref().unwrap();
            Expected::Request(Sent::overlaid(ruled.as_ref(), over))
        }
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

async fn connect(
    plugin: &Plugin,
    recording: &Recording,
    more: &Value,
) -> Result<Connection, String> {
    let mut properties = json!({"secretKey": KEY});
    properties
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
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
    let connection = match connect(plugin, recording, &json!({})).await {
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
            let found = Sent::spelled(
                request.method,
                request.url,
                request.headers,
                request.body,
                Some(sent),
            );
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

/// What arrives at a server is what is planned: every twentieth recording is
/// really sent.
#[tokio::test]
async fn what_is_planned_is_what_arrives() {
    let server = Server::start(Vec::new()).await;
    let plugin = plugin(&[server.url()]);
    let differences = differences();
    let mut compared = 0;
    for recording in recordings().iter().step_by(20) {
        let Expected::Request(mut expected) = expected(recording, &differences) else {
            continue;
        };
        let properties = json!({"baseUrl": server.url()});
        let connection = connect(&plugin, recording, &properties).await.unwrap();
        let (resource, method) = (&recording.resource, &recording.method);
        plugin
            .request(&connection, resource, method, recording.args.get())
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", recording.id));
        let arrived = server.arrived().pop().unwrap();
        let headers = arrived
            .headers
            .into_iter()
            .filter(|(name, _)| name != "host")
            .collect();
        let body = expected.body.is_some().then_some(arrived.body);
        let mut found = Sent::spelled(
            arrived.method,
            arrived.target,
            headers,
            body,
            Some(&expected),
        );
        // The plan's key is redacted, the server's is the key itself.
        let key = found.headers.remove("authorization").unwrap();
        let shown = expected.headers.remove("authorization").unwrap();
        assert!(key.starts_with("Bearer ") && key.ends_with(&shown[shown.len() - 4..]));
        let origin_ends = expected.url.match_indices('/').nth(2).unwrap().0;
        expected.url.replace_range(..origin_ends, "");
        assert_eq!(found, expected, "{}", recording.id);
        compared += 1;
    }
    assert!(compared > 150, "{compared}");
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
