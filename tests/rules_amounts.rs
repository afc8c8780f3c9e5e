//! `maxAmount`: what a call may move, and what is refused since its arguments do
//! not say how much it moves.

use serde_json::json;

use crate::rules::judge;

#[tokio::test]
async fn what_moves_too_much_is_refused() {
    let line = |amount: u32, quantity: u32| {
        json!({"quantity": quantity, "price_data": {
            "currency": "eur", "unit_amount": amount, "product_data": {"name": "x"}}})
    };
    judge(
        json!({"maxAmount": {"eur": 5000, "jpy": 700_000}}),
        &[
            (
                "paymentIntents.create",
                json!([{"amount": 5000, "currency": "eur"}]),
            ),
            (
                "paymentIntents.create",
                json!([{"amount": "700000", "currency": "JPY"}]),
            ),
            (
                "paymentIntents.update",
                json!(["pi_1", {"metadata": {"a": "b"}}]),
            ),
            ("paymentIntents.cancel", json!(["pi_1"])),
            (
                "charges.create",
                json!([{"amount": 1, "currency": "Eur", "source": "tok_visa"}]),
            ),
            (
                "payouts.create",
                json!([{"amount": 5000, "currency": "eur"}]),
            ),
            (
                "v2.moneyManagement.outboundPayments.create",
                json!([{"amount": {"value": 5000, "currency": "eur"}, "from": {}, "to": {}}]),
            ),
            (
                "checkout.sessions.create",
                json!([{"mode": "payment", "line_items": [line(2000, 2), line(1000, 1)]}]),
            ),
            (
                "subscriptions.update",
                json!(["sub_1", {"cancel_at_period_end": true}]),
            ),
            (
                "invoices.create",
                json!([{"customer": "cus_1", "auto_advance": false}]),
            ),
            ("customers.create", json!([{"email": "a@example.com"}])),
            ("setupIntents.create", json!([{}])),
            ("balance.retrieve", json!([])),
            (
                "rawRequest",
                json!(["POST", "/v1/payment_intents", {"amount": 5000, "currency": "eur"}]),
            ),
        ],
        &[
            (
                "paymentIntents.create",
                json!([{"amount": 5001, "currency": "eur"}]),
                "args[0].amount",
                "5001 of 5000",
            ),
            (
                "paymentIntents.create",
                json!([{"currency": "EUR", "amount": "5001"}, {"idempotencyKey": "k"}]),
                "args[0].amount",
                "\"maxAmount\"",
            ),
            (
                "paymentIntents.create",
                json!([{"amount": 1, "currency": "usd"}]),
                "args[0].amount",
                "no limit for it",
            ),
            (
                "paymentIntents.create",
                json!([{"amount": 1e30, "currency": "eur"}]),
                "args[0].amount",
                "\"maxAmount\"",
            ),
            (
                "paymentIntents.update",
                json!(["pi_1", {"amount": 5}]),
                "args[1].amount",
                "which currency",
            ),
            (
                "paymentIntents.update",
                json!(["pi_1", {"amount": 5001, "currency": "eur"}]),
                "args[1].amount",
                "5001",
            ),
            (
                "paymentIntents.update",
                json!(["pi_1", {"currency": "eur"}]),
                "args[1].amount",
                "without",
            ),
            (
                "paymentIntents.confirm",
                json!(["pi_1"]),
                "args[1].amount_to_confirm",
                "without",
            ),
            (
                "paymentIntents.capture",
                json!(["pi_1"]),
                "args[1].amount_to_capture",
                "without",
            ),
            (
                "paymentIntents.capture",
                json!(["pi_1", {"amount_to_capture": 5}]),
                "args[1].amount_to_capture",
                "add \"*\"",
            ),
            (
                "charges.capture",
                json!(["ch_1"]),
                "args[1].amount",
                "without",
            ),
            (
                "refunds.create",
                json!([{"charge": "ch_1"}]),
                "args[0].amount",
                "without",
            ),
            // A refund is in its charge's currency, whatever it says.
            (
                "refunds.create",
                json!([{"charge": "ch_1", "amount": 5, "currency": "jpy"}]),
                "args[0].amount",
                "which currency",
            ),
            (
                "transfers.create",
                json!([{"currency": "eur", "destination": "acct_1"}]),
                "args[0].amount",
                "without",
            ),
            (
                "payouts.create",
                json!([{"amount": 5001, "currency": "eur"}]),
                "args[0].amount",
                "5001",
            ),
            (
                "v2.moneyManagement.outboundPayments.create",
                json!([{"amount": {"value": 5001, "currency": "eur"}}]),
                "args[0].amount.value",
                "5001",
            ),
            (
                "invoices.pay",
                json!(["in_1"]),
                "args[1]",
                "cannot be judged",
            ),
            (
                "customers.create",
                json!([{"email": "a@example.com", "balance": -1_000_000}]),
                "args[0].balance",
                "cannot be judged",
            ),
            (
                "rawRequest",
                json!(["POST", "/v1/customers/cus_1", {"balance": -1_000_000}]),
                "args[2].balance",
                "cannot be judged",
            ),
            (
                "invoices.create",
                json!([{"customer": "cus_1"}]),
                "args[0]",
                "auto_advance=false",
            ),
            (
                "invoiceItems.create",
                json!([{"amount": 1, "currency": "eur"}]),
                "args[0]",
                "cannot be judged",
            ),
            (
                "subscriptions.create",
                json!([{"customer": "c", "items": []}]),
                "args[0]",
                "cannot be judged",
            ),
            (
                "quotes.accept",
                json!(["qt_1"]),
                "args[1]",
                "cannot be judged",
            ),
            (
                "paymentLinks.create",
                json!([{"line_items": []}]),
                "args[0]",
                "cannot be judged",
            ),
            (
                "checkout.sessions.create",
                json!([{"mode": "payment", "line_items": [line(2000, 2), line(1001, 1)]}]),
                "args[0].line_items",
                "5001 of 5000",
            ),
            (
                "checkout.sessions.create",
                json!([{"mode": "payment", "line_items": [{"price": "price_1", "quantity": 1}]}]),
                "args[0].line_items[0]",
                "price_data",
            ),
            (
                "rawRequest",
                json!(["POST", "/v1/payment_intents", {"amount": 5001, "currency": "eur"}]),
                "args[2].amount",
                "5001",
            ),
            (
                "rawRequest",
                json!(["POST", "/v1/invoices/in_1/pay"]),
                "args[2]",
                "invoices.pay",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_limit_for_every_other_currency_takes_calls_that_name_none() {
    judge(
        json!({"maxAmount": {"eur": 3000, "*": 5000}}),
        &[
            (
                "paymentIntents.create",
                json!([{"amount": 5000, "currency": "usd"}]),
            ),
            // It may be in euros, so the smallest limit holds.
            (
                "refunds.create",
                json!([{"charge": "ch_1", "amount": 3000}]),
            ),
            (
                "paymentIntents.capture",
                json!(["pi_1", {"amount_to_capture": 3000}]),
            ),
        ],
        &[
            (
                "paymentIntents.create",
                json!([{"amount": 3001, "currency": "eur"}]),
                "args[0].amount",
                "3001 of 3000",
            ),
            (
                "paymentIntents.create",
                json!([{"amount": 5001, "currency": "usd"}]),
                "args[0].amount",
                "5001 of 5000",
            ),
            (
                "refunds.create",
                json!([{"charge": "ch_1", "amount": 3001}]),
                "args[0].amount",
                "3001 of 3000",
            ),
            (
                "refunds.create",
                json!([{"charge": "ch_1"}]),
                "args[0].amount",
                "without",
            ),
            (
                "invoices.pay",
                json!(["in_1"]),
                "args[1]",
                "cannot be judged",
            ),
        ],
    )
    .await;
    judge(
        json!({"maxAmount": {}}),
        &[("customers.list", json!([]))],
        &[(
            "paymentIntents.create",
            json!([{"amount": 1, "currency": "eur"}]),
            "args[0].amount",
            "no limit",
        )],
    )
    .await;
}
