//! Event destinations and Connect endpoints of the sandbox, through the component: thin events reach
//! a listener verified and lead to what happened, and connected accounts are told of apart.

use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use stripe_harness::listen::{ListenOptions, Listener, Trigger};
use stripe_harness::sandbox::{Clock, DeliveryAttempt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::hook::deliver;
use crate::support::{Answer, Server, plugin};
use crate::webhook_deliveries::{Collected, NOW, PATIENCE, World};

/// A destination for thin events at this URL: its id and its secret.
async fn destination(world: &World, url: &str, events: &[&str]) -> (String, String) {
    let args = json!([{"name": "thin", "type": "webhook_endpoint", "event_payload": "thin",
        "enabled_events": events, "webhook_endpoint": {"url": url},
        "include": ["webhook_endpoint.signing_secret"]}]);
    let made = world
        .call("v2.core.eventDestinations", "create", args)
        .await;
    let made = made.unwrap();
    let secret = made["webhook_endpoint"]["signing_secret"].as_str();
    (
        made["id"].as_str().unwrap().to_owned(),
        secret.unwrap().to_owned(),
    )
}

/// A listener for these events that collects them, and its URL.
async fn collecting(
    secrets: Vec<String>,
    events: &[&str],
) -> (
    Listener,
    String,
    UnboundedReceiver<stripe_harness::listen::Event>,
) {
    let (sender, collected) = unbounded_channel();
    let names = events.iter().map(|name| (*name).to_owned()).collect();
    let options = ListenOptions {
        secrets,
        trigger: Trigger::new(names).unwrap(),
        ..ListenOptions::default()
    };
    let listener = Listener::start(options, plugin(&[]), Collected(sender));
    let listener = listener.await.unwrap();
    let url = format!("http://{}/hook", listener.address());
    (listener, url, collected)
}

/// The tries so far, once so many have succeeded.
async fn successes(world: &World, count: usize) -> Vec<DeliveryAttempt> {
    let enough = async {
        loop {
            let mut tries = world.sandbox.deliveries();
            tries.retain(DeliveryAttempt::succeeded);
            if tries.len() >= count {
                return tries;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, enough).await.unwrap()
}

#[tokio::test]
async fn a_thin_event_arrives_verified_and_leads_to_its_object() {
    let world = World::new(Clock::System).await;
    let events = ["v1.customer.created"];
    let (id, secret) = destination(&world, "http://127.0.0.1:1/hook", &events).await;
    let (_listener, url, mut collected) = collecting(vec![secret], &["v1.customer.*"]).await;
    let update = json!([id, {"webhook_endpoint": {"url": url}}]);
    let updated = world.call("v2.core.eventDestinations", "update", update);
    updated.await.unwrap();
    let customer = json!([{"name": "Ada"}]);
    let customer = world.call("customers", "create", customer).await.unwrap();
    let event = tokio::time::timeout(PATIENCE, collected.recv()).await;
    let event = event.unwrap().unwrap();
    assert_eq!(event.kind, "v1.customer.created");
    let told: Value = serde_json::from_str(&event.payload).unwrap();
    assert_eq!(told["object"], "v2.core.event");
    assert_eq!(told["related_object"]["id"], customer["id"]);
    assert!(told.get("data").is_none() && !event.payload.contains("Ada"));

    let full = json!([event.id]);
    let full = world
        .call("v2.core.events", "retrieve", full)
        .await
        .unwrap();
    assert_eq!(full["related_object"], told["related_object"]);
    assert_eq!(full["snapshot_event"], told["snapshot_event"]);
    let object = json!(["GET", told["related_object"]["url"]]);
    let object = world.call("", "rawRequest", object).await.unwrap();
    assert_eq!(object["name"], "Ada");

    let ping = json!([id]);
    let ping = world.call("v2.core.eventDestinations", "ping", ping).await;
    let tries = successes(&world, 2).await;
    let last = tries.last().unwrap();
    assert_eq!(json!(last.event), ping.unwrap()["id"]);
    assert_eq!(last.event_type, "v2.core.event_destination.ping");
    let listed = json!([{"types": ["v1.customer.created"]}]);
    let listed = world.call("v2.core.events", "list", listed).await.unwrap();
    assert_eq!(listed["data"], json!([full]));
}

#[tokio::test]
async fn a_failed_thin_delivery_is_tried_again() {
    let world = World::new(Clock::Fixed(NOW)).await;
    let server = Server::start(vec![Answer::json(500, "{}"), Answer::json(200, "")]).await;
    destination(&world, server.url(), &["v1.customer.created"]).await;
    world.call("customers", "create", json!([])).await.unwrap();
    let first = world.tries(1).await.remove(0);
    assert_eq!((first.status, first.retried), (Some(500), true));
    assert_eq!(first.event_type, "v1.customer.created");
    world.advance(1);
    let second = world.tries(2).await.remove(1);
    assert!(
        second.succeeded() && second.event == first.event,
        "{second:?}"
    );
    let arrived = server.arrived();
    assert_eq!(arrived[0].body, arrived[1].body);
}

#[tokio::test]
async fn a_change_told_both_ways_is_acted_on_once() {
    let world = World::new(Clock::System).await;
    let aside = "http://127.0.0.1:1/hook";
    let (thin, thin_secret) = destination(&world, aside, &["v1.customer.created"]).await;
    let (whole, whole_secret) = world.endpoint(aside, &["customer.created"]).await;
    let names = ["customer.created", "v1.customer.created"];
    let (_listener, url, mut collected) = collecting(vec![thin_secret, whole_secret], &names).await;
    let update = json!([thin, {"webhook_endpoint": {"url": url}}]);
    let updated = world.call("v2.core.eventDestinations", "update", update);
    updated.await.unwrap();
    let update = json!([whole, {"url": url}]);
    let updated = world.call("webhookEndpoints", "update", update);
    updated.await.unwrap();
    for _ in 0..2 {
        world.call("customers", "create", json!([])).await.unwrap();
    }
    // One of the two deliveries may find the other one at work; it comes again.
    let tries = successes(&world, 4).await;
    for name in names {
        let of_name = tries.iter().filter(|attempt| attempt.event_type == name);
        assert_eq!(of_name.count(), 2, "{tries:?}");
    }
    let mut acted = 0;
    while collected.try_recv().is_ok() {
        acted += 1;
    }
    assert_eq!(acted, 2, "two changes");
}

#[tokio::test]
async fn who_names_snapshots_alone_is_told_how_thin_events_are_called() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let secret = "whsec_thin_secret";
    let (sender, mut collected) = unbounded_channel();
    let options = ListenOptions {
        secrets: vec![secret.to_owned()],
        trigger: Trigger::new(vec!["customer.created".to_owned()]).unwrap(),
        log: Some(Arc::new(move |line: &str| {
            log.lock().unwrap().push(line.to_owned());
        })),
        ..ListenOptions::default()
    };
    let listener = Listener::start(options, plugin(&[]), Collected(sender));
    let listener = listener.await.unwrap();
    let body = |kind: &str| {
        json!({"id": "evt_test_1", "object": "v2.core.event", "type": kind}).to_string()
    };
    for (kind, said) in [
        (
            "v1.customer.created",
            "thin events need v1.customer.created",
        ),
        ("v1.customer.updated", "the trigger does not name it"),
    ] {
        let answer = deliver(&plugin(&[]), listener.address(), secret, &body(kind)).await;
        assert_eq!(answer.0, 200);
        let line = lines.lock().unwrap().pop().unwrap();
        assert!(line.contains(kind) && line.contains(said), "{line}");
    }
    assert!(collected.try_recv().is_err());
}

#[tokio::test]
async fn connected_accounts_are_told_of_at_connect_endpoints_alone() {
    let world = World::new(Clock::Fixed(NOW)).await;
    let (own, connect) = (
        Server::answering(|_| Answer::json(200, "")).await,
        Server::answering(|_| Answer::json(200, "")).await,
    );
    world.endpoint(own.url(), &["*"]).await;
    let args = json!([{"url": connect.url(), "enabled_events": ["*"], "connect": true}]);
    let made = world.call("webhookEndpoints", "create", args).await;
    assert!(made.unwrap()["secret"].is_string());
    let account = json!({"stripeAccount": "acct_shop"});
    let there = json!([{"name": "theirs"}, account]);
    world.call("customers", "create", there).await.unwrap();
    world.tries(1).await;
    let here = json!([{"name": "ours"}]);
    world.call("customers", "create", here).await.unwrap();
    world.tries(2).await;
    let told = |server: &Server| -> Vec<Value> {
        let arrived = server.arrived();
        let bodies = arrived.iter().map(|request| &request.body);
        let events = bodies.map(|body| serde_json::from_slice(body).unwrap());
        events.collect()
    };
    let [theirs, ours] = [told(&connect), told(&own)];
    assert_eq!((theirs.len(), ours.len()), (1, 1));
    assert_eq!(theirs[0]["account"], "acct_shop");
    assert_eq!(theirs[0]["data"]["object"]["name"], "theirs");
    assert_eq!(ours[0].get("account"), None);
    assert_eq!(ours[0]["data"]["object"]["name"], "ours");
}

#[tokio::test]
async fn a_debit_is_told_while_it_is_under_way_and_when_it_ends() {
    let world = World::new(Clock::Fixed(NOW)).await;
    let server = Server::answering(|_| Answer::json(200, "")).await;
    world
        .endpoint(
            server.url(),
            &[
                "payment_intent.processing",
                "payment_intent.succeeded",
                "payment_intent.payment_failed",
            ],
        )
        .await;
    let pay = |method: &str| json!([{"amount": 2000, "currency": "usd", "confirm": true, "payment_method": method}]);
    for (round, (method, end)) in [
        ("pm_usBankAccount_success", "payment_intent.succeeded"),
        (
            "pm_usBankAccount_insufficientFunds",
            "payment_intent.payment_failed",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let intent = world.call("paymentIntents", "create", pay(method)).await;
        assert_eq!(intent.unwrap()["status"], "processing");
        world.tries(2 * round + 1).await;
        world.advance(4 * 86_400);
        let tries = world.tries(2 * round + 2).await;
        let names: Vec<_> = tries[2 * round..]
            .iter()
            .map(|attempt| attempt.event_type.as_str())
            .collect();
        assert_eq!(names, ["payment_intent.processing", end]);
    }
}
