//! How results look: JSON lines for programs, text for people. Colours only on
//! a terminal, and not where `NO_COLOR` is set.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use stripe_harness::types::{Failure, HttpRequest, Planned, Response};
use stripe_harness::{CallError, Case};

use super::terminal;

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

/// `{"id": …, "response": {…}}` or `{"id": …, "error": {…}}`, as one line.
pub(super) fn outcome(id: &Value, result: &Result<Response, CallError>) -> String {
    match result {
        Ok(response) => answered(id, response),
        Err(error) => failed(id, error),
    }
}

/// `{"id": …, "response": {…}}`, as one line.
pub(super) fn answered(id: &Value, response: &Response) -> String {
    member(id, "response", &response_json(response))
}

/// `{"id": …, "error": {…}}`, as one line.
pub(super) fn failed(id: &Value, error: &CallError) -> String {
    member(id, "error", &error_json(error))
}

/// `{"id": …, "request": {…}}` or `{"id": …, "local": …}`, as one line.
pub(super) fn planned(id: &Value, planned: &Planned) -> String {
    match planned {
        Planned::Http(request) => member(id, "request", &request_json(request)),
        Planned::Local(value) => member(id, "local", &embedded(value)),
    }
}

/// `{"id": …, NAME: …}`.
fn member(id: &Value, name: &str, value: &impl Serialize) -> String {
    // Of maps with text for keys nothing can fail.
    let value = serde_json::to_string(value).unwrap_or_default();
    terminal::json(format!("{{\"id\":{id},\"{name}\":{value}}}"))
}

/// JSON text as it stands, in one line; other text as a string. A body is
/// neither taken apart nor spelled anew: there may be a million of them.
pub(super) fn embedded(text: &str) -> Box<RawValue> {
    // Checked before the space between two values could be lost.
    let is_json = serde_json::from_str::<&RawValue>(text).is_ok();
    let (mut quoted, mut escaped) = (false, false);
    let line: String = text
        .chars()
        .filter(|char| {
            if !quoted {
                quoted = *char == '"';
                return !matches!(char, ' ' | '\n' | '\r' | '\t');
            }
            quoted = escaped || *char != '"';
            escaped = !escaped && *char == '\\';
            true
        })
        .collect();
    let value = match is_json {
        true => RawValue::from_string(line),
        false => to_raw_value(text),
    };
    value.unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// JSON text over several lines, for a person; other text as it is.
pub(super) fn indented(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => terminal::json(format!("{value:#}")),
        Err(_) => terminal::lines(text),
    }
}

/// JSON text as a value, its numbers' digits kept.
pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[derive(Serialize)]
struct ResponseJson<'r> {
    body: Box<RawValue>,
    status: Option<u16>,
    request_id: &'r Option<String>,
    idempotency_key: &'r Option<String>,
    attempts: u32,
    api_version: &'r Option<String>,
    account: &'r Option<String>,
}

fn response_json(response: &Response) -> ResponseJson<'_> {
    ResponseJson {
        body: embedded(&response.body),
        status: response.status,
        request_id: &response.request_id,
        idempotency_key: &response.idempotency_key,
        attempts: response.attempts,
        api_version: &response.api_version,
        account: &response.account,
    }
}

#[derive(Serialize)]
struct ErrorJson<'e> {
    case: &'static str,
    r#type: &'e str,
    code: &'e Option<String>,
    decline_code: &'e Option<String>,
    param: &'e Option<String>,
    message: &'e str,
    doc_url: &'e Option<String>,
    request_id: &'e Option<String>,
    status: Option<u16>,
    attempts: u32,
    retry_after_ms: Option<u32>,
    may_have_been_sent: bool,
    idempotency_key: &'e Option<String>,
    path: &'e Option<String>,
    raw: Option<Box<RawValue>>,
}

fn error_json(error: &CallError) -> ErrorJson<'_> {
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
    ErrorJson {
        case: error.case.as_str(),
        r#type: type_,
        code,
        decline_code,
        param,
        message,
        doc_url,
        request_id,
        status: *status,
        attempts: *attempts,
        retry_after_ms: *retry_after_ms,
        may_have_been_sent: *may_have_been_sent,
        idempotency_key,
        path,
        raw: raw.as_deref().map(embedded),
    }
}

/// `{"method", "url", "headers", "body"}` of a request that would be sent.
fn request_json(request: &HttpRequest) -> Value {
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
        facts.extend(response.request_id.as_deref().map(terminal::line));
        if response.attempts > 1 {
            facts.push(format!("{} attempts", response.attempts));
        }
        facts.push(format!("{} ms", took.as_millis()));
        let heading = if id == call {
            self.paint("1", call)
        } else {
            format!("{} {call}", self.paint("1", id))
        };
        let body = indented(&response.body);
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
        let mut facts = vec![self.paint("31", &terminal::line(&failure.type_))];
        facts.extend(failure.status.map(|status| status.to_string()));
        let named = [&failure.code, &failure.decline_code, &failure.request_id];
        facts.extend(named.into_iter().flatten().map(|it| terminal::line(it)));
        if failure.attempts > 1 {
            facts.push(format!("{} attempts", failure.attempts));
        }
        facts.push(error.case.as_str().to_owned());
        let message = terminal::line(&failure.message);
        let mut out = format!("{heading} · {}\n  {message}", facts.join(" · "));
        let mut say = |name: &str, value: &str| {
            out.push_str(&format!("\n  {name}: {}", terminal::line(value)));
        };
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
        // A generated key is told nowhere else, and without it a call that may
        // have been made can only be made again.
        if let (true, Some(key)) = (failure.may_have_been_sent, &failure.idempotency_key) {
            say("idempotency key", key);
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

/// Whether the host did not let the request out.
pub(super) fn is_not_allowed(failure: &Failure) -> bool {
    failure.type_ == "configuration_error" && failure.message.contains("does not allow requests to")
}

/// Cause and remedy of the errors people meet most.
pub(super) fn advice(failure: &Failure) -> Option<&'static str> {
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
        _ if is_not_allowed(failure) => {
            Some("name the origin with --allow-origin, or use --base-url or --sandbox.")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_one_line_and_keeps_its_digits() {
        for (body, line) in [
            (
                "{\n  \"a b\": [ 1.50,\t12345678901234567890123 ],\r\n  \"c\": null\n}",
                r#"{"a b":[1.50,12345678901234567890123],"c":null}"#,
            ),
            (
                r#"{ "q\" : {": "\\" , "e": " é \u00e9" }"#,
                r#"{"q\" : {":"\\","e":" é \u00e9"}"#,
            ),
            ("not\nJSON", r#""not\nJSON""#),
            ("1 2", r#""1 2""#),
            ("", r#""""#),
        ] {
            assert_eq!(embedded(body).get(), line);
        }
    }
}
