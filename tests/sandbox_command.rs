//! `stripe-harness sandbox`, as a person or a script meets it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::json;

use crate::support::command::{harness, lines, run};
use crate::support::{KEY, SENTINEL};

/// The line a sandbox begins with: where it is.
pub(crate) fn address(sandbox: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(sandbox.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim().to_owned()
}

#[test]
fn the_sandbox_prints_its_address_and_serves() {
    let mut child = harness(&["sandbox", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = address(&mut child);
    let url = url.as_str();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let mut command = harness(&[
        "request",
        "--base-url",
        url,
        "--secret-key-env",
        "K",
        "--output",
        "json",
        "customers.create",
    ]);
    command.env("K", KEY);
    let (code, stdout, stderr) = run(command);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(lines(&stdout)[0]["response"]["body"]["object"], "customer");
}

#[cfg(unix)]
#[test]
fn the_sandbox_prints_the_same_ids_and_keeps_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let create = |data: &str| {
        let file = folder.path().join(data);
        let mut child = harness(&["sandbox", "--port", "0", "--seed", "7"])
            .args(["--clock", "1768478400", "--log-requests", "--data"])
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let url = address(&mut child);
        let request = |method: &str, argument: &str| {
            let mut command = harness(&["request", "--base-url", &url]);
            command.args([
                "--secret-key-env",
                "K",
                "--output",
                "json",
                method,
                argument,
            ]);
            command.env("K", KEY);
            let (code, stdout, stderr) = run(command);
            assert_eq!(code, 0, "{stderr}");
            lines(&stdout)[0]["response"]["body"].clone()
        };
        let made = request("customers.create", r#"{"name": "Ann"}"#);
        let listed = request("customers.list", "{}");
        // As an operator's power cut would: nothing is said goodbye to.
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let line = log.lines().find(|line| line.contains(" POST ")).unwrap();
        let start =
            "2026-01-15T12:00:00.000Z POST /v1/customers customers.create sk_test_***4242 200 ";
        assert!(line.starts_with(start), "{line}");
        assert!(!log.contains(SENTINEL), "{log}");
        (made, listed["data"].as_array().unwrap().len())
    };
    let (first, count) = create("a.redb");
    assert_eq!((count, &first["created"]), (1, &json!(1_768_478_400)));
    assert_eq!(
        create("b.redb"),
        (first.clone(), 1),
        "the same seed, the same ids"
    );
    let (second, count) = create("a.redb");
    assert_eq!(count, 2, "the first is still there");
    assert_ne!(second["id"], first["id"]);
}
