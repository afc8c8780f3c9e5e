//! What Stripe, or whoever answers in its place, can do to a person's terminal:
//! nothing.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::command::{harness, lines, run};
use crate::support::{Answer, KEY, Server};

/// Moves the cursor, sets a title, begins a line, turns directions around.
const EVIL: &str =
    "a\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{7f}\r\nforged · 200\u{202e}b\u{2066}\u{2069}\u{2028}é";

fn command(server: &Server, args: &[&str]) -> Command {
    let mut command = harness(args);
    command
        .args(["--base-url", server.url(), "--max-network-retries", "0"])
        .env("STRIPE_SECRET_KEY", KEY);
    command
}

fn acts(char: char) -> bool {
    (char.is_control() && char != '\n')
        || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2028}\u{2029}".contains(char)
        || ('\u{2066}'..='\u{2069}').contains(&char)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_moves_no_cursor_and_forges_no_line() {
    let error = json!({"error": {"type": EVIL, "code": EVIL, "decline_code": EVIL, "param": EVIL,
        "message": EVIL, "doc_url": EVIL}});
    let server = Server::answering(move |_| Answer::json(402, &error.to_string())).await;
    for args in [
        &["request", "customers.create", "{}"][..],
        &["action", "stripe.createCustomer"],
        &["list", "customers"],
        &["check"],
        &["doctor"],
    ] {
        let (code, stdout, stderr) = run(command(&server, args));
        assert_eq!(code, 1, "{args:?}: {stderr}");
        let said = format!("{stdout}{stderr}");
        assert!(!said.contains(acts), "{args:?}: {said:?}");
        assert!(said.contains("forged"), "{said:?}");
        let forged = said.lines().any(|line| line.starts_with("forged"));
        assert!(!forged, "{args:?}: {said}");
    }
    let args = ["request", "customers.create", "{}", "--output", "json"];
    let (_, stdout, _) = run(command(&server, &args));
    assert!(!stdout.contains(acts), "{stdout:?}");
    assert_eq!(lines(&stdout)[0]["error"]["message"], EVIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_means_the_same_and_does_nothing() {
    let object = json!({"id": EVIL, EVIL: [EVIL, "é \\ \" \\u009b"], "n": 1});
    let body = object.clone();
    let server = Server::answering(move |_| Answer::json(200, &body.to_string())).await;
    let shown = |args: &[&str]| {
        let (code, stdout, stderr) = run(command(&server, args));
        assert_eq!(code, 0, "{stderr}");
        assert!(!stdout.contains(acts), "{args:?}: {stdout:?}");
        stdout
    };
    let text = shown(&["request", "customers.create", "{}"]);
    let (_, body) = text.split_once('\n').unwrap();
    assert!(body.contains(r"\u009b31m"), "{body}");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), object);
    let line = shown(&["request", "customers.create", "{}", "--output", "json"]);
    assert_eq!(lines(&line)[0]["response"]["body"], object);

    let page = json!({"data": [object.clone()], "has_more": false});
    let server = Server::answering(move |_| Answer::json(200, &page.to_string())).await;
    for output in ["json", "text"] {
        let args = ["list", "customers", "--output", output];
        let (_, stdout, stderr) = run(command(&server, &args));
        assert!(!stdout.contains(acts), "{stdout:?}");
        let item: Value = serde_json::from_str(&stdout).expect(&stderr);
        assert_eq!(item, object);
    }
    let args = ["list", "customers", "--output", "table"];
    let (_, stdout, _) = run(command(&server, &args));
    assert!(!stdout.contains(acts), "{stdout:?}");
    assert_eq!(stdout.lines().count(), 2, "{stdout:?}");
}

/// A name that a spreadsheet would carry out is text in csv; numbers stay.
#[tokio::test(flavor = "multi_thread")]
async fn csv_holds_no_formulas() {
    let page = json!({"data": [
        {"id": "a", "name": "=HYPERLINK(\"http://x\")", "phone": "+4915112345", "balance": -500},
        {"id": "b", "name": "@SUM(A1)", "phone": "+49 151", "balance": -1.5},
        {"id": "c", "name": "a=b", "phone": "-", "balance": 0},
    ], "has_more": false});
    let server = Server::answering(move |_| Answer::json(200, &page.to_string())).await;
    let args = ["list", "customers", "--output", "csv"];
    let (code, stdout, stderr) = run(command(&server, &args));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(
        stdout,
        "id,name,phone,balance\n\
         a,\"'=HYPERLINK(\"\"http://x\"\")\",+4915112345,-500\n\
         b,'@SUM(A1),'+49 151,-1.5\n\
         c,a=b,'-,0\n"
    );
}
