//! Making failures: the kinds the plugin finds by itself, and the refusal that
//! says what is wrong before anything is sent.

use crate::types::{Error, Failure};

/// Kinds of failure the plugin finds by itself; the rest are Stripe's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The connection is wrong.
    Configuration,
    /// The call is wrong.
    Argument,
    /// The connection's policy does not permit the call.
    Policy,
    /// No answer, or only part of one, arrived.
    Connection,
    /// Time ran out.
    Timeout,
    /// The answer is not one of Stripe's.
    Response,
    /// A webhook is not verified.
    Signature(Cause),
}

/// Why a webhook is not verified; each is a failure's `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is no payload.
    PayloadMissing,
    /// It is not the body that was signed, but what became of it.
    PayloadParsed,
    /// It is larger than any event.
    PayloadTooLarge,
    /// There is no header.
    HeaderMissing,
    /// It cannot be read.
    HeaderMalformed,
    /// It holds no signature of the scheme `v1`.
    SchemeMissing,
    /// There is no secret, or a blank one.
    SecretMissing,
    /// The secret is an API key.
    SecretIsApiKey,
    /// The signature is that of another payload or another secret.
    SignatureMismatch,
    /// It is older than the tolerance.
    TimestampTooOld,
}

impl Cause {
    /// The `code` of the failure.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::PayloadMissing => "payload_missing",
            Cause::PayloadParsed => "payload_parsed",
            Cause::PayloadTooLarge => "payload_too_large",
            Cause::HeaderMissing => "header_missing",
            Cause::HeaderMalformed => "header_malformed",
            Cause::SchemeMissing => "scheme_missing",
            Cause::SecretMissing => "secret_missing",
            Cause::SecretIsApiKey => "secret_is_api_key",
            Cause::SignatureMismatch => "signature_mismatch",
            Cause::TimestampTooOld => "timestamp_too_old",
        }
    }
}

impl Kind {
    /// The `type` of the failure.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Configuration => "configuration_error",
            Kind::Argument => "argument_error",
            Kind::Policy => "policy_error",
            Kind::Connection => "connection_error",
            Kind::Timeout => "timeout_error",
            Kind::Response => "response_error",
            Kind::Signature(_) => "signature_verification_error",
        }
    }
}

/// A failure with nothing but its kind and message; nothing was sent.
pub fn failure(kind: &str, message: String) -> Failure {
    Failure {
        type_: kind.to_owned(),
        code: None,
        decline_code: None,
        param: None,
        message,
        doc_url: None,
        request_id: None,
        status: None,
        attempts: 0,
        retry_after_ms: None,
        idempotency_key: None,
        may_have_been_sent: false,
        path: None,
        raw: None,
    }
}

/// A refusal before anything is sent: what is wrong, and where in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether the connection, the call, the policy or a webhook is at fault.
    pub kind: Kind,
    /// What is wrong and what to write instead.
    pub message: String,
    /// Where, such as `args[0].amount`; empty where the whole is meant.
    pub path: String,
}

impl Refusal {
    /// The connection is at fault.
    pub fn configuration(path: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal {
            kind: Kind::Configuration,
            message: message.into(),
            path: path.into(),
        }
    }

    /// The call is at fault.
    pub fn argument(path: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal {
            kind: Kind::Argument,
            message: message.into(),
            path: path.into(),
        }
    }

    /// The connection's policy does not permit the call.
    pub fn policy(path: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal {
            kind: Kind::Policy,
            path: path.into(),
            message: message.into(),
        }
    }

    /// A webhook is not verified.
    pub fn signature(cause: Cause, path: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal {
            kind: Kind::Signature(cause),
            message: message.into(),
            path: path.into(),
        }
    }

    /// The same refusal, its place seen from further out.
    pub fn within(mut self, outer: &str) -> Self {
        if outer.is_empty() {
            return self;
        }
        let separator = if self.path.is_empty() || self.path.starts_with('[') {
            ""
        } else {
            "."
        };
        self.path = format!("{outer}{separator}{}", self.path);
        self
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let mut failure = failure(refusal.kind.as_str(), readable(&refusal.message));
        if let Kind::Signature(cause) = refusal.kind {
            failure.code = Some(cause.as_str().to_owned());
        }
        failure.path = Some(readable(&refusal.path)).filter(|path| !path.is_empty());
        Error::Permanent(failure)
    }
}

/// Characters of a text's beginning and end that are shown where it is too long
/// to be read: what is wrong stands at one, what to write at the other.
const SHOWN: (usize, usize) = (600, 300);

/// A text that repeats what the caller wrote, for a person's terminal: what
/// cannot be seen is escaped, and the middle of what is too long then left out.
fn readable(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => escaped.push(c),
            c => escaped.extend(c.escape_debug()),
        }
    }
    let (begin, end) = SHOWN;
    let length = escaped.chars().count();
    if length <= begin + end {
        return escaped;
    }
    let kept = |at: usize, c: char| match at {
        at if at < begin || at >= length - end => Some(c),
        at if at == begin => Some('…'),
        _ => None,
    };
    let chars = escaped.chars().enumerate();
    chars.filter_map(|(at, c)| kept(at, c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str, message: &str) -> (String, String) {
        match Error::from(Refusal::argument(path, message)) {
            Error::Permanent(failure) => (failure.path.unwrap(), failure.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_caller_wrote_is_shown_so_that_it_can_be_read() {
        assert_eq!(
            shown("args[0].größe\r\n", "No \"a\\b\" \u{1b}[31m\u{202e}👍"),
            (
                "args[0].größe\\r\\n".to_owned(),
                "No \"a\\b\" \\u{1b}[31m\\u{202e}👍".to_owned()
            )
        );
        let long = format!("<{}>", "é".repeat(100_000));
        let (path, message) = shown(&long, &long);
        assert_eq!(path, message);
        assert_eq!(path.chars().count(), 901);
        assert!(path.starts_with("<é") && path.ends_with("é>"));
        let unseen = "\u{7f}".repeat(500);
        assert_eq!(shown(&unseen, "m").0.chars().count(), 901);
        let fits = "x".repeat(900);
        assert_eq!(shown(&fits, "m").0, fits);
    }
}
