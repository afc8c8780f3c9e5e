//! Lowdefy's nested form, `{customers: {list: [{limit: 30}]}}`: keys are
//! followed until they name a method of the table; what is below is its
//! arguments. The messages for a form that cannot be followed are those of
//! Lowdefy's request schema, word for word.

use crate::failure::Refusal;
use crate::json::Value;
use crate::operation::{self, Operation};
use crate::outgoing::RawRequest;
use crate::webhook::call as webhooks;

/// A call found in the nested form.
#[derive(Debug)]
pub struct Found<'a> {
    /// What is called.
    pub resource: String,
    /// Its method.
    pub method: String,
    /// Its arguments.
    pub args: Value<'a>,
    /// Where the arguments stand, such as `properties.customers.list`.
    pub path: String,
}

/// Reads the properties of a StripeRequest.
pub fn resolve<'a>(properties: Value<'a>) -> Result<Found<'a>, Refusal> {
    let mut keys: Vec<String> = Vec::new();
    let mut value = properties;
    loop {
        let place = place(&keys);
        let mut members = match value {
            Value::Object(members) => members,
            // Lowdefy takes no properties for empty ones.
            Value::Null if keys.is_empty() => Vec::new(),
            _ if keys.is_empty() => {
                return Err(Refusal::argument(
                    place,
                    "StripeRequest request properties should be an object.",
                ));
            }
            _ if keys.len() == 1 => {
                return Err(Refusal::argument(
                    place,
                    "StripeRequest resource should be an object.",
                ));
            }
            // A list or null here calls the resource itself, which is no method.
            _ => return Err(invalid(&keys, Vec::new())),
        };
        let Some((key, below)) = members.pop() else {
            return Err(Refusal::argument(
                place,
                if keys.is_empty() {
                    "StripeRequest should contain a resource to call."
                } else {
                    "StripeRequest resource should contain a method to call."
                },
            ));
        };
        if !members.is_empty() {
            return Err(Refusal::argument(
                place,
                if keys.is_empty() {
                    "StripeRequest should contain only a single resource to call."
                } else {
                    "StripeRequest resource should contain only a single method to call."
                },
            ));
        }
        let resource = keys.join(".");
        if is_call(&resource, &key) {
            let method = key.into_owned();
            keys.push(method.clone());
            return Ok(Found {
                resource,
                method,
                args: below,
                path: self::place(&keys),
            });
        }
        keys.push(key.into_owned());
        // No resource has this beginning, so nothing below can be a method.
        if !is_resource(&keys.join(".")) {
            return Err(unknown_below(&keys, &below));
        }
        value = below;
    }
}

/// What a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A row of the table.
    Operation(Operation),
    /// `rawRequest`.
    Raw,
    /// A method that verifies or reads a webhook, here.
    Webhook(webhooks::Method),
}

/// Finds what a call names by resource and method.
pub fn find(resource: &str, method: &str) -> Result<Target, Refusal> {
    if is_raw(resource, method) {
        return Ok(Target::Raw);
    }
    if let Some(operation) = operation::find(resource, method) {
        return Ok(Target::Operation(operation));
    }
    find_webhook(resource, method)
}

/// What the table does not have.
#[cold]
#[inline(never)]
fn find_webhook(resource: &str, method: &str) -> Result<Target, Refusal> {
    if let Some(method) = webhooks::find(resource, method) {
        return Ok(Target::Webhook(method));
    }
    let mut keys: Vec<String> = Vec::new();
    if !resource.is_empty() {
        keys.push(resource.to_owned());
    }
    keys.push(method.to_owned());
    // A dot in a method is a person's slip: it parts nothing here.
    let nearest = operation::nearest(resource, method);
    Err(Refusal {
        path: String::new(),
        ..invalid(&keys, nearest)
    })
}

fn is_call(resource: &str, method: &str) -> bool {
    is_raw(resource, method)
        || operation::find(resource, method).is_some()
        || webhooks::find(resource, method).is_some()
}

fn is_raw(resource: &str, method: &str) -> bool {
    resource.is_empty() && method == RawRequest::METHOD
}

/// Whether a resource has this name or is nested below it.
fn is_resource(name: &str) -> bool {
    let resources = operation::resources().chain([webhooks::RESOURCE]);
    resources.into_iter().any(|resource| {
        resource
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Follows the first keys below an unknown resource, as Lowdefy does, so that
/// the message names the whole call.
fn unknown_below(keys: &[String], below: &Value<'_>) -> Refusal {
    let mut named = keys.to_vec();
    let mut value = below;
    // Deeper than any resource, a key is an argument's.
    while named.len() < 5 {
        let Some((key, next)) = value.as_object().and_then(|members| members.first()) else {
            break;
        };
        named.push(key.clone().into_owned());
        value = next;
    }
    Refusal {
        path: place(keys),
        ..invalid(&named, Vec::new())
    }
}

/// What no call is named by, with the names that are near, if they are known.
fn invalid(keys: &[String], near: Vec<String>) -> Refusal {
    let name = keys.join(".");
    let shown: String = name.chars().take(200).collect();
    // The last keys may be an argument's: the longest name with a neighbour
    // is the one that was meant.
    let shorter = || {
        (1..=keys.len())
            .rev()
            .filter_map(|length| keys.get(..length))
            .map(|keys| {
                let name = keys.join(".");
                let (resource, method) = name.rsplit_once('.').unwrap_or(("", &name));
                operation::nearest(resource, method)
            })
            .find(|names| !names.is_empty())
            .unwrap_or_default()
    };
    let nearest = match near.is_empty() {
        true => shorter(),
        false => near,
    };
    let mut message = format!("Invalid Stripe method {shown}");
    match nearest.as_slice() {
        [same, ..] if *same == name => {
            let nested = name.replace('.', ": {");
            message.push_str(&format!(
                "; write it nested: {nested}: […]{}",
                "}".repeat(name.matches('.').count())
            ));
        }
        [] => {}
        [only] => message.push_str(&format!("; did you mean {only}?")),
        [first @ .., last] => {
            message.push_str(&format!("; did you mean {} or {last}?", first.join(", ")));
        }
    }
    Refusal::argument(place(keys), message)
}

fn place(keys: &[String]) -> String {
    keys.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(json: &str) -> Result<Found<'_>, Refusal> {
        resolve(Value::parse(json).unwrap())
    }

    #[test]
    fn keys_are_followed_to_a_method() {
        for (json, resource, method, path) in [
            (
                r#"{"customers":{"list":[{"limit":30}]}}"#,
                "customers",
                "list",
                "customers.list",
            ),
            (
                r#"{"customers":{"list":{"limit":30}}}"#,
                "customers",
                "list",
                "customers.list",
            ),
            (
                r#"{"customers":{"list":null}}"#,
                "customers",
                "list",
                "customers.list",
            ),
            (
                r#"{"webhooks":{"constructEvent":["{}","t=1"]}}"#,
                "webhooks",
                "constructEvent",
                "webhooks.constructEvent",
            ),
            (
                r#"{"parseEventNotification":["{}","t=1"]}"#,
                "",
                "parseEventNotification",
                "parseEventNotification",
            ),
            (
                r#"{"rawRequest":["GET","/v1/x"]}"#,
                "",
                "rawRequest",
                "rawRequest",
            ),
            (
                r#"{"checkout":{"sessions":{"retrieve":["cs_1"]}}}"#,
                "checkout.sessions",
                "retrieve",
                "checkout.sessions.retrieve",
            ),
            (
                r#"{"testHelpers":{"treasury":{"inboundTransfers":{"fail":["x"]}}}}"#,
                "testHelpers.treasury.inboundTransfers",
                "fail",
                "testHelpers.treasury.inboundTransfers.fail",
            ),
        ] {
            let found = resolved(json).unwrap();
            assert_eq!(
                (found.resource.as_str(), found.method.as_str()),
                (resource, method)
            );
            assert_eq!(found.path, path);
        }
    }

    #[test]
    fn lowdefys_messages_word_for_word() {
        for (json, message) in [
            (
                "[]",
                "StripeRequest request properties should be an object.",
            ),
            ("{}", "StripeRequest should contain a resource to call."),
            ("null", "StripeRequest should contain a resource to call."),
            (
                r#"{"customers":{"list":[]},"prices":{"list":[]}}"#,
                "StripeRequest should contain only a single resource to call.",
            ),
            (
                r#"{"customers":"list"}"#,
                "StripeRequest resource should be an object.",
            ),
            (
                r#"{"customers":[]}"#,
                "StripeRequest resource should be an object.",
            ),
            (
                r#"{"customers":{}}"#,
                "StripeRequest resource should contain a method to call.",
            ),
            (
                r#"{"customers":{"list":[],"create":[]}}"#,
                "StripeRequest resource should contain only a single method to call.",
            ),
        ] {
            assert_eq!(resolved(json).unwrap_err().message, message);
        }
    }

    #[test]
    fn an_unknown_method_is_named_with_its_neighbours() {
        for (json, said, path) in [
            (
                r#"{"foo":{"bar":[]}}"#,
                "Invalid Stripe method foo.bar",
                "foo",
            ),
            (
                r#"{"webhooks":{"construct_event":[]}}"#,
                "Invalid Stripe method webhooks.construct_event; did you mean webhooks.constructEvent",
                "webhooks.construct_event",
            ),
            (
                r#"{"webhook":{"constructEvent":[]}}"#,
                "Invalid Stripe method webhook.constructEvent; did you mean webhooks.constructEvent",
                "webhook",
            ),
            (
                r#"{"parseEventNotifications":[]}"#,
                "Invalid Stripe method parseEventNotifications; did you mean parseEventNotification",
                "parseEventNotifications",
            ),
            (
                r#"{"webhooks":[]}"#,
                "StripeRequest resource should be an object.",
                "webhooks",
            ),
            (
                r#"{"customers":{"lst":[]}}"#,
                "Invalid Stripe method customers.lst; did you mean customers.list",
                "customers.lst",
            ),
            (
                r#"{"customer":{"create":[{"email":"e"}]}}"#,
                "Invalid Stripe method customer.create; did you mean customers.create",
                "customer",
            ),
            (
                r#"{"customer":{"create":{"email":"e"}}}"#,
                "Invalid Stripe method customer.create.email; did you mean customers.create",
                "customer",
            ),
            (
                r#"{"paymentIntents.create":[{"amount":1}]}"#,
                "Invalid Stripe method paymentIntents.create; write it nested: paymentIntents: {create: […]}",
                "paymentIntents.create",
            ),
            (
                r#"{"checkout":{"sessions":[]}}"#,
                "Invalid Stripe method checkout.sessions",
                "checkout.sessions",
            ),
        ] {
            let refusal = resolved(json).unwrap_err();
            assert!(refusal.message.starts_with(said), "{}", refusal.message);
            assert_eq!(refusal.path, path);
        }
    }
}
