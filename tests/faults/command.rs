//! Faults as an operator meets them: files, flags, the log.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::Value;
use stripe_harness::sandbox::Faults;

use crate::support::command::{harness, lines, root, run};
use crate::support::{Authority, Files, KEY};

#[test]
fn a_faulty_file_of_faults_is_refused_at_the_start() {
    let files = Files::new();
    for (name, text, said) in [
        (
            "name.yaml",
            "rules:\n  - fault: reset-aftr\n",
            "2:12: there is no fault",
        ),
        (
            "key.yaml",
            "rules: []\nseeds: 1\n",
            "2:1: \"seeds\" is not known here",
        ),
        ("yaml.yaml", "rules: [", "cannot be read"),
    ] {
        let file = files.put(name, text);
        for command in [
            vec!["sandbox", "--port", "0", "--faults", &file],
            vec!["request", "--sandbox", "--faults", &file, "customers.list"],
        ] {
            let (code, stdout, stderr) = run(harness(&command));
            assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
            assert!(stderr.contains(said) && stderr.contains(name), "{stderr}");
            assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
        }
    }
    let (code, _, stderr) = run(harness(&["sandbox", "--faults", "/nowhere.yaml"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("/nowhere.yaml cannot be read"), "{stderr}");
    let alone = ["request", "--faults", "x.yaml", "customers.list"];
    let (code, _, stderr) = run(harness(&alone));
    assert_eq!(code, 2);
    assert!(stderr.contains("--sandbox"), "{stderr}");
}

#[test]
fn the_examples_of_faults_can_be_used() {
    for file in ["examples/faults.yaml", "tests/exactly_once/faults.yaml"] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        if let Err(error) = Faults::parse(&text) {
            panic!("{file}:{error}");
        }
    }
}

#[test]
fn rules_work_in_process_too() {
    let files = Files::new();
    let once = files.put(
        "once.yaml",
        "rules: [{fault: reset-after, attempts: 1, match: {operation: customers.create}}]",
    );
    let mut command = harness(&[
        "request",
        "--sandbox",
        "--faults",
        &once,
        "--output",
        "json",
    ]);
    command.arg("customers.create");
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(lines(&stdout)[0]["response"]["attempts"], 2);
}

/// With a certificate, a sandbox is reached over TLS, and its log says which fault hit.
#[test]
fn the_log_tells_which_fault_hit() {
    let files = Files::new();
    let authority = Authority::new();
    let leaf = authority.server();
    let certificate = files.put("cert.pem", leaf.certificate.pem());
    let key = files.put("key.pem", leaf.key.serialize_pem());
    let trusted = files.put("ca.pem", authority.pem());
    let mut sandbox = harness(&["sandbox", "--port", "0", "--log-requests"])
        .args(["--tls-cert", &certificate, "--tls-key", &key])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut said = BufReader::new(sandbox.stdout.take().unwrap());
    said.read_line(&mut url).unwrap();
    let url = url.trim();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let mut attempts = Vec::new();
    for fault in ["truncate; attempts=1", "goaway; attempts=1", "none"] {
        let headers = format!(r#"headers={{"x-sandbox-fault": "{fault}"}}"#);
        let mut command = harness(&["request", "--base-url", url, "--cacert", &trusted]);
        command
            .args(["--secret-key-env", "K", "--output", "json", "--property"])
            .args([
                &headers,
                "customers.create",
                &format!(r#"{{"name": "{fault}"}}"#),
            ])
            .env("K", KEY);
        let (code, stdout, stderr) = run(command);
        assert_eq!(code, 0, "{stderr}");
        attempts.push(lines(&stdout)[0]["response"]["attempts"].clone());
    }
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
    let mut log = String::new();
    let mut told = sandbox.stderr.take().unwrap();
    told.read_to_string(&mut log).unwrap();
    assert_eq!(attempts, [2, 2, 1].map(Value::from));
    let posts: Vec<_> = log.lines().filter(|line| line.contains(" POST ")).collect();
    let ends: Vec<_> = posts
        .iter()
        .map(|line| line.split(' ').find(|word| word.starts_with("fault=")))
        .map(|fault| fault.unwrap_or("-"))
        .collect();
    assert_eq!(
        ends,
        ["fault=truncate", "-", "fault=goaway", "-", "-"],
        "{log}"
    );
    // What was carried out has a status and an id, what was not has neither.
    let is_carried_out = |line: &str| line.contains("4242 200 ") && line.contains(" req_");
    assert!(is_carried_out(posts[0]), "{log}");
    assert!(
        posts[2].contains("4242 - ") && !posts[2].contains(" req_"),
        "{log}"
    );
}
