//! One HTTP request, complete: everything the call, the options and the
//! connection say, in the bytes that are sent. It is built once, so that every
//! attempt sends the same.

mod raw;
mod table;

pub use raw::RawRequest;
pub(crate) use table::names_version;
pub use table::{build, path};

use std::borrow::Cow;

use crate::arguments::Place;
use crate::body::Body;
use crate::connection::Settings;
use crate::failure::Refusal;
use crate::form;
use crate::headers::{self, Headers};
use crate::json::{self, Object};
use crate::multipart;
use crate::operation::{API_VERSION, Base, Operation, Verb};
use crate::options::{self, Options};
use crate::secret::Secret;

/// Longest path with query that travels: what the HTTP crates of today's hosts
/// accept in a URI.
pub const MAX_TARGET: usize = 65_000;

/// A request as it is sent.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Verb.
    pub verb: Verb,
    /// Whether TLS is used.
    pub https: bool,
    /// Host and port.
    pub authority: String,
    /// Path and query.
    pub target: String,
    /// All headers but `authorization`.
    pub headers: Headers,
    /// The key that goes into `authorization`.
    pub key: Secret,
    /// Body; none where the verb has none.
    pub body: Option<Body<'a>>,
    /// What the calling code needs to judge the outcome.
    pub traits: Traits,
}

/// What sets a call apart when its outcome is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// API v2.
    pub v2: bool,
    /// The answer is a file.
    pub binary: bool,
    /// The idempotency key is the caller's, not one made for this call.
    pub caller_key: bool,
    /// Repeating the call cannot act twice, whoever made the key: a GET, or a
    /// DELETE of API v1.
    pub repeatable: bool,
}

/// What a call comes to.
#[derive(Debug)]
pub enum Planned<'a> {
    /// A request to send.
    Http(Box<Outgoing<'a>>),
    /// A value made without one, as JSON.
    Local(String),
}

impl Outgoing<'_> {
    /// Whether repeated attempts are one to Stripe.
    pub fn has_idempotency_key(&self) -> bool {
        self.headers.get("idempotency-key").is_some()
    }

    /// Whether this is a request of API v2.
    pub fn target_is_v2(&self) -> bool {
        self.traits.v2
    }

    /// The request's URL.
    pub fn url(&self) -> String {
        let scheme = if self.https { "https://" } else { "http://" };
        [scheme, &self.authority, &self.target].concat()
    }
}

/// Where an operation's requests go, up to the path of the table.
pub fn origin_of(operation: &Operation, settings: &Settings) -> String {
    let (https, authority, prefix) = origin(operation.base, settings);
    let scheme = if https { "https://" } else { "http://" };
    [scheme, authority, prefix].concat()
}

fn origin(base: Base, settings: &Settings) -> (bool, &str, &str) {
    match &settings.base_url {
        Some(url) => (url.https, &url.authority, &url.prefix),
        None => (true, base.host(), ""),
    }
}

/// What a request is made of, before headers.
struct Request<'r> {
    verb: Verb,
    path: &'r str,
    /// Where the call's options stand in its arguments.
    options_place: Place,
    encoding: Encoding,
    base: Base,
    v2: bool,
    binary: bool,
}

impl Request<'_> {
    /// A refusal of one of the call's options.
    fn refuse_option(&self, option: &str, message: impl Into<String>) -> Refusal {
        Refusal::argument(option, message).within(&String::from(self.options_place))
    }
}

/// How params become a body.
#[derive(Clone, Copy)]
enum Encoding {
    Form,
    Json,
    Multipart,
}

/// Where the params went.
struct Payload<'a> {
    /// None where they are in the body, or there are none.
    query: Option<String>,
    body: Option<Body<'a>>,
    content_type: Cow<'static, str>,
}

fn payload<'a>(
    request: &Request<'_>,
    params: Object<'a>,
    settings: &Settings,
    uuid: &mut impl FnMut() -> String,
) -> Result<Payload<'a>, Refusal> {
    let mut text = String::with_capacity(1024);
    let content_type = if request.v2 {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    if request.verb != Verb::Post {
        form::encode(&params, MAX_TARGET, &mut text);
        return Ok(Payload {
            // As the official client: params that come to nothing, such as an
            // empty list, still leave the question mark.
            query: (!params.is_empty()).then_some(text),
            body: None,
            content_type: content_type.into(),
        });
    }
    match request.encoding {
        Encoding::Form => {
            form::encode(&params, settings.max_request_bytes as usize, &mut text);
        }
        Encoding::Json => json::write_object(&params, &mut text),
        Encoding::Multipart => {
            let boundary = uuid();
            return Ok(Payload {
                query: None,
                body: Some(multipart::encode(params, &boundary)?),
                content_type: format!("multipart/form-data; boundary={boundary}").into(),
            });
        }
    }
    let mut body = Body::default();
    body.push(text);
    Ok(Payload {
        query: None,
        body: Some(body),
        content_type: content_type.into(),
    })
}

fn assemble<'a>(
    request: &Request<'_>,
    payload: Payload<'a>,
    options: &Options,
    settings: &Settings,
    uuid: impl FnOnce() -> String,
) -> Result<Outgoing<'a>, Refusal> {
    let key = match &options.api_key {
        Some(key) => crate::connection::checked_key(key.expose().to_owned())
            .map_err(|refusal| request.refuse_option("apiKey", refusal.message))?,
        None => settings
            .key
            .clone()
            .ok_or_else(|| Refusal::configuration("secretKey", crate::connection::NO_KEY))?,
    };
    let (https, authority, prefix) = origin(request.base, settings);
    let query = payload.query.as_deref();
    let mut target = String::with_capacity(
        prefix.len() + request.path.len() + query.map_or(0, |query| query.len() + 1),
    );
    target.push_str(prefix);
    target.push_str(request.path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    if target.len() > MAX_TARGET {
        return Err(Refusal::argument(
            "",
            format!(
                "The URL of this call would have {} bytes, more than the {MAX_TARGET} that travel; \
                 shorten its params.",
                target.len()
            ),
        ));
    }
    let length = payload.body.as_ref().map_or(0, Body::len);
    if length > settings.max_request_bytes as usize {
        return Err(Refusal::argument(
            "",
            format!(
                "The body of this call would have {length} bytes, more than the {} that \
                 \"maxRequestBytes\" allows.",
                settings.max_request_bytes
            ),
        ));
    }
    let (headers, caller_key) = headers(request, &payload, options, settings, &key, uuid)?;
    Ok(Outgoing {
        verb: request.verb,
        https,
        authority: authority.to_owned(),
        target,
        headers,
        key,
        body: payload.body,
        traits: Traits {
            v2: request.v2,
            binary: request.binary,
            caller_key,
            repeatable: match request.verb {
                Verb::Get => true,
                Verb::Delete => !request.v2,
                Verb::Post => false,
            },
        },
    })
}

/// The headers, and whether the idempotency key among them is the caller's.
fn headers(
    request: &Request<'_>,
    payload: &Payload<'_>,
    options: &Options,
    settings: &Settings,
    key: &Secret,
    uuid: impl FnOnce() -> String,
) -> Result<(Headers, bool), Refusal> {
    let mut out = Headers::with_room();
    let app = settings.app_info.as_ref();
    out.set("accept", "application/json");
    out.set("content-type", payload.content_type.clone());
    out.set("user-agent", headers::user_agent(request.v2, app));
    out.set(
        "x-stripe-client-user-agent",
        headers::client_user_agent(app),
    );
    if let Some(version) = &settings.api_version {
        out.set("stripe-version", version.clone());
    } else if request.v2 {
        out.set("stripe-version", API_VERSION);
    }
    for (name, value) in [
        ("stripe-account", &settings.stripe_account),
        ("stripe-context", &settings.stripe_context),
    ] {
        if let Some(value) = value {
            out.set(name, value.clone());
        }
    }
    for (name, value) in &settings.headers {
        out.set(name.clone(), value.clone());
    }
    for (header, option, value) in [
        (
            "idempotency-key",
            "idempotencyKey",
            &options.idempotency_key,
        ),
        ("stripe-account", "stripeAccount", &options.stripe_account),
        ("stripe-context", "stripeContext", &options.stripe_context),
        ("stripe-version", "apiVersion", &options.api_version),
    ] {
        if let Some(value) = value {
            headers::check_value(option, value)
                .map_err(|message| request.refuse_option(option, message))?;
            out.set(header, value.clone());
        }
    }
    for (name, value) in &options.headers {
        headers::check(name, value)
            .map_err(|message| request.refuse_option(&format!("headers.{name}"), message))?;
        out.set(name.clone(), value.clone());
    }
    if out.get("stripe-account").is_some() && out.get("stripe-context").is_some() {
        return Err(request.refuse_option(
            "stripeContext",
            "The call names both an account and a context (in its options, its headers or the \
             connection); Stripe takes one of them.",
        ));
    }
    let caller_key = match out.get("idempotency-key") {
        None => false,
        Some(key) => {
            options::check_idempotency_key(key)
                .map_err(|message| request.refuse_option("idempotencyKey", message))?;
            true
        }
    };
    // Options and connection are checked where they are read.
    let own = settings.headers.len() + options.headers.len();
    for header in ["stripe-account", "stripe-context", "stripe-version"] {
        if own > 0 && out.get(header) == Some("") {
            return Err(request.refuse_option(
                &format!("headers.{header}"),
                format!("The header {header:?} is empty; leave it out or give it a value."),
            ));
        }
    }
    if !caller_key && makes_key(request) {
        let mut made = String::from("stripe-wasm-");
        made.push_str(&uuid());
        out.set("idempotency-key", made);
    }
    if let Some(body) = &payload.body {
        let length = itoa::Buffer::new().format(body.len()).to_owned();
        out.set("content-length", length);
    }
    let size = out.size() + headers::authorization_size(key);
    if size > headers::MAX_BYTES {
        return Err(Refusal::argument(
            "",
            format!(
                "The headers of this call have {size} bytes, more than the {} that travel.",
                headers::MAX_BYTES
            ),
        ));
    }
    Ok((out, caller_key))
}

/// Every v1 POST and every v2 POST and DELETE carries a key, so that a lost
/// answer can be asked for again without acting twice.
fn makes_key(request: &Request<'_>) -> bool {
    match request.verb {
        Verb::Get => false,
        Verb::Post => true,
        Verb::Delete => request.v2,
    }
}

#[cfg(test)]
mod tests;
