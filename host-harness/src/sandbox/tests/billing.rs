//! Prices, invoices, subscriptions, checkout.

use super::{Client, NOW};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn customer(client: &Client) -> String {
    let id = client.id("/v1/customers", "email=a%40b.c");
    let method = client
        .post(
            "/v1/payment_methods/pm_card_visa/attach",
            &format!("customer={id}"),
        )
        .ok();
    let method = method["id"].as_str().unwrap();
    let form = format!("invoice_settings[default_payment_method]={method}");
    client.post(&format!("/v1/customers/{id}"), &form).ok();
    id
}

fn price(client: &Client) -> String {
    client.id(
        "/v1/prices",
        "currency=usd&unit_amount=1500&recurring[interval]=month&product_data[name]=Gold",
    )
}

#[test]
fn prices_are_one_time_or_recurring() {
    let client = Client::new();
    let product = client.id("/v1/products", "name=Shirt");
    let form = format!("currency=USD&unit_amount=2000&product={product}");
    let one_time = client.post("/v1/prices", &form).ok();
    for (field, value) in [
        ("type", json!("one_time")),
        ("currency", json!("usd")),
        ("unit_amount", json!(2000)),
        ("unit_amount_decimal", json!("2000")),
        ("active", json!(true)),
        ("recurring", Value::Null),
        ("billing_scheme", json!("per_unit")),
    ] {
        assert_eq!(one_time[field], value, "{field}");
    }
    let monthly = price(&client);
    let monthly = client
        .get(&format!("/v1/prices/{monthly}?expand[]=product"))
        .ok();
    assert_eq!(monthly["recurring"]["interval_count"], 1);
    assert_eq!(monthly["product"]["name"], "Gold");
    client
        .post("/v1/prices", "currency=usd&unit_amount=1&product=prod_none")
        .error(400);
    client.delete(&format!("/v1/products/{product}")).error(400);
    let form = "name=Hat&default_price_data[currency]=usd&default_price_data[unit_amount]=500";
    assert!(client.post("/v1/products", form).ok()["default_price"].is_string());
}

#[test]
fn an_invoice_goes_from_draft_to_paid() {
    let client = Client::new();
    let customer = customer(&client);
    let item = format!("customer={customer}&amount=700&currency=usd&description=Work");
    client.id("/v1/invoiceitems", &item);
    let form = format!("customer={customer}&pending_invoice_items_behavior=include");
    let draft = client.post("/v1/invoices", &form).ok();
    let id = draft["id"].as_str().unwrap();
    assert_eq!(
        (&draft["status"], &draft["total"]),
        (&json!("draft"), &json!(700))
    );
    assert_eq!(draft["lines"]["data"][0]["description"], "Work");
    client.id(
        "/v1/invoiceitems",
        &format!("customer={customer}&invoice={id}&amount=300&currency=usd"),
    );
    let path = format!("/v1/invoices/{id}");
    assert_eq!(client.get(&path).ok()["amount_due"], 1000);
    assert_eq!(client.get(&format!("{path}/lines")).page().0.len(), 2);
    let open = client.post(&format!("{path}/finalize"), "").ok();
    assert_eq!(
        (&open["status"], &open["amount_remaining"]),
        (&json!("open"), &json!(1000))
    );
    assert!(open["number"].as_str().unwrap().ends_with("-0001"));
    assert_eq!(open["status_transitions"]["finalized_at"], NOW);
    client.delete(&path).error(400);
    let paid = client.post(&format!("{path}/pay"), "").ok();
    assert_eq!(
        (&paid["status"], &paid["amount_paid"]),
        (&json!("paid"), &json!(1000))
    );
    client.post(&format!("{path}/pay"), "").error(400);
    client.post(&format!("{path}/void"), "").error(400);
    assert_eq!(
        client.get("/v1/balance").ok()["pending"][0]["amount"],
        1000 - 59
    );
    assert!(
        client
            .get(&format!(
                "/v1/invoiceitems?customer={customer}&pending=true"
            ))
            .page()
            .0
            .is_empty()
    );
}

#[test]
fn an_invoice_is_sent_voided_or_given_up() {
    let client = Client::new();
    let customer = customer(&client);
    let open = |client: &Client| {
        let form = format!("customer={customer}&collection_method=send_invoice&days_until_due=30");
        let invoice = client.post("/v1/invoices", &form).ok();
        assert_eq!(invoice["due_date"], NOW + 30 * DAY);
        let id = invoice["id"].as_str().unwrap().to_owned();
        client.id(
            "/v1/invoiceitems",
            &format!("customer={customer}&invoice={id}&amount=300&currency=usd"),
        );
        let sent = client.post(&format!("/v1/invoices/{id}/send"), "").ok();
        assert_eq!(sent["status"], "open");
        format!("/v1/invoices/{id}")
    };
    let path = open(&client);
    assert_eq!(
        client.post(&format!("{path}/void"), "").ok()["status"],
        "void"
    );
    let path = open(&client);
    let lost = client.post(&format!("{path}/mark_uncollectible"), "").ok();
    assert_eq!(lost["status"], "uncollectible");
    let path = open(&client);
    let paid = client
        .post(&format!("{path}/pay"), "paid_out_of_band=true")
        .ok();
    assert_eq!(paid["status"], "paid");
    assert_eq!(client.get("/v1/balance").ok()["pending"][0]["amount"], 0);
    let path = open(&client);
    client
        .post(
            &format!("{path}/pay"),
            "payment_method=pm_card_chargeDeclined",
        )
        .error(402);
    assert_eq!(client.get(&path).ok()["status"], "open");
    let draft = client.id("/v1/invoices", &format!("customer={customer}"));
    assert_eq!(
        client.delete(&format!("/v1/invoices/{draft}")).ok()["deleted"],
        true
    );
}

#[test]
fn a_subscription_is_billed_and_canceled() {
    let client = Client::new();
    let (customer, price) = (customer(&client), price(&client));
    let form = format!(
        "customer={customer}&items[0][price]={price}&items[0][quantity]=2&expand[]=latest_invoice"
    );
    let subscription = client.post("/v1/subscriptions", &form).ok();
    let id = subscription["id"].as_str().unwrap();
    assert_eq!(subscription["status"], "active");
    assert_eq!(subscription["latest_invoice"]["status"], "paid");
    assert_eq!(subscription["latest_invoice"]["total"], 3000);
    let item = &subscription["items"]["data"][0];
    assert_eq!(
        (&item["object"], &item["quantity"]),
        (&json!("subscription_item"), &json!(2))
    );
    assert_eq!(item["price"]["id"], price);
    assert_eq!(item["current_period_end"], NOW + 31 * DAY);
    let path = format!("/v1/subscriptions/{id}");
    let ending = client.post(&path, "cancel_at_period_end=true").ok();
    assert_eq!(ending["cancel_at"], NOW + 31 * DAY);
    assert_eq!(
        client.post(&path, "cancel_at_period_end=false").ok()["cancel_at"],
        Value::Null
    );
    let item = item["id"].as_str().unwrap();
    let changed = client
        .post(&path, &format!("items[0][id]={item}&items[0][quantity]=5"))
        .ok();
    assert_eq!(changed["items"]["data"][0]["quantity"], 5);
    assert_eq!(
        client
            .get(&format!("/v1/subscription_items?subscription={id}"))
            .page()
            .0,
        [item]
    );
    let with = client
        .get(&format!("/v1/customers/{customer}?expand[]=subscriptions"))
        .ok();
    assert_eq!(with["subscriptions"]["data"][0]["id"], id);
    let ended = client.delete(&path).ok();
    assert_eq!(
        (&ended["status"], &ended["ended_at"]),
        (&json!("canceled"), &json!(NOW))
    );
    client.delete(&path).error(404);
    assert!(client.get("/v1/subscriptions").page().0.is_empty());
    assert_eq!(client.get("/v1/subscriptions?status=all").page().0, [id]);
    assert_eq!(
        client.get("/v1/subscriptions?status=canceled").page().0,
        [id]
    );
}

#[test]
fn a_trial_costs_nothing_at_first() {
    let client = Client::new();
    let (customer, price) = (client.id("/v1/customers", ""), price(&client));
    let form = format!(
        "customer={customer}&items[0][price]={price}&trial_period_days=14&expand[]=latest_invoice"
    );
    let subscription = client.post("/v1/subscriptions", &form).ok();
    assert_eq!(subscription["status"], "trialing");
    assert_eq!(subscription["trial_end"], NOW + 14 * DAY);
    assert_eq!(subscription["latest_invoice"]["total"], 0);
    assert_eq!(client.get("/v1/balance").ok()["pending"][0]["amount"], 0);
}

#[test]
fn a_first_payment_may_fail_or_wait() {
    let client = Client::new();
    let (customer, price) = (customer(&client), price(&client));
    let form = |rest: &str| format!("customer={customer}&items[0][price]={price}&{rest}");
    let waiting = client
        .post(
            "/v1/subscriptions",
            &form("payment_behavior=default_incomplete"),
        )
        .ok();
    assert_eq!(waiting["status"], "incomplete");
    let invoice = waiting["latest_invoice"].as_str().unwrap();
    let query = "expand[]=confirmation_secret&expand[]=payments.data.payment.payment_intent";
    let invoice = client.get(&format!("/v1/invoices/{invoice}?{query}")).ok();
    let payment = &invoice["payments"]["data"][0];
    let secret = &payment["payment"]["payment_intent"]["client_secret"];
    assert_eq!(&invoice["confirmation_secret"]["client_secret"], secret);
    let intents = client
        .get(&format!("/v1/payment_intents?customer={customer}"))
        .page()
        .0;
    let path = format!("/v1/payment_intents/{}/confirm", intents[0]);
    client.post(&path, "payment_method=pm_card_visa").ok();
    let path = format!("/v1/subscriptions/{}", waiting["id"].as_str().unwrap());
    assert_eq!(client.get(&path).ok()["status"], "active");

    let poor = client.id("/v1/customers", "");
    let form = format!("customer={poor}&items[0][price]={price}");
    client.post("/v1/subscriptions", &form).error(400);
    let method = format!("customer={poor}");
    let method = client
        .post(
            "/v1/payment_methods/pm_card_chargeCustomerFail/attach",
            &method,
        )
        .ok();
    let default = format!(
        "{form}&default_payment_method={}",
        method["id"].as_str().unwrap()
    );
    assert_eq!(
        client.post("/v1/subscriptions", &default).ok()["status"],
        "incomplete"
    );
    let strict = format!("{default}&payment_behavior=error_if_incomplete");
    client.post("/v1/subscriptions", &strict).error(402);
    assert_eq!(
        client
            .get("/v1/subscriptions?status=incomplete")
            .page()
            .0
            .len(),
        1
    );
}

#[test]
fn a_coupon_takes_its_part() {
    let client = Client::new();
    let (customer, price) = (customer(&client), price(&client));
    client.id("/v1/coupons", "id=TEN&percent_off=10&duration=once");
    client.post("/v1/coupons", "duration=once").error(400);
    let form = format!(
        "customer={customer}&items[0][price]={price}&discounts[0][coupon]=TEN&expand[]=latest_invoice"
    );
    let subscription = client.post("/v1/subscriptions", &form).ok();
    assert_eq!(subscription["latest_invoice"]["subtotal"], 1500);
    assert_eq!(subscription["latest_invoice"]["total"], 1350);
}

#[test]
fn a_checkout_session_has_a_page_and_a_total() {
    let client = Client::new();
    let form = "mode=payment&success_url=https%3A%2F%2Fa.b&line_items[0][quantity]=3\
        &line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=250\
        &line_items[0][price_data][product_data][name]=Cap";
    let session = client.post("/v1/checkout/sessions", form).ok();
    let id = session["id"].as_str().unwrap();
    assert!(id.starts_with("cs_test_"));
    assert_eq!(
        (&session["amount_total"], &session["status"]),
        (&json!(750), &json!("open"))
    );
    assert!(
        session["url"]
            .as_str()
            .unwrap()
            .starts_with("https://checkout.stripe.com/")
    );
    let items = client
        .get(&format!("/v1/checkout/sessions/{id}/line_items"))
        .ok();
    assert_eq!(items["data"][0]["description"], "Cap");
    let expanded = client
        .get(&format!("/v1/checkout/sessions/{id}?expand[]=line_items"))
        .ok();
    assert_eq!(expanded["line_items"]["data"], items["data"]);
    let path = format!("/v1/checkout/sessions/{id}/expire");
    assert_eq!(client.post(&path, "").ok()["status"], "expired");
    client.post(&path, "").error(400);
    let price = price(&client);
    let form = format!("line_items[0][price]={price}&line_items[0][quantity]=1");
    let link = client.post("/v1/payment_links", &form).ok();
    assert!(
        link["url"]
            .as_str()
            .unwrap()
            .starts_with("https://buy.stripe.com/")
    );
}

#[test]
fn a_quote_is_offered_and_accepted() {
    let client = Client::new();
    let (customer, price) = (customer(&client), price(&client));
    let form =
        format!("customer={customer}&line_items[0][price]={price}&line_items[0][quantity]=2");
    let quote = client.post("/v1/quotes", &form).ok();
    assert_eq!(
        (&quote["status"], &quote["amount_total"]),
        (&json!("draft"), &json!(3000))
    );
    let path = format!("/v1/quotes/{}", quote["id"].as_str().unwrap());
    assert_eq!(client.get(&format!("{path}/line_items")).page().0.len(), 1);
    client.post(&format!("{path}/accept"), "").error(400);
    let open = client.post(&format!("{path}/finalize"), "").ok();
    assert_eq!(
        (&open["status"], &open["status_transitions"]["finalized_at"]),
        (&json!("open"), &json!(NOW))
    );
    assert_eq!(
        client.post(&format!("{path}/accept"), "").ok()["status"],
        "accepted"
    );
    client.post(&format!("{path}/cancel"), "").error(400);
}

/// Stripe API, "Void an invoice": nobody can pay it any more.
#[test]
fn a_void_invoice_cannot_be_paid() {
    let client = Client::new();
    let (customer, price) = (customer(&client), price(&client));
    let form =
        format!("customer={customer}&items[0][price]={price}&payment_behavior=default_incomplete");
    let subscription = client.post("/v1/subscriptions", &form).ok();
    let invoice = subscription["latest_invoice"].as_str().unwrap();
    let intents = client.get(&format!("/v1/payment_intents?customer={customer}"));
    let path = format!("/v1/payment_intents/{}", intents.page().0[0]);
    client
        .post(&format!("/v1/invoices/{invoice}/void"), "")
        .ok();
    assert_eq!(client.get(&path).ok()["status"], "canceled");
    client
        .post(&format!("{path}/confirm"), "payment_method=pm_card_visa")
        .error(400);
    assert_eq!(client.get("/v1/balance").ok()["pending"][0]["amount"], 0);
}

#[test]
fn a_subscription_keeps_an_item() {
    let client = Client::new();
    let (customer, price) = (customer(&client), price(&client));
    let form = format!("customer={customer}&items[0][price]={price}");
    let subscription = client.post("/v1/subscriptions", &form).ok();
    let item = subscription["items"]["data"][0]["id"].as_str().unwrap();
    client
        .delete(&format!("/v1/subscription_items/{item}"))
        .error(400);
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let gone = format!("items[0][id]={item}&items[0][deleted]=true");
    client.post(&path, &gone).error(400);
    let other = self::price(&client);
    let swapped = client
        .post(&path, &format!("{gone}&items[1][price]={other}"))
        .ok();
    let items = swapped["items"]["data"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["price"]["id"]), (1, &json!(other)));
}
