//! What happens when a call does not go well, through the component and over a
//! real connection. Waits are set to nothing, so that no test waits.

use std::time::Duration;

use serde_json::{Value, json};
use stripe_harness::Case;
use tokio::io::AsyncWriteExt as _;

use crate::support::{Answer, KEY, Server, connected, connected_to, failed, plugin};

fn at_once(retries: u32) -> Value {
    json!({"retryConfig": {"count": retries, "interval": 0, "maxWaitInterval": 0}})
}

const CREATE: (&str, &str, &str) = ("customers", "create", r#"[{"email":"e"}]"#);
const KEYED: (&str, &str, &str) = (
    "customers",
    "create",
    r#"[{"email":"e"},{"idempotencyKey":"k"}]"#,
);
const LIST: (&str, &str, &str) = ("customers", "list", "null");
const DELETE: (&str, &str, &str) = ("customers", "del", r#"["cus_1"]"#);

#[tokio::test]
async fn the_same_bytes_with_the_same_key_until_it_works() {
    let server = Server::start(vec![
        Answer::Close,
        Answer::json(500, "{}"),
        Answer::json(409, r#"{"error":{"code":"lock_timeout"}}"#),
    ])
    .await;
    let (plugin, connection) = connected(&server, at_once(3)).await;
    let (resource, method, args) = CREATE;
    let response = plugin
        .request(&connection, resource, method, args)
        .await
        .unwrap();
    assert_eq!(response.attempts, 4);
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 4);
    let without_telemetry = |request: &crate::support::Request| {
        let mut request = request.clone();
        request
            .headers
            .retain(|(name, _)| name != "x-stripe-client-telemetry");
        request
    };
    for request in &arrived {
        assert_eq!(without_telemetry(request), without_telemetry(&arrived[0]));
    }
}

#[tokio::test]
async fn a_lost_answer_is_transient_only_where_repeating_is_harmless() {
    for answer in [
        Answer::Close,
        Answer::json(500, r#"{"error":{"type":"api_error","message":"m"}}"#),
        Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\""),
        Answer::Http(
            502,
            vec![("content-type", "text/html".into())],
            b"<html>".to_vec(),
        ),
    ] {
        for (call, case) in [
            (CREATE, Case::Permanent),
            (KEYED, Case::Transient),
            (LIST, Case::Transient),
            (DELETE, Case::Transient),
        ] {
            let server = Server::start(vec![answer.clone()]).await;
            let (plugin, connection) = connected(&server, at_once(0)).await;
            let error = failed(plugin.request(&connection, call.0, call.1, call.2).await);
            assert_eq!(error.case, case, "{answer:?} {call:?}");
            assert!(error.failure.may_have_been_sent, "{answer:?} {call:?}");
            assert_eq!(error.failure.attempts, 1);
        }
    }
}

#[tokio::test]
async fn stripes_errors_arrive_whole() {
    let body = r#"{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Your card has insufficient funds.","param":"source","doc_url":"https://docs.example","charge":"ch_1"}}"#;
    let server = Server::start(vec![Answer::json(402, body)]).await;
    let (plugin, connection) = connected(&server, at_once(2)).await;
    let error = failed(
        plugin
            .request(&connection, CREATE.0, CREATE.1, CREATE.2)
            .await,
    );
    assert_eq!(error.case, Case::Permanent);
    let failure = *error.failure;
    assert_eq!(failure.type_, "card_error");
    assert_eq!(failure.code.as_deref(), Some("card_declined"));
    assert_eq!(failure.decline_code.as_deref(), Some("insufficient_funds"));
    assert_eq!(failure.param.as_deref(), Some("source"));
    assert_eq!(failure.doc_url.as_deref(), Some("https://docs.example"));
    assert_eq!((failure.status, failure.attempts), (Some(402), 1));
    assert_eq!(failure.request_id.as_deref(), Some("req_1"));
    assert!(!failure.may_have_been_sent);
    let raw: Value = serde_json::from_str(&failure.raw.unwrap()).unwrap();
    assert_eq!(raw["charge"], "ch_1");
}

#[tokio::test]
async fn stripe_says_whether_to_retry() {
    let server = Server::start(vec![
        Answer::json(400, "{}").with("stripe-should-retry", "true"),
        Answer::json(500, "{}").with("stripe-should-retry", "false"),
    ])
    .await;
    let (plugin, connection) = connected(&server, at_once(5)).await;
    let error = failed(
        plugin
            .request(&connection, CREATE.0, CREATE.1, CREATE.2)
            .await,
    );
    assert_eq!(
        (error.failure.status, error.failure.attempts),
        (Some(500), 2)
    );
}

#[tokio::test]
async fn a_silent_server_runs_into_the_timeout() {
    let server = Server::start(vec![Answer::Silence(Duration::from_secs(60))]).await;
    let (plugin, connection) =
        connected(&server, json!({"timeout": 3_000, "maxNetworkRetries": 0})).await;
    let error = failed(
        plugin
            .request(&connection, CREATE.0, CREATE.1, CREATE.2)
            .await,
    );
    assert_eq!(
        (error.case, error.failure.type_.as_str()),
        (Case::Permanent, "timeout_error")
    );
    assert!(error.failure.may_have_been_sent);
}

#[tokio::test]
async fn nobody_listening_is_told_apart_and_may_be_repeated() {
    // Bound but not listening, so that nobody else can take the port meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let (plugin, connection) = connected_to(&url, json!({"maxNetworkRetries": 0})).await;
    let error = failed(
        plugin
            .request(&connection, CREATE.0, CREATE.1, CREATE.2)
            .await,
    );
    assert_eq!(error.case, Case::Transient);
    assert!(!error.failure.may_have_been_sent);
    assert!(
        error.failure.message.contains("refused the connection"),
        "{error}"
    );
}

#[tokio::test]
async fn tls_to_a_server_without_it_is_final() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 no TLS here\r\n\r\n").await;
        }
    });
    let (plugin, connection) = connected_to(&url, json!({"maxNetworkRetries": 2})).await;
    let error = failed(
        plugin
            .request(&connection, CREATE.0, CREATE.1, CREATE.2)
            .await,
    );
    assert_eq!(error.case, Case::Permanent, "{error:?}");
    assert!(!error.failure.may_have_been_sent);
    assert!(error.failure.message.contains("TLS"), "{error}");
}

#[tokio::test]
async fn an_origin_nobody_allowed_is_not_reached() {
    let server = Server::start(Vec::new()).await;
    let plugin = plugin(&[]);
    let properties = json!({"secretKey": KEY, "baseUrl": server.url()});
    let connection = plugin
        .parse_connection(&properties.to_string())
        .await
        .unwrap();
    let error = failed(plugin.request(&connection, LIST.0, LIST.1, LIST.2).await);
    assert_eq!(error.case, Case::Permanent);
    assert!(
        error.failure.message.contains("does not allow requests"),
        "{error}"
    );
    assert!(server.arrived().is_empty());
}

/// A server that turns an upload away does so before it has read it all.
#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_sent_is_heard() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = r#"{"error":{"type":"invalid_request_error","message":"Too large."}}"#;
            let length = body.len();
            let answer = format!("HTTP/1.1 413 X\r\ncontent-length: {length}\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
            // Open, and never read from.
            held.push(stream);
        }
    });
    let (plugin, connection) = connected_to(&url, json!({"maxNetworkRetries": 0})).await;
    let args = json!([{"description": "x".repeat(20 << 20)}]).to_string();
    let error = failed(
        plugin
            .request(&connection, "customers", "create", &args)
            .await,
    );
    assert_eq!(
        (error.case, error.failure.status),
        (Case::Permanent, Some(413)),
        "{error}"
    );
    assert!(!error.failure.may_have_been_sent);
}

/// `.invalid` is nobody's name (RFC 6761).
#[tokio::test]
async fn a_name_that_cannot_be_resolved_is_said_to_be_so() {
    let none = json!({"maxNetworkRetries": 0});
    let (plugin, connection) = connected_to("https://stripe.invalid", none).await;
    let (resource, method, args) = CREATE;
    let error = failed(plugin.request(&connection, resource, method, args).await);
    let failure = &error.failure;
    assert_eq!(
        (error.case, failure.type_.as_str()),
        (Case::Transient, "connection_error"),
        "{error}"
    );
    assert!(
        failure
            .message
            .contains("stripe.invalid could not be resolved"),
        "{error}"
    );
    assert!(!failure.may_have_been_sent);
}
