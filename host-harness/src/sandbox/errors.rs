//! Stripe's error answers as values. It owns their JSON shape, for v1 and for v2, and the
//! sentences that several rooms share; it knows nothing of what led to an error.

use serde_json::{Map, Value, json};

/// Why a request is refused, before it is put on the wire.
#[derive(Debug, Clone)]
pub(crate) struct StripeError {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Stripe's `type`: the coarse class of the error.
    pub(crate) kind: &'static str,
    /// Stripe's `code`, when there is one.
    pub(crate) code: Option<String>,
    /// One sentence for a person.
    pub(crate) message: String,
    /// The parameter at fault, in bracketed form.
    pub(crate) param: Option<String>,
    /// Further members: `decline_code`, `charge`, `payment_intent` …
    pub(crate) extra: Vec<(&'static str, Value)>,
    /// The shape of OAuth (RFC 6749, section 5.2) instead of Stripe's: `error` is a word.
    pub(crate) oauth: bool,
    /// True when the request was refused before anything was executed. Such an answer is not kept
    /// under an idempotency key (Stripe docs, "Idempotent requests").
    pub(crate) before_execution: bool,
    /// True when what happened before the refusal stays: a declined payment leaves its failed
    /// charge. Any other refused request changes nothing.
    pub(crate) keeps_changes: bool,
}

impl StripeError {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            message: message.into(),
            param: None,
            extra: Vec::new(),
            oauth: false,
            before_execution: false,
            keeps_changes: false,
        }
    }

    /// 400: the request makes no sense as sent.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 400: the request could not even be read, so nothing was executed.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::invalid(message).unexecuted()
    }

    /// 400: a parameter that the operation does not take.
    pub(crate) fn unknown_parameter(param: &str) -> Self {
        Self::malformed(format!("Received unknown parameter: {param}"))
            .code("parameter_unknown")
            .param(param)
    }

    /// 400: a required parameter is absent.
    pub(crate) fn missing(param: &str) -> Self {
        Self::malformed(format!("Missing required param: {param}."))
            .code("parameter_missing")
            .param(param)
    }

    /// 401: no key, or one that the sandbox does not take.
    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", message).unexecuted()
    }

    /// 402: the card was refused.
    pub(crate) fn card(code: &str, message: impl Into<String>) -> Self {
        Self::new(402, "card_error", message).code(code)
    }

    /// 403: the key may not do this.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "invalid_request_error", message).unexecuted()
    }

    /// 404: no object of this kind has this id.
    pub(crate) fn no_such(object: &str, id: &str) -> Self {
        let name = object.rsplit('.').next().unwrap_or(object);
        Self::new(
            404,
            "invalid_request_error",
            format!("No such {name}: '{id}'"),
        )
        .code("resource_missing")
        .param("id")
    }

    /// 404: the path is none of Stripe's.
    pub(crate) fn unrecognized(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self::new(404, "invalid_request_error", message).unexecuted()
    }

    /// 413: the body is larger than the sandbox takes.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The request body is larger than {limit} bytes.");
        Self::new(413, "invalid_request_error", message).unexecuted()
    }

    /// 408: the client took too long to send its request.
    pub(crate) fn too_slow() -> Self {
        Self::new(
            408,
            "invalid_request_error",
            "The request took too long to arrive.",
        )
        .unexecuted()
    }

    /// 503: too many large bodies are arriving at the same time.
    pub(crate) fn too_busy() -> Self {
        let message = "Other requests' bodies take all the room there is. Try again later.";
        Self::new(503, "api_error", message).unexecuted()
    }

    /// 400: an idempotency key was used before with another request.
    pub(crate) fn idempotency(message: impl Into<String>) -> Self {
        Self::new(400, "idempotency_error", message).unexecuted()
    }

    /// 409: the first request with this idempotency key is still under way.
    pub(crate) fn key_in_use(key: &str) -> Self {
        let message = format!(
            "The idempotency key '{key}' belongs to a request that is still under way. Ask again \
             when that one is answered."
        );
        Self::new(409, "idempotency_error", message)
            .code("idempotency_key_in_use")
            .unexecuted()
    }

    /// 429: too many requests in this second.
    pub(crate) fn rate_limited(limit: u32) -> Self {
        let message = format!("More than {limit} requests in one second. Wait, then ask again.");
        Self::new(429, "invalid_request_error", message)
            .code("rate_limit")
            .unexecuted()
    }

    /// 500: the sandbox itself failed, and nothing was changed.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "api_error", message).unexecuted()
    }

    /// 400 in OAuth's shape.
    pub(crate) fn oauth(code: &'static str, description: impl Into<String>) -> Self {
        let mut error = Self::new(400, code, description);
        error.oauth = true;
        error
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    pub(crate) fn param(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Says that what happened before the refusal stays.
    pub(crate) fn keeping_changes(mut self) -> Self {
        self.keeps_changes = true;
        self
    }

    fn unexecuted(mut self) -> Self {
        self.before_execution = true;
        self
    }

    /// The body of the answer.
    pub(crate) fn to_json(&self, request_id: &str) -> Value {
        if self.oauth {
            return json!({"error": self.kind, "error_description": self.message});
        }
        let mut error = Map::new();
        if let Some(code) = &self.code {
            error.insert("code".into(), json!(code));
            let doc_url = format!(
                "https://docs.stripe.com/error-codes#{}",
                code.replace('_', "-")
            );
            error.insert("doc_url".into(), json!(doc_url));
        }
        error.insert("message".into(), json!(self.message));
        if let Some(param) = &self.param {
            error.insert("param".into(), json!(param));
        }
        let log = format!("https://dashboard.stripe.com/test/workbench/logs?object={request_id}");
        error.insert("request_log_url".into(), json!(log));
        error.insert("type".into(), json!(self.kind));
        error.extend(
            self.extra
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        json!({ "error": error })
    }
}
