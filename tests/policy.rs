//! Where the component may connect, whatever it is told: by a connection, by a
//! call, by a server.

use serde_json::json;
use stripe_harness::Case;

use crate::support::{Answer, KEY, Server, allowing, failed, list, plugin};

#[tokio::test]
async fn redirects_are_not_followed_even_to_an_origin_that_is_allowed() {
    for status in [301, 302, 303, 307, 308] {
        for (method, args) in [("list", "null"), ("create", r#"[{"email": "e"}]"#)] {
            let second = Server::start(Vec::new()).await;
            let location = format!("{}/v1/customers", second.url());
            let answer = Answer::json(status, "{}").with("location", &location);
            let first = Server::start(vec![answer]).await;
            let plugin = plugin(&[first.url(), second.url()]);
            let properties = json!({"secretKey": KEY, "baseUrl": first.url()});
            let parsed = plugin.parse_connection(&properties.to_string()).await;
            let connection = parsed.unwrap();
            let error = failed(plugin.request(&connection, "customers", method, args).await);
            assert_eq!(error.case, Case::Permanent, "{status}: {error}");
            assert!(
                error.failure.message.contains("redirect"),
                "{status}: {error}"
            );
            assert_eq!(first.arrived().len(), 1, "{status}");
            assert!(second.arrived().is_empty(), "{status}");
        }
    }
}

/// All spellings of a server that listens; none is the origin allowed.
#[tokio::test]
async fn an_origin_that_is_not_allowed_gets_nothing_however_it_is_spelled() {
    let server = Server::start(Vec::new()).await;
    let port = server.url().rsplit(':').next().unwrap();
    let listed = "http://127.0.0.1:1";
    for authority in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "api.stripe.com@127.0.0.1",
        "127.0.0.1:1@127.0.0.1",
        "api.stripe.com.localhost",
        "api.stripe.com%00.localhost",
        "api.stripe.com\\@127.0.0.1",
        "api.stripe.com#@127.0.0.1",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{authority}:{port}");
            let plugin = plugin(&[listed]);
            let properties = json!({"secretKey": KEY, "baseUrl": url, "maxNetworkRetries": 0});
            // Refused as a URL, or when it is to be sent.
            let error = match plugin.parse_connection(&properties.to_string()).await {
                Err(error) => error,
                Ok(connection) => failed(list(&plugin, &connection).await),
            };
            assert_eq!(
                (error.case, error.failure.type_.as_str()),
                (Case::Permanent, "configuration_error"),
                "{url}: {error}"
            );
            assert!(!error.failure.may_have_been_sent, "{url}");
            // The same past the component's own reading of it.
            let base = json!({"secretKey": KEY, "baseUrl": listed}).to_string();
            let mut connection = plugin.parse_connection(&base).await.unwrap();
            connection.set_base_url(url.clone());
            let error = failed(list(&plugin, &connection).await);
            assert_eq!(error.failure.type_, "configuration_error", "{url}: {error}");
        }
    }
    assert!(server.arrived().is_empty());
    // It is there to be reached.
    let plugin = plugin(&[server.url()]);
    let properties = json!({"secretKey": KEY, "baseUrl": server.url()}).to_string();
    let connection = plugin.parse_connection(&properties).await.unwrap();
    list(&plugin, &connection).await.unwrap();
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn an_allowed_origin_is_one_of_scheme_host_and_port() {
    let server = Server::start(Vec::new()).await;
    let port = server.url().rsplit(':').next().unwrap();
    for (allowed, asked) in [
        (format!("https://127.0.0.1:{port}"), server.url().to_owned()),
        (format!("http://localhost:{port}"), server.url().to_owned()),
        (server.url().to_owned(), format!("http://localhost:{port}")),
        (server.url().to_owned(), format!("http://127.0.0.1:{port}0")),
        (format!("http://[::1]:{port}"), server.url().to_owned()),
    ] {
        let plugin = plugin(&[&allowed]);
        let properties = json!({"secretKey": KEY, "baseUrl": asked}).to_string();
        let error = match plugin.parse_connection(&properties).await {
            Err(error) => error,
            Ok(connection) => failed(list(&plugin, &connection).await),
        };
        assert_eq!(
            error.failure.type_, "configuration_error",
            "{asked}: {error}"
        );
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn neither_a_connection_nor_a_call_allows_an_origin() {
    let server = Server::start(Vec::new()).await;
    let strict = plugin(&[]);
    for name in ["baseUrl", "serviceUrl"] {
        let properties = json!({"secretKey": KEY, name: server.url()}).to_string();
        let connection = strict.parse_connection(&properties).await.unwrap();
        let error = failed(list(&strict, &connection).await);
        assert_eq!(
            (error.case, error.failure.type_.as_str()),
            (Case::Permanent, "configuration_error")
        );
        assert!(error.failure.message.contains("does not allow"), "{error}");
    }
    let properties = json!({"secretKey": KEY, "baseUrl": "http://127.0.0.1:1"}).to_string();
    let connection = strict.parse_connection(&properties).await.unwrap();
    for (resource, method, args) in [
        (
            "customers",
            "list",
            json!([null, {"apiBase": server.url()}]),
        ),
        ("customers", "list", json!([null, {"host": server.url()}])),
        (
            "customers",
            "retrieve",
            json!([format!("@{}", &server.url()[7..])]),
        ),
        (
            "",
            "rawRequest",
            json!(["GET", format!("{}/v1/x", server.url())]),
        ),
        (
            "",
            "rawRequest",
            json!(["GET", format!("//{}/v1/x", &server.url()[7..])]),
        ),
        (
            "",
            "rawRequest",
            json!(["GET", "/v1/x", null, {"apiBase": server.url()}]),
        ),
        (
            "",
            "rawRequest",
            json!(["GET", format!("@{}/v1", &server.url()[7..])]),
        ),
    ] {
        let args = args.to_string();
        let error = failed(strict.request(&connection, resource, method, &args).await);
        assert_eq!(error.case, Case::Permanent, "{args}: {error}");
        assert!(!error.failure.may_have_been_sent, "{args}: {error}");
    }
    assert!(server.arrived().is_empty());
}

/// With the properties of another, a policy does not widen.
#[test]
fn what_is_allowed_is_allowed_by_the_host_alone() {
    let policy = allowing(&[]);
    for url in [
        "http://127.0.0.1:1/",
        "https://localhost/",
        "https://stripe.example/",
    ] {
        assert!(!policy.permits(&url.parse().unwrap()), "{url}");
    }
}
