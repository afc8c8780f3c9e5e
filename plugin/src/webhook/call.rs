//! The same from YAML: `webhooks: {constructEvent: [payload, header]}`, in the
//! official client's names and positions. These methods make no HTTP call and
//! have no path, so they stand beside the operation table rather than in it.

use std::borrow::Cow;

use super::signature::{self, HEADER, PAYLOAD, SCHEME, SECRETS};
use super::{Delivery, Kind, unverified};
use crate::arguments::positional;
use crate::connection::Settings;
use crate::failure::{Cause, Refusal};
use crate::json::{self, Object, Value};
use crate::secret::Secret;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Verify, and return the event.
    Construct(Kind),
    /// Return the event of a payload that carries no signature.
    Unverified(Kind),
    /// Make a signature header, for tests.
    Generate,
}

impl Method {
    /// JSON Schema (2020-12) of its arguments.
    pub fn schema(self) -> &'static str {
        match self {
            Method::Construct(_) => {
                r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"array","minItems":2,"maxItems":5,"prefixItems":[{"title":"payload","type":"string"},{"title":"header","type":"string"},{"title":"secret","type":["string","array","null"],"items":{"type":"string"}},{"title":"tolerance","type":["integer","null"],"minimum":0},{"title":"receivedAt","type":["integer","null"],"minimum":0}]}"#
            }
            Method::Unverified(_) => {
                r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"array","minItems":1,"maxItems":1,"prefixItems":[{"title":"payload","type":"string"}]}"#
            }
            Method::Generate => {
                r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"array","minItems":1,"maxItems":1,"prefixItems":[{"type":"object","required":["payload"],"additionalProperties":false,"properties":{"payload":{"type":"string"},"secret":{"type":"string"},"timestamp":{"type":"integer"},"scheme":{"type":"string"},"signature":{"type":"string"}}}]}"#
            }
        }
    }
}

/// Resource and method of each, as the official client has them: its `…Async`
/// kin are those a promise-based host would call.
const METHODS: [(&str, &str, Method); 8] = [
    ("", "parseEventNotification", Method::Construct(Kind::Thin)),
    (
        "",
        "parseEventNotificationAsync",
        Method::Construct(Kind::Thin),
    ),
    (
        "",
        "parseEventNotificationWithoutVerification",
        Method::Unverified(Kind::Thin),
    ),
    (
        RESOURCE,
        "constructEvent",
        Method::Construct(Kind::Snapshot),
    ),
    (
        RESOURCE,
        "constructEventAsync",
        Method::Construct(Kind::Snapshot),
    ),
    (
        RESOURCE,
        "constructEventWithoutVerification",
        Method::Unverified(Kind::Snapshot),
    ),
    (RESOURCE, "generateTestHeaderString", Method::Generate),
    (RESOURCE, "generateTestHeaderStringAsync", Method::Generate),
];

/// The resource most of them belong to.
pub const RESOURCE: &str = "webhooks";

/// The names of all, resource and method.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    METHODS
        .iter()
        .map(|(resource, method, _)| (*resource, *method))
}

/// The method of that name.
pub fn find(resource: &str, method: &str) -> Option<Method> {
    // Most calls are to the table: they pay for one comparison.
    if !resource.is_empty() && resource != RESOURCE {
        return None;
    }
    METHODS
        .iter()
        .find(|(known, name, _)| *known == resource && *name == method)
        .map(|(_, _, method)| *method)
}

/// Calls one. The result is JSON; `now` is in seconds since 1970. Places in a
/// refusal are seen from the arguments.
#[cold] // in the way of no call to Stripe
#[inline(never)]
pub fn call(
    method: Method,
    args: Value<'_>,
    settings: &Settings,
    now: impl FnOnce() -> u64,
) -> Result<String, Refusal> {
    let (list, is_list) = positional(args);
    let arguments = Arguments { list, is_list };
    match method {
        Method::Construct(kind) => construct(kind, arguments, settings, now),
        Method::Unverified(kind) => {
            arguments.at_most(1, "payload")?;
            let payload = arguments.text(0, PAYLOAD)?;
            unverified(payload, kind).map_err(|refusal| arguments.locate(refusal))
        }
        Method::Generate => {
            arguments.at_most(1, "{payload, secret, timestamp, scheme, signature}")?;
            generate(&arguments, settings, now)
        }
    }
}

fn construct(
    kind: Kind,
    mut arguments: Arguments<'_>,
    settings: &Settings,
    now: impl FnOnce() -> u64,
) -> Result<String, Refusal> {
    arguments.at_most(5, "payload, header, secret, tolerance, receivedAt")?;
    let own = arguments.secrets()?;
    let is_own = own.is_some();
    let secrets = own.unwrap_or_else(|| settings.webhook_secrets.to_secrets());
    let tolerance = arguments.seconds(3, "tolerance")?;
    let received_at = arguments.seconds(4, "receivedAt")?;
    let delivery = Delivery {
        payload: arguments.text(0, PAYLOAD)?,
        header: arguments.text(1, HEADER)?,
        secrets: &secrets,
        tolerance: tolerance.or(settings.webhook_tolerance),
        received_at,
    };
    if let Err(refusal) = delivery.verify(kind, now) {
        return Err(match is_own {
            false => of_the_connection(refusal, &arguments),
            true => arguments.locate(refusal),
        });
    }
    // Byte for byte what arrived.
    match arguments.list.first_mut() {
        Some(Value::String(payload)) => Ok(std::mem::take(payload).into_owned()),
        _ => Ok(String::new()),
    }
}

/// A refusal where the connection's own secrets were used.
fn of_the_connection(refusal: Refusal, arguments: &Arguments<'_>) -> Refusal {
    match refusal.path.strip_prefix(SECRETS) {
        None => arguments.locate(refusal),
        Some("") => Refusal::configuration(
            "webhookSecrets",
            "There is no signing secret: give webhookSecrets in the connection, or the secret as \
             the third argument. It starts with whsec_.",
        ),
        Some(at) => Refusal::configuration(format!("webhookSecrets{at}"), refusal.message),
    }
}

/// A `stripe-signature` header for a payload of one's own.
fn generate(
    arguments: &Arguments<'_>,
    settings: &Settings,
    now: impl FnOnce() -> u64,
) -> Result<String, Refusal> {
    let place = |name: &str| match (arguments.place(0).as_str(), name) {
        ("", name) => name.to_owned(),
        (place, "") => place.to_owned(),
        (place, name) => format!("{place}.{name}"),
    };
    let Some(Value::Object(options)) = arguments.list.first() else {
        return Err(Refusal::argument(
            place(""),
            "webhooks.generateTestHeaderString takes an object: write {payload, secret}.",
        ));
    };
    let wrong = |name: &str, expected: &str| {
        Refusal::argument(place(name), format!("{name:?} should be {expected}."))
    };
    let known = ["payload", "secret", "timestamp", "scheme", "signature"];
    if let Some((name, _)) = options
        .iter()
        .find(|(name, _)| !known.contains(&name.as_ref()))
    {
        return Err(Refusal::argument(
            place(name),
            format!("{name:?} is not known here; there is {}.", known.join(", ")),
        ));
    }
    let text = |name: &str| match member(options, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_ref())),
        Some(_) => Err(wrong(name, "text")),
    };
    let payload = text("payload")?.ok_or_else(|| wrong("payload", "given"))?;
    let mut secrets = match text("secret")? {
        Some(own) => vec![Secret::new(own.to_owned())],
        None => settings.webhook_secrets.to_secrets(),
    };
    // The newest comes first.
    secrets.truncate(1);
    let timestamp = match member(options, "timestamp") {
        None => now(),
        Some(Value::Number(digits)) => {
            let whole = digits.split('.').next().unwrap_or_default();
            match whole.parse() {
                // As the official client: 0 is no timestamp.
                Ok(0) => now(),
                Ok(seconds) => seconds,
                Err(_) => return Err(wrong("timestamp", "a number of seconds since 1970")),
            }
        }
        Some(_) => return Err(wrong("timestamp", "a number of seconds since 1970")),
    };
    let scheme = text("scheme")?.filter(|scheme| !scheme.is_empty());
    let signature = match text("signature")?.filter(|given| !given.is_empty()) {
        Some(given) => Cow::Borrowed(given),
        None => {
            signature::check(&secrets).map_err(|refusal| Refusal {
                path: place("secret"),
                ..refusal
            })?;
            let made = secrets
                .iter()
                .map(|secret| signature::signature(timestamp, payload, secret));
            Cow::Owned(made.collect())
        }
    };
    let header = [
        "t=",
        itoa::Buffer::new().format(timestamp),
        ",",
        scheme.unwrap_or(SCHEME),
        "=",
        &signature,
    ]
    .concat();
    let mut out = String::with_capacity(header.len() + 2);
    json::write_string(&header, &mut out);
    Ok(out)
}

fn member<'v, 'a>(options: &'v Object<'a>, name: &str) -> Option<&'v Value<'a>> {
    options
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
        .filter(|value| !matches!(value, Value::Null))
}

/// Positional arguments.
struct Arguments<'a> {
    list: Vec<Value<'a>>,
    /// Whether they were written as a list.
    is_list: bool,
}

impl Arguments<'_> {
    fn place(&self, at: usize) -> String {
        match self.is_list {
            true => format!("[{at}]"),
            false => String::new(),
        }
    }

    fn at_most(&self, count: usize, usage: &str) -> Result<(), Refusal> {
        let mut surplus = self.list.iter().enumerate().skip(count);
        match surplus.find(|(_, value)| !matches!(value, Value::Null)) {
            None => Ok(()),
            Some((at, _)) => Err(Refusal::argument(
                self.place(at),
                format!("At most {count} arguments are taken: write [{usage}]."),
            )),
        }
    }

    /// A refusal of a named argument, at its position.
    fn locate(&self, refusal: Refusal) -> Refusal {
        let path = [(PAYLOAD, 0), (HEADER, 1), (SECRETS, 2)]
            .into_iter()
            .find_map(|(name, at)| Some((at, refusal.path.strip_prefix(name)?)))
            .map(|(at, rest)| {
                // One secret that was given as text is no list of them.
                let alone = at == 2 && !matches!(self.list.get(2), Some(Value::Array(_)));
                format!("{}{}", self.place(at), if alone { "" } else { rest })
            });
        Refusal {
            path: path.unwrap_or_default(),
            ..refusal
        }
    }

    /// A text; none and null are the empty one.
    fn text(&self, at: usize, name: &str) -> Result<&str, Refusal> {
        match self.list.get(at) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(Value::Object(_) | Value::Array(_)) if name == PAYLOAD => Err(Refusal::signature(
                Cause::PayloadParsed,
                self.place(at),
                "The payload is a parsed body. Only the body as it arrived can be verified: pass \
                 the raw text of the request's body.",
            )),
            Some(other) => Err(Refusal::argument(
                self.place(at),
                format!("The {name} should be text, not {}.", other.kind()),
            )),
        }
    }

    /// The secrets given in the call: one, or a list of them.
    fn secrets(&self) -> Result<Option<Vec<Secret>>, Refusal> {
        let secret = |value: &Value<'_>, place: String| match value {
            Value::String(secret) => Ok(Secret::new(secret.clone().into_owned())),
            other => Err(Refusal::argument(
                place,
                format!(
                    "A signing secret should be text, or a list of such, not {}.",
                    other.kind()
                ),
            )),
        };
        match self.list.get(2) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(all)) => all
                .iter()
                .enumerate()
                .map(|(at, one)| secret(one, format!("{}[{at}]", self.place(2))))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(one) => Ok(Some(vec![secret(one, self.place(2))?])),
        }
    }

    fn seconds(&self, at: usize, name: &str) -> Result<Option<u32>, Refusal> {
        match self.list.get(at) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(digits)) if digits.parse::<u32>().is_ok() => Ok(digits.parse().ok()),
            Some(_) => Err(Refusal::argument(
                self.place(at),
                format!("The {name} should be a whole number of seconds, from 0 to 4294967295."),
            )),
        }
    }
}
