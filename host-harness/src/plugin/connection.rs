//! A connection as a host holds it: the record the component made of a
//! person's properties, and what only the host applies.

use std::fmt;
use std::sync::Arc;

use super::error::CallError;
use crate::bindings::types;
use crate::secret::{Injected, oddity, prefix};
use crate::transport::Route;

/// Milliseconds below which a timeout was probably meant in seconds.
const SUSPICIOUS_TIMEOUT: u32 = 1000;

/// A connection as the component parsed it, ready to be used. It holds the
/// secret key, which `Debug` does not show. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    record: Arc<types::Connection>,
    via: Arc<Via>,
}

/// What the host applies to a connection's calls.
#[derive(Default)]
pub(super) struct Via {
    /// The connection's own way to Stripe, where it has one.
    pub(super) route: Option<Arc<Route>>,
    /// Its key and what stands for it, where the host injects keys.
    pub(super) injected: Option<Injected>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("api_version", &self.record.api_version)
            .field("base_url", &self.record.base_url)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(record: types::Connection, via: Via) -> Self {
        Connection {
            record: Arc::new(record),
            via: Arc::new(via),
        }
    }

    /// The record of the contract, as the component gets it: with the secret
    /// key, or with what stands for it.
    pub fn record(&self) -> &types::Connection {
        &self.record
    }

    /// Replaces the origin of all of Stripe's hosts, as `baseUrl` does. The
    /// policy must allow it.
    pub fn set_base_url(&mut self, base_url: String) {
        Arc::make_mut(&mut self.record).base_url = Some(base_url);
    }

    /// What is odd about it and may be meant: a sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let record = &self.record;
        for (name, value) in [
            ("timeout", record.timeout),
            ("totalTimeout", record.total_timeout),
        ] {
            if let Some(value) = value.filter(|value| *value < SUSPICIOUS_TIMEOUT) {
                warnings.push(format!(
                    "\"{name}\" is in milliseconds: {value} is less than a second; for {value} \
                     seconds write {}",
                    u64::from(value) * 1000
                ));
            }
        }
        let key = record.secret_key.as_deref();
        let injected = self.via.injected.as_ref();
        if let Some(oddity) = injected
            .map(Injected::oddity)
            .unwrap_or_else(|| key.and_then(oddity))
        {
            warnings.push(oddity.to_owned());
        }
        warnings
    }

    /// What its key begins with, such as `sk_test_`: its kind and its mode. None
    /// if it has no key, or none of a form that is known.
    pub fn key_prefix(&self) -> Option<&'static str> {
        prefix(self.record.secret_key.as_deref()?)
    }

    pub(super) fn via(&self) -> &Via {
        &self.via
    }
}

/// The refusal of a transport property.
pub(super) fn refused(place: &str, message: String) -> CallError {
    CallError::refused(
        "configuration_error",
        Some(format!("properties.{place}")),
        message,
    )
}
