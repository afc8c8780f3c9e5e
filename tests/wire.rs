//! What arrives at a server: the bytes, the headers, and the key in one place
//! alone.

use serde_json::json;

use crate::support::{Answer, KEY, Server, connected};

#[tokio::test]
async fn a_post_carries_its_headers_and_its_length() {
    let server = Server::start(Vec::new()).await;
    let more = json!({"appInfo": {"name": "shop", "version": "1.2"}, "headers": {"x-trace": "t"}});
    let (plugin, connection) = connected(&server, more).await;
    let response = plugin
        .request(&connection, "customers", "create", r#"[{"email":"a@b.c"}]"#)
        .await
        .unwrap();
    let request = server.only();
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/v1/customers")
    );
    assert_eq!(request.body(), "email=a%40b.c");
    for (name, value) in [
        ("authorization", format!("Bearer {KEY}").as_str()),
        ("accept", "application/json"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-length", "13"),
        ("user-agent", "Stripe/v1 LowcodeStripe/0.1.0 shop/1.2"),
        ("x-trace", "t"),
        ("host", server.url().trim_start_matches("http://")),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let key = request.header("idempotency-key").unwrap();
    assert_eq!(response.idempotency_key.as_deref(), Some(key));
    assert!(key.starts_with("stripe-wasm-") && key.len() == 48, "{key}");
    assert_eq!(response.request_id.as_deref(), Some("req_1"));
    assert_eq!((response.status, response.attempts), (Some(200), 1));
}

/// An instance that is kept reports how long its last call took.
#[tokio::test]
async fn latency_is_reported_with_the_next_call() {
    for (telemetry, kept, expected) in [(true, 1, true), (false, 1, false), (true, 0, false)] {
        let server = Server::start(Vec::new()).await;
        let mut policy = stripe_harness::Policy::default();
        policy.allow(server.url()).unwrap();
        let options = stripe_harness::HostOptions {
            policy,
            instances: match kept {
                0 => stripe_harness::Instances::Isolated,
                max_idle => stripe_harness::Instances::Reused { max_idle },
            },
            ..stripe_harness::HostOptions::default()
        };
        let plugin = crate::support::plugin(&[]).with_options(options).unwrap();
        let properties = json!({"secretKey": KEY, "baseUrl": server.url(), "telemetry": telemetry});
        let connection = plugin
            .parse_connection(&properties.to_string())
            .await
            .unwrap();
        for _ in 0..2 {
            plugin
                .request(&connection, "customers", "list", "null")
                .await
                .unwrap();
        }
        let arrived = server.arrived();
        assert_eq!(arrived[0].header("x-stripe-client-telemetry"), None);
        let reported = arrived[1].header("x-stripe-client-telemetry");
        assert_eq!(reported.is_some(), expected, "{telemetry} {kept}");
        if let Some(reported) = reported {
            let metrics: serde_json::Value = serde_json::from_str(reported).unwrap();
            let last = &metrics["last_request_metrics"];
            assert_eq!(last["request_id"], "req_1");
            assert!(last["request_duration_ms"].is_u64(), "{reported}");
        }
    }
}

#[tokio::test]
async fn a_get_carries_no_body_and_no_length() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({"stripeAccount": "acct_1"})).await;
    plugin
        .request(&connection, "customers", "list", r#"[{"limit":1}]"#)
        .await
        .unwrap();
    let request = server.only();
    assert_eq!(request.target, "/v1/customers?limit=1");
    assert_eq!(request.header("content-length"), None);
    assert_eq!(request.header("idempotency-key"), None);
    assert_eq!(request.header("stripe-account"), Some("acct_1"));
}

#[tokio::test]
async fn an_upload_arrives_decoded() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let args = json!([{
        "purpose": "dispute_evidence",
        "file": {"data": {"base64": "AP8A"}, "name": "e.bin"}
    }]);
    plugin
        .request(&connection, "files", "create", &args.to_string())
        .await
        .unwrap();
    let request = server.only();
    let kind = request.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let mut expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"e.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    expected.extend([0, 255, 0]);
    expected.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    assert!(
        request.body == expected,
        "{}",
        String::from_utf8_lossy(&request.body)
    );
}

#[tokio::test]
async fn a_file_comes_back_as_base64() {
    let pdf = Answer::Http(
        200,
        vec![("content-type", "application/pdf".to_owned())],
        vec![0, 255, 0],
    );
    let server = Server::start(vec![pdf]).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let response = plugin
        .request(&connection, "quotes", "pdf", r#"["qt_1"]"#)
        .await
        .unwrap();
    assert_eq!(
        response.body,
        r#"{"base64":"AP8A","content_type":"application/pdf"}"#
    );
}

#[tokio::test]
async fn an_answer_is_passed_on_byte_for_byte() {
    let body = "{\n  \"id\": \"ch_1\",\n  \"amount\": 12345678901234567890,\n  \"rate\": 1.10,\n  \"n\": \"\\u00e9\"\n}\n";
    let server = Server::start(vec![Answer::json(200, body)]).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let response = plugin
        .request(&connection, "charges", "retrieve", r#"["ch_1"]"#)
        .await
        .unwrap();
    assert_eq!(response.body, body);
}

#[tokio::test]
async fn a_body_larger_than_any_buffer_arrives_whole() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let text = "x".repeat(5 << 20);
    let args = json!([{"description": text}]);
    plugin
        .request(&connection, "customers", "create", &args.to_string())
        .await
        .unwrap();
    assert_eq!(server.only().body.len(), text.len() + "description=".len());
}

#[tokio::test]
async fn calls_run_side_by_side() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let calls: Vec<_> = (0..32)
        .map(|at| {
            let (plugin, connection) = (plugin.clone(), connection.clone());
            tokio::spawn(async move {
                let args = format!(r#"["cus_{at}"]"#);
                plugin
                    .request(&connection, "customers", "retrieve", &args)
                    .await
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.arrived().len(), 32);
}

/// The component holds the text of an upload once, and never its bytes: it
/// works within two and a half times the text, its own needs included.
#[tokio::test]
async fn an_upload_is_decoded_while_it_is_sent() {
    let server = Server::start(Vec::new()).await;
    let text = "AAECAwQF".repeat(2 << 20);
    let args = format!(r#"[{{"purpose":"p","file":{{"data":{{"base64":"{text}"}}}}}}]"#);
    let mut policy = stripe_harness::Policy::default();
    policy.allow(server.url()).unwrap();
    let options = stripe_harness::HostOptions {
        policy,
        max_memory: text.len() / 2 * 5,
        ..stripe_harness::HostOptions::default()
    };
    let plugin = crate::support::plugin(&[]).with_options(options).unwrap();
    let properties = json!({"secretKey": KEY, "baseUrl": server.url()});
    let connection = plugin
        .parse_connection(&properties.to_string())
        .await
        .unwrap();
    plugin
        .request(&connection, "files", "create", &args)
        .await
        .unwrap();
    let sent = server.only().body;
    assert!(sent.len() > text.len() / 4 * 3);
    assert!(
        sent.windows(12)
            .any(|bytes| bytes == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
    );
}
