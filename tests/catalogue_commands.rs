//! `stripe-harness operations` and `describe`, and what a person sees of
//! `validation: warn`.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::support::KEY;
use crate::support::command::{finished, harness, lines, run};

#[test]
fn operations_are_listed_and_filtered() {
    let (code, stdout, stderr) = run(harness(&["operations"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout.lines().count(), 677);
    let (code, stdout, _) = run(harness(&[
        "operations",
        "checkout",
        "session",
        "--kind",
        "destructive",
    ]));
    assert_eq!(code, 0);
    assert_eq!(
        stdout,
        "checkout.sessions.expire  destructive  POST    /v1/checkout/sessions/{id}/expire\n"
    );
    let (_, stdout, _) = run(harness(&[
        "operations",
        "--resource",
        "customers",
        "--kind",
        "read",
        "--output",
        "json",
    ]));
    let found = lines(&stdout);
    assert!(
        found
            .iter()
            .all(|one| one["kind"] == "read" && one["resource"] == "customers")
    );
    let search = found.iter().find(|one| one["method"] == "search").unwrap();
    assert_eq!(search["search"], true);
    assert_eq!(search["paginated"], true);
    assert_eq!(search["path"], "/v1/customers/search");
    assert_eq!(search["api"], "v1");
}

#[test]
fn names_that_do_not_exist_are_answered_with_the_nearest() {
    let (code, stdout, stderr) = run(harness(&["operations", "customerss"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("did you mean customers"), "{stderr}");
    let (code, _, stderr) = run(harness(&["operations", "--resource", "checkout.session"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("checkout.sessions"), "{stderr}");
    let (code, stdout, stderr) = run(harness(&["describe", "customers.crate"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("did you mean customers.create"), "{stderr}");
}

#[test]
fn a_description_is_a_tree_or_a_schema() {
    let (code, stdout, stderr) = run(harness(&["describe", "customers.createTaxId"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let begin = "customers.createTaxId · POST /v1/customers/{id}/tax_ids · write\n\
                 https://docs.stripe.com/api/customers\n\nID  string\n\nParams\n  type  one of ";
    assert!(stdout.starts_with(begin), "{stdout}");
    assert!(
        stdout.contains("or another string, required\n  value  string, required\n"),
        "{stdout}"
    );
    assert!(stdout.contains("\n  expand  list of string\n"), "{stdout}");
    assert!(
        stdout.contains("\nOptions\n  idempotencyKey  string\n"),
        "{stdout}"
    );

    let (_, stdout, _) = run(harness(&[
        "describe",
        "customers.create",
        "--output",
        "json",
    ]));
    let schema: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        schema["$defs"]["params"]["properties"]["name"]["type"],
        "string"
    );
}

/// What is pasted runs: the example is a file of requests when a connection is
/// put before it, its placeholders are of the right types, and whatever is
/// commented in is a member of its object.
#[test]
fn a_skeleton_is_a_request_that_fits_its_schema() {
    for call in [
        "customers.create",
        "paymentIntents.create",
        "subscriptions.create",
        "customers.createTaxId",
        "files.create",
        "checkout.sessions.create",
        "v2.core.accounts.persons.update",
        "balance.retrieve",
        "ephemeralKeys.create",
    ] {
        let (code, stdout, stderr) = run(harness(&["describe", call, "--output", "yaml"]));
        assert_eq!((code, stderr.as_str()), (0, ""), "{call}");
        let indented: String = stdout
            .lines()
            .map(|line| format!("      {line}\n"))
            .collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        let yaml = format!(
            "connections:\n  - id: stripe\n    type: Stripe\n    properties: {{secretKey: \
             sk_test_1, validation: strict, baseUrl: \"http://127.0.0.1:9\", maxNetworkRetries: \
             0}}\nrequests:\n  - id: it\n    type: StripeRequest\n    connectionId: stripe\n    \
             properties:\n{indented}"
        );
        std::fs::write(file.path(), &yaml).unwrap();
        let path = file.path().to_str().unwrap();
        let (_, stdout, stderr) = run(harness(&[
            "run",
            "--allow-origin",
            "http://127.0.0.1:9",
            "--output",
            "json",
            path,
        ]));
        let answer = lines(&stdout);
        let error = &answer
            .first()
            .unwrap_or_else(|| panic!("{call}: {stderr}\n{yaml}"))["error"];
        // Strict found nothing wrong: it went as far as the network.
        assert_eq!(error["type"], "connection_error", "{call}: {error}\n{yaml}");
    }
}

/// A line of a batch is planned, and told about on standard error.
#[test]
fn warnings_are_told_and_the_call_goes_on() {
    let mut command = harness(&[
        "batch",
        "--dry-run",
        "--quiet",
        "--secret-key-env",
        "K",
        "--property",
        "validation=warn",
    ]);
    command
        .env("K", KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let line = r#"{"id": 1, "resource": "customers", "method": "create", "args": [{"e_mail": "x", "tax": 1}]}"#;
    let right =
        r#"{"id": 2, "resource": "customers", "method": "create", "args": [{"email": "x"}]}"#;
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{line}\n{right}\n{line}").unwrap();
    drop(stdin);
    let (code, stdout, stderr) = finished(child.wait_with_output().unwrap());
    assert_eq!(code, 0, "{stderr}");
    let planned = lines(&stdout);
    assert_eq!(planned.len(), 3);
    assert!(
        planned.iter().all(|one| one.get("request").is_some()),
        "{stdout}"
    );
    let misspelt = "warning: customers.create /0/e_mail: There is no parameter \"e_mail\" here; did \
                    you mean \"email\"?";
    let wrong = "warning: customers.create /0/tax: This should be an object, not a number.";
    for told in [misspelt, wrong] {
        assert_eq!(
            stderr.lines().filter(|line| *line == told).count(),
            2,
            "{stderr}"
        );
    }
    assert_eq!(stderr.lines().count(), 4, "{stderr}");
}
