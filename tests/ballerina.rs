//! The calls of Ballerina's connector, which names them by path: each sample of
//! its document through `rawRequest` and through `request`, against two stand-ins
//! that make the same ids at the same time, so that the answers can be compared
//! byte for byte.

use serde_json::{Value, json};
use stripe_harness::sandbox::{Clock, Sandbox, SandboxOptions};
use stripe_harness::{Connection, Plugin};

use crate::support::connected_to;

/// Two ways to the same account.
struct Both {
    by_path: (Sandbox, Plugin, Connection),
    by_name: (Sandbox, Plugin, Connection),
}

async fn account() -> (Sandbox, Plugin, Connection) {
    let options = SandboxOptions {
        seed: Some(7),
        clock: Clock::Fixed(1_790_000_000),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let (plugin, connection) = connected_to(&sandbox.base_url(), json!({})).await;
    (sandbox, plugin, connection)
}

impl Both {
    /// Makes one sample's call both ways; the answer is the one of both.
    async fn call(&self, verb: &str, path: &str, params: Value, name: &str, args: Value) -> Value {
        let raw = match params {
            Value::Null => json!([verb, path]),
            params => json!([verb, path, params]),
        };
        let (_, plugin, connection) = &self.by_path;
        let raw = plugin
            .request(connection, "", "rawRequest", raw.to_string())
            .await;
        let (_, plugin, connection) = &self.by_name;
        let (resource, method) = name.rsplit_once('.').unwrap();
        let named = plugin
            .request(connection, resource, method, args.to_string())
            .await;
        let (raw, named) = match (raw, named) {
            (Ok(raw), Ok(named)) => (raw, named),
            other => panic!("{verb} {path}: {other:?}"),
        };
        assert_eq!(raw.status, named.status, "{verb} {path}");
        let (raw, named) = [raw.body, named.body]
            .map(|body| {
                body.replace(&self.by_path.0.base_url(), "")
                    .replace(&self.by_name.0.base_url(), "")
            })
            .into();
        assert_eq!(raw, named, "{verb} {path}");
        serde_json::from_str(&raw).unwrap()
    }

    async fn get(&self, path: &str, name: &str, args: Value) -> Value {
        self.call("GET", path, Value::Null, name, args).await
    }

    async fn post(&self, path: &str, params: Value, name: &str, ids: &[&str]) -> Value {
        let mut args: Vec<Value> = ids.iter().map(|id| json!(id)).collect();
        args.push(params.clone());
        self.call("POST", path, params, name, Value::Array(args))
            .await
    }
}

#[tokio::test]
async fn every_sample_by_path_and_by_name() {
    let both = Both {
        by_path: account().await,
        by_name: account().await,
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    // Customer management.
    let params = json!({"name": "John Doe", "email": "john@example.com",
                        "address": {"city": "Colombo", "country": "LK"}});
    let made = both
        .post("/v1/customers", params, "customers.create", &[])
        .await;
    assert_eq!(
        (&made["object"], &made["address"]["city"], &made["livemode"]),
        (&json!("customer"), &json!("Colombo"), &json!(false))
    );
    let customer = text(&made["id"]);
    let path = format!("/v1/customers/{customer}");
    let listed = both
        .get("/v1/customers", "customers.list", Value::Null)
        .await;
    assert_eq!(
        (&listed["url"], &listed["data"][0]),
        (&json!("/v1/customers"), &made)
    );
    let found = both
        .get(&path, "customers.retrieve", json!([customer]))
        .await;
    assert_eq!(found, made);
    let params = json!({"name": "Jane Doe", "email": "jane@example.com"});
    let changed = both
        .post(&path, params, "customers.update", &[&customer])
        .await;
    assert_eq!(changed["name"], "Jane Doe");

    // Payment intents.
    let params = json!({"amount": 2000, "currency": "usd", "payment_method_types": ["card"]});
    let mut intents = Vec::new();
    for _ in 0..2 {
        let name = "paymentIntents.create";
        let made = both
            .post("/v1/payment_intents", params.clone(), name, &[])
            .await;
        assert_eq!(made["status"], "requires_payment_method");
        intents.push(text(&made["id"]));
    }
    let path = format!("/v1/payment_intents/{}", intents[0]);
    let found = both
        .get(&path, "paymentIntents.retrieve", json!([intents[0]]))
        .await;
    assert_eq!(found["amount"], 2000);
    let listed = both
        .get("/v1/payment_intents", "paymentIntents.list", Value::Null)
        .await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let params = json!({"payment_method": "pm_card_visa"});
    let confirm = format!("{path}/confirm");
    let paid = both
        .post(&confirm, params, "paymentIntents.confirm", &[&intents[0]])
        .await;
    assert_eq!(paid["status"], "succeeded");
    let cancel = format!("/v1/payment_intents/{}/cancel", intents[1]);
    let ended = both
        .post(&cancel, json!({}), "paymentIntents.cancel", &[&intents[1]])
        .await;
    assert_eq!(ended["status"], "canceled");

    // Charges.
    let params = json!({"amount": 1500, "currency": "usd", "source": "tok_visa"});
    let charged = both
        .post("/v1/charges", params, "charges.create", &[])
        .await;
    assert_eq!(
        (&charged["status"], &charged["paid"]),
        (&json!("succeeded"), &json!(true))
    );
    let charge = text(&charged["id"]);
    let path = format!("/v1/charges/{charge}");
    let found = both.get(&path, "charges.retrieve", json!([charge])).await;
    assert_eq!(found["amount"], 1500);
    let listed = both.get("/v1/charges", "charges.list", Value::Null).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);

    // Products and prices.
    let params = json!({"name": "Premium Plan", "description": "Access to all premium features"});
    let product = both
        .post("/v1/products", params, "products.create", &[])
        .await;
    assert_eq!(product["active"], true);
    let product = text(&product["id"]);
    let listed = both.get("/v1/products", "products.list", Value::Null).await;
    assert_eq!(listed["data"][0]["id"], json!(product));
    let params = json!({"unit_amount": 1999, "currency": "usd",
                        "recurring": {"interval": "month"}, "product": product});
    let price = both.post("/v1/prices", params, "prices.create", &[]).await;
    assert_eq!(price["recurring"]["interval"], "month");
    let path = format!("/v1/prices?product={product}");
    let listed = both
        .get(&path, "prices.list", json!([{"product": product}]))
        .await;
    assert_eq!(listed["data"][0]["id"], price["id"]);

    // Invoices.
    let params = json!({"customer": customer, "collection_method": "send_invoice",
                        "days_until_due": 30});
    let draft = both
        .post("/v1/invoices", params, "invoices.create", &[])
        .await;
    assert_eq!(
        (&draft["status"], &draft["amount_due"]),
        (&json!("draft"), &json!(0))
    );
    let invoice = text(&draft["id"]);
    let path = format!("/v1/invoices/{invoice}");
    let found = both.get(&path, "invoices.retrieve", json!([invoice])).await;
    assert_eq!(found["customer"], json!(customer));
    // So that it stays open once it is finalized.
    let params = json!({"customer": customer, "invoice": invoice, "amount": 2000,
                        "currency": "usd"});
    both.post("/v1/invoiceitems", params, "invoiceItems.create", &[])
        .await;
    let finalize = format!("{path}/finalize");
    let open = both
        .post(
            &finalize,
            json!({}),
            "invoices.finalizeInvoice",
            &[&invoice],
        )
        .await;
    assert_eq!(
        (&open["status"], &open["amount_due"]),
        (&json!("open"), &json!(2000))
    );
    let path = format!("/v1/invoices?customer={customer}");
    let listed = both
        .get(&path, "invoices.list", json!([{"customer": customer}]))
        .await;
    assert_eq!(listed["data"][0]["status"], "open");

    // Subscriptions. The customer needs a card for the first payment.
    let attach = json!({"customer": customer});
    let method = "/v1/payment_methods/pm_card_visa/attach";
    let card = both
        .post(method, attach, "paymentMethods.attach", &["pm_card_visa"])
        .await;
    let params = json!({"customer": customer, "items": [{"price": price["id"]}],
                        "default_payment_method": card["id"]});
    let made = both
        .post("/v1/subscriptions", params, "subscriptions.create", &[])
        .await;
    assert_eq!(
        (
            &made["status"],
            &made["items"]["data"][0]["price"]["unit_amount"]
        ),
        (&json!("active"), &json!(1999))
    );
    let subscription = text(&made["id"]);
    let path = format!("/v1/subscriptions/{subscription}");
    let found = both
        .get(&path, "subscriptions.retrieve", json!([subscription]))
        .await;
    assert_eq!(found["customer"], json!(customer));
    let listing = format!("/v1/subscriptions?customer={customer}");
    let listed = both
        .get(
            &listing,
            "subscriptions.list",
            json!([{"customer": customer}]),
        )
        .await;
    assert_eq!(listed["data"][0]["id"], json!(subscription));
    let name = "subscriptions.cancel";
    let ended = both
        .call("DELETE", &path, Value::Null, name, json!([subscription]))
        .await;
    assert_eq!(ended["status"], "canceled");

    // Refunds.
    let params = json!({"payment_intent": intents[0], "amount": 500});
    let refund = both
        .post("/v1/refunds", params, "refunds.create", &[])
        .await;
    assert_eq!(
        (&refund["status"], &refund["amount"]),
        (&json!("succeeded"), &json!(500))
    );
    let path = format!("/v1/refunds/{}", text(&refund["id"]));
    let found = both
        .get(&path, "refunds.retrieve", json!([refund["id"]]))
        .await;
    assert_eq!(found["payment_intent"], json!(intents[0]));

    // Balance and payouts. Card payments are available after some days.
    let balance = both
        .get("/v1/balance", "balance.retrieve", Value::Null)
        .await;
    assert_eq!(balance["object"], "balance");
    let path = "/v1/balance_transactions?limit=5";
    let listed = both
        .get(path, "balanceTransactions.list", json!([{"limit": 5}]))
        .await;
    assert_eq!(listed["data"][0]["type"], "refund");
    let params = json!({"amount": 20000, "currency": "usd", "source": "tok_bypassPending"});
    both.post("/v1/charges", params, "charges.create", &[])
        .await;
    let params = json!({"amount": 10000, "currency": "usd"});
    let payout = both
        .post("/v1/payouts", params, "payouts.create", &[])
        .await;
    assert_eq!(payout["amount"], 10000);
    let listed = both.get("/v1/payouts", "payouts.list", Value::Null).await;
    assert_eq!(listed["data"][0]["id"], payout["id"]);

    // A customer, deleted.
    let path = format!("/v1/customers/{customer}");
    let gone = both
        .call(
            "DELETE",
            &path,
            Value::Null,
            "customers.del",
            json!([customer]),
        )
        .await;
    assert_eq!(
        gone,
        json!({"id": customer, "object": "customer", "deleted": true})
    );
    both.by_path.0.shutdown().await;
    both.by_name.0.shutdown().await;
}
