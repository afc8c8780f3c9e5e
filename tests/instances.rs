//! Plugins that share one engine: what one of them keeps or is allowed takes
//! nothing from another.

use serde_json::json;
use stripe_harness::{HostOptions, Instances, Plugin};

use crate::support::{KEY, component, failed};

async fn plans(plugin: &Plugin) -> bool {
    let connection = plugin
        .parse_connection(json!({"secretKey": KEY}).to_string())
        .await
        .unwrap();
    plugin
        .plan(&connection, "customers", "list", "null")
        .await
        .is_ok()
}

fn narrow(instances: Instances) -> HostOptions {
    HostOptions {
        max_concurrent_calls: 1,
        instances,
        ..HostOptions::default()
    }
}

/// Room for one call at a time: each plugin's idle instance is in the next
/// one's way, and has to go.
#[tokio::test]
async fn idle_instances_of_one_plugin_leave_room_for_another() {
    let reused = || narrow(Instances::Reused { max_idle: 1 });
    let first = Plugin::load(&component(), reused()).unwrap();
    let second = first.with_options(reused()).unwrap();
    let third = first.with_options(narrow(Instances::Isolated)).unwrap();
    for _ in 0..5 {
        for plugin in [&first, &second, &third] {
            assert!(plans(plugin).await);
        }
    }
    // A plugin that is gone leaves nothing behind.
    drop(first);
    for _ in 0..5 {
        assert!(plans(&second).await);
    }
}

/// The engine counts fuel or does not; a plugin of other options runs all the
/// same.
#[tokio::test]
async fn fuel_is_the_engines_matter() {
    let counting = HostOptions {
        max_fuel: Some(10_000_000),
        ..HostOptions::default()
    };
    let counts = Plugin::load(&component(), counting.clone()).unwrap();
    assert!(plans(&counts.with_options(HostOptions::default()).unwrap()).await);
    let free = Plugin::load(&component(), HostOptions::default()).unwrap();
    assert!(plans(&free.with_options(counting).unwrap()).await);
}

/// Nothing was sent by a call that ran out of fuel before it could.
#[tokio::test]
async fn a_call_that_ends_before_its_request_was_not_sent() {
    let options = HostOptions {
        max_fuel: Some(2_000_000),
        ..HostOptions::default()
    };
    let plugin = Plugin::load(&component(), options).unwrap();
    let connection = plugin
        .parse_connection(json!({"secretKey": KEY}).to_string())
        .await
        .unwrap();
    let args = json!([{"description": "x".repeat(1 << 20)}]).to_string();
    let error = failed(
        plugin
            .request(&connection, "customers", "create", args)
            .await,
    );
    assert!(error.failure.message.contains("max_fuel"), "{error}");
    assert!(!error.failure.may_have_been_sent, "{error}");
}
