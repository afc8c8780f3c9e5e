//! What an HTTP answer means: Stripe's object, or a failure with everything
//! Stripe said about it.
//!
//! | answer | `type` | repeatable by an engine |
//! |---|---|---|
//! | 2xx with JSON (or a file, where one was asked for), 204 | success | |
//! | 400, 404 and other 4xx | Stripe's, or `invalid_request_error` | no |
//! | 401 | `authentication_error` | no |
//! | 402 | `card_error` | no |
//! | 403 | `permission_error` | no |
//! | 408, 425 | Stripe's | yes: it was not processed |
//! | 409 | Stripe's | yes: it was not processed |
//! | 429, or code `rate_limit` | `rate_limit_error` | yes |
//! | 5xx | Stripe's, or `api_error` | if acting twice is ruled out |
//! | 3xx | `response_error` | no: redirects are not followed |
//! | not JSON, or no error of Stripe's | `response_error` | as its status says |
//!
//! A 2xx answer is a success even if it has a member named `error`: report
//! runs do. (The official client throws there.)

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;

use crate::failure::{Kind, failure};
use crate::headers::Headers;
use crate::hiding;
use crate::json::Value;
use crate::outgoing::Traits;
use crate::retry::{self, Outcome};
use crate::secret::Secret;
use crate::types::Failure;

/// An answer as it arrived.
#[derive(Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
}

/// What an answer means.
#[derive(Debug)]
pub enum Judged {
    /// The body, as JSON.
    Success(String),
    /// What went wrong.
    Failure {
        /// Everything known about it, but what only the call knows.
        failure: Box<Failure>,
        /// Whether Stripe acted.
        acted: Acted,
        /// Whether another attempt is worth it.
        outcome: Outcome,
    },
}

/// What an answer says about whether Stripe acted on this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It did not, nor did an earlier attempt with the same key.
    No,
    /// This attempt was turned away before it was looked at; an earlier one may
    /// still have been acted on.
    NotThisTime,
    /// It may have.
    Maybe,
}

impl Answer {
    /// How the attempt ended, for the decision to repeat it.
    pub fn outcome(&self) -> Outcome {
        Outcome::Answer {
            status: self.status,
            should_retry: match self.headers.get("stripe-should-retry") {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
            retry_after: self.headers.get("retry-after").and_then(retry::retry_after),
        }
    }

    /// Judges the answer. `key` is what must not be repeated in a failure.
    pub fn judge(self, traits: Traits, key: &Secret) -> Judged {
        let outcome = self.outcome();
        if (200..300).contains(&self.status) {
            return self.success(traits, key);
        }
        let mut failure = match self.text() {
            Some(text) => self.stripe_failure(text, traits, key),
            None => self.foreign_failure(key),
        };
        let is_stripes = failure.raw.is_some();
        let outcome = match (failure.code.as_deref(), outcome) {
            // The same as a 429, by another status.
            (
                Some("rate_limit"),
                Outcome::Answer {
                    should_retry,
                    retry_after,
                    ..
                },
            ) if self.status == 400 => Outcome::Answer {
                status: 429,
                should_retry,
                retry_after,
            },
            (_, outcome) => outcome,
        };
        failure.status = Some(self.status);
        failure.request_id = self.headers.get("request-id").map(str::to_owned);
        hide(&mut failure, key);
        failure.retry_after_ms = match outcome {
            Outcome::Answer {
                retry_after: Some(milliseconds),
                ..
            } => u32::try_from(milliseconds).ok(),
            _ => None,
        };
        Judged::Failure {
            failure: Box::new(failure),
            acted: match self.status {
                500.. => Acted::Maybe,
                401 | 403 | 408 | 409 | 425 | 429 => Acted::NotThisTime,
                400.. if is_stripes => Acted::No,
                // Someone else's answer says nothing about Stripe.
                _ => Acted::NotThisTime,
            },
            outcome,
        }
    }

    /// The body as JSON text, if it is that.
    fn text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.body).ok()?;
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        Some(text)
    }

    fn success(self, traits: Traits, key: &Secret) -> Judged {
        if self.status == 204 && self.body.is_empty() {
            return Judged::Success("null".to_owned());
        }
        let is_page = self.headers.get("content-type").is_some_and(|kind| {
            kind.get(..9)
                .is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
        });
        if traits.binary && !is_page {
            let content_type = match self.headers.get("content-type") {
                Some(kind) => hiding::without(kind, key),
                None => "application/octet-stream".to_owned(),
            };
            let mut json = String::with_capacity(self.body.len() / 3 * 4 + 64);
            json.push_str("{\"base64\":\"");
            STANDARD.encode_string(&self.body, &mut json);
            json.push_str("\",\"content_type\":");
            crate::json::write_string(&content_type, &mut json);
            json.push('}');
            return Judged::Success(json);
        }
        if self.text().is_some() {
            // Checked above, so nothing is lost.
            return Judged::Success(String::from_utf8(self.body).unwrap_or_default());
        }
        let mut failure = self.foreign_failure(key);
        failure.status = Some(self.status);
        failure.request_id = self.headers.get("request-id").map(str::to_owned);
        hide(&mut failure, key);
        Judged::Failure {
            failure: Box::new(failure),
            acted: Acted::Maybe,
            outcome: Outcome::Unreadable,
        }
    }

    /// A failure from Stripe's error body, v1, v2 or OAuth.
    fn stripe_failure(&self, text: &str, traits: Traits, key: &Secret) -> Failure {
        if (300..400).contains(&self.status) {
            return self.foreign_failure(key);
        }
        // What is too odd to read has no error of Stripe's in it.
        let body = Value::parse(text).unwrap_or(Value::Null);
        let error = body.get("error");
        let of = |name: &str| {
            error
                .and_then(|error| error.get(name))
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        // OAuth's errors are a code and a description (RFC 6749, 5.2).
        let oauth = error.and_then(Value::as_str).map(str::to_owned);
        if oauth.is_none() && !matches!(error, Some(Value::Object(_))) {
            return self.foreign_failure(key);
        }
        let described = body
            .get("error_description")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let code = of("code");
        let kind = match &oauth {
            Some(kind) => kind.clone(),
            None => self.kind(of("type"), code.as_deref(), traits),
        };
        let message = of("message")
            .or(described)
            .unwrap_or_else(|| format!("Stripe answered with status {}.", self.status));
        let mut raw = String::new();
        match error {
            Some(error @ Value::Object(_)) => error.write(&mut raw),
            // Written again, so that the key is found in it however it was
            // escaped.
            _ => body.write(&mut raw),
        }
        let mut failure = failure(&kind, message);
        failure.code = code;
        failure.decline_code = of("decline_code");
        failure.param = of("param");
        failure.doc_url = of("doc_url");
        failure.raw = Some(raw);
        failure
    }

    /// The kind, as the official clients' classes tell them apart: by status
    /// where Stripe's own `type` does not.
    fn kind(&self, stated: Option<String>, code: Option<&str>, traits: Traits) -> String {
        if let (true, Some(stated)) = (traits.v2, &stated) {
            return stated.clone();
        }
        let by_status = match self.status {
            429 => "rate_limit_error",
            400 if code == Some("rate_limit") => "rate_limit_error",
            401 => "authentication_error",
            402 => "card_error",
            403 => "permission_error",
            500.. => return stated.unwrap_or_else(|| "api_error".to_owned()),
            _ => return stated.unwrap_or_else(|| "invalid_request_error".to_owned()),
        };
        by_status.to_owned()
    }

    /// A failure from an answer that is not one of Stripe's.
    fn foreign_failure(&self, key: &Secret) -> Failure {
        let message = if (300..400).contains(&self.status) {
            format!(
                "The server answered with a redirect (status {}), which is not followed: check \
                 \"baseUrl\".",
                self.status
            )
        } else {
            let content = match self.headers.get("content-type") {
                _ if self.body.is_empty() => "an empty body".to_owned(),
                Some(kind) => {
                    let kind = hiding::without(kind, key);
                    let kind: String = kind.chars().take(100).collect();
                    format!("a body of {} bytes of type {kind}", self.body.len())
                }
                None => format!("a body of {} bytes without a type", self.body.len()),
            };
            format!(
                "The server answered with status {} and {content}, which is not one of Stripe's \
                 answers: a proxy or another server answered in its place.",
                self.status
            )
        };
        failure(Kind::Response.as_str(), message)
    }
}

/// Takes the key out of everything a server said, in its body or its headers.
fn hide(failure: &mut Failure, key: &Secret) {
    let said = [
        Some(&mut failure.type_),
        Some(&mut failure.message),
        failure.code.as_mut(),
        failure.decline_code.as_mut(),
        failure.param.as_mut(),
        failure.doc_url.as_mut(),
        failure.request_id.as_mut(),
        failure.raw.as_mut(),
    ];
    for text in said.into_iter().flatten() {
        if text.contains(key.expose()) {
            *text = hiding::without(text, key);
        }
    }
    // In JSON a key with a quote or a backslash is spelled differently.
    let mut spelled = String::new();
    crate::json::write_string(key.expose(), &mut spelled);
    if let (Some(raw), Some(inner)) = (&mut failure.raw, spelled.get(1..spelled.len() - 1))
        && inner != key.expose()
    {
        *raw = raw.replace(inner, &key.redacted());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: Traits = Traits {
        v2: false,
        binary: false,
        caller_key: false,
        repeatable: true,
    };

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        let mut headers = Headers::default();
        headers.set("content-type", content_type.to_owned());
        headers.set("request-id", "req_1");
        Answer {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn failed(answer: Answer, traits: Traits) -> (Failure, Acted) {
        let key = Secret::new("sk_test_0123456789abcdef".into());
        match answer.judge(traits, &key) {
            Judged::Failure { failure, acted, .. } => (*failure, acted),
            Judged::Success(body) => panic!("{body}"),
        }
    }

    #[test]
    fn every_kind_of_error_is_told_apart() {
        use Acted::{Maybe, No, NotThisTime};
        for (status, error, kind, acted) in [
            (
                400,
                r#"{"type":"invalid_request_error"}"#,
                "invalid_request_error",
                No,
            ),
            (404, "{}", "invalid_request_error", No),
            (
                400,
                r#"{"type":"idempotency_error"}"#,
                "idempotency_error",
                No,
            ),
            (
                401,
                r#"{"type":"invalid_request_error"}"#,
                "authentication_error",
                NotThisTime,
            ),
            (402, r#"{"type":"card_error"}"#, "card_error", No),
            (403, "{}", "permission_error", NotThisTime),
            (
                409,
                r#"{"type":"idempotency_error"}"#,
                "idempotency_error",
                NotThisTime,
            ),
            (
                429,
                r#"{"type":"invalid_request_error"}"#,
                "rate_limit_error",
                NotThisTime,
            ),
            (400, r#"{"code":"rate_limit"}"#, "rate_limit_error", No),
            (500, r#"{"type":"api_error"}"#, "api_error", Maybe),
            (503, "{}", "api_error", Maybe),
        ] {
            let body = format!(r#"{{"error":{error}}}"#);
            let (failure, found) = failed(answer(status, "application/json", &body), V1);
            assert_eq!(
                (failure.type_.as_str(), found),
                (kind, acted),
                "{status} {error}"
            );
            assert_eq!(failure.status, Some(status));
            assert_eq!(failure.request_id.as_deref(), Some("req_1"));
        }
        let v2 = Traits { v2: true, ..V1 };
        let body = r#"{"error":{"type":"temporary_session_expired","message":"m"}}"#;
        let (failure, _) = failed(answer(400, "application/json", body), v2);
        assert_eq!(failure.type_, "temporary_session_expired");
    }

    #[test]
    fn everything_stripe_said_is_kept() {
        let error = r#"{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","param":"card","message":"Declined.","doc_url":"https://d","amount":12345678901234567890,"charge":"ch_1"}"#;
        let (failure, _) = failed(
            answer(402, "application/json", &format!(r#"{{"error":{error}}}"#)),
            V1,
        );
        assert_eq!(failure.code.as_deref(), Some("card_declined"));
        assert_eq!(failure.decline_code.as_deref(), Some("insufficient_funds"));
        assert_eq!(failure.param.as_deref(), Some("card"));
        assert_eq!(failure.message, "Declined.");
        assert_eq!(failure.doc_url.as_deref(), Some("https://d"));
        assert_eq!(failure.raw.as_deref(), Some(error));
    }

    #[test]
    fn the_key_is_hidden_however_a_server_spells_it() {
        for (status, headers, body) in [
            (
                401,
                [("a", "b")],
                r#"{"error":{"message":"sk_test_0123456789abcdef"}}"#,
            ),
            (
                401,
                [("a", "b")],
                r#"{"error":{"message":"\u0073k_test_0123456789abcde\u0066"}}"#,
            ),
            (
                401,
                [("a", "b")],
                r#"{"error":"sk_test_0123456789abcde\u0066"}"#,
            ),
            (
                400,
                [("request-id", "sk_test_0123456789abcdef")],
                r#"{"error":{}}"#,
            ),
            (200, [("content-type", "sk_test_0123456789abcdef")], "x"),
        ] {
            let mut answer = answer(status, "text/plain", body);
            for (name, value) in headers {
                answer.headers.set(name, value);
            }
            let shown = format!("{:?}", failed(answer, V1));
            assert!(!shown.contains("0123456789"), "{shown}");
            assert!(shown.contains("sk_test_…cdef"), "{shown}");
        }
        // A key that JSON spells differently.
        let key = Secret::new(r#"oauth/"0123456789\abc"#.into());
        let body = r#"{"error":{"message":"m","x":"oauth\/\"0123456789\\abc"}}"#;
        let Judged::Failure { failure, .. } = answer(401, "x", body).judge(V1, &key) else {
            panic!("a 401");
        };
        assert_eq!(
            failure.raw.as_deref(),
            Some(r#"{"message":"m","x":"…\abc"}"#)
        );
    }

    #[test]
    fn oauth_errors_are_a_code_and_a_description() {
        let body = r#"{"error":"invalid_grant","error_description":"Code expired."}"#;
        let (failure, _) = failed(answer(400, "application/json", body), V1);
        assert_eq!(
            (failure.type_.as_str(), failure.message.as_str()),
            ("invalid_grant", "Code expired.")
        );
        assert_eq!(failure.raw.as_deref(), Some(body));
    }

    #[test]
    fn what_is_not_stripes_is_said_to_be_so() {
        for (status, content_type, body, said, acted) in [
            (
                502,
                "text/html",
                "<html>",
                "status 502 and a body of 6 bytes of type text/html",
                Acted::Maybe,
            ),
            (
                200,
                "text/html",
                "<html>",
                "not one of Stripe's",
                Acted::Maybe,
            ),
            (200, "application/json", "", "an empty body", Acted::Maybe),
            (
                200,
                "application/json",
                "{\"id\":",
                "not one of Stripe's",
                Acted::Maybe,
            ),
            (302, "text/html", "", "redirect", Acted::NotThisTime),
            (
                302,
                "application/json",
                "{}",
                "redirect",
                Acted::NotThisTime,
            ),
            (
                404,
                "application/json",
                "{}",
                "not one of Stripe's",
                Acted::NotThisTime,
            ),
            (
                404,
                "text/plain",
                "no",
                "not one of Stripe's",
                Acted::NotThisTime,
            ),
        ] {
            let (failure, found) = failed(answer(status, content_type, body), V1);
            assert!(failure.message.contains(said), "{}", failure.message);
            assert_eq!((failure.type_.as_str(), found), ("response_error", acted));
        }
    }

    #[test]
    fn a_success_is_passed_on_unchanged() {
        let body = r#"{"id":"frr_1", "error":"failed", "n":1.10}"#;
        let key = Secret::new("sk_test_0123456789abcdef".into());
        match answer(200, "application/json", body).judge(V1, &key) {
            Judged::Success(found) => assert_eq!(found, body),
            other => panic!("{other:?}"),
        }
        let file = Traits { binary: true, ..V1 };
        match answer(200, "application/pdf", "%PDF").judge(file, &key) {
            Judged::Success(found) => {
                assert_eq!(
                    found,
                    r#"{"base64":"JVBERg==","content_type":"application/pdf"}"#
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_that_repeats_the_key_does_not_spread_it() {
        let body = r#"{"error":{"message":"No such key: sk_test_0123456789abcdef"}}"#;
        let (failure, _) = failed(answer(401, "application/json", body), V1);
        assert_eq!(failure.message, "No such key: sk_test_…cdef");
        assert!(!failure.raw.unwrap_or_default().contains("0123456789"));
    }
}
