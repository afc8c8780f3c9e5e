//! `stripe-harness batch` and its connection: what is continued is sent to the
//! same account in the same mode, and a connection that is wrong costs no line
//! its answer.

use serde_json::{Value, json};

use crate::support::batch::{Bench, customers, end};
use crate::support::{
    Answer, Authority, KEY, Request, Server, Setup, TlsServer, connected, failed, plugin,
};

fn failing(status: u16, kind: &str) -> Answer {
    Answer::json(
        status,
        &format!(r#"{{"error":{{"type":"{kind}","message":"It says no."}}}}"#),
    )
}

/// `--property headers={NAME: VALUE}`.
fn header(name: &str, value: &str) -> [String; 2] {
    let headers = json!({ name: value });
    ["--property".to_owned(), format!("headers={headers}")]
}

fn flag(name: &str, value: &str) -> [String; 2] {
    [name.to_owned(), value.to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_compared_however_it_was_given() {
    for (sent, property, option) in [
        ("Stripe-Account", "stripeAccount", "--stripe-account"),
        ("STRIPE-CONTEXT", "stripeContext", "--stripe-context"),
        ("stripe-version", "apiVersion", "--api-version"),
    ] {
        let server = Server::start(Vec::new()).await;
        let bench = Bench::new(&customers(0..1));
        let resumed = |more: &[String]| {
            let mut command = bench.resumed(&server, &[]);
            command.args(more);
            end(command)
        };
        assert_eq!(resumed(&header(sent, "one")).code, 0);
        let name = sent.to_ascii_lowercase();
        assert_eq!(server.only().header(&name), Some("one"));
        for (more, now) in [
            (header(sent, "two").as_slice(), "two"),
            (&header(&name.to_ascii_uppercase(), "two"), "two"),
            (&flag(option, "two"), "two"),
            (&[], "none"),
        ] {
            let ended = resumed(more);
            assert_eq!((ended.code, ended.lines.len()), (2, 0), "{more:?}");
            let said =
                format!("was made with the {property} one, the connection has {now}; continue");
            assert!(ended.stderr.contains(&said), "{}", ended.stderr);
        }
        // The same, said in another way.
        for more in [header(&name, "one"), flag(option, "one")] {
            let ended = resumed(&more);
            assert_eq!((ended.code, ended.lines.len()), (0, 1), "{}", ended.stderr);
        }
        assert_eq!(server.arrived().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_line_says_itself_is_part_of_the_line() {
    let server = Server::start(Vec::new()).await;
    let line = |options: &Value| {
        let args = json!([{"name": "n"}, options]);
        format!(
            "{}\n",
            json!({"resource": "customers", "method": "create", "args": args})
        )
    };
    let one = json!({"stripeAccount": "acct_A"});
    let bench = Bench::new(&line(&one));
    assert_eq!(end(bench.resumed(&server, &[])).code, 0);
    for options in [
        json!({"stripeAccount": "acct_B"}),
        json!({"headers": {"stripe-account": "acct_B"}}),
        json!({"stripeContext": "acct_A"}),
        json!({"stripeAccount": "acct_A", "apiKey": "sk_test_another_one"}),
        json!({"stripeAccount": "acct_A", "apiVersion": "2020-08-27"}),
    ] {
        bench.input(&line(&options));
        let ended = end(bench.resumed(&server, &[]));
        assert_eq!((ended.code, ended.lines.len()), (2, 0), "{options}");
        assert!(ended.stderr.contains("line 1 of the input is not"));
    }
    assert_eq!(server.arrived().len(), 1);
}

/// The journal tells modes apart as the component does, which judges the rule
/// `mode`.
#[tokio::test(flavor = "multi_thread")]
async fn the_mode_is_what_the_component_takes_it_for() {
    let server = Server::start(Vec::new()).await;
    let component = plugin(&[]);
    for (key, key_mode) in [
        ("sk_test_1234567890abcdef", None),
        ("sk_live_1234567890abcdef", None),
        ("rk_live_1234567890abcdef", None),
        ("sk_org_live_1234567890abc", None),
        ("sk_org_test_1234567890abc", None),
        ("sk_org_live_1234567890abc", Some("live")),
        ("uk_live_1234567890abcdef", None),
        ("SK_live_1234567890abcdef", None),
        ("sk_LIVE_1234567890abcdef", None),
        ("sk_live", None),
        ("sk_org_1234567890abcdef", None),
        ("sk_org_org_live_1234567890", None),
        ("whsec_live_1234567890abcd", None),
        ("{{secret}}", None),
        ("{{secret}}", Some("live")),
        ("{{secret}}", Some("test")),
    ] {
        let mut expected = Value::Null;
        for mode in ["test", "live"] {
            let mut properties = json!({"secretKey": key, "mode": mode});
            if let Some(key_mode) = key_mode {
                properties["keyMode"] = json!(key_mode);
            }
            let parsed = component.parse_connection(&properties.to_string()).await;
            if parsed.is_ok() {
                expected = json!(mode);
            }
        }
        let bench = Bench::new("");
        let mut command = bench.resumed(&server, &[]);
        if let Some(key_mode) = key_mode {
            command.args(["--property", &format!("keyMode={key_mode}")]);
        }
        let ended = end({
            command.env("K", key);
            command
        });
        assert_eq!(ended.code, 0, "{key}: {}", ended.stderr);
        let header: Value = serde_json::from_str(bench.journal().lines().next().unwrap()).unwrap();
        assert_eq!(header["purpose"]["mode"], expected, "{key} {key_mode:?}");
    }

    // An organization's live key does not continue what a test key began.
    let bench = Bench::new(&customers(0..1));
    assert_eq!(end(bench.resumed(&server, &[])).code, 0);
    for (key, said) in [
        ("sk_org_live_1234567890abc", "the secret key of live mode"),
        ("{{secret}}", "a mode it does not tell"),
    ] {
        let mut command = bench.resumed(&server, &[]);
        command.env("K", key);
        let ended = end(command);
        assert_eq!((ended.code, ended.lines.len()), (2, 0), "{key}");
        assert!(ended.stderr.contains("is of test mode"), "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn a_connection_says_each_thing_once() {
    let component = plugin(&[]);
    for (property, header) in [
        ("stripeAccount", "Stripe-Account"),
        ("stripeContext", "stripe-context"),
        ("apiVersion", "STRIPE-VERSION"),
    ] {
        let lower = header.to_ascii_lowercase();
        let properties = json!({"secretKey": KEY, property: "a", "headers": {header: "b"}});
        let error = failed(component.parse_connection(&properties.to_string()).await);
        assert_eq!(error.failure.type_, "configuration_error");
        let place = format!("properties.headers.{header}");
        assert_eq!(error.failure.path, Some(place), "{properties}");
        for said in [&*format!("two values for the header {lower:?}"), property] {
            assert!(error.failure.message.contains(said), "{error}");
        }
        // Said twice alike, it is clear; and a call may still say otherwise.
        let server = Server::start(Vec::new()).await;
        let alike = json!({property: "a", "headers": {header: "a"}});
        let (plugin, connection) = connected(&server, alike).await;
        let args = json!([{}, {property: "b"}]).to_string();
        plugin
            .request(&connection, "customers", "list", &args)
            .await
            .unwrap();
        assert_eq!(server.only().header(&lower), Some("b"));
    }
    let both = json!({"secretKey": KEY, "stripeAccount": "a", "headers": {"Stripe-Context": "b"}});
    let error = failed(component.parse_connection(&both.to_string()).await);
    assert_eq!(
        error.failure.path.as_deref(),
        Some("properties.stripeContext")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_valid_stops_the_batch_and_is_mended() {
    let server = Server::start(vec![failing(401, "invalid_request_error")]).await;
    let bench = Bench::new(&customers(0..50));
    let args = ["--concurrency", "1"];
    let first = end(bench.resumed(&server, &args));
    assert_eq!((first.code, first.lines.len()), (2, 1));
    assert_eq!(first.lines[0]["error"]["type"], "authentication_error");
    for said in [
        "line 1 shows that no call can succeed with this connection, so no further line was begun",
        "It says no",
        "run the same command again",
    ] {
        assert!(first.stderr.contains(said), "{}", first.stderr);
    }
    assert_eq!(server.arrived().len(), 1);
    let second = end(bench.resumed(&server, &args));
    assert_eq!(
        (second.code, second.lines.len()),
        (0, 50),
        "{}",
        second.stderr
    );
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 51);
    assert_eq!(arrived[0].body, arrived[1].body);
    assert!(arrived[0].header("idempotency-key").is_some());
    assert_eq!(
        arrived[0].header("idempotency-key"),
        arrived[1].header("idempotency-key")
    );
    // Also without a journal, and however far it has come.
    let server = Server::start(vec![Answer::plain(), failing(401, "x")]).await;
    let ended = end(bench.command(&server, &args));
    assert_eq!((ended.code, ended.lines.len()), (2, 2));
    assert!(ended.stderr.contains("line 2 shows"), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("look first for those with \"may_have_been_sent\"")
    );
    assert_eq!(server.arrived().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_was_not_allowed_stops_the_batch_and_is_mended() {
    let server = Server::start(Vec::new()).await;
    let bench = Bench::new(&customers(0..20));
    let file = format!(
        "connections:\n  - id: stripe\n    type: Stripe\n    properties:\n      \
         secretKey: {KEY}\n      baseUrl: {}\n",
        server.url()
    );
    std::fs::write(bench.path("c.yaml"), file).unwrap();
    let run = |allowed: bool| {
        let mut command = crate::support::command::harness(&["batch", "--concurrency", "1", "-c"]);
        command.arg(bench.path("c.yaml"));
        if allowed {
            command.args(["--allow-origin", server.url()]);
        }
        command
            .arg("--resume")
            .arg(bench.path("journal"))
            .arg(bench.path("input"))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        end(command)
    };
    let refused = run(false);
    assert_eq!((refused.code, refused.lines.len()), (2, 1));
    assert_eq!(refused.lines[0]["error"]["type"], "configuration_error");
    assert!(
        refused.stderr.contains("line 1 shows"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("--allow-origin"),
        "{}",
        refused.stderr
    );
    let allowed = run(true);
    assert_eq!(
        (allowed.code, allowed.lines.len()),
        (0, 20),
        "{}",
        allowed.stderr
    );
    assert_eq!(server.arrived().len(), 20);
}

/// A certificate that is not trusted, and a server that answers in Stripe's
/// place.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_stripe_is_not_a_lines_fault() {
    let args = ["--concurrency", "1", "--max-network-retries", "0"];
    let unused = Server::start(Vec::new()).await;
    let secure = TlsServer::start(&Authority::new().server(), Setup::default()).await;
    let secure = secure.url("localhost");
    let bench = Bench::new(&customers(0..9));
    let mut command = bench.resumed(&unused, &args);
    command.args(["--property", &format!("baseUrl={secure}")]);
    command.args(["--allow-origin", &secure]);
    let ended = end(command);
    assert_eq!((ended.code, ended.lines.len()), (2, 1), "{}", ended.stderr);
    assert_eq!(ended.lines[0]["error"]["type"], "connection_error");

    let page = |status| {
        Answer::Http(
            status,
            vec![("content-type", "text/html".to_owned())],
            b"<p>".to_vec(),
        )
    };
    let server = Server::start(vec![page(404), page(302), page(200)]).await;
    let bench = Bench::new(&customers(0..4));
    let first = end(bench.resumed(&server, &args));
    assert_eq!((first.code, first.lines.len()), (1, 4));
    for line in &first.lines[..3] {
        assert_eq!(line["error"]["type"], "response_error");
    }
    // Who answers in Stripe's place does not say what Stripe did: the time when they
    // were sent is kept, after which their keys are forgotten.
    assert!(!bench.journal().contains("unsent"), "{}", bench.journal());
    let second = end(bench.resumed(&server, &args));
    assert_eq!(second.code, 0, "{}", second.stderr);
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 7);
    for (first, again) in arrived.iter().zip(&arrived[4..]) {
        let key = |request: &Request| request.header("idempotency-key").map(str::to_owned);
        assert_eq!((&first.body, key(first)), (&again.body, key(again)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_not_permitted_stops_nothing_and_is_tried_again() {
    let server = Server::start(vec![
        failing(403, "invalid_request_error"),
        failing(401, "invalid_request_error"),
        failing(402, "card_error"),
        Answer::json(401, r#"{"error":"invalid_client"}"#),
    ])
    .await;
    let line = |args: &Value| {
        format!(
            "{}\n",
            json!({"resource": "customers", "method": "create", "args": args})
        )
    };
    let own = json!([{"name": "own"}, {"apiKey": "sk_test_of_the_line_itself"}]);
    let input = [
        line(&json!({"name": "a"})),
        line(&own),
        line(&json!({"name": "b"})),
        "{\"resource\":\"prices\",\"method\":\"list\"}\n".to_owned(),
        "{\"resource\":\"oauth\",\"method\":\"token\",\"args\":{\"code\":\"c\"}}\n".to_owned(),
        customers(4..6),
    ]
    .concat();
    let bench = Bench::new(&input);
    let denied = ["--concurrency", "1", "--property", r#"deny=["prices.*"]"#];
    let first = end(bench.resumed(&server, &denied));
    assert_eq!((first.code, first.lines.len()), (1, 7), "{}", first.stderr);
    let kinds = |lines: &[Value]| -> Vec<Value> {
        let kinds = lines.iter().map(|line| line["error"]["type"].clone());
        kinds.collect()
    };
    let expected = [
        "permission_error",
        "authentication_error",
        "card_error",
        "policy_error",
        "invalid_client",
    ];
    assert_eq!(kinds(&first.lines)[..5], expected);
    // The card's answer is one.
    let second = end(bench.resumed(&server, &["--concurrency", "1"]));
    assert_eq!((second.code, second.lines.len()), (1, 7));
    let mut rest = [const { Value::Null }; 5];
    rest[2] = json!("card_error");
    assert_eq!(kinds(&second.lines)[..5], rest);
    let said = "3 answered by the journal";
    assert!(second.stderr.contains(said), "{}", second.stderr);
    assert_eq!(server.arrived().len(), 6 + 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let server = Server::start(Vec::new()).await;
    let bench = Bench::new(&format!("\u{feff}{}", customers(0..2)));
    let ended = end(bench.resumed(&server, &[]));
    assert_eq!((ended.code, ended.lines.len()), (0, 2), "{:?}", ended.lines);
    // The file is the same without it.
    bench.input(&customers(0..2));
    let ended = end(bench.resumed(&server, &[]));
    assert_eq!((ended.code, ended.lines.len()), (0, 2), "{}", ended.stderr);
    assert_eq!(server.arrived().len(), 2);
    // Anywhere else it is not one.
    bench.input(&format!("\n\u{feff}{}", customers(0..1)));
    let ended = end(bench.command(&server, &[]));
    assert_eq!(ended.code, 1);
    assert_eq!(ended.lines[0]["error"]["type"], "argument_error");
}
