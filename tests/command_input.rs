//! What a person writes on the command line: a key given twice is refused before
//! anything is sent, a file travels only where a file is asked for, and what is
//! refused is not repeated with its password.

use std::process::Command;

use crate::support::command::{harness, run};
use crate::support::{KEY, Server};

fn command(server: &Server, args: &[&str]) -> Command {
    let mut command = harness(args);
    match args[0] {
        "run" => command.args(["--allow-origin", server.url()]),
        _ => command.args(["--base-url", server.url()]),
    };
    command.env("STRIPE_SECRET_KEY", KEY);
    command
}

const STEPS: &str = "\
steps:
- {id: pay, type: action, action: stripe.createPaymentIntent,
   config: {amount: '{{input.amount}}', currency: eur}}
";

const FILE: &str = "\
connections:
  - {id: stripe, type: Stripe, properties: {secretKey: {_secret: STRIPE_SECRET_KEY}, baseUrl: URL}}
requests:
  - id: pay
    type: StripeRequest
    connectionId: stripe
    properties: {paymentIntents: {create: {amount: {_payload: amount}, currency: eur}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_appears_twice_is_refused() {
    let server = Server::start(Vec::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (steps, file, input, evidence) = (path("w"), path("r"), path("input"), path("e.pdf"));
    let twice = r#"{"amount":100,"amount":9900}"#;
    std::fs::write(&steps, STEPS).unwrap();
    std::fs::write(&file, FILE.replace("URL", server.url())).unwrap();
    std::fs::write(&input, twice).unwrap();
    std::fs::write(&evidence, "%PDF").unwrap();
    let at_input = format!("@{input}");
    let upload = format!(
        r#"{{"purpose":"dispute_evidence","amount":1,"amount":2,"file":{{"data":"@{evidence}"}}}}"#
    );
    let pay = "paymentIntents.create";
    let property = r#"headers={"x":{"amount":1,"amount":2}}"#;
    let action = ["action", "stripe.createPaymentIntent", "--config"];
    for (args, code, place) in [
        (&["workflow", &steps, "--input", twice][..], 2, "--input"),
        (&["workflow", &steps, "--input", &at_input], 2, "--input"),
        (&["run", &file, "--payload", twice], 2, "--payload"),
        (&["request", pay, twice], 1, "args"),
        (&["request", pay, &at_input], 1, "args"),
        (&["request", "files.create", &upload], 1, "args"),
        (&["list", "customers", twice], 1, "args"),
        (&["list", "customers", twice, "--limit", "5"], 1, "args"),
        (&["list", "customers", "--all", twice], 1, "args"),
        (&[action[0], action[1], action[2], twice], 1, "config"),
        (
            &["request", "--property", property, "customers.list"],
            2,
            "--property headers",
        ),
    ] {
        let (ended, stdout, stderr) = run(command(&server, args));
        assert_eq!((ended, stdout.as_str()), (code, ""), "{args:?}: {stderr}");
        assert!(
            stderr.contains("\"amount\" appears twice") && stderr.contains(place),
            "{args:?}: {stderr}"
        );
        assert!(server.arrived().is_empty(), "{args:?}");
    }
    // Once is well, in however many objects.
    let once = r#"{"metadata":{"name":"a"},"name":"b"}"#;
    let (code, ..) = run(command(&server, &["request", "customers.create", once]));
    assert_eq!(code, 0);
}

/// The parser of the command line would repeat the whole value.
#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_is_refused_is_not_repeated() {
    let server = Server::start(Vec::new()).await;
    let property = format!(r#"auth={{"token":"{KEY}","token":"x"}}"#);
    let args = ["request", "--property", &property, "customers.list"];
    // That the key is not in what is printed, `run` sees to.
    let (code, _, stderr) = run(command(&server, &args));
    assert_eq!(code, 2, "{stderr}");
    assert!(
        stderr.starts_with("error: the value of --property auth is not clear: ")
            && stderr.contains("\"token\" appears twice")
            && stderr.contains("line 1 column")
            && stderr.contains("write it once"),
        "{stderr}"
    );
    assert!(server.arrived().is_empty());
    // What is not JSON is text.
    let args = ["request", "--property", "apiVersion={1", "customers.list"];
    assert_eq!(run(command(&server, &args)).0, 0);
    assert_eq!(server.only().header("stripe-version"), Some("{1"));
}

/// Whether a body has the file's name with its `@`, and nothing that the file
/// holds, in base64 either.
fn is_text(body: &str) -> bool {
    let sent = |text: &str| body.contains(text);
    (sent("@/") || sent("%40%2F"))
        && sent("secret.txt")
        && !sent("this machine")
        && !sent("b2YgdGhpcyBtYWNoaW5l")
}

/// Only the file of an upload is read; elsewhere `@…` is text that begins so.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_travels_only_where_one_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.txt");
    std::fs::write(&secret, "of this machine").unwrap();
    let data = format!(r#"{{"data":"@{}"}}"#, secret.display());
    let purpose = r#""purpose":"dispute_evidence""#;
    for (call, params) in [
        ("customers.create", format!(r#"{{"metadata":{data}}}"#)),
        ("customers.create", data.clone()),
        ("customers.create", format!(r#"{{"file":{data}}}"#)),
        ("customers.update", format!(r#"{{"metadata":{data}}}"#)),
        (
            "files.create",
            format!(
                r#"{{{purpose},"file":{{"data":"mine","name":"n"}},"file_link_data":{{"create":true,"metadata":{data}}}}}"#
            ),
        ),
    ] {
        let server = Server::start(Vec::new()).await;
        let id: &[&str] = match call {
            "customers.update" => &["cus_1"],
            _ => &[],
        };
        let args = [&["request", call], id, &[params.as_str()]].concat();
        let (code, _, stderr) = run(command(&server, &args));
        assert_eq!(code, 0, "{stderr}");
        let sent = server.only();
        let body = sent.body();
        assert!(is_text(body), "{call} {params}: {body}");
    }
    let server = Server::start(Vec::new()).await;
    let raw = format!(r#"{{"file":{data}}}"#);
    let args = ["request", "rawRequest", "POST", "/v1/files", &raw];
    let (code, ..) = run(command(&server, &args));
    assert_eq!(code, 0);
    assert!(is_text(server.only().body()));

    let server = Server::start(Vec::new()).await;
    let params = format!(r#"{{{purpose},"file":{data}}}"#);
    let args = ["request", "files.create", &params, r#"{"timeout":9000}"#];
    let (code, _, stderr) = run(command(&server, &args));
    assert_eq!(code, 0, "{stderr}");
    let sent = server.only();
    assert!(sent.body().contains("of this machine"), "{}", sent.body());
    assert!(
        sent.body().contains(r#"filename="secret.txt""#),
        "{}",
        sent.body()
    );

    let server = Server::start(Vec::new()).await;
    let params = format!(r#"{{{purpose},"file":{{"data":"@no-such"}}}}"#);
    let (code, _, stderr) = run(command(&server, &["request", "files.create", &params]));
    assert!(
        code == 2 && stderr.contains("no-such cannot be read"),
        "{stderr}"
    );
    assert!(server.arrived().is_empty());
}

#[test]
fn a_password_in_a_url_is_not_shown() {
    for (args, said) in [
        (
            ["listen", "--forward", "http://user:hunter2@127.0.0.1/"],
            "without a user",
        ),
        (
            ["listen", "--forward", "https://user:hunter2@h.example/ x"],
            "is not a URL",
        ),
        (
            ["listen", "--forward", "user:hunter2@h.example"],
            "without a user",
        ),
        (
            [
                "advance-clock",
                "--base-url",
                "https://user:hunter2@h.example/",
            ],
            "no sandbox's address",
        ),
        (
            [
                "advance-clock",
                "--base-url",
                "http://user:hunter2@127.0.0.1:1/",
            ],
            "no sandbox answers",
        ),
        (
            ["check", "--base-url", "http://user:hunter2@127.0.0.1/"],
            "without a user",
        ),
    ] {
        let mut command = harness(&args);
        command.env("STRIPE_WEBHOOK_SECRET", "whsec_1");
        let (code, _, stderr) = run(command);
        assert_eq!(code, 2, "{args:?}: {stderr}");
        assert!(
            stderr.contains(said) && !stderr.contains("hunter2"),
            "{args:?}: {stderr}"
        );
    }
}
