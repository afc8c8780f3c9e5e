//! Payments from bank accounts: `processing` for days, then paid or failed.

use super::Client;
use serde_json::{Value, json};

const DAYS: i64 = 86_400;

fn pay(client: &Client, method: &str) -> Value {
    let form = format!("amount=2000&currency=usd&confirm=true&payment_method={method}");
    client.post("/v1/payment_intents", &form).ok()
}

fn again(client: &Client, path: &str, id: &Value) -> Value {
    client.get(&format!("{path}/{}", id.as_str().unwrap())).ok()
}

fn names(client: &Client) -> Vec<String> {
    let events = client.all("/v1/events");
    let names = events.iter().rev().map(|event| event["type"].as_str());
    let mut names: Vec<_> = names.map(|name| name.unwrap().to_owned()).collect();
    names.retain(|name| !name.starts_with("balance"));
    names
}

fn balance(client: &Client) -> (Value, Value) {
    let balance = client.get("/v1/balance").ok();
    let of = |part: &str| balance[part][0]["amount"].clone();
    (of("available"), of("pending"))
}

#[test]
fn a_debit_arrives_after_days() {
    let client = Client::new();
    let intent = pay(&client, "pm_usBankAccount_success");
    assert_eq!(intent["status"], "processing");
    assert_eq!(intent["amount_received"], 0);
    let charge = again(&client, "/v1/charges", &intent["latest_charge"]);
    assert!(charge["id"].as_str().unwrap().starts_with("py_"));
    assert_eq!(
        (&charge["status"], &charge["paid"]),
        (&json!("pending"), &json!(false))
    );
    let account = &charge["payment_method_details"]["us_bank_account"];
    assert_eq!(
        (&account["last4"], &account["routing_number"]),
        (&json!("6789"), &json!("110000000"))
    );
    assert_eq!(charge["balance_transaction"], Value::Null);
    let id = intent["id"].as_str().unwrap();
    let path = format!("/v1/payment_intents/{id}");
    for action in ["confirm", "capture"] {
        let error = client.post(&format!("{path}/{action}"), "").error(400);
        assert_eq!(error["code"], "payment_intent_unexpected_state", "{action}");
    }
    client
        .post("/v1/refunds", &format!("payment_intent={id}"))
        .error(400);
    client.advance(4 * DAYS - 1);
    assert_eq!(client.get(&path).ok()["status"], "processing");
    assert_eq!(balance(&client), (json!(0), json!(0)));
    client.advance(1);
    let paid = client.get(&path).ok();
    assert_eq!(
        (&paid["status"], &paid["amount_received"]),
        (&json!("succeeded"), &json!(2000))
    );
    let charge = again(&client, "/v1/charges", &intent["latest_charge"]);
    assert_eq!(
        (&charge["status"], &charge["paid"]),
        (&json!("succeeded"), &json!(true))
    );
    // 2.9 % and 30, and available at once.
    assert_eq!(balance(&client), (json!(1912), json!(0)));
    let mut told = names(&client);
    told.sort();
    let expected = [
        "charge.pending",
        "charge.succeeded",
        "payment_intent.created",
        "payment_intent.processing",
        "payment_intent.succeeded",
    ];
    assert_eq!(told, expected);
    client
        .post("/v1/refunds", &format!("payment_intent={id}&amount=500"))
        .ok();
    assert_eq!(balance(&client), (json!(1412), json!(0)));
}

#[test]
fn a_debit_fails_after_days() {
    for (name, code) in [
        ("accountClosed", "account_closed"),
        ("noAccount", "no_account"),
        ("insufficientFunds", "insufficient_funds"),
        ("debitNotAuthorized", "debit_not_authorized"),
    ] {
        let client = Client::new();
        let intent = pay(&client, &format!("pm_usBankAccount_{name}"));
        assert_eq!(intent["status"], "processing", "{name}");
        client.advance(4 * DAYS);
        let failed = again(&client, "/v1/payment_intents", &intent["id"]);
        assert_eq!(failed["status"], "requires_payment_method", "{name}");
        assert_eq!(failed["last_payment_error"]["code"], code);
        assert_eq!(
            failed["last_payment_error"]["charge"],
            intent["latest_charge"]
        );
        let charge = again(&client, "/v1/charges", &intent["latest_charge"]);
        assert_eq!(
            (&charge["status"], &charge["failure_code"]),
            (&json!("failed"), &json!(code))
        );
        assert_eq!(balance(&client), (json!(0), json!(0)));
        let mut told = names(&client);
        assert_eq!(told.split_off(3).len(), 2, "{told:?}");
        let all = names(&client);
        for name in ["payment_intent.payment_failed", "charge.failed"] {
            assert!(all.contains(&name.to_owned()), "{all:?}");
        }
        // Another method pays it.
        let path = format!(
            "/v1/payment_intents/{}/confirm",
            intent["id"].as_str().unwrap()
        );
        let paid = client.post(&path, "payment_method=pm_card_visa").ok();
        assert_eq!(paid["status"], "succeeded");
    }
}

#[test]
fn a_debit_under_way_for_ever_can_be_canceled() {
    let client = Client::new();
    let intent = pay(&client, "pm_usBankAccount_processing");
    client.advance(100 * DAYS);
    let path = format!("/v1/payment_intents/{}", intent["id"].as_str().unwrap());
    assert_eq!(client.get(&path).ok()["status"], "processing");
    assert_eq!(
        client.post(&format!("{path}/cancel"), "").ok()["status"],
        "canceled"
    );
    let charge = again(&client, "/v1/charges", &intent["latest_charge"]);
    assert_eq!(charge["status"], "failed");
    // One that would have arrived does not, once it is canceled.
    let intent = pay(&client, "pm_usBankAccount_success");
    let path = format!("/v1/payment_intents/{}", intent["id"].as_str().unwrap());
    client.post(&format!("{path}/cancel"), "").ok();
    client.advance(10 * DAYS);
    assert_eq!(client.get(&path).ok()["status"], "canceled");
    assert_eq!(balance(&client), (json!(0), json!(0)));
}

#[test]
fn what_no_debit_can_pay_is_refused() {
    let client = Client::new();
    let refused = |form: &str| {
        let form =
            format!("amount=2000&confirm=true&payment_method=pm_usBankAccount_success&{form}");
        client.post("/v1/payment_intents", &form).error(400)["param"].clone()
    };
    assert_eq!(refused("currency=eur"), "currency");
    assert_eq!(
        refused("currency=usd&capture_method=manual"),
        "capture_method"
    );
    let charge = "amount=2000&currency=usd&source=pm_usBankAccount_success";
    client.post("/v1/charges", charge).error(400);
    client
        .post("/v1/payment_methods/pm_usBankAccount_nonsense/attach", "")
        .error(404);
    let customer = client.id("/v1/customers", "");
    // By its number it is the same account.
    let form = format!(
        "amount=2000&currency=usd&confirm=true&customer={customer}\
         &payment_method_data[type]=us_bank_account\
         &payment_method_data[us_bank_account][account_number]=000222222227\
         &payment_method_data[us_bank_account][routing_number]=110000000"
    );
    let intent = client.post("/v1/payment_intents", &form).ok();
    assert_eq!(intent["status"], "processing");
    client.advance(4 * DAYS);
    let failed = again(&client, "/v1/payment_intents", &intent["id"]);
    assert_eq!(failed["last_payment_error"]["code"], "insufficient_funds");
    assert!(client.all("/v1/charges").len() == 1);
}

/// Neither an intent for cards alone, nor that of an invoice, waits for a bank.
#[test]
fn an_intent_that_names_other_types_is_not_paid_by_debit() {
    let client = Client::new();
    let form = "amount=2000&currency=usd&confirm=true&payment_method=pm_usBankAccount_success\
                &payment_method_types[0]=";
    let refused = client.post("/v1/payment_intents", &format!("{form}card"));
    assert_eq!(refused.error(400)["param"], "payment_method");
    let taken = client.post("/v1/payment_intents", &format!("{form}us_bank_account"));
    assert_eq!(taken.ok()["status"], "processing");

    let customer = client.id("/v1/customers", "");
    let of = format!("customer={customer}");
    client.id("/v1/invoiceitems", &format!("{of}&amount=900&currency=usd"));
    let invoice = client.id(
        "/v1/invoices",
        &format!("{of}&auto_advance=false&pending_invoice_items_behavior=include"),
    );
    let path = format!("/v1/invoices/{invoice}");
    client.post(&format!("{path}/finalize"), "").ok();
    let declined = "payment_method=pm_card_chargeDeclined";
    client.post(&format!("{path}/pay"), declined).error(402);
    let intents = client.all("/v1/payment_intents");
    let intent = intents
        .iter()
        .find(|intent| intent["amount"] == 900)
        .unwrap();
    let path = format!(
        "/v1/payment_intents/{}/confirm",
        intent["id"].as_str().unwrap()
    );
    let debit = "payment_method=pm_usBankAccount_success";
    assert_eq!(
        client.post(&path, debit).error(400)["param"],
        "payment_method"
    );
}
