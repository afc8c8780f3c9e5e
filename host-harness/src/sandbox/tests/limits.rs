//! What a caller may do, how often, and how many at a time.

use super::super::{RequestLog, SandboxOptions, StandIn};
use super::{Client, options};
use bytes::Bytes;
use http::Request;
use std::sync::{Arc, Mutex};

fn post(key: &str, body: &'static str) -> Request<Bytes> {
    Request::post("/v1/customers")
        .header("authorization", "Bearer sk_test_123")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("idempotency-key", key)
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

fn customers(stand_in: &StandIn) -> usize {
    let request = Request::get("/v1/customers").header("authorization", "Bearer sk_test_123");
    let response = stand_in.handle(&request.body(Bytes::new()).unwrap());
    let list: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    list["data"].as_array().unwrap().len()
}

/// Stripe docs, "Error codes": idempotency_key_in_use.
#[tokio::test]
async fn a_key_in_flight_is_refused_until_the_first_is_answered() {
    let stand_in = Arc::new(StandIn::new(options()));
    let mut held = stand_in.hold("/v1/customers");
    let first = tokio::spawn({
        let stand_in = Arc::clone(&stand_in);
        async move { stand_in.answer(&post("k1", "name=a")).await }
    });
    held.arrived(1).await;
    assert_eq!(customers(&stand_in), 0, "nothing is executed yet");
    let second = stand_in.handle(&post("k1", "name=a"));
    assert_eq!(second.status(), 409);
    let body = String::from_utf8(second.body().to_vec()).unwrap();
    assert!(
        body.contains("\"code\":\"idempotency_key_in_use\""),
        "{body}"
    );
    assert_eq!(stand_in.handle(&post("k2", "name=b")).status(), 200);
    drop(held);
    let first = first.await.unwrap();
    assert_eq!(first.status(), 200);
    let again = stand_in.handle(&post("k1", "name=a"));
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.body(), first.body());
    assert_eq!(customers(&stand_in), 2);
}

#[tokio::test]
async fn a_client_that_goes_away_gives_its_key_back() {
    let stand_in = Arc::new(StandIn::new(options()));
    let mut held = stand_in.hold("/v1/customers");
    let first = tokio::spawn({
        let stand_in = Arc::clone(&stand_in);
        async move { stand_in.answer(&post("k1", "name=a")).await }
    });
    held.arrived(1).await;
    first.abort();
    assert!(first.await.is_err());
    drop(held);
    let again = stand_in.handle(&post("k1", "name=a"));
    assert_eq!(again.status(), 200);
    assert!(again.headers().get("idempotent-replayed").is_none());
}

/// Stripe docs, "Rate limits": status 429, code rate_limit.
#[test]
fn too_many_requests_in_a_second_are_refused() {
    let client = Client::having(SandboxOptions {
        rate_limit: Some(3),
        ..options()
    });
    for _ in 0..3 {
        client.get("/v1/balance").ok();
    }
    let reply = client.get("/v1/balance");
    assert_eq!(reply.header("stripe-rate-limited-reason"), "global-rate");
    let error = reply.error(429);
    assert_eq!(error["code"], "rate_limit");
    let client = client.with("stripe-account", "acct_2");
    client.get("/v1/balance").ok();
    let client = client.with("stripe-account", "");
    client.advance(1);
    client.get("/v1/balance").ok();
}

/// Stripe docs, "Restricted API keys": 403 for what a key has no permission for.
#[test]
fn a_restricted_key_does_what_its_end_says() {
    for (key, path, reads, writes) in [
        ("rk_test_1", "/v1/customers", 200, 200),
        ("rk_test_1_read_only", "/v1/customers", 200, 403),
        ("rk_test_1_no_access", "/v1/customers", 403, 403),
        ("rk_test_1_only_customers", "/v1/customers", 200, 200),
        ("rk_test_1_only_products", "/v1/customers", 403, 403),
        ("sk_test_1_read_only", "/v1/customers", 200, 200),
    ] {
        let client = Client::new().with("authorization", &format!("Bearer {key}"));
        assert_eq!(client.get(path).status, reads, "{key}");
        assert_eq!(client.post(path, "").status, writes, "{key}");
    }
    let client = Client::new().with("authorization", "Bearer rk_test_secretsecret_read_only");
    let error = client.post("/v1/customers", "").error(403);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("rak_customer_write"), "{message}");
    assert!(!message.contains("secretsecret"), "{message}");
    assert_eq!(error["type"], "invalid_request_error");
}

#[test]
fn the_log_says_what_arrived_and_no_secret() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let client = Client::having(SandboxOptions {
        log: Some(RequestLog::new(move |line| {
            sink.lock().unwrap().push(line.to_owned());
        })),
        ..options()
    })
    .with("authorization", "Bearer sk_test_secretsecret")
    .with("idempotency-key", "k1");
    let made = client.post("/v1/customers", "email=private%40b.c");
    let client = client.with("idempotency-key", "");
    let found = client.get("/v1/customers?email=private%40b.c");
    let refused = client.get("/v1/customers/cus_none");
    let declined = client.post(
        "/v1/payment_intents",
        "amount=500&currency=usd&confirm=true&payment_method=pm_card_chargeDeclinedLostCard",
    );
    let client = client.with("idempotency-key", "k1");
    let again = client.post("/v1/customers", "email=private%40b.c");
    let expected = [
        (
            "POST /v1/customers customers.create",
            "200",
            &made,
            " key=k1",
        ),
        ("GET /v1/customers customers.list", "200", &found, ""),
        (
            "GET /v1/customers/cus_none customers.retrieve",
            "404 resource_missing",
            &refused,
            "",
        ),
        (
            "POST /v1/payment_intents paymentIntents.create",
            "402 card_declined/lost_card",
            &declined,
            "",
        ),
        (
            "POST /v1/customers customers.create",
            "200",
            &again,
            " key=k1 replayed",
        ),
    ]
    .map(|(what, status, reply, end)| {
        let request = reply.header("request-id");
        format!("2026-01-15T12:00:00.000Z {what} sk_test_***cret {status} {request}{end}")
    });
    // All but the time each took.
    let lines = lines.lock().unwrap();
    let timeless = lines.iter().map(|line| {
        let (head, tail) = line.split_once(" ms").unwrap();
        let (head, ms) = head.rsplit_once(' ').unwrap();
        assert!(ms.parse::<f64>().is_ok(), "{line}");
        format!("{head}{tail}")
    });
    assert_eq!(timeless.collect::<Vec<_>>(), expected);
}

#[test]
fn a_full_sandbox_takes_nothing_more() {
    let client = Client::having(SandboxOptions {
        max_objects: 2,
        ..options()
    });
    let kept = client.id("/v1/customers", "");
    client.id("/v1/customers", "");
    client.post("/v1/customers", "").error(400);
    assert_eq!(client.get("/v1/customers").page().0.len(), 2);
    let path = format!("/v1/customers/{kept}");
    client.post(&path, "name=x").ok();
    client.delete(&path).ok();
    client.id("/v1/customers", "");
}

#[test]
fn what_objects_take_is_bounded() {
    let client = Client::having(SandboxOptions {
        max_object_bytes: 100_000,
        ..options()
    });
    let form = format!("description={}", "x".repeat(5000));
    let refused = (0..20).find(|_| client.post("/v1/customers", &form).status == 400);
    let taken = client.get("/v1/customers?limit=100").page().0;
    assert_eq!(refused, Some(taken.len()));
    // Each is there twice, in its event too, so no more than ten can fit.
    assert!((2..10).contains(&taken.len()), "{}", taken.len());
    client.delete(&format!("/v1/customers/{}", taken[0])).ok();
    let error = client.post("/v1/customers", &format!("{form}y")).error(400);
    assert_eq!(error["param"], "description");
}

/// Stripe API, "Metadata": 50 keys, 40 characters, 500 characters.
#[test]
fn metadata_has_its_limits() {
    let client = Client::new();
    let (key, value) = ("k".repeat(40), "v".repeat(500));
    client
        .post("/v1/customers", &format!("metadata[{key}]={value}"))
        .ok();
    let many: String = (0..51).map(|n| format!("metadata[k{n}]=v&")).collect();
    for form in [
        format!("metadata[{key}k]=v"),
        format!("metadata[k]={value}v"),
        many,
    ] {
        let error = client.post("/v1/customers", &form).error(400);
        assert!(error["param"].as_str().unwrap().starts_with("metadata"));
    }
}
