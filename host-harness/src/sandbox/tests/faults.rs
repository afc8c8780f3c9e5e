//! What each fault puts on the wire, and whether the request was carried out under it.

use super::super::{Faults, Sandbox, SandboxOptions};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// What came back until the connection ended, and whether it ended in a reset.
struct Came {
    text: String,
    was_reset: bool,
    took: Duration,
}

impl Came {
    fn head(&self) -> &str {
        self.text.split("\r\n\r\n").next().unwrap()
    }

    fn body(&self) -> &str {
        self.text
            .split_once("\r\n\r\n")
            .map_or("", |(_, body)| body)
    }

    fn announced(&self) -> Option<usize> {
        let line = self
            .head()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        line.map(|digits| digits.parse().unwrap())
    }
}

async fn post(sandbox: &Sandbox, fault: &str) -> Came {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    let header = match fault {
        "" => String::new(),
        fault => format!("X-Sandbox-Fault: {fault}\r\n"),
    };
    let request = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\
         Connection: close\r\n{header}\r\nname=a"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(60), stream.read_to_end(&mut bytes));
    let read = read.await.expect("the connection does not end");
    Came {
        text: String::from_utf8(bytes).unwrap(),
        was_reset: read.is_err(),
        took: begun.elapsed(),
    }
}

/// How many customers there are.
fn made(sandbox: &Sandbox) -> usize {
    let request = http::Request::get("/v1/customers")
        .header("authorization", "Bearer sk_test_1")
        .body(bytes::Bytes::new())
        .unwrap();
    let answer = sandbox.stand_in().handle(&request);
    let list: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    list["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_fault_is_before_or_after_the_request_is_carried_out() {
    for (fault, status, count) in [
        ("none", Some("200"), 1),
        ("status; code=503", Some("503"), 0),
        ("status; code=503; commit=after", Some("503"), 1),
        ("refuse; ms=0", None, 0),
        ("reset-before", None, 0),
        ("reset-after", None, 1),
        ("stall-headers; ms=1", None, 0),
        ("stall-headers; ms=1; commit=after", None, 1),
        ("stall-body; ms=1", Some("200"), 1),
        ("drip; ms=1", Some("200"), 1),
        ("truncate", Some("200"), 1),
        ("wrong-length", Some("200"), 1),
        ("oversize; bytes=100000", Some("200"), 1),
        ("invalid-json", Some("200"), 1),
        ("html", Some("502"), 0),
        ("html; commit=after", Some("502"), 1),
        ("empty", Some("200"), 1),
        ("empty; code=503; commit=before", Some("503"), 0),
        ("redirect", Some("302"), 0),
        ("redirect; code=307; commit=after", Some("307"), 1),
        ("rst-stream", None, 0),
        ("goaway; commit=after", None, 1),
        ("reset", Some("400"), 0),
    ] {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let came = post(&sandbox, fault).await;
        let said = came.text.strip_prefix("HTTP/1.1 ").map(|text| &text[..3]);
        assert_eq!(
            (said, made(&sandbox)),
            (status, count),
            "{fault}: {}",
            came.text
        );
        let requests = sandbox.requests();
        let [request, _] = requests.as_slice() else {
            panic!("{fault}: {} requests", requests.len())
        };
        let name = fault
            .split(';')
            .next()
            .filter(|name| !["none", "reset"].contains(name));
        assert_eq!(request.fault, name, "{fault}");
    }
}

#[tokio::test]
async fn the_bytes_are_what_the_fault_is_called() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    for fault in ["refuse; ms=0", "reset-before", "reset-after"] {
        let came = post(&sandbox, fault).await;
        assert!(
            came.was_reset && came.text.is_empty(),
            "{fault}: {}",
            came.text
        );
        // Refused for no time at all, but the port was closed for a moment.
        while TcpStream::connect(sandbox.address()).await.is_err() {}
    }
    let whole = post(&sandbox, "none").await;
    let length = whole.announced().unwrap();
    assert_eq!(whole.body().len(), length);

    let came = post(&sandbox, "stall-headers; ms=50").await;
    assert!(came.text.is_empty() && !came.was_reset);
    assert!(came.took >= Duration::from_millis(50));
    for fault in ["truncate", "stall-body; ms=50"] {
        let came = post(&sandbox, fault).await;
        assert_eq!(came.announced(), Some(length), "{fault}");
        assert_eq!(came.body().len(), length / 2, "{fault}");
        assert!(!came.was_reset, "{fault}");
    }
    let came = post(&sandbox, "drip; ms=100").await;
    assert_eq!(
        (came.announced(), came.body().len()),
        (Some(length), length)
    );
    assert!(came.took >= Duration::from_millis(100), "{:?}", came.took);
    let came = post(&sandbox, "wrong-length; by=7").await;
    assert_eq!(
        (came.announced(), came.body().len()),
        (Some(length + 7), length)
    );
    let came = post(&sandbox, "wrong-length; by=-7").await;
    assert_eq!(
        (came.announced(), came.body().len()),
        (Some(length - 7), length)
    );
    let came = post(&sandbox, "oversize; bytes=200000").await;
    assert!(
        came.head().contains("transfer-encoding: chunked"),
        "{}",
        came.head()
    );
    assert!(came.body().len() > 200_000 && came.body().ends_with("\r\n0\r\n\r\n"));
    let came = post(&sandbox, "invalid-json").await;
    assert_eq!(
        (came.announced(), came.body().len()),
        (Some(length / 2), length / 2)
    );
    let came = post(&sandbox, "empty").await;
    assert_eq!((came.announced(), came.body()), (Some(0), ""));
    let came = post(&sandbox, "html").await;
    assert!(
        came.head().contains("content-type: text/html"),
        "{}",
        came.head()
    );
    assert!(came.body().starts_with("<html>"));
    let came = post(&sandbox, "redirect; location=/v1/x").await;
    assert!(came.head().contains("location: /v1/x"), "{}", came.head());
    let came = post(
        &sandbox,
        "status; code=429; retry-after=3; should-retry=false",
    )
    .await;
    assert!(
        came.head().contains("retry-after: 3\r\n"),
        "{}",
        came.head()
    );
    assert!(
        came.head().contains("stripe-should-retry: false"),
        "{}",
        came.head()
    );
    assert!(
        came.body().contains("\"code\":\"rate_limit\""),
        "{}",
        came.body()
    );
}

#[tokio::test]
async fn rules_hit_what_they_are_for() {
    let rules = "rules: [{fault: truncate, count: 1, match: {operation: customers.create}}]";
    let options = SandboxOptions {
        faults: Some(Faults::parse(rules).unwrap()),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    // The header stands above the rules, and does not count as a hit of theirs.
    for (fault, expected) in [
        ("none", None),
        ("html", Some("html")),
        ("", Some("truncate")),
        ("", None),
    ] {
        post(&sandbox, fault).await;
        assert_eq!(sandbox.requests().last().unwrap().fault, expected);
    }
}

#[tokio::test]
async fn a_refused_port_opens_again() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    assert!(post(&sandbox, "refuse; ms=3000").await.was_reset);
    let begun = Instant::now();
    let mut refused = 0;
    while begun.elapsed() < Duration::from_secs(60) {
        match TcpStream::connect(sandbox.address()).await {
            Ok(_) if refused > 0 => break,
            Ok(_) => {}
            Err(_) => refused += 1,
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(refused > 0, "never refused");
    assert!(
        post(&sandbox, "none")
            .await
            .text
            .starts_with("HTTP/1.1 200")
    );
}
