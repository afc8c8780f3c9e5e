//! Changes within a paid period, and the balance of customers that they may leave.

use super::{Client, NOW};
use serde_json::{Value, json};

const DAY: i64 = 86_400;
/// From 15 January to 15 February.
const PERIOD: i64 = 31 * DAY;

fn price(client: &Client, amount: i64, interval: &str) -> String {
    let form = format!(
        "currency=usd&unit_amount={amount}&recurring[interval]={interval}&product_data[name]=Plan"
    );
    client.id("/v1/prices", &form)
}

/// A customer with a card who has just paid for a month of 15.00.
struct Subscriber {
    client: Client,
    customer: String,
    subscription: String,
    item: String,
}

fn subscriber() -> Subscriber {
    let client = Client::new();
    let customer = client.id("/v1/customers", "");
    let form = format!("customer={customer}");
    let card = client.id("/v1/payment_methods/pm_card_visa/attach", &form);
    let form = format!("invoice_settings[default_payment_method]={card}");
    client
        .post(&format!("/v1/customers/{customer}"), &form)
        .ok();
    let price = price(&client, 1500, "month");
    let form = format!("customer={customer}&items[0][price]={price}");
    let subscription = client.post("/v1/subscriptions", &form).ok();
    assert_eq!(subscription["status"], "active");
    Subscriber {
        customer,
        subscription: subscription["id"].as_str().unwrap().to_owned(),
        item: subscription["items"]["data"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned(),
        client,
    }
}

impl Subscriber {
    fn change(&self, form: &str) -> Value {
        let path = format!("/v1/subscriptions/{}", self.subscription);
        let form = format!("items[0][id]={}&{form}", self.item);
        self.client.post(&path, &form).ok()
    }

    /// What waits for the next invoice, the oldest first.
    fn pending(&self) -> Vec<Value> {
        let path = "/v1/invoiceitems?pending=true&limit=100";
        let listed = self.client.get(path).ok();
        let mut items = listed["data"].as_array().unwrap().clone();
        items.reverse();
        items
    }

    fn amounts(&self) -> Vec<i64> {
        let pending = self.pending();
        pending
            .iter()
            .map(|item| item["amount"].as_i64().unwrap())
            .collect()
    }

    fn latest_invoice(&self) -> Value {
        let invoices = format!("/v1/invoices?subscription={}", self.subscription);
        self.client.get(&invoices).ok()["data"][0].clone()
    }

    fn credit(&self) -> i64 {
        let customer = self
            .client
            .get(&format!("/v1/customers/{}", self.customer))
            .ok();
        customer["balance"].as_i64().unwrap()
    }
}

#[test]
fn a_change_is_settled_by_the_second() {
    let it = subscriber();
    it.client.advance(10 * DAY);
    it.change("items[0][quantity]=3");
    // 21 of 31 days: 1500 × 21/31 = 1016.1 back, 4500 × 21/31 = 3048.4 to pay.
    assert_eq!(it.amounts(), [-1016, 3048]);
    for item in it.pending() {
        assert_eq!(item["proration"], true);
        assert_eq!(
            item["period"],
            json!({"start": NOW + 10 * DAY, "end": NOW + PERIOD})
        );
        let details = &item["parent"]["subscription_details"];
        assert_eq!(details["subscription"], it.subscription.as_str());
        assert_eq!(details["subscription_item"], it.item.as_str());
    }
    assert_eq!(
        it.pending()[0]["description"],
        "Unused time on 1 × Plan after 2026-01-25"
    );
    assert_eq!(
        it.latest_invoice()["billing_reason"],
        "subscription_create",
        "nothing billed yet"
    );
    it.client.advance(21 * DAY);
    let renewed = it.latest_invoice();
    assert_eq!(renewed["billing_reason"], "subscription_cycle");
    assert_eq!(renewed["total"], 4500 + 3048 - 1016);
    assert_eq!(renewed["status"], "paid");
    assert!(it.pending().is_empty());
}

#[test]
fn a_change_may_be_billed_at_once_or_not_at_all() {
    let it = subscriber();
    it.client.advance(PERIOD / 2);
    it.change("items[0][quantity]=2&proration_behavior=none");
    assert!(it.pending().is_empty());
    let dearer = price(&it.client, 5000, "month");
    it.change(&format!(
        "items[0][price]={dearer}&items[0][quantity]=2&proration_behavior=always_invoice"
    ));
    let invoice = it.latest_invoice();
    assert_eq!(invoice["billing_reason"], "subscription_update");
    // Half of 2 × 15.00 back, half of 2 × 50.00 to pay.
    assert_eq!(
        (&invoice["total"], &invoice["status"]),
        (&json!(3500), &json!("paid"))
    );
    let lines = invoice["lines"]["data"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "only the change: {lines:?}");
    let details = &lines[0]["parent"]["invoice_item_details"];
    assert_eq!(
        (&details["proration"], &details["subscription"]),
        (&json!(true), &json!(it.subscription))
    );
    let path = format!("/v1/subscriptions/{}", it.subscription);
    it.client
        .post(&path, "proration_behavior=sometimes")
        .error(400);
}

#[test]
fn a_date_of_the_period_may_be_given() {
    let it = subscriber();
    it.client.advance(20 * DAY);
    it.change(&format!(
        "items[0][quantity]=2&proration_date={}",
        NOW + PERIOD / 2
    ));
    assert_eq!(it.amounts(), [-750, 1500]);
    let path = format!("/v1/subscriptions/{}", it.subscription);
    let form = format!(
        "items[0][id]={}&items[0][quantity]=5&proration_date={}",
        it.item,
        NOW - 1
    );
    let error = it.client.post(&path, &form).error(400);
    assert_eq!(error["param"], "proration_date");
    assert_eq!(it.amounts().len(), 2, "a refused change leaves nothing");
}

#[test]
fn items_come_and_go_within_a_period() {
    let it = subscriber();
    it.client.advance(PERIOD / 2);
    let extra = price(&it.client, 800, "month");
    let form = format!("subscription={}&price={extra}", it.subscription);
    let added = it.client.post("/v1/subscription_items", &form).ok();
    assert_eq!(it.amounts(), [400], "the half that is left");
    // It is billed with the others from then on.
    assert_eq!(added["current_period_end"], NOW + PERIOD);
    let path = format!("/v1/subscription_items/{}", added["id"].as_str().unwrap());
    let updated = it.client.post(&path, "quantity=2").ok();
    assert_eq!(updated["quantity"], 2);
    assert_eq!(it.amounts(), [400, -400, 800]);
    it.client.delete(&path).ok();
    assert_eq!(it.amounts(), [400, -400, 800, -800]);
}

#[test]
fn another_interval_begins_and_is_billed_now() {
    let it = subscriber();
    it.client.advance(PERIOD / 2);
    let yearly = price(&it.client, 12_000, "year");
    let changed = it.change(&format!("items[0][price]={yearly}"));
    let invoice = it.latest_invoice();
    assert_eq!(
        (&invoice["total"], &invoice["status"]),
        (&json!(12_000 - 750), &json!("paid"))
    );
    let start = NOW + PERIOD / 2;
    let item = &changed["items"]["data"][0];
    assert_eq!(item["current_period_start"], start);
    assert_eq!(item["current_period_end"], start + 365 * DAY);
    assert_eq!(changed["billing_cycle_anchor"], start);
    it.client.advance(365 * DAY);
    assert_eq!(it.latest_invoice()["total"], 12_000);
}

#[test]
fn a_trial_has_nothing_to_settle() {
    let client = Client::new();
    let (customer, price) = (
        client.id("/v1/customers", ""),
        price(&client, 1500, "month"),
    );
    let form = format!("customer={customer}&items[0][price]={price}&trial_period_days=14");
    let subscription = client.post("/v1/subscriptions", &form).ok();
    client.advance(DAY);
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let form = format!("items[0][price]={price}&items[0][quantity]=3");
    let changed = client.post(&path, &form).ok();
    assert!(client.all("/v1/invoiceitems").is_empty());
    for item in changed["items"]["data"].as_array().unwrap() {
        assert_eq!(item["current_period_end"], NOW + 14 * DAY, "{item}");
    }
}

#[test]
fn less_than_nothing_goes_to_the_customers_credit_and_is_used() {
    let it = subscriber();
    let cheaper = price(&it.client, 500, "month");
    it.client.advance(PERIOD / 2);
    let change = format!("items[0][price]={cheaper}&proration_behavior=always_invoice");
    it.change(&change);
    let invoice = it.latest_invoice();
    assert_eq!(
        (
            &invoice["total"],
            &invoice["amount_due"],
            &invoice["status"]
        ),
        (&json!(250 - 750), &json!(0), &json!("paid"))
    );
    assert_eq!(
        (&invoice["starting_balance"], &invoice["ending_balance"]),
        (&json!(0), &json!(-500))
    );
    assert_eq!(it.credit(), -500);
    let path = format!("/v1/customers/{}/balance_transactions", it.customer);
    let entries = it.client.get(&path).ok();
    let entry = &entries["data"][0];
    assert_eq!(
        (
            &entry["type"],
            &entry["amount"],
            &entry["ending_balance"],
            &entry["invoice"]
        ),
        (
            &json!("applied_to_invoice"),
            &json!(-500),
            &json!(-500),
            &invoice["id"]
        )
    );
    // The next month costs 500, which the credit pays; nothing is charged.
    let charges = it.client.all("/v1/charges").len();
    it.client.advance(PERIOD - PERIOD / 2);
    let renewed = it.latest_invoice();
    assert_eq!(
        (
            &renewed["total"],
            &renewed["amount_due"],
            &renewed["status"]
        ),
        (&json!(500), &json!(0), &json!("paid"))
    );
    assert_eq!(
        (it.credit(), it.client.all("/v1/charges").len()),
        (0, charges)
    );
}

#[test]
fn a_balance_lowers_or_raises_what_is_due_until_the_invoice_is_void() {
    let client = Client::new();
    for (balance, due, left) in [(-300, 700, 0), (-4000, 0, -3000), (250, 1250, 0)] {
        let customer = client.id("/v1/customers", &format!("balance={balance}"));
        let form = format!("customer={customer}&amount=1000&currency=usd");
        client.post("/v1/invoiceitems", &form).ok();
        let form = format!("customer={customer}&pending_invoice_items_behavior=include");
        let invoice = client.id("/v1/invoices", &form);
        let path = format!("/v1/invoices/{invoice}");
        let open = client.post(&format!("{path}/finalize"), "").ok();
        assert_eq!(
            (&open["total"], &open["amount_due"]),
            (&json!(1000), &json!(due))
        );
        let of = || client.get(&format!("/v1/customers/{customer}")).ok()["balance"].clone();
        assert_eq!(of(), left, "balance {balance}");
        // Changing what does not matter does not change what is due.
        client.post(&path, "metadata[a]=b").ok();
        assert_eq!(client.get(&path).ok()["amount_due"], due);
        if due > 0 {
            client.post(&format!("{path}/void"), "").ok();
            assert_eq!(of(), balance, "it is given back");
        }
    }
}

#[test]
fn a_cancellation_may_give_back_what_is_left() {
    let it = subscriber();
    it.client.advance(PERIOD / 2);
    let path = format!(
        "/v1/subscriptions/{}?prorate=true&invoice_now=true",
        it.subscription
    );
    assert_eq!(it.client.delete(&path).ok()["status"], "canceled");
    assert_eq!(it.credit(), -750);
    let it = subscriber();
    it.client.advance(PERIOD / 2);
    it.client
        .delete(&format!("/v1/subscriptions/{}", it.subscription))
        .ok();
    assert!(it.pending().is_empty() && it.credit() == 0);
}
