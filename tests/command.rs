//! The `stripe-harness` command, as a person or a script meets it: exit codes,
//! what goes where, and what is printed.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::support::KEY;
use crate::support::command::{finished, harness, lines, root, run};

/// Runs a file of this text.
fn run_yaml(yaml: &str, args: &[&str]) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.yaml");
    std::fs::write(&path, yaml).unwrap();
    let mut command = harness(&["run"]);
    command.args(args).arg("app.yaml").current_dir(dir.path());
    run(command)
}

fn settled(filters: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, name) in [
        (
            r"\b(req|cus|pi)_[A-Za-z0-9]+(_secret_[A-Za-z0-9]+)?",
            "${1}_…",
        ),
        (r"\b\d+ ms", "… ms"),
        (r#""created": \d+"#, r#""created": …"#),
        (
            r#""invoice_prefix": "[A-Z0-9]+""#,
            r#""invoice_prefix": "…""#,
        ),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    ] {
        settings.add_filter(pattern, name);
    }
    settings.bind(filters);
}

#[test]
fn the_quickstart_needs_nothing() {
    let (code, stdout, stderr) = run(harness(&["run", "--sandbox", "examples/quickstart.yaml"]));
    assert_eq!(code, 0, "{stderr}");
    settled(|| insta::assert_snapshot!("quickstart", stdout));
}

#[test]
fn lowdefys_examples_run() {
    let file = "examples/lowdefy-docs/requests.yaml";
    let (code, stdout, stderr) = run(harness(&["run", "--sandbox", "--output", "json", file]));
    let lines = lines(&stdout);
    assert_eq!(lines.len(), 3, "{stderr}");
    assert_eq!(lines[0]["response"]["body"]["object"], "list");
    assert_eq!(lines[1]["response"]["body"]["amount"], 2000);
    // No sandbox has that session.
    assert_eq!(lines[2]["error"]["code"], "resource_missing");
    assert_eq!(code, 1);
}

#[test]
fn json_output_has_every_field_in_order() {
    let file = "examples/quickstart.yaml";
    let args = [
        "run",
        "--sandbox",
        "--output",
        "json",
        "--only",
        "create_customer",
        file,
    ];
    let (code, stdout, _) = run(harness(&args));
    let lines = lines(&stdout);
    assert_eq!((code, lines.len()), (0, 1));
    let response = lines[0]["response"].as_object().unwrap();
    let names: Vec<&str> = response.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "body",
            "status",
            "request_id",
            "idempotency_key",
            "attempts",
            "api_version",
            "account"
        ]
    );
    assert_eq!(lines[0]["id"], "create_customer");
    assert_eq!(response["status"], 200);

    let args = [
        "request",
        "--sandbox",
        "--output",
        "json",
        "customers.retrieve",
        "cus_none",
    ];
    let (code, stdout, _) = run(harness(&args));
    let lines = self::lines(&stdout);
    let error = lines[0]["error"].as_object().unwrap();
    let names: Vec<&str> = error.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "case",
            "type",
            "code",
            "decline_code",
            "param",
            "message",
            "doc_url",
            "request_id",
            "status",
            "attempts",
            "retry_after_ms",
            "may_have_been_sent",
            "idempotency_key",
            "path",
            "raw"
        ]
    );
    assert_eq!(
        (code, &error["case"], &error["status"]),
        (1, &"permanent".into(), &404.into())
    );
}

#[test]
fn an_error_is_told_with_its_place() {
    let yaml = "\
connections:
  - id: stripe
    type: Stripe
    properties:
      secretKey: {_secret: KEY}
requests:
  - id: get_it
    type: StripeRequest
    connectionId: stripe
    properties:
      customers:
        retrieve:
          - ''
";
    let (code, stdout, stderr) = run_yaml(yaml, &["--sandbox"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    settled(|| insta::assert_snapshot!("error_with_place", stderr));
}

#[test]
fn a_faulty_file_ends_with_2_and_one_line() {
    let connection =
        "connections:\n- id: s\n  type: Stripe\n  properties: {secretKey: {_secret: K}}\n";
    let request = |properties: &str| {
        format!(
            "{connection}requests:\n- id: r\n  type: StripeRequest\n  connectionId: s\n  properties: {properties}\n"
        )
    };
    let cases = [
        ("a: [".to_owned(), "app.yaml:"),
        ("requests: []".to_owned(), "the file has no requests"),
        (connection.to_owned(), "the file has no requests"),
        (
            request("{}").replace("_secret: K", "_user: K"),
            "app.yaml:4:28: the operator _user is not known",
        ),
        (
            request("{}").replace("{secretKey: {_secret: K}}", "{secretKey: 1}"),
            "app.yaml:4:16: Stripe connection property \"secretKey\" should be a string. (connections.s.properties.secretKey)",
        ),
        (
            request("{}").replace("{secretKey: {_secret: K}}", "{}"),
            "should have required property \"secretKey\"",
        ),
        (
            request("{}").replace("{_secret: K}}", "k, secretkey: k}"),
            "app.yaml:4:30: Stripe connection has no property \"secretkey\"; did you mean \"secretKey\"?",
        ),
        (
            request("{customers: {list: {_payload: x}}}"),
            "app.yaml:9:35: _payload needs a payload",
        ),
    ];
    for (yaml, said) in cases {
        let (code, stdout, stderr) = run_yaml(&yaml, &["--sandbox"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{yaml}\n{stderr}");
        assert!(
            stderr.starts_with("error: ") && stderr.contains(said),
            "{yaml}\n{stderr}"
        );
        assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    }
    let unset = request("{customers: {list: null}}").replace("_secret: K", "_secret: NONE");
    let (code, _, stderr) = run_yaml(&unset, &[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("the secret NONE is not set"), "{stderr}");
    let (code, _, stderr) = run(harness(&["run", "no-such.yaml"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("no-such.yaml cannot be read"), "{stderr}");
}

#[test]
fn payload_and_only() {
    let yaml = "\
connections: [{id: s, type: Stripe, properties: {secretKey: {_secret: K}}}]
requests:
  - id: a
    type: StripeRequest
    connectionId: s
    payload: {name: from file, email: f@x.io}
    properties: {customers: {create: [{name: {_payload: name}, email: {_payload: email}}]}}
  - id: b
    type: StripeRequest
    connectionId: s
    properties: {customers: {list: null}}
";
    let payload = r#"{"name": "from flag"}"#;
    let args = [
        "--sandbox",
        "--only",
        "a",
        "--payload",
        payload,
        "--output",
        "json",
    ];
    let (code, stdout, stderr) = run_yaml(yaml, &args);
    assert_eq!(code, 0, "{stderr}");
    let lines = lines(&stdout);
    assert_eq!(lines.len(), 1);
    let body = &lines[0]["response"]["body"];
    assert_eq!(
        (&body["name"], &body["email"]),
        (&"from flag".into(), &"f@x.io".into())
    );
    let (code, _, stderr) = run_yaml(yaml, &["--sandbox", "--only", "c"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("there is a, b"), "{stderr}");
}

#[test]
fn a_base_url_in_a_file_grants_itself_nothing() {
    let yaml = "\
connections: [{id: s, type: Stripe, properties: {secretKey: {_secret: K}, baseUrl: 'http://127.0.0.1:9'}}]
requests:
  - {id: a, type: StripeRequest, connectionId: s, properties: {customers: {list: null}}}
";
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("app.yaml"), yaml).unwrap();
    let mut command = harness(&["run", "app.yaml"]);
    command.current_dir(dir.path()).env("K", KEY);
    let (code, _, stderr) = run(command);
    assert_eq!(code, 1);
    assert!(stderr.contains("--allow-origin"), "{stderr}");
}

#[test]
fn a_batch_answers_in_order() {
    let mut command = harness(&["batch", "--sandbox", "--concurrency", "4"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = String::new();
    for at in 0..40 {
        input.push_str(&format!(
            "{{\"id\":{at},\"resource\":\"customers\",\"method\":\"create\",\"args\":[{{\"name\":\"n{at}\"}}]}}\n"
        ));
    }
    input.push_str("not JSON\n\n{\"id\":\"x\"}\n");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let (code, stdout, _) = finished(child.wait_with_output().unwrap());
    let lines = lines(&stdout);
    assert_eq!((code, lines.len()), (1, 42));
    for (at, line) in lines[..40].iter().enumerate() {
        assert_eq!(line["id"], at);
        assert_eq!(line["response"]["body"]["name"], format!("n{at}"));
    }
    assert_eq!(lines[40]["id"], Value::Null);
    assert!(
        lines[40]["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Line 41: ")
    );
    assert_eq!(lines[41]["id"], "x");
}

#[test]
fn a_dry_run_says_what_would_be_sent() {
    let mut command = harness(&["batch", "--dry-run", "--secret-key-env", "K"]);
    command
        .env("K", KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let input = "\
{\"id\":1,\"resource\":\"customers\",\"method\":\"create\",\"args\":[{\"name\":\"n\"},{\"idempotencyKey\":\"k\"}]}
{\"id\":2,\"resource\":\"oauth\",\"method\":\"authorizeUrl\",\"args\":{\"client_id\":\"ca_1\"}}
{\"id\":3,\"resource\":\"customers\",\"method\":\"retrieve\",\"args\":[]}
";
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let (code, stdout, _) = finished(child.wait_with_output().unwrap());
    let lines = lines(&stdout);
    assert_eq!(code, 1);
    let request = &lines[0]["request"];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["url"], "https://api.stripe.com/v1/customers");
    assert_eq!(request["headers"]["authorization"], "Bearer sk_test_…4242");
    assert_eq!(request["headers"]["idempotency-key"], "k");
    assert_eq!(request["body"], "name=n");
    assert!(
        lines[1]["local"]
            .as_str()
            .unwrap()
            .starts_with("https://connect.stripe.com/oauth/authorize?client_id=ca_1")
    );
    assert_eq!(lines[2]["error"]["path"], "args[0]");
}

#[test]
fn files_go_up_and_come_down() {
    let dir = tempfile::tempdir().unwrap();
    let sent = dir.path().join("evidence.bin");
    let came = dir.path().join("quote.pdf");
    std::fs::write(&sent, [0, 255, 10, 13]).unwrap();
    let params = format!(
        r#"{{"purpose":"dispute_evidence","file":{{"data":"@{}"}}}}"#,
        sent.display()
    );
    let args = [
        "request",
        "--sandbox",
        "--output",
        "json",
        "files.create",
        &params,
    ];
    let (code, stdout, stderr) = run(harness(&args));
    assert_eq!(code, 0, "{stderr}{stdout}");
    let body = &lines(&stdout)[0]["response"]["body"];
    assert_eq!(
        (&body["size"], &body["filename"]),
        (&4.into(), &"evidence.bin".into())
    );

    let id = dir.path().join("id.txt");
    std::fs::write(&id, "qt_none\n").unwrap();
    let id = format!("@{}", id.display());
    let (code, _, stderr) = run(harness(&["request", "--sandbox", "quotes.pdf", &id]));
    assert!(code == 1 && stderr.contains("qt_none"), "{stderr}");

    let came = came.to_str().unwrap();
    let (code, ..) = run(harness(&[
        "request",
        "--sandbox",
        "--output-file",
        came,
        "balance.retrieve",
    ]));
    assert_eq!(code, 0);
    let saved: Value = serde_json::from_slice(&std::fs::read(came).unwrap()).unwrap();
    assert_eq!(saved["object"], "balance");
    let (code, _, stderr) = run(harness(&[
        "request",
        "--sandbox",
        "files.create",
        "@no-such",
    ]));
    assert!(
        code == 2 && stderr.contains("no-such cannot be read"),
        "{stderr}"
    );
}

#[test]
fn the_errors_people_meet_come_with_a_remedy() {
    let declined = r#"{"amount":500,"currency":"eur","confirm":true,"payment_method":"pm_card_chargeDeclined"}"#;
    for (key, call, said) in [
        (
            KEY,
            ["paymentIntents.create", declined],
            "use a different card",
        ),
        (
            KEY,
            ["paymentIntents.create", "{}"],
            "check the required fields",
        ),
        (
            "not_a_key_of_stripe",
            ["customers.list", "{}"],
            "check the connection's secretKey",
        ),
    ] {
        let mut command = harness(&["request", "--sandbox", "--secret-key-env", "K"]);
        command.env("K", key).args(call);
        let (code, _, stderr) = run(command);
        assert!(code == 1 && stderr.contains(said), "{stderr}");
    }
}

#[test]
fn the_component_says_what_it_is() {
    let (code, stdout, stderr) = run(harness(&["component"]));
    assert_eq!(code, 0, "{stderr}");
    for part in [
        "stripe.wasm ",
        "imports\n",
        "  wasi:http/outgoing-handler@",
        "exports\n",
        "  lowcode:stripe/requests@0.1.0",
    ] {
        assert!(stdout.contains(part), "{stdout}");
    }
}

#[test]
fn the_annotated_connection_is_one() {
    let args = [
        "request",
        "--sandbox",
        "--output",
        "json",
        "-c",
        "examples/connection.yaml",
        "balance.retrieve",
    ];
    let (code, stdout, stderr) = run(harness(&args));
    assert_eq!(code, 0, "{stderr}{stdout}");
    assert_eq!(lines(&stdout)[0]["response"]["account"], "acct_1234567890");
}

#[test]
fn usage_faults_end_with_2() {
    for (args, said) in [
        (["request", "customers.list"].as_slice(), "no secret key"),
        (
            &["request", "--secret-key-env", "NO_SUCH", "customers.list"],
            "NO_SUCH (--secret-key-env) is not set",
        ),
        (
            &[
                "request",
                "-c",
                "examples/quickstart.yaml#nope",
                "customers.list",
            ],
            "there is no connection \"nope\"",
        ),
        (
            &[
                "request",
                "--sandbox",
                "--property",
                "colour=red",
                "customers.list",
            ],
            "no property \"colour\"",
        ),
        (
            &[
                "request",
                "--sandbox",
                "--allow-origin",
                "http://stripe.example",
                "customers.list",
            ],
            "loopback",
        ),
        (
            &[
                "--plugin",
                "no.wasm",
                "request",
                "--sandbox",
                "customers.list",
            ],
            "no.wasm does not exist",
        ),
        (
            &[
                "--plugin",
                "README.md",
                "request",
                "--sandbox",
                "customers.list",
            ],
            "not WebAssembly",
        ),
        (&["frobnicate"], "unrecognized subcommand"),
    ] {
        let (code, stdout, stderr) = run(harness(args));
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}\n{stderr}");
        assert!(stderr.contains(said), "{args:?}\n{stderr}");
    }
}

#[test]
fn the_help_names_every_command() {
    let (code, stdout, _) = run(harness(&["--help"]));
    assert_eq!(code, 0);
    for command in ["run", "request", "batch", "sandbox", "--plugin"] {
        assert!(stdout.contains(command), "{stdout}");
    }
}
