//! The options of one call, in the official client's spelling: what it sends
//! differently from what the connection says.

use crate::failure::Refusal;
use crate::json::{Object, Value};
use crate::operation::Base;

/// The option names there are, for recognizing options and for naming the
/// nearest one.
pub(crate) const NAMES: [&str; 11] = [
    "apiBase",
    "apiKey",
    "apiVersion",
    "additionalHeaders",
    "express",
    "headers",
    "idempotencyKey",
    "maxNetworkRetries",
    "stripeAccount",
    "stripeContext",
    "timeout",
];

/// Longest idempotency key Stripe accepts, in characters (API reference,
/// "Idempotent requests").
pub const MAX_IDEMPOTENCY_KEY: usize = 255;

/// What one call asks for besides its params.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Options {
    /// A key other than the connection's.
    pub api_key: Option<crate::secret::Secret>,
    /// The caller's idempotency key.
    pub idempotency_key: Option<String>,
    /// Connected account.
    pub stripe_account: Option<String>,
    /// Context.
    pub stripe_context: Option<String>,
    /// API version.
    pub api_version: Option<String>,
    /// Repetitions of a failed attempt.
    pub max_network_retries: Option<u32>,
    /// Milliseconds for one attempt.
    pub timeout: Option<u32>,
    /// One of Stripe's other hosts.
    pub api_base: Option<Base>,
    /// Headers to add.
    pub headers: Vec<(String, String)>,
    /// `oauth.authorizeUrl`: the page for Express accounts.
    pub express: bool,
}

/// Whether an object in the params' place is an options object: the older
/// habit of passing options without params. All its keys must be options.
pub fn is_options(members: &Object<'_>) -> bool {
    !members.is_empty() && members.iter().all(|(name, _)| NAMES.contains(&&**name))
}

impl Options {
    /// Reads an options object. An unknown option, a wrong type or an empty
    /// value is refused: silently dropping an idempotency key or an account
    /// could charge twice, or charge the wrong one.
    pub fn read(members: &Object<'_>) -> Result<Options, Refusal> {
        let mut options = Options::default();
        for (name, value) in members {
            let name = name.as_ref();
            // These decide who pays, and how often. A null is most often a
            // template that found nothing.
            let decisive = ["apiKey", "idempotencyKey", "stripeAccount", "stripeContext"];
            if matches!(value, Value::Null) && !decisive.contains(&name) {
                continue;
            }
            match name {
                "apiKey" => {
                    options.api_key = Some(crate::secret::Secret::new(text(name, value)?));
                }
                "idempotencyKey" => options.idempotency_key = Some(idempotency_key(name, value)?),
                "stripeAccount" => options.stripe_account = Some(text(name, value)?),
                "stripeContext" => options.stripe_context = Some(text(name, value)?),
                "apiVersion" => options.api_version = Some(text(name, value)?),
                "maxNetworkRetries" => options.max_network_retries = Some(integer(name, value)?),
                "timeout" => options.timeout = Some(integer(name, value)?),
                "apiBase" => {
                    let text = text(name, value)?;
                    let base = Base::named(&text).ok_or_else(|| {
                        Refusal::argument(
                            name,
                            format!(
                                "The option \"apiBase\" should be api, files, connect or \
                                 meter_events, not {text:?}."
                            ),
                        )
                    })?;
                    options.api_base = Some(base);
                }
                "headers" | "additionalHeaders" => headers(name, value, &mut options.headers)?,
                "express" => match value {
                    Value::Bool(express) => options.express = *express,
                    other => return Err(wrong_type(name, "a boolean", other)),
                },
                _ => return Err(unknown(name)),
            }
        }
        if options.stripe_account.is_some() && options.stripe_context.is_some() {
            return Err(Refusal::argument(
                "stripeContext",
                "Give either \"stripeAccount\" or \"stripeContext\", not both.",
            ));
        }
        Ok(options)
    }
}

fn idempotency_key(name: &str, value: &Value<'_>) -> Result<String, Refusal> {
    let key = text(name, value)?;
    check_idempotency_key(&key).map_err(|message| Refusal::argument(name, message))?;
    Ok(key)
}

/// Checks a caller's idempotency key; the error is a sentence.
pub fn check_idempotency_key(key: &str) -> Result<(), String> {
    match key.chars().count() {
        0 => Err("The idempotency key is empty; leave it out or give it a value.".to_owned()),
        length if length > MAX_IDEMPOTENCY_KEY => Err(format!(
            "The idempotency key has {length} characters; Stripe accepts at most \
             {MAX_IDEMPOTENCY_KEY}."
        )),
        _ => Ok(()),
    }
}

fn text(name: &str, value: &Value<'_>) -> Result<String, Refusal> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone().into_owned()),
        Value::String(_) => Err(Refusal::argument(
            name,
            format!("The option {name:?} is empty; leave it out or give it a value."),
        )),
        other => Err(wrong_type(name, "a string", other)),
    }
}

fn integer(name: &str, value: &Value<'_>) -> Result<u32, Refusal> {
    match value {
        Value::Number(text) => text.parse().map_err(|_| {
            Refusal::argument(
                name,
                format!(
                    "The option {name:?} should be a whole number from 0 to 4294967295, not {text}."
                ),
            )
        }),
        other => Err(wrong_type(name, "a whole number", other)),
    }
}

/// Reads an object of headers; a number is sent as it is written.
pub fn headers(
    name: &str,
    value: &Value<'_>,
    out: &mut Vec<(String, String)>,
) -> Result<(), Refusal> {
    let Value::Object(members) = value else {
        return Err(wrong_type(
            name,
            "an object of header names and values",
            value,
        ));
    };
    // `additionalHeaders` replace `headers`, as in the official client.
    let before = out.len();
    for (header, value) in members {
        match value {
            Value::Null => {}
            // Which of two would be sent is nothing to guess: one of them may
            // name who pays.
            _ if out
                .iter()
                .skip(before)
                .any(|(other, _)| other.eq_ignore_ascii_case(header)) =>
            {
                return Err(Refusal::argument(
                    format!("{name}.{header}"),
                    format!(
                        "The header {header:?} is given twice; names are compared without case."
                    ),
                ));
            }
            Value::String(text) | Value::Number(text) => {
                out.push((header.clone().into_owned(), text.clone().into_owned()));
            }
            other => {
                return Err(Refusal::argument(
                    format!("{name}.{header}"),
                    format!(
                        "The header {header:?} should be a string, not {}.",
                        other.kind()
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn wrong_type(name: &str, expected: &str, found: &Value<'_>) -> Refusal {
    Refusal::argument(
        name,
        format!(
            "The option {name:?} should be {expected}, not {}.",
            found.kind()
        ),
    )
}

fn unknown(name: &str) -> Refusal {
    let nearest = NAMES
        .iter()
        .map(|known| {
            (
                strsim::levenshtein(
                    &known.to_ascii_lowercase(),
                    &name.replace('_', "").to_ascii_lowercase(),
                ),
                known,
            )
        })
        .min()
        .filter(|(distance, _)| *distance <= 3);
    let hint = match nearest {
        Some((_, known)) => format!("did you mean {known:?}?"),
        None => format!("the options are {}.", NAMES.join(", ")),
    };
    Refusal::argument(name, format!("There is no option {name:?}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Options, Refusal> {
        match Value::parse(json).unwrap() {
            Value::Object(members) => Options::read(&members),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_every_option() {
        let options = read(
            r#"{"apiKey":"sk_test_0000000000000001","idempotencyKey":"k","stripeAccount":"acct_1",
                "apiVersion":"2020-08-27","maxNetworkRetries":0,"timeout":1000,"apiBase":"files",
                "headers":{"x-a":"1"},"additionalHeaders":{"x-b":2,"x-c":null},"express":true}"#,
        )
        .unwrap();
        assert_eq!(options.idempotency_key.as_deref(), Some("k"));
        assert_eq!(options.max_network_retries, Some(0));
        assert_eq!(options.api_base, Some(Base::Files));
        assert_eq!(
            options.headers,
            [("x-a".into(), "1".into()), ("x-b".into(), "2".into())]
        );
        assert!(!format!("{options:?}").contains("0000000000"));
        assert_eq!(read(r#"{"timeout":null}"#).unwrap(), Options::default());
    }

    #[test]
    fn refuses_with_the_place_and_the_mend() {
        let long = format!(r#"{{"idempotencyKey":"{}"}}"#, "k".repeat(256));
        let cases = [
            (
                r#"{"idempotency_key":"k"}"#,
                "idempotency_key",
                "idempotencyKey",
            ),
            (r#"{"colour":"k"}"#, "colour", "the options are apiBase"),
            (r#"{"idempotencyKey":""}"#, "idempotencyKey", "is empty"),
            (r#"{"stripeAccount":""}"#, "stripeAccount", "is empty"),
            (r#"{"stripeAccount":null}"#, "stripeAccount", "not null"),
            (r#"{"idempotencyKey":null}"#, "idempotencyKey", "not null"),
            (r#"{"idempotencyKey":""}"#, "idempotencyKey", "is empty"),
            (r#"{"timeout":"1"}"#, "timeout", "not a string"),
            (r#"{"timeout":1.5}"#, "timeout", "not 1.5"),
            (r#"{"timeout":-1}"#, "timeout", "not -1"),
            (r#"{"apiBase":"https://x"}"#, "apiBase", "meter_events"),
            (r#"{"headers":{"x":[1]}}"#, "headers.x", "not a list"),
            (r#"{"headers":"x"}"#, "headers", "not a string"),
            (
                r#"{"stripeAccount":"a","stripeContext":"b"}"#,
                "stripeContext",
                "not both",
            ),
            (long.as_str(), "idempotencyKey", "256 characters"),
        ];
        for (json, path, said) in cases {
            let refusal = read(json).unwrap_err();
            assert_eq!(refusal.path, path);
            assert!(refusal.message.contains(said), "{}", refusal.message);
        }
    }
}
