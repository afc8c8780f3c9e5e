//! Every fault against every kind of call, through the component and its real transport, against the
//! sandbox: how often it is tried, with which bytes and key, what the caller is told, and whether a
//! repetition saves it. What must come out is in `rules`.

mod command;
mod rules;

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use stripe_harness::sandbox::{RecordedRequest, Sandbox, SandboxOptions, TlsIdentity};
use stripe_harness::types::Failure;
use stripe_harness::{Case, HostOptions, Plugin};
use tokio::task::JoinSet;

use self::rules::{Ends, LONGER, RULES, Rule, STALLS, STREAMS};
use crate::support::{Authority, Files, KEY, SENTINEL, plugin, trusting, under};

/// A kind of call.
#[derive(Debug, Clone, Copy)]
struct Call {
    verb: &'static str,
    is_v2: bool,
    /// Whether the caller gives the idempotency key.
    keyed: bool,
}

const fn call(verb: &'static str, is_v2: bool, keyed: bool) -> Call {
    Call { verb, is_v2, keyed }
}

const CALLS: [Call; 9] = [
    call("GET", false, false),
    call("POST", false, false),
    call("POST", false, true),
    call("DELETE", false, false),
    call("GET", true, false),
    call("POST", true, false),
    call("POST", true, true),
    call("DELETE", true, false),
    call("DELETE", true, true),
];

impl Call {
    /// Every POST and v2's DELETE carry an idempotency key (README, "Errors").
    fn has_key(self) -> bool {
        self.verb == "POST" || (self.is_v2 && self.verb == "DELETE")
    }

    /// "transient only if it is a GET or a v1 DELETE, or if you gave the idempotency key".
    fn is_harmless(self) -> bool {
        self.keyed || self.verb == "GET" || (self.verb == "DELETE" && !self.is_v2)
    }

    /// Resource, method and arguments, for an object that is there.
    fn of(self, id: &str) -> (&'static str, &'static str, String) {
        let resource = match self.is_v2 {
            true => "v2.core.eventDestinations",
            false => "customers",
        };
        let options = match self.keyed {
            true => json!({"idempotencyKey": "order-17"}),
            false => json!({}),
        };
        let (method, args) = match self.verb {
            "GET" => ("list", json!([{"limit": 3}, options])),
            "POST" => ("create", json!([params(self.is_v2), options])),
            _ => ("del", json!([id, options])),
        };
        (resource, method, args.to_string())
    }
}

fn params(is_v2: bool) -> Value {
    match is_v2 {
        false => json!({"name": "Ada"}),
        true => json!({
            "name": "n", "type": "webhook_endpoint", "event_payload": "thin",
            "enabled_events": ["v1.customer.created"],
            "webhook_endpoint": {"url": "https://example.com/hook"},
        }),
    }
}

/// What is done to a call, and how often.
#[derive(Debug, Clone, Copy)]
struct Cell {
    rule: Rule,
    call: Call,
    retries: u32,
    /// The first attempt alone is hit.
    once: bool,
    /// Milliseconds.
    timeout: u32,
}

fn cells(rules: &[Rule], calls: &[Call], timeout: u32) -> Vec<Cell> {
    let mut cells = Vec::new();
    for rule in rules {
        for call in calls {
            for (retries, once) in [(0, false), (2, false), (2, true)] {
                cells.push(Cell {
                    rule: *rule,
                    call: *call,
                    retries,
                    once,
                    timeout,
                });
            }
        }
    }
    cells
}

/// What the documents say must come of it.
#[derive(Debug, PartialEq)]
struct Expected {
    attempts: u32,
    /// None where it succeeds.
    error: Option<(Case, &'static str, Option<u16>, bool)>,
}

impl Cell {
    fn expected(&self) -> Expected {
        let (rule, call) = (self.rule, self.call);
        if rule.ends == Ends::Well {
            return Expected {
                attempts: 1,
                error: None,
            };
        }
        let kind = rule.kinds[usize::from(call.is_v2)];
        if rule.repeated && self.retries > 0 && self.once {
            // README, "A batch": a v1 DELETE carries no key, so one that was repeated may be
            // answered with 404 though it succeeded. That 404 settles nothing.
            let is_gone = call.verb == "DELETE" && !call.has_key() && rule.commits;
            return Expected {
                attempts: 2,
                error: is_gone.then_some((
                    Case::Permanent,
                    "invalid_request_error",
                    Some(404),
                    rule.may_have_acted,
                )),
            };
        }
        let case = match rule.ends {
            Ends::Transient => Case::Transient,
            Ends::Depends if call.is_harmless() => Case::Transient,
            _ => Case::Permanent,
        };
        Expected {
            attempts: 1 + if rule.repeated { self.retries } else { 0 },
            error: Some((case, kind, rule.status, rule.may_have_acted)),
        }
    }

    fn fault(&self) -> String {
        match self.once {
            true => format!("{}; attempts=1", self.rule.fault),
            false => self.rule.fault.to_owned(),
        }
    }

    /// Waits of nothing, but where the server asks for one.
    fn properties(&self, url: &str) -> Value {
        json!({
            "secretKey": KEY, "baseUrl": url, "timeout": self.timeout, "totalTimeout": 60_000,
            "maxResponseBytes": 50_000, "telemetry": false,
            "retryConfig": {"count": self.retries, "interval": 0, "maxWaitInterval": 0},
            "headers": {"x-sandbox-fault": self.fault()},
        })
    }

    async fn check(self, server: Server) {
        let told = format!("{self:?}");
        let sandbox = server.start().await;
        let id = existing(&sandbox, self.call.is_v2);
        let (resource, method, args) = self.call.of(&id);
        let mut properties = self.properties(&server.url(&sandbox));
        if let Some(authority) = server.authority() {
            properties["secureSocket"] = json!({"cert": authority});
        }
        let (plugin, connection) = under(trusting(&[&server.url(&sandbox)]), properties).await;
        let begun = Instant::now();
        let outcome = plugin
            .request(&connection.unwrap(), resource, method, &args)
            .await;
        // The contract's own bound, with room for a busy machine.
        assert!(begun.elapsed() < Duration::from_secs(90), "{told}");

        let arrived: Vec<_> = sandbox
            .requests()
            .into_iter()
            .filter(|request| request.header("x-sandbox-fault").is_some())
            .collect();
        let (found, key) = match outcome {
            Ok(response) => (
                Expected {
                    attempts: response.attempts,
                    error: None,
                },
                response.idempotency_key,
            ),
            Err(error) => {
                assert!(!format!("{error:?}").contains(SENTINEL), "{told}");
                let case = error.case;
                let Failure {
                    type_,
                    status,
                    attempts,
                    may_have_been_sent,
                    idempotency_key,
                    ..
                } = *error.failure;
                let kinds = [
                    self.rule.kinds[0],
                    self.rule.kinds[1],
                    "invalid_request_error",
                ];
                let kind = kinds.into_iter().find(|kind| *kind == type_);
                let kind = kind.unwrap_or_else(|| panic!("{type_}: {told}"));
                (
                    Expected {
                        attempts,
                        error: Some((case, kind, status, may_have_been_sent)),
                    },
                    idempotency_key,
                )
            }
        };
        assert_eq!(found, self.expected(), "{told}");
        assert_eq!(arrived.len(), found.attempts as usize, "{told}");
        self.check_arrived(&arrived, key.as_deref(), &told);
    }

    /// The same bytes under the same key, and the faults that were asked for.
    fn check_arrived(&self, arrived: &[RecordedRequest], key: Option<&str>, told: &str) {
        let name = self.rule.fault.split(';').next();
        for (at, request) in arrived.iter().enumerate() {
            let first = &arrived[0];
            assert_eq!(request.method, self.call.verb, "{told}");
            assert_eq!(
                (
                    &request.method,
                    &request.path_and_query,
                    &request.headers,
                    &request.body
                ),
                (
                    &first.method,
                    &first.path_and_query,
                    &first.headers,
                    &first.body
                ),
                "{told}"
            );
            assert_eq!(request.header("idempotency-key"), key, "{told}");
            let hit = (at == 0 || !self.once).then_some(name).flatten();
            assert_eq!(request.fault, hit, "{told}");
        }
        assert_eq!(key.is_some(), self.call.has_key(), "{told}");
        if self.call.keyed {
            assert_eq!(key, Some("order-17"), "{told}");
        }
    }
}

/// How the sandbox is reached.
#[derive(Clone)]
enum Server {
    Plain,
    /// With TLS, and so HTTP/2: its certificate, and the file of the authority to trust.
    Tls(TlsIdentity, String),
}

impl Server {
    /// With a certificate for loopback, of an authority that is trusted.
    fn with_tls(files: &Files) -> Server {
        let authority = Authority::new();
        let leaf = authority.server();
        Server::Tls(
            identity(&leaf.certificate.pem(), &leaf.key.serialize_pem()),
            files.put("ca.pem", authority.pem()),
        )
    }

    async fn start(&self) -> Sandbox {
        let tls = match self {
            Server::Plain => None,
            Server::Tls(identity, _) => Some(identity.clone()),
        };
        let options = SandboxOptions {
            tls,
            ..SandboxOptions::default()
        };
        Sandbox::start(options).await.unwrap()
    }

    fn authority(&self) -> Option<&str> {
        match self {
            Server::Plain => None,
            Server::Tls(_, file) => Some(file),
        }
    }

    fn url(&self, sandbox: &Sandbox) -> String {
        sandbox.base_url()
    }
}

fn identity(certificate: &str, key: &str) -> TlsIdentity {
    TlsIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
}

/// An object that a DELETE finds.
fn existing(sandbox: &Sandbox, is_v2: bool) -> String {
    let request = http::Request::post(match is_v2 {
        true => "/v2/core/event_destinations",
        false => "/v1/customers",
    })
    .header("authorization", "Bearer sk_test_1")
    .header("stripe-version", SandboxOptions::default().api_version);
    let request = match is_v2 {
        true => request
            .header("content-type", "application/json")
            .body(Bytes::from(params(true).to_string())),
        false => request.body(Bytes::new()),
    };
    let answer = sandbox.stand_in().handle(&request.unwrap());
    let object: Value = serde_json::from_slice(answer.body()).unwrap();
    object["id"].as_str().expect("an id").to_owned()
}

/// All of them, so many at a time.
async fn check_all(cells: Vec<Cell>, server: Server, at_a_time: usize) {
    // Compiled before anything is timed.
    drop(plugin(&[]));
    let mut cells = cells.into_iter();
    let mut running = JoinSet::new();
    let mut failures = Vec::new();
    loop {
        while running.len() < at_a_time
            && let Some(cell) = cells.next()
        {
            running.spawn(cell.check(server.clone()));
        }
        match running.join_next().await {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                let panic = error.into_panic();
                let told = panic.downcast_ref::<String>().cloned();
                failures.push(told.unwrap_or_else(|| "a panic".to_owned()));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_the_outcome_that_is_documented() {
    check_all(cells(RULES, &CALLS, 30_000), Server::Plain, 32).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_http_2_end_a_connection_of_http_1() {
    check_all(cells(STREAMS, &CALLS, 30_000), Server::Plain, 32).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlasts_an_attempt_is_a_timeout() {
    check_all(cells(STALLS, &CALLS, 2_000), Server::Plain, 54).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_holds_over_http_2() {
    let files = Files::new();
    let server = Server::with_tls(&files);
    let calls = [CALLS[0], CALLS[1], CALLS[2], CALLS[3], CALLS[7]];
    // HTTP/2 sees that a body is longer than it should be.
    let is_other = |rule: &&Rule| rule.fault == LONGER.fault;
    let rules: Vec<Rule> = RULES
        .iter()
        .filter(|rule| !is_other(rule))
        .copied()
        .collect();
    check_all(cells(&rules, &calls, 30_000), server.clone(), 32).await;
    check_all(cells(&[LONGER], &calls, 30_000), server.clone(), 32).await;
    check_all(cells(STREAMS, &CALLS, 30_000), server.clone(), 32).await;
    check_all(cells(&STALLS[1..3], &calls, 2_000), server, 30).await;
}

/// However long an attempt may take, and however many repetitions are allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_at_its_deadline() {
    for (timeout, total, most) in [(60_000, 1_500, 1), (1_000, 3_500, 4)] {
        let sandbox = Server::Plain.start().await;
        let plugin = plugin(&[&sandbox.base_url()]);
        let properties = json!({
            "secretKey": KEY, "baseUrl": sandbox.base_url(), "timeout": timeout,
            "totalTimeout": total,
            "retryConfig": {"count": 30, "interval": 0, "maxWaitInterval": 0},
            "headers": {"x-sandbox-fault": "stall-headers"},
        });
        let connection = plugin
            .parse_connection(&properties.to_string())
            .await
            .unwrap();
        let begun = Instant::now();
        let error = plugin
            .request(&connection, "customers", "create", "null")
            .await
            .unwrap_err();
        let took = begun.elapsed();
        // Without a deadline it were a minute, or half of one.
        assert!(took < Duration::from_secs(20), "{took:?}");
        let attempts = error.failure.attempts;
        assert!((1..=most).contains(&attempts), "{attempts}");
        assert!(error.failure.may_have_been_sent);
        assert_eq!(sandbox.requests().len(), attempts as usize);
    }
}

/// "name not found, connection refused … | yes | transient | no".
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_carried_nothing() {
    for call in CALLS {
        let sandbox = Server::Plain.start().await;
        let plugin = plugin(&[&sandbox.base_url()]);
        // Somebody else's request closes the port.
        let other = json!({
            "secretKey": KEY, "baseUrl": sandbox.base_url(), "maxNetworkRetries": 0,
            "headers": {"x-sandbox-fault": "refuse; ms=600000"},
        });
        let connection = plugin.parse_connection(&other.to_string()).await.unwrap();
        let error = plugin
            .request(&connection, "customers", "list", "null")
            .await
            .unwrap_err();
        // Its own connection had come about.
        assert!(error.failure.may_have_been_sent, "{error:?}");
        while tokio::net::TcpStream::connect(sandbox.address())
            .await
            .is_ok()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for retries in [0, 2] {
            let properties = json!({
                "secretKey": KEY, "baseUrl": sandbox.base_url(),
                "retryConfig": {"count": retries, "interval": 0, "maxWaitInterval": 0},
            });
            let connection = plugin
                .parse_connection(&properties.to_string())
                .await
                .unwrap();
            let (resource, method, args) = call.of("x_1");
            let error = plugin
                .request(&connection, resource, method, &args)
                .await
                .unwrap_err();
            let failure = &error.failure;
            assert_eq!(
                (error.case, failure.type_.as_str(), failure.attempts),
                (Case::Transient, "connection_error", retries + 1),
                "{call:?} {error:?}"
            );
            assert!(!failure.may_have_been_sent, "{call:?}");
        }
        assert_eq!(sandbox.requests().len(), 1);
    }
}

/// "certificate not accepted, no TLS | no | permanent | no".
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_certificate_that_is_not_accepted() {
    let files = Files::new();
    let authority = Authority::new();
    let trusted = files.put("ca.pem", authority.pem());
    let loopback = ["localhost", "127.0.0.1"];
    let bad = [
        ("of another authority", Authority::new().server()),
        ("expired", authority.certify(&loopback, (2020, 2021))),
        ("not valid yet", authority.certify(&loopback, (3000, 4000))),
        (
            "for another name",
            authority.certify(&["example.com"], (2020, 4000)),
        ),
    ];
    for (what, leaf) in bad {
        let identity = identity(&leaf.certificate.pem(), &leaf.key.serialize_pem());
        let sandbox = Server::Tls(identity, trusted.clone()).start().await;
        for call in CALLS {
            for retries in [0, 2] {
                let properties = json!({
                    "baseUrl": sandbox.base_url(), "secureSocket": {"cert": trusted},
                    "retryConfig": {"count": retries, "interval": 0, "maxWaitInterval": 0},
                });
                let options: HostOptions = trusting(&[&sandbox.base_url()]);
                let (plugin, connection): (Plugin, _) = under(options, properties).await;
                let (resource, method, args) = call.of("x_1");
                let error = plugin
                    .request(&connection.unwrap(), resource, method, &args)
                    .await
                    .unwrap_err();
                let failure = &error.failure;
                assert_eq!(
                    (error.case, failure.type_.as_str(), failure.attempts),
                    (Case::Permanent, "connection_error", 1),
                    "{what} {call:?} {error:?}"
                );
                assert!(!failure.may_have_been_sent, "{what} {call:?}");
            }
        }
        assert!(sandbox.requests().is_empty(), "{what}");
    }
}
