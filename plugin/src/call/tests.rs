//! Calls against a wire that answers from a script, on a clock of its own.

use super::*;
use crate::arguments;
use crate::connection::parse;
use crate::json::Value;
use crate::operation::find;
use crate::outgoing::{Planned, build};
use crate::types::Failure;

/// Answers in turn; remembers what was sent and how long was waited.
struct Script {
    answers: Vec<Result<Answer, Lost>>,
    sent: Vec<(String, String, Option<Vec<u8>>)>,
    slept: Vec<u64>,
    clock: u64,
    attempt_takes: u64,
}

impl Script {
    fn new(answers: Vec<Result<Answer, Lost>>) -> Self {
        Script {
            answers: answers.into_iter().rev().collect(),
            sent: Vec::new(),
            slept: Vec::new(),
            clock: 0,
            attempt_takes: 10,
        }
    }
}

impl Wire for Script {
    fn now(&mut self) -> u64 {
        self.clock
    }

    fn sleep(&mut self, milliseconds: u64) {
        self.slept.push(milliseconds);
        self.clock += milliseconds;
    }

    fn dice(&mut self) -> f64 {
        0.0
    }

    fn send(&mut self, outgoing: &Outgoing<'_>, attempt: Attempt<'_>) -> Result<Answer, Lost> {
        self.sent.push((
            outgoing.url(),
            format!("{:?} {:?}", outgoing.headers, attempt.telemetry),
            outgoing.body.as_ref().map(crate::body::Body::to_bytes),
        ));
        self.clock += self.attempt_takes;
        self.answers.pop().expect("one attempt too many")
    }
}

fn ok() -> Result<Answer, Lost> {
    status(200, &[])
}

fn status(status: u16, headers: &[(&str, &str)]) -> Result<Answer, Lost> {
    let mut answer = Answer {
        status,
        body: if status < 300 {
            br#"{"id":"x_1"}"#.to_vec()
        } else {
            br#"{"error":{"message":"m"}}"#.to_vec()
        },
        ..Answer::default()
    };
    answer.headers.set("request-id", "req_1");
    for (name, value) in headers {
        answer.headers.set(name.to_string(), value.to_string());
    }
    Ok(answer)
}

fn lost(sent: bool, passing: bool) -> Result<Answer, Lost> {
    Err(Lost {
        kind: Kind::Connection,
        message: "lost".into(),
        sent,
        passing,
    })
}

const KEY: &str = r#"{"secretKey":"sk_test_0123456789abcdef"}"#;
const POST: (&str, &str) = ("customers.create", r#"{"email":"e"}"#);
const KEYED: (&str, &str) = (
    "customers.create",
    r#"[{"email":"e"},{"idempotencyKey":"k"}]"#,
);
const GET: (&str, &str) = ("customers.list", "null");
const DELETE: (&str, &str) = ("customers.del", r#""cus_1""#);
const V2_DELETE: (&str, &str) = ("v2.core.eventDestinations.del", r#""ed_1""#);

fn run(
    (name, args): (&str, &str),
    properties: &str,
    answers: Vec<Result<Answer, Lost>>,
) -> (Result<Response, Error>, Script) {
    let settings = Settings::new(parse(properties, false).unwrap(), || None).unwrap();
    let (resource, method) = name.rsplit_once('.').unwrap();
    let operation = find(resource, method).unwrap();
    let arguments = arguments::split(&operation, Value::parse(args).unwrap()).unwrap();
    let limits = Limits::new(&settings, &arguments.options);
    let Ok(Planned::Http(outgoing)) = build(&operation, arguments, &settings, || "UUID".into())
    else {
        panic!("nothing to send");
    };
    let mut script = Script::new(answers);
    let result = execute(
        &mut script,
        &outgoing,
        limits,
        &settings,
        &mut Telemetry::default(),
    );
    assert!(script.answers.is_empty(), "an attempt was not made");
    (result, script)
}

fn transient(result: Result<Response, Error>) -> (bool, Failure) {
    match result {
        Err(Error::Transient(failure)) => (true, failure),
        Err(Error::Permanent(failure)) => (false, failure),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failed_attempt_is_repeated_with_the_same_bytes() {
    let (result, script) = run(POST, KEY, vec![lost(true, true), status(500, &[]), ok()]);
    let response = result.unwrap();
    assert_eq!(response.attempts, 3);
    assert_eq!(
        response.idempotency_key.as_deref(),
        Some("stripe-wasm-UUID")
    );
    assert_eq!(script.slept, [500, 500]);
    assert_eq!(script.sent.len(), 3);
    assert!(script.sent.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn where_stripe_may_have_acted_who_made_the_key_decides() {
    let ambiguous: [fn() -> Result<Answer, Lost>; 3] = [
        || lost(true, true),
        || status(500, &[]),
        || status(503, &[]),
    ];
    for answer in ambiguous {
        for (call, expected) in [
            (POST, false),
            (KEYED, true),
            (GET, true),
            (DELETE, true),
            (V2_DELETE, false),
        ] {
            let (result, _) = run(call, KEY, vec![answer(), answer(), answer()]);
            let (is_transient, failure) = transient(result);
            assert_eq!(is_transient, expected, "{call:?} {}", failure.message);
            assert!(failure.may_have_been_sent);
            assert_eq!(failure.attempts, 3);
        }
    }
}

#[test]
fn what_was_never_sent_may_be_repeated_by_anyone() {
    let (result, _) = run(
        POST,
        KEY,
        vec![lost(false, true), lost(false, true), lost(false, true)],
    );
    let (is_transient, failure) = transient(result);
    assert!(is_transient && !failure.may_have_been_sent);
    let (result, _) = run(POST, KEY, vec![lost(false, false)]);
    let (is_transient, failure) = transient(result);
    assert!(!is_transient && !failure.may_have_been_sent);
}

#[test]
fn a_later_answer_settles_what_an_earlier_attempt_left_open() {
    // Same key: a card error is the result of whichever attempt arrived.
    let (result, _) = run(POST, KEY, vec![lost(true, true), status(402, &[])]);
    let (is_transient, failure) = transient(result);
    assert!(!is_transient && !failure.may_have_been_sent);
    // Turned away at the door: the first attempt is still open.
    for turned_away in [401, 403, 429] {
        let (result, _) = run(POST, KEY, vec![lost(true, true), status(turned_away, &[])]);
        let (is_transient, failure) = transient(result);
        assert!(!is_transient && failure.may_have_been_sent, "{turned_away}");
    }
}

#[test]
fn an_answer_settles_nothing_for_attempts_without_a_key() {
    // The first DELETE may have done it, which is why the second finds nothing.
    let (result, _) = run(DELETE, KEY, vec![lost(true, true), status(404, &[])]);
    let (is_transient, failure) = transient(result);
    assert!(!is_transient && failure.may_have_been_sent);
}

#[test]
fn a_strangers_answer_settles_nothing() {
    for (code, body) in [
        (404, "<html>"),
        (302, ""),
        (404, r#"{"message":"no route"}"#),
    ] {
        let mut stranger = Answer {
            status: code,
            body: body.as_bytes().to_vec(),
            ..Answer::default()
        };
        stranger.headers.set("content-type", "text/html");
        let (result, _) = run(POST, KEY, vec![lost(true, true), Ok(stranger)]);
        let (is_transient, failure) = transient(result);
        assert!(!is_transient && failure.may_have_been_sent, "{code} {body}");
    }
}

#[test]
fn an_attempt_that_would_be_cut_off_at_once_is_not_begun() {
    let short = r#"{"secretKey":"sk_test_0123456789abcdef","totalTimeout":1400}"#;
    let (result, script) = run(POST, short, vec![status(409, &[])]);
    let (is_transient, failure) = transient(result);
    assert!(is_transient && !failure.may_have_been_sent);
    assert_eq!((failure.attempts, script.slept), (1, vec![]));
}

#[test]
fn the_case_is_that_of_the_last_answer() {
    for (call, answers, expected) in [
        (GET, vec![status(500, &[]), status(401, &[])], false),
        (
            GET,
            vec![status(409, &[("stripe-should-retry", "false")])],
            false,
        ),
        (
            GET,
            vec![status(500, &[("stripe-should-retry", "false")])],
            true,
        ),
        (KEYED, vec![status(429, &[])], true),
        (POST, vec![status(429, &[])], true),
    ] {
        let (result, _) = run(call, KEY, answers);
        assert_eq!(transient(result).0, expected, "{call:?}");
    }
    let always = || status(400, &[("stripe-should-retry", "true")]);
    let (result, _) = run(POST, KEY, vec![always(), always(), always()]);
    assert!(transient(result).0);
}

#[test]
fn definite_answers_are_not_repeated() {
    for code in [400, 401, 402, 403, 404] {
        let (result, _) = run(POST, KEY, vec![status(code, &[])]);
        let (is_transient, failure) = transient(result);
        assert!(!is_transient && !failure.may_have_been_sent, "{code}");
    }
    let (result, _) = run(POST, KEY, vec![status(429, &[])]);
    let (is_transient, failure) = transient(result);
    assert!(is_transient && !failure.may_have_been_sent);
}

#[test]
fn stripe_decides_when_it_says_so() {
    let (result, script) = run(
        POST,
        KEY,
        vec![status(400, &[("stripe-should-retry", "true")]), ok()],
    );
    assert_eq!((result.unwrap().attempts, script.slept), (2, vec![500]));
    let (result, _) = run(
        POST,
        KEY,
        vec![status(500, &[("stripe-should-retry", "false")])],
    );
    assert_eq!(transient(result).1.attempts, 1);
    let (result, script) = run(GET, KEY, vec![status(429, &[("retry-after", "7")]), ok()]);
    assert_eq!((result.unwrap().attempts, script.slept), (2, vec![7_000]));
    let (result, _) = run(GET, KEY, vec![status(429, &[("retry-after", "90")])]);
    assert_eq!(transient(result).1.retry_after_ms, Some(90_000));
}

#[test]
fn no_retries_means_none() {
    let none = r#"{"secretKey":"sk_test_0123456789abcdef","maxNetworkRetries":0}"#;
    let (result, _) = run(GET, none, vec![lost(true, true)]);
    assert_eq!(transient(result).1.attempts, 1);
    let own = ("customers.list", r#"[null,{"maxNetworkRetries":1}]"#);
    let (result, _) = run(own, none, vec![lost(true, true), ok()]);
    assert_eq!(result.unwrap().attempts, 2);
}

#[test]
fn the_total_timeout_ends_a_call() {
    let short = r#"{"secretKey":"sk_test_0123456789abcdef","totalTimeout":505}"#;
    let (result, script) = run(GET, short, vec![lost(true, true)]);
    assert_eq!((transient(result).1.attempts, script.slept), (1, vec![]));
}

#[test]
fn limits_come_from_the_connection_and_the_call() {
    let settings = Settings::new(parse(KEY, false).unwrap(), || None).unwrap();
    let limits = |options: Options| Limits::new(&settings, &options);
    assert_eq!(
        limits(Options::default()),
        Limits {
            timeout: 80_000,
            total: 270_000,
            max_retries: 2
        }
    );
    let own = Options {
        timeout: Some(1_000),
        max_network_retries: Some(0),
        ..Options::default()
    };
    assert_eq!(
        limits(own),
        Limits {
            timeout: 1_000,
            total: 31_000,
            max_retries: 0
        }
    );
}

#[test]
fn latency_is_reported_once_and_only_to_the_same_server() {
    let settings = |properties| Settings::new(parse(properties, false).unwrap(), || None).unwrap();
    let here = settings(KEY);
    let elsewhere =
        settings(r#"{"secretKey":"sk_test_0123456789abcdef","baseUrl":"http://127.0.0.1:1"}"#);
    let quiet = settings(r#"{"secretKey":"sk_test_0123456789abcdef","telemetry":false}"#);
    let mut telemetry = Telemetry::default();
    let mut call = |settings: &Settings| {
        let operation = find("customers", "list").unwrap();
        let arguments = arguments::split(&operation, Value::Null).unwrap();
        let limits = Limits::new(settings, &arguments.options);
        let Ok(Planned::Http(outgoing)) = build(&operation, arguments, settings, || "U".into())
        else {
            panic!("nothing to send");
        };
        let mut script = Script::new(vec![ok()]);
        execute(&mut script, &outgoing, limits, settings, &mut telemetry).unwrap();
        script.sent[0].1.contains(
            r#"{\"last_request_metrics\":{\"request_id\":\"req_1\",\"request_duration_ms\":10}}"#,
        )
    };
    assert!(!call(&here), "nothing to report yet");
    assert!(call(&here));
    assert!(!call(&elsewhere), "another server");
    assert!(!call(&quiet), "switched off");
}
