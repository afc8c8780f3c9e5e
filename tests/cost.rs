//! What the component costs, in figures that repeat exactly: its size, and the
//! wasm instructions (fuel) of a call. Times are the benchmark's business.

use serde_json::json;
use stripe_harness::{HostOptions, Plugin};

use crate::support::{KEY, component};

/// Largest component, in bytes.
const MAX_SIZE: usize = 350_000;

/// Most fuel for planning [`create`]: lookup, splitting, encoding, and building
/// the request, with the passing of values in and out.
const MAX_FUEL: u64 = 90_000;

/// A checkout session of twenty keys, three levels deep.
fn create() -> String {
    json!([{
        "mode": "payment",
        "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/cart",
        "customer": "cus_NffrFeUfNV2Hib",
        "client_reference_id": "order-6735",
        "locale": "de",
        "line_items": [
            {"price": "price_1MoBy5LkdIwHu7ixZhnattbh", "quantity": 2},
            {"price_data": {"currency": "eur", "unit_amount": 1999,
                            "product_data": {"name": "T-shirt & socks"}}, "quantity": 1}
        ],
        "metadata": {"order_id": "6735", "source": "low-code app"},
        "payment_intent_data": {"description": "Order 6735", "capture_method": "manual"},
        "phone_number_collection": {"enabled": true},
        "expand": ["line_items"],
        "automatic_tax": {"enabled": false}
    }])
    .to_string()
}

#[test]
fn the_component_stays_small() {
    let size = component().len();
    assert!(size <= MAX_SIZE, "{size} bytes");
}

#[tokio::test]
async fn a_nested_create_stays_cheap() {
    let options = HostOptions {
        max_fuel: Some(1_000_000_000),
        ..HostOptions::default()
    };
    let plugin = Plugin::load(&component(), options).unwrap();
    let connection = plugin
        .parse_connection(&json!({"secretKey": KEY}).to_string())
        .await
        .unwrap();
    let cost = plugin
        .cost_of_plan(&connection, "checkout.sessions", "create", &create())
        .await
        .unwrap();
    assert!(cost <= MAX_FUEL, "{cost} fuel units");
}
