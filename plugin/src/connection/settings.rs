//! A `connection` record, checked and with its defaults filled in. Nothing in
//! it is ignored: what this version cannot honour is refused.

use std::fmt;

use crate::failure::Refusal;
use crate::form;
use crate::headers;
use crate::json::Value;
use crate::policy::{self, Rules};
use crate::retry::Backoff;
use crate::secret::Secret;
use crate::types::{self, AppInfo, Connection, Mode, ValidationLevel};

/// The values that absent fields take.
pub struct Defaults;

impl Defaults {
    /// Milliseconds for one attempt, as in the official client.
    pub const TIMEOUT: u32 = 80_000;
    /// Milliseconds a whole call may take beyond all its attempts' timeouts.
    pub const TOTAL_TIMEOUT_MARGIN: u64 = 30_000;
    /// Repetitions of a failed attempt, as in the official client 23.
    pub const MAX_NETWORK_RETRIES: u32 = 2;
    /// Whether the previous call's latency is reported to Stripe.
    pub const TELEMETRY: bool = true;
    /// Largest request body, in bytes.
    pub const MAX_REQUEST_BYTES: u32 = 64 << 20;
    /// Largest answer body, in bytes.
    pub const MAX_RESPONSE_BYTES: u32 = 16 << 20;
}

/// What every call of a connection uses.
#[derive(Debug)]
pub struct Settings {
    /// Key; none where every call brings its own.
    pub key: Option<Secret>,
    /// `Stripe-Version`, where the connection names one.
    pub api_version: Option<String>,
    /// Milliseconds for one attempt.
    pub timeout: u32,
    /// Milliseconds for a whole call, where the connection says so.
    pub total_timeout: Option<u32>,
    /// Repetitions of a failed attempt.
    pub max_network_retries: u32,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// Whether latency is reported.
    pub telemetry: bool,
    /// Connected account.
    pub stripe_account: Option<String>,
    /// Context.
    pub stripe_context: Option<String>,
    /// OAuth client id.
    pub client_id: Option<String>,
    /// Application named in the `user-agent`.
    pub app_info: Option<AppInfo>,
    /// Origin that replaces Stripe's hosts.
    pub base_url: Option<BaseUrl>,
    /// Headers of every call.
    pub headers: Vec<(String, String)>,
    /// Largest request body, in bytes.
    pub max_request_bytes: u32,
    /// Largest answer body, in bytes.
    pub max_response_bytes: u32,
    /// What the connection may do, where it has rules.
    pub rules: Option<Box<Rules>>,
    /// Signing secrets of webhook endpoints.
    pub webhook_secrets: WebhookSecrets,
    /// Greatest age of a webhook's signature, in seconds.
    pub webhook_tolerance: Option<u32>,
    /// How strictly arguments are held against the parameter schemas.
    pub validation: ValidationLevel,
}

impl Settings {
    /// Checks a connection. `fallback_key` is asked only where the connection
    /// has no key of its own. A place in the refusal is a property's name.
    pub fn new(
        connection: Connection,
        fallback_key: impl FnOnce() -> Option<String>,
    ) -> Result<Settings, Refusal> {
        refuse_transport(&connection)?;
        Settings::check(connection, fallback_key)
    }

    /// The same, but for what only the host can apply.
    pub fn check(
        connection: Connection,
        fallback_key: impl FnOnce() -> Option<String>,
    ) -> Result<Settings, Refusal> {
        if connection.headers.is_some() {
            check_stated_once(&connection)?;
        }
        if connection.stripe_account.is_some() && connection.stripe_context.is_some() {
            return Err(account_and_context());
        }
        if let Some(retry) = &connection.retry
            && retry
                .back_off_factor
                .is_some_and(|factor| !(1.0..=1000.0).contains(&factor))
        {
            return Err(Refusal::configuration(
                "retryConfig.backOffFactor",
                "Stripe connection property \"retryConfig.backOffFactor\" should be a number from 1 \
                 to 1000.",
            ));
        }
        let positive = |name: &str, value: Option<u32>, default: u32| match value {
            Some(0) => Err(Refusal::configuration(
                name,
                format!("Stripe connection property {name:?} should be at least 1."),
            )),
            value => Ok(value.unwrap_or(default)),
        };
        let timeout = positive("timeout", connection.timeout, Defaults::TIMEOUT)?;
        if let Some(total) = connection.total_timeout {
            positive("totalTimeout", Some(total), total)?;
        }
        let key = match connection.secret_key.or_else(fallback_key) {
            Some(key) => Some(checked_key(key)?),
            None => None,
        };
        let rules = rules(&connection.policy, &connection.extensions, key.as_ref())?;
        let given_headers = connection.headers.unwrap_or_default();
        for (name, value) in &given_headers {
            if name.eq_ignore_ascii_case("idempotency-key") {
                return Err(Refusal::configuration(
                    format!("headers.{name}"),
                    "An idempotency key belongs to one call: give it in the call's options.",
                ));
            }
            headers::check(name, value)
                .map_err(|message| Refusal::configuration(format!("headers.{name}"), message))?;
        }
        for (place, value) in [
            ("apiVersion", &connection.api_version),
            ("stripeAccount", &connection.stripe_account),
            ("stripeContext", &connection.stripe_context),
            ("clientId", &connection.client_id),
        ] {
            if let Some(value) = value {
                if value.is_empty() {
                    return Err(Refusal::configuration(
                        place,
                        format!(
                            "Stripe connection property {place:?} is empty; leave it out or give \
                             it a value."
                        ),
                    ));
                }
                headers::check_value(place, value)
                    .map_err(|message| Refusal::configuration(place, message))?;
            }
        }
        if let Some(app) = &connection.app_info {
            check_app_info(app)?;
        }
        Ok(Settings {
            key,
            api_version: connection.api_version,
            timeout,
            total_timeout: connection.total_timeout,
            max_network_retries: connection
                .max_network_retries
                .unwrap_or(Defaults::MAX_NETWORK_RETRIES),
            backoff: Backoff::new(connection.retry.as_ref()),
            telemetry: connection.telemetry.unwrap_or(Defaults::TELEMETRY),
            stripe_account: connection.stripe_account,
            stripe_context: connection.stripe_context,
            client_id: connection.client_id,
            app_info: connection.app_info,
            base_url: connection
                .base_url
                .as_deref()
                .map(BaseUrl::parse)
                .transpose()?,
            headers: given_headers,
            max_request_bytes: positive(
                "maxRequestBytes",
                connection.max_request_bytes,
                Defaults::MAX_REQUEST_BYTES,
            )?,
            max_response_bytes: positive(
                "maxResponseBytes",
                connection.max_response_bytes,
                Defaults::MAX_RESPONSE_BYTES,
            )?,
            rules,
            webhook_secrets: WebhookSecrets(connection.webhook_secrets),
            webhook_tolerance: connection.webhook_tolerance,
            validation: connection.validation.unwrap_or(ValidationLevel::Off),
        })
    }
}

/// A connection's headers, held against the properties of the same meaning: what
/// both say must be the same, since one would silently win. Apart, so that
/// connections without headers do not carry its frame.
#[inline(never)]
fn check_stated_once(connection: &Connection) -> Result<(), Refusal> {
    let stated = |header: &str, property: &str, value: &Option<String>| {
        let mut stated = value.as_deref();
        for (name, given) in connection.headers.iter().flatten() {
            if !name.eq_ignore_ascii_case(header) {
                continue;
            }
            if stated.is_some_and(|stated| stated != given) {
                return Err(Refusal::configuration(
                    format!("headers.{name}"),
                    format!(
                        "The connection gives two values for the header {header:?}; remove it from \
                         \"headers\" and give one as {property:?}."
                    ),
                ));
            }
            stated = Some(given);
        }
        Ok(stated.is_some())
    };
    stated("stripe-version", "apiVersion", &connection.api_version)?;
    let account = stated(
        "stripe-account",
        "stripeAccount",
        &connection.stripe_account,
    )?;
    if stated(
        "stripe-context",
        "stripeContext",
        &connection.stripe_context,
    )? && account
    {
        return Err(account_and_context());
    }
    Ok(())
}

fn account_and_context() -> Refusal {
    Refusal::configuration(
        "stripeContext",
        "Give either \"stripeAccount\" or \"stripeContext\", not both.",
    )
}

/// What names the application travels in headers.
fn check_app_info(app: &AppInfo) -> Result<(), Refusal> {
    if app.name.is_empty() {
        return Err(Refusal::configuration(
            "appInfo.name",
            "Stripe connection property \"appInfo.name\" is empty; give it a value.",
        ));
    }
    for (place, value) in [
        ("appInfo.name", Some(&app.name)),
        ("appInfo.version", app.version.as_ref()),
        ("appInfo.url", app.url.as_ref()),
        ("appInfo.partnerId", app.partner_id.as_ref()),
    ] {
        if let Some(value) = value {
            headers::check_value(place, value)
                .map_err(|message| Refusal::configuration(place, message))?;
        }
    }
    Ok(())
}

/// A connection's signing secrets, as they were given: calls to Stripe carry
/// them along, and only webhooks look at them. `Debug` does not show them.
pub struct WebhookSecrets(Option<Vec<String>>);

impl WebhookSecrets {
    /// The secrets, the newest first.
    pub fn to_secrets(&self) -> Vec<Secret> {
        let all = self.0.iter().flatten();
        all.map(|secret| Secret::new(secret.clone())).collect()
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The policy, and the key judged by it.
fn rules(
    policy: &Option<types::Policy>,
    extensions: &Option<String>,
    key: Option<&Secret>,
) -> Result<Option<Box<Rules>>, Refusal> {
    // What every call without a policy comes by should cost it nothing.
    if policy.is_none() && extensions.is_none() {
        return Ok(None);
    }
    let key_mode = match extensions {
        Some(extensions) => key_mode(extensions)?,
        None => None,
    };
    if let Some(stated) = key_mode
        && let Some(told) = key.and_then(policy::mode_of)
        && stated != told
    {
        return Err(Refusal::configuration(
            "keyMode",
            "\"keyMode\" is not what the secret key tells of itself; leave it out.",
        ));
    }
    let rules = Rules::new(policy.as_ref(), key_mode)?;
    if let (Some(rules), Some(key)) = (&rules, key) {
        rules.judge_key(key)?;
    }
    Ok(rules.map(Box::new))
}

/// What the operator says of the key; of `extensions` nothing else is known.
fn key_mode(extensions: &str) -> Result<Option<Mode>, Refusal> {
    let refuse = |message: &str| Err(Refusal::configuration("extensions", message));
    let Ok(Value::Object(members)) = Value::parse(extensions) else {
        return refuse("The connection's \"extensions\" should be a JSON object.");
    };
    let mut mode = None;
    for (name, value) in &members {
        match (name.as_ref(), value.as_str()) {
            ("keyMode", Some("test")) => mode = Some(Mode::Test),
            ("keyMode", Some("live")) => mode = Some(Mode::Live),
            ("keyMode", _) => {
                return refuse(
                    "\"keyMode\" in the connection's \"extensions\" should be test or live.",
                );
            }
            _ => {
                return Err(Refusal::configuration(
                    format!("extensions.{name}"),
                    format!(
                        "This version of the plugin cannot apply the connection property {name:?}; \
                         remove it."
                    ),
                ));
            }
        }
    }
    Ok(mode)
}

/// A host that applies the transport properties takes them out of the record.
fn refuse_transport(connection: &Connection) -> Result<(), Refusal> {
    let Some(transport) = &connection.transport else {
        return Ok(());
    };
    let place = if transport.proxy.is_some() {
        "proxy"
    } else if transport.secure_socket.is_some() {
        "secureSocket"
    } else {
        "httpVersion"
    };
    Err(Refusal::configuration(
        place,
        format!(
            "This host did not apply the connection property {place:?}; remove it, or use a host \
             that does."
        ),
    ))
}

/// Longest key that is sent, in bytes; Stripe's have little over a hundred.
const MAX_KEY: usize = 1024;

/// A key as it can be sent; what is wrong with it is said without showing it.
pub fn checked_key(key: String) -> Result<Secret, Refusal> {
    let fits = !key.is_empty() && key.len() <= MAX_KEY;
    if fits && key.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(Secret::new(key));
    }
    let problem = if key.len() > MAX_KEY {
        "is longer than any key"
    } else if key.is_empty() {
        "is empty"
    } else if key.contains(['\n', '\r']) {
        "contains a line break, perhaps the line end of the file it was read from"
    } else {
        "contains a space or a character that no key has"
    };
    Err(Refusal::configuration(
        "secretKey",
        format!("The Stripe secret key {problem}."),
    ))
}

/// An origin, and the path that comes before the API's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Whether TLS is used.
    pub https: bool,
    /// Host and port.
    pub authority: String,
    /// Path without a trailing slash; often empty.
    pub prefix: String,
}

impl BaseUrl {
    /// Reads `http://127.0.0.1:12111` or `https://proxy.example/stripe`.
    pub fn parse(url: &str) -> Result<BaseUrl, Refusal> {
        let wrong = |problem: &str| {
            Err(Refusal::configuration(
                "baseUrl",
                format!(
                    "Stripe connection property \"baseUrl\" {problem}; write it as \
                     https://host[:port][/path]."
                ),
            ))
        };
        let (https, rest) = match url.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return wrong("should start with https:// or http://"),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return wrong("should not contain a user");
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let host_is_plain = !host.is_empty()
            && host.bytes().all(|b| {
                b.is_ascii_alphanumeric()
                    || matches!(b, b'.' | b'-' | b'_')
                    || (bracketed && matches!(b, b'[' | b']' | b':'))
            });
        if !host_is_plain {
            return wrong("needs a host");
        }
        // RFC 1035, 2.3.4.
        if host.len() > 255 {
            return wrong("has a host that is longer than any name");
        }
        if port.is_some_and(|port| {
            port.starts_with('+') || !port.parse::<u16>().is_ok_and(|port| port > 0)
        }) {
            return wrong("has a port that is not one");
        }
        if !path
            .bytes()
            .all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'\\'))
        {
            return wrong("should have no query, fragment or spaces");
        }
        if let Err(problem) = form::check_path(path) {
            return wrong(problem);
        }
        Ok(BaseUrl {
            https,
            authority: authority.to_owned(),
            prefix: path.trim_end_matches('/').to_owned(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::types::Transport;

    /// A record with nothing in it but a key.
    pub(crate) fn connection() -> Connection {
        match super::super::parse(r#"{"secretKey":"sk_test_0123456789abcdef"}"#, false) {
            Ok(connection) => connection,
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    fn refused(change: impl FnOnce(&mut Connection)) -> Refusal {
        let mut connection = connection();
        change(&mut connection);
        Settings::new(connection, || None).unwrap_err()
    }

    #[test]
    fn absent_fields_take_the_documented_defaults() {
        let settings = Settings::new(connection(), || None).unwrap();
        assert_eq!(settings.timeout, 80_000);
        assert_eq!(settings.max_network_retries, 2);
        assert!(settings.telemetry);
        assert_eq!(settings.max_response_bytes, 16 * 1024 * 1024);
        assert_eq!(settings.max_request_bytes, 64 * 1024 * 1024);
        assert!(settings.api_version.is_none() && settings.base_url.is_none());
    }

    #[test]
    fn the_fallback_key_serves_where_none_is_given() {
        let mut without = connection();
        without.secret_key = None;
        let settings = Settings::new(without, || Some("rk_test_fallback12345".into())).unwrap();
        assert_eq!(
            settings.key.map(|k| k.redacted()).as_deref(),
            Some("rk_test_…2345")
        );
    }

    #[test]
    fn nothing_is_ignored() {
        let transport = Transport {
            http_version: None,
            proxy: None,
            secure_socket: None,
        };
        let said = [
            refused(|c| c.extensions = Some(r#"{"later":1}"#.into())).message,
            refused(|c| c.transport = Some(transport)).message,
        ];
        for message in said {
            assert!(message.contains("remove it"), "{message}");
        }
    }

    #[test]
    fn a_bad_key_is_refused_without_being_shown() {
        for key in ["", "sk_test_1\n", "sk_test_\r\nx: y", "sk test", "sk_é"] {
            let refusal = refused(|c| c.secret_key = Some(key.into()));
            assert_eq!(refusal.path, "secretKey");
            assert!(key.is_empty() || !refusal.message.contains(key.trim()));
        }
    }

    #[test]
    fn bad_values_are_refused_by_name() {
        assert_eq!(refused(|c| c.timeout = Some(0)).path, "timeout");
        assert_eq!(
            refused(|c| c.max_response_bytes = Some(0)).path,
            "maxResponseBytes"
        );
        assert_eq!(
            refused(|c| c.api_version = Some("a\nb".into())).path,
            "apiVersion"
        );
        let both = refused(|c| {
            c.stripe_account = Some("acct_1".into());
            c.stripe_context = Some("acct_1".into());
        });
        assert_eq!(both.path, "stripeContext");
        let header = refused(|c| c.headers = Some(vec![("Authorization".into(), "x".into())]));
        assert_eq!(header.path, "headers.Authorization");
        let in_header = refused(|c| {
            c.stripe_account = Some("acct_1".into());
            c.headers = Some(vec![("Stripe-Context".into(), "acct_1".into())]);
        });
        assert_eq!(in_header.path, "stripeContext");
    }

    #[test]
    fn base_urls() {
        let base = BaseUrl::parse("http://127.0.0.1:12111/").unwrap();
        assert_eq!(
            base,
            BaseUrl {
                https: false,
                authority: "127.0.0.1:12111".into(),
                prefix: String::new()
            }
        );
        assert_eq!(
            BaseUrl::parse("https://[::1]:8443/a/b/").unwrap().prefix,
            "/a/b"
        );
        for url in [
            "",
            "stripe",
            "ftp://x",
            "https://",
            "https:///x",
            "https://u@h",
            "https://h:99999",
            "https://h:x",
            "https://h/?q",
            "https://h/#f",
            "https://h /",
            "https://a b",
            "//h",
        ] {
            let refusal = BaseUrl::parse(url).unwrap_err();
            assert_eq!(refusal.path, "baseUrl", "{url}");
        }
    }
}
