//! Answers kept under idempotency keys. It owns the rule that the same key gives the same answer,
//! byte for byte, that a key belongs to one request, and that one request at a time may use it; it
//! knows nothing of what requests do.

use super::errors::StripeError;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet, VecDeque};

/// The longest key (Stripe docs, "Idempotent requests").
const MAX_KEY_LENGTH: usize = 255;
/// How long v1 keeps a key, in seconds.
const V1_LIFETIME: i64 = 24 * 60 * 60;
/// How long v2 keeps a key, in seconds.
const V2_LIFETIME: i64 = 30 * 24 * 60 * 60;
/// Keys and bytes of answers kept at most, so that a long run cannot fill the memory.
const MAX_KEYS: usize = 20_000;
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// An account and a key of it.
pub(crate) type Name = (String, String);

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

/// What is kept under a key.
#[derive(Debug)]
pub(crate) struct Entry {
    fingerprint: Fingerprint,
    answer: KeptAnswer,
    expires: i64,
}

/// The keys of all accounts.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyKeys {
    entries: HashMap<Name, Entry>,
    order: VecDeque<Name>,
    bytes: usize,
    /// Keys of requests that are not answered yet.
    in_flight: HashSet<Name>,
    /// Keys that were dropped since they were last asked for.
    dropped: Vec<Name>,
}

impl IdempotencyKeys {
    /// The answer kept under a key, if this request may have it. If there is none, the key is this
    /// request's until it is [`keep`](Self::keep)t or [`release`](Self::release)d.
    pub(crate) fn begin(
        &mut self,
        name: &Name,
        fingerprint: &Fingerprint,
        now: i64,
    ) -> Result<Option<KeptAnswer>, StripeError> {
        let key = &name.1;
        if key.is_empty() || key.chars().count() > MAX_KEY_LENGTH {
            return Err(StripeError::malformed(format!(
                "An idempotency key has 1 to {MAX_KEY_LENGTH} characters."
            )));
        }
        if self.in_flight.contains(name) {
            return Err(StripeError::key_in_use(key));
        }
        let entry = self.entries.get(name);
        let Some(entry) = entry.filter(|entry| now < entry.expires) else {
            self.in_flight.insert(name.clone());
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

    /// Gives a key back without an answer.
    pub(crate) fn release(&mut self, name: &Name) {
        self.in_flight.remove(name);
    }

    /// Drops an answer that could not be made final.
    pub(crate) fn forget(&mut self, name: &Name) {
        if let Some(entry) = self.entries.remove(name) {
            self.bytes = self.bytes.saturating_sub(entry.size());
            self.order.retain(|present| present != name);
        }
    }

    /// Keeps an answer under a key.
    pub(crate) fn keep(
        &mut self,
        name: Name,
        fingerprint: Fingerprint,
        answer: KeptAnswer,
        now: i64,
    ) {
        let is_v2 = fingerprint.path.starts_with("/v2/");
        let expires = now.saturating_add(if is_v2 { V2_LIFETIME } else { V1_LIFETIME });
        self.release(&name);
        self.insert(
            name,
            Entry {
                fingerprint,
                answer,
                expires,
            },
        );
    }

    fn insert(&mut self, name: Name, entry: Entry) {
        self.bytes = self.bytes.saturating_add(entry.size());
        match self.entries.insert(name.clone(), entry) {
            Some(before) => self.bytes = self.bytes.saturating_sub(before.size()),
            None => self.order.push_back(name),
        }
        while self.order.len() > MAX_KEYS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(entry.size());
                self.dropped.push(oldest);
            }
        }
    }

    /// What is kept under a key, to be written down.
    pub(crate) fn entry(&self, name: &Name) -> Option<Value> {
        let Entry {
            fingerprint,
            answer,
            expires,
        } = self.entries.get(name)?;
        Some(json!({
            "method": fingerprint.method, "path": fingerprint.path, "params": fingerprint.params,
            "status": answer.status, "request_id": answer.request_id, "expires": expires,
            // Every answer to a POST is JSON, which is UTF-8.
            "body": String::from_utf8_lossy(&answer.body),
        }))
    }

    /// Puts back what was written down.
    pub(crate) fn restore(&mut self, name: Name, entry: &Value) {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let number = |field: &str| entry.get(field).and_then(Value::as_i64).unwrap_or(0);
        self.insert(
            name,
            Entry {
                fingerprint: Fingerprint {
                    method: text("method").to_owned(),
                    path: text("path").to_owned(),
                    params: text("params").to_owned(),
                },
                answer: KeptAnswer {
                    status: u16::try_from(number("status")).unwrap_or(500),
                    request_id: text("request_id").to_owned(),
                    body: Bytes::from(text("body").to_owned()),
                },
                expires: number("expires"),
            },
        );
    }

    /// The keys that were dropped to make room since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> Vec<Name> {
        std::mem::take(&mut self.dropped)
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.answer.body.len() + self.fingerprint.params.len()
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

    fn name(account: &str, key: &str) -> Name {
        (account.to_owned(), key.to_owned())
    }

    fn answer() -> KeptAnswer {
        KeptAnswer {
            status: 200,
            request_id: "req_1".into(),
            body: Bytes::from("x"),
        }
    }

    #[test]
    fn a_key_belongs_to_one_request_for_a_day() {
        let mut keys = IdempotencyKeys::default();
        let first = fingerprint("/v1/refunds", "{}");
        let key = name("acct", "k");
        assert!(keys.begin(&key, &first, 0).unwrap().is_none());
        keys.keep(key.clone(), first.clone(), answer(), 0);
        assert_eq!(keys.begin(&key, &first, 10).unwrap().unwrap().body, "x");
        for other in [
            fingerprint("/v1/refunds", "{1}"),
            fingerprint("/v1/charges", "{}"),
        ] {
            let error = keys.begin(&key, &other, 10).unwrap_err();
            assert_eq!((error.status, error.kind), (400, "idempotency_error"));
        }
        let elsewhere = name("other", "k");
        assert!(keys.begin(&elsewhere, &first, 10).unwrap().is_none());
        assert!(keys.begin(&key, &first, V1_LIFETIME).unwrap().is_none());
        let long = name("acct", &"k".repeat(256));
        assert!(keys.begin(&long, &first, 0).is_err());
    }

    #[test]
    fn one_request_at_a_time_has_a_key() {
        let mut keys = IdempotencyKeys::default();
        let (key, request) = (name("acct", "k"), fingerprint("/v1/refunds", "{}"));
        assert!(keys.begin(&key, &request, 0).unwrap().is_none());
        let error = keys.begin(&key, &request, 0).unwrap_err();
        assert_eq!(
            (error.status, error.code.as_deref()),
            (409, Some("idempotency_key_in_use"))
        );
        keys.release(&key);
        assert!(keys.begin(&key, &request, 0).unwrap().is_none());
    }

    #[test]
    fn what_is_written_down_comes_back() {
        let mut keys = IdempotencyKeys::default();
        let (key, request) = (name("acct", "k"), fingerprint("/v1/refunds", "{}"));
        keys.keep(key.clone(), request.clone(), answer(), 5);
        let written = keys.entry(&key).unwrap();
        let mut later = IdempotencyKeys::default();
        later.restore(key.clone(), &written);
        let kept = later.begin(&key, &request, V1_LIFETIME).unwrap().unwrap();
        assert_eq!((kept.status, kept.request_id.as_str()), (200, "req_1"));
        assert_eq!(kept.body, "x");
    }

    #[test]
    fn the_memory_of_keys_is_bounded() {
        let mut keys = IdempotencyKeys::default();
        for index in 0..=MAX_KEYS {
            let key = name("acct", &index.to_string());
            keys.keep(key, fingerprint("/v1/refunds", "{}"), answer(), 0);
        }
        assert_eq!(keys.take_dropped(), [name("acct", "0")]);
        assert_eq!(keys.entries.len(), MAX_KEYS);
    }
}
