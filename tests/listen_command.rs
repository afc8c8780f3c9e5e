//! `stripe-harness listen`, as a person or a script meets it.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::json;

use crate::support::command::{harness, run};
use crate::support::hook::{deliver, event, listening};
use crate::support::plugin;

const SECRET: &str = "whsec_command_secret";

const CONFIG: &str = "\
name: Paid invoices
connections:
  - id: stripe
    type: Stripe
    properties:
      secretKey: {_secret: NOT_SET_AND_NOT_NEEDED}
      webhookSecrets: [{_secret: HOOK}]
      webhookTolerance: 60
trigger:
  type: webhook
  provider: stripe
  events: [invoice.*]
";

#[cfg(unix)]
#[tokio::test]
async fn events_are_printed_as_json_lines_until_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("listen.yaml");
    std::fs::write(&file, CONFIG).unwrap();
    let mut child = harness(&["listen", "--port", "0", "--output", "json", "--config"])
        .arg(&file)
        .env("HOOK", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (at, mut log) = listening(&mut child, "");
    assert!(at.ip().is_loopback());
    let plugin = plugin(&[]);
    let paid = event("evt_1", "invoice.paid");
    for (body, secret, expected) in [
        (&paid, SECRET, 200),
        (&paid, SECRET, 200),
        (&paid, "whsec_other", 400),
        (&event("evt_2", "customer.created"), SECRET, 200),
        (&event("evt_3", "invoice.voided"), SECRET, 200),
    ] {
        let (status, text) = deliver(&plugin, at, secret, body).await;
        assert_eq!(status, expected, "{text}");
    }
    let id = i32::try_from(child.id()).unwrap();
    let id = rustix::process::Pid::from_raw(id).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut said = String::new();
    log.read_to_string(&mut said).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines = crate::support::command::lines(&printed);
    assert_eq!(lines.len(), 2, "{printed}");
    assert_eq!(lines[0]["id"], "evt_1");
    assert_eq!(
        lines[0]["event"],
        serde_json::from_str::<serde_json::Value>(&paid).unwrap()
    );
    assert_eq!(lines[1]["type"], "invoice.voided");
    for line in [
        "200 invoice.paid evt_1 printed",
        "200 invoice.paid evt_1 dropped",
        "400 - - signature_mismatch",
        "200 customer.created evt_2 ignored",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("command_secret") && !printed.contains("command_secret"));
}

/// LoopFour's own form has no connection: the secret is in the environment.
#[tokio::test]
async fn loopfours_trigger_is_read_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trigger.json");
    let trigger = json!({"trigger": {"type": "webhook", "provider": "stripe",
        "events": ["invoice.paid", "customer.subscription.updated"]}});
    std::fs::write(&file, trigger.to_string()).unwrap();
    let mut child = harness(&["listen", "--port", "0", "--config"])
        .arg(&file)
        .env("STRIPE_WEBHOOK_SECRET", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (at, _log) = listening(&mut child, "");
    let paid = event("evt_1", "invoice.paid");
    let (status, text) = deliver(&plugin(&[]), at, SECRET, &paid).await;
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((status, text.as_str()), (200, "printed"));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "invoice.paid evt_1\n"
    );
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("listen.yaml");
    let path = file.to_str().unwrap();
    for (text, secret, more, said) in [
        (
            "trigger: {type: api}",
            Some(SECRET),
            [].as_slice(),
            "should be webhook",
        ),
        (
            "triggers: {}",
            Some(SECRET),
            &[],
            "\"triggers\" is not known here",
        ),
        (CONFIG, None, &[], "the secret HOOK is not set"),
        ("name: x", None, &[], "STRIPE_WEBHOOK_SECRET"),
        ("name: x", Some("sk_test_1"), &[], "API key"),
        ("name: x", Some("  "), &[], "blank"),
        (
            "name: x",
            Some(SECRET),
            &["--forward", "http://example.com/"],
            "over https",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let mut command = harness(&["listen", "--port", "0", "--config", path]);
        command.args(more);
        if let Some(secret) = secret {
            command.env("STRIPE_WEBHOOK_SECRET", secret);
        }
        let (code, stdout, stderr) = run(command);
        assert_eq!((code, stdout.as_str()), (2, ""), "{text}: {stderr}");
        assert!(stderr.contains(said), "{text}: {stderr}");
    }
}
