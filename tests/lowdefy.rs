//! What works in Lowdefy works here: its documented examples as they stand, its
//! forms of arguments, its messages.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stripe_harness::document::Document;
use stripe_harness::operators::Context;
use stripe_harness::{Case, Connection, Plugin};

use crate::support::{Answer, KEY, Server, connected, failed, plugin};

fn example(name: &str) -> Document {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned();
    let text = std::fs::read_to_string(root.join("examples").join(name)).unwrap();
    Document::parse(&text).unwrap()
}

/// Runs every request of a file against a server.
async fn run(document: &Document, server: &Server) -> Vec<Value> {
    let secret = |name: &str| (name == "LOWDEFY_SECRET_STRIPE_SECRET_KEY").then(|| KEY.to_owned());
    let context = Context {
        env: &secret,
        payload: None,
        missing_secret: None,
    };
    let plugin = plugin(&[server.url()]);
    let mut bodies = Vec::new();
    for request in &document.requests {
        let entry = document.connection(Some(&request.connection_id)).unwrap();
        let properties = context.evaluate(&entry.properties).unwrap().to_json();
        let mut connection = plugin.parse_connection(&properties).await.unwrap();
        connection.set_base_url(server.url().to_owned());
        let properties = context.evaluate(&request.properties).unwrap().to_json();
        let response = plugin
            .stripe_request(&connection, &properties)
            .await
            .unwrap();
        bodies.push(serde_json::from_str(&response.body).unwrap());
    }
    bodies
}

#[tokio::test]
async fn the_documented_requests_run_unchanged() {
    let server = Server::start(vec![
        Answer::json(200, r#"{"object":"list","data":[]}"#),
        Answer::json(200, r#"{"id":"pi_1"}"#),
        Answer::json(200, r#"{"id":"cs_test_1"}"#),
    ])
    .await;
    let bodies = run(&example("lowdefy-docs/requests.yaml"), &server).await;
    assert_eq!(bodies[1], json!({"id": "pi_1"}));
    let arrived = server.arrived();
    let said: Vec<(&str, &str, &str)> = arrived
        .iter()
        .map(|request| {
            (
                request.method.as_str(),
                request.target.as_str(),
                request.body(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("GET", "/v1/customers?limit=30", ""),
            (
                "POST",
                "/v1/payment_intents",
                "amount=2000&currency=eur&payment_method_types[0]=card"
            ),
            (
                "GET",
                "/v1/checkout/sessions/cs_test_onpT2icY2lrSU0IgDGXEhhcOHcWeJS5BpLcQGMx0uI9TZHLMBdzvWpvx",
                ""
            ),
        ]
    );
    assert!(
        arrived
            .iter()
            .all(|request| request.header("stripe-version").is_none())
    );
}

#[tokio::test]
async fn an_older_api_version_is_sent_as_it_is_written() {
    let server = Server::start(Vec::new()).await;
    run(&example("lowdefy-docs/older-api-version.yaml"), &server).await;
    assert_eq!(server.only().header("stripe-version"), Some("2017-12-14"));
}

/// What `stripe-request` sends for these properties: verb, target, body.
async fn sent(properties: Value) -> (String, String, String) {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    plugin
        .stripe_request(&connection, &properties.to_string())
        .await
        .unwrap_or_else(|error| panic!("{properties}: {error}"));
    let request = server.only();
    let body = request.body().to_owned();
    (request.method, request.target, body)
}

#[tokio::test]
async fn every_form_of_arguments_finds_its_place() {
    for (properties, method, target, body) in [
        (
            json!({"customers": {"list": null}}),
            "GET",
            "/v1/customers",
            "",
        ),
        (
            json!({"customers": {"list": []}}),
            "GET",
            "/v1/customers",
            "",
        ),
        (
            json!({"customers": {"list": {"limit": 3}}}),
            "GET",
            "/v1/customers?limit=3",
            "",
        ),
        (
            json!({"customers": {"retrieve": "cus_1"}}),
            "GET",
            "/v1/customers/cus_1",
            "",
        ),
        (
            json!({"customers": {"del": ["cus_1"]}}),
            "DELETE",
            "/v1/customers/cus_1",
            "",
        ),
        (
            json!({"customers": {"update": ["cus_1", {"name": "A & B", "phone": ""}]}}),
            "POST",
            "/v1/customers/cus_1",
            "name=A%20%26%20B&phone=",
        ),
        (
            json!({"testHelpers": {"treasury": {"inboundTransfers": {"fail": ["ibt_1", {}]}}}}),
            "POST",
            "/v1/test_helpers/treasury/inbound_transfers/ibt_1/fail",
            "",
        ),
        // Only the client that Lowdefy bundles has these.
        (
            json!({"invoices": {"retrieveUpcoming": [{"customer": "cus_1"}]}}),
            "GET",
            "/v1/invoices/upcoming?customer=cus_1",
            "",
        ),
        (
            json!({"subscriptionItems": {"createUsageRecord": ["si_1", {"quantity": 1}]}}),
            "POST",
            "/v1/subscription_items/si_1/usage_records",
            "quantity=1",
        ),
    ] {
        let expected = (method.to_owned(), target.to_owned(), body.to_owned());
        assert_eq!(sent(properties.clone()).await, expected, "{properties}");
    }
}

async fn refused(
    plugin: &Plugin,
    connection: &Connection,
    properties: &str,
) -> (String, Option<String>) {
    let error = failed(plugin.stripe_request(connection, properties).await);
    assert_eq!(error.case, Case::Permanent);
    assert_eq!(error.failure.attempts, 0);
    (error.failure.message.clone(), error.failure.path.clone())
}

#[tokio::test]
async fn lowdefys_messages_word_for_word_and_nothing_is_sent() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    for (properties, message, path) in [
        (
            "[]",
            "StripeRequest request properties should be an object.",
            "properties",
        ),
        (
            "{}",
            "StripeRequest should contain a resource to call.",
            "properties",
        ),
        (
            r#"{"customers":{"list":[]},"prices":{"list":[]}}"#,
            "StripeRequest should contain only a single resource to call.",
            "properties",
        ),
        (
            r#"{"customers":"list"}"#,
            "StripeRequest resource should be an object.",
            "properties.customers",
        ),
        (
            r#"{"customers":{}}"#,
            "StripeRequest resource should contain a method to call.",
            "properties.customers",
        ),
        (
            r#"{"customers":{"list":[],"create":[]}}"#,
            "StripeRequest resource should contain only a single method to call.",
            "properties.customers",
        ),
        (
            r#"{"foo":{"bar":[]}}"#,
            "Invalid Stripe method foo.bar",
            "properties.foo",
        ),
        (
            r#"{"customers":{"list":[{"limit":1},{},{}]}}"#,
            "customers.list takes at most 2 arguments, 3 were given: write customers.list: [{params}, {options}].",
            "properties.customers.list[2]",
        ),
    ] {
        let found = refused(&plugin, &connection, properties).await;
        assert_eq!(
            found,
            (message.to_owned(), Some(path.to_owned())),
            "{properties}"
        );
    }
    let (message, _) = refused(&plugin, &connection, r#"{"customers":{"crate":[]}}"#).await;
    assert!(
        message.starts_with("Invalid Stripe method customers.crate; did you mean customers.create")
    );
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn connection_messages_word_for_word() {
    let plugin = plugin(&[]);
    for (properties, message) in [
        (
            json!([]),
            "Stripe connection properties should be an object.",
        ),
        (
            json!({}),
            "Stripe connection should have required property \"secretKey\".",
        ),
        (
            json!({"secretKey": 1}),
            "Stripe connection property \"secretKey\" should be a string.",
        ),
        (
            json!({"secretKey": KEY, "apiVersion": 1}),
            "Stripe connection property \"apiVersion\" should be a string.",
        ),
        (
            json!({"secretKey": KEY, "telemetry": 1}),
            "Stripe connection property \"telemetry\" should be a boolean.",
        ),
        (
            json!({"secretKey": KEY, "timeout": "1"}),
            "Stripe connection property \"timeout\" should be an integer.",
        ),
        (
            json!({"secretKey": KEY, "maxNetworkRetries": "1"}),
            "Stripe connection property \"maxNetworkRetries\" should be an integer.",
        ),
    ] {
        let error = failed(plugin.parse_connection(&properties.to_string()).await);
        assert_eq!(error.failure.message, message);
        assert_eq!(error.failure.type_, "configuration_error");
    }
}
