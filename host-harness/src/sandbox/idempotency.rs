//! Answers kept under idempotency keys. It owns the rule that the same key gives the same answer,
//! byte for byte, and that a key belongs to one request; it knows nothing of what requests do.

use super::errors::StripeError;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

/// The longest key (Stripe docs, "Idempotent requests").
const MAX_KEY_LENGTH: usize = 255;
/// How long v1 keeps a key, in seconds.
const V1_LIFETIME: i64 = 24 * 60 * 60;
/// How long v2 keeps a key, in seconds.
const V2_LIFETIME: i64 = 30 * 24 * 60 * 60;
/// Keys kept at most, so that a long run cannot fill the memory.
const MAX_KEYS: usize = 20_000;

/// What identifies a request apart from its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The parameters after decoding, so that their order and encoding do not matter.
    pub(crate) params: String,
}

/// An answer as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct KeptAnswer {
    pub(crate) status: u16,
    pub(crate) request_id: String,
    pub(crate) body: Bytes,
}

#[derive(Debug)]
struct Entry {
    fingerprint: Fingerprint,
    answer: KeptAnswer,
    expires: i64,
}

/// The keys of all accounts.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyKeys {
    /// By account, then by key.
    entries: HashMap<(String, String), Entry>,
    order: VecDeque<(String, String)>,
}

impl IdempotencyKeys {
    /// The answer kept under a key, if this request may have it.
    pub(crate) fn replay(
        &self,
        account: &str,
        key: &str,
        fingerprint: &Fingerprint,
        now: i64,
    ) -> Result<Option<KeptAnswer>, StripeError> {
        if key.is_empty() || key.chars().count() > MAX_KEY_LENGTH {
            return Err(StripeError::malformed(format!(
                "An idempotency key has 1 to {MAX_KEY_LENGTH} characters."
            )));
        }
        let entry = self.entries.get(&(account.to_owned(), key.to_owned()));
        let Some(entry) = entry.filter(|entry| now < entry.expires) else {
            return Ok(None);
        };
        let first = &entry.fingerprint;
        if first.method != fingerprint.method || first.path != fingerprint.path {
            return Err(StripeError::idempotency(format!(
                "The idempotency key '{key}' was used before for {} {}. Use another key for \
                 another endpoint.",
                first.method, first.path
            )));
        }
        if first.params != fingerprint.params {
            return Err(StripeError::idempotency(format!(
                "The idempotency key '{key}' was used before with other parameters. Use another \
                 key for another request."
            )));
        }
        Ok(Some(entry.answer.clone()))
    }

    /// Keeps an answer under a key.
    pub(crate) fn keep(
        &mut self,
        account: &str,
        key: &str,
        fingerprint: Fingerprint,
        answer: KeptAnswer,
        now: i64,
    ) {
        let is_v2 = fingerprint.path.starts_with("/v2/");
        let expires = now.saturating_add(if is_v2 { V2_LIFETIME } else { V1_LIFETIME });
        let name = (account.to_owned(), key.to_owned());
        if self
            .entries
            .insert(
                name.clone(),
                Entry {
                    fingerprint,
                    answer,
                    expires,
                },
            )
            .is_none()
        {
            self.order.push_back(name);
        }
        while self.order.len() > MAX_KEYS {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(path: &str, params: &str) -> Fingerprint {
        Fingerprint {
            method: "POST".into(),
            path: path.into(),
            params: params.into(),
        }
    }

    #[test]
    fn a_key_belongs_to_one_request_for_a_day() {
        let mut keys = IdempotencyKeys::default();
        let first = fingerprint("/v1/refunds", "{}");
        let answer = KeptAnswer {
            status: 200,
            request_id: "req_1".into(),
            body: Bytes::from("x"),
        };
        assert!(keys.replay("acct", "k", &first, 0).unwrap().is_none());
        keys.keep("acct", "k", first.clone(), answer, 0);
        assert_eq!(
            keys.replay("acct", "k", &first, 10).unwrap().unwrap().body,
            "x"
        );
        assert!(keys.replay("other", "k", &first, 10).unwrap().is_none());
        assert!(
            keys.replay("acct", "k", &first, V1_LIFETIME)
                .unwrap()
                .is_none()
        );
        for other in [
            fingerprint("/v1/refunds", "{1}"),
            fingerprint("/v1/charges", "{}"),
        ] {
            let error = keys.replay("acct", "k", &other, 10).unwrap_err();
            assert_eq!((error.status, error.kind), (400, "idempotency_error"));
        }
        assert!(keys.replay("acct", &"k".repeat(256), &first, 0).is_err());
    }
}
