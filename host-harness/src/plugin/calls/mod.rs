//! What a host calls, one module for each interface of the contract. Each leases
//! an instance, calls it, and gives it back; nothing here knows how instances
//! are made or kept.

mod actions;
mod catalogue;
mod connections;
mod pages;
mod requests;
mod webhooks;

pub use self::webhooks::Webhook;

use tracing::Span;

use super::CallError;
use super::connection::Via;
use crate::bindings::types;

/// Completes a call's span.
fn record(span: &Span, result: &Result<types::Response, CallError>) {
    if span.is_disabled() {
        return;
    }
    let (status, attempts, request_id) = match result {
        Ok(response) => (response.status, response.attempts, &response.request_id),
        Err(error) => {
            span.record("error", error.failure.type_.as_str());
            let failure = &error.failure;
            (failure.status, failure.attempts, &failure.request_id)
        }
    };
    span.record("attempts", attempts);
    if let Some(status) = status {
        span.record("status", status);
    }
    if let Some(request_id) = request_id {
        span.record("request_id", request_id.as_str());
    }
}
