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
    match result {
        Ok(response) => {
            let id = response.request_id.as_deref();
            record_answer(span, response.status, response.attempts, id);
        }
        Err(error) => record_failure(span, error),
    }
}

/// Completes the span of a call that failed.
fn record_failure(span: &Span, error: &CallError) {
    let failure = &error.failure;
    span.record("error", failure.type_.as_str());
    let id = failure.request_id.as_deref();
    record_answer(span, failure.status, failure.attempts, id);
}

fn record_answer(span: &Span, status: Option<u16>, attempts: u32, request_id: Option<&str>) {
    span.record("attempts", attempts);
    if let Some(status) = status {
        span.record("status", status);
    }
    if let Some(request_id) = request_id {
        span.record("request_id", request_id);
    }
}
