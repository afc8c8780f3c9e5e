//! One HTTP request, complete: everything the call, the options and the
//! connection say, in the bytes that are sent. It is built once, so that every
//! attempt sends the same.

use std::borrow::Cow;

use crate::arguments::Arguments;
use crate::body::Body;
use crate::connection::Settings;
use crate::failure::Refusal;
use crate::form;
use crate::headers::{self, Headers};
use crate::json::{self, Object, Value};
use crate::multipart;
use crate::operation::{API_VERSION, Base, Operation, Verb};
use crate::options::Options;
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
    /// The request's URL.
    pub fn url(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.target)
    }
}

/// Builds the request of a table operation. `uuid` is asked for a random
/// version 4 UUID where one is needed.
pub fn build<'a>(
    operation: &Operation,
    arguments: Arguments<'a>,
    settings: &Settings,
    mut uuid: impl FnMut() -> String,
) -> Result<Planned<'a>, Refusal> {
    let Arguments {
        ids,
        mut params,
        params_path,
        options,
    } = arguments;
    if operation.flags.own_version() && !names_version(&options) {
        return Err(Refusal::argument(
            params_path,
            format!(
                "{}.{} needs the API version its answer is for, in the call's own options: add \
                 {{\"apiVersion\": …}} as the last argument.",
                operation.resource, operation.method
            ),
        ));
    }
    if operation.flags.client_id() {
        add_client_id(&mut params, settings, &params_path)?;
    }
    if operation.flags.local() {
        return authorize_url(operation, params, &options, settings).map(Planned::Local);
    }
    let path = path(operation, &ids);
    let request = Request {
        verb: operation.verb,
        path: &path,
        encoding: if operation.flags.multipart() {
            Encoding::Multipart
        } else if operation.is_v2() {
            Encoding::Json
        } else {
            Encoding::Form
        },
        base: options.api_base.unwrap_or(operation.base),
        v2: operation.is_v2(),
        binary: operation.flags.binary(),
    };
    let payload = payload(&request, params, &mut uuid).map_err(|r| r.within(&params_path))?;
    assemble(&request, payload, &options, settings, uuid).map(|o| Planned::Http(Box::new(o)))
}

fn names_version(options: &Options) -> bool {
    options.api_version.is_some()
        || options
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("stripe-version"))
}

/// The path with its ids in place.
fn path(operation: &Operation, ids: &[Option<Cow<'_, str>>]) -> String {
    if let (Some(path), Some(None)) = (operation.null_path, ids.first()) {
        return path.to_owned();
    }
    let mut out = String::with_capacity(operation.path.len() + 32);
    let mut ids = ids.iter();
    let mut rest = operation.path;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        if let Some(Some(id)) = ids.next() {
            form::encode_segment(id, &mut out);
        }
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

fn add_client_id(
    params: &mut Object<'_>,
    settings: &Settings,
    params_path: &str,
) -> Result<(), Refusal> {
    let given = |value: &Value<'_>| !matches!(value, Value::Null) && value.as_str() != Some("");
    if params
        .iter()
        .any(|(name, value)| name == "client_id" && given(value))
    {
        return Ok(());
    }
    let Some(client_id) = settings.client_id.clone() else {
        return Err(Refusal::argument(
            params_path,
            "This call needs \"client_id\" in its params, or \"clientId\" in the connection.",
        ));
    };
    params.retain(|(name, _)| name != "client_id");
    params.push(("client_id".into(), Value::String(client_id.into())));
    Ok(())
}

/// `oauth.authorizeUrl`: the page a person is sent to; nothing is sent.
fn authorize_url(
    operation: &Operation,
    mut params: Object<'_>,
    options: &Options,
    settings: &Settings,
) -> Result<String, Refusal> {
    for (name, default) in [("response_type", "code"), ("scope", "read_write")] {
        if !params.iter().any(|(key, _)| key == name) {
            params.push((name.into(), Value::String(default.into())));
        }
    }
    let (https, authority, prefix) = origin(operation.base, settings);
    let mut url = format!(
        "{}://{authority}{prefix}{}{}?",
        if https { "https" } else { "http" },
        if options.express { "/express" } else { "" },
        operation.path,
    );
    let mut query = String::new();
    form::encode(&params, &mut query);
    url.push_str(&query);
    let mut json = String::with_capacity(url.len() + 2);
    json::write_string(&url, &mut json);
    Ok(json)
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
    encoding: Encoding,
    base: Base,
    v2: bool,
    binary: bool,
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
    /// Empty where they are in the body.
    query: String,
    body: Option<Body<'a>>,
    content_type: Cow<'static, str>,
}

fn payload<'a>(
    request: &Request<'_>,
    params: Object<'a>,
    uuid: &mut impl FnMut() -> String,
) -> Result<Payload<'a>, Refusal> {
    let mut text = String::with_capacity(256);
    let content_type = if request.v2 {
        "application/json"
    } else {
        "application/x-www-form-urlencoded"
    };
    if request.verb != Verb::Post {
        form::encode(&params, &mut text);
        return Ok(Payload {
            query: text,
            body: None,
            content_type: content_type.into(),
        });
    }
    match request.encoding {
        Encoding::Form => form::encode(&params, &mut text),
        Encoding::Json => json::write_object(&params, &mut text),
        Encoding::Multipart => {
            let boundary = uuid();
            return Ok(Payload {
                query: String::new(),
                body: Some(multipart::encode(params, &boundary)?),
                content_type: format!("multipart/form-data; boundary={boundary}").into(),
            });
        }
    }
    let mut body = Body::default();
    body.push(text);
    Ok(Payload {
        query: String::new(),
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
            .map_err(|refusal| Refusal::argument("apiKey", refusal.message))?,
        None => settings
            .key
            .clone()
            .ok_or_else(|| Refusal::configuration("secretKey", crate::connection::NO_KEY))?,
    };
    let (https, authority, prefix) = origin(request.base, settings);
    let mut target =
        String::with_capacity(prefix.len() + request.path.len() + payload.query.len() + 1);
    target.push_str(prefix);
    target.push_str(request.path);
    if !payload.query.is_empty() {
        target.push('?');
        target.push_str(&payload.query);
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
    let (headers, caller_key) = headers(request, &payload, options, settings, uuid)?;
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
    uuid: impl FnOnce() -> String,
) -> Result<(Headers, bool), Refusal> {
    let mut out = Headers::default();
    let app = settings.app_info.as_ref();
    out.set("accept", "application/json");
    out.set("content-type", payload.content_type.as_ref());
    let user_agent = headers::user_agent(if request.v2 { "v2" } else { "v1" }, app);
    headers::check_value("appInfo", &user_agent)
        .map_err(|message| Refusal::configuration("appInfo", message))?;
    out.set("user-agent", user_agent);
    out.set(
        "x-stripe-client-user-agent",
        headers::client_user_agent(app),
    );
    if let Some(version) = &settings.api_version {
        out.set("stripe-version", version);
    } else if request.v2 {
        out.set("stripe-version", API_VERSION);
    }
    for (name, value) in [
        ("stripe-account", &settings.stripe_account),
        ("stripe-context", &settings.stripe_context),
    ] {
        if let Some(value) = value {
            out.set(name, value);
        }
    }
    for (name, value) in &settings.headers {
        out.set(name, value);
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
                .map_err(|message| Refusal::argument(option, message))?;
            out.set(header, value);
        }
    }
    for (name, value) in &options.headers {
        headers::check(name, value)
            .map_err(|message| Refusal::argument(format!("headers.{name}"), message))?;
        out.set(name, value);
    }
    if out.get("stripe-account").is_some() && out.get("stripe-context").is_some() {
        return Err(Refusal::argument(
            "stripeContext",
            "The call names both an account and a context (in its options, its headers or the \
             connection); Stripe takes one of them.",
        ));
    }
    let caller_key = out.get("idempotency-key").is_some();
    if !caller_key && makes_key(request) {
        out.set("idempotency-key", format!("stripe-wasm-{}", uuid()));
    }
    if let Some(body) = &payload.body {
        out.set("content-length", body.len().to_string());
    }
    if out.size() > headers::MAX_BYTES {
        return Err(Refusal::argument(
            "headers",
            format!(
                "The headers of this call have {} bytes, more than the {} that travel.",
                out.size(),
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
mod tests {
    use super::*;
    use crate::arguments;
    use crate::connection::parse;
    use crate::operation::find;

    fn settings(properties: &str) -> Settings {
        Settings::new(parse(properties, false).unwrap(), || None).unwrap()
    }

    const KEY: &str = r#"{"secretKey":"sk_test_0123456789abcdef"}"#;

    fn planned<'a>(name: &str, args: &'a str, properties: &str) -> Result<Planned<'a>, Refusal> {
        let (resource, method) = name.rsplit_once('.').unwrap();
        let operation = find(resource, method).unwrap();
        let arguments = arguments::split(operation, Value::parse(args).unwrap())?;
        build(operation, arguments, &settings(properties), || {
            "UUID".into()
        })
    }

    fn http<'a>(name: &str, args: &'a str, properties: &str) -> Box<Outgoing<'a>> {
        match planned(name, args, properties) {
            Ok(Planned::Http(outgoing)) => outgoing,
            other => panic!("{other:?}"),
        }
    }

    fn body(outgoing: &Outgoing<'_>) -> String {
        let bytes = outgoing.body.as_ref().unwrap().to_bytes();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn params_go_where_the_verb_wants_them() {
        let get = http("customers.list", r#"[{"limit":30}]"#, KEY);
        assert_eq!(get.url(), "https://api.stripe.com/v1/customers?limit=30");
        assert!(get.body.is_none() && get.headers.get("content-length").is_none());

        let delete = http("subscriptions.cancel", r#"["sub_1",{"prorate":true}]"#, KEY);
        assert_eq!(delete.verb.as_str(), "DELETE");
        assert_eq!(delete.target, "/v1/subscriptions/sub_1?prorate=true");

        let post = http("customers.update", r#"["cus/1",{"name":"A & B"}]"#, KEY);
        assert_eq!(post.target, "/v1/customers/cus%2F1");
        assert_eq!(body(&post), "name=A%20%26%20B");
        assert_eq!(post.headers.get("content-length"), Some("16"));

        let empty = http("customers.create", "null", KEY);
        assert_eq!(
            (body(&empty).as_str(), empty.headers.get("content-length")),
            ("", Some("0"))
        );

        let v2 = http("v2.core.accounts.create", r#"[{"b":1,"a":null}]"#, KEY);
        assert_eq!(body(&v2), r#"{"b":1,"a":null}"#);
        assert_eq!(v2.headers.get("content-type"), Some("application/json"));
    }

    #[test]
    fn the_account_own_version_applies_unless_another_is_asked_for() {
        let version = |name: &str, args: &str, properties: &str| {
            http(name, args, properties)
                .headers
                .get("stripe-version")
                .map(str::to_owned)
        };
        let set = r#"{"secretKey":"sk_test_0123456789abcdef","apiVersion":"2017-12-14"}"#;
        assert_eq!(version("customers.list", "null", KEY), None);
        assert_eq!(
            version("v2.core.accounts.list", "null", KEY).as_deref(),
            Some(API_VERSION)
        );
        assert_eq!(
            version("customers.list", "null", set).as_deref(),
            Some("2017-12-14")
        );
        let own = r#"[null,{"apiVersion":"2020-08-27"}]"#;
        assert_eq!(
            version("customers.list", own, set).as_deref(),
            Some("2020-08-27")
        );
    }

    #[test]
    fn keys_are_made_where_repeating_could_act_twice() {
        for (name, args, key, caller, repeatable) in [
            ("customers.list", "null", None, false, true),
            (
                "customers.create",
                "null",
                Some("stripe-wasm-UUID"),
                false,
                false,
            ),
            ("customers.del", r#"["cus_1"]"#, None, false, true),
            (
                "v2.core.eventDestinations.del",
                r#"["ed_1"]"#,
                Some("stripe-wasm-UUID"),
                false,
                false,
            ),
            (
                "customers.create",
                r#"[{},{"idempotencyKey":"k"}]"#,
                Some("k"),
                true,
                false,
            ),
            (
                "customers.create",
                r#"[{},{"headers":{"Idempotency-Key":"h"}}]"#,
                Some("h"),
                true,
                false,
            ),
        ] {
            let outgoing = http(name, args, KEY);
            assert_eq!(
                outgoing.headers.get("idempotency-key"),
                key,
                "{name} {args}"
            );
            assert_eq!(outgoing.traits.caller_key, caller);
            assert_eq!(outgoing.traits.repeatable, repeatable);
        }
    }

    #[test]
    fn hosts_and_base_urls() {
        let base = r#"{"secretKey":"sk_test_0123456789abcdef","baseUrl":"http://127.0.0.1:9/x/"}"#;
        for (name, args, url) in [
            (
                "oauth.token",
                r#"{"code":"c"}"#,
                "https://connect.stripe.com/oauth/token",
            ),
            (
                "quotes.pdf",
                r#"["qt_1"]"#,
                "https://files.stripe.com/v1/quotes/qt_1/pdf",
            ),
            (
                "v2.billing.meterEventStream.create",
                "{}",
                "https://meter-events.stripe.com/v2/billing/meter_event_stream",
            ),
            (
                "customers.list",
                r#"[null,{"apiBase":"files"}]"#,
                "https://files.stripe.com/v1/customers",
            ),
            (
                "accounts.retrieve",
                "null",
                "https://api.stripe.com/v1/account",
            ),
            (
                "account.retrieve",
                r#"["acct_1"]"#,
                "https://api.stripe.com/v1/accounts/acct_1",
            ),
        ] {
            assert_eq!(http(name, args, KEY).url(), url);
        }
        assert_eq!(
            http("quotes.pdf", r#"["qt_1"]"#, base).url(),
            "http://127.0.0.1:9/x/v1/quotes/qt_1/pdf"
        );
    }

    #[test]
    fn authorize_url_sends_nothing() {
        let with = r#"{"secretKey":"sk_test_0123456789abcdef","clientId":"ca_1"}"#;
        match planned(
            "oauth.authorizeUrl",
            r#"[{"state":"a b"},{"express":true}]"#,
            with,
        ) {
            Ok(Planned::Local(json)) => assert_eq!(
                json,
                "\"https://connect.stripe.com/express/oauth/authorize?state=a%20b&client_id=ca_1\
                 &response_type=code&scope=read_write\""
            ),
            other => panic!("{other:?}"),
        }
        let refusal = planned("oauth.authorizeUrl", "{}", KEY).unwrap_err();
        assert!(refusal.message.contains("clientId"));
    }

    #[test]
    fn refuses_before_sending() {
        let long = format!(r#"[{{"email":"{}"}}]"#, "x".repeat(70_000));
        let big = r#"{"secretKey":"sk_test_0123456789abcdef","maxRequestBytes":10}"#;
        let account = r#"{"secretKey":"sk_test_0123456789abcdef","stripeAccount":"acct_1"}"#;
        for (name, args, properties, said) in [
            ("customers.list", long.as_str(), KEY, "more than the 65000"),
            (
                "customers.create",
                r#"{"email":"a@example.com"}"#,
                big,
                "maxRequestBytes",
            ),
            (
                "ephemeralKeys.create",
                r#"{"customer":"cus_1"}"#,
                KEY,
                "apiVersion",
            ),
            (
                "customers.list",
                r#"[{},{"apiKey":"sk_\n"}]"#,
                KEY,
                "line break",
            ),
            (
                "customers.list",
                r#"[{},{"headers":{"Host":"x"}}]"#,
                KEY,
                "cannot be set",
            ),
            (
                "customers.list",
                r#"[{},{"idempotencyKey":"é"}]"#,
                KEY,
                "cannot travel",
            ),
            (
                "customers.list",
                r#"[{},{"stripeContext":"acct_2"}]"#,
                account,
                "both an account",
            ),
        ] {
            let refusal = planned(name, args, properties).unwrap_err();
            assert!(refusal.message.contains(said), "{}", refusal.message);
        }
    }
}
