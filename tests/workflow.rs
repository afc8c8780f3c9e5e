//! Workflow files, run through the component: the example of LoopFour's document
//! in its own shape, and what a run does when something is wrong.

use serde_json::{Value, json};
use stripe_harness::sandbox::{Sandbox, SandboxOptions};
use stripe_harness::workflow::{Run, RunOptions, Stopped, Told, WhatRan, Workflow};
use stripe_harness::{Connection, Plugin};

use crate::support::command::{harness, lines, root, run};
use crate::support::{Answer, KEY, Server, connected, connected_to};

const EXAMPLE: &str = "examples/workflows/create-and-send-invoice.json";

fn example() -> Workflow {
    Workflow::parse(&std::fs::read_to_string(root().join(EXAMPLE)).unwrap()).unwrap()
}

async fn sandbox() -> (Sandbox, Plugin, Connection) {
    let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let (plugin, connection) = connected_to(&sandbox.base_url(), json!({})).await;
    (sandbox, plugin, connection)
}

fn input() -> Value {
    json!({"email": "ada@example.com", "name": "Ada", "amount": 9900, "description": "Work"})
}

/// The ids of the steps that ran.
async fn ran(
    workflow: &Workflow,
    (plugin, connection): (&Plugin, &Connection),
    input: &Value,
    run_id: &str,
) -> (Vec<String>, Result<Run, Stopped>) {
    let mut ids = Vec::new();
    let options = RunOptions {
        run_id: Some(run_id.to_owned()),
        now: Some("2026-11-21T12:00:00.000Z".to_owned()),
    };
    let told = |told: &Told<'_>| {
        let Told::Ran(step) = told else { return };
        let failed = matches!(&step.what, WhatRan::Action { result: Err(_), .. });
        ids.push(format!("{}{}", step.id, if failed { "!" } else { "" }));
    };
    let ended = workflow
        .run_with(plugin, connection, input, options, told)
        .await;
    (ids, ended)
}

#[tokio::test]
async fn the_documents_example_invoices_a_new_customer_and_a_known_one() {
    let (sandbox, plugin, connection) = sandbox().await;
    let host = (&plugin, &connection);
    let (ids, first) = ran(&example(), host, &input(), "first").await;
    assert_eq!(
        ids,
        [
            "get-or-create-customer",
            "check-customer",
            "create-customer",
            "create-invoice",
            "add-line-item",
            "finalize",
            "send"
        ]
    );
    let first = first.unwrap();
    let customer = &first.outputs["create-customer"]["id"];
    let sent = &first.outputs["send"];
    assert_eq!(sent["customer"], *customer);
    assert_eq!(
        (
            &sent["status"],
            &sent["amount_due"],
            &sent["collection_method"]
        ),
        (&json!("open"), &json!(9900), &json!("send_invoice"))
    );
    assert_eq!(sent["lines"]["data"][0]["description"], "Work");

    let (ids, second) = ran(&example(), host, &input(), "second").await;
    assert_eq!(
        ids,
        [
            "get-or-create-customer",
            "check-customer",
            "create-invoice",
            "add-line-item",
            "finalize",
            "send"
        ]
    );
    let second = second.unwrap();
    assert_eq!(second.outputs["check-customer"], true);
    assert_eq!(second.outputs["send"]["customer"], *customer);
    assert_ne!(second.outputs["send"]["id"], sent["id"]);
    sandbox.shutdown().await;
}

/// A run that is repeated under its id does nothing twice, even where the first
/// one found no customer and the second one does.
#[tokio::test]
async fn a_run_that_is_repeated_acts_once() {
    let (sandbox, plugin, connection) = sandbox().await;
    let host = (&plugin, &connection);
    let first = ran(&example(), host, &input(), "same").await.1.unwrap();
    let second = ran(&example(), host, &input(), "same").await.1.unwrap();
    assert_eq!(first.outputs["send"]["id"], second.outputs["send"]["id"]);
    let invoices = plugin
        .request(&connection, "invoices", "list", "null")
        .await
        .unwrap();
    let invoices: Value = serde_json::from_str(&invoices.body).unwrap();
    assert_eq!(invoices["data"].as_array().unwrap().len(), 1);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn steps_that_write_carry_the_runs_key_and_values_keep_their_digits() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let workflow = Workflow::parse(
        r#"
steps:
- {id: look, type: action, action: stripe.getBalance}
- id: make
  type: action
  action: stripe.createCustomer
  config: {name: "{{input.name}} at {{now}}", metadata: {n: "{{input.n}}", of: "{{steps.look.output.id}}"}}
- {id: own, type: action, action: stripe.createCustomer, config: {idempotencyKey: "mine-{{input.name}}"}}
"#,
    )
    .unwrap();
    let input = serde_json::from_str(r#"{"name": "Ada", "n": 12345678901234567890}"#).unwrap();
    ran(&workflow, (&plugin, &connection), &input, "r1")
        .await
        .1
        .unwrap();
    let arrived = server.arrived();
    assert_eq!(arrived[0].header("idempotency-key"), None);
    assert_eq!(
        arrived[1].header("idempotency-key"),
        Some("workflow-r1-make")
    );
    assert_eq!(
        arrived[1].body(),
        "name=Ada%20at%202026-11-21T12%3A00%3A00.000Z&metadata[n]=12345678901234567890&metadata[of]=x_1"
    );
    assert_eq!(arrived[2].header("idempotency-key"), Some("mine-Ada"));
}

/// A fault of the last step is found before the first has sent anything.
#[tokio::test]
async fn what_can_be_known_is_checked_before_anything_is_sent() {
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let host = (&plugin, &connection);
    let first = "steps:\n- {id: first, type: action, action: stripe.createCustomer}\n";
    for (last, said) in [
        (
            "{id: last, type: action, action: stripe.creatInvoice}",
            "did you mean \"stripe.createInvoice\"?",
        ),
        (
            "{id: last, type: action, action: stripe.createInvoice}",
            "needs \"customerId\"",
        ),
        (
            "{id: last, type: action, action: stripe.getInvoice, config: {invoiceId: '{{input.invoice}}'}}",
            "3:75: {{input.invoice}} has no value",
        ),
        (
            "{id: last, type: action, action: stripe.getInvoice, config: {invoiceId: in_1, status: x}}",
            "stripe.getInvoice has no \"status\"",
        ),
    ] {
        let workflow = Workflow::parse(&format!("{first}- {last}\n")).unwrap();
        match ran(&workflow, host, &json!({}), "r").await {
            (ids, Err(Stopped::Refused(faults))) => {
                assert!(ids.is_empty());
                assert!(faults.to_string().contains(said), "{faults}");
            }
            other => panic!("{other:?}"),
        }
    }
    let (_, ended) = ran(&example(), host, &input(), "not a key").await;
    assert!(matches!(ended, Err(Stopped::Refused(_))), "{ended:?}");
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn a_run_stops_at_the_step_that_fails_and_says_where() {
    let declined = r#"{"error":{"type":"card_error","code":"card_declined","message":"No."}}"#;
    let server = Server::start(vec![
        Answer::json(200, r#"{"id":"cus_1","email":null}"#),
        Answer::json(402, declined),
    ])
    .await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let workflow = Workflow::parse(
        "
steps:
- {id: a, type: action, action: stripe.createCustomer}
- {id: b, type: action, action: stripe.createPaymentIntent, config: {amount: 5, currency: usd}}
- {id: c, type: action, action: stripe.createCustomer, config: {email: '{{steps.a.output.email}}'}}
",
    )
    .unwrap();
    let host = (&plugin, &connection);
    let (ids, ended) = ran(&workflow, host, &json!({}), "r").await;
    assert_eq!(ids, ["a", "b!"]);
    match ended {
        Err(Stopped::Failed {
            run_id,
            step,
            error,
            ..
        }) => {
            assert_eq!((run_id.as_str(), step.as_str()), ("r", "b"));
            assert_eq!(error.failure.code.as_deref(), Some("card_declined"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.arrived().len(), 2);

    // A value that only an answer could have given: sent until there.
    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let (ids, ended) = ran(&workflow, (&plugin, &connection), &json!({}), "r").await;
    assert_eq!(ids, ["a", "b", "c!"]);
    match ended {
        Err(Stopped::Failed { error, .. }) => {
            let path = error.failure.path.as_deref();
            assert_eq!(path, Some("steps[2].config.email"));
            assert_eq!(workflow.locate(path.unwrap()).to_string(), "5:65");
            assert!(
                error
                    .failure
                    .message
                    .contains("{{steps.a.output.email}} has no value")
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(server.arrived().len(), 2);
}

#[test]
fn the_command_runs_a_file() {
    let input = input().to_string();
    let args = ["workflow", EXAMPLE, "--sandbox", "--input", &input];
    let (code, stdout, stderr) = run(harness(&[&args[..], &["--output", "json"]].concat()));
    assert_eq!(code, 0, "{stderr}");
    let lines = lines(&stdout);
    assert_eq!(lines.len(), 7, "{stdout}");
    assert_eq!(
        lines[1]["condition"],
        json!({"left": 0, "operator": "gt", "right": 0, "holds": false, "next": "create-customer"})
    );
    assert_eq!(lines[6]["id"], "send");
    assert_eq!(lines[6]["response"]["body"]["amount_due"], 9900);
    assert_eq!(lines[6]["response"]["status"], 200);

    let (code, stdout, stderr) = run(harness(&args));
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.contains("check-customer · 0 gt 0 is false, so on with create-customer"),
        "{stdout}"
    );
}

#[test]
fn the_command_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("w.yaml");
    let with = |text: &str, args: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let mut command = harness(&["workflow", file.to_str().unwrap(), "--sandbox"]);
        command.args(args).env("STRIPE_SECRET_KEY", KEY);
        run(command)
    };
    let (code, stdout, stderr) = with("steps:\n- {id: a, type: action, action: x}\n", &[]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(
        stderr.contains("w.yaml:2:33: there is no action \"x\""),
        "{stderr}"
    );
    let (code, _, stderr) = with("steps: []", &[]);
    assert!(
        code == 2 && stderr.contains("w.yaml:1:8: the workflow has no steps"),
        "{stderr}"
    );
    let (code, _, stderr) = with("steps: []", &["--input", "@no-such"]);
    assert!(
        code == 2 && stderr.contains("the workflow has no steps"),
        "{stderr}"
    );
    let one = "steps:\n- {id: a, type: action, action: stripe.getCustomer, config: {customerId: cus_none}}\n";
    let (code, _, stderr) = with(one, &["--input", "@no-such"]);
    assert!(
        code == 2 && stderr.contains("no-such cannot be read"),
        "{stderr}"
    );
    let (code, _, stderr) = with(one, &["--input", "{"]);
    assert!(
        code == 2 && stderr.contains("--input is not JSON"),
        "{stderr}"
    );
    let (code, stdout, stderr) = with(one, &["--run-id", "r1", "--now", "t", "--output", "json"]);
    assert_eq!(lines(&stdout)[0]["error"]["code"], "resource_missing");
    assert!(
        code == 1 && stderr.contains("--run-id r1 --now t"),
        "{stderr}"
    );
    let (code, stdout, stderr) = with(one, &[]);
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    assert!(stderr.contains("cus_none"), "{stderr}");
}
