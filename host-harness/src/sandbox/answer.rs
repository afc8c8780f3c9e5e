//! An answer from its content to its headers. It owns what every answer of Stripe's carries and which
//! API version it is in; it knows nothing of what led to it.

use super::errors::StripeError;
use super::idempotency::KeptAnswer;
use super::world::Outcome;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// An answer before its headers are made.
pub(crate) struct Answer {
    pub(crate) status: u16,
    content_type: &'static str,
    pub(crate) body: Bytes,
    /// The id of the request that was executed, when this answer repeats an earlier one.
    original_request: Option<String>,
    /// What was limited, when it is that there were too many requests.
    rate_limited: bool,
}

impl Answer {
    pub(crate) fn success(outcome: Outcome) -> Self {
        let (content_type, body) = match outcome {
            Outcome::Json(value) => ("application/json", Bytes::from(value.to_string())),
            Outcome::File {
                content_type,
                content,
            } => (content_type, content),
        };
        Self {
            status: 200,
            content_type,
            body,
            original_request: None,
            rate_limited: false,
        }
    }

    pub(crate) fn refusal(error: &StripeError, request_id: &str) -> Self {
        Self {
            status: error.status,
            content_type: "application/json",
            body: Bytes::from(error.to_json(request_id).to_string()),
            original_request: None,
            rate_limited: error.status == 429,
        }
    }

    /// An answer that was given before under the same idempotency key.
    pub(crate) fn replay(kept: KeptAnswer) -> Self {
        Self {
            status: kept.status,
            content_type: "application/json",
            body: kept.body,
            original_request: Some(kept.request_id),
            rate_limited: false,
        }
    }

    /// Whether it repeats an earlier answer.
    pub(crate) fn is_replay(&self) -> bool {
        self.original_request.is_some()
    }

    /// The answer to a request with these headers, with its own.
    pub(crate) fn into_response(
        self,
        request_id: &str,
        asked: &HeaderMap,
        api_version: &str,
    ) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static(self.content_type));
        let version = asked.get("stripe-version").cloned();
        let version = version.or_else(|| api_version.parse().ok());
        let repeated = self.original_request.is_some();
        for (name, value) in [
            ("request-id", request_id.parse().ok()),
            ("stripe-version", version),
            ("idempotency-key", asked.get("idempotency-key").cloned()),
            ("stripe-account", asked.get("stripe-account").cloned()),
            (
                "idempotent-replayed",
                repeated.then(|| HeaderValue::from_static("true")),
            ),
            (
                "original-request",
                self.original_request.and_then(|id| id.parse().ok()),
            ),
            // Stripe docs, "Rate limits": which limit it was.
            (
                "stripe-rate-limited-reason",
                self.rate_limited
                    .then(|| HeaderValue::from_static("global-rate")),
            ),
        ] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// A header's text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The API version a request is for; `usual` when it names none.
pub(crate) fn check_version<'a>(
    headers: &'a HeaderMap,
    is_v2: bool,
    usual: &'a str,
) -> Result<&'a str, StripeError> {
    let Some(version) = header(headers, "stripe-version") else {
        // Only v1 has a default version of the account (Stripe docs, "API v2 overview").
        if is_v2 {
            return Err(StripeError::malformed(
                "API v2 needs the header Stripe-Version.",
            ));
        }
        return Ok(usual);
    };
    let date = version.split(['.', ';']).next().unwrap_or_default();
    let digits: Vec<_> = date.split('-').map(str::len).collect();
    let is_date = date
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_date && digits == [4, 2, 2] {
        return Ok(version);
    }
    Err(StripeError::malformed(format!(
        "Invalid Stripe API version: {version}"
    )))
}
