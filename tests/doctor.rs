//! `stripe-harness doctor`: each thing that can be wrong is told apart, with what
//! to do, and what hangs on it is not guessed at.

use serde_json::Value;

use crate::support::command::{harness, lines, run};
use crate::support::{Answer, Server};

/// Each check's result and message.
fn findings(args: &[&str]) -> (i32, Vec<(String, String, String)>) {
    let mut all = vec!["doctor", "--output", "json"];
    all.extend(args);
    let (code, stdout, _) = run(harness(&all));
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let found = lines(&stdout)
        .iter()
        .map(|line| {
            (
                text(line, "check"),
                text(line, "result"),
                text(line, "message"),
            )
        })
        .collect();
    (code, found)
}

fn result<'f>(found: &'f [(String, String, String)], check: &str) -> (&'f str, &'f str) {
    let mut of_it = found.iter().filter(|(name, ..)| name == check);
    let (_, result, message) = of_it.next().unwrap();
    assert!(of_it.next().is_none(), "{check} is told once: {found:?}");
    (result, message)
}

const CHECKS: [&str; 7] = [
    "toolchain",
    "component",
    "cache",
    "key",
    "network",
    "clock",
    "account",
];

#[test]
fn a_sandbox_is_all_right() {
    let (code, found) = findings(&["--sandbox"]);
    assert_eq!(code, 0, "{found:?}");
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, CHECKS);
    for check in CHECKS {
        assert_eq!(result(&found, check).0, "ok", "{check}: {found:?}");
    }
    assert_eq!(result(&found, "key").1, "sk_test_…, test mode");
    assert!(result(&found, "network").1.contains("http://127.0.0.1:"));
    assert!(result(&found, "account").1.contains("test mode"));
    let (code, stdout, _) = run(harness(&["doctor", "--sandbox"]));
    assert_eq!(code, 0);
    assert!(
        stdout.contains("ok      network     http://127.0.0.1:"),
        "{stdout}"
    );
}

#[test]
fn without_a_key_nothing_is_asked_of_the_network() {
    let (code, found) = findings(&[]);
    assert_eq!(code, 1);
    let (verdict, message) = result(&found, "key");
    assert_eq!(verdict, "error");
    assert!(message.contains("STRIPE_SECRET_KEY"), "{message}");
    for check in ["network", "clock", "account"] {
        assert_eq!(result(&found, check).0, "skipped");
    }
}

#[test]
fn a_network_that_is_down_is_told_from_a_key_that_is_refused() {
    let (code, found) = findings(&["--secret-key-env", "K", "--base-url", "http://127.0.0.1:9"]);
    assert_eq!(code, 1);
    let (verdict, message) = result(&found, "network");
    assert_eq!(verdict, "error");
    assert!(
        message.contains("http://127.0.0.1:9 cannot be reached: it refuses"),
        "{message}"
    );
    assert!(message.contains("--proxy"), "{message}");
    assert_eq!(result(&found, "account").0, "skipped");

    let (code, found) = findings(&["--sandbox", "--property", "secretKey=sk_test_"]);
    assert_eq!(code, 1);
    assert_eq!(result(&found, "network").0, "ok");
    let (verdict, message) = result(&found, "account");
    assert_eq!(verdict, "error");
    assert!(message.contains("Invalid API Key"), "{message}");
}

#[test]
fn keys_are_told_by_what_they_begin_with() {
    for (key, verdict, said) in [
        ("sk_live_123456", "ok", "sk_live_…, live mode: real money"),
        ("rk_test_123456", "ok", "rk_test_…, test mode"),
        ("sk_org_123456", "ok", "sk_org_…"),
        ("pk_test_123456", "warning", "publishable"),
        ("{{vault.key}}", "warning", "no form that is known"),
    ] {
        let property = format!("secretKey={key}");
        let down = ["--base-url", "http://127.0.0.1:9", "--property", &property];
        let (_, found) = findings(&down);
        let (told, message) = result(&found, "key");
        assert_eq!(told, verdict, "{key}");
        assert!(message.contains(said), "{key}: {message}");
        assert!(!message.contains("123456"), "{message}");
    }
}

/// The time of an answer long past is a clock that is far ahead.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_seen_by_the_servers_date() {
    for (date, verdict, said) in [
        (
            Some("Tue, 14 Nov 2023 22:13:20 GMT"),
            "error",
            " s ahead: webhooks",
        ),
        (
            Some("Wed, 01 Jan 2098 00:00:00 GMT"),
            "error",
            " s behind: webhooks",
        ),
        (Some("yesterday"), "skipped", "does not tell"),
    ] {
        let answer = || {
            let answer = Answer::json(200, "{}");
            match date {
                Some(date) => answer.with("date", date),
                None => answer,
            }
        };
        let server = Server::start((0..40).map(|_| answer()).collect()).await;
        let url = server.url().to_owned();
        let found = tokio::task::spawn_blocking(move || {
            findings(&["--secret-key-env", "K", "--base-url", &url]).1
        });
        let found = found.await.unwrap();
        let (told, message) = result(&found, "clock");
        assert_eq!(told, verdict, "{message}");
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn what_is_wrong_with_the_environment_is_a_finding() {
    let mut command = harness(&["doctor", "--output", "json", "--secret-key-env", "K"]);
    command.env("HTTPS_PROXY", "http://user:hunter2@bad host");
    let (code, stdout, stderr) = run(command);
    assert_eq!(code, 1, "{stderr}");
    assert!(
        !stdout.contains("hunter2") && !stderr.contains("hunter2"),
        "{stdout}{stderr}"
    );
    let found = lines(&stdout);
    assert_eq!(found[0]["check"], "network");
    assert!(
        found[0]["message"]
            .as_str()
            .unwrap()
            .contains("HTTPS_PROXY"),
        "{stdout}"
    );
    assert_eq!(found.len(), CHECKS.len());
}

#[cfg(unix)]
#[test]
fn a_cache_that_is_not_used_is_told() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let anybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), anybody).unwrap();
    let path = folder.path().to_str().unwrap();
    let (code, found) = findings(&["--cache", path, "--sandbox"]);
    assert_eq!(code, 0);
    let (verdict, message) = result(&found, "cache");
    assert_eq!(verdict, "warning");
    assert!(message.contains("compiles anew"), "{message}");
}

#[test]
fn a_component_that_is_none_is_told_and_nothing_else_is_tried() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "not wasm").unwrap();
    let path = file.path().to_str().unwrap();
    let (code, found) = findings(&["--plugin", path, "--sandbox"]);
    assert_eq!(code, 1);
    let (verdict, message) = result(&found, "component");
    assert_eq!(verdict, "error");
    assert!(message.contains("not WebAssembly"), "{message}");
    for check in ["cache", "key", "network", "clock", "account"] {
        assert_eq!(result(&found, check).0, "skipped");
    }
}
