//! Webhooks from the sandbox: its events reach an endpoint signed, are tried
//! again where they fail, and go nowhere but to this machine.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use stripe_harness::listen::{
    Acting, Action, ActionError, Event, ListenOptions, Listener, Trigger,
};
use stripe_harness::sandbox::{Clock, DeliveryAttempt, Sandbox, SandboxOptions};
use stripe_harness::{Connection, Plugin};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::{Answer, KEY, Server, connected_to, plugin};

/// 2026-01-15T12:00:00Z.
pub(crate) const NOW: i64 = 1_768_478_400;

/// A wait that ends only where something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    plugin: Plugin,
    connection: Connection,
}

impl World {
    pub(crate) async fn new(clock: Clock) -> World {
        let sandbox = Sandbox::start(SandboxOptions {
            clock,
            seed: Some(1),
            ..SandboxOptions::default()
        })
        .await
        .unwrap();
        let (plugin, connection) = connected_to(&sandbox.base_url(), json!({})).await;
        World {
            sandbox,
            plugin,
            connection,
        }
    }

    pub(crate) async fn call(
        &self,
        resource: &str,
        method: &str,
        args: Value,
    ) -> Result<Value, String> {
        let args = args.to_string();
        let answer = self
            .plugin
            .request(&self.connection, resource, method, args);
        match answer.await {
            Ok(answer) => Ok(serde_json::from_str(&answer.body).unwrap()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// An endpoint at this URL: its id and its secret.
    pub(crate) async fn endpoint(&self, url: &str, events: &[&str]) -> (String, String) {
        let args = json!([{"url": url, "enabled_events": events}]);
        let made = self.call("webhookEndpoints", "create", args).await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }

    /// Lets the sandbox's time pass.
    pub(crate) fn advance(&self, seconds: i64) {
        let request = http::Request::post("/_sandbox/clock")
            .header("authorization", format!("Bearer {KEY}"))
            .body(Bytes::from(format!("advance={seconds}")))
            .unwrap();
        assert_eq!(self.sandbox.stand_in().handle(&request).status(), 200);
    }

    /// The tries so far, once there are so many.
    pub(crate) async fn tries(&self, count: usize) -> Vec<DeliveryAttempt> {
        let enough = async {
            while self.sandbox.deliveries().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.unwrap();
        self.sandbox.deliveries()
    }

    async fn pending(&self, event: &str) -> Value {
        let event = self.call("events", "retrieve", json!([event])).await;
        event.unwrap()["pending_webhooks"].clone()
    }
}

pub(crate) struct Collected(pub(crate) UnboundedSender<Event>);

impl Action for Collected {
    fn act<'a>(&'a self, event: &'a Event) -> Acting<'a> {
        let sent = self.0.send(event.clone());
        Box::pin(async move {
            sent.map(|()| "collected".to_owned())
                .map_err(|_| ActionError::new("nobody collects".to_owned()))
        })
    }
}

/// The events that LoopFour's document calls common.
const COMMON: [&str; 8] = [
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "charge.refunded",
];

#[tokio::test]
async fn the_eight_common_events_arrive_verified() {
    let world = World::new(Clock::System).await;
    let (id, secret) = world.endpoint("http://127.0.0.1:1/hook", &["*"]).await;
    let (sender, mut collected) = unbounded_channel();
    let names = COMMON.map(str::to_owned).to_vec();
    let listener = Listener::start(
        ListenOptions {
            secrets: vec![secret],
            trigger: Trigger::new(names).unwrap(),
            ..ListenOptions::default()
        },
        plugin(&[]),
        Collected(sender),
    )
    .await
    .unwrap();
    let url = format!("http://{}/hook", listener.address());
    let update = json!([id, {"url": url}]);
    world
        .call("webhookEndpoints", "update", update)
        .await
        .unwrap();

    let intent = json!({"amount": 2000, "currency": "usd", "confirm": true,
        "automatic_payment_methods": {"enabled": true, "allow_redirects": "never"}});
    let with_card = |card: &str| {
        let mut intent = intent.clone();
        intent["payment_method"] = json!(card);
        json!([intent])
    };
    let paid = world
        .call("paymentIntents", "create", with_card("pm_card_visa"))
        .await
        .unwrap();
    world
        .call(
            "paymentIntents",
            "create",
            with_card("pm_card_chargeDeclined"),
        )
        .await
        .unwrap_err();
    let refund = json!([{"payment_intent": paid["id"], "amount": 500}]);
    world.call("refunds", "create", refund).await.unwrap();
    let customer = world.call("customers", "create", json!([])).await.unwrap();
    let attach = json!(["pm_card_visa", {"customer": customer["id"]}]);
    let card = world
        .call("paymentMethods", "attach", attach)
        .await
        .unwrap();
    let price = json!([{"currency": "usd", "unit_amount": 1500,
        "recurring": {"interval": "month"}, "product_data": {"name": "Gold"}}]);
    let price = world.call("prices", "create", price).await.unwrap();
    let subscription = json!([{"customer": customer["id"], "items": [{"price": price["id"]}],
        "default_payment_method": card["id"]}]);
    let subscription = world
        .call("subscriptions", "create", subscription)
        .await
        .unwrap();
    let item = &subscription["items"]["data"][0]["id"];
    let update = json!([subscription["id"], {"items": [{"id": item, "quantity": 3}]}]);
    world.call("subscriptions", "update", update).await.unwrap();
    world
        .call("subscriptions", "cancel", json!([subscription["id"]]))
        .await
        .unwrap();
    let invoice = json!([{"customer": customer["id"], "collection_method": "send_invoice",
        "days_until_due": 7}]);
    let invoice = world.call("invoices", "create", invoice).await.unwrap();
    let line = json!([{"customer": customer["id"], "invoice": invoice["id"], "amount": 300,
        "currency": "usd"}]);
    world.call("invoiceItems", "create", line).await.unwrap();
    let pay = json!([invoice["id"], {"payment_method": "pm_card_chargeDeclined"}]);
    world
        .call("invoices", "finalizeInvoice", json!([invoice["id"]]))
        .await
        .unwrap();
    world.call("invoices", "pay", pay).await.unwrap_err();

    let mut missing: BTreeSet<&str> = COMMON.into();
    while !missing.is_empty() {
        let next = tokio::time::timeout(PATIENCE, collected.recv()).await;
        let event = next
            .unwrap_or_else(|_| panic!("{missing:?} did not arrive"))
            .unwrap();
        missing.remove(event.kind.as_str());
        // What arrives is what the API tells of it.
        let told = world
            .call("events", "retrieve", json!([event.id]))
            .await
            .unwrap();
        let arrived: Value = serde_json::from_str(&event.payload).unwrap();
        assert_eq!(arrived["data"], told["data"], "{}", event.kind);
    }
    let attempts = world.sandbox.deliveries();
    assert!(
        attempts.iter().all(DeliveryAttempt::succeeded),
        "{attempts:?}"
    );
}

#[tokio::test]
async fn a_failed_delivery_is_tried_five_times() {
    let world = World::new(Clock::Fixed(NOW)).await;
    let server = Server::answering(|_| Answer::json(500, "{}")).await;
    let events = ["customer.created"];
    world
        .endpoint(&format!("{}/hook", server.url()), &events)
        .await;
    world.call("customers", "create", json!([])).await.unwrap();
    // Not for this endpoint.
    world
        .call("products", "create", json!([{"name": "x"}]))
        .await
        .unwrap();
    for tried in 1..=5 {
        let tries = world.tries(tried).await;
        assert_eq!(tries.len(), tried, "time stands still");
        let last = &tries[tried - 1];
        assert_eq!((last.attempt, last.status), (tried, Some(500)));
        assert_eq!(last.retried, tried < 5, "{tries:?}");
        world.advance(180);
    }
    world.advance(1_000_000);
    // Another event has its turn, and the first none any more.
    world.call("customers", "create", json!([])).await.unwrap();
    let tries = world.tries(6).await;
    assert_eq!((tries.len(), tries[5].attempt), (6, 1));
    assert_ne!(tries[5].event, tries[0].event);
    assert_eq!(
        world.pending(&tries[0].event).await,
        1,
        "it was never taken"
    );
    // Each try is signed anew, over the same event.
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 6);
    assert!(
        arrived[..5]
            .iter()
            .all(|request| request.body == arrived[0].body)
    );
    assert_eq!(arrived[0].target, "/hook");
}

#[tokio::test]
async fn a_delivery_that_is_taken_is_not_repeated() {
    let world = World::new(Clock::Fixed(NOW)).await;
    let server = Server::start(vec![Answer::Close, Answer::json(200, "")]).await;
    world
        .endpoint(server.url(), &["customer.*", "customer.created"])
        .await;
    world.call("customers", "create", json!([])).await.unwrap();
    let first = world.tries(1).await.remove(0);
    assert!(
        first.status.is_none() && first.reason.is_some() && first.retried,
        "{first:?}"
    );
    assert_eq!(world.pending(&first.event).await, 1);
    world.advance(1);
    assert!(world.tries(2).await[1].succeeded());
    assert_eq!(world.pending(&first.event).await, 0);
    world.advance(1_000_000);
    world.call("customers", "create", json!([])).await.unwrap();
    assert_ne!(world.tries(3).await[2].event, first.event);
}

#[tokio::test]
async fn no_other_machine_is_called() {
    let world = World::new(Clock::Fixed(NOW)).await;
    let urls = [
        "https://example.com/hook",
        "http://example.com/hook",
        "http://10.1.2.3/hook",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://169.254.169.254/latest",
        "http://0.0.0.0:80/",
        "https://127.0.0.1/hook",
    ];
    for url in urls {
        world.endpoint(url, &["customer.created"]).await;
    }
    world.call("customers", "create", json!([])).await.unwrap();
    let tries = world.tries(urls.len()).await;
    for attempt in &tries {
        assert!(!attempt.retried && attempt.status.is_none(), "{attempt:?}");
        let reason = attempt.reason.as_deref().unwrap();
        assert!(reason.contains("this machine alone"), "{attempt:?}");
    }
    let tried: BTreeSet<_> = tries.iter().map(|attempt| attempt.url.as_str()).collect();
    assert_eq!(tried, urls.into());
}

#[tokio::test]
async fn an_endpoint_that_hangs_keeps_nobody_waiting() {
    let world = World::new(Clock::Fixed(NOW)).await;
    let server = Server::answering(|_| Answer::Silence(PATIENCE)).await;
    let (id, _) = world.endpoint(server.url(), &["*"]).await;
    for _ in 0..40 {
        world.call("customers", "create", json!([])).await.unwrap();
    }
    assert!(world.sandbox.deliveries().is_empty());
    // A disabled endpoint is told nothing more.
    let off = json!([id, {"disabled": true}]);
    world.call("webhookEndpoints", "update", off).await.unwrap();
    let later = world.call("customers", "create", json!([])).await.unwrap();
    let told = json!([{"type": "customer.created", "limit": 1}]);
    let told = world.call("events", "list", told).await.unwrap();
    assert_eq!(told["data"][0]["data"]["object"]["id"], later["id"]);
    assert_eq!(told["data"][0]["pending_webhooks"], 0);
}

#[tokio::test]
async fn deliveries_outlive_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let options = SandboxOptions {
            clock: Clock::Fixed(NOW),
            data: Some(folder.path().join("sandbox.redb")),
            ..SandboxOptions::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let (plugin, connection) = connected_to(&sandbox.base_url(), json!({})).await;
        World {
            sandbox,
            plugin,
            connection,
        }
    };
    let server = Server::start(vec![Answer::json(503, "{}")]).await;
    let world = start().await;
    world.endpoint(server.url(), &["customer.created"]).await;
    world.call("customers", "create", json!([])).await.unwrap();
    let first = world.tries(1).await.remove(0);
    world.sandbox.shutdown().await;
    // The file is free once the last connection has ended.
    let world = loop {
        let options = folder.path().join("sandbox.redb");
        if redb::Database::open(&options).is_ok() {
            break start().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    world.advance(1);
    let second = world.tries(1).await.remove(0);
    assert_eq!((&second.event, second.attempt), (&first.event, 2));
    assert!(second.succeeded());
}
