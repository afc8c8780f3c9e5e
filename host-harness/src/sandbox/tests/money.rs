//! The balance: whatever moves, it adds up.

use super::{Client, NOW};
use serde_json::json;

fn pay(client: &Client, method: &str) -> String {
    let form = format!("amount=10000&currency=usd&confirm=true&payment_method={method}");
    client.id("/v1/payment_intents", &form)
}

fn balance(client: &Client) -> (i64, i64) {
    let balance = client.get("/v1/balance").ok();
    let amount = |part: &str| balance[part][0]["amount"].as_i64().unwrap();
    (amount("available"), amount("pending"))
}

#[test]
fn the_balance_is_the_sum_of_its_transactions() {
    let client = Client::new();
    assert_eq!(balance(&client), (0, 0));
    let intent = pay(&client, "pm_card_visa");
    // 2.9 % of 100.00 and 0.30.
    assert_eq!(balance(&client), (0, 10_000 - 320));
    client.id(
        "/v1/refunds",
        &format!("payment_intent={intent}&amount=4000"),
    );
    assert_eq!(balance(&client), (0, 5680));
    pay(&client, "pm_card_bypassPending");
    assert_eq!(balance(&client), (9680, 5680));
    let list = client.get("/v1/balance_transactions").ok();
    let entries = list["data"].as_array().unwrap();
    let net: i64 = entries
        .iter()
        .map(|entry| entry["net"].as_i64().unwrap())
        .sum();
    assert_eq!(net, 9680 + 5680);
    assert_eq!(entries[0]["fee_details"][0]["amount"], 320);
    let source = entries[0]["source"].as_str().unwrap();
    let of_source = client.get(&format!("/v1/balance_transactions?source={source}"));
    assert_eq!(of_source.page().0.len(), 1);
    assert_eq!(
        client
            .get("/v1/balance_transactions?type=refund")
            .page()
            .0
            .len(),
        1
    );
}

#[test]
fn a_declined_payment_moves_nothing() {
    let client = Client::new();
    let form = "amount=10000&currency=usd&confirm=true&payment_method=pm_card_chargeDeclined";
    client.post("/v1/payment_intents", form).error(402);
    assert_eq!(balance(&client), (0, 0));
}

#[test]
fn payouts_and_transfers_need_available_money() {
    let client = Client::new();
    pay(&client, "pm_card_visa");
    let error = client
        .post("/v1/payouts", "amount=1&currency=usd")
        .error(400);
    assert_eq!(error["code"], "balance_insufficient");
    pay(&client, "pm_card_bypassPending");
    let payout = client.post("/v1/payouts", "amount=1000&currency=usd").ok();
    assert_eq!(
        (&payout["status"], &payout["object"]),
        (&json!("pending"), &json!("payout"))
    );
    assert!(payout["arrival_date"].as_i64().unwrap() > NOW);
    assert_eq!(balance(&client).0, 8680);
    let path = format!("/v1/payouts/{}/cancel", payout["id"].as_str().unwrap());
    assert_eq!(client.post(&path, "").ok()["status"], "canceled");
    client.post(&path, "").error(400);
    assert_eq!(balance(&client).0, 9680);
    let transfer = client.id(
        "/v1/transfers",
        "amount=680&currency=usd&destination=acct_2",
    );
    assert_eq!(balance(&client).0, 9000);
    let path = format!("/v1/transfers/{transfer}/reversals");
    client.post(&path, "amount=681").error(400);
    client.id(&path, "amount=80");
    assert_eq!(balance(&client).0, 9080);
    let transfer = client.get(&format!("/v1/transfers/{transfer}")).ok();
    assert_eq!(transfer["amount_reversed"], 80);
    assert_eq!(transfer["reversals"]["data"].as_array().unwrap().len(), 1);
}

/// Stripe API, "Reverse a payout": the money comes back by a payout of its own.
#[test]
fn a_paid_payout_is_reversed() {
    let client = Client::new();
    pay(&client, "pm_card_bypassPending");
    let payout = client.post("/v1/payouts", "amount=5000&currency=usd").ok();
    let id = payout["id"].as_str().unwrap();
    let path = format!("/v1/payouts/{id}");
    client.post(&format!("{path}/reverse"), "").error(400);
    client.advance(payout["arrival_date"].as_i64().unwrap() - NOW);
    let back = client.post(&format!("{path}/reverse"), "").ok();
    assert_eq!(
        (&back["amount"], &back["original_payout"]),
        (&json!(-5000), &json!(id))
    );
    assert_eq!(client.get(&path).ok()["reversed_by"], back["id"]);
    assert_eq!(balance(&client), (9680, 0));
    client.post(&format!("{path}/reverse"), "").error(400);
}

#[test]
fn what_becomes_available_together_is_told_once() {
    let client = Client::new();
    for _ in 0..3 {
        pay(&client, "pm_card_visa");
    }
    client.advance(10 * 86_400);
    assert_eq!(balance(&client), (3 * 9680, 0));
    let told = client.get("/v1/events?type=balance.available").ok();
    assert_eq!(told["data"].as_array().unwrap().len(), 1);
    let available = &told["data"][0]["data"]["object"]["available"][0]["amount"];
    assert_eq!(available, 3 * 9680);
}
