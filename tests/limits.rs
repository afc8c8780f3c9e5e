//! What a call of the real component may use: past each limit it gets a clear
//! error that names the limit, and the next call works.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use stripe_harness::{
    CallError, Case, Connection, Exchange, Exchanged, HostOptions, Instances, Plugin, WasiBody,
};
use tokio::sync::Barrier;
use tokio::time::Instant;

use crate::support::{Answer, KEY, Server, allowing, component, failed, list, plugin, under};

const MODES: [Instances; 2] = [Instances::Isolated, Instances::Reused { max_idle: 2 }];

fn host(server: &Server, instances: Instances) -> HostOptions {
    HostOptions {
        policy: allowing(&[server.url()]),
        instances,
        ..HostOptions::default()
    }
}

async fn connected(server: &Server, options: HostOptions, more: Value) -> (Plugin, Connection) {
    let mut properties = json!({"baseUrl": server.url()});
    properties
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (plugin, connection) = under(options, properties).await;
    (plugin, connection.unwrap())
}

fn stopped(error: &CallError, said: &str) {
    assert_eq!(
        (error.case, error.failure.type_.as_str()),
        (Case::ExecutionFailed, "host_error"),
        "{error}"
    );
    assert!(error.failure.message.contains(said), "{error}");
}

/// An answer too large: it may stand for something that was done.
fn too_large(error: &CallError, said: &str) {
    let failure = &error.failure;
    assert_eq!(
        (error.case, failure.type_.as_str()),
        (Case::Permanent, "response_error"),
        "{error}"
    );
    assert!(failure.may_have_been_sent, "{error}");
    assert!(failure.message.contains(said), "{error}");
}

#[tokio::test]
async fn arguments_that_do_not_fit_into_memory_end_the_call() {
    let server = Server::start(Vec::new()).await;
    for instances in MODES {
        let options = HostOptions {
            max_memory: 8 << 20,
            ..host(&server, instances)
        };
        let (plugin, connection) = connected(&server, options, json!({})).await;
        let args = json!([{"description": "x".repeat(9 << 20)}]).to_string();
        for _ in 0..2 {
            let created = plugin.request(&connection, "customers", "create", &args);
            let error = failed(created.await);
            stopped(&error, "8388608 (max_memory)");
            let before = server.arrived().len();
            list(&plugin, &connection).await.unwrap();
            assert_eq!(server.arrived().len(), before + 1);
        }
        let error = failed(plugin.parse_connection(&args).await);
        stopped(&error, "max_memory");
    }
    assert!(
        server
            .arrived()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[tokio::test]
async fn a_large_answer_is_passed_on_where_the_connection_says_so() {
    let body = format!(r#"{{"id":"x","text":"{}"}}"#, "y".repeat(32 << 20));
    for instances in MODES {
        let answers = [&body, &body].map(|body| Answer::json(200, body));
        let server = Server::start(answers.into()).await;
        let options = host(&server, instances);
        let (plugin, connection) = connected(&server, options.clone(), json!({})).await;
        too_large(
            &failed(list(&plugin, &connection).await),
            "maxResponseBytes",
        );
        let raised = json!({"maxResponseBytes": 64 << 20});
        let (plugin, connection) = connected(&server, options, raised).await;
        let answer = list(&plugin, &connection).await.unwrap();
        assert!(answer.body == body, "{} bytes", answer.body.len());
        list(&plugin, &connection).await.unwrap();
    }
}

/// An answer in chunks, whose length nobody knows beforehand.
fn chunked(body: &str) -> Answer {
    let half = body.len() / 2;
    let mut text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    for part in [&body[..half], &body[half..], ""] {
        text.push_str(&format!("{:x}\r\n{part}\r\n", part.len()));
    }
    Answer::Raw(Box::leak(text.into_bytes().into_boxed_slice()))
}

#[tokio::test]
async fn the_hosts_own_limit_on_answers_holds_for_every_connection() {
    let body = |length: usize| {
        let frame = r#"{"id":""}"#.len();
        format!(r#"{{"id":"{}"}}"#, "x".repeat(length - frame))
    };
    const MOST: usize = 1000;
    let (fits, large) = (body(MOST), body(MOST + 1));
    for instances in MODES {
        let options = |server: &Server| HostOptions {
            max_response_bytes: MOST as u64,
            ..host(server, instances)
        };
        for answer in [
            Answer::json(200, &large),
            Answer::json(400, &large),
            chunked(&large),
        ] {
            let server = Server::start(vec![answer.clone()]).await;
            let raised = json!({"maxResponseBytes": 1 << 20});
            let (plugin, connection) = connected(&server, options(&server), raised).await;
            let args = r#"[{"email": "e"}]"#;
            let created = plugin
                .request(&connection, "customers", "create", args)
                .await;
            let error = failed(created);
            too_large(&error, "up to 1000 bytes (max_response_bytes");
            assert_eq!((error.failure.attempts, server.arrived().len()), (1, 1));
            list(&plugin, &connection).await.unwrap();
        }
        let server = Server::start(vec![Answer::json(200, &fits), chunked(&fits)]).await;
        let (plugin, connection) = connected(&server, options(&server), json!({})).await;
        for _ in 0..2 {
            assert_eq!(list(&plugin, &connection).await.unwrap().body, fits);
        }
    }
}

/// Answers, or does not; knows how many requests were under way at once.
#[derive(Default)]
struct Gate {
    /// Requests that are answered together; without it none is answered.
    together: Option<Barrier>,
    /// Requests under way, and the most there ever were.
    counts: Mutex<(usize, usize)>,
}

struct Shared(Arc<Gate>);

impl Exchange for Shared {
    fn exchange(&self, _: http::Request<WasiBody>) -> Exchanged {
        let gate = Arc::clone(&self.0);
        Box::pin(async move {
            {
                let mut counts = gate.counts.lock().unwrap();
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
            }
            match &gate.together {
                Some(barrier) => barrier.wait().await,
                None => std::future::pending().await,
            };
            gate.counts.lock().unwrap().0 -= 1;
            let body = Full::new(Bytes::from_static(br#"{"id":"x"}"#));
            let body = body.map_err(|never| match never {}).boxed_unsync();
            Ok(http::Response::new(body))
        })
    }
}

fn exchanging(gate: &Arc<Gate>) -> HostOptions {
    HostOptions {
        exchange: Some(Arc::new(Shared(Arc::clone(gate)))),
        ..HostOptions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_time_is_up() {
    for instances in MODES {
        let silent = Arc::new(Gate::default());
        let options = HostOptions {
            max_call_time: Duration::from_secs(5),
            instances,
            ..exchanging(&silent)
        };
        let (plugin, connection) = under(options, json!({})).await;
        let connection = connection.unwrap();
        for _ in 0..3 {
            let begun = Instant::now();
            let error = failed(list(&plugin, &connection).await);
            stopped(
                &error,
                "after 5 s, the longest time this host grants a call (max_call_time)",
            );
            assert!(error.failure.may_have_been_sent);
            let took = begun.elapsed();
            assert!(
                took >= Duration::from_secs(5) && took < Duration::from_secs(6),
                "{took:?}"
            );
            // Calls that send nothing are not held up.
            plugin
                .plan(&connection, "customers", "list", "null")
                .await
                .unwrap();
        }
        assert_eq!(silent.counts.lock().unwrap().0, 3);
    }
}

#[tokio::test]
async fn more_calls_than_places_wait_for_their_turn() {
    const PLACES: usize = 3;
    const CALLS: usize = 12;
    for instances in MODES {
        // Nothing is answered before every place is taken.
        let gate = Arc::new(Gate {
            together: Some(Barrier::new(PLACES)),
            ..Gate::default()
        });
        let options = HostOptions {
            max_concurrent_calls: PLACES,
            instances,
            ..exchanging(&gate)
        };
        let plugin = Plugin::load(&component(), options).unwrap();
        let properties = json!({"secretKey": KEY}).to_string();
        let connection = plugin.parse_connection(&properties).await.unwrap();
        let calls: Vec<_> = (0..CALLS)
            .map(|_| {
                let (plugin, connection) = (plugin.clone(), connection.clone());
                tokio::spawn(async move { list(&plugin, &connection).await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(*gate.counts.lock().unwrap(), (0, PLACES));
    }
}

#[tokio::test]
async fn a_host_may_grant_no_request_at_all() {
    for instances in MODES {
        let gate = Arc::new(Gate {
            together: Some(Barrier::new(1)),
            ..Gate::default()
        });
        for (granted, answered) in [(1, true), (0, false)] {
            let options = HostOptions {
                max_concurrent_requests: granted,
                instances,
                ..exchanging(&gate)
            };
            let more = json!({"maxNetworkRetries": 0});
            let (plugin, connection) = under(options, more).await;
            let connection = connection.unwrap();
            // What is over does not count any more.
            for _ in 0..3 {
                let result = list(&plugin, &connection).await;
                if answered {
                    result.unwrap();
                    continue;
                }
                let error = failed(result);
                assert!(!error.failure.may_have_been_sent, "{error}");
                let message = &error.failure.message;
                assert!(message.contains("0 requests at the same time"), "{message}");
                assert!(message.contains("max_concurrent_requests"), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn a_call_ends_when_its_fuel_is_used_up() {
    let gate = Arc::new(Gate {
        together: Some(Barrier::new(1)),
        ..Gate::default()
    });
    let large = json!([{"description": "x".repeat(8 << 20)}]).to_string();
    for instances in MODES {
        let options = HostOptions {
            max_fuel: Some(20_000_000),
            max_concurrent_calls: 2,
            instances,
            ..exchanging(&gate)
        };
        let plugin = Plugin::load(&component(), options).unwrap();
        let properties = json!({"secretKey": KEY}).to_string();
        let connection = plugin.parse_connection(&properties).await.unwrap();
        for _ in 0..3 {
            let created = plugin.request(&connection, "customers", "create", &large);
            stopped(&failed(created.await), "max_fuel");
            list(&plugin, &connection).await.unwrap();
        }
    }
}

#[tokio::test]
async fn fuel_that_is_not_enough_for_anything_is_said_to_be_so() {
    let options = HostOptions {
        max_fuel: Some(1),
        max_concurrent_calls: 1,
        ..HostOptions::default()
    };
    let loaded = Plugin::load(&component(), options).unwrap();
    let properties = json!({"secretKey": KEY}).to_string();
    stopped(
        &failed(loaded.parse_connection(&properties).await),
        "max_fuel",
    );
    // Another of the same engine has its own.
    let parsed = plugin(&[]).parse_connection(&properties).await;
    assert!(parsed.is_ok());
}
