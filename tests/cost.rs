//! What the component costs, in figures that repeat exactly: its size, and the
//! wasm instructions (fuel) of a call. Times are the benchmark's business.

// One list, so that the benchmark shows what is held here.
#[path = "../host-harness/benches/suite/calls.rs"]
mod calls;

use serde_json::json;
use stripe_harness::{HostOptions, Plugin};

use crate::support::{KEY, component};

/// Largest component, in bytes.
const MAX_SIZE: usize = 700_000;

#[test]
fn the_component_stays_small() {
    let size = component().len();
    assert!(size <= MAX_SIZE, "{size} bytes");
}

#[tokio::test]
async fn every_kind_of_call_stays_cheap() {
    let options = HostOptions {
        max_fuel: Some(1_000_000_000),
        ..HostOptions::default()
    };
    let plugin = Plugin::load(&component(), options).unwrap();
    let connection = plugin
        .parse_connection(&json!({"secretKey": KEY}).to_string())
        .await
        .unwrap();
    for call in calls::CALLS {
        let cost = plugin
            .cost_of_plan(&connection, call.resource, call.method, call.args)
            .await
            .unwrap();
        assert!(cost <= call.most, "{}: {cost} fuel units", call.name);
    }
}
