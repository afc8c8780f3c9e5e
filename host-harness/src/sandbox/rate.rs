//! The limit of requests in a second. It owns the counting; what is said to whoever is over the limit
//! is an error like any other.

use super::errors::StripeError;
use std::collections::HashMap;

/// How many requests each account has made in the second at hand.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    second: i64,
    counts: HashMap<String, u32>,
}

impl RateLimit {
    /// Counts a request, and refuses it when the account has made so many in this second. Time is the
    /// sandbox's: where it stands still, the count does too, until the clock is advanced.
    pub(crate) fn admit(
        &mut self,
        account: &str,
        limit: Option<u32>,
        now: i64,
    ) -> Result<(), StripeError> {
        let Some(limit) = limit else { return Ok(()) };
        if self.second != now {
            self.second = now;
            self.counts.clear();
        }
        let count = self.counts.entry(account.to_owned()).or_default();
        if *count >= limit {
            return Err(StripeError::rate_limited(limit));
        }
        *count += 1;
        Ok(())
    }
}
