//! Ready-made actions, natively: what a config becomes, and what is refused.

use super::*;

fn arguments(name: &str, config: &str) -> Result<String, Refusal> {
    let mut out = String::new();
    let config = read(config)?;
    named(name)?.arguments(config)?.write(&mut out);
    Ok(out)
}

#[test]
fn a_config_becomes_the_arguments_of_its_operation() {
    for (name, config, expected) in [
        ("stripe.getBalance", "", "[{},{}]"),
        ("stripe.getBalance", "null", "[{},{}]"),
        (
            "stripe.getCustomer",
            r#"{"customerId":"cus_1"}"#,
            r#"["cus_1",{},{}]"#,
        ),
        // Params in the config's order, the default after them.
        (
            "stripe.createInvoice",
            r#"{"daysUntilDue":30,"customerId":"cus_1"}"#,
            r#"[{"days_until_due":30,"customer":"cus_1","auto_advance":true},{}]"#,
        ),
        (
            "stripe.createInvoice",
            r#"{"customerId":"cus_1","autoAdvance":false}"#,
            r#"[{"customer":"cus_1","auto_advance":false},{}]"#,
        ),
        // Digits stay, nested fields pass.
        (
            "stripe.createPaymentIntent",
            r#"{"amount":12345678901234567890,"currency":"eur","metadata":{"a":1.50,"b":null}}"#,
            r#"[{"amount":12345678901234567890,"currency":"eur","metadata":{"a":1.50,"b":null}},{}]"#,
        ),
        // Stripe's own names besides, and options.
        (
            "stripe.updateCustomer",
            r#"{"customerId":"cus_1","preferred_locales":["de"],"idempotencyKey":"k","stripeAccount":"acct_1"}"#,
            r#"["cus_1",{"preferred_locales":["de"]},{"idempotencyKey":"k","stripeAccount":"acct_1"}]"#,
        ),
        (
            "create_payment_link",
            r#"{"price_id":"price_1"}"#,
            r#"[{"line_items":[{"price":"price_1","quantity":1}]},{}]"#,
        ),
        (
            "create_payment_link",
            r#"{"quantity":3,"price_id":"price_1"}"#,
            r#"[{"line_items":[{"quantity":3,"price":"price_1"}]},{}]"#,
        ),
        (
            "create_price",
            r#"{"product_id":"prod_1","interval_count":2,"unit_amount":0,"currency":"usd","interval":"week"}"#,
            r#"[{"product":"prod_1","recurring":{"interval_count":2,"interval":"week"},"unit_amount":0,"currency":"usd"},{}]"#,
        ),
        // An id that is a number, and an object that is cleared.
        (
            "stripe.updateCustomer",
            r#"{"customerId":17,"address":""}"#,
            r#"[17,{"address":""},{}]"#,
        ),
    ] {
        assert_eq!(arguments(name, config).as_deref(), Ok(expected), "{name}");
    }
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    for (name, config, path, said) in [
        (
            "stripe.createPaymentIntent",
            "{}",
            "config",
            "\"amount\" is missing; \"currency\" is missing.",
        ),
        (
            "create_price",
            r#"{"unit_amount":"5","nickname_":"x"}"#,
            "config",
            "\"product_id\" is missing; \"currency\" is missing; \"unit_amount\" should be a whole \
             number of the currency's smallest unit, such as 1999 for 19.99, not the string \"5\"; \
             \"nickname_\" is not known; did you mean \"nickname\"?",
        ),
        (
            "stripe.getCustomer",
            r#"{"customerId":""}"#,
            "config.customerId",
            "stripe.getCustomer: \"customerId\" is missing.",
        ),
        (
            "stripe.getCustomer",
            r#"{"customerId":".."}"#,
            "config.customerId",
            "should be an id",
        ),
        (
            "stripe.createSubscription",
            r#"{"customerId":"cus_1","items":[]}"#,
            "config.items",
            "\"items\" is missing",
        ),
        (
            "refund_payment",
            r#"{"payment_intent_id":"pi_1","amount":null}"#,
            "config.amount",
            "\"amount\" is null: leave it out",
        ),
        (
            "stripe.getInvoice",
            r#"{"invoiceId":null}"#,
            "config.invoiceId",
            "stripe.getInvoice: \"invoiceId\" is null: leave it out, or give it a value.",
        ),
        (
            "refund_payment",
            r#"{"payment_intent_id":"pi_1","amount":5.5}"#,
            "config.amount",
            "not 5.5",
        ),
        (
            "refund_payment",
            r#"{"payment_intent_id":"pi_1","amount":20.0}"#,
            "config.amount",
            "not 20.0",
        ),
        (
            "stripe.createCustomer",
            r#"{"metadata":[]}"#,
            "config.metadata",
            "should be an object, not a list",
        ),
        (
            "stripe.createCustomer",
            r#"{"email":true}"#,
            "config.email",
            "should be a string, not a boolean",
        ),
        (
            "stripe.createInvoice",
            r#"{"customerId":"c","autoAdvance":"false"}"#,
            "config.autoAdvance",
            "should be true or false, not the string \"false\"",
        ),
        (
            "stripe.listCustomers",
            r#"{"limit":"3"}"#,
            "config.limit",
            "should be a whole number",
        ),
        (
            "create_price",
            r#"{"product_id":"p","unit_amount":1,"currency":"usd","interval_count":2}"#,
            "config.interval",
            "\"interval_count\" needs \"interval\" beside it",
        ),
        // A parameter that an input stands for.
        (
            "stripe.createInvoice",
            r#"{"customerId":"c","customer":"d"}"#,
            "config.customer",
            "\"customer\" is not known; write \"customerId\"",
        ),
        (
            "stripe.createInvoice",
            r#"{"customerId":"c","idempotency_key":"k"}"#,
            "config.idempotency_key",
            "did you mean \"idempotencyKey\"?",
        ),
        (
            "stripe.createInvoice",
            r#"{"customerId":"c","apiKey":"k"}"#,
            "config.apiKey",
            "\"apiKey\" is not known",
        ),
        (
            "stripe.createInvoice",
            r#"{"customerId":"c","footer":null}"#,
            "config.footer",
            "is null",
        ),
        ("stripe.createInvoice", "[]", "config", "not a list"),
        ("stripe.createInvoice", "{", "config", "not JSON"),
        (
            "stripe.createInvoices",
            "{}",
            "name",
            "did you mean stripe.createInvoice",
        ),
        ("", "{}", "name", "list-actions names them all"),
    ] {
        let refusal = arguments(name, config).unwrap_err();
        assert!(
            refusal.message.contains(said),
            "{name} {config}: {}",
            refusal.message
        );
        assert_eq!(refusal.path, path, "{name} {config}");
    }
}

#[test]
fn a_place_in_the_arguments_is_one_in_the_config() {
    for (name, place, expected) in [
        ("stripe.getCustomer", "config[0]", "config.customerId"),
        (
            "stripe.updateSubscription",
            "config[1].items[0].price",
            "config.items[0].price",
        ),
        (
            "stripe.createInvoice",
            "config[0].customer",
            "config.customerId",
        ),
        ("stripe.createInvoice", "config[0].footer", "config.footer"),
        ("stripe.createInvoice", "config[0]", "config"),
        (
            "stripe.createInvoice",
            "config[1].idempotencyKey",
            "config.idempotencyKey",
        ),
        (
            "stripe.createInvoice",
            "connection.stripeAccount",
            "connection.stripeAccount",
        ),
    ] {
        assert_eq!(named(name).unwrap().place(place), expected);
    }
}

#[test]
fn answers_are_cut_to_what_was_promised() {
    for (name, body, expected) in [
        (
            "create_price",
            r#"{"id":"price_1", "unit_amount": 12345678901234567890, "currency":"usd","x":{}}"#,
            r#"{"currency":"usd","id":"price_1","unit_amount":12345678901234567890}"#,
        ),
        // A deleted customer has no email.
        (
            "retrieve_customer",
            r#"{"id":"cus_1","deleted":true}"#,
            r#"{"email":null,"id":"cus_1"}"#,
        ),
        (
            "list_customers",
            r#"{"object":"list","data":[{"id":"cus_2","email":"é"},{"id":"cus_1"}]}"#,
            r#"[{"email":"é","id":"cus_2"},{"email":null,"id":"cus_1"}]"#,
        ),
        ("list_customers", r#"{"data": []}"#, "[]"),
        ("list_customers", r#"{"odd": 1}"#, r#"{"odd": 1}"#),
        ("create_product", "[1]", "[1]"),
        ("stripe.getCustomer", r#"{ "id": 1 }"#, r#"{ "id": 1 }"#),
    ] {
        assert_eq!(named(name).unwrap().cut(body.to_owned()), expected);
    }
}
