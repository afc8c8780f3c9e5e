//! Requests as the table, the options and the connection make them.

use super::*;
use crate::arguments;
use crate::connection::parse;
use crate::json::Value;
use crate::operation::find;

fn settings(properties: &str) -> Settings {
    Settings::new(parse(properties, false).unwrap(), || None).unwrap()
}

const KEY: &str = r#"{"secretKey":"sk_test_0123456789abcdef"}"#;

fn planned<'a>(name: &str, args: &'a str, properties: &str) -> Result<Planned<'a>, Refusal> {
    let (resource, method) = name.rsplit_once('.').unwrap();
    let operation = find(resource, method).unwrap();
    let arguments = arguments::split(&operation, Value::parse(args).unwrap())?;
    build(&operation, arguments, &settings(properties), || {
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
            "\"https://connect.stripe.com/express/oauth/authorize?state=a%20b&response_type=code\
             &client_id=ca_1&scope=read_write\""
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
