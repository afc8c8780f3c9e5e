//! What goes wrong on purpose: errors, lost connections and spoilt answers, by a file of rules or by
//! a header of one request. This room owns which fault hits which request and what then goes over the
//! wire; it knows nothing of Stripe's objects, and the stand-in nothing of it.
//!
//! | room | owns |
//! |---|---|
//! | `kinds` | the faults' names and options |
//! | `file`, `pattern` | the file of rules; which requests a rule is for |
//! | `draw` | whether a request is hit: the same for the same seed |
//! | `wire` | what is sent in an answer's place, byte by byte |
//!
//! `FAULTS.md` beside this file tells users what there is.

mod draw;
mod file;
mod kinds;
mod pattern;
mod wire;

pub(crate) use draw::Draws;
pub(crate) use kinds::{Fault, Kind};
pub(crate) use wire::{Broken, Reply, Script, Spoilt, reply};

use super::StandIn;
use super::errors::StripeError;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use std::sync::Arc;

/// The header that forces a fault on the request that carries it.
pub(crate) const HEADER: &str = "x-sandbox-fault";

/// The name of the fault that hits a request, among the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit(pub(crate) &'static str);

/// The rules of a faults file.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults(Arc<file::File>);

impl Faults {
    /// Reads the text of a faults file, whose form `FAULTS.md` describes.
    ///
    /// # Errors
    /// The first mistake in it, with its line and column.
    pub fn parse(text: &str) -> Result<Self, crate::yaml::Error> {
        file::File::parse(text).map(|file| Self(Arc::new(file)))
    }
}

impl StandIn {
    /// The answer of a `status` fault, in Stripe's shape; none for other faults.
    pub(crate) fn fault_status(
        &self,
        request: &Request<Bytes>,
        fault: &Fault,
    ) -> Option<Response<Bytes>> {
        let Kind::Status {
            code,
            should_retry,
            retry_after,
        } = fault.kind
        else {
            return None;
        };
        let mut response = match fault.commits {
            // What was carried out is in the log already.
            true => self.refuse(&error(code)),
            false => self.turn_away(request, &error(code)),
        };
        let headers = response.headers_mut();
        if let Some(said) = should_retry {
            let said = HeaderValue::from_static(if said { "true" } else { "false" });
            headers.insert("stripe-should-retry", said);
        }
        if let Some(seconds) = retry_after {
            headers.insert("retry-after", seconds.into());
        }
        Some(response)
    }
}

/// The error that a `status` fault answers with.
pub(crate) fn error(code: u16) -> StripeError {
    let message = format!("A fault of the sandbox: status {code}, as it was told.");
    let mut error = StripeError::invalid(message).status(code);
    error.kind = match code {
        402 => "card_error",
        409 => "idempotency_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    match code {
        402 => error.code("card_declined"),
        429 => error.code("rate_limit"),
        _ => error,
    }
}
