//! What the command does when the result of a call cannot be written: the call is
//! not made, or what was made is told. Nobody is to pay twice over a full disk.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))] // /dev/full is Linux's.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::io::Read as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::command::{finished, harness, lines, run};
use crate::support::{Answer, KEY, Server};

const CREATE: [&str; 2] = ["customers.create", r#"{"name":"Ada"}"#];

fn customer() -> Answer {
    Answer::json(200, r#"{"id":"cus_1","object":"customer"}"#)
}

async fn server() -> Server {
    Server::answering(|_| customer()).await
}

/// The command, against a server.
fn command(name: &str, server: &Server, args: &[&str]) -> Command {
    let mut command = harness(&[name]);
    match name {
        "run" => command.args(["--allow-origin", server.url()]),
        _ => command.args(["--base-url", server.url()]),
    };
    command.args(args).env("STRIPE_SECRET_KEY", KEY);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/such/folder/x.json");
    for path in [missing.as_path(), folder.path()] {
        let mut command = command("request", &server, &["--output-file"]);
        command.arg(path).args(CREATE);
        let (code, stdout, stderr) = run(command);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(
            stderr.contains(&format!("{} cannot be written to", path.display()))
                && stderr.contains("nothing was sent"),
            "{stderr}"
        );
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_what_it_holds_until_there_is_an_answer() {
    let refusal = Answer::json(403, r#"{"error":{"message":"No."}}"#);
    let server = Server::start(vec![refusal.clone(), refusal, customer()]).await;
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let held = "x".repeat(10_000);
    std::fs::write(&old, &held).unwrap();
    let to = |path: &std::path::Path| {
        let path = path.to_str().unwrap();
        let args = ["--output-file", path, CREATE[0], CREATE[1]];
        run(command("request", &server, &args)).0
    };
    assert_eq!((to(&old), to(&new)), (1, 1));
    assert_eq!(std::fs::read_to_string(&old).unwrap(), held);
    assert!(!new.exists());
    assert_eq!(to(&old), 0);
    let answer = r#"{"id":"cus_1","object":"customer"}"#;
    assert_eq!(std::fs::read_to_string(&old).unwrap(), answer);
}

/// What stderr says of a call that was made and whose answer was lost.
#[track_caller]
fn told(stderr: &str, server: &Server, call: &str) {
    let key = server.only().header("idempotency-key").unwrap().to_owned();
    for said in [
        "could not be written to: ",
        "the call was made",
        call,
        "cus_1",
        "req_1",
        &format!("idempotency key {key}"),
    ] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

const FILE: &str = "\
connections:
  - {id: stripe, type: Stripe, properties: {secretKey: {_secret: STRIPE_SECRET_KEY}, baseUrl: URL}}
requests:
  - {id: first, type: StripeRequest, connectionId: stripe, properties: {customers: {create: {name: Ada}}}}
  - {id: second, type: StripeRequest, connectionId: stripe, properties: {customers: {create: {name: Bob}}}}
";

const STEPS: &str = "\
steps:
- {id: one, type: action, action: stripe.createCustomer, config: {name: Ada}}
";

/// A device that is always full.
#[cfg(target_os = "linux")]
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_answer_is_lost_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (file, steps) = (folder.path().join("r.yaml"), folder.path().join("w.yaml"));
    std::fs::write(&steps, STEPS).unwrap();
    let (file, steps) = (file.to_str().unwrap(), steps.to_str().unwrap());
    for (name, args, call) in [
        ("request", &CREATE[..], "customers.create"),
        (
            "action",
            &["stripe.createCustomer", "--config", r#"{"name":"Ada"}"#],
            "stripe.createCustomer",
        ),
        ("run", &[file], "first · customers.create"),
        ("workflow", &[steps], "one · stripe.createCustomer"),
    ] {
        for output in ["text", "json"] {
            let server = server().await;
            std::fs::write(file, FILE.replace("URL", server.url())).unwrap();
            let mut command = command(name, &server, &["--output", output]);
            command.args(args).stdout(full());
            let (code, _, stderr) = run(command);
            assert_eq!(code, 1, "{name} {output}: {stderr}");
            // The server got one request: of a file's, the second was not sent.
            told(&stderr, &server, call);
            let more = match name {
                "run" => "not second",
                "workflow" => "all steps have run; the same with --run-id ",
                _ => "",
            };
            assert!(stderr.contains(more), "{stderr}");
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_file_does_not_take_is_on_stdout() {
    let server = server().await;
    let args = ["--output-file", "/dev/full", "--output", "json"];
    let mut command = command("request", &server, &args);
    command.args(CREATE);
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, 1, "{stderr}");
    told(&stderr, &server, "customers.create");
    assert!(stderr.contains("/dev/full could not"), "{stderr}");
    assert_eq!(lines(&stdout)[0]["response"]["body"]["id"], "cus_1");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_cannot_be_written_is_told_too() {
    let server = Server::answering(|_| Answer::Close).await;
    let steps = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(steps.path(), STEPS).unwrap();
    for (name, args) in [
        ("request", &CREATE[..]),
        ("workflow", &[steps.path().to_str().unwrap()]),
    ] {
        let flags = ["--output", "json", "--max-network-retries", "0"];
        let mut command = command(name, &server, &flags);
        command.args(args).stdout(full());
        let (code, _, stderr) = run(command);
        assert_eq!(code, 1, "{stderr}");
        let key = server.arrived().pop().unwrap();
        let key = key.header("idempotency-key").unwrap();
        for said in ["connection_error", key, "stdout could not be written to"] {
            assert!(stderr.contains(said), "{said}: {stderr}");
        }
        // What a workflow says last is how to go on.
        assert_eq!(name == "workflow", stderr.contains("the run stopped here"));
    }
}

/// `… | head`: one sentence, and where to go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_a_list() {
    let server = Server::answering(|request| {
        let more = !request.target.contains("starting_after");
        let id = if more { "c_1" } else { "c_2" };
        let page = json!({"data": [{"id": id, "name": "n".repeat(200_000)}], "has_more": true});
        Answer::json(200, &page.to_string())
    })
    .await;
    let mut child = command("list", &server, &["customers", "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 8];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let (code, _, stderr) = finished(child.wait_with_output().unwrap());
    assert_eq!((code, &first), (1, b"{\"id\":\"c"));
    assert!(
        stderr.starts_with("error: stdout could not be written to: "),
        "{stderr}"
    );
    assert!(stderr.lines().count() <= 2, "{stderr}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_printed_says_where_it_was() {
    let page = Answer::json(200, r#"{"data":[{"id":"a"}],"has_more":true}"#);
    let server = Server::start(vec![page]).await;
    let args = ["customers", "--cursor", r#"{"starting_after":"z"}"#];
    let mut command = command("list", &server, &args);
    command.stdout(full());
    let (code, _, stderr) = run(command);
    assert_eq!(code, 1, "{stderr}");
    assert!(
        stderr.contains(
            r#"0 items were printed; to continue, add --cursor '{"starting_after":"z"}'"#
        ),
        "{stderr}"
    );
    let mut command = self::command("request", &server, &["customers.list"]);
    command.stdout(full());
    let (code, _, stderr) = run(command);
    assert_eq!((code, stderr.lines().count()), (1, 1), "{stderr}");
    let said = "; the call was made: customers.list · 200 · x_1 · req_1";
    assert!(stderr.contains(said), "{stderr}");
    let mut command = self::command("check", &server, &[]);
    command.stdout(full());
    let (code, _, stderr) = run(command);
    assert!(code == 1 && stderr.contains("stdout could not"), "{stderr}");
}
