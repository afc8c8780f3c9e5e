//! Ways around a connection's policy, none of which lead anywhere: other
//! spellings of a request, names that hide an amount, headers that make another
//! call of it, and the commands.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::support::command::{harness, lines, run};
use crate::support::{Answer, KEY, Server, connected, failed};

/// Whether anything is sent; what is refused is refused by the policy.
async fn gets_through(rules: &Value, name: &str, args: &Value) -> bool {
    let server = Server::answering(|_| Answer::plain()).await;
    let (plugin, connection) = connected(&server, rules.clone()).await;
    let (resource, method) = name.rsplit_once('.').unwrap_or(("", name));
    let result = plugin
        .request(&connection, resource, method, args.to_string())
        .await;
    let sent = !server.arrived().is_empty();
    if !sent {
        let error = failed(result);
        let kind = error.failure.type_.as_str();
        assert!(
            matches!(kind, "policy_error" | "argument_error"),
            "{name} {args}: {error:?}"
        );
    }
    sent
}

#[tokio::test]
async fn a_path_in_another_spelling_is_judged_or_refused() {
    let rules = json!({"deny": ["customers.del", "customers.search", "invoices.**"]});
    for (verb, path) in [
        ("DELETE", "/v1/customers/cus_1"),
        ("delete", "/v1/customers/cus_1?x=y"),
        ("DELETE", "/v1/customers/cus_1/"),
        ("DELETE", "/v1/customers//cus_1"),
        ("DELETE", "/v1//customers/cus_1"),
        ("DELETE", "//v1/customers/cus_1"),
        ("DELETE", "/v1/./customers/cus_1"),
        ("DELETE", "/v1/prices/../customers/cus_1"),
        ("DELETE", "/v1/prices/%2e%2e/customers/cus_1"),
        ("DELETE", "/v1/prices/..%2fcustomers/cus_1"),
        ("DELETE", "/V1/customers/cus_1"),
        ("DELETE", "/v1/Customers/cus_1"),
        ("DELETE", "/v1/customer%73/cus_1"),
        ("DELETE", "/%76%31/customers/cus_1"),
        ("DELETE", "/v1/customers%2Fcus_1"),
        ("DELETE", "/v1/customers/cus_1;a=b"),
        ("DELETE", "/v1/customers/cus_1.json"),
        ("DELETE", "/v1/customers/cus_1%00"),
        ("DELETE", "/v1/customers/cus_1%20"),
        ("DELETE", "/v1/customers/%2563us_1"),
        ("GET", "/v1/customers/search?query=x"),
        ("GET", "/v1/customers/Search?query=x"),
        ("GET", "/v1/customers/%73earch?query=x"),
        ("GET", "/v1/customers/search/?query=x"),
        ("POST", "/v1/invoices/in_1/pay"),
        ("POST", "/v1/invoices/in_1/PAY"),
        ("POST", "/v1/invoices/in_1/pay/"),
        ("POST", "/v1/invoices/in_1%2Fpay"),
        ("POST", "/v1/invoices/in_1/pay%3Fx"),
        ("GET", "/v1/customers?_method=DELETE"),
        ("POST", "/v1/customers/cus_1?a=b&%5Fmethod=delete"),
        ("POST", "/v1/unknown"),
        ("GET", "/"),
        ("GET", "/v2"),
    ] {
        // An extension is part of an id, as long as it is no word of the API's:
        // the deletion is one either way.
        assert!(
            !gets_through(&rules, "rawRequest", &json!([verb, path])).await,
            "{verb} {path}"
        );
    }
    // Not everything is refused.
    for (verb, path) in [
        ("GET", "/v1/customers/cus_1"),
        ("GET", "/v1/customers?limit=3&email=a%40b.c"),
        ("POST", "/v1/customers/cus_1"),
        ("DELETE", "/v1/coupons/10-off.v1"),
    ] {
        assert!(
            gets_through(&rules, "rawRequest", &json!([verb, path])).await,
            "{verb} {path}"
        );
    }
}

#[tokio::test]
async fn an_id_that_makes_another_request_is_judged_as_that() {
    let rules =
        json!({"deny": ["customers.search", "customers.listSources", "invoices.createPreview"]});
    for (name, args) in [
        ("customers.retrieve", json!(["search", {"query": "x"}])),
        ("customers.retrieve", json!(["Search", {"query": "x"}])),
        ("customers.retrieve", json!(["search.json", {"query": "x"}])),
        ("customers.retrieve", json!(["cus_1/sources"])),
        ("customers.retrieve", json!(["cus_1%2Fsources"])),
        ("customers.retrieve", json!(["cus_1?expand[]=x"])),
        ("customers.retrieve", json!(["cus_1#"])),
        ("customers.retrieve", json!(["cus_1\\sources"])),
        ("customers.retrieve", json!([".."])),
        ("customers.retrieve", json!(["ſearch"])),
        ("customers.retrieve", json!(["search "])),
        ("invoices.update", json!(["create_preview", {}])),
    ] {
        assert!(!gets_through(&rules, name, &args).await, "{name} {args}");
    }
    assert!(gets_through(&rules, "customers.retrieve", &json!(["cus_1"])).await);
    // Allowed is what it is, not what it is called.
    let rules = json!({"allow": ["customers.retrieve"]});
    assert!(
        !gets_through(
            &rules,
            "customers.retrieve",
            &json!(["search", {"query": "x"}])
        )
        .await
    );
    assert!(gets_through(&rules, "customers.retrieve", &json!(["cus_1"])).await);
}

#[tokio::test]
async fn headers_and_params_that_make_another_call_of_it_are_refused() {
    let rules = json!({"readOnly": true});
    for header in [
        "X-HTTP-Method-Override",
        "x-method-override",
        "X-Http-Method",
        "X-Original-URL",
        "x_http_method_override",
        "X_HTTP-Method_Override",
        "x_rewrite_url",
    ] {
        for args in [
            json!([{}, {"headers": {header: "DELETE"}}]),
            json!([{"headers": {header: "DELETE"}}]),
        ] {
            assert!(
                !gets_through(&rules, "customers.list", &args).await,
                "{header}"
            );
        }
        let with = json!({"readOnly": true, "headers": {header: "DELETE"}});
        assert!(
            !gets_through(&with, "customers.list", &json!([])).await,
            "{header}"
        );
    }
    assert!(!gets_through(&rules, "customers.list", &json!([{"_method": "DELETE"}])).await);
    assert!(
        gets_through(
            &rules,
            "customers.list",
            &json!([{}, {"headers": {"x-a": "b"}}])
        )
        .await
    );
}

#[tokio::test]
async fn an_amount_does_not_hide() {
    let rules = json!({"maxAmount": {"eur": 5000}});
    let create = "paymentIntents.create";
    for (name, args) in [
        (
            create,
            json!([{"amount": 1, "currency": "eur", "amount[]": 999_999}]),
        ),
        (
            create,
            json!([{"amount": 1, "currency": "eur", "amount[0]": 999_999}]),
        ),
        (
            create,
            json!([{"amount": 1, "currency": "eur", "currency[]": "usd"}]),
        ),
        (create, json!([{"amount": [999_999], "currency": "eur"}])),
        (
            create,
            json!([{"amount": {"0": 999_999}, "currency": "eur"}]),
        ),
        (create, json!([{"Amount": 1, "currency": "eur"}])),
        (create, json!([{"amount": " 999999", "currency": "eur"}])),
        (create, json!([{"amount": "0x100000", "currency": "eur"}])),
        (create, json!([{"amount": "9_999_999", "currency": "eur"}])),
        (create, json!([{"amount": "999999.0", "currency": "eur"}])),
        (create, json!([{"amount": "000005001", "currency": "eur"}])),
        (create, json!([{"amount": -5001, "currency": "eur"}])),
        (create, json!([{"amount": 1, "currency": "eur "}])),
        (create, json!([{"amount": 1, "currency": ""}])),
        (create, json!([{"amount": 1, "currency": null}])),
        (create, json!([{"amount": 1}])),
        // Params in the query count as well as those in the body.
        (
            "rawRequest",
            json!(["POST", "/v1/payment_intents?amount=999999", {"amount": 1, "currency": "eur"}]),
        ),
        (
            "rawRequest",
            json!(["POST", "/v1/payment_intents?amount=1&currency=eur"]),
        ),
        (
            "rawRequest",
            json!(["POST", "/v1/payment_intents/pi_1?amount=999999", {"metadata": {}}]),
        ),
        (
            "rawRequest",
            json!(["POST", "/v1/payment%5Fintents", {"amount": 5001, "currency": "eur"}]),
        ),
        (
            "rawRequest",
            json!(["POST", "/v1/payment_intents", {"amount": 5001, "currency": "eur"}, {"apiBase": "files"}]),
        ),
        (
            "rawRequest",
            json!([
                "DELETE",
                "/v1/subscriptions/sub_1?invoice_now=true&prorate=true"
            ]),
        ),
        (
            "subscriptions.cancel",
            json!(["sub_1", {"invoice_now": true}]),
        ),
        (
            "forwarding.requests.create",
            json!([{"url": "https://pay.example"}]),
        ),
        (
            "testHelpers.testClocks.advance",
            json!(["clock_1", {"frozen_time": 1}]),
        ),
        ("paymentIntents.update", json!(["create", {"amount": 5001}])),
    ] {
        assert!(!gets_through(&rules, name, &args).await, "{name} {args}");
    }
    assert!(
        gets_through(
            &rules,
            create,
            &json!([{"amount": 5000, "currency": "eur"}])
        )
        .await
    );
    assert!(
        gets_through(
            &rules,
            "rawRequest",
            &json!(["DELETE", "/v1/customers/cus_1?x=y"])
        )
        .await
    );
}

#[tokio::test]
async fn a_placeholder_keeps_the_mode_that_is_judged() {
    let server = Server::answering(|_| Answer::plain()).await;
    for (key, code) in [
        (KEY, 0),
        ("sk_live_sentinel51H7xkQ2eZvKYlo2C", 2),
        ("a_token_sentinel51H7xkQ2eZvKYlo2C", 2),
    ] {
        let mut command = harness(&[
            "request",
            "--inject-key",
            "--base-url",
            server.url(),
            "--property",
            "mode=test",
            "--output",
            "json",
            "customers.list",
        ]);
        command.env("STRIPE_SECRET_KEY", key);
        let ran = tokio::task::spawn_blocking(move || run(command))
            .await
            .unwrap();
        assert_eq!(ran.0, code, "{} {}", ran.1, ran.2);
        assert!(code == 0 || ran.2.contains("\"mode\""), "{}", ran.2);
    }
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn commands_are_judged_as_calls_are() {
    let server = Server::answering(|_| Answer::plain()).await;
    let dir = tempfile::tempdir().unwrap();
    let yaml = format!(
        "connections:\n  - id: stripe\n    type: Stripe\n    properties:\n      secretKey: sk_test_1234567890abcdef\n      \
         baseUrl: {}\n      maxAmount: {{eur: 5000}}\n      deny: [customers.del]\nrequests:\n  - id: pay\n    \
         type: StripeRequest\n    connectionId: stripe\n    properties:\n      paymentIntents:\n        create:\n          - amount: 5001\n            currency: eur\n",
        server.url()
    );
    let file = dir.path().join("app.yaml");
    std::fs::write(&file, yaml).unwrap();
    let calls = dir.path().join("calls.jsonl");
    let mut text = std::fs::File::create(&calls).unwrap();
    for (id, resource, method, args) in [
        (
            "1",
            "paymentIntents",
            "create",
            json!([{"amount": 5001, "currency": "eur"}]),
        ),
        (
            "2",
            "",
            "rawRequest",
            json!(["DELETE", "/v1/customers/cus_1"]),
        ),
        ("3", "customers", "list", json!([])),
    ] {
        writeln!(
            text,
            "{}",
            json!({"id": id, "resource": resource, "method": method, "args": args})
        )
        .unwrap();
    }
    let (file, calls) = (file.display().to_string(), calls.display().to_string());
    let origin = server.url().to_owned();
    let (ran, batch) = tokio::task::spawn_blocking(move || {
        let ran = run(harness(&[
            "run",
            "--allow-origin",
            &origin,
            "--output",
            "json",
            &file,
        ]));
        let batch = run(harness(&[
            "batch",
            "--allow-origin",
            &origin,
            "-c",
            &file,
            &calls,
        ]));
        (ran, batch)
    })
    .await
    .unwrap();
    assert_eq!(ran.0, 1, "{}", ran.2);
    assert_eq!(lines(&ran.1)[0]["error"]["type"], "policy_error");
    assert_eq!(batch.0, 1, "{}", batch.2);
    let answers = lines(&batch.1);
    assert_eq!(answers[0]["error"]["type"], "policy_error", "{}", batch.1);
    assert_eq!(answers[1]["error"]["type"], "policy_error");
    assert_eq!(answers[2]["response"]["status"], 200);
    assert_eq!(server.arrived().len(), 1);
}
