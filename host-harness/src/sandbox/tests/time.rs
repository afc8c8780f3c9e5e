//! What time alone changes.

use super::{Client, NOW};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

#[test]
fn the_clock_is_advanced_by_hand() {
    let client = Client::new();
    assert_eq!(client.get("/_sandbox/clock").ok()["now"], NOW);
    assert_eq!(
        client.post("/_sandbox/clock", "advance=60").ok()["now"],
        NOW + 60
    );
    let body = br#"{"advance": 40}"#;
    let json = client.send("POST", "/_sandbox/clock", "application/json", body);
    assert_eq!(json.ok()["now"], NOW + 100);
    assert_eq!(client.post("/v1/customers", "").ok()["created"], NOW + 100);
    for form in ["", "advance=-1", "advance=soon", "advance=99999999999999"] {
        client.post("/_sandbox/clock", form).error(400);
    }
    client.get("/_sandbox/nothing").error(404);
    client
        .with("authorization", "")
        .get("/_sandbox/clock")
        .error(401);
}

/// Stripe docs, "Balances": what is pending becomes available, and payouts arrive.
#[test]
fn money_becomes_available_and_payouts_arrive() {
    let client = Client::new();
    let form = "amount=10000&currency=usd&confirm=true&payment_method=pm_card_visa";
    client.id("/v1/payment_intents", form);
    let balance = |part: &str| client.get("/v1/balance").ok()[part][0]["amount"].clone();
    let entry = client.get("/v1/balance_transactions").ok()["data"][0].clone();
    assert_eq!(entry["status"], "pending");
    let wait = entry["available_on"].as_i64().unwrap() - NOW;
    client.advance(wait - 1);
    assert_eq!(
        (balance("available"), balance("pending")),
        (json!(0), json!(9680))
    );
    client.advance(1);
    assert_eq!(
        (balance("available"), balance("pending")),
        (json!(9680), json!(0))
    );
    let entry = client.get("/v1/balance_transactions").ok()["data"][0].clone();
    assert_eq!(entry["status"], "available");
    assert_eq!(
        client
            .get("/v1/events?type=balance.available")
            .page()
            .0
            .len(),
        1
    );
    let payout = client.post("/v1/payouts", "amount=9680&currency=usd").ok();
    let path = format!("/v1/payouts/{}", payout["id"].as_str().unwrap());
    client.advance(payout["arrival_date"].as_i64().unwrap() - NOW - wait);
    assert_eq!(client.get(&path).ok()["status"], "paid");
    client.post(&format!("{path}/cancel"), "").error(400);
    let event = client.get("/v1/events?type=payout.paid").ok()["data"][0].clone();
    assert_eq!(
        event["request"],
        json!({"id": null, "idempotency_key": null})
    );
}

fn customer(client: &Client, method: &str) -> String {
    let id = client.id("/v1/customers", "");
    let path = format!("/v1/payment_methods/{method}/attach");
    let method = client.id(&path, &format!("customer={id}"));
    let form = format!("invoice_settings[default_payment_method]={method}");
    client.post(&format!("/v1/customers/{id}"), &form).ok();
    id
}

fn subscribe(client: &Client, customer: &str, rest: &str) -> String {
    let price = client.id(
        "/v1/prices",
        "currency=usd&unit_amount=1500&recurring[interval]=month&product_data[name]=Gold",
    );
    let form = format!("customer={customer}&items[0][price]={price}&{rest}");
    let id = client.id("/v1/subscriptions", &form);
    format!("/v1/subscriptions/{id}")
}

fn invoices(client: &Client) -> Vec<Value> {
    client.all("/v1/invoices")
}

/// Stripe docs, "How subscriptions work": each period has an invoice; a trial ends in a paid period.
#[test]
fn a_subscription_renews_and_a_trial_ends() {
    let client = Client::new();
    let buyer = customer(&client, "pm_card_visa");
    let path = subscribe(&client, &buyer, "trial_period_days=14");
    client.advance(14 * DAY - 1);
    assert_eq!(client.get(&path).ok()["status"], "trialing");
    client.advance(1);
    let renewed = client.get(&path).ok();
    assert_eq!(renewed["status"], "active");
    let item = &renewed["items"]["data"][0];
    assert_eq!(item["current_period_start"], NOW + 14 * DAY);
    // 29 January, and a month later: February 2026 has 28 days.
    assert_eq!(item["current_period_end"], NOW + (14 + 30) * DAY);
    let bills = invoices(&client);
    assert_eq!(bills.len(), 2);
    assert_eq!(
        (
            &bills[0]["total"],
            &bills[0]["status"],
            &bills[0]["billing_reason"]
        ),
        (&json!(1500), &json!("paid"), &json!("subscription_cycle"))
    );
    assert_eq!(bills[0]["created"], NOW + 14 * DAY);
    client.advance(30 * DAY);
    // Counted from the anchor, so it is the 29th of March again.
    let item = client.get(&path).ok()["items"]["data"][0].clone();
    assert_eq!(item["current_period_end"], NOW + (14 + 30 + 29) * DAY);
    assert_eq!(invoices(&client).len(), 3);
}

#[test]
fn a_subscription_ends_when_its_period_does() {
    let client = Client::new();
    let buyer = customer(&client, "pm_card_visa");
    let path = subscribe(&client, &buyer, "");
    client.advance(DAY);
    let ending = client.post(&path, "cancel_at_period_end=true").ok();
    assert_eq!(ending["status"], "active");
    client.advance(60 * DAY);
    let ended = client.get(&path).ok();
    assert_eq!(ended["status"], "canceled");
    assert_eq!(ended["ended_at"], NOW + 31 * DAY);
    // The time of the request, not of the end (Stripe API, "The Subscription object").
    assert_eq!(ended["canceled_at"], NOW + DAY);
    assert_eq!(
        invoices(&client).len(),
        1,
        "no bill for a period that never began"
    );
    let told = client.get("/v1/events?type=customer.subscription.deleted");
    assert_eq!(told.page().0.len(), 1);
}

#[test]
fn a_declined_renewal_is_past_due_until_it_is_paid() {
    let client = Client::new();
    let buyer = customer(&client, "pm_card_visa");
    let path = subscribe(&client, &buyer, "");
    let method = client.id(
        "/v1/payment_methods/pm_card_chargeCustomerFail/attach",
        &format!("customer={buyer}"),
    );
    let form = format!("invoice_settings[default_payment_method]={method}");
    client.post(&format!("/v1/customers/{buyer}"), &form).ok();
    client.advance(31 * DAY);
    assert_eq!(client.get(&path).ok()["status"], "past_due");
    let bill = invoices(&client)[0].clone();
    assert_eq!(
        (&bill["status"], &bill["attempt_count"]),
        (&json!("open"), &json!(1))
    );
    let pay = format!("/v1/invoices/{}/pay", bill["id"].as_str().unwrap());
    client.post(&pay, "payment_method=pm_card_visa").ok();
    assert_eq!(client.get(&path).ok()["status"], "active");
}

#[test]
fn what_waits_too_long_expires() {
    let client = Client::new();
    let form = "mode=payment&success_url=https%3A%2F%2Fa.b&line_items[0][quantity]=1\
        &line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=250\
        &line_items[0][price_data][product_data][name]=Cap";
    let session = client.id("/v1/checkout/sessions", form);
    let buyer = customer(&client, "pm_card_visa");
    let path = subscribe(&client, &buyer, "payment_behavior=default_incomplete");
    // A session lasts a day, a first payment 23 hours, unless they say otherwise.
    client.advance(DAY - 1);
    assert_eq!(client.get(&path).ok()["status"], "incomplete_expired");
    assert_eq!(invoices(&client)[0]["status"], "void");
    let intent = client.all("/v1/payment_intents")[0]["id"].clone();
    let confirm = format!("/v1/payment_intents/{}/confirm", intent.as_str().unwrap());
    client
        .post(&confirm, "payment_method=pm_card_visa")
        .error(400);
    let session = format!("/v1/checkout/sessions/{session}");
    assert_eq!(client.get(&session).ok()["status"], "open");
    client.advance(1);
    assert_eq!(client.get(&session).ok()["status"], "expired");
}

#[test]
fn a_cardholder_authenticates_or_not() {
    let client = Client::new();
    let form =
        "amount=2000&currency=usd&confirm=true&payment_method=pm_card_authenticationRequired";
    let wait = |client: &Client| client.id("/v1/payment_intents", form);
    let id = wait(&client);
    let path = format!("/_sandbox/payment_intents/{id}/authenticate");
    let paid = client.post(&path, "outcome=succeeded").ok();
    assert_eq!(
        (&paid["status"], &paid["amount_received"]),
        (&json!("succeeded"), &json!(2000))
    );
    client.post(&path, "").error(400);
    let id = wait(&client);
    let path = format!("/_sandbox/payment_intents/{id}/authenticate");
    let failed = client.post(&path, "outcome=failed").ok();
    assert_eq!(failed["status"], "requires_payment_method");
    assert_eq!(
        failed["last_payment_error"]["code"],
        "payment_intent_authentication_failure"
    );
    client
        .post("/_sandbox/payment_intents/pi_none/authenticate", "")
        .error(404);
}

#[test]
fn a_checkout_page_is_paid() {
    let client = Client::new();
    let form = "mode=payment&success_url=https%3A%2F%2Fa.b&line_items[0][quantity]=3\
        &line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=250\
        &line_items[0][price_data][product_data][name]=Cap\
        &payment_intent_data[metadata][order]=7";
    let session = client.id("/v1/checkout/sessions", form);
    let page = format!("/_sandbox/checkout/sessions/{session}/complete");
    client
        .post(&page, "payment_method=pm_card_chargeDeclined")
        .error(402);
    let session = format!("/v1/checkout/sessions/{session}");
    assert_eq!(client.get(&session).ok()["status"], "open");
    let done = client.post(&page, "").ok();
    assert_eq!(
        (&done["status"], &done["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    let done = client
        .get(&format!("{session}?expand[]=payment_intent"))
        .ok();
    assert_eq!(done["payment_intent"]["amount_received"], 750);
    assert_eq!(done["payment_intent"]["metadata"]["order"], "7");
    let told = client.get("/v1/events?type=checkout.session.completed");
    assert_eq!(told.page().0.len(), 1);
    client.post(&page, "").error(400);
    let form = "mode=subscription&success_url=https%3A%2F%2Fa.b&line_items[0][quantity]=1\
        &line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=900\
        &line_items[0][price_data][recurring][interval]=month\
        &line_items[0][price_data][product_data][name]=Club";
    let session = client.id("/v1/checkout/sessions", form);
    let page = format!("/_sandbox/checkout/sessions/{session}/complete?expand[]=subscription");
    let done = client.post(&page, "").ok();
    let path = format!(
        "/v1/subscriptions/{}",
        done["subscription"].as_str().unwrap()
    );
    let subscription = client.get(&format!("{path}?expand[]=latest_invoice")).ok();
    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["customer"], done["customer"]);
    assert_eq!(subscription["latest_invoice"]["amount_paid"], 900);
}
