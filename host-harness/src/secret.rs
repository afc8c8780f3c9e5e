//! Keys on the host's side: shown nowhere, and kept from the component where
//! the host wants that.

use std::fmt;

use http::HeaderValue;
use serde_json::Value;

use crate::bindings::types::HttpRequest;

/// A key; `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(key: String) -> Self {
        Secret(key)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// The prefixes that tell a key's kind and mode, which checks of the mode need.
const PREFIXES: [&str; 11] = [
    "sk_test_",
    "sk_live_",
    "rk_test_",
    "rk_live_",
    // Before the shorter one.
    "sk_org_test_",
    "sk_org_live_",
    "sk_org_",
    "ek_test_",
    "ek_live_",
    "pk_test_",
    "pk_live_",
];

/// The prefix of a key.
pub(crate) fn prefix(key: &str) -> Option<&'static str> {
    PREFIXES.into_iter().find(|prefix| key.starts_with(prefix))
}

/// Longest key that the component takes, in bytes.
const LONGEST_KEY: usize = 1024;

/// The system has no random numbers for a placeholder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRandom;

/// A key and what stands for it inside the component.
#[derive(Debug, Clone)]
pub(crate) struct Injected {
    key: Secret,
    placeholder: String,
}

impl Injected {
    /// Makes up what stands for a key: its kind and mode, and nothing else of
    /// it. None if the system has no random numbers.
    pub(crate) fn new(key: Secret) -> Option<Injected> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).ok()?;
        let prefix = prefix(key.reveal()).unwrap_or_default();
        let mut placeholder = format!("{prefix}placeholder");
        for byte in random {
            placeholder.push_str(&format!("{byte:02x}"));
        }
        // What is wrong with a key is wrong with what stands for it, so that
        // the component refuses it in its own words.
        let unusable = key.reveal().chars().filter(|c| !c.is_ascii_graphic());
        placeholder.extend(unusable.take(1));
        if key.reveal().len() > LONGEST_KEY {
            placeholder.extend(std::iter::repeat_n('x', key.reveal().len()));
        }
        Some(Injected { key, placeholder })
    }

    pub(crate) fn placeholder(&self) -> &str {
        &self.placeholder
    }

    pub(crate) fn key(&self) -> &Secret {
        &self.key
    }

    /// The header to send in place of the component's, if that names the
    /// placeholder.
    pub(crate) fn swapped(&self, authorization: &HeaderValue) -> Option<HeaderValue> {
        let token = authorization.as_bytes().strip_prefix(b"Bearer ")?;
        if token != self.placeholder.as_bytes() {
            return None;
        }
        HeaderValue::from_str(&format!("Bearer {}", self.key.reveal())).ok()
    }

    pub(crate) fn oddity(&self) -> Option<&'static str> {
        oddity(self.key.reveal())
    }

    /// Takes the key out of a connection's properties, wherever it occurs in
    /// them. None if they name no key.
    pub(crate) fn taken_from(properties: &mut Value) -> Result<Option<Injected>, NoRandom> {
        let token = properties.get("auth").and_then(|auth| auth.get("token"));
        // Both is an error, which is the component's to tell without seeing
        // either. An empty key is one too, and would be found everywhere.
        let keys: Vec<Secret> = [properties.get("secretKey"), token]
            .into_iter()
            .filter_map(|key| key?.as_str())
            .filter(|key| !key.is_empty())
            .map(|key| Secret(key.to_owned()))
            .collect();
        let mut first = None;
        for key in keys {
            let injected = Injected::new(key).ok_or(NoRandom)?;
            injected.hide_in(properties);
            first = first.or(Some(injected));
        }
        Ok(first)
    }

    /// Puts the placeholder wherever a text holds the key.
    pub(crate) fn hide(&self, text: &mut String) {
        if text.contains(self.key.reveal()) {
            *text = text.replace(self.key.reveal(), &self.placeholder);
        }
    }

    /// The same in what a call would send: the component redacts only what it
    /// knows, the placeholder.
    pub(crate) fn hide_in_plan(&self, request: &mut HttpRequest) {
        self.hide(&mut request.url);
        for (_, value) in &mut request.headers {
            self.hide(value);
        }
        // A file that is uploaded is shown as it is.
        let body = request.body.as_deref().map(str::from_utf8);
        if let Some(Ok(text)) = body {
            let mut text = text.to_owned();
            self.hide(&mut text);
            request.body = Some(text.into_bytes());
        }
    }

    fn hide_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.hide(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(members) => {
                for member in members.values_mut() {
                    self.hide_in(member);
                }
            }
            _ => {}
        }
    }
}

/// What is odd about a key; never a reason to refuse it, since other hosts'
/// placeholders are arbitrary strings.
pub(crate) fn oddity(key: &str) -> Option<&'static str> {
    let known = ["sk_", "rk_"].iter().any(|prefix| key.starts_with(prefix));
    if key.starts_with("pk_") {
        Some(
            "\"secretKey\" holds a publishable key (pk_…), which is for browsers; calls need a \
             secret key (sk_…) or a restricted one (rk_…)",
        )
    } else if key.starts_with("whsec_") {
        Some(
            "\"secretKey\" holds a webhook signing secret (whsec_…); calls need a secret key \
             (sk_…) or a restricted one (rk_…)",
        )
    } else if known {
        None
    } else {
        Some(
            "\"secretKey\" does not look like a key of Stripe's (sk_… or rk_…); it is sent as it \
             is",
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_placeholder_keeps_kind_and_mode_and_nothing_else() {
        for (key, prefix) in [
            ("sk_test_51H7xkQ2eZvKYlo2C", "sk_test_"),
            ("rk_live_51H7xkQ2eZvKYlo2C", "rk_live_"),
            ("sk_org_live_51H7xkQ2eZvKYlo2C", "sk_org_live_"),
            ("an OAuth token", ""),
        ] {
            let one = Injected::new(key.to_owned().into()).unwrap();
            let other = Injected::new(key.to_owned().into()).unwrap();
            let rest = one.placeholder().strip_prefix(prefix).unwrap();
            assert!(rest.starts_with("placeholder"), "{rest}");
            assert!(!rest.contains("51H7"), "{rest}");
            assert_ne!(one.placeholder(), other.placeholder());
        }
    }

    #[test]
    fn a_key_that_cannot_travel_has_no_placeholder_that_can() {
        for (key, odd) in [
            ("sk_test_4242", false),
            ("sk_test_4242\n", true),
            ("sk_test_4242 ", true),
            ("sk_test_4242é", true),
        ] {
            let injected = Injected::new(key.to_owned().into()).unwrap();
            let placeholder = injected.placeholder();
            let is_odd = !placeholder.chars().all(|c| c.is_ascii_graphic());
            assert_eq!(is_odd, odd, "{key:?}");
            assert!(!placeholder.contains("4242"), "{key:?}");
        }
        let long = "k".repeat(100_000);
        let injected = Injected::new(long.clone().into()).unwrap();
        assert!(injected.placeholder().len() >= long.len());
    }

    #[test]
    fn only_the_placeholder_itself_is_swapped() {
        let injected = Injected::new("sk_test_real".to_owned().into()).unwrap();
        let header = |text: &str| HeaderValue::from_str(text).unwrap();
        let right = header(&format!("Bearer {}", injected.placeholder()));
        assert_eq!(injected.swapped(&right).unwrap(), "Bearer sk_test_real");
        for wrong in [
            format!("Bearer {}x", injected.placeholder()),
            format!("Basic {}", injected.placeholder()),
            "Bearer sk_test_other".to_owned(),
        ] {
            assert_eq!(injected.swapped(&header(&wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn the_key_is_taken_out_wherever_it_occurs() {
        let mut properties = json!({
            "secretKey": "sk_test_real", "headers": {"x-a": "k=sk_test_real"}, "timeout": 5
        });
        let injected = Injected::taken_from(&mut properties).unwrap().unwrap();
        assert!(!properties.to_string().contains("sk_test_real"));
        assert_eq!(properties["secretKey"], injected.placeholder());
        assert_eq!(properties["timeout"], 5);

        let mut properties = json!({"auth": {"token": "rk_live_real"}});
        let injected = Injected::taken_from(&mut properties).unwrap().unwrap();
        assert_eq!(properties["auth"]["token"], injected.placeholder());

        let mut both = json!({"secretKey": "sk_test_real", "auth": {"token": "sk_test_other"}});
        Injected::taken_from(&mut both).unwrap().unwrap();
        let shown = both.to_string();
        assert!(
            !shown.contains("real") && !shown.contains("other"),
            "{shown}"
        );

        for mut none in [
            json!({}),
            json!([1]),
            json!({"secretKey": 7}),
            json!({"secretKey": ""}),
        ] {
            assert!(Injected::taken_from(&mut none).unwrap().is_none(), "{none}");
        }
    }

    #[test]
    fn odd_keys_are_told() {
        for (key, odd) in [
            ("sk_test_1", None),
            ("rk_live_1", None),
            ("pk_live_1", Some("publishable")),
            ("whsec_1", Some("webhook")),
            ("{{ stripe_key }}", Some("does not look like")),
        ] {
            match (oddity(key), odd) {
                (None, None) => {}
                (Some(said), Some(odd)) => assert!(said.contains(odd), "{said}"),
                (said, _) => panic!("{key}: {said:?}"),
            }
        }
    }
}
