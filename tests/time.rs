//! How long calls wait, and when they give up: through the component, on a
//! clock that stands still unless everything waits, against a script without
//! sockets. No test takes real time.

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use stripe_harness::{Case, Exchange, Exchanged, HostOptions, HttpError, Plugin, WasiBody};
use tokio::time::{Instant, sleep};

use crate::support::{KEY, failed, plugin};

/// What one attempt meets.
#[derive(Clone, Copy)]
enum Step {
    /// An answer with this status and these headers.
    Status(u16, &'static [(&'static str, &'static str)]),
    /// The connection fails before anything was sent.
    Refused,
    /// The connection is lost after the request was sent.
    Lost,
    /// Nothing, for ever.
    Silence,
    /// Headers at once, then a byte every so many seconds, for ever.
    Drip(u64),
    /// Headers at once, then nothing, for ever.
    Stall,
}

/// Meets the script's steps in turn; remembers when, and with what.
struct Script {
    steps: Mutex<Vec<Step>>,
    begun: Instant,
    /// Milliseconds since the beginning, idempotency key, body.
    seen: Mutex<Vec<(u128, Option<String>, Bytes)>>,
}

/// A script that both the test and the host hold.
struct Shared(Arc<Script>);

impl Exchange for Shared {
    fn exchange(&self, request: http::Request<WasiBody>) -> Exchanged {
        let script = Arc::clone(&self.0);
        Box::pin(async move {
            let key = request
                .headers()
                .get("idempotency-key")
                .map(|key| key.to_str().unwrap().to_owned());
            let at = script.begun.elapsed().as_millis();
            let body = request.into_body().collect().await?.to_bytes();
            script.seen.lock().unwrap().push((at, key, body));
            let step = script.steps.lock().unwrap().pop();
            step.expect("one attempt too many").meet().await
        })
    }
}

impl Step {
    async fn meet(self) -> Result<http::Response<WasiBody>, HttpError> {
        let mut head = http::Response::builder();
        let body = match self {
            Step::Refused => return Err(HttpError::ConnectionRefused),
            Step::Lost => return Err(HttpError::ConnectionTerminated),
            Step::Silence => std::future::pending().await,
            Step::Drip(seconds) => Drip::every(Some(Duration::from_secs(seconds))),
            Step::Stall => Drip::every(None),
            Step::Status(status, headers) => {
                head = head.status(status);
                for (name, value) in headers {
                    head = head.header(*name, *value);
                }
                let text = if status < 300 { r#"{"id":"x"}"# } else { "{}" };
                Full::new(Bytes::from_static(text.as_bytes()))
                    .map_err(|never| match never {})
                    .boxed_unsync()
            }
        };
        Ok(head.body(body).unwrap())
    }
}

/// A body that never ends.
struct Drip {
    every: Option<Duration>,
    next: std::pin::Pin<Box<tokio::time::Sleep>>,
}

impl Drip {
    fn every(every: Option<Duration>) -> WasiBody {
        let first = every.unwrap_or(Duration::from_secs(1_000_000));
        Drip {
            every,
            next: Box::pin(sleep(first)),
        }
        .boxed_unsync()
    }
}

impl http_body::Body for Drip {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        std::task::ready!(self.next.as_mut().poll(cx));
        if let Some(every) = self.every {
            self.next.as_mut().reset(Instant::now() + every);
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
    }
}

/// How a call went: its result, when each attempt began, and how long it took
/// as a whole, in milliseconds.
struct Run {
    error: Option<stripe_harness::CallError>,
    attempts: Vec<u128>,
    took: u128,
}

const CREATE: (&str, &str, &str) = ("customers", "create", r#"[{"email":"e"}]"#);
const LIST: (&str, &str, &str) = ("customers", "list", "null");

async fn run(call: (&str, &str, &str), more: Value, steps: &[Step]) -> Run {
    let begun = Instant::now();
    let script = Arc::new(Script {
        steps: Mutex::new(steps.iter().rev().copied().collect()),
        begun,
        seen: Mutex::default(),
    });
    let options = HostOptions {
        exchange: Some(Arc::new(Shared(Arc::clone(&script)))),
        ..HostOptions::default()
    };
    let plugin: Plugin = plugin(&[]).with_options(options).unwrap();
    let mut properties = json!({"secretKey": KEY});
    properties
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let connection = plugin
        .parse_connection(&properties.to_string())
        .await
        .unwrap();
    let result = plugin.request(&connection, call.0, call.1, call.2).await;
    let took = begun.elapsed().as_millis();
    assert!(
        script.steps.lock().unwrap().is_empty(),
        "an attempt was not made"
    );
    let seen = script.seen.lock().unwrap();
    for attempt in seen.iter() {
        assert_eq!(
            (&attempt.1, &attempt.2),
            (&seen[0].1, &seen[0].2),
            "other bytes"
        );
    }
    Run {
        error: result.is_err().then(|| failed(result)),
        attempts: seen.iter().map(|(at, ..)| *at).collect(),
        took,
    }
}

fn between(value: u128, lowest: u128, highest: u128) -> bool {
    (lowest..=highest).contains(&value)
}

#[tokio::test(start_paused = true)]
async fn waits_double_from_half_a_second_to_five() {
    let steps = [
        Step::Lost,
        Step::Refused,
        Step::Lost,
        Step::Lost,
        Step::Lost,
        Step::Lost,
        Step::Status(200, &[]),
    ];
    let run = run(CREATE, json!({"maxNetworkRetries": 6}), &steps).await;
    assert!(run.error.is_none());
    let waits: Vec<u128> = run
        .attempts
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    let bounds = [
        (500, 501),
        (500, 1001),
        (1000, 2001),
        (2000, 4001),
        (2500, 5001),
        (2500, 5001),
    ];
    for (wait, (lowest, highest)) in waits.iter().zip(bounds) {
        assert!(between(*wait, lowest, highest), "{waits:?}");
    }
}

/// The retry table of the README, row by row: what the first attempt meets, and
/// how many attempts follow from it where two repetitions are allowed.
#[tokio::test(start_paused = true)]
async fn the_retry_table() {
    let good = Step::Status(200, &[]);
    for (name, step, repeated) in [
        ("400", Step::Status(400, &[]), false),
        ("401", Step::Status(401, &[]), false),
        ("402", Step::Status(402, &[]), false),
        ("403", Step::Status(403, &[]), false),
        ("404", Step::Status(404, &[]), false),
        ("409", Step::Status(409, &[]), true),
        ("424", Step::Status(424, &[]), false),
        ("429", Step::Status(429, &[]), false),
        (
            "429 after 60 s",
            Step::Status(429, &[("retry-after", "60")]),
            true,
        ),
        (
            "429 after 61 s",
            Step::Status(429, &[("retry-after", "61")]),
            false,
        ),
        ("500", Step::Status(500, &[]), true),
        ("502", Step::Status(502, &[]), true),
        ("503", Step::Status(503, &[]), true),
        (
            "400, should",
            Step::Status(400, &[("stripe-should-retry", "true")]),
            true,
        ),
        (
            "429, should",
            Step::Status(429, &[("stripe-should-retry", "true")]),
            true,
        ),
        (
            "500, should not",
            Step::Status(500, &[("stripe-should-retry", "false")]),
            false,
        ),
        (
            "409, should not",
            Step::Status(409, &[("stripe-should-retry", "false")]),
            false,
        ),
        ("refused", Step::Refused, true),
        ("lost", Step::Lost, true),
        ("silence", Step::Silence, true),
        ("stall", Step::Stall, true),
    ] {
        for call in [CREATE, LIST] {
            let steps: &[Step] = if repeated { &[step, good] } else { &[step] };
            let run = run(call, json!({}), steps).await;
            assert_eq!(run.error.is_none(), repeated, "{name} {call:?}");
            let none = json!({"maxNetworkRetries": 0});
            let run = self::run(call, none, &[step]).await;
            assert_eq!(run.attempts.len(), 1, "{name} without retries");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stripes_own_wait_is_kept() {
    let asked = Step::Status(429, &[("retry-after", "7")]);
    let run = run(CREATE, json!({}), &[asked, Step::Status(200, &[])]).await;
    assert!(run.error.is_none());
    assert!(between(run.attempts[1], 7_000, 7_001), "{:?}", run.attempts);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_bounds_an_attempt_whatever_dribbles() {
    for step in [Step::Silence, Step::Stall, Step::Drip(10), Step::Drip(79)] {
        let run = run(CREATE, json!({"maxNetworkRetries": 0}), &[step]).await;
        let error = run.error.unwrap();
        assert_eq!(
            (error.case, error.failure.type_.as_str()),
            (Case::Permanent, "timeout_error")
        );
        assert!(error.failure.may_have_been_sent);
        assert!(between(run.took, 80_000, 80_010), "{}", run.took);
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_total_leaves_every_attempt_its_time() {
    let run = run(
        CREATE,
        json!({"timeout": 10_000}),
        &[Step::Silence, Step::Stall, Step::Drip(1)],
    )
    .await;
    assert_eq!(run.error.unwrap().failure.attempts, 3);
    // Three attempts of 10 s, and waits of 0.5 s and 0.5 to 1 s.
    assert!(between(run.took, 31_000, 31_520), "{}", run.took);
}

#[tokio::test(start_paused = true)]
async fn the_total_timeout_cuts_the_last_attempt_short() {
    let limits = json!({"timeout": 80_000, "totalTimeout": 100_000});
    let run = run(CREATE, limits, &[Step::Silence, Step::Silence]).await;
    assert_eq!(run.error.unwrap().failure.attempts, 2);
    assert!(between(run.took, 100_000, 100_010), "{}", run.took);
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_total_timeout_is_not_begun() {
    let asked = Step::Status(429, &[("retry-after", "30")]);
    let run = run(CREATE, json!({"totalTimeout": 20_000}), &[asked]).await;
    let error = run.error.unwrap();
    assert_eq!(
        (error.case, error.failure.retry_after_ms),
        (Case::Transient, Some(30_000))
    );
    assert!(run.took < 10, "{}", run.took);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_not_asked_for_twice() {
    struct Untrusted;
    impl Exchange for Untrusted {
        fn exchange(&self, _: http::Request<WasiBody>) -> Exchanged {
            Box::pin(async { Err(HttpError::TlsCertificateError) })
        }
    }
    let options = HostOptions {
        exchange: Some(Arc::new(Untrusted)),
        ..HostOptions::default()
    };
    let plugin = plugin(&[]).with_options(options).unwrap();
    let connection = plugin
        .parse_connection(&json!({"secretKey": KEY}).to_string())
        .await
        .unwrap();
    let error = failed(
        plugin
            .request(&connection, "customers", "list", "null")
            .await,
    );
    assert_eq!((error.case, error.failure.attempts), (Case::Permanent, 1));
    assert!(!error.failure.may_have_been_sent);
    assert!(error.failure.message.contains("certificate"), "{error}");
}
