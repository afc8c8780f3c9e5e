//! The sandbox's own paths, under `/_sandbox/`, which Stripe does not have: its clock, and what a
//! cardholder does on a page that nobody can open here. It owns their names and parameters; what they
//! do to objects is the families' affair.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sandbox/clock` | says what time it is |
//! | `POST /_sandbox/clock` `advance=SECONDS` | advances the clock; what falls due meanwhile happens |
//! | `POST /_sandbox/payment_intents/{id}/authenticate` `outcome=succeeded\|failed` | ends the wait for the cardholder |
//! | `POST /_sandbox/checkout/sessions/{id}/complete` `payment_method=pm_card_visa` | pays on the checkout page |
//! | `GET /_sandbox/objects/{kind}/{id}` | shows an object, as the [status page](super::status_page) links to it; takes no key |
//!
//! The others take a test key, and parameters as a form or as JSON.

use super::calendar::iso_8601;
use super::errors::StripeError;
use super::families;
use super::form;
use super::shapes::Object;
use super::store::text;
use super::world::{Outcome, World};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

/// The clock's path.
pub(crate) const CLOCK: &str = "/_sandbox/clock";
/// The furthest the clock goes at once: ten years.
const MAX_ADVANCE: i64 = 10 * 366 * 86_400;

/// Whether a path is the sandbox's own.
pub(crate) fn is_own(path: &str) -> bool {
    path.starts_with("/_sandbox/")
}

/// The parameters of a request for one of these paths.
pub(crate) fn params(request: &Request<Bytes>) -> Result<Object, StripeError> {
    let content_type = request.headers().get("content-type");
    let is_json =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return form::decode(request.body());
    }
    serde_json::from_slice(request.body())
        .map_err(|_| StripeError::malformed("The body must be a JSON object."))
}

/// By how many seconds a request advances the clock, if it does.
pub(crate) fn advance(
    method: &str,
    path: &str,
    params: &Object,
) -> Result<Option<i64>, StripeError> {
    if (method, path) != ("POST", CLOCK) {
        return Ok(None);
    }
    let seconds = match params.get("advance") {
        None => return Err(StripeError::missing("advance")),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    match seconds {
        Some(seconds @ 0..=MAX_ADVANCE) => Ok(Some(seconds)),
        _ => Err(StripeError::malformed(format!(
            "advance is a number of seconds from 0 to {MAX_ADVANCE}: time does not go back."
        ))
        .param("advance")),
    }
}

/// The clock as an answer shows it.
pub(crate) fn clock(now: i64) -> Value {
    json!({"object": "sandbox.clock", "now": now, "time": iso_8601(now)})
}

/// Does what the other paths are for.
pub(crate) fn act(
    world: &mut World<'_>,
    method: &str,
    path: &str,
    params: &Object,
) -> Result<Outcome, StripeError> {
    let parts: Vec<_> = path.split('/').skip(2).collect();
    let object = match (method, parts.as_slice()) {
        ("POST", ["payment_intents", id, "authenticate"]) => {
            let succeeds = match text(params, "outcome") {
                "" | "succeeded" => true,
                "failed" => false,
                _ => {
                    let message = "outcome is succeeded or failed.";
                    return Err(StripeError::malformed(message).param("outcome"));
                }
            };
            families::authenticate(world, id, succeeds)?
        }
        ("POST", ["checkout", "sessions", id, "complete"]) => {
            families::complete_session(world, id, params)?
        }
        _ => return Err(StripeError::unrecognized(method, path)),
    };
    let shown = families::present(world.store, &object);
    Ok(Outcome::Json(Value::Object(shown)))
}
