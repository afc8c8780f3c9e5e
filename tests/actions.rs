//! The ready-made actions on the wire: each of them, with its document's sample as
//! config, sends what the equivalent call sends, byte for byte.

use serde_json::{Value, json};
use stripe_harness::Case;
use stripe_harness::actions::{Action, ActionEffect, ActionFamily, InputType};

use crate::support::command::{harness, lines, run};
use crate::support::{Answer, KEY, Request, Server, connected, failed, plugin};

/// An action, its document's sample (placeholders resolved), the operation, and
/// that operation's arguments.
const SAMPLES: [(&str, &str, &str, &str); 33] = [
    (
        "stripe.getCustomer",
        r#"{"customerId":"cus_xxx"}"#,
        "customers.retrieve",
        r#"["cus_xxx"]"#,
    ),
    (
        "stripe.createCustomer",
        r#"{"email":"a@b.c","name":"Ada","description":"Customer from workflow","phone":"+1","address":{"line1":"1 St","city":"C","state":"CA","postal_code":"9","country":"US"},"metadata":{"source":"workflow","company_id":"7"}}"#,
        "customers.create",
        r#"[{"email":"a@b.c","name":"Ada","description":"Customer from workflow","phone":"+1","address":{"line1":"1 St","city":"C","state":"CA","postal_code":"9","country":"US"},"metadata":{"source":"workflow","company_id":"7"}}]"#,
    ),
    (
        "stripe.updateCustomer",
        r#"{"customerId":"cus_1","email":"n@b.c","metadata":{"updated_at":"2026"}}"#,
        "customers.update",
        r#"["cus_1",{"email":"n@b.c","metadata":{"updated_at":"2026"}}]"#,
    ),
    (
        "stripe.listCustomers",
        r#"{"limit":100,"email":"a@b.c","startingAfter":"cus_99"}"#,
        "customers.list",
        r#"[{"limit":100,"email":"a@b.c","starting_after":"cus_99"}]"#,
    ),
    (
        "stripe.createInvoice",
        r#"{"customerId":"cus_1","autoAdvance":false,"collectionMethod":"send_invoice","daysUntilDue":30,"description":"Invoice for services","metadata":{"order_id":"17"}}"#,
        "invoices.create",
        r#"[{"customer":"cus_1","auto_advance":false,"collection_method":"send_invoice","days_until_due":30,"description":"Invoice for services","metadata":{"order_id":"17"}}]"#,
    ),
    (
        "stripe.createInvoiceItem",
        r#"{"customerId":"cus_1","invoiceId":"in_1","amount":9900,"currency":"usd","description":"Professional Services - January 2024","quantity":1}"#,
        "invoiceItems.create",
        r#"[{"customer":"cus_1","invoice":"in_1","amount":9900,"currency":"usd","description":"Professional Services - January 2024","quantity":1}]"#,
    ),
    (
        "stripe.getInvoice",
        r#"{"invoiceId":"in_xxx"}"#,
        "invoices.retrieve",
        r#"["in_xxx"]"#,
    ),
    (
        "stripe.listInvoices",
        r#"{"customerId":"cus_1","status":"open","limit":50}"#,
        "invoices.list",
        r#"[{"customer":"cus_1","status":"open","limit":50}]"#,
    ),
    (
        "stripe.finalizeInvoice",
        r#"{"invoiceId":"in_1"}"#,
        "invoices.finalizeInvoice",
        r#"["in_1"]"#,
    ),
    (
        "stripe.sendInvoice",
        r#"{"invoiceId":"in_1"}"#,
        "invoices.sendInvoice",
        r#"["in_1"]"#,
    ),
    (
        "stripe.voidInvoice",
        r#"{"invoiceId":"in_1"}"#,
        "invoices.voidInvoice",
        r#"["in_1"]"#,
    ),
    (
        "stripe.createPaymentIntent",
        r#"{"amount":9900,"currency":"usd","customerId":"cus_1","description":"Order 17","paymentMethodTypes":["card"],"captureMethod":"automatic","metadata":{"order_id":"17"}}"#,
        "paymentIntents.create",
        r#"[{"amount":9900,"currency":"usd","customer":"cus_1","description":"Order 17","payment_method_types":["card"],"capture_method":"automatic","metadata":{"order_id":"17"}}]"#,
    ),
    (
        "stripe.getPaymentIntent",
        r#"{"paymentIntentId":"pi_xxx"}"#,
        "paymentIntents.retrieve",
        r#"["pi_xxx"]"#,
    ),
    (
        "stripe.confirmPaymentIntent",
        r#"{"paymentIntentId":"pi_1","paymentMethod":"pm_1","returnUrl":"https://example.com/payment/complete"}"#,
        "paymentIntents.confirm",
        r#"["pi_1",{"payment_method":"pm_1","return_url":"https://example.com/payment/complete"}]"#,
    ),
    (
        "stripe.capturePaymentIntent",
        r#"{"paymentIntentId":"pi_1","amountToCapture":5000}"#,
        "paymentIntents.capture",
        r#"["pi_1",{"amount_to_capture":5000}]"#,
    ),
    (
        "stripe.cancelPaymentIntent",
        r#"{"paymentIntentId":"pi_1","cancellationReason":"requested_by_customer"}"#,
        "paymentIntents.cancel",
        r#"["pi_1",{"cancellation_reason":"requested_by_customer"}]"#,
    ),
    (
        "stripe.listPaymentIntents",
        r#"{"customerId":"cus_1","limit":50}"#,
        "paymentIntents.list",
        r#"[{"customer":"cus_1","limit":50}]"#,
    ),
    (
        "stripe.createSubscription",
        r#"{"customerId":"cus_1","items":[{"price":"price_xxx"}],"collectionMethod":"charge_automatically","trialPeriodDays":14,"metadata":{"plan":"gold"}}"#,
        "subscriptions.create",
        r#"[{"customer":"cus_1","items":[{"price":"price_xxx"}],"collection_method":"charge_automatically","trial_period_days":14,"metadata":{"plan":"gold"}}]"#,
    ),
    (
        "stripe.getSubscription",
        r#"{"subscriptionId":"sub_xxx"}"#,
        "subscriptions.retrieve",
        r#"["sub_xxx"]"#,
    ),
    (
        "stripe.updateSubscription",
        r#"{"subscriptionId":"sub_1","items":[{"id":"si_1","price":"price_new_xxx"}],"prorationBehavior":"create_prorations"}"#,
        "subscriptions.update",
        r#"["sub_1",{"items":[{"id":"si_1","price":"price_new_xxx"}],"proration_behavior":"create_prorations"}]"#,
    ),
    (
        "stripe.cancelSubscription",
        r#"{"subscriptionId":"sub_1","invoiceNow":true,"prorate":true}"#,
        "subscriptions.cancel",
        r#"["sub_1",{"invoice_now":true,"prorate":true}]"#,
    ),
    (
        "stripe.listSubscriptions",
        r#"{"customerId":"cus_1","status":"active","limit":50}"#,
        "subscriptions.list",
        r#"[{"customer":"cus_1","status":"active","limit":50}]"#,
    ),
    ("stripe.getBalance", "{}", "balance.retrieve", "[]"),
    (
        "stripe.listBalanceTransactions",
        r#"{"limit":100,"type":"charge"}"#,
        "balanceTransactions.list",
        r#"[{"limit":100,"type":"charge"}]"#,
    ),
    (
        "confirm_payment_intent",
        r#"{"payment_intent_id":"pi_123","payment_method":"pm_card_visa"}"#,
        "paymentIntents.confirm",
        r#"["pi_123",{"payment_method":"pm_card_visa"}]"#,
    ),
    (
        "create_customer",
        r#"{"email":"a@b.c","name":"Ada","description":"d","phone":"+1"}"#,
        "customers.create",
        r#"[{"email":"a@b.c","name":"Ada","description":"d","phone":"+1"}]"#,
    ),
    (
        "create_payment_intent",
        r#"{"amount":500,"currency":"usd","customer_id":"cus_1","description":"d"}"#,
        "paymentIntents.create",
        r#"[{"amount":500,"currency":"usd","customer":"cus_1","description":"d"}]"#,
    ),
    (
        "create_payment_link",
        r#"{"price_id":"price_1","quantity":2}"#,
        "paymentLinks.create",
        r#"[{"line_items":[{"price":"price_1","quantity":2}]}]"#,
    ),
    (
        "create_price",
        r#"{"product_id":"prod_1","unit_amount":500,"currency":"usd","interval":"month","interval_count":3}"#,
        "prices.create",
        r#"[{"product":"prod_1","unit_amount":500,"currency":"usd","recurring":{"interval":"month","interval_count":3}}]"#,
    ),
    (
        "create_product",
        r#"{"name":"Example Product","description":"d"}"#,
        "products.create",
        r#"[{"name":"Example Product","description":"d"}]"#,
    ),
    (
        "list_customers",
        r#"{"limit":2}"#,
        "customers.list",
        r#"[{"limit":2}]"#,
    ),
    (
        "refund_payment",
        r#"{"payment_intent_id":"pi_123","amount":200}"#,
        "refunds.create",
        r#"[{"payment_intent":"pi_123","amount":200}]"#,
    ),
    (
        "retrieve_customer",
        r#"{"customer_id":"cus_123"}"#,
        "customers.retrieve",
        r#"["cus_123"]"#,
    ),
];

/// A request without what is another one in every call.
fn comparable(mut request: Request) -> Request {
    request
        .headers
        .retain(|(name, _)| name != "x-stripe-client-telemetry" && name != "idempotency-key");
    request
}

#[tokio::test]
async fn every_action_sends_what_its_call_sends() {
    let listed = plugin(&[]).list_actions().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|action| action.name.as_str()).collect();
    assert_eq!(names, SAMPLES.map(|(name, ..)| name));
    for (name, config, operation, args) in SAMPLES {
        let server = Server::start(Vec::new()).await;
        let (plugin, connection) = connected(&server, json!({"stripeAccount": "acct_1"})).await;
        let ran = plugin.run_action(&connection, name, config).await.unwrap();
        let (resource, method) = operation.rsplit_once('.').unwrap();
        let called = plugin
            .request(&connection, resource, method, args)
            .await
            .unwrap();
        let [of_action, of_call] = server.arrived().try_into().unwrap();
        assert_eq!(
            of_action.header("idempotency-key").is_some(),
            of_call.header("idempotency-key").is_some(),
            "{name}"
        );
        assert_eq!(comparable(of_action), comparable(of_call), "{name}");
        assert_eq!((ran.status, ran.attempts), (called.status, called.attempts));
        if name.starts_with("stripe.") {
            assert_eq!(ran.body, called.body, "{name}");
        }
    }
}

#[tokio::test]
async fn options_of_the_call_and_stripes_own_names_travel() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let config = r#"{"customerId":"cus_1","idempotencyKey":"engine-1","stripeAccount":"acct_2","apiVersion":"2025-01-27.acacia","footer":"Thanks","expand":["customer"]}"#;
    let ran = plugin
        .run_action(&connection, "stripe.createInvoice", config)
        .await
        .unwrap();
    assert_eq!(ran.idempotency_key.as_deref(), Some("engine-1"));
    let sent = server.only();
    assert_eq!(sent.header("idempotency-key"), Some("engine-1"));
    assert_eq!(sent.header("stripe-account"), Some("acct_2"));
    assert_eq!(sent.header("stripe-version"), Some("2025-01-27.acacia"));
    assert_eq!(
        sent.body(),
        "customer=cus_1&footer=Thanks&expand[0]=customer&auto_advance=true"
    );
}

#[tokio::test]
async fn answers_are_cut_and_errors_are_not() {
    let customer = r#"{"id":"cus_1","object":"customer","email":"a@b.c","name":null,"balance":0}"#;
    let list =
        format!(r#"{{"object":"list","data":[{customer},{{"id":"cus_2"}}],"has_more":false}}"#);
    let declined = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card","message":"No."}}"#;
    let server = Server::start(vec![
        Answer::json(200, customer),
        Answer::json(200, &list),
        Answer::json(200, r#"{"id":"re_1","amount":12345678901234567890}"#),
        Answer::json(402, declined),
    ])
    .await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let body = |name: &'static str, config: &'static str| {
        let (plugin, connection) = (plugin.clone(), connection.clone());
        async move {
            plugin
                .run_action(&connection, name, config)
                .await
                .map(|it| it.body)
        }
    };
    assert_eq!(
        body("create_customer", r#"{"email":"a@b.c"}"#)
            .await
            .unwrap(),
        r#"{"email":"a@b.c","id":"cus_1","name":null}"#
    );
    assert_eq!(
        body("list_customers", "").await.unwrap(),
        r#"[{"email":"a@b.c","id":"cus_1"},{"email":null,"id":"cus_2"}]"#
    );
    assert_eq!(
        body("refund_payment", r#"{"payment_intent_id":"pi_1"}"#)
            .await
            .unwrap(),
        r#"{"amount":12345678901234567890,"id":"re_1"}"#
    );
    let config = r#"{"payment_intent_id":"pi_1","payment_method":"pm_1"}"#;
    let error = failed(body("confirm_payment_intent", config).await);
    assert_eq!(error.failure.decline_code.as_deref(), Some("lost_card"));
}

#[tokio::test]
async fn what_is_wrong_is_said_at_once_and_nothing_is_sent() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    for (name, config, path, said) in [
        (
            "stripe.createPaymentIntent",
            "{}",
            Some("config"),
            "\"amount\" is missing; \"currency\" is missing.",
        ),
        (
            "stripe.creatCustomer",
            "{}",
            Some("name"),
            "did you mean stripe.createCustomer",
        ),
        (
            "customers.create",
            "{}",
            Some("name"),
            "There is no action \"customers.create\"",
        ),
        (
            "stripe.createCustomer",
            "[1]",
            Some("config"),
            "should be an object, not a list",
        ),
        (
            "stripe.createCustomer",
            r#"{"emails":"x"}"#,
            Some("config.emails"),
            "did you mean \"email\"?",
        ),
        (
            "refund_payment",
            r#"{"payment_intent_id":"pi_1","amount":"200"}"#,
            Some("config.amount"),
            "not the string \"200\"",
        ),
        (
            "refund_payment",
            r#"{"payment_intent_id":"pi_1","amount":null}"#,
            Some("config.amount"),
            "is null",
        ),
        (
            "stripe.getCustomer",
            r#"{"customerId":"cus_1","apiVersion":null}"#,
            Some("config.apiVersion"),
            "is null",
        ),
        (
            "stripe.getCustomer",
            r#"{"customerId":".."}"#,
            Some("config.customerId"),
            "should be an id",
        ),
        (
            "stripe.getCustomer",
            r#"{"customerId":"c","idempotencyKey":""}"#,
            Some("config.idempotencyKey"),
            "is empty",
        ),
        (
            "stripe.createCustomer",
            r#"{"metadata":{"a":{"b":{}}},"apiKey":"k"}"#,
            Some("config.apiKey"),
            "\"apiKey\" is not known",
        ),
        (
            "stripe.createCustomer",
            r#"{"name":"a","name":"b"}"#,
            Some("config"),
            "appears twice",
        ),
    ] {
        let error = failed(plugin.run_action(&connection, name, config).await);
        assert_eq!(error.case, Case::Permanent, "{name} {config}");
        assert_eq!(error.failure.type_, "argument_error");
        assert_eq!(
            error.failure.path.as_deref(),
            path,
            "{name} {config}: {error}"
        );
        assert!(error.failure.message.contains(said), "{error}");
        assert!(!error.failure.may_have_been_sent);
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn the_list_says_what_a_form_needs() {
    let listed = plugin(&[]).list_actions().await.unwrap();
    let of = |name: &str| -> &Action { listed.iter().find(|action| action.name == name).unwrap() };
    let invoice = of("stripe.createInvoice");
    assert_eq!(invoice.operation, "invoices.create");
    assert_eq!(
        (invoice.effect, invoice.family),
        (ActionEffect::Write, ActionFamily::Loopfour)
    );
    let input = |action: &Action, name: &str| {
        action
            .inputs
            .iter()
            .find(|input| input.name == name)
            .unwrap()
            .clone()
    };
    assert!(input(invoice, "customerId").required);
    let advance = input(invoice, "autoAdvance");
    assert_eq!(
        (
            advance.type_,
            advance.default.as_deref(),
            advance.parameter.as_str()
        ),
        (InputType::Boolean, Some("true"), "auto_advance")
    );
    assert!(invoice.parameters.iter().any(|name| name == "footer"));
    assert!(!invoice.parameters.iter().any(|name| name == "customer"));
    let price = of("create_price");
    assert_eq!(price.family, ActionFamily::Lodol);
    assert_eq!(
        input(price, "interval_count").needs.as_deref(),
        Some("interval")
    );
    assert_eq!(of("stripe.voidInvoice").effect, ActionEffect::Destructive);
    assert_eq!(of("list_customers").effect, ActionEffect::Read);
    for action in &listed {
        let schema: Value = serde_json::from_str(&action.output).unwrap();
        assert!(["object", "array"].contains(&schema["type"].as_str().unwrap()));
        assert!(!action.title.is_empty() && !action.description.is_empty());
    }
}

#[test]
fn the_commands_run_and_list_actions() {
    let config = r#"{"email":"a@b.c"}"#;
    let args = ["action", "create_customer", "--sandbox", "--config", config];
    let (code, stdout, stderr) = run(harness(&[&args[..], &["--output", "json"]].concat()));
    assert_eq!(code, 0, "{stderr}");
    let lines_of = lines(&stdout);
    assert_eq!(lines_of[0]["id"], "create_customer");
    assert_eq!(lines_of[0]["response"]["body"]["email"], "a@b.c");
    assert_eq!(lines_of[0]["response"]["status"], 200);

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let named = format!("@{}", file.path().display());
    let mut command = harness(&[
        "action",
        "stripe.createCustomer",
        "--sandbox",
        "--config",
        &named,
    ]);
    command.env("STRIPE_SECRET_KEY", KEY);
    let (code, stdout, stderr) = run(command);
    assert!(
        code == 0 && stdout.contains("\"email\": \"a@b.c\""),
        "{stdout}{stderr}"
    );

    let (code, stdout, stderr) = run(harness(&["action", "create_customers", "--sandbox"]));
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("create_customer"), "{stderr}");
    let missing = [
        "action",
        "stripe.createPaymentIntent",
        "--sandbox",
        "--output",
        "json",
    ];
    let (code, stdout, _) = run(harness(&missing));
    assert_eq!(
        (code, &lines(&stdout)[0]["error"]["path"]),
        (1, &json!("config"))
    );
    let (code, _, stderr) = run(harness(&[
        "action",
        "x",
        "--sandbox",
        "--config",
        "@no-such",
    ]));
    assert!(
        code == 2 && stderr.contains("no-such cannot be read"),
        "{stderr}"
    );

    let (code, stdout, _) = run(harness(&["actions"]));
    assert_eq!((code, stdout.lines().count()), (0, 33));
    assert!(stdout.contains("stripe.voidInvoice               destructive Void an invoice"));
    let (code, stdout, _) = run(harness(&["actions", "create_price"]));
    assert_eq!(code, 0);
    assert!(
        stdout.contains("  unit_amount            amount   required "),
        "{stdout}"
    );
    assert!(
        stdout.contains("  interval_count         integer  with interval "),
        "{stdout}"
    );
    let (_, stdout, _) = run(harness(&["actions", "--output", "json", "refund"]));
    let listed = lines(&stdout);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["operation"], "refunds.create");
    assert_eq!(listed[0]["inputs"][1]["type"], "amount");
    let (code, _, stderr) = run(harness(&["actions", "frobnicate"]));
    assert!(
        code == 2 && stderr.contains("no action fits \"frobnicate\""),
        "{stderr}"
    );
}
