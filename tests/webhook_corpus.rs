//! Webhooks, signed by the official client: the component accepts what it
//! accepts, and refuses what it refuses, for the same reason.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stripe_harness::{CallError, Case, HostOptions, Plugin, Webhook};

use crate::support::command::root;
use crate::support::{KEY, plugin};

fn corpus() -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("tests/webhooks/signatures.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// An outcome in the words of the corpus.
fn outcome<T>(result: &Result<T, CallError>) -> String {
    let Err(error) = result else {
        return "accepted".to_owned();
    };
    let failure = &error.failure;
    assert_eq!(error.case, Case::Permanent, "{error:?}");
    assert!(
        !failure.may_have_been_sent && failure.path.is_some(),
        "{error:?}"
    );
    match (&failure.code, failure.type_.as_str()) {
        (Some(code), "signature_verification_error") => code.clone(),
        (None, "argument_error") if failure.message.contains("thin event") => "wrong_kind".into(),
        (None, "argument_error") if failure.message.contains("snapshot event") => {
            "wrong_kind".into()
        }
        (None, "argument_error") => "not_json".into(),
        // Secrets of the connection's.
        (None, "configuration_error") => "secret_missing".into(),
        _ => panic!("{error:?}"),
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().map(|number| u32::try_from(number).unwrap())
}

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn the_component_judges_as_the_official_client() {
    let plugin = plugin(&[]);
    let connection = json!({"secretKey": KEY}).to_string();
    let connection = plugin.parse_connection(connection).await.unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for case in corpus() {
        let id = &case["id"];
        let expected = case.get("plugin").unwrap_or(&case["outcome"]);
        let secrets = texts(&case["secrets"]);
        let is_thin = case["thin"] == true;
        if let Value::String(payload) = &case["payload"] {
            let webhook = Webhook {
                payload,
                signature_header: case["header"].as_str().unwrap(),
                tolerance: number(&case["tolerance"]),
                received_at: number(&case["receivedAt"]),
            };
            let result = match is_thin {
                true => plugin.parse_event_notification(webhook, &secrets).await,
                false => plugin.construct_event(webhook, &secrets).await,
            };
            assert_eq!(outcome(&result), *expected, "{id}");
            if let Ok(event) = &result {
                assert_eq!(event, payload, "{id}");
            }
            if let Err(error) = &result {
                for secret in &secrets {
                    assert!(secret.trim().is_empty() || !format!("{error:?}").contains(secret));
                }
            }
        }
        let args = json!([
            case["payload"],
            case["header"],
            secrets,
            case["tolerance"],
            case["receivedAt"]
        ]);
        let (resource, method) = match is_thin {
            true => ("", "parseEventNotification"),
            false => ("webhooks", "constructEvent"),
        };
        let args = args.to_string();
        let result = plugin.request(&connection, resource, method, args).await;
        assert_eq!(outcome(&result), *expected, "{id}");
        match result {
            Ok(response) => {
                assert_eq!((response.status, response.attempts), (None, 0), "{id}");
                assert_eq!(case["payload"], response.body, "{id}");
                accepted += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(accepted > 40 && refused > 60, "{accepted} and {refused}");
}

/// 2023-11-14T22:23:20Z, a thousand seconds after the corpus was signed.
fn later() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_001_000)
}

#[tokio::test]
async fn the_hosts_clock_counts_where_no_time_is_given() {
    let cases = corpus();
    let good = cases.iter().find(|case| case["id"] == "good").unwrap();
    let options = HostOptions {
        wall_clock: Some(later),
        ..HostOptions::default()
    };
    let plugin = plugin(&[]).with_options(options).unwrap();
    let verified = async |tolerance| {
        let webhook = Webhook {
            payload: good["payload"].as_str().unwrap(),
            signature_header: good["header"].as_str().unwrap(),
            tolerance,
            received_at: None,
        };
        outcome(
            &plugin
                .construct_event(webhook, &texts(&good["secrets"]))
                .await,
        )
    };
    assert_eq!(verified(None).await, "timestamp_too_old");
    assert_eq!(verified(Some(999)).await, "timestamp_too_old");
    assert_eq!(verified(Some(1000)).await, "accepted");
}

#[tokio::test]
async fn ten_megabytes_are_refused_at_once() {
    // So few instructions a byte that nothing is hashed, let alone compared.
    let options = HostOptions {
        max_fuel: Some(100_000_000),
        ..HostOptions::default()
    };
    let plugin = Plugin::load(&crate::support::component(), options).unwrap();
    let large = "1".repeat(10 << 20);
    let header = format!("t=1700000000,v1={large}");
    let secrets = ["whsec_1".to_owned()];
    for (payload, signature_header, path, code) in [
        (
            "{}",
            header.as_str(),
            "signature-header",
            "header_malformed",
        ),
        (large.as_str(), "t=1,v1=00", "payload", "payload_too_large"),
    ] {
        let webhook = Webhook {
            payload,
            signature_header,
            tolerance: None,
            received_at: None,
        };
        let error = plugin.construct_event(webhook, &secrets).await.unwrap_err();
        assert_eq!(error.failure.path.as_deref(), Some(path));
        assert_eq!(error.failure.code.as_deref(), Some(code));
        assert!(error.failure.message.len() < 300);
    }
}

#[tokio::test]
async fn envelopes_of_cloud_providers_are_opened() {
    let plugin = plugin(&[]);
    let event = r#"{"id":"evt_1","object":"event","amount":1.10}"#;
    let thin = r#"{"id":"evt_1","object":"v2.core.event"}"#;
    let opened = plugin
        .construct_event_without_verification(&format!(r#"{{"detail":{event}}}"#))
        .await;
    assert_eq!(opened.unwrap(), event);
    let envelope = format!(r#"{{"specversion":"1.0","data":{thin}}}"#);
    let opened = plugin
        .parse_event_notification_without_verification(&envelope)
        .await;
    assert_eq!(opened.unwrap(), thin);
    let refused = plugin.construct_event_without_verification(&envelope).await;
    assert_eq!(outcome(&refused), "wrong_kind");
}

/// What a low-code author writes: the secrets are the connection's, and a header
/// for a test is made by the same component.
#[tokio::test]
async fn yaml_verifies_what_the_helper_signed() {
    let plugin = plugin(&[]);
    let properties = json!({"secretKey": KEY, "webhookSecrets": ["whsec_new", "whsec_old"]});
    let connection = plugin
        .parse_connection(properties.to_string())
        .await
        .unwrap();
    let payload = r#"{"id": "evt_1", "object": "event"}"#;
    let call = async |properties: Value| {
        plugin
            .stripe_request(&connection, properties.to_string())
            .await
    };
    let made = call(json!({"webhooks": {"generateTestHeaderString": [
        {"payload": payload, "secret": "whsec_old"}]}}))
    .await;
    let header: String = serde_json::from_str(&made.unwrap().body).unwrap();
    let event = call(json!({"webhooks": {"constructEvent": [payload, header]}})).await;
    assert_eq!(event.unwrap().body, payload);
    let refused = call(json!({"webhooks": {"constructEvent": [{"id": "evt_1"}, header]}})).await;
    let failure = refused.unwrap_err().failure;
    assert_eq!(failure.code.as_deref(), Some("payload_parsed"));
    assert_eq!(
        failure.path.as_deref(),
        Some("properties.webhooks.constructEvent[0]")
    );
    let plain = json!({"secretKey": KEY}).to_string();
    let plain = plugin.parse_connection(plain).await.unwrap();
    let args = json!([payload, header]).to_string();
    let refused = plugin
        .request(&plain, "webhooks", "constructEvent", args)
        .await;
    let failure = refused.unwrap_err().failure;
    assert_eq!(failure.path.as_deref(), Some("connection.webhookSecrets"));
}
