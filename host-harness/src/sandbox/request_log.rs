//! What arrived, for a person: one line for each request, and the latest ones for the status page. It
//! owns what is told of a request and in which form; where lines go is said by whoever starts the
//! sandbox.

use super::answer::Answer;
use super::auth;
use super::calendar::iso_8601;
use super::deliveries::DeliveryAttempt;
use super::faults::Hit;
use super::routes::Routes;
use bytes::Bytes;
use http::Request;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The most characters shown of a path or of an idempotency key.
const MAX_SHOWN: usize = 255;

/// One request as it is told to a person. Of its query, its body and its API key there is nothing in
/// it but the key's prefix and last four characters.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    /// The sandbox's time when it was answered, in Unix seconds.
    pub(crate) at: i64,
    pub(crate) verb: String,
    pub(crate) path: String,
    /// What the table calls the operation, such as `customers.create`; empty where there is none.
    pub(crate) operation: &'static str,
    /// The redacted API key; `-` where none was sent.
    pub(crate) api_key: String,
    /// 0 where a fault meant that there was no answer.
    pub(crate) status: u16,
    /// The error's code, or its type where it has no code.
    pub(crate) error: Option<String>,
    /// How long the answer took.
    pub(crate) took: Duration,
    pub(crate) request_id: String,
    pub(crate) idempotency_key: Option<String>,
    /// The answer is a kept one.
    pub(crate) replayed: bool,
    /// The fault that hit it.
    pub(crate) fault: Option<&'static str>,
}

impl Arrived {
    pub(crate) fn new(
        request: &Request<Bytes>,
        status: u16,
        request_id: &str,
        at: i64,
        took: Duration,
    ) -> Self {
        let (verb, path) = (request.method().as_str(), request.uri().path());
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()))
        };
        let authorization = header("authorization");
        let api_key = authorization.map(|value| auth::redact_authorization(&value));
        let api_key = api_key
            .as_deref()
            .and_then(|shown| shown.rsplit(' ').next());
        Self {
            at,
            verb: shown(verb),
            path: shown(path),
            operation: Routes::get()
                .find(verb, path)
                .map_or("", |(route, _)| route.name),
            api_key: api_key.map_or_else(|| "-".to_owned(), shown),
            status,
            error: None,
            took,
            request_id: request_id.to_owned(),
            idempotency_key: header("idempotency-key").map(|key| shown(&key)),
            replayed: false,
            fault: request.extensions().get::<Hit>().map(|hit| hit.0),
        }
    }

    /// The same, with what its answer says.
    pub(crate) fn with(mut self, answer: &Answer) -> Self {
        self.error = (answer.status >= 400).then(|| error_of(&answer.body));
        self.replayed = answer.is_replay();
        self
    }
}

impl fmt::Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = match self.operation {
            "" => "-",
            operation => operation,
        };
        let status = match self.status {
            0 => "-".to_owned(),
            status => status.to_string(),
        };
        write!(
            f,
            "{} {} {} {operation} {} {status} {:.1} ms",
            iso_8601(self.at),
            self.verb,
            self.path,
            self.api_key,
            self.took.as_secs_f64() * 1000.0,
        )?;
        if let Some(error) = &self.error {
            write!(f, " {error}")?;
        }
        write!(f, " {}", self.request_id)?;
        if let Some(key) = &self.idempotency_key {
            write!(f, " key={key}")?;
        }
        f.write_str(if self.replayed { " replayed" } else { "" })?;
        match self.fault {
            Some(fault) => write!(f, " fault={fault}"),
            None => Ok(()),
        }
    }
}

/// A caller's text, of which nothing may look like another line, and no more than fits one.
fn shown(text: &str) -> String {
    let shown = text.chars().take(MAX_SHOWN);
    shown.flat_map(char::escape_default).collect()
}

/// What an error answer says it is.
fn error_of(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let error = body.get("error").unwrap_or(&Value::Null);
    let field = |name: &str| error.get(name).and_then(Value::as_str);
    // OAuth's error is a word.
    let code = field("code").or(field("type")).or(error.as_str());
    let code = code.unwrap_or("-");
    match field("decline_code").filter(|decline| *decline != code) {
        Some(decline) => format!("{code}/{decline}"),
        None => code.to_owned(),
    }
}

/// Where the sandbox reports what arrives, one line for each request: time, verb, path, method, API
/// key (redacted), status, milliseconds, error code, request id, idempotency key, whether the
/// answer was a kept one, and the fault that hit it. Every try
/// to deliver a webhook is a line too. Of queries, bodies, API keys and signing secrets it says nothing
/// more.
#[derive(Clone)]
pub struct RequestLog(Arc<dyn Fn(&str) + Send + Sync>);

impl RequestLog {
    /// Calls this with every line. It is called before the answer is sent, so it should be quick.
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    pub(crate) fn request(&self, arrived: &Arrived) {
        (self.0)(&arrived.to_string());
    }

    pub(crate) fn delivery(&self, attempt: &DeliveryAttempt, now: i64) {
        let url = attempt.url.split('?').next().unwrap_or_default();
        // Whoever made the endpoint chose its URL.
        let url: String = url.chars().flat_map(char::escape_default).collect();
        let outcome = match (attempt.status, &attempt.reason) {
            (Some(status), _) => status.to_string(),
            (None, Some(reason)) => format!("- {reason}"),
            (None, None) => "-".to_owned(),
        };
        let line = format!(
            "{} WEBHOOK {} {} {url} try {}{} {outcome}",
            iso_8601(now),
            attempt.event_type,
            attempt.event,
            attempt.attempt,
            if attempt.retried || attempt.succeeded() {
                ""
            } else {
                ", the last"
            },
        );
        (self.0)(&line);
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestLog")
    }
}
