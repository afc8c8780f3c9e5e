//! The server: real connections, good and bad.

use super::super::{Sandbox, SandboxOptions};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn start(change: impl FnOnce(&mut SandboxOptions)) -> Sandbox {
    let mut options = SandboxOptions {
        seed: Some(1),
        ..SandboxOptions::default()
    };
    change(&mut options);
    Sandbox::start(options).await.unwrap()
}

/// Sends bytes and reads until the server closes or ten seconds have passed.
async fn exchange(sandbox: &Sandbox, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .expect("the server hangs");
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(body: &str) -> String {
    format!(
        "POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_secretsecret\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn answers_over_http_1_and_records_what_came() {
    let sandbox = start(|_| {}).await;
    assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
    let answer = exchange(&sandbox, post("email=a%40b.c").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"email\":\"a@b.c\""), "{answer}");
    let requests = sandbox.requests();
    let request = requests.first().unwrap();
    assert_eq!((request.method.as_str(), request.status), ("POST", 200));
    assert_eq!(request.path_and_query, "/v1/customers");
    assert_eq!(
        request.header("authorization"),
        Some("Bearer sk_test_***cret")
    );
    assert_eq!(&request.body[..], b"email=a%40b.c");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn answers_over_http_2_with_prior_knowledge() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    let sandbox = start(|_| {}).await;
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let request = http::Request::get(format!("{}/v1/balance", sandbox.base_url()))
        .header("authorization", "Bearer sk_test_1")
        .body(Full::new(bytes::Bytes::new()))
        .unwrap();
    let response = client.request(request).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, http::Version::HTTP_2)
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{\"object\":\"balance\""));
}

#[tokio::test]
async fn survives_bad_clients() {
    let sandbox = start(|options| {
        options.client_timeout = Duration::from_secs(1);
        options.max_body_bytes = 1000;
    })
    .await;
    let huge = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "y".repeat(200_000)
    );
    for (name, bytes, expected) in [
        ("silence", String::new(), ""),
        (
            "half a head",
            "POST /v1/customers HTTP/1.1\r\nHo".into(),
            "",
        ),
        ("half of the other protocol's greeting", "PRI".into(), ""),
        ("noise", "\0\u{1}\u{2}\r\n\r\n".into(), "400"),
        ("a head without end", huge, ""),
        ("a large body", post(&"x".repeat(2000)), "413"),
        (
            "a body that stops",
            post("").replace("Content-Length: 0", "Content-Length: 5"),
            "408",
        ),
    ] {
        let answer = exchange(&sandbox, bytes.as_bytes()).await;
        assert!(answer.contains(expected), "{name}: {answer}");
    }
    let answer = exchange(&sandbox, post("").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn bodies_share_one_room() {
    let sandbox = start(|options| {
        options.max_bodies_bytes = 64 * 1024;
        options.max_body_bytes = 64 * 1024;
    })
    .await;
    let mut held = sandbox.stand_in().hold("/v1/customers");
    let large = post(&"email=x&".repeat(5000));
    let mut first = TcpStream::connect(sandbox.address()).await.unwrap();
    first.write_all(large.as_bytes()).await.unwrap();
    held.arrived(1).await;
    let answer = exchange(&sandbox, large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("\"type\":\"api_error\""), "{answer}");
    drop(held);
    let mut text = String::new();
    first.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let answer = exchange(&sandbox, large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn further_connections_wait_their_turn() {
    let sandbox = start(|options| options.max_connections = 1).await;
    let idle = TcpStream::connect(sandbox.address()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let bytes = post("");
    let waiting = exchange(&sandbox, bytes.as_bytes());
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(100), waiting.as_mut()).await;
    assert!(early.is_err());
    drop(idle);
    assert!(waiting.await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn dropping_it_frees_the_port() {
    let sandbox = start(|_| {}).await;
    let address = sandbox.address();
    let open = TcpStream::connect(address).await.unwrap();
    drop(sandbox);
    let mut refused = false;
    for _ in 0..100 {
        refused = TcpStream::connect(address).await.is_err();
        if refused {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(refused);
    drop(open);
    let again = start(|options| options.address = address).await;
    let taken = SandboxOptions {
        address,
        ..SandboxOptions::default()
    };
    assert!(Sandbox::start(taken).await.is_err());
    again.shutdown().await;
}
