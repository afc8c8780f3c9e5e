//! The ready-made actions against the stand-in for Stripe: each of them, with its
//! document's sample as config (placeholders resolved), does what it says.

use serde_json::{Value, json};
use stripe_harness::sandbox::{Sandbox, SandboxOptions};
use stripe_harness::{Connection, Plugin};

use crate::support::{connected_to, failed};

struct Account {
    sandbox: Sandbox,
    plugin: Plugin,
    connection: Connection,
}

impl Account {
    async fn new() -> Account {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let (plugin, connection) = connected_to(&sandbox.base_url(), json!({})).await;
        Account {
            sandbox,
            plugin,
            connection,
        }
    }

    async fn run(&self, name: &str, config: Value) -> Value {
        let config = config.to_string();
        match self.plugin.run_action(&self.connection, name, config).await {
            Ok(response) => serde_json::from_str(&response.body).unwrap(),
            Err(error) => panic!("{name}: {error}"),
        }
    }

    async fn call(&self, operation: &str, args: Value) -> Value {
        let (resource, method) = operation.rsplit_once('.').unwrap();
        let called = self
            .plugin
            .request(&self.connection, resource, method, args.to_string())
            .await;
        serde_json::from_str(&called.unwrap().body).unwrap()
    }
}

/// The ids of a list's members.
fn ids(list: &Value) -> Vec<&str> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|one| one["id"].as_str().unwrap()).collect()
}

/// An object's fields, in their order.
fn fields(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn customers() {
    let account = Account::new().await;
    let config = json!({
        "email": "ada@example.com", "name": "Ada", "description": "Customer from workflow",
        "phone": "+4930", "metadata": {"source": "workflow", "company_id": "7"},
        "address": {"line1": "1 St", "city": "Berlin", "state": "BE", "postal_code": "10115",
                    "country": "DE"},
    });
    let made = account.run("stripe.createCustomer", config).await;
    assert_eq!(
        (
            &made["object"],
            &made["address"]["postal_code"],
            &made["metadata"]["company_id"]
        ),
        (&json!("customer"), &json!("10115"), &json!("7"))
    );
    let id = &made["id"];
    let found = account
        .run("stripe.getCustomer", json!({"customerId": id}))
        .await;
    assert_eq!(found["email"], "ada@example.com");
    let config =
        json!({"customerId": id, "email": "new@example.com", "metadata": {"updated_at": "now"}});
    let changed = account.run("stripe.updateCustomer", config).await;
    assert_eq!(
        (
            &changed["id"],
            &changed["email"],
            &changed["name"],
            &changed["metadata"]["source"]
        ),
        (
            id,
            &json!("new@example.com"),
            &json!("Ada"),
            &json!("workflow")
        )
    );
    let other = account
        .run("stripe.createCustomer", json!({"email": "b@example.com"}))
        .await;
    let config = json!({"limit": 100, "email": "new@example.com"});
    let listed = account.run("stripe.listCustomers", config).await;
    assert_eq!(ids(&listed), [id.as_str().unwrap()]);
    let config = json!({"limit": 100, "startingAfter": other["id"]});
    let listed = account.run("stripe.listCustomers", config).await;
    assert_eq!(ids(&listed), [id.as_str().unwrap()]);
    account.sandbox.shutdown().await;
}

#[tokio::test]
async fn invoices() {
    let account = Account::new().await;
    let customer = account
        .run("stripe.createCustomer", json!({"email": "a@example.com"}))
        .await;
    let config = json!({
        "customerId": customer["id"], "autoAdvance": false, "collectionMethod": "send_invoice",
        "daysUntilDue": 30, "description": "Invoice for services", "metadata": {"order_id": "17"},
    });
    let draft = account.run("stripe.createInvoice", config).await;
    assert_eq!(
        (
            &draft["status"],
            &draft["auto_advance"],
            &draft["collection_method"]
        ),
        (&json!("draft"), &json!(false), &json!("send_invoice"))
    );
    let config = json!({
        "customerId": customer["id"], "invoiceId": draft["id"], "amount": 9900, "currency": "usd",
        "description": "Professional Services - January 2024", "quantity": 1,
    });
    let item = account.run("stripe.createInvoiceItem", config).await;
    assert_eq!(
        (&item["amount"], &item["invoice"]),
        (&json!(9900), &draft["id"])
    );
    let invoice = json!({"invoiceId": draft["id"]});
    let found = account.run("stripe.getInvoice", invoice.clone()).await;
    assert_eq!(found["amount_due"], 9900);
    let open = account.run("stripe.finalizeInvoice", invoice.clone()).await;
    assert_eq!(open["status"], "open");
    let sent = account.run("stripe.sendInvoice", invoice.clone()).await;
    assert_eq!(sent["status"], "open");
    let config = json!({"customerId": customer["id"], "status": "open", "limit": 50});
    let listed = account.run("stripe.listInvoices", config).await;
    assert_eq!(ids(&listed), [draft["id"].as_str().unwrap()]);
    let voided = account.run("stripe.voidInvoice", invoice).await;
    assert_eq!(voided["status"], "void");
    // The documented default.
    let config = json!({"customerId": customer["id"]});
    let draft = account.run("stripe.createInvoice", config).await;
    assert_eq!(draft["auto_advance"], true);
    account.sandbox.shutdown().await;
}

#[tokio::test]
async fn payments() {
    let account = Account::new().await;
    let customer = account.run("stripe.createCustomer", json!({})).await;
    let begin = |capture: &str| {
        json!({
            "amount": 9900, "currency": "usd", "customerId": customer["id"],
            "description": "Order 17", "paymentMethodTypes": ["card"], "captureMethod": capture,
            "metadata": {"order_id": "17"},
        })
    };
    let begun = account
        .run("stripe.createPaymentIntent", begin("automatic"))
        .await;
    assert_eq!(
        (&begun["status"], &begun["amount"]),
        (&json!("requires_payment_method"), &json!(9900))
    );
    let config = json!({
        "paymentIntentId": begun["id"], "paymentMethod": "pm_card_visa",
        "returnUrl": "https://example.com/payment/complete",
    });
    let paid = account.run("stripe.confirmPaymentIntent", config).await;
    assert_eq!(paid["status"], "succeeded");
    let config = json!({"paymentIntentId": begun["id"]});
    let found = account.run("stripe.getPaymentIntent", config).await;
    assert_eq!(found["amount_received"], 9900);

    let mut config = begin("manual");
    config["confirm"] = json!(true);
    config["paymentMethod"] = json!("pm_card_visa");
    let held = account.run("stripe.createPaymentIntent", config).await;
    assert_eq!(held["status"], "requires_capture");
    let config = json!({"paymentIntentId": held["id"], "amountToCapture": 5000});
    let taken = account.run("stripe.capturePaymentIntent", config).await;
    assert_eq!(
        (&taken["status"], &taken["amount_received"]),
        (&json!("succeeded"), &json!(5000))
    );

    let begun = account
        .run("stripe.createPaymentIntent", begin("automatic"))
        .await;
    let config = json!({
        "paymentIntentId": begun["id"], "cancellationReason": "requested_by_customer",
    });
    let given_up = account.run("stripe.cancelPaymentIntent", config).await;
    assert_eq!(
        (&given_up["status"], &given_up["cancellation_reason"]),
        (&json!("canceled"), &json!("requested_by_customer"))
    );
    let config = json!({"customerId": customer["id"], "limit": 50});
    let listed = account.run("stripe.listPaymentIntents", config).await;
    assert_eq!(ids(&listed).len(), 3);

    let balance = account.run("stripe.getBalance", json!({})).await;
    assert_eq!(balance["object"], "balance");
    let config = json!({"limit": 100, "type": "charge"});
    let listed = account.run("stripe.listBalanceTransactions", config).await;
    let amounts: Vec<&Value> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["amount"])
        .collect();
    assert_eq!(amounts, [&json!(5000), &json!(9900)]);
    account.sandbox.shutdown().await;
}

#[tokio::test]
async fn subscriptions() {
    let account = Account::new().await;
    let customer = account
        .run("create_customer", json!({"email": "a@example.com"}))
        .await;
    let product = account.run("create_product", json!({"name": "Gold"})).await;
    let mut prices = Vec::new();
    for amount in [1000, 2000] {
        let config = json!({
            "product_id": product["id"], "unit_amount": amount, "currency": "usd",
            "interval": "month",
        });
        prices.push(account.run("create_price", config).await);
    }
    let config = json!({
        "customerId": customer["id"], "items": [{"price": prices[0]["id"]}],
        "collectionMethod": "charge_automatically", "trialPeriodDays": 14,
        "metadata": {"plan": "gold"},
    });
    let made = account.run("stripe.createSubscription", config).await;
    assert_eq!(
        (&made["status"], &made["metadata"]["plan"]),
        (&json!("trialing"), &json!("gold"))
    );
    let found = account
        .run(
            "stripe.getSubscription",
            json!({"subscriptionId": made["id"]}),
        )
        .await;
    let item = &found["items"]["data"][0];
    assert_eq!(item["price"]["id"], prices[0]["id"]);
    let config = json!({
        "subscriptionId": made["id"], "items": [{"id": item["id"], "price": prices[1]["id"]}],
        "prorationBehavior": "create_prorations",
    });
    let changed = account.run("stripe.updateSubscription", config).await;
    assert_eq!(changed["items"]["data"][0]["price"]["id"], prices[1]["id"]);
    let config = json!({"customerId": customer["id"], "status": "trialing", "limit": 50});
    let listed = account.run("stripe.listSubscriptions", config).await;
    assert_eq!(ids(&listed), [made["id"].as_str().unwrap()]);
    let config = json!({"subscriptionId": made["id"], "invoiceNow": true, "prorate": true});
    let ended = account.run("stripe.cancelSubscription", config).await;
    assert_eq!(ended["status"], "canceled");
    account.sandbox.shutdown().await;
}

/// Lodol's nine, each with exactly the fields its document shows.
#[tokio::test]
async fn trimmed_answers() {
    let account = Account::new().await;
    let config = json!({"email": "customer@example.com", "name": "Example Customer"});
    let customer = account.run("create_customer", config).await;
    assert_eq!(
        customer,
        json!({"email": "customer@example.com", "id": customer["id"], "name": "Example Customer"})
    );
    let id = &customer["id"];
    let found = account
        .run("retrieve_customer", json!({"customer_id": id}))
        .await;
    assert_eq!(found, json!({"email": "customer@example.com", "id": id}));
    let other = account
        .run("create_customer", json!({"email": "other@example.com"}))
        .await;
    let listed = account.run("list_customers", json!({"limit": 5})).await;
    assert_eq!(
        listed,
        json!([
            {"email": "other@example.com", "id": other["id"]},
            {"email": "customer@example.com", "id": id},
        ])
    );

    let config = json!({"amount": 500, "currency": "usd", "customer_id": id});
    let payment = account.run("create_payment_intent", config).await;
    assert_eq!(
        payment,
        json!({"amount": 500, "currency": "usd", "id": payment["id"]})
    );
    let whole = account
        .call("paymentIntents.retrieve", json!([payment["id"]]))
        .await;
    assert_eq!(whole["customer"], *id);
    let config = json!({"payment_intent_id": payment["id"], "payment_method": "pm_card_visa"});
    let paid = account.run("confirm_payment_intent", config).await;
    assert_eq!(paid, json!({"id": payment["id"], "status": "succeeded"}));
    let config = json!({"payment_intent_id": payment["id"], "amount": 200});
    let refund = account.run("refund_payment", config).await;
    assert_eq!(refund, json!({"amount": 200, "id": refund["id"]}));
    // The rest of it.
    let rest = account
        .run(
            "refund_payment",
            json!({"payment_intent_id": payment["id"]}),
        )
        .await;
    assert_eq!(rest["amount"], 300);

    let product = account
        .run("create_product", json!({"name": "Example Product"}))
        .await;
    assert_eq!(fields(&product), ["id", "name"]);
    let config = json!({"product_id": product["id"], "unit_amount": 500, "currency": "usd"});
    let price = account.run("create_price", config.clone()).await;
    assert_eq!(
        price,
        json!({"currency": "usd", "id": price["id"], "unit_amount": 500})
    );
    let whole = account.call("prices.retrieve", json!([price["id"]])).await;
    assert_eq!(
        (&whole["type"], &whole["recurring"]),
        (&json!("one_time"), &Value::Null)
    );
    let mut config = config;
    config["interval"] = json!("week");
    config["interval_count"] = json!(2);
    let recurring = account.run("create_price", config).await;
    let whole = account
        .call("prices.retrieve", json!([recurring["id"]]))
        .await;
    assert_eq!(
        (
            &whole["recurring"]["interval"],
            &whole["recurring"]["interval_count"]
        ),
        (&json!("week"), &json!(2))
    );
    let link = account
        .run("create_payment_link", json!({"price_id": price["id"]}))
        .await;
    assert_eq!(fields(&link), ["id", "url"]);
    let items = account
        .call("paymentLinks.listLineItems", json!([link["id"]]))
        .await;
    assert_eq!(items["data"][0]["quantity"], 1);
    account.sandbox.shutdown().await;
}

/// What Stripe refuses comes back as it does from a call.
#[tokio::test]
async fn stripes_errors_are_passed_on() {
    let account = Account::new().await;
    let config = json!({"customer_id": "cus_none"}).to_string();
    let error = failed(
        account
            .plugin
            .run_action(&account.connection, "retrieve_customer", config)
            .await,
    );
    assert_eq!(error.failure.code.as_deref(), Some("resource_missing"));
    assert_eq!(error.failure.status, Some(404));
    account.sandbox.shutdown().await;
}
