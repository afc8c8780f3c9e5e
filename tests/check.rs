//! `check-connection` and `stripe-harness check`: what a connection is, and what
//! its key may not do.

use serde_json::{Value, json};
use stripe_harness::sandbox::{Sandbox, SandboxOptions};
use stripe_harness::types::Mode;
use stripe_harness::{Case, KeyKind};

use crate::support::command::{harness, lines, run};
use crate::support::{Answer, KEY, Server, connected, connected_to, failed};

#[tokio::test]
async fn a_secret_key_is_told_by_one_read() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (plugin, connection) = connected_to(&sandbox.base_url(), json!({})).await;
    let checked = plugin.check_connection(&connection).await.unwrap();
    let account = plugin
        .request(&connection, "accounts", "retrieveCurrent", "[]")
        .await
        .unwrap();
    let account: Value = serde_json::from_str(&account.body).unwrap();
    assert_eq!(checked.account.as_deref(), account["id"].as_str());
    assert_eq!(
        (checked.mode, checked.key_kind),
        (Some(Mode::Test), KeyKind::Secret)
    );
    assert_eq!(checked.api_version.as_deref(), Some("2026-10-28.endive"));
    assert!(checked.lacking.is_empty() && checked.refused_by_policy.is_empty());
    assert_eq!(sandbox.requests().len(), 2);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_a_restricted_key_lacks_is_named() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    for (key, lacking, has) in [
        ("rk_test_1234_read_only", &[][..], "customers.list"),
        (
            "rk_test_1234_only_customers",
            &[
                "accounts.retrieveCurrent",
                "balance.retrieve",
                "paymentIntents.list",
            ],
            "customers.list",
        ),
        (
            "rk_test_1234_no_access",
            &["customers.list", "events.list"],
            "",
        ),
    ] {
        let (plugin, connection) =
            connected_to(&sandbox.base_url(), json!({"secretKey": key})).await;
        let checked = plugin.check_connection(&connection).await.unwrap();
        assert_eq!(checked.key_kind, KeyKind::Restricted);
        let names: Vec<&str> = checked
            .lacking
            .iter()
            .map(|l| l.operation.as_str())
            .collect();
        for name in lacking {
            assert!(names.contains(name), "{key}: {names:?}");
        }
        assert!(!names.contains(&has), "{key}: {names:?}");
        assert_eq!(names.is_empty(), lacking.is_empty(), "{key}: {names:?}");
        for lacking in &checked.lacking {
            let permission = lacking.permission.as_deref().unwrap();
            assert!(
                permission.starts_with("rak_") && permission.ends_with("_read"),
                "{permission}"
            );
            assert!(lacking.message.contains(permission));
        }
        // Stripe names the account even where it may not be read.
        assert!(checked.account.as_deref().unwrap().starts_with("acct_"));
    }
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_key_that_is_not_valid_is_an_error_and_a_policy_is_kept() {
    let refusal = Answer::json(401, r#"{"error":{"message":"Invalid API Key provided."}}"#);
    let server = Server::start(vec![refusal]).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let error = failed(plugin.check_connection(&connection).await);
    assert_eq!(
        (error.case, error.failure.type_.as_str()),
        (Case::Permanent, "authentication_error")
    );

    // Reads that the policy does not allow are not tried; an unknown kind of key
    // is told by what answers say.
    let server = Server::answering(|request| {
        assert!(
            request.target.starts_with("/v1/prices"),
            "{}",
            request.target
        );
        Answer::json(200, r#"{"data":[],"livemode":true}"#)
    })
    .await;
    let rules = json!({"secretKey": "some-token-of-oauth", "allow": ["prices.*"]});
    let (plugin, connection) = connected(&server, rules).await;
    let checked = plugin.check_connection(&connection).await.unwrap();
    assert_eq!(
        (checked.mode, checked.key_kind),
        (Some(Mode::Live), KeyKind::Other)
    );
    assert!(
        checked
            .refused_by_policy
            .contains(&"accounts.retrieveCurrent".to_owned())
    );
    assert_eq!(server.only().method, "GET");

    let (plugin, connection) = connected(&server, json!({"allow": ["customers.create"]})).await;
    let error = failed(plugin.check_connection(&connection).await);
    assert_eq!(error.failure.type_, "policy_error");
    assert_eq!(server.arrived().len(), 1);
}

#[test]
fn the_command_says_it_to_people_and_to_programs() {
    let (code, stdout, stderr) = run(harness(&["check", "--sandbox"]));
    assert_eq!(code, 0, "{stderr}");
    for line in [
        "account      acct_",
        "mode         test",
        "key          secret",
        "API version  2026-10-28.endive",
    ] {
        assert!(stdout.contains(line), "{stdout}");
    }
    let mut command = harness(&["check", "--sandbox", "--output", "json"]);
    command.env("STRIPE_SECRET_KEY", "rk_test_1234_only_customers");
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, 0, "{stderr}");
    let checked = &lines(&stdout)[0];
    assert_eq!(checked["key_kind"], "restricted");
    assert_eq!(checked["mode"], "test");
    assert_eq!(
        checked["lacking"][0]["operation"],
        "accounts.retrieveCurrent"
    );
    assert!(checked["latency_ms"].is_u64());
    // A key the sandbox does not take.
    let mut command = harness(&["check", "--sandbox"]);
    command.env("STRIPE_SECRET_KEY", KEY.replace("_test_", "_live_"));
    let (code, _, stderr) = run(command);
    assert_eq!(code, 1);
    assert!(stderr.contains("authentication_error"), "{stderr}");
}
