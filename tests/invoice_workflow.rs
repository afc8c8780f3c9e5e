//! LoopFour's workflow "Create and Send Invoice", each of its steps one
//! `stripe-harness request`, all of them against one `stripe-harness sandbox`; and
//! the example that shows it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::support::KEY;
use crate::support::command::{harness, lines, root, run};

/// A sandbox in a process of its own, which ends with the test.
struct Sandbox {
    child: Child,
    url: String,
}

impl Sandbox {
    fn start() -> Sandbox {
        let mut child = harness(&["sandbox", "--port", "0", "--clock", "1768478400"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.trim().to_owned();
        Sandbox { child, url }
    }

    /// One step: what the command prints for it, and its exit code.
    fn request(&self, call: &str, args: &[Value]) -> (i32, Value) {
        let mut command = harness(&["request", "--base-url", &self.url]);
        command.args(["--secret-key-env", "K", "--output", "json", call]);
        command.args(args.iter().map(|arg| match arg {
            Value::String(id) => id.clone(),
            params => params.to_string(),
        }));
        command.env("K", KEY);
        let (code, stdout, stderr) = run(command);
        assert!(code < 2, "{call}: {stderr}");
        (code, lines(&stdout).remove(0))
    }

    /// A step that must succeed: what Stripe answers.
    fn step(&self, call: &str, args: &[Value]) -> Value {
        let (code, printed) = self.request(call, args);
        assert_eq!(code, 0, "{call}: {printed}");
        printed["response"]["body"].clone()
    }

    /// A step that must be refused: the error.
    fn refusal(&self, call: &str, args: &[Value]) -> Value {
        let (code, printed) = self.request(call, args);
        assert_eq!(code, 1, "{call}: {printed}");
        printed["error"].clone()
    }

    /// The workflow, as its steps and its condition are written down.
    fn create_and_send_invoice(&self, email: &str, amount: u32) -> Value {
        let found = self.step("customers.list", &[json!({"email": email, "limit": 1})]);
        let found = found["data"].as_array().unwrap();
        let customer = match found.first() {
            Some(customer) => customer.clone(),
            None => self.step(
                "customers.create",
                &[json!({"email": email, "name": "Ada Lovelace"})],
            ),
        };
        let invoice = self.step(
            "invoices.create",
            &[json!({"customer": customer["id"], "auto_advance": false,
                "collection_method": "send_invoice", "days_until_due": 30})],
        );
        assert_eq!(
            (&invoice["status"], &invoice["amount_due"]),
            (&json!("draft"), &json!(0))
        );
        let item = self.step(
            "invoiceItems.create",
            &[
                json!({"customer": customer["id"], "invoice": invoice["id"], "amount": amount,
                "currency": "usd", "description": "Professional Services"}),
            ],
        );
        assert_eq!(item["invoice"], invoice["id"]);
        let open = self.step("invoices.finalizeInvoice", &[invoice["id"].clone()]);
        assert_eq!(
            (&open["status"], &open["amount_due"]),
            (&json!("open"), &json!(amount))
        );
        self.step("invoices.sendInvoice", &[invoice["id"].clone()])
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_invoice_workflow_runs_step_by_step() {
    let sandbox = Sandbox::start();
    let sent = sandbox.create_and_send_invoice("ada@example.com", 9900);
    assert_eq!(sent["status"], "open");
    assert_eq!(sent["customer_email"], "ada@example.com");
    assert_eq!(sent["collection_method"], "send_invoice");
    assert_eq!(sent["amount_remaining"], 9900);
    assert_eq!(
        sent["due_date"].as_i64().unwrap() - sent["created"].as_i64().unwrap(),
        30 * 86_400
    );
    let description = &sent["lines"]["data"][0]["description"];
    assert_eq!(description, "Professional Services");
    let page = sent["hosted_invoice_url"].as_str().unwrap();
    assert!(page.starts_with("https://invoice.stripe.com/"), "{page}");

    // The condition's other branch: the customer is there.
    let again = sandbox.create_and_send_invoice("ada@example.com", 500);
    assert_eq!(again["customer"], sent["customer"]);
    let customers = sandbox.step("customers.list", &[json!({"email": "ada@example.com"})]);
    assert_eq!(customers["data"].as_array().unwrap().len(), 1);
    let open = json!({"customer": sent["customer"], "status": "open"});
    let open = sandbox.step("invoices.list", &[open]);
    let ids = open["data"].as_array().unwrap().iter();
    let ids: Vec<_> = ids.map(|invoice| &invoice["id"]).collect();
    assert_eq!(ids, [&again["id"], &sent["id"]]);

    // What triggers the workflows after this one.
    let types = json!(["invoice.created", "invoice.finalized", "invoice.sent"]);
    let events = sandbox.step("events.list", &[json!({"types": types, "limit": 6})]);
    let events = events["data"].as_array().unwrap();
    for kind in types.as_array().unwrap() {
        let told = events.iter().filter(|event| event["type"] == *kind);
        let told: Vec<_> = told.map(|event| &event["data"]["object"]["id"]).collect();
        assert_eq!(told, [&again["id"], &sent["id"]], "{kind}");
    }
}

#[test]
fn a_step_out_of_order_fails_where_stripe_refuses_it() {
    let sandbox = Sandbox::start();
    let sent = sandbox.create_and_send_invoice("ada@example.com", 9900);
    let id = &sent["id"];
    let item = json!({"customer": sent["customer"], "invoice": id, "amount": 1,
        "currency": "usd"});
    for (call, args) in [
        ("invoices.finalizeInvoice", vec![id.clone()]),
        ("invoices.del", vec![id.clone()]),
        ("invoiceItems.create", vec![item]),
    ] {
        let error = sandbox.refusal(call, &args);
        assert_eq!(error["case"], "permanent", "{call}");
        assert_eq!(error["type"], "invalid_request_error", "{call}");
        assert_eq!(error["status"], 400, "{call}");
    }
    let voided = sandbox.step("invoices.voidInvoice", std::slice::from_ref(id));
    assert_eq!(voided["status"], "void");
    let error = sandbox.refusal("invoices.sendInvoice", std::slice::from_ref(id));
    assert_eq!(error["case"], "permanent");
}

#[cfg(unix)]
#[test]
fn the_example_makes_nothing_twice_when_it_is_repeated() {
    let sandbox = Sandbox::start();
    let example = || {
        let mut command = std::process::Command::new("bash");
        command
            .current_dir(root())
            .arg("examples/invoice-workflow.sh")
            .args(["ada@example.com", "Ada Lovelace", "9900", "Services"])
            .args(["--base-url", &sandbox.url, "--secret-key-env", "K"])
            .env("K", KEY)
            .env("ORDER", "order-17")
            .env("STRIPE_HARNESS", env!("CARGO_BIN_EXE_stripe-harness"))
            .env("STRIPE_HARNESS_CACHE", root().join("target/test-cache"));
        let (code, stdout, stderr) = run(command);
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let printed = example();
    assert!(printed.contains("\"status\": \"open\""), "{printed}");
    assert!(printed.contains("\"amount_due\": 9900"), "{printed}");
    example();
    let invoices = sandbox.step("invoices.list", &[json!({})]);
    assert_eq!(invoices["data"].as_array().unwrap().len(), 1, "{invoices}");
    let lines = &invoices["data"][0]["lines"]["data"];
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
}
