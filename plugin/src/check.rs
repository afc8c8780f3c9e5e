//! What a connection turns out to be: which reads are tried, and what their
//! answers tell of the account and of the key. It works on answers; sending is
//! the caller's.

use serde::Deserialize;
use std::borrow::Cow;

use crate::secret::Secret;

/// What tells the account. Any key but a restricted one may read it.
pub const ACCOUNT: (&str, &str) = ("accounts", "retrieveCurrent");

/// Reads that most integrations need; a key that may not do them lacks them.
pub const PROBES: [(&str, &str); 12] = [
    ("balance", "retrieve"),
    ("charges", "list"),
    ("checkout.sessions", "list"),
    ("customers", "list"),
    ("events", "list"),
    ("invoices", "list"),
    ("paymentIntents", "list"),
    ("payouts", "list"),
    ("prices", "list"),
    ("products", "list"),
    ("refunds", "list"),
    ("subscriptions", "list"),
];

/// What kind of key there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `sk_…`
    Secret,
    /// `rk_…`
    Restricted,
    /// `sk_org_…`
    Organization,
    /// Anything else.
    Other,
}

/// What kind of key this is.
pub fn kind(key: &Secret) -> Kind {
    let key = key.expose();
    if key.starts_with("sk_org_") {
        Kind::Organization
    } else if key.starts_with("sk_") {
        Kind::Secret
    } else if key.starts_with("rk_") {
        Kind::Restricted
    } else {
        Kind::Other
    }
}

/// What an object tells by itself.
#[derive(Debug, Default, Deserialize)]
pub struct Told<'b> {
    /// Its id.
    #[serde(borrow, default)]
    pub id: Option<Cow<'b, str>>,
    /// Its mode.
    #[serde(default)]
    pub livemode: Option<bool>,
}

/// Reads an answer; what it does not tell is absent.
pub fn told(body: &str) -> Told<'_> {
    serde_json::from_str(body).unwrap_or_default()
}

/// A word of a text that begins so: `rak_customer_read`, `acct_1A`.
pub fn word(text: &str, beginning: &str) -> Option<String> {
    let start = text.find(beginning)?;
    let rest = text.get(start..)?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let word = rest.get(..end)?;
    (word.len() > beginning.len()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{Verb, find};

    #[test]
    fn nothing_but_reads_is_tried() {
        for (resource, method) in PROBES.into_iter().chain([ACCOUNT]) {
            let operation = find(resource, method).unwrap();
            assert_eq!(operation.verb, Verb::Get, "{resource}.{method}");
            assert_eq!(operation.path_parameters().count(), 0);
        }
    }

    #[test]
    fn words_are_found_in_sentences() {
        let said = "The provided key 'rk_test_***' does not have the required permissions for this \
                    endpoint on account 'acct_1A'. Having the 'rak_customer_read' permission would \
                    allow this request to continue.";
        assert_eq!(word(said, "rak_").as_deref(), Some("rak_customer_read"));
        assert_eq!(word(said, "acct_").as_deref(), Some("acct_1A"));
        assert_eq!(word("no rak_ here", "rak_"), None);
        assert_eq!(word("", "rak_"), None);
    }

    #[test]
    fn kinds_of_keys() {
        for (key, expected) in [
            ("sk_test_1", Kind::Secret),
            ("rk_live_1", Kind::Restricted),
            ("sk_org_test_1", Kind::Organization),
            ("placeholder", Kind::Other),
        ] {
            assert_eq!(kind(&Secret::new(key.to_owned())), expected);
        }
    }
}
