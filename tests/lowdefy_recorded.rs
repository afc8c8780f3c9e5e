//! What Lowdefy's own connector does with a connection and a request, the
//! plugin does: every case of `tests/lowdefy/` is given to the component, which
//! talks to a server that answers as it answered `@lowdefy/connection-stripe`;
//! what arrives there and what comes of it are compared with the recorded. The
//! rules of the comparison are those of that folder's README.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use stripe_harness::operators::Context;
use stripe_harness::{CallError, yaml};

use crate::support::{Answer, Request, Sent, Server, plugin};

/// Cases that are not replayed, and why.
const NOT_REPLAYED: [(&str, &str); 1] = [(
    "answers/timeout",
    "what arrives within its 200 ms depends on the machine; \
     `retries::a_silent_server_runs_into_the_timeout` holds instead",
)];

/// What a case gets that says nothing about answers.
const USUAL_ANSWER: &str = r#"{"id":"obj_1","object":"thing","livemode":false}"#;

/// How often the last answer is there to be given: more often than any case
/// asks.
const LAST_AGAIN: usize = 8;

/// Headers of the connection between two machines.
const OF_THE_CONNECTION: [&str; 2] = ["connection", "host"];

/// Stripe's origins, which are the server's here.
const ORIGINS: [&str; 3] = [
    "https://api.stripe.com",
    "https://connect.stripe.com",
    "https://files.stripe.com",
];

/// A line of `cases.jsonl`; its properties as text, since their digits matter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LowdefyCase<'t> {
    id: String,
    connection: Box<RawValue>,
    request: Box<RawValue>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(borrow)]
    answers: Option<Vec<Scripted<'t>>>,
    difference: Option<String>,
    plugin: Option<Otherwise>,
}

/// What the server answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scripted<'t> {
    status: Option<u16>,
    #[serde(borrow, default)]
    headers: BTreeMap<&'t str, String>,
    #[serde(default, deserialize_with = "given")]
    body: Option<Value>,
    delay: Option<u64>,
    #[serde(default)]
    reset: bool,
}

/// What the plugin does otherwise, by a named difference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Otherwise {
    requests: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "given")]
    response: Option<Value>,
    error: Option<Failure>,
}

/// Lowdefy's error, or with no message any error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    /// Lowdefy's class of errors, which the plugin does not have.
    #[serde(rename = "name")]
    _name: Option<String>,
    message: Option<String>,
}

/// A line of `recorded.jsonl`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    id: String,
    requests: Vec<Sent>,
    #[serde(default, deserialize_with = "given")]
    response: Option<Value>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Differences {
    rules: Vec<Rule>,
    cases: BTreeMap<String, String>,
}

/// A difference that is the same for all cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    #[serde(rename = "reason")]
    _reason: String,
    method: Option<String>,
    drop: Option<Header>,
    add: Option<Header>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    header: String,
    value: String,
}

/// A member that is there, null or not.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// What is expected of the plugin.
#[derive(Debug, PartialEq, Eq)]
struct Expected {
    requests: Vec<Sent>,
    outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// This JSON.
    Response(String),
    /// An error whose message begins with one of these.
    Says(Vec<String>),
    /// Any error.
    Fails,
}

fn lines<T: Deserialize<'static>>(text: &'static str) -> Vec<T> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The cases, each with what was recorded.
fn cases() -> Vec<(LowdefyCase<'static>, Recorded)> {
    let cases: Vec<LowdefyCase<'_>> = lines(include_str!("lowdefy/cases.jsonl"));
    let recorded: Vec<Recorded> = lines(include_str!("lowdefy/recorded.jsonl"));
    assert_eq!(cases.len(), recorded.len());
    let pairs: Vec<_> = cases.into_iter().zip(recorded).collect();
    for (case, recorded) in &pairs {
        assert_eq!(case.id, recorded.id);
    }
    pairs
}

fn differences() -> Differences {
    serde_json::from_str(include_str!("lowdefy/differences.json")).unwrap()
}

impl Rule {
    fn apply(&self, sent: &mut Sent) {
        if self
            .method
            .as_ref()
            .is_some_and(|method| *method != sent.method)
        {
            return;
        }
        if let Some(Header { header, value }) = &self.drop
            && sent.headers.get(header) == Some(value)
        {
            sent.headers.remove(header);
        }
        if let Some(Header { header, value }) = &self.add {
            sent.headers
                .entry(header.clone())
                .or_insert_with(|| value.clone());
        }
    }
}

fn outcome(response: Option<&Value>, error: Option<&Failure>) -> Option<Outcome> {
    match (response, error) {
        (Some(response), None) => Some(Outcome::Response(response.to_string())),
        (None, Some(error)) => Some(match &error.message {
            Some(message) => Outcome::Says(message.split("; ").map(str::to_owned).collect()),
            None => Outcome::Fails,
        }),
        (None, None) => None,
        (Some(_), Some(_)) => panic!("both a response and an error"),
    }
}

/// What was recorded, as changed by the rules.
fn ruled(recorded: &Recorded, rules: &[Rule]) -> Expected {
    let mut requests = recorded.requests.clone();
    for sent in &mut requests {
        for rule in rules {
            rule.apply(sent);
        }
    }
    Expected {
        requests,
        outcome: outcome(recorded.response.as_ref(), recorded.error.as_ref()).unwrap(),
    }
}

/// What is expected where the plugin does otherwise.
fn otherwise(otherwise: &Otherwise, mut expected: Expected) -> Expected {
    if let Some(requests) = &otherwise.requests {
        let recorded = expected.requests;
        expected.requests = requests
            .iter()
            .enumerate()
            .map(|(at, over)| Sent::overlaid(recorded.get(at).or(recorded.last()), over))
            .collect();
    }
    if let Some(outcome) = outcome(otherwise.response.as_ref(), otherwise.error.as_ref()) {
        expected.outcome = outcome;
    }
    expected
}

fn expected(case: &LowdefyCase<'_>, recorded: &Recorded, differences: &Differences) -> Expected {
    let expected = ruled(recorded, &differences.rules);
    let expected = match &case.plugin {
        Some(plugin) => otherwise(plugin, expected),
        None => expected,
    };
    if let Outcome::Says(parts) = &expected.outcome {
        assert!(
            parts.iter().all(|part| !part.is_empty()),
            "{}: everything begins with nothing",
            case.id
        );
    }
    expected
}

fn answer(scripted: &Scripted<'static>) -> Answer {
    assert!(scripted.delay.is_none(), "no test waits");
    if scripted.reset {
        return Answer::Close;
    }
    let (kind, body) = match &scripted.body {
        None => ("text/html", String::new()),
        Some(Value::String(text)) => ("text/html", text.clone()),
        Some(json) => ("application/json", json.to_string()),
    };
    let mut headers = vec![
        ("content-type", kind.to_owned()),
        ("request-id", "req_lowdefy4242".to_owned()),
    ];
    for (name, value) in &scripted.headers {
        // The plugin waits as long as it is told to, so it is told nothing.
        let value = if *name == "retry-after" { "0" } else { value };
        headers.push((name, value.to_owned()));
    }
    Answer::Http(scripted.status.unwrap_or(200), headers, body.into_bytes())
}

/// The case's answers, the last again and again.
fn script(case: &LowdefyCase<'static>) -> Vec<Answer> {
    let mut script = match &case.answers {
        Some(answers) => answers.iter().map(answer).collect(),
        None => vec![Answer::json(200, USUAL_ANSWER)],
    };
    let last = script.last().unwrap().clone();
    script.extend(std::iter::repeat_n(last, LAST_AGAIN));
    script
}

/// Properties with the operators in them evaluated.
fn evaluated(properties: &RawValue, secrets: &BTreeMap<String, String>) -> String {
    if secrets.is_empty() {
        return properties.get().to_owned();
    }
    let secret = |name: &str| secrets.get(name.strip_prefix("LOWDEFY_SECRET_")?).cloned();
    let context = Context {
        env: &secret,
        payload: None,
        missing_secret: None,
    };
    let node = yaml::parse(properties.get()).unwrap();
    context.evaluate(&node).unwrap().to_json()
}

/// The connection's properties; where answers may have it try again, it does so
/// at once.
fn connection(case: &LowdefyCase<'_>) -> String {
    let text = evaluated(&case.connection, &case.secrets);
    if case.answers.is_none() {
        return text;
    }
    let mut properties: Value = serde_json::from_str(&text).unwrap();
    let members = properties.as_object_mut().unwrap();
    assert!(!members.contains_key("retryConfig"), "{}", case.id);
    let at_once = json!({"interval": 0, "maxWaitInterval": 0});
    members.insert("retryConfig".to_owned(), at_once);
    properties.to_string()
}

/// A text with the server's origin in place of Stripe's.
fn elsewhere(text: &str, server: &Server) -> String {
    ORIGINS.iter().fold(text.to_owned(), |text, origin| {
        text.replace(origin, server.url())
    })
}

/// `Bearer sk_test_…4242`: kind, mode, and the last four characters of the key.
fn redacted(authorization: &str) -> String {
    let kind_and_mode = authorization
        .match_indices('_')
        .nth(1)
        .map(|(at, _)| authorization.split_at(at + 1));
    match kind_and_mode {
        Some((kind, key)) if key.len() >= 4 => format!("{kind}…{}", &key[key.len() - 4..]),
        _ => authorization.to_owned(),
    }
}

/// A request that arrived in the recordings' spelling.
fn spelled(
    request: Request,
    case: &LowdefyCase<'_>,
    expected: Option<&Sent>,
    server: &Server,
) -> Sent {
    let has_body = request.header("content-length").is_some();
    let key = request.header("idempotency-key").unwrap_or_default();
    // A key that the case gave is not one that was made up.
    let generated = !case.request.get().contains(key);
    let mut names = BTreeSet::new();
    let mut headers = Vec::new();
    for (name, value) in request.headers {
        assert!(names.insert(name.clone()), "{}: {name} twice", case.id);
        if name == "authorization" {
            headers.push((name, redacted(&value)));
        } else if !OF_THE_CONNECTION.contains(&name.as_str()) {
            headers.push((name, value));
        }
    }
    Sent::spelled(
        request.method,
        format!("{}{}", server.url(), request.target),
        headers,
        has_body.then_some(request.body),
        expected.filter(|_| generated),
    )
}

fn is_met(outcome: &Outcome, found: &Result<String, CallError>, server: &Server) -> bool {
    match (outcome, found) {
        (Outcome::Response(json), Ok(found)) => elsewhere(json, server) == *found,
        // A component that traps has not refused anything.
        (_, Err(error)) if error.case == stripe_harness::Case::ExecutionFailed => false,
        (Outcome::Fails, Err(_)) => true,
        (Outcome::Says(parts), Err(error)) => parts.iter().any(|part| {
            let appended = error.failure.message.strip_prefix(part.as_str());
            appended.is_some_and(|more| more.is_empty() || more.starts_with("; "))
        }),
        _ => false,
    }
}

/// How the plugin deviates from what is expected of it; none if it does not.
async fn deviation(case: &LowdefyCase<'static>, expected: &Expected) -> Option<String> {
    let server = Server::start(script(case)).await;
    let plugin = plugin(&[server.url()]);
    let answered = match plugin.parse_connection(&connection(case)).await {
        Ok(mut connection) => {
            connection.set_base_url(server.url().to_owned());
            let request = evaluated(&case.request, &case.secrets);
            plugin.stripe_request(&connection, &request).await
        }
        Err(error) => Err(error),
    };
    let found = answered.map(|response| {
        let body: Value = serde_json::from_str(&response.body).unwrap();
        body.to_string()
    });
    let mut requests = expected.requests.clone();
    for sent in &mut requests {
        sent.url = elsewhere(&sent.url, &server);
    }
    let arrived: Vec<Sent> = server
        .arrived()
        .into_iter()
        .enumerate()
        .map(|(at, request)| spelled(request, case, requests.get(at), &server))
        .collect();
    if arrived != requests {
        return Some(format!("expected {requests:#?}\narrived {arrived:#?}"));
    }
    (!is_met(&expected.outcome, &found, &server))
        .then(|| format!("expected {:#?}\nfound {found:#?}", expected.outcome))
}

#[tokio::test]
async fn every_case_of_lowdefys_connector_comes_out_the_same() {
    let differences = differences();
    let cases = cases();
    let replayed = cases
        .iter()
        .filter(|(case, _)| NOT_REPLAYED.iter().all(|(id, _)| *id != case.id));
    let (mut number, mut deviations) = (0, Vec::new());
    for (case, recorded) in replayed {
        number += 1;
        let expected = expected(case, recorded, &differences);
        if let Some(deviation) = deviation(case, &expected).await {
            deviations.push(format!("{}\n{deviation}", case.id));
        }
    }
    assert_eq!(number, cases.len() - NOT_REPLAYED.len());
    assert!(
        deviations.is_empty(),
        "{} of {number} cases come out otherwise:\n{}",
        deviations.len(),
        deviations.join("\n\n")
    );
}

#[test]
fn every_difference_from_lowdefy_has_a_name_and_is_one() {
    let differences = differences();
    let cases = cases();
    let mut used = BTreeSet::new();
    for (case, recorded) in &cases {
        assert_eq!(
            case.difference.is_some(),
            case.plugin.is_some(),
            "{}",
            case.id
        );
        let (Some(name), Some(plugin)) = (&case.difference, &case.plugin) else {
            continue;
        };
        assert!(differences.cases.contains_key(name), "{name} has no reason");
        used.insert(name);
        let same = ruled(recorded, &differences.rules);
        assert_ne!(
            otherwise(plugin, ruled(recorded, &differences.rules)),
            same,
            "{}: nothing differs",
            case.id
        );
    }
    assert_eq!(used, differences.cases.keys().collect(), "unused names");
    for rule in &differences.rules {
        let applies = |sent: &Sent| {
            let mut changed = sent.clone();
            rule.apply(&mut changed);
            changed != *sent
        };
        let mut sent = cases.iter().flat_map(|(_, recorded)| &recorded.requests);
        assert!(sent.any(applies), "{} changes nothing", rule.name);
    }
}
