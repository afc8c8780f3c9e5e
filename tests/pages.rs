//! Lists through the real component: every page is asked for as the official
//! client asks, and items arrive as Stripe wrote them.

use serde_json::{Value, json};
use stripe_harness::sandbox::{Sandbox, SandboxOptions};
use stripe_harness::{CallError, PageList};

use crate::support::{Answer, KEY, Server, connected, connected_to};

/// `{"object": "list", "data": […], "has_more": …}` with items of these ids.
pub(crate) fn v1(ids: &[&str], has_more: bool) -> Answer {
    let items: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"id": "{id}", "n": 1.50 }}"#))
        .collect();
    Answer::json(
        200,
        &format!(
            r#"{{"object":"list","data":[{}],"has_more":{has_more}}}"#,
            items.join(", ")
        ),
    )
}

pub(crate) fn ids(items: &[String]) -> Vec<String> {
    let id = |item: &String| {
        serde_json::from_str::<Value>(item).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    items.iter().map(id).collect()
}

/// Reads a list from a server with this script; what it came to, and what was
/// asked for.
pub(crate) async fn read(
    script: Vec<Answer>,
    name: &str,
    args: Value,
    limit: u32,
) -> (Result<PageList, CallError>, Vec<String>) {
    let server = Server::start(script).await;
    let (plugin, connection) = connected(&server, json!({"maxNetworkRetries": 0})).await;
    let (resource, method) = name.rsplit_once('.').unwrap();
    let result = plugin
        .list_all(&connection, resource, method, args.to_string(), limit)
        .await;
    let asked = server.arrived().into_iter().map(|request| {
        assert_eq!(request.method, "GET");
        request.target
    });
    (result, asked.collect())
}

#[tokio::test]
async fn v1_lists_go_forwards_with_all_their_params() {
    let script = vec![
        v1(&["a", "b"], true),
        v1(&["c", "d"], true),
        v1(&["e"], false),
    ];
    let args = json!([{"limit": 2, "expand": ["data.default_source"], "email": "x@y.z"}]);
    let (list, asked) = read(script, "customers.list", args, 100).await;
    let list = list.unwrap();
    let first = "/v1/customers?limit=2&expand[0]=data.default_source&email=x%40y.z";
    assert_eq!(
        asked,
        [
            first.to_owned(),
            format!("{first}&starting_after=b"),
            format!("{first}&starting_after=d")
        ]
    );
    assert_eq!(list.items[0], r#"{"id": "a", "n": 1.50 }"#, "byte for byte");
    assert_eq!(ids(&list.items), ["a", "b", "c", "d", "e"]);
    assert_eq!((list.next, list.pages), (None, 3));
}

#[tokio::test]
async fn v1_lists_go_backwards_from_the_end_of_each_page() {
    let script = vec![v1(&["c", "d"], true), v1(&["a", "b"], false)];
    let args = json!([{"ending_before": "e", "limit": 2}]);
    let (list, asked) = read(script, "customers.list", args, 100).await;
    assert_eq!(
        asked,
        [
            "/v1/customers?ending_before=e&limit=2",
            "/v1/customers?ending_before=c&limit=2"
        ]
    );
    assert_eq!(ids(&list.unwrap().items), ["d", "c", "b", "a"]);
}

#[tokio::test]
async fn searches_and_v2_lists_go_on_as_their_answers_say() {
    let page = |id: &str, next: &str| {
        Answer::json(
            200,
            &format!(
                r#"{{"data":[{{"id":"{id}"}}],"has_more":{},"next_page":{next}}}"#,
                next != "null"
            ),
        )
    };
    let script = vec![page("a", "\"tok\\u002b1\""), page("b", "null")];
    let (list, asked) = read(
        script,
        "customers.search",
        json!([{"query": "email:'x'"}]),
        100,
    )
    .await;
    assert_eq!(ids(&list.unwrap().items), ["a", "b"]);
    let first = "/v1/customers/search?query=email%3A%27x%27";
    assert_eq!(asked, [first.to_owned(), format!("{first}&page=tok%2B1")]);

    let page = |id: &str, next: &str| {
        Answer::json(
            200,
            &format!(
                r#"{{"data":[{{"id":"{id}"}}],"next_page_url":{next},"previous_page_url":null}}"#
            ),
        )
    };
    let script = vec![
        page("a", "\"/v2/core/events?limit=1&page=p%2F2\""),
        page("b", "null"),
    ];
    let args = json!([{"limit": 1, "object_id": "x"}, {"stripeContext": "acct_1"}]);
    let (list, asked) = read(script, "v2.core.events.list", args, 100).await;
    assert_eq!(ids(&list.unwrap().items), ["a", "b"]);
    assert_eq!(
        asked,
        [
            "/v2/core/events?limit=1&object_id=x",
            "/v2/core/events?limit=1&page=p%2F2"
        ]
    );
}

#[tokio::test]
async fn options_belong_to_every_page() {
    let page = |next: &str| {
        Answer::json(
            200,
            &format!(r#"{{"data":[{{"id":"a"}}],"next_page_url":{next}}}"#),
        )
    };
    let server = Server::start(vec![
        v1(&["a"], true),
        v1(&["b"], false),
        page("\"/v2/core/events?page=2\""),
        page("null"),
    ])
    .await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let options = json!({"apiKey": "sk_test_of_the_call_0123", "apiVersion": "2025-01-27.acacia", "headers": {"x-a": "b"}});
    for (resource, args) in [
        ("customers", json!([{}, options])),
        ("v2.core.events", json!([{}, options])),
    ] {
        plugin
            .list_all(&connection, resource, "list", args.to_string(), 10)
            .await
            .unwrap();
    }
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 4);
    for request in arrived {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer sk_test_of_the_call_0123")
        );
        assert_eq!(request.header("stripe-version"), Some("2025-01-27.acacia"));
        assert_eq!(request.header("x-a"), Some("b"));
    }
}

#[tokio::test]
async fn a_list_ends_where_it_was_asked_to_and_can_be_continued() {
    // v1 within a page: after the last item that was read.
    let (list, asked) = read(
        vec![v1(&["a", "b", "c"], true)],
        "customers.list",
        json!([]),
        2,
    )
    .await;
    let list = list.unwrap();
    assert_eq!(
        (ids(&list.items), asked.len()),
        (vec!["a".into(), "b".into()], 1)
    );
    assert_eq!(list.next.as_deref(), Some(r#"{"starting_after":"b"}"#));
    // At the end of a page.
    let (list, _) = read(vec![v1(&["a", "b"], true)], "customers.list", json!([]), 2).await;
    assert_eq!(
        list.unwrap().next.as_deref(),
        Some(r#"{"starting_after":"b"}"#)
    );
    let (list, _) = read(vec![v1(&["a", "b"], false)], "customers.list", json!([]), 2).await;
    assert_eq!(list.unwrap().next, None);
    let script = vec![v1(&["a", "b", "c"], false)];
    let (list, _) = read(script, "customers.list", json!([{"ending_before": "d"}]), 2).await;
    assert_eq!(
        list.unwrap().next.as_deref(),
        Some(r#"{"ending_before":"b"}"#)
    );

    // A search page can only be read from its beginning.
    let page = || {
        Answer::json(
            200,
            r#"{"data":[{"id":"a"},{"id":"b"},{"id":"c"}],"has_more":false}"#,
        )
    };
    let server = Server::start(vec![page(), page()]).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let args = r#"[{"query":"x"}]"#;
    let list = plugin
        .list_all(&connection, "customers", "search", args, 2)
        .await
        .unwrap();
    assert_eq!(list.next.as_deref(), Some(r#"{"skip":2}"#));
    let rest = plugin
        .list_page(&connection, "customers", "search", args, list.next)
        .await
        .unwrap();
    assert_eq!((ids(&rest.items), rest.next), (vec!["c".to_owned()], None));
    assert_eq!(server.arrived()[0].target, server.arrived()[1].target);
}

/// The stand-in's own pages, both ways and in every kind of list.
#[tokio::test]
async fn the_sandbox_is_read_whole_both_ways() {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (plugin, connection) = connected_to(&sandbox.base_url(), json!({"secretKey": KEY})).await;
    for at in 0..7 {
        let args = format!(r#"[{{"name": "c{at}", "email": "same@example.com"}}]"#);
        plugin
            .request(&connection, "customers", "create", args)
            .await
            .unwrap();
    }
    let all = |args: &'static str, method: &'static str| {
        let (plugin, connection) = (plugin.clone(), connection.clone());
        async move {
            let list = plugin
                .list_all(&connection, "customers", method, args, 100)
                .await
                .unwrap();
            (ids(&list.items), list.pages)
        }
    };
    let (forwards, pages) = all(r#"[{"limit": 3}]"#, "list").await;
    assert_eq!((forwards.len(), pages), (7, 3));
    let last = forwards.last().unwrap().clone();
    let args = format!(r#"[{{"limit": 2, "ending_before": "{last}"}}]"#);
    let list = plugin
        .list_all(&connection, "customers", "list", args, 100)
        .await
        .unwrap();
    let mut backwards = ids(&list.items);
    assert_eq!(list.pages, 3);
    backwards.reverse();
    assert_eq!(backwards, forwards[..6]);
    let (mut found, _) = all(
        r#"[{"limit": 3, "query": "email:'same@example.com'"}]"#,
        "search",
    )
    .await;
    found.sort();
    let mut sorted = forwards.clone();
    sorted.sort();
    assert_eq!(found, sorted);

    for at in 0..5 {
        let args = format!(r#"[{{"display_name": "a{at}", "contact_email": "a@example.com"}}]"#);
        plugin
            .request(&connection, "v2.core.accounts", "create", args)
            .await
            .unwrap();
    }
    let list = plugin
        .list_all(
            &connection,
            "v2.core.accounts",
            "list",
            r#"[{"limit": 2}]"#,
            100,
        )
        .await
        .unwrap();
    let mut accounts = ids(&list.items);
    assert_eq!((accounts.len(), list.pages), (5, 3));
    accounts.sort();
    accounts.dedup();
    assert_eq!(accounts.len(), 5);
    sandbox.shutdown().await;
}
