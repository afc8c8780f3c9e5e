//! Events: every change is told, as Stripe tells it.

use super::{Client, NOW};
use serde_json::{Value, json};

/// The names of all events, oldest first.
fn names(client: &Client) -> Vec<String> {
    let events = client.all("/v1/events");
    let names = events.iter().rev().map(|event| event["type"].as_str());
    names.map(|name| name.unwrap().to_owned()).collect()
}

fn last(client: &Client, name: &str) -> Value {
    let list = client.get(&format!("/v1/events?type={name}&limit=1")).ok();
    list["data"][0].clone()
}

#[test]
fn an_event_tells_who_changed_what() {
    let client = Client::new().with("idempotency-key", "k1");
    let reply = client.post("/v1/customers", "name=Ann&metadata[a]=1&address[city]=Bern");
    let request_id = reply.header("request-id").to_owned();
    let customer = reply.ok();
    let client = client.with("idempotency-key", "");
    let event = last(&client, "customer.created");
    assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    for (field, value) in [
        ("object", json!("event")),
        ("created", json!(NOW)),
        ("livemode", json!(false)),
        ("api_version", json!("2026-10-28.endive")),
        (
            "request",
            json!({"id": request_id, "idempotency_key": "k1"}),
        ),
        ("data", json!({"object": customer})),
    ] {
        assert_eq!(event[field], value, "{field}");
    }
    let path = format!("/v1/customers/{}", customer["id"].as_str().unwrap());
    let form = "name=Bea&metadata[b]=2&address[city]=Basel";
    let changed = client.post(&path, form).ok();
    let event = last(&client, "customer.updated");
    assert_eq!(event["data"]["object"], changed);
    assert_eq!(
        event["data"]["previous_attributes"],
        json!({"name": "Ann", "metadata": {"b": null}, "address": {"city": "Bern"}})
    );
    client.post(&path, "name=Bea").ok();
    client.delete(&path).ok();
    let event = last(&client, "customer.deleted");
    assert_eq!(
        event["data"]["object"]["name"], "Bea",
        "as it was at the end"
    );
    assert_eq!(
        names(&client),
        ["customer.created", "customer.updated", "customer.deleted"],
        "what changes nothing is no event"
    );
    let id = event["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/events/{id}")).ok(), event);
}

#[test]
fn events_are_filtered_by_type_and_time() {
    let client = Client::new();
    client.id("/v1/products", "name=x");
    client.advance(10);
    client.id("/v1/customers", "");
    client.id("/v1/coupons", "percent_off=5");
    let count = |query: &str| client.get(&format!("/v1/events?{query}")).page().0.len();
    assert_eq!(count(""), 3);
    assert_eq!(count("type=customer.created"), 1);
    assert_eq!(count("type=customer.*"), 1);
    assert_eq!(count("types[]=customer.created&types[]=coupon.created"), 2);
    assert_eq!(count(&format!("created[gt]={NOW}")), 2);
    assert_eq!(count(&format!("created[lte]={NOW}")), 1);
    assert_eq!(count(&format!("created={NOW}")), 1);
    let other = client.with("stripe-account", "acct_2");
    assert!(other.get("/v1/events").page().0.is_empty());
}

#[test]
fn refused_requests_change_and_tell_nothing() {
    let client = Client::new();
    let customer = client.id("/v1/customers", "");
    let before = names(&client);
    // The price of the first line would be made before the second line is refused.
    let form = format!(
        "customer={customer}&items[0][price_data][currency]=usd\
         &items[0][price_data][unit_amount]=5&items[0][price_data][product_data][name]=x\
         &items[0][price_data][recurring][interval]=month&items[1][price]=price_none"
    );
    client.post("/v1/subscriptions", &form).error(400);
    client
        .post("/v1/customers", "name=x&expand[]=nonsense")
        .error(400);
    for path in ["/v1/prices", "/v1/products", "/v1/subscriptions?status=all"] {
        assert!(client.get(path).page().0.is_empty(), "{path}");
    }
    assert_eq!(client.get("/v1/customers").page().0, [customer]);
    assert_eq!(names(&client), before);
}

/// Stripe docs, "Types of events": what happens to each object, by its names.
#[test]
fn every_step_of_a_payment_is_told() {
    let client = Client::new();
    let intent = |rest: &str| {
        let form = format!("amount=2000&currency=usd&{rest}");
        client.post("/v1/payment_intents", &form)
    };
    let told_by = |act: &dyn Fn()| {
        let before = names(&client).len();
        act();
        names(&client).split_off(before)
    };
    assert_eq!(
        told_by(&|| _ = intent("confirm=true&payment_method=pm_card_visa").ok()),
        [
            "payment_intent.created",
            "payment_intent.succeeded",
            "charge.succeeded"
        ]
    );
    assert_eq!(
        told_by(&|| {
            intent("confirm=true&payment_method=pm_card_chargeDeclined").error(402);
        }),
        [
            "payment_intent.created",
            "payment_intent.payment_failed",
            "charge.failed"
        ]
    );
    assert_eq!(
        told_by(&|| _ = intent("confirm=true&payment_method=pm_card_authenticationRequired").ok()),
        ["payment_intent.created", "payment_intent.requires_action"]
    );
    let held = intent("confirm=true&capture_method=manual&payment_method=pm_card_visa").ok();
    let path = format!("/v1/payment_intents/{}", held["id"].as_str().unwrap());
    assert!(names(&client).ends_with(&[
        "payment_intent.created".into(),
        "payment_intent.amount_capturable_updated".into(),
        "charge.succeeded".into()
    ]));
    let mut told = told_by(&|| _ = client.post(&format!("{path}/capture"), "").ok());
    told.sort();
    assert_eq!(told, ["charge.captured", "payment_intent.succeeded"]);
    let charge = held["latest_charge"].as_str().unwrap();
    let form = format!("charge={charge}&amount=500");
    let mut told = told_by(&|| _ = client.post("/v1/refunds", &form).ok());
    told.sort();
    assert_eq!(told, ["charge.refunded", "refund.created"]);
    let event = last(&client, "charge.refunded");
    assert_eq!(event["data"]["object"]["amount_refunded"], 500);
    assert_eq!(
        event["data"]["previous_attributes"],
        json!({"amount_refunded": 0})
    );
    let open = intent("").ok();
    let path = format!(
        "/v1/payment_intents/{}/cancel",
        open["id"].as_str().unwrap()
    );
    assert_eq!(
        told_by(&|| _ = client.post(&path, "").ok()),
        ["payment_intent.canceled"]
    );
}

#[test]
fn bills_and_subscriptions_are_told() {
    let client = Client::new();
    let customer = client.id("/v1/customers", "");
    let form = format!("customer={customer}");
    let method = client
        .post("/v1/payment_methods/pm_card_visa/attach", &form)
        .ok();
    assert_eq!(
        last(&client, "payment_method.attached")["data"]["object"],
        method
    );
    let default = format!(
        "invoice_settings[default_payment_method]={}",
        method["id"].as_str().unwrap()
    );
    client
        .post(&format!("/v1/customers/{customer}"), &default)
        .ok();
    let price = client.id(
        "/v1/prices",
        "currency=usd&unit_amount=1500&recurring[interval]=month&product_data[name]=Gold",
    );
    let form = format!("customer={customer}&items[0][price]={price}");
    let subscription = client.post("/v1/subscriptions", &form).ok();
    let told = names(&client);
    for name in [
        "product.created",
        "price.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "payment_intent.succeeded",
        "charge.succeeded",
    ] {
        assert_eq!(
            told.iter().filter(|told| *told == name).count(),
            1,
            "{name}"
        );
    }
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let item = subscription["items"]["data"][0]["id"].as_str().unwrap();
    client
        .post(&path, &format!("items[0][id]={item}&items[0][quantity]=3"))
        .ok();
    let event = last(&client, "customer.subscription.updated");
    let quantity = |of: &Value| of["items"]["data"][0]["quantity"].clone();
    assert_eq!(quantity(&event["data"]["object"]), 3);
    assert_eq!(quantity(&event["data"]["previous_attributes"]), 1);
    client.delete(&path).ok();
    let event = last(&client, "customer.subscription.deleted");
    assert_eq!(event["data"]["object"]["status"], "canceled");

    let form = format!("customer={customer}&collection_method=send_invoice&days_until_due=7");
    let invoice = client.id("/v1/invoices", &form);
    let item = format!("customer={customer}&invoice={invoice}&amount=300&currency=usd");
    client.id("/v1/invoiceitems", &item);
    let path = format!("/v1/invoices/{invoice}");
    client.post(&format!("{path}/send"), "").ok();
    assert_eq!(
        last(&client, "invoice.sent")["data"]["object"]["id"],
        invoice
    );
    client
        .post(
            &format!("{path}/pay"),
            "payment_method=pm_card_chargeDeclined",
        )
        .error(402);
    let event = last(&client, "invoice.payment_failed");
    assert_eq!(event["data"]["object"]["attempt_count"], 1);
    client.post(&format!("{path}/void"), "").ok();
    assert_eq!(
        last(&client, "invoice.voided")["data"]["object"]["status"],
        "void"
    );
}

#[test]
fn an_endpoints_secret_is_told_once() {
    let client = Client::new();
    let form = "url=https%3A%2F%2Fa.b%2Fhook&enabled_events[]=*";
    let made = client.post("/v1/webhook_endpoints", form).ok();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(made["status"], "enabled");
    let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap());
    assert!(client.get(&path).ok().get("secret").is_none());
    let listed = client.get("/v1/webhook_endpoints").ok();
    assert!(listed["data"][0].get("secret").is_none());
    let off = client.post(&path, "disabled=true").ok();
    assert_eq!(
        (&off["status"], off.get("secret")),
        (&json!("disabled"), None)
    );
    for form in [
        "url=nonsense&enabled_events[]=*",
        "url=https%3A%2F%2Fa.b",
        "enabled_events[]=*",
    ] {
        client.post("/v1/webhook_endpoints", form).error(400);
    }
    assert_eq!(client.delete(&path).ok()["deleted"], true);
}
