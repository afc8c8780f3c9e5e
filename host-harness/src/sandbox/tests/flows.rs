//! The flows of systems that people run against Stripe, step by step as their documents have them.

use super::{Client, NOW};
use serde_json::{Value, json};

/// An object's fields, to be compared at once.
fn fields<const N: usize>(object: &Value, names: [&str; N]) -> [Value; N] {
    names.map(|name| object[name].clone())
}

/// A workflow engine's: find or make the customer, then draft, fill, finalize and send an invoice.
#[test]
fn an_invoice_is_made_for_a_customer_who_may_exist() {
    let client = Client::new();
    let list = "/v1/customers?email=ann%40x.y&limit=1";
    assert!(client.get(list).page().0.is_empty());
    let customer = client.id("/v1/customers", "email=ann%40x.y&name=Ann");
    assert_eq!(client.get(list).page().0, [customer.as_str()]);
    let form = format!(
        "customer={customer}&auto_advance=false&collection_method=send_invoice\
         &days_until_due=30&description=Services&metadata[order_id]=7"
    );
    let draft = client.post("/v1/invoices", &form).ok();
    let id = draft["id"].as_str().unwrap();
    assert_eq!(
        fields(&draft, ["status", "amount_due", "due_date"]),
        [json!("draft"), json!(0), json!(NOW + 30 * 86_400)]
    );
    let item = format!("customer={customer}&invoice={id}&amount=9900&currency=usd&quantity=1");
    client.id("/v1/invoiceitems", &item);
    let path = format!("/v1/invoices/{id}");
    let open = client.post(&format!("{path}/finalize"), "").ok();
    assert_eq!(
        fields(&open, ["status", "amount_due"]),
        [json!("open"), json!(9900)]
    );
    assert!(open["hosted_invoice_url"].is_string());
    client.post(&format!("{path}/send"), "").ok();
    let query = format!("/v1/invoices?customer={customer}&status=open&limit=50");
    assert_eq!(client.get(&query).page().0, [id]);
    // Finalized is final: not again, and no more items.
    client.post(&format!("{path}/finalize"), "").error(400);
    client.post("/v1/invoiceitems", &item).error(400);
}

/// The same engine's subscription: another price, then an end now with a last bill.
#[test]
fn a_subscription_changes_its_price_and_is_canceled() {
    let client = Client::new();
    let product = client.id("/v1/products", "name=Premium");
    let price = |amount: u32| {
        let form = format!(
            "unit_amount={amount}&currency=usd&recurring[interval]=month&product={product}"
        );
        client.id("/v1/prices", &form)
    };
    let (small, large) = (price(1999), price(4999));
    let listed = client.get(&format!("/v1/prices?product={product}"));
    assert_eq!(listed.page().0, [large.as_str(), small.as_str()]);
    let customer = client.id("/v1/customers", "payment_method=pm_card_visa");
    let method = client.get(&format!("/v1/payment_methods?customer={customer}"));
    let method = method.page().0.remove(0);
    let form = format!(
        "customer={customer}&items[0][price]={small}&trial_period_days=14\
         &default_payment_method={method}&metadata[plan]=pro"
    );
    let subscription = client.post("/v1/subscriptions", &form).ok();
    assert_eq!(subscription["status"], "trialing");
    let path = format!("/v1/subscriptions/{}", subscription["id"].as_str().unwrap());
    let item = subscription["items"]["data"][0]["id"].as_str().unwrap();
    let form =
        format!("items[0][id]={item}&items[0][price]={large}&proration_behavior=create_prorations");
    let changed = client.post(&path, &form).ok();
    assert_eq!(changed["items"]["data"][0]["price"]["id"], large);
    let active = format!("/v1/subscriptions?customer={customer}&status=trialing&limit=50");
    assert_eq!(client.get(&active).page().0.len(), 1);
    let ended = client.delete(&format!("{path}?invoice_now=true&prorate=true"));
    assert_eq!(ended.ok()["status"], "canceled");
    client.post(&path, "cancel_at_period_end=true").error(400);
}

/// A client library's: a payment intent made, listed, confirmed; another canceled; a legacy charge.
#[test]
fn a_payment_is_confirmed_or_canceled() {
    let client = Client::new();
    let form = "amount=2000&currency=usd&payment_method_types[]=card";
    let made = client.post("/v1/payment_intents", form).ok();
    assert_eq!(made["status"], "requires_payment_method");
    assert_eq!(made["payment_method_types"], json!(["card"]));
    let path = format!("/v1/payment_intents/{}", made["id"].as_str().unwrap());
    let paid = client
        .post(&format!("{path}/confirm"), "payment_method=pm_card_visa")
        .ok();
    assert_eq!(
        fields(&paid, ["status", "amount", "amount_received"]),
        [json!("succeeded"), json!(2000), json!(2000)]
    );
    let other = client.id("/v1/payment_intents", form);
    let path = format!("/v1/payment_intents/{other}/cancel");
    assert_eq!(client.post(&path, "").ok()["status"], "canceled");
    client.post(&path, "").error(400);
    let charge = client
        .post("/v1/charges", "amount=1500&currency=usd&source=tok_visa")
        .ok();
    assert_eq!(
        fields(&charge, ["status", "paid", "amount"]),
        [json!("succeeded"), json!(true), json!(1500)]
    );
    assert_eq!(client.get("/v1/charges").page().0.len(), 2);
}

/// A low-code platform's: product, price, payment link; a payment refunded in part, then whole.
#[test]
fn a_product_is_sold_by_link_and_a_payment_refunded() {
    let client = Client::new();
    let product = client.id("/v1/products", "name=Example");
    let form = format!("product={product}&unit_amount=500&currency=usd");
    let price = client.id("/v1/prices", &form);
    let form = format!("line_items[0][price]={price}&line_items[0][quantity]=2");
    let link = client.post("/v1/payment_links", &form).ok();
    assert_eq!(
        fields(&link, ["active", "currency"]),
        [json!(true), json!("usd")]
    );
    let path = format!("/v1/payment_links/{}", link["id"].as_str().unwrap());
    let items = client.get(&format!("{path}/line_items")).ok();
    assert_eq!(items["data"][0]["amount_total"], 1000);
    assert_eq!(client.post(&path, "active=false").ok()["active"], false);
    let form = "amount=500&currency=usd&confirm=true&payment_method=pm_card_visa";
    let intent = client.id("/v1/payment_intents", form);
    let refund = |rest: &str| {
        let form = format!("payment_intent={intent}{rest}");
        client.post("/v1/refunds", &form)
    };
    assert_eq!(refund("&amount=200").ok()["amount"], 200);
    let error = refund("&amount=301").error(400);
    assert_eq!(error["param"], "amount");
    assert_eq!(refund("").ok()["amount"], 300);
    assert_eq!(refund("").error(400)["code"], "charge_already_refunded");
}
