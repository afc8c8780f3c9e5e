//! What a connection's policy permits: judged by the real component before
//! anything is sent, whatever the way in.

use serde_json::{Value, json};
use stripe_harness::{CallError, Case, Connection, Plugin};

use crate::support::{Answer, KEY, Server, connected, failed, plugin};

/// A server that answers everything, and a connection to it with these rules.
async fn ruled(rules: Value) -> (Server, Plugin, Connection) {
    let server = Server::answering(|_| Answer::plain()).await;
    let (plugin, connection) = connected(&server, rules).await;
    (server, plugin, connection)
}

fn refused(error: &CallError, path: &str, said: &str) {
    assert_eq!(error.case, Case::Permanent, "{error}");
    assert_eq!(error.failure.type_, "policy_error", "{error}");
    assert_eq!(error.failure.path.as_deref(), Some(path), "{error}");
    assert!(error.failure.message.contains(said), "{said}: {error}");
    assert!(!error.failure.may_have_been_sent);
    assert_eq!(error.failure.attempts, 0);
}

/// A call as `resource.method`, and its arguments.
async fn call(
    plugin: &Plugin,
    connection: &Connection,
    name: &str,
    args: &Value,
) -> Result<(), CallError> {
    let (resource, method) = name.rsplit_once('.').unwrap_or(("", name));
    let args = args.to_string();
    let plan = plugin
        .plan(connection, resource, method, args.clone())
        .await;
    let sent = plugin.request(connection, resource, method, args).await;
    // A dry run is judged like the call.
    assert_eq!(plan.is_ok(), sent.is_ok(), "{name}");
    sent.map(|_| ())
}

/// Calls that a connection with these rules makes, and those it refuses, with
/// the place and a part of what it says.
pub(crate) async fn judge(
    rules: Value,
    sent: &[(&str, Value)],
    refusals: &[(&str, Value, &str, &str)],
) {
    let (server, plugin, connection) = ruled(rules).await;
    for (at, (name, args)) in sent.iter().enumerate() {
        let result = call(&plugin, &connection, name, args).await;
        assert!(result.is_ok(), "{name} {args}: {result:?}");
        assert_eq!(server.arrived().len(), at + 1, "{name} {args}");
    }
    for (name, args, path, said) in refusals {
        let error = failed(call(&plugin, &connection, name, args).await);
        refused(&error, path, said);
        assert_eq!(server.arrived().len(), sent.len(), "{name} {args}");
    }
}

#[tokio::test]
async fn only_what_is_allowed_is_sent() {
    judge(
        json!({"allow": ["customers.*", "checkout.**", "**.list"]}),
        &[
            ("customers.create", json!([{}])),
            ("customers.search", json!([{"query": "x"}])),
            ("checkout.sessions.expire", json!(["cs_1"])),
            ("v2.core.events.list", json!([])),
            ("rawRequest", json!(["GET", "/v1/customers/cus_1"])),
            (
                "rawRequest",
                json!(["post", "/v1/customers/cus_1", {"name": "n"}]),
            ),
            ("rawRequest", json!(["GET", "/v1/prices?limit=3"])),
        ],
        &[
            (
                "prices.create",
                json!([{}]),
                "connection.allow",
                "does not allow prices.create",
            ),
            (
                "testHelpers.customers.fundCashBalance",
                json!(["cus_1", {"amount": 1}]),
                "connection.allow",
                "\"allow\"",
            ),
            (
                "rawRequest",
                json!(["POST", "/v1/prices", {}]),
                "connection.allow",
                "does not allow prices.create",
            ),
            (
                "rawRequest",
                json!(["GET", "/v1/new_thing"]),
                "args[1]",
                "policy (allow)",
            ),
        ],
    )
    .await;
    judge(
        json!({"allow": []}),
        &[],
        &[(
            "balance.retrieve",
            json!([]),
            "connection.allow",
            "does not allow",
        )],
    )
    .await;
}

#[tokio::test]
async fn nothing_that_is_denied_is_sent() {
    judge(
        json!({"deny": ["customers.del*", "**.search", "accounts.create", "rawRequest"]}),
        &[
            ("customers.create", json!([{}])),
            ("customers.retrieve", json!(["cus_1"])),
        ],
        &[
            (
                "customers.del",
                json!(["cus_1"]),
                "connection.deny[0]",
                "\"customers.del*\" in \"deny\"",
            ),
            (
                "customers.deleteDiscount",
                json!(["cus_1"]),
                "connection.deny[0]",
                "deny",
            ),
            (
                "prices.search",
                json!([{"query": "x"}]),
                "connection.deny[1]",
                "deny",
            ),
            // The same operation by its older name.
            (
                "account.create",
                json!([{}]),
                "connection.deny[2]",
                "refuses account.create",
            ),
            (
                "rawRequest",
                json!(["GET", "/v1/customers"]),
                "connection.deny[3]",
                "rawRequest",
            ),
        ],
    )
    .await;
    // Denied wins over allowed.
    judge(
        json!({"allow": ["customers.*"], "deny": ["customers.del"]}),
        &[("customers.create", json!([{}]))],
        &[(
            "customers.del",
            json!(["cus_1"]),
            "connection.deny[0]",
            "deny",
        )],
    )
    .await;
}

#[tokio::test]
async fn a_connection_that_may_only_read_reads() {
    judge(
        json!({"readOnly": true}),
        &[
            ("customers.list", json!([])),
            ("customers.search", json!([{"query": "x"}])),
            ("quotes.pdf", json!(["qt_1"])),
            ("v2.core.accounts.retrieve", json!(["acct_1"])),
            // A POST that changes nothing.
            ("invoices.createPreview", json!([{"customer": "cus_1"}])),
            ("rawRequest", json!(["GET", "/v1/customers/cus_1"])),
            (
                "rawRequest",
                json!(["POST", "/v1/invoices/create_preview", {}]),
            ),
        ],
        &[
            (
                "customers.create",
                json!([{}]),
                "connection.readOnly",
                "customers.create writes",
            ),
            (
                "customers.del",
                json!(["cus_1"]),
                "connection.readOnly",
                "\"readOnly\"",
            ),
            (
                "v2.core.accounts.create",
                json!([{}]),
                "connection.readOnly",
                "writes",
            ),
            (
                "rawRequest",
                json!(["DELETE", "/v1/customers/cus_1"]),
                "connection.readOnly",
                "customers.del",
            ),
            (
                "rawRequest",
                json!(["GET", "/v1/anything"]),
                "args[1]",
                "policy (readOnly)",
            ),
        ],
    )
    .await;
    // What sends nothing is a read.
    let (server, plugin, connection) = ruled(json!({"readOnly": true, "clientId": "ca_1"})).await;
    let url = plugin
        .request(&connection, "oauth", "authorizeUrl", "[]")
        .await;
    assert!(url.unwrap().body.contains("client_id=ca_1"));
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn a_key_of_the_other_mode_is_refused() {
    let plugin = plugin(&[]);
    for (key, mode, key_mode, said) in [
        ("sk_test_1234567890abcdef", "test", None, None),
        ("rk_live_1234567890abcdef", "live", None, None),
        ("sk_org_live_1234567890abc", "live", None, None),
        ("sk_test_placeholder000", "test", None, None),
        ("an-oauth-token", "test", Some("test"), None),
        (
            "sk_live_1234567890abcdef",
            "test",
            None,
            Some("this is a live key"),
        ),
        (
            "rk_test_1234567890abcdef",
            "live",
            None,
            Some("this is a test key"),
        ),
        (
            "sk_org_live_1234567890abc",
            "test",
            None,
            Some("this is a live key"),
        ),
        // A placeholder that tells nothing fails closed.
        ("{{secret}}", "test", None, Some("\"keyMode\": \"test\"")),
        (
            "{{secret}}",
            "live",
            Some("test"),
            Some("this is a test key"),
        ),
        (
            "sk_TEST_1234567890abcdef",
            "test",
            None,
            Some("does not tell its mode"),
        ),
        (
            "sk_liv_test_67890abcdef1",
            "test",
            None,
            Some("does not tell its mode"),
        ),
    ] {
        let mut properties = json!({"secretKey": key, "mode": mode});
        if let Some(key_mode) = key_mode {
            properties["keyMode"] = json!(key_mode);
        }
        let parsed = plugin.parse_connection(&properties.to_string()).await;
        match said {
            None => assert!(parsed.is_ok(), "{properties}: {parsed:?}"),
            Some(said) => {
                let error = failed(parsed);
                refused(&error, "properties.mode", said);
                assert!(!error.failure.message.contains("90abcdef"), "{error}");
            }
        }
    }
    // A record that was made elsewhere is judged as well, at every call.
    let properties = json!({"secretKey": KEY, "mode": "test"}).to_string();
    let mut record = plugin
        .parse_connection(&properties)
        .await
        .unwrap()
        .record()
        .clone();
    record.secret_key = Some("sk_live_1234567890abcdef".into());
    let connection = plugin.connection(record).unwrap();
    let error = failed(plugin.request(&connection, "customers", "list", "[]").await);
    refused(&error, "connection.mode", "this is a live key");

    let contradicted = json!({"secretKey": KEY, "keyMode": "live"}).to_string();
    let error = failed(plugin.parse_connection(&contradicted).await);
    assert_eq!(error.failure.type_, "configuration_error");
    assert_eq!(error.failure.path.as_deref(), Some("properties.keyMode"));
}

#[tokio::test]
async fn a_key_in_the_options_is_judged_too() {
    let live = json!({"apiKey": "sk_live_1234567890abcdef"});
    let other = json!({"apiKey": "a-token-of-some-kind"});
    judge(
        json!({"mode": "test", "keyMode": "test"}),
        &[
            (
                "customers.list",
                json!([{}, {"apiKey": "rk_test_1234567890abcdef"}]),
            ),
            ("rawRequest", json!(["GET", "/v1/customers"])),
        ],
        &[
            (
                "customers.list",
                json!([{}, live]),
                "args[1].apiKey",
                "this is a live key",
            ),
            (
                "customers.list",
                json!([live]),
                "args[0].apiKey",
                "this is a live key",
            ),
            (
                "customers.retrieve",
                json!(["cus_1", {}, live]),
                "args[2].apiKey",
                "live",
            ),
            // "keyMode" speaks of the connection's key alone.
            (
                "customers.list",
                json!([{}, other]),
                "args[1].apiKey",
                "does not tell its mode",
            ),
            (
                "rawRequest",
                json!(["POST", "/v1/customers", {}, live]),
                "args[3].apiKey",
                "this is a live key",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn lowdefys_form_is_judged_and_names_its_place() {
    let (server, plugin, connection) =
        ruled(json!({"maxAmount": {"eur": 5}, "deny": ["customers.del"]})).await;
    for (properties, path) in [
        (
            json!({"paymentIntents": {"create": [{"amount": 6, "currency": "eur"}]}}),
            "properties.paymentIntents.create[0].amount",
        ),
        (
            json!({"paymentIntents": {"create": {"amount": 6, "currency": "eur"}}}),
            "properties.paymentIntents.create.amount",
        ),
        (json!({"customers": {"del": "cus_1"}}), "connection.deny[0]"),
        (
            json!({"rawRequest": ["POST", "/v1/payment_intents", {"amount": 6, "currency": "eur"}]}),
            "properties.rawRequest[2].amount",
        ),
    ] {
        let error = failed(
            plugin
                .stripe_request(&connection, properties.to_string())
                .await,
        );
        refused(&error, path, "");
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn rules_that_cannot_hold_are_refused_when_they_are_read() {
    let plugin = plugin(&[]);
    for (rules, path, said) in [
        (
            json!({"allow": ["customer.*"]}),
            "properties.allow[0]",
            "did you mean customers.*?",
        ),
        (
            json!({"allow": ["customers.*", "checkout.*"]}),
            "properties.allow[1]",
            "checkout.**",
        ),
        (
            json!({"deny": ["customers.delete"]}),
            "properties.deny[0]",
            "customers.del",
        ),
        (
            json!({"deny": ["customers.[a"]}),
            "properties.deny[0]",
            "is not a glob",
        ),
        (json!({"deny": [""]}), "properties.deny[0]", "is not a glob"),
        (
            json!({"deny": ["*"]}),
            "properties.deny[0]",
            "did you mean **?",
        ),
        (
            json!({"allow": ["rawRequest"]}),
            "properties.allow[0]",
            "verb and path",
        ),
        (
            json!({"allow": "customers.*"}),
            "properties.allow",
            "a list of strings",
        ),
        (
            json!({"readOnly": "yes"}),
            "properties.readOnly",
            "a boolean",
        ),
        (json!({"mode": "Test"}), "properties.mode", "test or live"),
        (
            json!({"keyMode": "prod"}),
            "properties.keyMode",
            "test or live",
        ),
        (
            json!({"maxAmount": {"EUR": 5}}),
            "properties.maxAmount.EUR",
            "lower case",
        ),
        (
            json!({"maxAmount": {"eur": "5"}}),
            "properties.maxAmount.eur",
            "whole amount",
        ),
        (
            json!({"maxAmount": {"eur": -5}}),
            "properties.maxAmount.eur",
            "whole amount",
        ),
        (
            json!({"maxAmount": 5000}),
            "properties.maxAmount",
            "an object",
        ),
    ] {
        let mut properties = json!({"secretKey": KEY});
        properties
            .as_object_mut()
            .unwrap()
            .extend(rules.as_object().unwrap().clone());
        let error = failed(plugin.parse_connection(&properties.to_string()).await);
        assert_eq!(error.failure.type_, "configuration_error", "{error}");
        assert_eq!(error.failure.path.as_deref(), Some(path), "{error}");
        assert!(error.failure.message.contains(said), "{said}: {error}");
    }
}
