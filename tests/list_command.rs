//! `stripe-harness list`: items page by page, in the forms a person or a script
//! asks for.

use std::process::Command;

use serde_json::json;

use crate::support::command::{harness, lines, run};
use crate::support::{Answer, Server};

/// A server with so many items, of which a page has as many as are asked for,
/// or ten.
async fn items(count: usize) -> Server {
    Server::answering(move |request| {
        let (_, query) = request.target.split_once('?').unwrap_or_default();
        let of = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let size: usize = of("limit").map_or(10, |size| size.parse().unwrap());
        let start = of("starting_after").map_or(0, |id| id[2..].parse::<usize>().unwrap() + 1);
        let end = count.min(start + size);
        let data: Vec<_> = (start..end)
            .map(|at| json!({"id": format!("c_{at}"), "email": null, "name": format!("n, {at}"), "list": []}))
            .collect();
        Answer::json(200, &json!({"data": data, "has_more": end < count}).to_string())
    })
    .await
}

async fn list(server: &Server, args: &[&str]) -> (i32, String, String) {
    let mut command: Command = harness(&["list", "--base-url", server.url()]);
    command
        .args(args)
        .env("STRIPE_SECRET_KEY", "sk_test_1234567890abcdef");
    tokio::task::spawn_blocking(move || run(command))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_so_many_items_or_all() {
    for (args, expected, requests) in [
        (&["customers"][..], 10, 1),
        (&["customers.list", r#"{"limit":3}"#], 3, 1),
        (&["customers", "--limit", "15"], 15, 1),
        (&["customers", "--limit", "150"], 150, 2),
        (&["customers", "--all"], 250, 3),
        (&["customers", r#"{"limit":50}"#, "--all"], 250, 5),
        (
            &[
                "customers",
                "--all",
                "--cursor",
                r#"{"starting_after":"c_199"}"#,
            ],
            50,
            1,
        ),
    ] {
        let server = items(250).await;
        let (code, stdout, stderr) = list(&server, args).await;
        assert_eq!(code, 0, "{stderr}");
        let items = lines(&stdout);
        assert_eq!(
            (items.len(), server.arrived().len()),
            (expected, requests),
            "{args:?}"
        );
        let first = if args.contains(&"--cursor") {
            "c_200"
        } else {
            "c_0"
        };
        assert_eq!(items[0]["id"], first, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_and_tables_have_a_heading() {
    let server = items(3).await;
    let (_, stdout, stderr) = list(&server, &["customers", "--output", "csv"]).await;
    assert_eq!(
        stdout, "id,email,name\nc_0,,\"n, 0\"\nc_1,,\"n, 1\"\nc_2,,\"n, 2\"\n",
        "{stderr}"
    );
    let args = [
        "customers",
        "--output",
        "csv",
        "--columns",
        "name,list",
        "--all",
    ];
    let (_, stdout, _) = list(&server, &args).await;
    assert_eq!(stdout, "name,list\n\"n, 0\",[]\n\"n, 1\",[]\n\"n, 2\",[]\n");
    let (_, stdout, _) = list(&server, &["customers", "--output", "table"]).await;
    assert_eq!(stdout, "id   name\nc_0  n, 0\nc_1  n, 1\nc_2  n, 2\n");
    let (_, stdout, _) = list(&server, &["customers", "--output", "text", "--limit", "1"]).await;
    assert!(stdout.starts_with("{\n  \"id\": \"c_0\",\n"), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_says_what_was_printed_and_how_to_continue() {
    let page = Answer::json(200, r#"{"data":[{"id":"a"},{"id":"b"}],"has_more":true}"#);
    let refusal = Answer::json(403, r#"{"error":{"message":"No."}}"#);
    let server = Server::start(vec![page, refusal]).await;
    let (code, stdout, stderr) = list(&server, &["customers", "--all"]).await;
    assert_eq!((code, lines(&stdout).len()), (1, 2));
    assert!(stderr.contains("permission_error"), "{stderr}");
    assert!(
        stderr.contains(
            r#"2 items were printed; to continue, add --cursor '{"starting_after":"b"}'"#
        ),
        "{stderr}"
    );

    let server =
        Server::answering(|_| Answer::json(200, r#"{"data":[{"id":"a"}],"has_more":true}"#)).await;
    let (code, _, stderr) = list(&server, &["customers", "--all"]).await;
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("was read before"), "{stderr}");

    let server = items(1).await;
    for (args, code, said) in [
        (&["customer"][..], 1, "did you mean customers.list"),
        (&["customers", "--limit", "0"], 2, "0 is not in"),
        (
            &["customers", "--all", "--limit", "5"],
            2,
            "cannot be used with",
        ),
        (&["customers", "--cursor", "x"], 1, "not a cursor"),
    ] {
        let (found, _, stderr) = list(&server, args).await;
        assert_eq!(found, code, "{args:?} {stderr}");
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    assert!(server.arrived().is_empty());
}
