//! What survives the process.

use super::super::{Clock, SandboxOptions, StandIn};
use super::{Client, NOW, options};
use serde_json::{Value, json};
use std::path::Path;

fn open(file: &Path) -> Client {
    Client::having(SandboxOptions {
        data: Some(file.to_owned()),
        ..options()
    })
}

/// Everything of a sandbox that a client can list.
fn contents(client: &Client) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "/v1/customers",
        "/v1/payment_intents",
        "/v1/charges",
        "/v1/events",
        "/v1/balance_transactions",
        "/v1/invoices",
        "/v1/refunds",
    ] {
        all.extend(client.all(path));
    }
    all.push(client.get("/v1/balance").ok());
    all.push(client.get("/v1/account").ok());
    all
}

#[test]
fn a_restart_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.redb");
    let client = open(&file).with("idempotency-key", "k1");
    let form = "amount=2000&currency=usd&confirm=true&payment_method=pm_card_visa";
    let first = client.post("/v1/payment_intents", form);
    let client = client.with("idempotency-key", "");
    let gone = client.id("/v1/customers", "name=Ann");
    let stays = client.id("/v1/customers", "name=Bea");
    client.delete(&format!("/v1/customers/{gone}")).ok();
    client.get("/v1/account").ok();
    client
        .post("/v1/tax/settings", "defaults[tax_behavior]=inclusive")
        .ok();
    client.advance(100);
    let token = client.post("/oauth/token", "grant_type=authorization_code&code=ac_1");
    let token = token.ok();
    let before = contents(&client);
    drop(client);

    let client = open(&file);
    assert_eq!(contents(&client), before);
    assert_eq!(client.get("/_sandbox/clock").ok()["now"], NOW + 100);
    assert_eq!(
        client.get(&format!("/v1/customers/{gone}")).ok()["deleted"],
        true
    );
    assert_eq!(
        client.get("/v1/tax/settings").ok()["defaults"]["tax_behavior"],
        "inclusive"
    );
    let client = client.with("idempotency-key", "k1");
    let again = client.post("/v1/payment_intents", form);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.bytes, first.bytes);
    let client = client.with("idempotency-key", "");
    let new = client.id("/v1/customers", "");
    assert!(
        ![&gone, &stays].contains(&&new),
        "ids go on where they were"
    );
    assert_eq!(client.get("/v1/customers").page().0, [new, stays]);
    // Time goes on as well: the payment becomes available.
    client.advance(3 * 86_400);
    assert_eq!(client.get("/v1/balance").ok()["pending"][0]["amount"], 0);
    let key = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let client = client.with("authorization", &key);
    assert_eq!(
        client.get("/v1/account").ok()["id"],
        token["stripe_user_id"]
    );
}

/// The file as it is on the disk after each answer is what a crash at that moment leaves.
#[test]
fn a_crash_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox.redb");
    let client = open(&file);
    for count in 1..=8 {
        client.id("/v1/customers", "name=x");
        client
            .post("/v1/customers", "name=y&expand[]=nonsense")
            .error(400);
        let copy = folder.path().join(format!("{count}.redb"));
        std::fs::copy(&file, &copy).unwrap();
        let survivor = open(&copy);
        assert_eq!(survivor.all("/v1/customers"), client.all("/v1/customers"));
        assert_eq!(survivor.all("/v1/customers").len(), count);
        assert_eq!(survivor.all("/v1/events").len(), count);
    }
}

#[test]
fn a_file_that_is_not_the_sandboxs_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "not a database".repeat(1000)).unwrap();
    let with = |data: &Path| SandboxOptions {
        data: Some(data.to_owned()),
        clock: Clock::Fixed(NOW),
        ..SandboxOptions::default()
    };
    let error = StandIn::open(with(&file)).unwrap_err().to_string();
    assert!(error.contains("notes.txt"), "{error}");
    assert!(std::fs::read(&file).unwrap().starts_with(b"not a database"));
    let file = folder.path().join("sandbox.redb");
    let first = StandIn::open(with(&file)).unwrap();
    assert!(StandIn::open(with(&file)).is_err(), "two at a time");
    drop(first);
    assert_eq!(
        open(&file).get("/v1/customers").ok()["data"],
        json!([]),
        "a file that was opened and never written is an empty sandbox"
    );
}
