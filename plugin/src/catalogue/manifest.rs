//! What this component is and asks of a host, and the schema of a connection's
//! properties. The defaults are filled in from the constants that calls use, so
//! that a form shows what will be.

use super::model::Inflated;
use crate::connection::Defaults;
use crate::failure::Refusal;
use crate::operation::Base;
use crate::retry;

/// The package that is implemented.
pub const ID: &str = "lowcode:stripe";

/// Name for people.
pub const TITLE: &str = "Stripe";

/// Version of the WIT package.
pub const WIT_VERSION: &str = "0.1.0";

/// The interfaces that are exported, sorted; a test holds them against what the
/// component really exports.
pub const INTERFACES: [&str; 6] = [
    "actions",
    "catalogue",
    "connections",
    "pages",
    "requests",
    "webhooks",
];

/// Start page of Stripe's reference.
pub const DOCS_URL: &str = "https://docs.stripe.com/api";

/// The hosts that requests go to.
pub const HOSTS: [Base; 4] = [Base::Api, Base::Files, Base::Connect, Base::MeterEvents];

/// WASI interfaces without which no call can be made; those of `wasi:io` and the
/// types come with them. Rust's standard library imports others, which may stay
/// empty.
pub const CAPABILITIES: [&str; 3] = [
    "wasi:clocks/monotonic-clock",
    "wasi:http/outgoing-handler",
    "wasi:random/random",
];

/// A payment card with a braced slot: a drawing of this project's own.
pub const ICON: &str = concat!(
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\" fill=\"none\" ",
    "stroke=\"currentColor\" stroke-width=\"1.5\" stroke-linecap=\"round\" ",
    "stroke-linejoin=\"round\"><rect x=\"2.75\" y=\"5\" width=\"18.5\" height=\"14\" rx=\"2.5\"/>",
    "<path d=\"M2.75 9.5h18.5M9 12.5c-1.2 0-.6 1.5-1.8 1.75 1.2.25.6 1.75 1.8 1.75",
    "M15 12.5c1.2 0 .6 1.5 1.8 1.75-1.2.25-.6 1.75-1.8 1.75M11 14.25h2\"/></svg>"
);

/// JSON Schema of a connection's properties, with the defaults that are applied.
pub fn connection_schema() -> Result<String, Refusal> {
    let inflated = Inflated::new()?;
    let mut schema = inflated.connection_schema()?.to_owned();
    for (name, value) in defaults() {
        schema = schema.replace(&format!("\"{{{name}}}\""), &value);
    }
    Ok(schema)
}

/// What stands in braces in `catalogue/connection.schema.json`.
fn defaults() -> [(&'static str, String); 8] {
    [
        ("timeout", Defaults::TIMEOUT.to_string()),
        (
            "maxNetworkRetries",
            Defaults::MAX_NETWORK_RETRIES.to_string(),
        ),
        ("telemetry", Defaults::TELEMETRY.to_string()),
        ("maxRequestBytes", Defaults::MAX_REQUEST_BYTES.to_string()),
        ("maxResponseBytes", Defaults::MAX_RESPONSE_BYTES.to_string()),
        ("interval", seconds(retry::INTERVAL)),
        ("backOffFactor", retry::BACK_OFF_FACTOR.to_string()),
        ("maxWaitInterval", seconds(retry::MAX_WAIT_INTERVAL)),
    ]
}

/// Milliseconds as seconds. Printing floating point would bring its tables into
/// the component.
fn seconds(milliseconds: u32) -> String {
    match (milliseconds / 1000, milliseconds % 1000) {
        (whole, 0) => whole.to_string(),
        (whole, rest) => format!("{whole}.{rest:03}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_filled_in() {
        let schema = connection_schema().unwrap();
        let parsed: serde_json::Value = serde_json::from_str(&schema).unwrap();
        assert!(!schema.contains("\"{"), "{schema}");
        let property = |name: &str| &parsed["properties"][name]["default"];
        assert_eq!(*property("timeout"), Defaults::TIMEOUT);
        assert_eq!(*property("telemetry"), true);
        let retry = &parsed["properties"]["retryConfig"]["properties"];
        assert_eq!(retry["interval"]["default"].to_string(), "0.5");
    }

    #[test]
    fn seconds_are_exact() {
        for (milliseconds, text) in [(500, "0.5"), (5_000, "5"), (1_050, "1.05"), (0, "0")] {
            assert_eq!(seconds(milliseconds), text);
        }
    }
}
