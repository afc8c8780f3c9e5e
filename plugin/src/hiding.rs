//! Takes secrets out of what is shown or passed on: a plan, an answer's headers,
//! a failure. It knows how a request spells a text; what is sent it never sees.

use crate::connection::Settings;
use crate::form;
use crate::json::{self, Value};
use crate::secret::Secret;
use crate::types::HttpRequest;

/// Shortest text that is looked for inside others, in bytes. A shorter one would
/// be found by chance, and is no secret.
const SHORTEST: usize = 8;

/// A text of a server's, without the key.
pub fn without(text: &str, key: &Secret) -> String {
    text.replace(key.expose(), &key.redacted())
}

/// The secrets that what is shown of a request may hold.
#[derive(Debug, Default)]
pub struct Hidden(Vec<Secret>);

impl Hidden {
    /// Those of a call: the connection's key, and a key in a `client_secret` param,
    /// where OAuth takes one (a payment's own goes to browsers, and is none). None where no text can hold one, as of most
    /// calls, which this should cost next to nothing.
    pub fn of(args: &Value<'_>, settings: &Settings) -> Option<Hidden> {
        let mut hidden = Hidden::default();
        // Without one, the key is among the call's options.
        let key = settings.key.as_ref().map_or("", |key| key.expose());
        if !hidden.find(args, key.as_bytes()) && !says_more(settings) {
            return None;
        }
        hidden.0.extend(settings.key.clone());
        Some(hidden)
    }

    /// Finds the keys of other connections; whether anything is to be hidden.
    fn find(&mut self, value: &Value<'_>, key: &[u8]) -> bool {
        match value {
            Value::Object(members) => {
                let mut any = false;
                for (name, member) in members {
                    let name: &str = name;
                    let text: &str = match member {
                        Value::String(text) | Value::Number(text) => text,
                        Value::Null | Value::Bool(_) => "",
                        Value::Array(_) | Value::Object(_) => {
                            any |= self.find(member, key);
                            ""
                        }
                    };
                    // Most are too short to hold a key.
                    if name.len() >= key.len() || text.len() >= key.len() {
                        any |= holds(name, key) || holds(text, key);
                    }
                    // Names of other lengths are not looked at.
                    match name.len() {
                        13 if name == "client_secret" && is_key(text) => {
                            self.0.push(Secret::new(text.to_owned()));
                            any = true;
                        }
                        // The call's own key, which may stand elsewhere too.
                        6 if name == "apiKey" => any = true,
                        _ => {}
                    }
                }
                any
            }
            Value::Array(items) => {
                let mut any = false;
                for item in items {
                    any |= self.find(item, key);
                }
                any
            }
            Value::Number(text) | Value::String(text) => holds(text, key),
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// Shows them redacted in what is made without a request.
    pub fn hide_in_local(&self, json: &mut String) {
        for secret in &self.0 {
            for spelled in spellings(secret.expose()) {
                replace_in(&spelled, secret, json);
            }
        }
    }

    /// Shows them redacted, and the key that a request is sent with.
    pub fn hide(&self, key: &Secret, shown: &mut HttpRequest) {
        for secret in std::iter::once(key).chain(&self.0) {
            for spelled in spellings(secret.expose()) {
                replace_in(&spelled, secret, &mut shown.url);
                for (_, value) in &mut shown.headers {
                    replace_in(&spelled, secret, value);
                }
                if let Some(body) = &mut shown.body {
                    replace(&spelled, secret, body);
                }
            }
        }
    }
}

/// Whether a request holds more of its connection's words than the key.
fn says_more(settings: &Settings) -> bool {
    let words = [
        &settings.api_version,
        &settings.stripe_account,
        &settings.stripe_context,
        &settings.client_id,
    ];
    !settings.headers.is_empty()
        || settings.app_info.is_some()
        || settings.base_url.is_some()
        || words.iter().any(|word| word.is_some())
}

/// Whether it begins as Stripe's secret and restricted keys do.
fn is_key(text: &str) -> bool {
    text.starts_with("sk_") || text.starts_with("rk_")
}

fn holds(text: &str, part: &[u8]) -> bool {
    position(text.as_bytes(), part).is_some()
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = part.first()?;
    text.windows(part.len())
        .position(|window| window.first() == Some(first) && window == part)
}

/// How a text is written in a header, in a form, in a path and in JSON, each
/// once. None of what is too short.
fn spellings(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    if text.len() < SHORTEST {
        return all;
    }
    let (mut in_form, mut in_path, mut in_json) = (String::new(), String::new(), String::new());
    form::encode_value(text, &mut in_form);
    form::encode_segment(text, &mut in_path);
    json::write_string(text, &mut in_json);
    // Between its quotes.
    in_json.pop();
    in_json.remove(0);
    for spelled in [text.to_owned(), in_form, in_path, in_json] {
        if !all.contains(&spelled) {
            all.push(spelled);
        }
    }
    all
}

fn replace_in(spelled: &str, secret: &Secret, text: &mut String) {
    if text.contains(spelled) {
        *text = text.replace(spelled, &secret.redacted());
    }
}

/// The same in a body, whatever it holds.
fn replace(spelled: &str, secret: &Secret, bytes: &mut Vec<u8>) {
    let spelled = spelled.as_bytes();
    let mut out = Vec::new();
    let mut rest: &[u8] = bytes;
    while let Some(at) = position(rest, spelled) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(secret.redacted().as_bytes());
        rest = from.get(spelled.len()..).unwrap_or_default();
    }
    if !out.is_empty() {
        out.extend_from_slice(rest);
        *bytes = out;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn replaced(text: &str, wanted: &Secret) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for spelled in spellings(wanted.expose()) {
            replace(&spelled, wanted, &mut bytes);
        }
        bytes
    }

    #[test]
    fn every_occurrence_is_found_wherever_it_stands() {
        let key = secret("abcabcab_0123456");
        for before in 0..40 {
            for after in [0, 1, 17] {
                let text = |inner: &str| {
                    let (before, after) = ("c".repeat(before), "a".repeat(after));
                    format!("{before}{inner}{after}{inner}{inner}")
                };
                let shown = replaced(&text("abcabcab_0123456"), &key);
                assert_eq!(shown, text("…3456").into_bytes(), "{before} {after}");
            }
        }
        let near = "abcabcab_012345 abcabcabcab_01234567 é";
        let expected = "abcabcab_012345 abc…34567 é";
        assert_eq!(replaced(near, &key), expected.as_bytes());
        assert_eq!(replaced("", &key), b"");
    }

    #[test]
    fn every_spelling_of_a_request_is_known() {
        let key = secret("\"a+\"b\\(c)0123456789\"");
        for spelled in [
            "\"a+\"b\\(c)0123456789\"",
            "%22a%2B%22b%5C%28c%290123456789%22",
            "%22a%2B%22b%5C(c)0123456789%22",
            "\\\"a+\\\"b\\\\(c)0123456789\\\"",
        ] {
            let text = |inner: &str| format!("<{inner}>");
            let shown = replaced(&text(spelled), &key);
            assert_eq!(shown, text("…789\"").into_bytes(), "{spelled}");
        }
    }

    #[test]
    fn what_is_too_short_to_be_secret_is_not_looked_for() {
        for short in ["", "s", "1234567"] {
            assert_eq!(replaced("s 1234567", &secret(short)), b"s 1234567");
        }
    }
}
