//! Webhook deliveries: whether Stripe signed one, and which kind of event it
//! holds. Knows nothing of WASI: what time it is, is asked of the caller, and
//! only where a signature's age counts.

pub mod call;
mod signature;

use crate::failure::{Cause, Refusal};
use crate::json::Value;
use crate::secret::Secret;

use self::signature::{HEADER, PAYLOAD};

/// Greatest age of a signature where none is given, in seconds: that of the
/// official clients.
const TOLERANCE: u32 = 300;

/// Something that arrived, with what it is to be held against.
#[derive(Debug)]
pub struct Delivery<'d> {
    /// The body, as it arrived.
    pub payload: &'d str,
    /// The `stripe-signature` header.
    pub header: &'d str,
    /// Signing secrets, of which one must fit.
    pub secrets: &'d [Secret],
    /// Greatest age of the signature, in seconds; 0 is any.
    pub tolerance: Option<u32>,
    /// When it arrived, in seconds since 1970; none is now.
    pub received_at: Option<u32>,
}

/// The two kinds of events Stripe sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// With the object as it was (`event`).
    Snapshot,
    /// With the object's name alone (`v2.core.event`).
    Thin,
}

impl Delivery<'_> {
    /// Verifies the signature, its age, and that the payload is an event of this
    /// kind. `now` is in seconds since 1970.
    pub fn verify(&self, kind: Kind, now: impl FnOnce() -> u64) -> Result<(), Refusal> {
        let signed_at = signature::verify(self.payload, self.header, self.secrets)?;
        let tolerance = self.tolerance.unwrap_or(TOLERANCE);
        if tolerance > 0 {
            let received = self.received_at.map_or_else(now, u64::from);
            let age = received.saturating_sub(signed_at);
            if age > u64::from(tolerance) {
                return Err(Refusal::signature(
                    Cause::TimestampTooOld,
                    HEADER,
                    format!(
                        "The webhook was signed {age} s before it was received, and the tolerance \
                         is {tolerance} s. Check this machine's clock; of a webhook that was kept, \
                         say when it arrived, or give a tolerance of 0."
                    ),
                ));
            }
        }
        check_kind(&parse(self.payload)?, kind)
    }
}

/// The event in a payload that carries no signature: within the envelope of a
/// cloud provider, or as it is.
pub fn unverified(payload: &str, kind: Kind) -> Result<String, Refusal> {
    if payload.trim().is_empty() {
        return Err(Refusal::argument(PAYLOAD, "The webhook has no payload."));
    }
    let parsed = parse(payload)?;
    // Amazon EventBridge; Azure Event Grid, as CloudEvents (Stripe docs, "Send
    // events to Amazon EventBridge", "… to Azure Event Grid").
    let enveloped = match (parsed.get("detail"), parsed.get("specversion")) {
        (Some(detail), _) => Some(("payload.detail", detail)),
        (None, Some(_)) => parsed.get("data").map(|data| ("payload.data", data)),
        (None, None) => None,
    };
    match enveloped {
        Some((place, event @ Value::Object(_))) => {
            check_kind(event, kind)
                .and_then(|()| check_event(event))
                .map_err(|refusal| Refusal {
                    path: place.to_owned(),
                    ..refusal
                })?;
            let mut out = String::with_capacity(payload.len());
            event.write(&mut out);
            Ok(out)
        }
        Some((place, other)) => Err(Refusal::argument(
            place,
            format!(
                "The event in the envelope should be an object, not {}.",
                other.kind()
            ),
        )),
        None => {
            check_kind(&parsed, kind)?;
            check_event(&parsed)?;
            Ok(payload.to_owned())
        }
    }
}

/// Without a signature, what calls itself an event is all there is to go by.
fn check_event(event: &Value<'_>) -> Result<(), Refusal> {
    match object_of(event) {
        Some("event" | "v2.core.event") => Ok(()),
        _ => Err(Refusal::argument(
            PAYLOAD,
            "The payload is no event of Stripe's, nor an envelope of Amazon EventBridge or Azure \
             Event Grid with one.",
        )),
    }
}

fn parse(payload: &str) -> Result<Value<'_>, Refusal> {
    match Value::parse(payload) {
        Ok(event @ Value::Object(_)) => Ok(event),
        Ok(other) => Err(Refusal::argument(
            PAYLOAD,
            format!("The payload is no event, but {}.", other.kind()),
        )),
        Err(error) => Err(Refusal::argument(
            PAYLOAD,
            format!("The payload is not JSON: {error}."),
        )),
    }
}

fn object_of<'v>(event: &'v Value<'_>) -> Option<&'v str> {
    event.get("object").and_then(Value::as_str)
}

fn check_kind(event: &Value<'_>, kind: Kind) -> Result<(), Refusal> {
    let problem = match (kind, object_of(event)) {
        (Kind::Snapshot, Some("v2.core.event")) => {
            "This is a thin event (v2.core.event): read it with parse-event-notification, \
             parseEventNotification in YAML."
        }
        (Kind::Thin, Some("event")) => {
            "This is a snapshot event, with the object in it: read it with construct-event, \
             webhooks.constructEvent in YAML."
        }
        (Kind::Snapshot, _) | (Kind::Thin, Some("v2.core.event")) => return Ok(()),
        (Kind::Thin, _) => "This is no thin event: those have the object \"v2.core.event\".",
    };
    Err(Refusal::argument(PAYLOAD, problem))
}

#[cfg(test)]
mod tests;
