//! A call from its first attempt to its outcome: send, wait, send the same
//! bytes again, and say at the end whether the caller may repeat it.
//!
//! Where Stripe may have acted although no result arrived, only three kinds of
//! call are `transient`: a GET, a v1 DELETE, and one whose idempotency key the
//! caller gave. With a key made here an engine's repetition would carry a new
//! one and could act twice, so that failure is `permanent` with
//! `may-have-been-sent`.

use crate::answer::{Acted, Answer, Judged};
use crate::connection::{Defaults, Settings};
use crate::failure::{Kind, failure};
use crate::hiding;
use crate::json;
use crate::options::Options;
use crate::outgoing::Outgoing;
use crate::retry::{self, Outcome};
use crate::secret::Secret;
use crate::types::{Error, Response};

/// What a call needs of the world.
pub trait Wire {
    /// Monotonic time in milliseconds.
    fn now(&mut self) -> u64;
    /// Waits.
    fn sleep(&mut self, milliseconds: u64);
    /// A random number from 0 to 1.
    fn dice(&mut self) -> f64;
    /// Makes one attempt.
    fn send(&mut self, outgoing: &Outgoing<'_>, attempt: Attempt<'_>) -> Result<Answer, Lost>;
}

/// The limits of one attempt, and what only this attempt carries.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'t> {
    /// When it must be over, on the wire's clock, in milliseconds.
    pub deadline: u64,
    /// Milliseconds until then, for a message.
    pub timeout: u64,
    /// Largest answer body, in bytes.
    pub max_response_bytes: u32,
    /// The `x-stripe-client-telemetry` header.
    pub telemetry: Option<&'t str>,
}

/// An attempt without a whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// [`Kind::Connection`], [`Kind::Timeout`], [`Kind::Response`] or, for what
    /// the host refused, [`Kind::Configuration`].
    pub kind: Kind,
    /// What happened, as a sentence.
    pub message: String,
    /// Whether Stripe may have received the request.
    pub sent: bool,
    /// Whether the reason may pass.
    pub passing: bool,
}

/// Milliseconds that must be left for a repetition to be worth it, if the
/// timeout is not shorter.
const SHORTEST_ATTEMPT: u64 = 1_000;

/// Longest request id that is reported as telemetry; Stripe's have some 20
/// characters.
const MAX_REQUEST_ID: usize = 128;

/// How long one attempt and the whole call may take, and how often it may be
/// repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Milliseconds for one attempt.
    pub timeout: u64,
    /// Milliseconds for the call.
    pub total: u64,
    /// Repetitions.
    pub max_retries: u32,
}

impl Limits {
    /// The connection's limits, changed by the call's options.
    pub fn new(settings: &Settings, options: &Options) -> Limits {
        let timeout = match options.timeout {
            // As the official client: 0 is no timeout of the call's own.
            None | Some(0) => settings.timeout,
            Some(own) => own,
        };
        let timeout = u64::from(timeout);
        let max_retries = options
            .max_network_retries
            .unwrap_or(settings.max_network_retries);
        let total = match settings.total_timeout {
            Some(total) => u64::from(total),
            None => timeout
                .saturating_mul(u64::from(max_retries) + 1)
                .saturating_add(Defaults::TOTAL_TIMEOUT_MARGIN),
        };
        Limits {
            timeout,
            total,
            max_retries,
        }
    }
}

/// Latency of the previous call, reported with the next one to the same server
/// with the same key, as the official clients do.
#[derive(Debug, Default)]
pub struct Telemetry {
    last: Option<Measured>,
}

#[derive(Debug)]
struct Measured {
    authority: String,
    key: Secret,
    request_id: String,
    milliseconds: u64,
}

impl Telemetry {
    /// Keeps what the next call reports.
    fn measure(&mut self, outgoing: &Outgoing<'_>, head: &Head, milliseconds: u64) {
        let Some(request_id) = &head.request_id else {
            return;
        };
        if request_id.len() <= MAX_REQUEST_ID && request_id.is_ascii() {
            self.last = Some(Measured {
                authority: outgoing.authority.clone(),
                key: outgoing.key.clone(),
                request_id: request_id.clone(),
                milliseconds,
            });
        }
    }

    /// The header for a call, if there is something to report.
    fn take(&mut self, outgoing: &Outgoing<'_>) -> Option<String> {
        let last = self
            .last
            .take_if(|last| last.authority == outgoing.authority && last.key == outgoing.key)?;
        let mut out = String::from("{\"last_request_metrics\":{\"request_id\":");
        json::write_string(&last.request_id, &mut out);
        out.push_str(&format!(
            ",\"request_duration_ms\":{}}}}}",
            last.milliseconds
        ));
        Some(out)
    }
}

/// Sends a request until it has an outcome.
pub fn execute(
    wire: &mut impl Wire,
    outgoing: &Outgoing<'_>,
    limits: Limits,
    settings: &Settings,
    telemetry: &mut Telemetry,
) -> Result<Response, Error> {
    let begun = wire.now();
    let end = begun.saturating_add(limits.total);
    let report = if settings.telemetry {
        telemetry.take(outgoing)
    } else {
        None
    };
    let mut attempts = 0;
    let mut may_have_acted = false;
    loop {
        let now = if attempts == 0 { begun } else { wire.now() };
        let deadline = now.saturating_add(limits.timeout).min(end);
        attempts += 1;
        let sent = wire.send(
            outgoing,
            Attempt {
                deadline,
                timeout: deadline.saturating_sub(now),
                max_response_bytes: settings.max_response_bytes,
                telemetry: report.as_deref(),
            },
        );
        let (mut failed, outcome) = match sent {
            Ok(answer) => {
                let head = Head::of(&answer, &outgoing.key);
                if settings.telemetry {
                    telemetry.measure(outgoing, &head, wire.now().saturating_sub(now));
                }
                let status = answer.status;
                match answer.judge(outgoing.traits, &outgoing.key) {
                    Judged::Success(body) => {
                        return Ok(head.response(body, status, outgoing, attempts));
                    }
                    Judged::Failure {
                        failure,
                        acted,
                        outcome,
                    } => {
                        match acted {
                            // An answer speaks for earlier attempts only where
                            // they carried the same key.
                            Acted::No if outgoing.has_idempotency_key() => may_have_acted = false,
                            Acted::No | Acted::NotThisTime => {}
                            Acted::Maybe => may_have_acted = true,
                        }
                        (*failure, outcome)
                    }
                }
            }
            Err(lost) => {
                may_have_acted |= lost.sent;
                let outcome = if lost.passing {
                    Outcome::NoAnswer
                } else {
                    Outcome::Final
                };
                (failure(lost.kind.as_str(), lost.message), outcome)
            }
        };
        let remaining = end.saturating_sub(wire.now());
        let dice = wire.dice();
        let wait = retry::next_wait(
            outcome,
            attempts - 1,
            limits.max_retries,
            &settings.backoff,
            dice,
            // An attempt that is cut off at once would only make a known
            // failure an unknown one.
            remaining.saturating_sub(limits.timeout.min(SHORTEST_ATTEMPT)),
        );
        if let Some(wait) = wait {
            wire.sleep(wait);
            if wire.now() < end {
                continue;
            }
        }
        failed.attempts = attempts;
        failed.may_have_been_sent = may_have_acted;
        failed.idempotency_key = outgoing.headers.get("idempotency-key").map(str::to_owned);
        let harmless = outgoing.traits.repeatable || outgoing.traits.caller_key;
        return Err(if outcome.may_pass() && (harmless || !may_have_acted) {
            Error::Transient(failed)
        } else {
            Error::Permanent(failed)
        });
    }
}

/// What the headers of an answer tell the caller.
struct Head {
    request_id: Option<String>,
    api_version: Option<String>,
    account: Option<String>,
}

impl Head {
    /// Reads them without the key, should a server repeat it there.
    fn of(answer: &Answer, key: &Secret) -> Head {
        let of = |name: &str| {
            let value = answer.headers.get(name)?;
            Some(hiding::without(value, key))
        };
        Head {
            request_id: of("request-id"),
            api_version: of("stripe-version"),
            account: of("stripe-account"),
        }
    }

    fn response(
        self,
        body: String,
        status: u16,
        outgoing: &Outgoing<'_>,
        attempts: u32,
    ) -> Response {
        let sent = |name: &str| outgoing.headers.get(name).map(str::to_owned);
        Response {
            body,
            status: Some(status),
            request_id: self.request_id,
            idempotency_key: sent("idempotency-key"),
            attempts,
            api_version: self.api_version.or_else(|| sent("stripe-version")),
            account: self.account.or_else(|| sent("stripe-account")),
        }
    }
}

#[cfg(test)]
mod tests;
