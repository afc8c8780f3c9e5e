//! The whole of the sandbox's Stripe as one function from a request to a response. It owns the
//! order of the steps (key, account, route, idempotency, parameters, operation, answer) and what
//! every answer carries; it knows nothing of sockets, and leaves each step to its own room.

use super::decode::{self, Decoded};
use super::errors::StripeError;
use super::idempotency::{Fingerprint, IdempotencyKeys, KeptAnswer};
use super::ids::Ids;
use super::recording::Recording;
use super::routes::{Route, Routes};
use super::store::Store;
use super::world::{Call, Outcome, World};
use super::{RecordedRequest, SandboxOptions};
use super::{auth, expand, operations, parameters};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A Stripe without a socket: give it a request, get the response. Cheap to make, so that a test
/// can have one of its own.
#[derive(Debug)]
pub struct StandIn {
    options: SandboxOptions,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ids: Ids,
    /// The account that a key acts for when the request names no other.
    own_account: String,
    accounts: HashMap<String, Store>,
    idempotency: IdempotencyKeys,
    /// Keys from `/oauth/token`, and their accounts.
    tokens: HashMap<String, String>,
    recording: Recording,
}

/// An answer before its headers are made.
struct Answer {
    status: u16,
    content_type: &'static str,
    body: Bytes,
    /// The id of the request that was executed, when this answer repeats an earlier one.
    original_request: Option<String>,
}

/// What a request is for.
struct Target<'a> {
    route: &'a Route,
    /// The values of the path's parameters.
    ids: Vec<String>,
    path: &'a str,
    account: String,
    now: i64,
    /// Unknown parameters are refused. The shapes know those of one API version only.
    is_strict: bool,
}

impl StandIn {
    /// A Stripe with nothing in it.
    pub fn new(options: SandboxOptions) -> Self {
        let mut ids = Ids::new(options.seed);
        let state = State {
            own_account: ids.id("account"),
            ids,
            accounts: HashMap::new(),
            idempotency: IdempotencyKeys::default(),
            tokens: HashMap::new(),
            recording: Recording::new(options.recorded_requests),
        };
        Self {
            options,
            state: Mutex::new(state),
        }
    }

    /// Answers one request. Of its URI only the path and the query count.
    pub fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut state = self.lock();
        let request_id = state.ids.id("request");
        let answer = self.answer(&mut state, request, &request_id);
        let answer = answer.unwrap_or_else(|error| refusal(&error, &request_id));
        state.recording.push(request, answer.status);
        self.respond(answer, &request_id, request.headers())
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().recording.to_vec()
    }

    /// The id of the account that every key belongs to, unless a request names another one.
    pub fn own_account(&self) -> String {
        self.lock().own_account.clone()
    }

    /// The answer to a request whose body is larger than the limit.
    pub(crate) fn refuse_too_large(&self, limit: usize) -> Response<Bytes> {
        self.refuse(&StripeError::too_large(limit))
    }

    /// The answer to a request that did not arrive in time.
    pub(crate) fn refuse_too_slow(&self) -> Response<Bytes> {
        self.refuse(&StripeError::too_slow())
    }

    fn refuse(&self, error: &StripeError) -> Response<Bytes> {
        let request_id = self.lock().ids.id("request");
        self.respond(refusal(error, &request_id), &request_id, &HeaderMap::new())
    }

    fn answer(
        &self,
        state: &mut State,
        request: &Request<Bytes>,
        request_id: &str,
    ) -> Result<Answer, StripeError> {
        let headers = request.headers();
        let (method, path) = (request.method().as_str(), request.uri().path());
        let route = Routes::get().find(method, path);
        let is_v2 = path.starts_with("/v2/");
        let authorization = match header(headers, "authorization") {
            None if path.starts_with("/oauth/") => decode::client_secret(request),
            authorization => authorization.map(str::to_owned),
        };
        let key = auth::authenticate(authorization.as_deref())?;
        let account = acting_account(state, headers, &key)?;
        let (route, ids) = route.ok_or_else(|| StripeError::unrecognized(method, path))?;
        let version = self.check_version(headers, is_v2)?;

        let decoded = decode::decode(request, route)?;
        let now = self.options.clock.now();
        // Reading and v1 deletion are idempotent by themselves (Stripe docs, "Idempotent requests").
        let takes_key = method == "POST" || (is_v2 && method == "DELETE");
        let idempotency_key = match headers.get("idempotency-key").filter(|_| takes_key) {
            None => None,
            Some(key) => Some(key.to_str().map_err(|_| {
                StripeError::malformed("An idempotency key is made of visible ASCII characters.")
            })?),
        };
        let fingerprint = Fingerprint {
            method: method.to_owned(),
            path: path.to_owned(),
            params: decoded.fingerprint(),
        };
        if let Some(key) = idempotency_key
            && let Some(kept) = state.idempotency.replay(&account, key, &fingerprint, now)?
        {
            return Ok(Answer {
                status: kept.status,
                content_type: "application/json",
                body: kept.body,
                original_request: Some(kept.request_id),
            });
        }
        let is_strict =
            self.options.refuse_unknown_parameters && version == self.options.api_version;
        let target = Target {
            route,
            ids,
            path,
            account,
            now,
            is_strict,
        };
        let (answer, keep) = match execute(state, &target, decoded) {
            Ok(outcome) => (success(outcome), true),
            Err(error) => (refusal(&error, request_id), !error.before_execution),
        };
        if let Some(key) = idempotency_key.filter(|_| keep) {
            let kept = KeptAnswer {
                status: answer.status,
                request_id: request_id.to_owned(),
                body: answer.body.clone(),
            };
            state
                .idempotency
                .keep(&target.account, key, fingerprint, kept, now);
        }
        Ok(answer)
    }

    /// The API version a request is for.
    fn check_version<'a>(
        &'a self,
        headers: &'a HeaderMap,
        is_v2: bool,
    ) -> Result<&'a str, StripeError> {
        let Some(version) = header(headers, "stripe-version") else {
            // Only v1 has a default version of the account (Stripe docs, "API v2 overview").
            if is_v2 {
                return Err(StripeError::malformed(
                    "API v2 needs the header Stripe-Version.",
                ));
            }
            return Ok(&self.options.api_version);
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

    fn respond(&self, answer: Answer, request_id: &str, asked: &HeaderMap) -> Response<Bytes> {
        let mut response = Response::new(answer.body);
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(
            "content-type",
            HeaderValue::from_static(answer.content_type),
        );
        let version = asked.get("stripe-version").cloned();
        let version = version.or_else(|| self.options.api_version.parse().ok());
        let repeated = answer.original_request.is_some();
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
                answer.original_request.and_then(|id| id.parse().ok()),
            ),
        ] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        response
    }

    /// No code that holds this lock can panic; should it happen all the same, the data is good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Executes a request whose parameters are decoded but not yet understood.
fn execute(
    state: &mut State,
    target: &Target<'_>,
    decoded: Decoded<'_>,
) -> Result<Outcome, StripeError> {
    let &Target {
        route,
        ref ids,
        path,
        ref account,
        now,
        is_strict,
    } = target;
    let Decoded { mut params, upload } = decoded;
    let mut paths = expand::take(&mut params)?;
    if !route.is_v2() {
        parameters::restore_types(route.answer, &mut params)?;
    }
    if is_strict {
        parameters::check_known(route, &params)?;
    }
    parameters::check_required(route.answer, &params, upload.is_some())?;
    let wanted = paths.len();
    paths.retain(|path| path != "total_count");
    let total_count = paths.len() < wanted;
    let call = Call {
        route,
        ids,
        path,
        params,
        upload,
    };
    let mut world = World {
        store: state.accounts.entry(account.clone()).or_default(),
        ids: &mut state.ids,
        now,
        account,
        tokens: &mut state.tokens,
    };
    let mut outcome = operations::run(&mut world, &call, total_count)?;
    if let Outcome::Json(value) = &mut outcome {
        expand::expand(world.store, value, &paths)?;
    }
    Ok(outcome)
}

/// The account a request acts for: the one it names, or else the key's own.
fn acting_account(state: &State, headers: &HeaderMap, key: &str) -> Result<String, StripeError> {
    // A context is a path of accounts, of which the last one is acted for.
    let context = header(headers, "stripe-context").and_then(|path| path.rsplit('/').next());
    let named = header(headers, "stripe-account")
        .or(context)
        .filter(|named| !named.is_empty());
    let Some(named) = named else {
        return Ok(state.tokens.get(key).unwrap_or(&state.own_account).clone());
    };
    let plausible = named.strip_prefix("acct_").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if plausible && named.len() <= 64 {
        return Ok(named.to_owned());
    }
    Err(StripeError::forbidden(format!(
        "The provided key '{}' does not have access to account '{named}' (or that account does \
         not exist).",
        auth::redact(key)
    ))
    .code("account_invalid"))
}

fn success(outcome: Outcome) -> Answer {
    let (content_type, body) = match outcome {
        Outcome::Json(value) => ("application/json", Bytes::from(value.to_string())),
        Outcome::File {
            content_type,
            content,
        } => (content_type, content),
    };
    Answer {
        status: 200,
        content_type,
        body,
        original_request: None,
    }
}

fn refusal(error: &StripeError, request_id: &str) -> Answer {
    let body = Bytes::from(error.to_json(request_id).to_string());
    let content_type = "application/json";
    Answer {
        status: error.status,
        content_type,
        body,
        original_request: None,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
