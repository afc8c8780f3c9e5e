//! Payments from intent to refund.

use super::Client;
use serde_json::{Value, json};

fn intent(client: &Client, rest: &str) -> Value {
    client
        .post(
            "/v1/payment_intents",
            &format!("amount=2000&currency=usd&{rest}"),
        )
        .ok()
}

#[test]
fn an_intent_goes_from_state_to_state() {
    let client = Client::new();
    let new = intent(&client, "");
    let id = new["id"].as_str().unwrap();
    assert_eq!(new["status"], "requires_payment_method");
    assert!(
        new["client_secret"]
            .as_str()
            .unwrap()
            .starts_with(&format!("{id}_secret_"))
    );
    assert_eq!(new["amount_received"], 0);
    let path = format!("/v1/payment_intents/{id}");
    let ready = client.post(&path, "payment_method=pm_card_visa").ok();
    assert_eq!(ready["status"], "requires_confirmation");
    assert!(ready["payment_method"].as_str().unwrap().starts_with("pm_"));
    let done = client.post(&format!("{path}/confirm"), "").ok();
    assert_eq!(done["status"], "succeeded");
    assert_eq!(done["amount_received"], 2000);
    let charge = client.get(&format!(
        "/v1/charges/{}",
        done["latest_charge"].as_str().unwrap()
    ));
    let charge = charge.ok();
    for (field, value) in [
        ("amount", json!(2000)),
        ("captured", json!(true)),
        ("paid", json!(true)),
        ("status", json!("succeeded")),
        ("payment_intent", json!(id)),
        ("refunded", json!(false)),
    ] {
        assert_eq!(charge[field], value, "{field}");
    }
    assert_eq!(charge["payment_method_details"]["card"]["last4"], "4242");
    for action in ["confirm", "cancel", "capture"] {
        let error = client.post(&format!("{path}/{action}"), "").error(400);
        assert_eq!(error["code"], "payment_intent_unexpected_state", "{action}");
        assert_eq!(error["payment_intent"]["id"], id);
    }
    client.post(&path, "amount=1").error(400);
    client.post(&path, "description=still+allowed").ok();
}

#[test]
fn test_cards_behave_as_named() {
    let client = Client::new();
    for (method, code, decline_code) in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        (
            "pm_card_visa_chargeDeclined",
            "card_declined",
            "generic_decline",
        ),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        (
            "pm_card_chargeDeclinedExpiredCard",
            "expired_card",
            "expired_card",
        ),
        (
            "pm_card_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
        ),
        (
            "pm_card_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        (
            "pm_card_chargeDeclinedLostCard",
            "card_declined",
            "lost_card",
        ),
        (
            "pm_card_chargeDeclinedStolenCard",
            "card_declined",
            "stolen_card",
        ),
        (
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
        ),
    ] {
        let form = format!("amount=2000&currency=usd&confirm=true&payment_method={method}");
        let error = client.post("/v1/payment_intents", &form).error(402);
        assert_eq!(error["type"], "card_error");
        assert_eq!(
            (&error["code"], &error["decline_code"]),
            (&json!(code), &json!(decline_code))
        );
        let id = error["payment_intent"]["id"].as_str().unwrap();
        let after = client.get(&format!("/v1/payment_intents/{id}")).ok();
        assert_eq!(after["status"], "requires_payment_method");
        assert_eq!(after["last_payment_error"]["decline_code"], decline_code);
        let charge = client
            .get(&format!(
                "/v1/charges/{}",
                error["charge"].as_str().unwrap()
            ))
            .ok();
        assert_eq!(
            (&charge["status"], &charge["paid"]),
            (&json!("failed"), &json!(false))
        );
    }
    assert_eq!(
        intent(&client, "confirm=true&payment_method=pm_card_mastercard")["status"],
        "succeeded"
    );
    let three_d = intent(
        &client,
        "confirm=true&payment_method=pm_card_authenticationRequired",
    );
    assert_eq!(three_d["status"], "requires_action");
    assert_eq!(three_d["next_action"]["type"], "use_stripe_sdk");
    let form = "amount=2000&currency=usd&confirm=true&off_session=true&payment_method=pm_card_authenticationRequired";
    let error = client.post("/v1/payment_intents", form).error(402);
    assert_eq!(error["code"], "authentication_required");
    client
        .post(
            "/v1/payment_intents",
            "amount=2000&currency=usd&payment_method=pm_none",
        )
        .error(400);
}

/// Stripe docs, "Test card numbers": the names of tokens.
#[test]
fn tokens_charge_as_named() {
    let client = Client::new();
    for (token, brand) in [
        ("tok_visa", "visa"),
        ("tok_mastercard", "mastercard"),
        ("tok_amex", "amex"),
    ] {
        let form = format!("amount=500&currency=usd&source={token}");
        let charge = client.post("/v1/charges", &form).ok();
        assert_eq!(charge["payment_method_details"]["card"]["brand"], brand);
    }
    for (token, code) in [
        ("tok_chargeDeclined", "card_declined"),
        ("tok_chargeDeclinedInsufficientFunds", "card_declined"),
        ("tok_chargeDeclinedExpiredCard", "expired_card"),
        ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("tok_chargeDeclinedProcessingError", "processing_error"),
    ] {
        let form = format!("amount=500&currency=usd&source={token}");
        let error = client.post("/v1/charges", &form).error(402);
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("card_error"), &json!(code))
        );
        let path = format!("/v1/charges/{}", error["charge"].as_str().unwrap());
        assert_eq!(client.get(&path).ok()["failure_code"], code);
    }
}

#[test]
fn cards_are_described_by_number_or_token() {
    let client = Client::new();
    let card = "type=card&card[number]=5555555555554444&card[exp_month]=8&card[exp_year]=2030&card[cvc]=314";
    let method = client.post("/v1/payment_methods", card).ok();
    assert_eq!(method["card"]["brand"], "mastercard");
    assert_eq!(method["card"]["exp_month"], 8);
    assert!(!method.to_string().contains("5555555555554444"));
    let token = client.id(
        "/v1/tokens",
        "card[number]=4000000000000002&card[exp_month]=8&card[exp_year]=2030",
    );
    let form = format!("amount=100&currency=usd&source={token}");
    client.post("/v1/charges", &form).error(402);
    let charge = client
        .post("/v1/charges", "amount=100&currency=usd&source=tok_visa")
        .ok();
    assert_eq!(charge["status"], "succeeded");
    let error = client
        .post(
            "/v1/payment_methods",
            "type=card&card[number]=4242424242424241",
        )
        .error(402);
    assert_eq!(error["code"], "incorrect_number");
}

#[test]
fn a_method_is_attached_to_one_customer() {
    let client = Client::new();
    let (ann, bob) = (
        client.id("/v1/customers", ""),
        client.id("/v1/customers", ""),
    );
    let form = format!("customer={ann}");
    let method = client
        .post("/v1/payment_methods/pm_card_visa/attach", &form)
        .ok();
    let id = method["id"].as_str().unwrap();
    assert_eq!(method["customer"], ann);
    assert_eq!(
        client
            .get(&format!("/v1/customers/{ann}/payment_methods"))
            .page()
            .0,
        [id]
    );
    assert_eq!(
        client
            .get(&format!("/v1/payment_methods?customer={ann}&type=card"))
            .page()
            .0,
        [id]
    );
    client
        .post(
            &format!("/v1/payment_methods/{id}/attach"),
            &format!("customer={bob}"),
        )
        .error(400);
    let stolen = format!("amount=500&currency=usd&payment_method={id}&customer={bob}");
    client.post("/v1/payment_intents", &stolen).error(400);
    let detached = client
        .post(&format!("/v1/payment_methods/{id}/detach"), "")
        .ok();
    assert_eq!(detached["customer"], Value::Null);
}

#[test]
fn an_authorization_is_captured_in_part_or_released() {
    let client = Client::new();
    let held = intent(
        &client,
        "confirm=true&capture_method=manual&payment_method=pm_card_visa",
    );
    assert_eq!(
        (&held["status"], &held["amount_capturable"]),
        (&json!("requires_capture"), &json!(2000))
    );
    let path = format!("/v1/payment_intents/{}", held["id"].as_str().unwrap());
    client
        .post(&format!("{path}/capture"), "amount_to_capture=2001")
        .error(400);
    let done = client
        .post(&format!("{path}/capture"), "amount_to_capture=1500")
        .ok();
    assert_eq!(
        (&done["status"], &done["amount_received"]),
        (&json!("succeeded"), &json!(1500))
    );
    let held = intent(
        &client,
        "confirm=true&capture_method=manual&payment_method=pm_card_visa",
    );
    let path = format!("/v1/payment_intents/{}", held["id"].as_str().unwrap());
    let canceled = client
        .post(&format!("{path}/cancel"), "cancellation_reason=abandoned")
        .ok();
    assert_eq!(
        (&canceled["status"], &canceled["amount_capturable"]),
        (&json!("canceled"), &json!(0))
    );
    let charge = held["latest_charge"].as_str().unwrap();
    let charge = client
        .get(&format!("/v1/charges/{charge}?expand[]=refunds"))
        .ok();
    assert_eq!(charge["refunded"], true);
    assert_eq!(charge["refunds"]["data"].as_array().unwrap().len(), 1);
}

/// Stripe docs, "Refund and cancel payments": what was not captured is canceled, not refunded.
#[test]
fn an_authorization_is_not_refunded() {
    let client = Client::new();
    let held = intent(
        &client,
        "confirm=true&capture_method=manual&payment_method=pm_card_visa",
    );
    let id = held["id"].as_str().unwrap();
    client
        .post("/v1/refunds", &format!("payment_intent={id}"))
        .error(400);
    let capture = format!("/v1/payment_intents/{id}/capture");
    assert_eq!(client.post(&capture, "").ok()["amount_received"], 2000);
    let form = "amount=2000&currency=usd&source=tok_visa&capture=false";
    let charge = client.id("/v1/charges", form);
    client
        .post("/v1/refunds", &format!("charge={charge}&amount=500"))
        .error(400);
    client.id("/v1/refunds", &format!("charge={charge}"));
    client
        .post(&format!("/v1/charges/{charge}/capture"), "")
        .error(400);
}

#[test]
fn refunds_never_exceed_the_charge() {
    let client = Client::new();
    let paid = intent(&client, "confirm=true&payment_method=pm_card_visa");
    let (id, charge) = (
        paid["id"].as_str().unwrap(),
        paid["latest_charge"].as_str().unwrap(),
    );
    let part = client
        .post("/v1/refunds", &format!("payment_intent={id}&amount=500"))
        .ok();
    assert_eq!(
        (&part["status"], &part["charge"]),
        (&json!("succeeded"), &json!(charge))
    );
    client
        .post("/v1/refunds", &format!("charge={charge}&amount=1501"))
        .error(400);
    client
        .post("/v1/refunds", &format!("charge={charge}&amount=0"))
        .error(400);
    let rest = client.post("/v1/refunds", &format!("charge={charge}")).ok();
    assert_eq!(rest["amount"], 1500);
    let error = client
        .post("/v1/refunds", &format!("charge={charge}"))
        .error(400);
    assert_eq!(error["code"], "charge_already_refunded");
    let charge = client.get(&format!("/v1/charges/{charge}")).ok();
    assert_eq!(
        (&charge["refunded"], &charge["amount_refunded"]),
        (&json!(true), &json!(2000))
    );
    assert_eq!(
        client
            .get(&format!("/v1/refunds?payment_intent={id}"))
            .page()
            .0
            .len(),
        2
    );
}

#[test]
fn amounts_and_currencies_are_checked() {
    let client = Client::new();
    for form in [
        "amount=0&currency=usd",
        "amount=-5&currency=usd",
        "amount=49&currency=usd",
        "amount=100&currency=dollars",
        "amount=1.5&currency=usd",
        "amount=999999999999&currency=usd",
    ] {
        client.post("/v1/payment_intents", form).error(400);
    }
    client
        .post(
            "/v1/payment_intents",
            "amount=500&currency=usd&customer=cus_none",
        )
        .error(400);
    assert_eq!(
        client
            .post("/v1/payment_intents", "amount=500&currency=EUR")
            .ok()["currency"],
        "eur"
    );
}

#[test]
fn a_setup_intent_makes_a_method_ready() {
    let client = Client::new();
    let customer = client.id("/v1/customers", "");
    let form = format!("customer={customer}&payment_method=pm_card_visa&confirm=true");
    assert_eq!(
        client.post("/v1/setup_intents", &form).ok()["status"],
        "succeeded"
    );
    assert_eq!(
        client
            .get(&format!("/v1/customers/{customer}/payment_methods"))
            .page()
            .0
            .len(),
        1
    );
    let open = client.id("/v1/setup_intents", "");
    let path = format!("/v1/setup_intents/{open}");
    client.post(&format!("{path}/confirm"), "").error(400);
    assert_eq!(
        client.post(&format!("{path}/cancel"), "").ok()["status"],
        "canceled"
    );
}
