//! How results look: JSON lines for programs, text for people. Colours only on
//! a terminal, and not where `NO_COLOR` is set.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use stripe_harness::types::{Failure, HttpRequest, Response};
use stripe_harness::{CallError, Case};

/// Writes a line to stdout. A reader that has gone away ends the program, as
/// it does any other.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Writes a line to stderr; a closed one is no reason to stop.
pub(super) fn error_line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// `{"id": …, "response": {…}}` or `{"id": …, "error": {…}}`.
pub(super) fn outcome(id: &Value, result: &Result<Response, CallError>) -> Value {
    match result {
        Ok(response) => json!({"id": id, "response": response_json(response)}),
        Err(error) => failed(id, error),
    }
}

/// `{"id": …, "error": {…}}`.
pub(super) fn failed(id: &Value, error: &CallError) -> Value {
    json!({"id": id, "error": error_json(error)})
}

/// JSON text as a value, its numbers' digits kept.
pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn response_json(response: &Response) -> Value {
    json!({
        "body": parsed(&response.body),
        "status": response.status,
        "request_id": response.request_id,
        "idempotency_key": response.idempotency_key,
        "attempts": response.attempts,
        "api_version": response.api_version,
        "account": response.account,
    })
}

fn error_json(error: &CallError) -> Value {
    let Failure {
        type_,
        code,
        decline_code,
        param,
        message,
        doc_url,
        request_id,
        status,
        attempts,
        retry_after_ms,
        idempotency_key,
        may_have_been_sent,
        path,
        raw,
    } = error.failure.as_ref();
    json!({
        "case": error.case.as_str(),
        "type": type_,
        "code": code,
        "decline_code": decline_code,
        "param": param,
        "message": message,
        "doc_url": doc_url,
        "request_id": request_id,
        "status": status,
        "attempts": attempts,
        "retry_after_ms": retry_after_ms,
        "may_have_been_sent": may_have_been_sent,
        "idempotency_key": idempotency_key,
        "path": path,
        "raw": raw.as_deref().map(parsed),
    })
}

/// `{"method", "url", "headers", "body"}` of a request that would be sent.
pub(super) fn request_json(request: &HttpRequest) -> Value {
    let headers: Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect();
    let body = match &request.body {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::String(text.to_owned()),
            Err(_) => json!({"base64": STANDARD.encode(bytes)}),
        },
    };
    json!({"method": request.method, "url": request.url, "headers": headers, "body": body})
}

/// Text for people, coloured or not.
pub(super) struct Page {
    colour: bool,
}

impl Page {
    /// A page on stdout.
    pub(super) fn stdout() -> Self {
        Page {
            colour: wants_colour(io::stdout().is_terminal()),
        }
    }

    /// A page on stderr.
    pub(super) fn stderr() -> Self {
        Page {
            colour: wants_colour(io::stderr().is_terminal()),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// What was called, how it went, and the body.
    pub(super) fn response(
        &self,
        id: &str,
        call: &str,
        response: &Response,
        took: Duration,
    ) -> String {
        let mut facts = Vec::new();
        match response.status {
            Some(status) => facts.push(self.paint("32", &status.to_string())),
            None => facts.push(self.paint("32", "no HTTP call")),
        }
        facts.extend(response.request_id.clone());
        if response.attempts > 1 {
            facts.push(format!("{} attempts", response.attempts));
        }
        facts.push(format!("{} ms", took.as_millis()));
        let heading = if id == call {
            self.paint("1", call)
        } else {
            format!("{} {call}", self.paint("1", id))
        };
        let body = match serde_json::from_str::<Value>(&response.body) {
            Ok(body) => format!("{body:#}"),
            Err(_) => response.body.clone(),
        };
        format!("{heading} · {}\n{body}", facts.join(" · "))
    }

    /// What went wrong, where, and what to do.
    pub(super) fn error(
        &self,
        id: &str,
        call: &str,
        error: &CallError,
        place: Option<&str>,
    ) -> String {
        let failure = error.failure.as_ref();
        let heading = if id == call {
            self.paint("1", call)
        } else {
            format!("{} {call}", self.paint("1", id))
        };
        let mut facts = vec![self.paint("31", &failure.type_)];
        facts.extend(failure.status.map(|status| status.to_string()));
        facts.extend(failure.code.clone());
        facts.extend(failure.decline_code.clone());
        facts.extend(failure.request_id.clone());
        if failure.attempts > 1 {
            facts.push(format!("{} attempts", failure.attempts));
        }
        facts.push(error.case.as_str().to_owned());
        let mut out = format!("{heading} · {}\n  {}", facts.join(" · "), failure.message);
        let mut say = |name: &str, value: &str| out.push_str(&format!("\n  {name}: {value}"));
        if let Some(param) = &failure.param {
            say("param", param);
        }
        match (place, &failure.path) {
            (Some(place), Some(path)) => say("where", &format!("{place} {path}")),
            (_, Some(path)) => say("where", path),
            _ => {}
        }
        if let Some(advice) = advice(failure) {
            say("what to do", advice);
        }
        if let Some(url) = &failure.doc_url {
            say("more", url);
        }
        // Where repeating is harmless there is nothing to be careful about.
        if failure.may_have_been_sent && error.case != Case::Transient {
            say(
                "careful",
                "Stripe may have acted on this call; look before you repeat it with another \
                 idempotency key.",
            );
        }
        out
    }
}

fn wants_colour(terminal: bool) -> bool {
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Cause and remedy of the errors people meet most.
fn advice(failure: &Failure) -> Option<&'static str> {
    match (failure.type_.as_str(), failure.code.as_deref()) {
        ("card_error", Some("card_declined")) => {
            Some("the card was declined; the customer should use a different card.")
        }
        (_, Some("resource_missing")) => {
            Some("no such object for this key; check the id, the account, and test or live mode.")
        }
        (_, Some("parameter_unknown")) => Some(
            "check the parameter's name; options such as idempotencyKey come after the params, as \
             an argument of their own.",
        ),
        ("invalid_request_error", _) => {
            Some("the parameters are not valid; check the required fields.")
        }
        ("rate_limit_error", _) => Some("too many requests; wait, and send fewer at a time."),
        ("authentication_error", _) => {
            Some("the API key is not valid; check the connection's secretKey.")
        }
        ("configuration_error", _) if failure.message.contains("does not allow requests to") => {
            Some("name the origin with --allow-origin, or use --base-url or --sandbox.")
        }
        _ => None,
    }
}
