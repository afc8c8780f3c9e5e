//! A connection's properties, as a person writes them, to the `connection`
//! record. The names are Lowdefy's; Ballerina's `auth`, `serviceUrl` and
//! `retryConfig` are accepted beside them. Where Lowdefy's schema refuses too,
//! its message is used word for word.

use super::reader::Reader;
use super::transport;
use crate::failure::Refusal;
use crate::json::Value;
use crate::options;
use crate::types::{AppInfo, Connection, Mode, Policy, RetryPolicy, ValidationLevel};

/// Reads the properties. `has_fallback_key` says whether a key is to be had
/// where `secretKey` is not given.
pub fn parse(properties: &str, has_fallback_key: bool) -> Result<Connection, Refusal> {
    let value = Value::parse(properties).map_err(|error| {
        Refusal::configuration(
            "",
            format!("The connection's properties are not JSON: {error}."),
        )
    })?;
    let members = match value {
        Value::Object(members) => members,
        // Lowdefy takes no properties for empty ones.
        Value::Null => Vec::new(),
        _ => {
            return Err(Refusal::configuration(
                "",
                "Stripe connection properties should be an object.",
            ));
        }
    };
    let mut reader = Reader::new(&members);
    let secret_key = secret_key(&mut reader)?;
    if secret_key.is_none() && !has_fallback_key {
        return Err(Refusal::configuration("secretKey", super::NO_KEY));
    }
    let connection = Connection {
        secret_key,
        api_version: reader.string("apiVersion")?,
        timeout: reader.integer("timeout")?,
        max_network_retries: max_network_retries(&mut reader)?,
        retry: retry_policy(&mut reader)?,
        telemetry: reader.boolean("telemetry")?,
        total_timeout: reader.integer("totalTimeout")?,
        stripe_account: reader.string("stripeAccount")?,
        stripe_context: reader.string("stripeContext")?,
        client_id: reader.string("clientId")?,
        app_info: app_info(&mut reader)?,
        base_url: base_url(&mut reader)?,
        headers: headers(&mut reader)?,
        max_request_bytes: reader.integer("maxRequestBytes")?,
        max_response_bytes: reader.integer("maxResponseBytes")?,
        validation: validation(&mut reader)?,
        policy: policy(&mut reader)?,
        webhook_secrets: reader.strings("webhookSecrets")?,
        webhook_tolerance: reader.integer("webhookTolerance")?,
        transport: transport::parse(&mut reader)?,
        extensions: key_mode(&mut reader)?,
    };
    reader.finish()?;
    Ok(connection)
}

/// Two names of one property: at most one of them may be given.
fn either(
    reader: &Reader<'_, '_>,
    first: (&str, Option<String>),
    second: (&str, Option<String>),
) -> Result<Option<String>, Refusal> {
    match (first, second) {
        ((name, Some(_)), (other, Some(_))) => Err(Refusal::configuration(
            reader.place(other),
            format!(
                "Stripe connection properties {name:?} and {other:?} mean the same; give one of them."
            ),
        )),
        ((_, value), (_, other)) => Ok(value.or(other)),
    }
}

fn secret_key(reader: &mut Reader<'_, '_>) -> Result<Option<String>, Refusal> {
    let key = reader.string("secretKey")?;
    let token = match reader.object("auth")? {
        None => None,
        Some(mut auth) => {
            let token = auth.required_string("token")?;
            auth.finish()?;
            Some(token)
        }
    };
    either(reader, ("secretKey", key), ("auth.token", token))
}

fn base_url(reader: &mut Reader<'_, '_>) -> Result<Option<String>, Refusal> {
    let base = reader.string("baseUrl")?;
    let service = reader.string("serviceUrl")?;
    either(reader, ("baseUrl", base), ("serviceUrl", service))
}

/// Lowdefy's `maxNetworkRetries`, or Ballerina's `retryConfig.count`.
fn max_network_retries(reader: &mut Reader<'_, '_>) -> Result<Option<u32>, Refusal> {
    let retries = reader.integer("maxNetworkRetries")?;
    let count = match reader.object("retryConfig")? {
        None => None,
        Some(mut config) => config.integer("count")?,
    };
    if retries.is_some() && count.is_some() {
        return Err(Refusal::configuration(
            "retryConfig.count",
            "Stripe connection properties \"maxNetworkRetries\" and \"retryConfig.count\" mean the \
             same; give one of them.",
        ));
    }
    Ok(retries.or(count))
}

fn retry_policy(reader: &mut Reader<'_, '_>) -> Result<Option<RetryPolicy>, Refusal> {
    let Some(mut config) = reader.object("retryConfig")? else {
        return Ok(None);
    };
    let _read_above = config.integer("count")?;
    let interval = config.seconds("interval")?;
    let back_off_factor = match config.thousandths("backOffFactor", "a number from 1")? {
        Some(..1000) => return config.refuse("backOffFactor", "a number from 1"),
        factor => factor.map(|thousandths| f64::from(thousandths) / 1000.0),
    };
    let max_wait_interval = config.seconds("maxWaitInterval")?;
    let status_codes = match config.value("statusCodes") {
        None => None,
        Some(Value::Array(items)) => {
            let mut codes = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    Value::Number(digits)
                        if digits.parse().is_ok_and(|code| (400..600).contains(&code)) =>
                    {
                        codes.push(digits.parse().unwrap_or_default());
                    }
                    _ => {
                        return config
                            .refuse("statusCodes", "a list of HTTP statuses from 400 to 599");
                    }
                }
            }
            Some(codes)
        }
        Some(_) => return config.refuse("statusCodes", "a list of HTTP statuses from 400 to 599"),
    };
    config.finish()?;
    Ok(Some(RetryPolicy {
        interval,
        back_off_factor,
        max_wait_interval,
        status_codes,
    }))
}

fn app_info(reader: &mut Reader<'_, '_>) -> Result<Option<AppInfo>, Refusal> {
    let Some(mut info) = reader.object("appInfo")? else {
        return Ok(None);
    };
    let name = info.required_string("name")?;
    let version = info.string("version")?;
    let url = info.string("url")?;
    // The official client's own property is written with an underscore.
    let camel = info.string("partnerId")?;
    let snake = info.string("partner_id")?;
    let partner_id = either(&info, ("partnerId", camel), ("partner_id", snake))?;
    info.finish()?;
    Ok(Some(AppInfo {
        name,
        version,
        url,
        partner_id,
    }))
}

fn headers(reader: &mut Reader<'_, '_>) -> Result<Option<Vec<(String, String)>>, Refusal> {
    match reader.value("headers") {
        None => Ok(None),
        Some(value @ Value::Object(_)) => {
            let mut headers = Vec::new();
            options::headers("headers", value, &mut headers)
                .map_err(|refusal| Refusal::configuration(refusal.path, refusal.message))?;
            Ok(Some(headers))
        }
        Some(_) => reader.refuse("headers", "an object of header names and values"),
    }
}

fn validation(reader: &mut Reader<'_, '_>) -> Result<Option<ValidationLevel>, Refusal> {
    match reader.value("validation") {
        None => Ok(None),
        // YAML 1.1 reads a bare `off` as false.
        Some(Value::Bool(false)) => Ok(Some(ValidationLevel::Off)),
        Some(value) => match value.as_str() {
            Some("off") => Ok(Some(ValidationLevel::Off)),
            Some("warn") => Ok(Some(ValidationLevel::Warn)),
            Some("strict") => Ok(Some(ValidationLevel::Strict)),
            _ => reader.refuse("validation", "off, warn or strict"),
        },
    }
}

fn policy(reader: &mut Reader<'_, '_>) -> Result<Option<Policy>, Refusal> {
    let mode = match reader.string("mode")?.as_deref() {
        None => None,
        Some("test") => Some(Mode::Test),
        Some("live") => Some(Mode::Live),
        Some(_) => return reader.refuse("mode", "test or live"),
    };
    let max_amount = match reader.object("maxAmount")? {
        None => None,
        Some(amounts) => Some(amounts.amounts()?),
    };
    let policy = Policy {
        allow: reader.strings("allow")?,
        deny: reader.strings("deny")?,
        read_only: reader.boolean("readOnly")?,
        mode,
        max_amount,
    };
    let given = policy.allow.is_some()
        || policy.deny.is_some()
        || policy.read_only.is_some()
        || policy.mode.is_some()
        || policy.max_amount.is_some();
    Ok(given.then_some(policy))
}

/// `keyMode` came after the record was fixed.
fn key_mode(reader: &mut Reader<'_, '_>) -> Result<Option<String>, Refusal> {
    match reader.string("keyMode")?.as_deref() {
        None => Ok(None),
        Some(mode @ ("test" | "live")) => Ok(Some(format!("{{\"keyMode\":\"{mode}\"}}"))),
        Some(_) => reader.refuse("keyMode", "test or live"),
    }
}

impl Reader<'_, '_> {
    /// Amounts by currency, in the currency's smallest unit.
    fn amounts(self) -> Result<Vec<(String, String)>, Refusal> {
        self.entries()
            .iter()
            .map(|(currency, value)| match value {
                Value::Number(digits)
                    if (currency == "*"
                        || currency.len() == 3
                            && currency.bytes().all(|b| b.is_ascii_lowercase()))
                        && digits.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    Ok((currency.clone().into_owned(), digits.clone().into_owned()))
                }
                _ => self.refuse(
                    currency,
                    "a currency code in lower case, or \"*\" for all others, with a whole amount in its \
                     smallest unit",
                ),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> Refusal {
        match parse(json, false) {
            Err(refusal) => refusal,
            Ok(_) => panic!("{json} was accepted"),
        }
    }

    #[test]
    fn lowdefys_properties_and_more() {
        let connection = parse(
            r#"{"secretKey":"sk_test_1","apiVersion":"2017-12-14","timeout":1000,
                "maxNetworkRetries":0,"telemetry":false,"stripeAccount":"acct_1",
                "appInfo":{"name":"shop","partner_id":"pp"},"headers":{"x-a":"b"},
                "baseUrl":"http://127.0.0.1:1","totalTimeout":5000,"validation":"strict",
                "allow":["customers.*"],"maxAmount":{"eur":5000},"webhookSecrets":["whsec_1"]}"#,
            false,
        )
        .unwrap();
        assert_eq!(connection.secret_key.as_deref(), Some("sk_test_1"));
        assert_eq!(connection.api_version.as_deref(), Some("2017-12-14"));
        assert_eq!(connection.timeout, Some(1000));
        assert_eq!(connection.max_network_retries, Some(0));
        assert_eq!(connection.telemetry, Some(false));
        assert_eq!(connection.headers, Some(vec![("x-a".into(), "b".into())]));
        assert_eq!(
            connection
                .app_info
                .and_then(|info| info.partner_id)
                .as_deref(),
            Some("pp")
        );
        let policy = connection.policy.unwrap();
        assert_eq!(policy.max_amount, Some(vec![("eur".into(), "5000".into())]));
        assert!(policy.read_only.is_none());
    }

    #[test]
    fn ballerinas_names_mean_the_same() {
        let connection = parse(
            r#"{"auth":{"token":"sk_test_1"},"serviceUrl":"https://x.example",
                "retryConfig":{"count":3,"interval":0.5,"backOffFactor":2.0,
                "maxWaitInterval":20.25,"statusCodes":[429,502]}}"#,
            false,
        )
        .unwrap();
        assert_eq!(connection.secret_key.as_deref(), Some("sk_test_1"));
        assert_eq!(connection.base_url.as_deref(), Some("https://x.example"));
        assert_eq!(connection.max_network_retries, Some(3));
        let retry = connection.retry.unwrap();
        assert_eq!(retry.interval, Some(500));
        assert_eq!(retry.max_wait_interval, Some(20_250));
        assert_eq!(retry.back_off_factor, Some(2.0));
        assert_eq!(retry.status_codes, Some(vec![429, 502]));
    }

    #[test]
    fn lowdefys_messages_word_for_word() {
        for (json, message) in [
            ("[]", "Stripe connection properties should be an object."),
            (
                "{}",
                "Stripe connection should have required property \"secretKey\".",
            ),
            (
                r#"{"secretKey":1}"#,
                "Stripe connection property \"secretKey\" should be a string.",
            ),
            (
                r#"{"secretKey":null}"#,
                "Stripe connection property \"secretKey\" should be a string.",
            ),
            (
                r#"{"secretKey":"k","apiVersion":2017}"#,
                "Stripe connection property \"apiVersion\" should be a string.",
            ),
            (
                r#"{"secretKey":"k","telemetry":"no"}"#,
                "Stripe connection property \"telemetry\" should be a boolean.",
            ),
            (
                r#"{"secretKey":"k","timeout":"1s"}"#,
                "Stripe connection property \"timeout\" should be an integer.",
            ),
            (
                r#"{"secretKey":"k","timeout":1.5}"#,
                "Stripe connection property \"timeout\" should be an integer.",
            ),
            (
                r#"{"secretKey":"k","maxNetworkRetries":true}"#,
                "Stripe connection property \"maxNetworkRetries\" should be an integer.",
            ),
        ] {
            assert_eq!(refusal(json).message, message);
        }
    }

    #[test]
    fn refuses_with_the_place_and_the_mend() {
        for (json, path, said) in [
            (r#"{"secretkey":"k"}"#, "secretKey", "required property"),
            (
                r#"{"secretKey":"k","apiversion":"x"}"#,
                "apiversion",
                "did you mean \"apiVersion\"?",
            ),
            (
                r#"{"secretKey":"k","max_network_retries":1}"#,
                "max_network_retries",
                "maxNetworkRetries",
            ),
            (
                r#"{"secretKey":"k","colour":1}"#,
                "colour",
                "the properties are secretKey",
            ),
            (
                r#"{"secretKey":"k","auth":{"token":"k"}}"#,
                "auth.token",
                "mean the same",
            ),
            (r#"{"auth":{"tokn":"k"}}"#, "auth.token", "should be given"),
            (
                r#"{"secretKey":"k","baseUrl":"a","serviceUrl":"b"}"#,
                "serviceUrl",
                "mean the same",
            ),
            (
                r#"{"secretKey":"k","maxNetworkRetries":1,"retryConfig":{"count":1}}"#,
                "retryConfig.count",
                "mean the same",
            ),
            (
                r#"{"secretKey":"k","maxNetworkRetries":-1}"#,
                "maxNetworkRetries",
                "from 0",
            ),
            (
                r#"{"secretKey":"k","retryConfig":{"interval":-1}}"#,
                "retryConfig.interval",
                "seconds from 0",
            ),
            (
                r#"{"secretKey":"k","retryConfig":{"statusCodes":[99]}}"#,
                "retryConfig.statusCodes",
                "400 to 599",
            ),
            (
                r#"{"secretKey":"k","retryConfig":{"backOffFactor":0.5}}"#,
                "retryConfig.backOffFactor",
                "from 1",
            ),
            (
                r#"{"secretKey":"k","appInfo":{}}"#,
                "appInfo.name",
                "should be given",
            ),
            (
                r#"{"secretKey":"k","headers":[]}"#,
                "headers",
                "header names",
            ),
            (
                r#"{"secretKey":"k","headers":{"a":[]}}"#,
                "headers.a",
                "a string",
            ),
            (r#"{"secretKey":"k","mode":"prod"}"#, "mode", "test or live"),
            (
                r#"{"secretKey":"k","maxAmount":{"EUR":1}}"#,
                "maxAmount.EUR",
                "lower case",
            ),
            (
                r#"{"secretKey":"k","maxAmount":{"eur":1.5}}"#,
                "maxAmount.eur",
                "smallest unit",
            ),
            (
                r#"{"secretKey":"k","validation":"maybe"}"#,
                "validation",
                "off, warn or strict",
            ),
            (r#"{"secretKey":"k","secretKey":"j"}"#, "", "appears twice"),
            ("secretKey: k", "", "not JSON"),
        ] {
            let refusal = refusal(json);
            assert_eq!(refusal.path, path, "{json}: {}", refusal.message);
            assert!(
                refusal.message.contains(said),
                "{json}: {}",
                refusal.message
            );
        }
    }

    /// The message for a name like no other lists all there are.
    #[test]
    fn the_schema_has_every_property_and_no_other() {
        let message = refusal(r#"{"secretKey":"k","zzzzzzzzzzzzzzzzzzzz":1}"#).message;
        let (_, names) = message.split_once("the properties are ").unwrap();
        let mut read: Vec<&str> = names.trim_end_matches('.').split(", ").collect();
        let schema = include_str!("../../catalogue/connection.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        let mut described: Vec<&str> = properties.keys().map(String::as_str).collect();
        read.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, read);
    }

    #[test]
    fn a_fallback_key_makes_the_property_optional() {
        assert!(parse("{}", true).unwrap().secret_key.is_none());
    }
}
