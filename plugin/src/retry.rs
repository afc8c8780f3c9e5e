//! Whether a failed attempt is repeated, and after how long. Pure decisions:
//! the clock, the dice and the wire are the caller's.
//!
//! | what happened | repeated |
//! |---|---|
//! | `stripe-should-retry: true` / `false` | as it says |
//! | 409, 5xx, a status of `retryConfig` | yes |
//! | 429 with `retry-after` of at most 60 s | yes, after that time |
//! | 429 otherwise | no |
//! | the connection failed before or after sending, or timed out | yes |
//! | certificate, TLS or policy failure, an oversized answer | no |
//! | 2xx with an answer that cannot be read | no |
//!
//! Never more often than asked, never past the call's deadline, and always the
//! same bytes with the same idempotency key.

use crate::types::RetryPolicy;

/// Longest `retry-after` that is waited for, in milliseconds. A longer one is
/// reported to the caller instead.
pub const MAX_RETRY_AFTER: u64 = 60_000;

/// Wait before the first repetition, in milliseconds, as in the official client.
pub const INTERVAL: u32 = 500;

/// Factor from one wait to the next, as in the official client.
pub const BACK_OFF_FACTOR: u32 = 2;

/// Longest wait, in milliseconds, as in the official client.
pub const MAX_WAIT_INTERVAL: u32 = 5_000;

/// Waits between attempts, in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    initial: f64,
    factor: f64,
    max: f64,
    statuses: Vec<u16>,
}

impl Backoff {
    /// The official client's rule (0.5 s, doubled, at most 5 s), changed where
    /// the policy says so.
    pub fn new(policy: Option<&RetryPolicy>) -> Self {
        let initial = f64::from(policy.and_then(|p| p.interval).unwrap_or(INTERVAL));
        let max = match policy.and_then(|p| p.max_wait_interval) {
            Some(max) => f64::from(max),
            None => initial.max(f64::from(MAX_WAIT_INTERVAL)),
        };
        Backoff {
            initial,
            factor: policy
                .and_then(|p| p.back_off_factor)
                .unwrap_or(f64::from(BACK_OFF_FACTOR)),
            max,
            statuses: policy
                .and_then(|p| p.status_codes.clone())
                .unwrap_or_default(),
        }
    }

    /// The wait before repetition `repetition` (the first is 1). `dice` is
    /// uniform from 0 to 1: half of the wait is left to chance, so that callers
    /// that failed together do not come back together.
    pub fn wait(&self, repetition: u32, dice: f64) -> u64 {
        let exponent = i32::try_from(repetition.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = (self.initial * self.factor.powi(exponent)).min(self.max);
        let jittered = full * 0.5 * (1.0 + dice);
        // Never less than the first wait, nor more than the longest.
        jittered.max(self.initial.min(self.max)).round() as u64
    }
}

/// How an attempt ended, as far as repeating it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer arrived.
    Answer {
        /// HTTP status.
        status: u16,
        /// `stripe-should-retry`, where it says true or false.
        should_retry: Option<bool>,
        /// `retry-after`, in milliseconds.
        retry_after: Option<u64>,
    },
    /// No whole answer arrived, for a reason that may pass.
    NoAnswer,
    /// It succeeded by its status, but the answer cannot be read: not repeated
    /// here, since it was acted on, though the reason may pass.
    Unreadable,
    /// It failed in a way that repeating does not mend.
    Final,
}

impl Outcome {
    /// Whether an identical call may succeed later, as far as this attempt
    /// tells: Stripe's own word first, but that a 5xx passes is not for one
    /// idempotency key to say.
    pub fn may_pass(self) -> bool {
        match self {
            Outcome::NoAnswer | Outcome::Unreadable => true,
            Outcome::Final => false,
            Outcome::Answer {
                status,
                should_retry,
                ..
            } => match (status, should_retry) {
                (500.., _) => true,
                (_, Some(said)) => said,
                (408 | 409 | 425 | 429, None) => true,
                _ => false,
            },
        }
    }
}

/// The wait before another attempt, in milliseconds, or none if there is not
/// to be one. `repetitions` have been made of at most `max`; `remaining` is
/// what the deadline leaves, in milliseconds.
pub fn next_wait(
    outcome: Outcome,
    repetitions: u32,
    max: u32,
    backoff: &Backoff,
    dice: f64,
    remaining: u64,
) -> Option<u64> {
    if repetitions >= max {
        return None;
    }
    let own = backoff.wait(repetitions + 1, dice);
    let wait = match outcome {
        Outcome::Final | Outcome::Unreadable => return None,
        Outcome::NoAnswer => own,
        Outcome::Answer {
            status,
            should_retry,
            retry_after,
        } => {
            if !repeatable(status, should_retry, retry_after, &backoff.statuses) {
                return None;
            }
            match retry_after {
                Some(asked) if asked > MAX_RETRY_AFTER => return None,
                Some(asked) => asked.max(own),
                None => own,
            }
        }
    };
    (wait < remaining).then_some(wait)
}

fn repeatable(
    status: u16,
    should_retry: Option<bool>,
    retry_after: Option<u64>,
    statuses: &[u16],
) -> bool {
    match (should_retry, status) {
        (Some(said), _) => said,
        (None, 409 | 500..=599) => true,
        (None, 429) if retry_after.is_some() => true,
        (None, status) => statuses.contains(&status),
    }
}

/// Reads `retry-after` in seconds; a date, which Stripe does not send, is
/// taken as none.
pub fn retry_after(value: &str) -> Option<u64> {
    value
        .trim()
        .parse::<u64>()
        .ok()
        .map(|s| s.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, should_retry: Option<bool>, retry_after: Option<u64>) -> Outcome {
        Outcome::Answer {
            status,
            should_retry,
            retry_after,
        }
    }

    #[test]
    fn the_table_above_holds() {
        let cases = [
            (answer(200, None, None), false),
            (answer(400, None, None), false),
            (answer(402, None, None), false),
            (answer(404, None, None), false),
            (answer(409, None, None), true),
            (answer(500, None, None), true),
            (answer(503, None, None), true),
            (answer(500, Some(false), None), false),
            (answer(409, Some(false), None), false),
            (answer(400, Some(true), None), true),
            (answer(429, None, None), false),
            (answer(429, None, Some(1_000)), true),
            (answer(429, None, Some(60_000)), true),
            (answer(429, None, Some(61_000)), false),
            (answer(429, Some(true), None), true),
            (answer(429, Some(false), Some(1_000)), false),
            (Outcome::NoAnswer, true),
            (Outcome::Unreadable, false),
            (Outcome::Final, false),
        ];
        let backoff = Backoff::new(None);
        for (outcome, expected) in cases {
            let wait = next_wait(outcome, 0, 2, &backoff, 0.5, u64::MAX);
            assert_eq!(wait.is_some(), expected, "{outcome:?}");
            assert_eq!(next_wait(outcome, 2, 2, &backoff, 0.5, u64::MAX), None);
            assert_eq!(next_wait(outcome, 0, 0, &backoff, 0.5, u64::MAX), None);
        }
    }

    #[test]
    fn waits_grow_within_their_bounds() {
        let backoff = Backoff::new(None);
        // The official client's rule: min(0.5 × 2^n, 5) × (0.5 … 1), at least 0.5.
        for (repetition, lowest, highest) in [
            (1, 500, 500),
            (2, 500, 1000),
            (3, 1000, 2000),
            (4, 2000, 4000),
            (5, 2500, 5000),
            (40, 2500, 5000),
        ] {
            assert_eq!(backoff.wait(repetition, 0.0), lowest, "{repetition}");
            assert_eq!(backoff.wait(repetition, 1.0), highest, "{repetition}");
        }
    }

    #[test]
    fn a_first_wait_longer_than_the_longest_is_kept() {
        let backoff = Backoff::new(Some(&RetryPolicy {
            interval: Some(8_000),
            back_off_factor: None,
            max_wait_interval: None,
            status_codes: None,
        }));
        assert_eq!(backoff.wait(1, 0.0), 8_000);
        assert_eq!(backoff.wait(4, 1.0), 8_000);
    }

    #[test]
    fn a_policy_changes_waits_and_statuses() {
        let backoff = Backoff::new(Some(&RetryPolicy {
            interval: Some(3_000),
            back_off_factor: Some(3.0),
            max_wait_interval: Some(20_000),
            status_codes: Some(vec![404]),
        }));
        assert_eq!(backoff.wait(1, 1.0), 3_000);
        assert_eq!(backoff.wait(2, 1.0), 9_000);
        assert_eq!(backoff.wait(3, 1.0), 20_000);
        assert!(next_wait(answer(404, None, None), 0, 1, &backoff, 0.0, u64::MAX).is_some());
    }

    #[test]
    fn a_wait_that_outlasts_the_deadline_is_not_begun() {
        let backoff = Backoff::new(None);
        assert_eq!(next_wait(Outcome::NoAnswer, 0, 2, &backoff, 0.0, 500), None);
        assert_eq!(
            next_wait(Outcome::NoAnswer, 0, 2, &backoff, 0.0, 501),
            Some(500)
        );
        let asked = answer(429, None, Some(30_000));
        assert_eq!(next_wait(asked, 0, 2, &backoff, 0.0, 60_000), Some(30_000));
    }

    #[test]
    fn reads_retry_after() {
        assert_eq!(retry_after("3"), Some(3_000));
        assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert_eq!(retry_after("-1"), None);
    }
}
