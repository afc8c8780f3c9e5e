//! Webhooks without a socket: what is due when, and what is told of it. That they arrive, and are
//! verified, is shown by `tests/webhook_deliveries.rs`.

use super::super::deliveries::{Outcome, target};
use super::super::{RequestLog, SandboxOptions};
use super::{Client, options};
use std::sync::{Arc, Mutex};

const ENDPOINT: &str = "url=http%3A%2F%2F127.0.0.1%3A9%2Fhook%3Ftoken%3Dx&enabled_events[]=";

#[test]
fn a_try_is_due_once_and_again_when_it_failed() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&lines);
    let client = Client::having(SandboxOptions {
        log: Some(RequestLog::new(move |line| {
            written.lock().unwrap().push(line.to_owned());
        })),
        ..options()
    });
    let made = client.post(
        "/v1/webhook_endpoints",
        &format!("{ENDPOINT}customer.created"),
    );
    let secret = made.ok()["secret"].as_str().unwrap().to_owned();
    client.id(
        "/v1/webhook_endpoints",
        &format!("{ENDPOINT}product.created"),
    );
    client.id("/v1/customers", "name=Ann");
    let due = || client.stand_in.due_deliveries(10);
    let mut waits = Vec::new();
    for attempt in 1..=5 {
        let mut taken = due();
        assert_eq!((taken.len(), due().len()), (1, 0), "it is under way");
        let delivery = taken.remove(0);
        assert!(delivery.body.starts_with(b"{\n  \"id\": \"evt_"));
        let outcome = match attempt % 2 {
            0 => Outcome::Unanswered("connection refused".to_owned()),
            _ => Outcome::Answered(404),
        };
        client.stand_in.delivered(&delivery, outcome);
        let mut wait = 0;
        while attempt < 5 && client.stand_in.until_next_delivery().is_none() {
            client.advance(1);
            wait += 1;
        }
        waits.push(wait);
    }
    assert_eq!(waits, [1, 5, 30, 180, 0]);
    client.advance(100_000);
    assert!(due().is_empty(), "it was given up");
    let lines = lines.lock().unwrap().clone();
    let tries: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("WEBHOOK"))
        .collect();
    assert_eq!(tries.len(), 5);
    for (line, end) in tries.iter().zip([
        "http://127.0.0.1:9/hook try 1 404",
        "http://127.0.0.1:9/hook try 2 - connection refused",
        "http://127.0.0.1:9/hook try 3 404",
        "http://127.0.0.1:9/hook try 4 - connection refused",
        "http://127.0.0.1:9/hook try 5, the last 404",
    ]) {
        assert!(
            line.contains(" WEBHOOK customer.created evt_") && line.ends_with(end),
            "{line}"
        );
    }
    assert!(!lines.concat().contains(&secret) && !lines.concat().contains("token"));
    let listed = client.get("/v1/webhook_endpoints").ok().to_string();
    let events = client.get("/v1/events").ok().to_string();
    assert!(!listed.contains(&secret) && !events.contains("_deliveries"));
}

#[test]
fn deleted_and_disabled_endpoints_are_told_nothing_more() {
    let client = Client::new();
    let gone = client.id("/v1/webhook_endpoints", &format!("{ENDPOINT}*"));
    let off = client.id("/v1/webhook_endpoints", &format!("{ENDPOINT}*"));
    client.id("/v1/customers", "");
    client.delete(&format!("/v1/webhook_endpoints/{gone}")).ok();
    client
        .post(&format!("/v1/webhook_endpoints/{off}"), "disabled=true")
        .ok();
    let due = client.stand_in.due_deliveries(10);
    let reasons: Vec<_> = due
        .iter()
        .map(|it| it.target.clone().unwrap_err())
        .collect();
    assert_eq!(
        reasons,
        ["the endpoint was deleted", "the endpoint was disabled"]
    );
    client.id("/v1/customers", "");
    assert!(client.stand_in.due_deliveries(10).is_empty());
}

#[test]
fn only_this_machine_is_a_target() {
    for (url, host, path) in [
        (
            "http://127.0.0.1:8080/hook?a=b",
            "127.0.0.1:8080",
            "/hook?a=b",
        ),
        ("http://127.9.9.9", "127.9.9.9", "/"),
        ("http://localhost:3000/x", "localhost:3000", "/x"),
        ("http://LOCALHOST/x", "LOCALHOST", "/x"),
        ("http://[::1]:1/x", "[::1]:1", "/x"),
    ] {
        let target = target(url).unwrap();
        assert_eq!(
            (target.host.as_str(), target.path.as_str()),
            (host, path),
            "{url}"
        );
        assert!(
            target
                .addresses
                .iter()
                .all(|address| address.ip().is_loopback())
        );
    }
    for url in [
        "",
        "https://127.0.0.1/",
        "http://example.com/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://localhost.example.com/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://127.1/",
        "http://127.0.0.1:99999/",
        "file:///etc/passwd",
    ] {
        assert!(target(url).is_err(), "{url}");
    }
}
