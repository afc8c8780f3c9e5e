//! Payments that a bank takes back: `pm_card_createDispute` and its kin.

use super::{Client, NOW, Reply};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

/// A payment of 20.00 that is disputed, and the dispute.
fn disputed(client: &Client, method: &str) -> (Value, Value) {
    let form = format!("amount=2000&currency=usd&confirm=true&payment_method={method}");
    let intent = client.post("/v1/payment_intents", &form).ok();
    assert_eq!(intent["status"], "succeeded");
    let id = intent["id"].as_str().unwrap();
    let listed = client
        .get(&format!("/v1/disputes?payment_intent={id}"))
        .ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    (intent, listed["data"][0].clone())
}

fn tell(client: &Client, dispute: &Value, evidence: &str) -> Reply {
    let path = format!("/v1/disputes/{}", dispute["id"].as_str().unwrap());
    client.post(&path, &format!("evidence[uncategorized_text]={evidence}"))
}

/// What there is altogether, pending or not.
fn balance(client: &Client) -> i64 {
    let balance = client.get("/v1/balance").ok();
    let part = |name: &str| balance[name][0]["amount"].as_i64().unwrap();
    part("available") + part("pending")
}

fn told(client: &Client) -> Vec<String> {
    let events = client.all("/v1/events").into_iter().rev();
    let names = events.map(|event| event["type"].as_str().unwrap().to_owned());
    names.filter(|name| name.starts_with("charge.")).collect()
}

/// 2000 less 2.9 % and 30.
const EARNED: i64 = 1912;

#[test]
fn a_dispute_takes_the_money_and_a_fee() {
    let client = Client::new();
    let (intent, dispute) = disputed(&client, "pm_card_createDispute");
    assert_eq!(dispute["status"], "needs_response");
    assert_eq!(dispute["reason"], "fraudulent");
    assert_eq!(
        (&dispute["amount"], &dispute["currency"]),
        (&json!(2000), &json!("usd"))
    );
    assert_eq!(dispute["charge"], intent["latest_charge"]);
    assert_eq!(dispute["payment_intent"], intent["id"]);
    let details = &dispute["evidence_details"];
    assert!(details["due_by"].as_i64().unwrap() > NOW, "{details}");
    assert_eq!(details["submission_count"], 0);
    let taken = &dispute["balance_transactions"][0];
    assert_eq!(
        (&taken["amount"], &taken["fee"], &taken["net"]),
        (&json!(-2000), &json!(1500), &json!(-3500))
    );
    assert_eq!(
        (&taken["type"], &taken["reporting_category"]),
        (&json!("adjustment"), &json!("dispute"))
    );
    assert_eq!(balance(&client), EARNED - 3500);
    let charge = intent["latest_charge"].as_str().unwrap();
    assert_eq!(
        client.get(&format!("/v1/charges/{charge}")).ok()["disputed"],
        true
    );
    assert_eq!(
        told(&client),
        [
            "charge.succeeded",
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn"
        ]
    );
    let error = client
        .post("/v1/refunds", &format!("charge={charge}"))
        .error(400);
    assert_eq!(error["code"], "charge_disputed");
}

#[test]
fn winning_evidence_gives_both_back() {
    let client = Client::new();
    let (intent, dispute) = disputed(&client, "pm_card_createDisputeProductNotReceived");
    assert_eq!(dispute["reason"], "product_not_received");
    let won = tell(&client, &dispute, "winning_evidence").ok();
    assert_eq!(won["status"], "won");
    assert_eq!(won["evidence"]["uncategorized_text"], "winning_evidence");
    assert_eq!(won["evidence_details"]["submission_count"], 1);
    assert_eq!(won["balance_transactions"].as_array().unwrap().len(), 2);
    assert_eq!(balance(&client), EARNED);
    let events = told(&client);
    for name in [
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
        "charge.dispute.updated",
    ] {
        assert!(
            events.iter().any(|event| event == name),
            "{name}: {events:?}"
        );
    }
    tell(&client, &dispute, "losing_evidence").error(400);
    let charge = intent["latest_charge"].as_str().unwrap();
    client.post("/v1/refunds", &format!("charge={charge}")).ok();
    assert_eq!(balance(&client), EARNED - 2000);
}

#[test]
fn a_dispute_is_lost_by_evidence_by_closing_or_by_silence() {
    let client = Client::new();
    let (_, dispute) = disputed(&client, "pm_card_createDispute");
    assert_eq!(
        tell(&client, &dispute, "losing_evidence").ok()["status"],
        "lost"
    );

    let (_, dispute) = disputed(&client, "pm_card_createDispute");
    let path = format!("/v1/disputes/{}", dispute["id"].as_str().unwrap());
    assert_eq!(
        client.post(&format!("{path}/close"), "").ok()["status"],
        "lost"
    );
    client.post(&format!("{path}/close"), "").error(400);

    let (_, dispute) = disputed(&client, "pm_card_createDispute");
    let path = format!("/v1/disputes/{}", dispute["id"].as_str().unwrap());
    let due = dispute["evidence_details"]["due_by"].as_i64().unwrap();
    client.advance(due - NOW - 1);
    assert_eq!(client.get(&path).ok()["status"], "needs_response");
    client.advance(1);
    let lost = client.get(&path).ok();
    assert_eq!(
        (&lost["status"], &lost["evidence_details"]["past_due"]),
        (&json!("lost"), &json!(true))
    );
    assert_eq!(balance(&client), 3 * (EARNED - 3500));
    let closed = told(&client)
        .into_iter()
        .filter(|name| name == "charge.dispute.closed");
    assert_eq!(closed.count(), 3);
}

#[test]
fn evidence_may_be_kept_back_and_is_then_reviewed() {
    let client = Client::new();
    let (_, dispute) = disputed(&client, "pm_card_createDispute");
    let path = format!("/v1/disputes/{}", dispute["id"].as_str().unwrap());
    let staged = client
        .post(&path, "evidence[customer_name]=Ann&submit=false")
        .ok();
    assert_eq!(staged["status"], "needs_response");
    assert_eq!(
        (
            &staged["evidence_details"]["has_evidence"],
            &staged["evidence_details"]["submission_count"]
        ),
        (&json!(true), &json!(0))
    );
    let submitted = client.post(&path, "evidence[receipt]=file_1").ok();
    assert_eq!(submitted["status"], "under_review");
    assert_eq!(submitted["evidence"]["customer_name"], "Ann");
    client.advance(30 * DAY);
    assert_eq!(
        client.get(&path).ok()["status"],
        "under_review",
        "the bank takes its time"
    );
}

#[test]
fn an_inquiry_takes_nothing_until_it_is_escalated() {
    let client = Client::new();
    let (_, inquiry) = disputed(&client, "pm_card_createDisputeInquiry");
    assert_eq!(inquiry["status"], "warning_needs_response");
    assert_eq!(
        (balance(&client), &inquiry["is_charge_refundable"]),
        (EARNED, &json!(true))
    );
    let escalated = tell(&client, &inquiry, "escalate_inquiry_evidence").ok();
    assert_eq!(escalated["status"], "needs_response");
    assert_eq!(balance(&client), EARNED - 3500);

    let client = Client::new();
    let (intent, inquiry) = disputed(&client, "pm_card_createDisputeInquiry");
    let refund = format!("payment_intent={}", intent["id"].as_str().unwrap());
    client
        .post("/v1/refunds", &format!("{refund}&amount=500"))
        .ok();
    let path = format!("/v1/disputes/{}", inquiry["id"].as_str().unwrap());
    assert_eq!(client.get(&path).ok()["status"], "warning_needs_response");
    client.post("/v1/refunds", &refund).ok();
    assert_eq!(client.get(&path).ok()["status"], "warning_closed");
}

/// An authorization takes no money, so there is nothing to dispute yet.
#[test]
fn a_dispute_waits_for_the_capture() {
    let client = Client::new();
    let form = "amount=2000&currency=usd&confirm=true&capture_method=manual\
        &payment_method=pm_card_createDispute";
    let intent = client.post("/v1/payment_intents", form).ok();
    assert!(client.all("/v1/disputes").is_empty());
    let path = format!(
        "/v1/payment_intents/{}/capture",
        intent["id"].as_str().unwrap()
    );
    client.post(&path, "amount_to_capture=700").ok();
    assert_eq!(client.all("/v1/disputes")[0]["amount"], 700);
}
