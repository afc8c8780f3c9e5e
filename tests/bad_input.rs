//! Bad input gets one clear message that names the place; nothing is sent,
//! nothing traps, and the key is not shown.

use serde_json::{Value, json};
use stripe_harness::{CallError, Case, HostOptions, Plugin};

use crate::support::{Answer, KEY, SENTINEL, Server, connected, failed, plugin};

fn refused(error: &CallError, path: Option<&str>, said: &str) {
    let failure = &error.failure;
    assert_eq!(error.case, Case::Permanent, "{failure:?}");
    assert!(failure.message.contains(said), "{}", failure.message);
    assert_eq!(failure.path.as_deref(), path, "{}", failure.message);
    assert_eq!((failure.attempts, failure.may_have_been_sent), (0, false));
}

#[tokio::test]
async fn arguments_that_cannot_be_meant_are_refused() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let deep = format!("[{}1{}]", "[".repeat(70), "]".repeat(70));
    let many: String = (0..20_000).map(|at| format!("\"k{at}\":1,")).collect();
    let twice = format!("[{{{many}\"k7\":2}}]");
    for (resource, method, args, path, said) in [
        (
            "customers",
            "retrieve",
            "[]",
            Some("args[0]"),
            "needs \"id\"",
        ),
        ("customers", "retrieve", r#"[""]"#, Some("args[0]"), "empty"),
        (
            "customers",
            "retrieve",
            r#"[".."]"#,
            Some("args[0]"),
            "change the path",
        ),
        (
            "customers",
            "retrieve",
            r#"["."]"#,
            Some("args[0]"),
            "change the path",
        ),
        (
            "customers",
            "retrieve",
            r#"[{"id":"cus_1"}]"#,
            Some("args[0]"),
            "not an object",
        ),
        (
            "customers",
            "list",
            r#"["cus_1"]"#,
            Some("args[0]"),
            "object of params",
        ),
        (
            "customers",
            "list",
            "[{},{},{}]",
            Some("args[2]"),
            "at most 2 arguments",
        ),
        (
            "customers",
            "list",
            r#"[{},{"idempotency_key":"k"}]"#,
            Some("args[1].idempotency_key"),
            "did you mean \"idempotencyKey\"?",
        ),
        ("customers", "create", "{", Some("args"), "not JSON"),
        (
            "customers",
            "create",
            r#"{"email":"a","email":"b"}"#,
            Some("args"),
            "twice",
        ),
        (
            "customers",
            "create",
            r#"{"email":"\ud800"}"#,
            Some("args"),
            "not JSON",
        ),
        (
            "customers",
            "create",
            &deep,
            Some("args"),
            "nested more than 64",
        ),
        (
            "customers",
            "create",
            &twice,
            Some("args"),
            "\"k7\" appears twice",
        ),
        (
            "files",
            "create",
            r#"{"file":{"data":{"base64":"*"}}}"#,
            Some("args.file.data.base64"),
            "not base64",
        ),
        (
            "customers",
            "crate",
            "[]",
            None,
            "Invalid Stripe method customers.crate; did you mean",
        ),
        ("", "", "[]", None, "Invalid Stripe method"),
        (
            "customers\u{0}",
            "create",
            "[]",
            None,
            "Invalid Stripe method",
        ),
    ] {
        let error = failed(plugin.request(&connection, resource, method, args).await);
        refused(&error, path, said);
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn a_million_keys_are_only_large() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let members: Vec<String> = (0..1_000_000).map(|at| format!("\"{at}\":0")).collect();
    let args = format!("[{{\"metadata\":{{{}}}}}]", members.join(","));
    plugin
        .request(&connection, "customers", "create", &args)
        .await
        .unwrap();
    assert!(server.only().body().ends_with("&metadata[999999]=0"));
}

#[tokio::test]
async fn connections_that_cannot_be_meant_are_refused() {
    let plugin = plugin(&[]);
    for (more, path, said) in [
        (
            json!({"secretkey": "x"}),
            "properties.secretkey",
            "did you mean \"secretKey\"?",
        ),
        (
            json!({"timeout": "soon"}),
            "properties.timeout",
            "should be an integer",
        ),
        (
            json!({"proxy": {"host": "p"}}),
            "properties.proxy.port",
            "port",
        ),
    ] {
        let mut properties = json!({"secretKey": KEY});
        properties
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let error = failed(plugin.parse_connection(&properties.to_string()).await);
        refused(&error, Some(path), said);
    }
    let error = failed(
        plugin
            .parse_connection(&format!("{{\"secretKey\": \"{KEY}\","))
            .await,
    );
    refused(&error, Some("properties"), "not JSON");
}

#[tokio::test]
async fn a_setting_that_cannot_be_honoured_is_refused_not_ignored() {
    let server = Server::start(Vec::new()).await;
    let plugin = plugin(&[server.url()]);
    // A host may apply these; this one does not take them from connections.
    for (name, value) in [
        ("proxy", json!({"host": "p", "port": 1})),
        ("httpVersion", json!("1.1")),
        ("secureSocket", json!({"cert": "ca.pem"})),
    ] {
        let properties = json!({"secretKey": KEY, name: value});
        let error = failed(plugin.parse_connection(&properties.to_string()).await);
        refused(&error, Some(&format!("properties.{name}")), "does not take");
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn keys_that_cannot_travel_are_refused_unseen() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    for key in [
        format!("{KEY}\n"),
        format!("{KEY}\r\nx: y"),
        format!("{KEY} "),
        format!("{KEY}é"),
        KEY.repeat(10_000),
    ] {
        let properties = json!({"secretKey": key}).to_string();
        let error = failed(plugin.parse_connection(&properties).await);
        refused(
            &error,
            Some("properties.secretKey"),
            "The Stripe secret key",
        );
        let own = json!([null, {"apiKey": key}]).to_string();
        let error = failed(plugin.request(&connection, "customers", "list", &own).await);
        refused(&error, Some("args[1].apiKey"), "The Stripe secret key");
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn what_decides_who_pays_and_how_often_is_never_dropped() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    for (options, path) in [
        (json!({"idempotencyKey": null}), "args[1].idempotencyKey"),
        (json!({"idempotencyKey": ""}), "args[1].idempotencyKey"),
        (
            json!({"headers": {"Idempotency-Key": ""}}),
            "args[1].idempotencyKey",
        ),
        (
            json!({"headers": {"idempotency-key": "k".repeat(256)}}),
            "args[1].idempotencyKey",
        ),
        (json!({"stripeAccount": null}), "args[1].stripeAccount"),
        (
            json!({"headers": {"Stripe-Account": ""}}),
            "args[1].headers.stripe-account",
        ),
    ] {
        let args = json!([{}, options]).to_string();
        let error = failed(
            plugin
                .request(&connection, "customers", "create", &args)
                .await,
        );
        refused(&error, Some(path), "");
    }
    for (name, value) in [
        ("stripeAccount", json!("")),
        ("headers", json!({"Idempotency-Key": "the same for all"})),
    ] {
        let properties = json!({"secretKey": KEY, name: value});
        let error = failed(plugin.parse_connection(&properties.to_string()).await);
        assert_eq!(error.case, Case::Permanent, "{name}");
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_built() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    // Three bytes on the wire for each of these.
    let escaped = json!([{"description": "é".repeat(15 << 20)}]).to_string();
    let crowd = format!("[{{\"expand\":[{}0]}}]", "0,".repeat(8_000_000));
    let long = json!([{"display_name": "x".repeat(97 << 20)}]).to_string();
    for (resource, args, said) in [
        ("customers", &escaped, "maxRequestBytes"),
        ("customers", &crowd, "more than 2000000 values"),
        ("v2.core.accounts", &long, "maxRequestBytes"),
    ] {
        let error = failed(plugin.request(&connection, resource, "create", args).await);
        assert_eq!(error.case, Case::Permanent, "{}", error.failure.message);
        assert!(
            error.failure.message.contains(said),
            "{}",
            error.failure.message
        );
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn headers_that_cannot_travel_are_refused() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let long = "v".repeat(70 * 1024);
    for (headers, said) in [
        (json!({"Host": "evil.example"}), "cannot be set"),
        (json!({"Transfer-Encoding": "chunked"}), "cannot be set"),
        (json!({"Authorization": "Bearer x"}), "cannot be set"),
        (json!({"a b": "x"}), "not a header name"),
        (json!({"x": "a\nb"}), "cannot travel"),
        (json!({"x": long}), "more than the 65536"),
        (json!({"Content-Type": "application/json"}), "cannot be set"),
    ] {
        let args = json!([null, {"headers": headers}]);
        let error = failed(
            plugin
                .request(&connection, "customers", "list", &args.to_string())
                .await,
        );
        assert!(error.failure.message.contains(said), "{error}");
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn answers_that_are_not_stripes_are_said_to_be_so() {
    for (answer, kind, said) in [
        (
            Answer::Http(
                502,
                vec![("content-type", "text/html".into())],
                b"<html>Bad gateway".to_vec(),
            ),
            "response_error",
            "status 502 and a body of 17 bytes of type text/html, which is not one of Stripe's",
        ),
        (
            Answer::Http(200, Vec::new(), b"{\"id\":".to_vec()),
            "response_error",
            "not one of Stripe's",
        ),
        (
            Answer::Http(200, Vec::new(), Vec::new()),
            "response_error",
            "an empty body",
        ),
        (
            Answer::Http(200, Vec::new(), vec![0xff, 0xfe]),
            "response_error",
            "not one of Stripe's",
        ),
        (
            Answer::Http(
                302,
                vec![("location", "https://evil.example/".into())],
                Vec::new(),
            ),
            "response_error",
            "redirect",
        ),
        (
            Answer::Raw(b"SSH-2.0-OpenSSH\r\n"),
            "connection_error",
            "HTTP",
        ),
        (
            Answer::json(400, "{}"),
            "response_error",
            "not one of Stripe's",
        ),
        (
            Answer::json(400, "[1]"),
            "response_error",
            "not one of Stripe's",
        ),
        (Answer::json(400, r#"{"error":"x"}"#), "x", "status 400"),
    ] {
        let server = Server::start(vec![answer.clone()]).await;
        let (plugin, connection) = connected(&server, json!({"maxNetworkRetries": 0})).await;
        let error = failed(
            plugin
                .request(&connection, "customers", "list", "null")
                .await,
        );
        assert_eq!(error.failure.type_, kind, "{answer:?}: {error}");
        assert!(error.failure.message.contains(said), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_larger_than_allowed_ends_the_call() {
    let large = format!(r#"{{"x":"{}"}}"#, "y".repeat(2_000));
    let server = Server::start(vec![Answer::json(200, &large)]).await;
    let (plugin, connection) = connected(&server, json!({"maxResponseBytes": 1_000})).await;
    let error = failed(
        plugin
            .request(&connection, "customers", "list", "null")
            .await,
    );
    assert_eq!(
        (error.case, error.failure.type_.as_str()),
        (Case::Permanent, "response_error")
    );
    assert!(
        error.failure.message.contains("maxResponseBytes"),
        "{error}"
    );
    assert!(error.failure.may_have_been_sent);
}

#[tokio::test]
async fn a_server_that_echoes_the_key_does_not_spread_it() {
    let body = format!(r#"{{"error":{{"message":"Invalid API Key provided: {KEY}"}}}}"#);
    let server = Server::start(vec![Answer::json(401, &body)]).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let error = failed(
        plugin
            .request(&connection, "customers", "list", "null")
            .await,
    );
    assert_eq!(
        error.failure.message,
        "Invalid API Key provided: sk_test_…4242"
    );
}

#[tokio::test]
async fn debug_shows_no_key() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let planned = plugin
        .plan(&connection, "customers", "list", "null")
        .await
        .unwrap();
    for shown in [
        format!("{connection:?}"),
        format!("{plugin:?}"),
        format!("{planned:?}"),
        format!(
            "{:?}",
            HostOptions {
                fallback_key: Some(KEY.to_owned().into()),
                ..HostOptions::default()
            }
        ),
    ] {
        assert!(!shown.contains(SENTINEL), "{shown}");
    }
}

#[tokio::test]
async fn the_environment_serves_where_the_host_grants_it() {
    let server = Server::start(Vec::new()).await;
    let options = HostOptions {
        fallback_key: Some(KEY.to_owned().into()),
        policy: {
            let mut policy = stripe_harness::Policy::default();
            policy.allow(server.url()).unwrap();
            policy
        },
        ..HostOptions::default()
    };
    let plugin = plugin(&[]).with_options(options).unwrap();
    let properties = json!({"baseUrl": server.url()}).to_string();
    let connection = plugin.parse_connection(&properties).await.unwrap();
    plugin
        .request(&connection, "customers", "list", "null")
        .await
        .unwrap();
    assert_eq!(
        server.only().header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
}

#[test]
fn what_is_no_component_is_said_to_be_so() {
    for (bytes, said) in [
        (b"PK\x03\x04".as_slice(), "not WebAssembly"),
        (b"".as_slice(), "not WebAssembly"),
        (b"\0asm\x01\0\0\0".as_slice(), "core WebAssembly module"),
        (b"\0asm\x0d\0\x01\0".as_slice(), "not stripe.wasm"),
        (
            b"\0asm\x0d\0\x01\0garbage".as_slice(),
            "could not be compiled",
        ),
    ] {
        let error = Plugin::load(bytes, HostOptions::default()).unwrap_err();
        assert!(format!("{error:#}").contains(said), "{error:#}");
    }
}

#[tokio::test]
async fn a_plan_shows_the_request_without_the_key() {
    let plugin = plugin(&[]);
    let connection = plugin
        .parse_connection(&json!({"secretKey": KEY}).to_string())
        .await
        .unwrap();
    let planned = plugin
        .plan(&connection, "customers", "create", r#"{"email":"é"}"#)
        .await
        .unwrap();
    let stripe_harness::types::Planned::Http(request) = planned else {
        panic!("{planned:?}");
    };
    let headers: std::collections::BTreeMap<_, _> = request.headers.into_iter().collect();
    assert_eq!(headers["authorization"], "Bearer sk_test_…4242");
    assert_eq!(request.body.as_deref(), Some(b"email=%C3%A9".as_slice()));
    let _: Value = serde_json::from_str(&headers["x-stripe-client-user-agent"]).unwrap();
}
