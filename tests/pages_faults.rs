//! Lists that go wrong: empty, in circles, to other hosts, too large, against
//! the policy. Each says how far it was read.

use serde_json::json;
use stripe_harness::{CallError, Case};

use crate::pages::{ids, read, v1};
use crate::support::{Answer, Server, connected, failed};

#[tokio::test]
async fn an_empty_page_ends_a_list() {
    for (name, body) in [
        ("customers.list", r#"{"data":[],"has_more":true}"#),
        (
            "customers.search",
            r#"{"data":[],"has_more":true,"next_page":"p"}"#,
        ),
        (
            "v2.core.events.list",
            r#"{"data":[],"next_page_url":"/v2/core/events?page=2"}"#,
        ),
    ] {
        let args = json!([{"query": "x"}]);
        let (list, asked) = read(vec![Answer::json(200, body)], name, args, 9).await;
        assert_eq!((list.unwrap().items.len(), asked.len()), (0, 1), "{name}");
    }
}

#[tokio::test]
async fn a_list_that_comes_back_to_itself_is_an_error() {
    let again = || v1(&["a"], true);
    let (list, asked) = read(
        vec![again(), again(), again()],
        "customers.list",
        json!([]),
        1000,
    )
    .await;
    let error = failed(list);
    assert!(error.failure.message.contains("was read before"), "{error}");
    assert_eq!(asked.len(), 2);
    // A longer circle too.
    let script = (0..50)
        .map(|at| v1(&[["a", "b", "c"][at % 3]], true))
        .collect();
    let (list, asked) = read(script, "customers.list", json!([]), 1000).await;
    assert!(failed(list).failure.message.contains("was read before"));
    assert!(asked.len() < 12, "{}", asked.len());
    // One page alone that says it is its own next.
    let server = Server::start(vec![again()]).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let cursor = Some(r#"{"starting_after":"a"}"#.to_owned());
    let error = failed(
        plugin
            .list_page(&connection, "customers", "list", "[]", cursor)
            .await,
    );
    assert_eq!(error.failure.type_, "response_error");
}

#[tokio::test]
async fn the_key_goes_to_no_other_host() {
    let other = Server::start(Vec::new()).await;
    for url in [
        format!("{}/v2/core/events?page=2", other.url()),
        format!(
            "//{}/v2/core/events",
            other.url().trim_start_matches("http://")
        ),
        "https://api.stripe.com/v2/core/events?page=2".to_owned(),
        "https://evil.example/v2/core/events".to_owned(),
        "javascript:alert(1)".to_owned(),
    ] {
        let body = json!({"data": [{"id": "a"}], "next_page_url": url}).to_string();
        let (list, asked) = read(
            vec![Answer::json(200, &body)],
            "v2.core.events.list",
            json!([]),
            9,
        )
        .await;
        let error = failed(list);
        assert_eq!(error.failure.type_, "response_error");
        assert!(
            error.failure.message.contains("is not on http://127.0.0.1"),
            "{error}"
        );
        assert_eq!(asked.len(), 1);
    }
    assert!(other.arrived().is_empty());
    // The list's own host may be named.
    let server = Server::answering(|request| {
        let next = format!(
            "http://{}/v2/core/events?page=2",
            request.header("host").unwrap()
        );
        let body = json!({"data": [{"id": "a"}], "next_page_url": next,
            "previous_page_url": "/v2/core/events?page=0"});
        Answer::json(200, &body.to_string())
    })
    .await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let page = plugin
        .list_page(&connection, "v2.core.events", "list", "[]", None)
        .await
        .unwrap();
    assert_eq!(
        page.next.as_deref(),
        Some(r#"{"path":"/v2/core/events?page=2"}"#)
    );
    assert_eq!(
        page.previous.as_deref(),
        Some(r#"{"path":"/v2/core/events?page=0"}"#)
    );
}

#[tokio::test]
async fn a_page_that_fails_says_how_far_the_list_was_read() {
    let script = vec![
        v1(&["a", "b"], true),
        v1(&["c", "d"], true),
        Answer::json(500, r#"{"error":{"type":"api_error","message":"Sorry."}}"#),
    ];
    let (list, asked) = read(script, "customers.list", json!([]), 100).await;
    let error = failed(list);
    assert_eq!(asked.len(), 3);
    // A GET may be repeated.
    assert_eq!(error.case, Case::Transient);
    assert_eq!(error.failure.status, Some(500));
    assert_eq!(
        error.failure.message,
        r#"Sorry. 4 items had been read; list-page continues from the cursor {"starting_after":"d"}"#
    );
    // Of a first page there is nothing to say.
    let refused = Answer::json(401, r#"{"error":{"message":"No."}}"#);
    let (list, _) = read(vec![refused], "customers.list", json!([]), 100).await;
    assert_eq!(failed(list).failure.message, "No.");
    for body in [
        r#"{"object":"customer","id":"c"}"#,
        "[]",
        r#"{"data":7}"#,
        r#"{"data":[{"name":"n"}],"has_more":true}"#,
    ] {
        let (list, _) = read(
            vec![Answer::json(200, body)],
            "customers.list",
            json!([]),
            9,
        )
        .await;
        assert_eq!(failed(list).failure.type_, "response_error", "{body}");
    }
}

#[tokio::test]
async fn a_failed_page_is_repeated_like_any_call() {
    let down = || Answer::json(503, r#"{"error":{"message":"x"}}"#);
    let server = Server::start(vec![v1(&["a"], true), down(), v1(&["b"], false)]).await;
    let fast = json!({"retryConfig": {"interval": 0.001, "maxWaitInterval": 0.001}});
    let (plugin, connection) = connected(&server, fast).await;
    let list = plugin
        .list_all(&connection, "customers", "list", "[]", 9)
        .await
        .unwrap();
    assert_eq!(
        (ids(&list.items), list.pages),
        (vec!["a".into(), "b".into()], 2)
    );
    assert_eq!(server.arrived().len(), 3);
}

#[tokio::test]
async fn items_that_are_too_large_together_are_not_held() {
    let item = format!(r#"{{"id":"a","x":"{}"}}"#, "x".repeat(600));
    let server = Server::answering(move |request| {
        let id = format!("\"id\":\"i{}\"", request.target.len());
        let item = item.replace("\"id\":\"a\"", &id);
        Answer::json(200, &format!(r#"{{"data":[{item}],"has_more":true}}"#))
    })
    .await;
    let (plugin, connection) = connected(&server, json!({"maxResponseBytes": 1000})).await;
    let error = failed(
        plugin
            .list_all(&connection, "customers", "list", "[]", 100)
            .await,
    );
    assert_eq!(
        (error.case, error.failure.type_.as_str()),
        (Case::Permanent, "response_error")
    );
    assert!(
        error.failure.message.contains("\"maxResponseBytes\""),
        "{error}"
    );
    assert!(
        error.failure.message.contains("1 items had been read"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_list_is_refused_with_those_that_are() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    for (name, args, said) in [
        ("customers.create", "[{}]", "lists are customers.list, "),
        ("customers.retrieve", "[]", "lists are customers.list, "),
        ("customer.list", "[]", "did you mean customers.list"),
        (
            "rawRequest",
            r#"["GET","/v1/customers"]"#,
            "rawRequest is not a list",
        ),
        ("accountLinks.create", "[{}]", "has none"),
        ("customers.list", "{", "not JSON"),
        ("customers.list", "[{},{},{}]", "at most 2 arguments"),
    ] {
        let (resource, method) = name.rsplit_once('.').unwrap_or(("", name));
        let error = failed(
            plugin
                .list_all(&connection, resource, method, args, 5)
                .await,
        );
        assert_eq!(error.failure.type_, "argument_error");
        assert!(error.failure.message.contains(said), "{said}: {error}");
        let error = failed(
            plugin
                .list_page(&connection, resource, method, args, None)
                .await,
        );
        assert!(error.failure.message.contains(said), "{said}: {error}");
    }
    let error = failed(
        plugin
            .list_all(&connection, "customers", "list", "[]", 0)
            .await,
    );
    assert_eq!(error.failure.path.as_deref(), Some("limit"));
    for cursor in [
        "",
        "null",
        "cus_1",
        "{}",
        r#"{"page":"x"}"#,
        r#"{"path":"/v2/x"}"#,
    ] {
        let cursor = Some(cursor.to_owned());
        let error = failed(
            plugin
                .list_page(&connection, "customers", "list", "[]", cursor)
                .await,
        );
        assert_eq!(error.failure.path.as_deref(), Some("cursor"), "{error}");
    }
    for path in [
        "https://evil.example/v2/x",
        "//evil.example/v2",
        "/v1/customers",
        "/v2/../v1/x",
        "x",
    ] {
        let cursor = Some(json!({"path": path}).to_string());
        let read = plugin
            .list_page(&connection, "v2.core.events", "list", "[]", cursor)
            .await;
        assert_eq!(
            failed(read).failure.path.as_deref(),
            Some("cursor"),
            "{path}"
        );
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn every_page_is_judged_by_the_policy() {
    let server = Server::answering(|_| {
        Answer::json(
            200,
            r#"{"data":[{"id":"a"}],"next_page_url":"/v2/core/accounts?page=2"}"#,
        )
    })
    .await;
    let rules = json!({"allow": ["v2.core.events.*", "customers.list"]});
    let (plugin, connection) = connected(&server, rules).await;
    let refused = |error: CallError, path: &str| {
        assert_eq!(error.failure.type_, "policy_error", "{error}");
        assert_eq!(error.failure.path.as_deref(), Some(path), "{error}");
    };
    let read = plugin
        .list_all(&connection, "prices", "list", "[]", 5)
        .await;
    refused(failed(read), "connection.allow");
    let read = plugin
        .list_page(&connection, "customers", "search", "[{}]", None)
        .await;
    refused(failed(read), "connection.allow");
    assert!(server.arrived().is_empty());
    // A page that leads to another list.
    let read = plugin
        .list_all(&connection, "v2.core.events", "list", "[]", 5)
        .await;
    refused(failed(read), "connection.allow");
    assert_eq!(server.arrived().len(), 1);
    let cursor = Some(r#"{"path":"/v2/core/accounts"}"#.to_owned());
    let read = plugin
        .list_page(&connection, "v2.core.events", "list", "[]", cursor)
        .await;
    refused(failed(read), "connection.allow");
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn the_pages_of_a_list_are_not_raw_requests() {
    let page = |next: &str| {
        Answer::json(
            200,
            &format!(r#"{{"data":[{{"id":"a"}}],"next_page_url":{next}}}"#),
        )
    };
    let script = vec![page("\"/v2/core/events?page=2\""), page("null")];
    let server = Server::start(script).await;
    let (plugin, connection) = connected(&server, json!({"deny": ["rawRequest"]})).await;
    let list = plugin
        .list_all(&connection, "v2.core.events", "list", "[]", 5)
        .await;
    assert_eq!(list.unwrap().pages, 2);
}
