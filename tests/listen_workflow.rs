//! `stripe-harness listen --workflow`: each event runs the steps once, also when
//! it is delivered again to a listener that remembers nothing of it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use stripe_harness::sandbox::{Sandbox, SandboxOptions};
use stripe_harness::{Connection, Plugin};

use crate::support::command::{harness, run};
use crate::support::hook::{deliver, listening};
use crate::support::{KEY, plugin};

const SECRET: &str = "whsec_workflow_secret";

const WORKFLOW: &str = r#"{
  "name": "Welcome",
  "trigger": { "type": "webhook", "provider": "stripe", "events": ["customer.created"] },
  "steps": [
    { "id": "copy", "type": "action", "action": "stripe.createCustomer",
      "config": { "email": "{{input.data.object.email}}", "name": "copy of {{input.data.object.id}}" } },
    { "id": "mark", "type": "action", "action": "stripe.updateCustomer",
      "config": { "customerId": "{{input.data.object.id}}",
        "metadata": { "copy": "{{steps.copy.output.id}}", "at": "{{now}}" } } }
  ]
}"#;

struct Scene {
    sandbox: Sandbox,
    plugin: Plugin,
    connection: Connection,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn set() -> Scene {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let url = sandbox.base_url();
        let plugin = plugin(&[&url]);
        let properties = json!({"secretKey": KEY, "baseUrl": url}).to_string();
        let connection = plugin.parse_connection(properties).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("workflow.json"), WORKFLOW).unwrap();
        Scene {
            sandbox,
            plugin,
            connection,
            folder,
        }
    }

    async fn call(&self, method: &str, args: Value) -> Value {
        let made = self
            .plugin
            .request(&self.connection, "customers", method, args.to_string())
            .await
            .unwrap();
        serde_json::from_str(&made.body).unwrap()
    }

    async fn customers(&self) -> usize {
        self.call("list", json!([])).await["data"]
            .as_array()
            .unwrap()
            .len()
    }

    fn listener(&self) -> (Child, SocketAddr, BufReader<std::process::ChildStderr>) {
        let url = self.sandbox.base_url();
        let mut child = harness(&["listen", "--port", "0", "--secret-key-env", "K"])
            .args(["--base-url", &url, "--workflow"])
            .arg(self.folder.path().join("workflow.json"))
            .env("STRIPE_WEBHOOK_SECRET", SECRET)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (at, said) = listening(&mut child, "customer.created");
        (child, at, said)
    }
}

fn event(id: &str, kind: &str, object: &Value) -> String {
    json!({"id": id, "object": "event", "type": kind, "created": 1_700_000_000,
        "data": {"object": object}})
    .to_string()
}

#[tokio::test]
async fn an_event_runs_the_steps_once() {
    let scene = Scene::set().await;
    let ada = scene
        .call("create", json!([{"email": "ada@example.com"}]))
        .await;
    let created = event("evt_1", "customer.created", &ada);
    for memory in ["first", "forgotten"] {
        let (mut child, at, mut said) = scene.listener();
        for delivery in ["worked", "dropped"] {
            let (status, text) = deliver(&scene.plugin, at, SECRET, &created).await;
            assert_eq!(status, 200, "{memory} {delivery}: {text}");
            let mut line = String::new();
            said.read_line(&mut line).unwrap();
            let told = match delivery {
                "worked" => "workflow ran, 2 steps",
                _ => "dropped",
            };
            assert!(line.contains(told), "{memory} {delivery}: {line}");
        }
        // Ada and one copy, however often it came.
        assert_eq!(scene.customers().await, 2, "{memory}");
        let (status, _) = deliver(
            &scene.plugin,
            at,
            SECRET,
            &event("evt_2", "customer.updated", &ada),
        )
        .await;
        assert_eq!(status, 200, "not one of its events");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(scene.customers().await, 2);
    let ada = scene.call("retrieve", json!([ada["id"]])).await;
    assert_eq!(ada["metadata"]["at"], "2023-11-14T22:13:20.000Z");
    let copy = scene
        .call("retrieve", json!([ada["metadata"]["copy"]]))
        .await;
    assert_eq!(copy["email"], "ada@example.com");
    scene.sandbox.shutdown().await;
}

/// Two workflows on one event, whose steps have the same ids, are two things; the
/// same change told as a snapshot and as a thin event is one.
#[tokio::test]
async fn keys_are_of_a_workflow_and_a_change() {
    let scene = Scene::set().await;
    let ada = scene
        .call("create", json!([{"email": "ada@example.com"}]))
        .await;
    let other = WORKFLOW
        .replace("Welcome", "Mirror")
        .replace("copy of", "mirror of");
    for (text, copies) in [(WORKFLOW, 1), (&other, 2)] {
        std::fs::write(scene.folder.path().join("workflow.json"), text).unwrap();
        let (mut child, at, _said) = scene.listener();
        let body = event("evt_1", "customer.created", &ada);
        let (status, told) = deliver(&scene.plugin, at, SECRET, &body).await;
        assert_eq!(status, 200, "{told}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(scene.customers().await, 1 + copies);
    }
    let both = WORKFLOW
        .replace(
            "[\"customer.created\"]",
            "[\"customer.created\", \"v1.customer.created\"]",
        )
        .replace("{{input.data.object.email}}", "twice@example.com")
        .replace("copy of {{input.data.object.id}}", "copy")
        .replace("{{input.data.object.id}}", "cus_nobody");
    std::fs::write(scene.folder.path().join("workflow.json"), &both).unwrap();
    let (mut child, at, _said) = scene.listener();
    let snapshot = event("evt_2", "customer.created", &ada);
    let thin = json!({"id": "evt_test_9", "object": "v2.core.event", "type": "v1.customer.created",
        "created": "2023-11-14T22:13:20.000Z", "livemode": false, "snapshot_event": "evt_2"});
    for body in [snapshot, thin.to_string()] {
        let (status, told) = deliver(&scene.plugin, at, SECRET, &body).await;
        assert_eq!((status, told.as_str()), (502, "the workflow failed"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scene.customers().await, 4, "its first step ran once");
    scene.sandbox.shutdown().await;
}

/// One file can be all: the secrets, and the connection of the steps.
#[tokio::test]
async fn the_secrets_may_be_those_of_the_steps_connection() {
    let scene = Scene::set().await;
    let file = scene.folder.path().join("stripe.yaml");
    let url = scene.sandbox.base_url();
    let yaml = format!(
        "connections:\n  - id: stripe\n    type: Stripe\n    properties:\n      secretKey: \
         {{_secret: K}}\n      webhookSecrets: [{{_secret: HOOK}}]\n      baseUrl: \"{url}\"\n"
    );
    std::fs::write(&file, yaml).unwrap();
    let mut child = harness(&["listen", "--port", "0", "--allow-origin", &url, "-c"])
        .arg(&file)
        .arg("--workflow")
        .arg(scene.folder.path().join("workflow.json"))
        .env("HOOK", SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (at, _said) = listening(&mut child, "customer.created");
    let ada = scene
        .call("create", json!([{"email": "ada@example.com"}]))
        .await;
    let body = event("evt_1", "customer.created", &ada);
    let (status, told) = deliver(&scene.plugin, at, SECRET, &body).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((status, told.as_str()), (200, "workflow ran, 2 steps"));
    scene.sandbox.shutdown().await;
}

/// A step that fails is Stripe's to deliver again; when it can succeed, what was
/// done before is not done twice.
#[tokio::test]
async fn a_failed_run_is_taken_up_by_the_next_delivery() {
    let scene = Scene::set().await;
    let (mut child, at, mut said) = scene.listener();
    let nobody = json!({"id": "cus_nobody", "email": "bob@example.com"});
    for _ in 0..2 {
        let body = event("evt_9", "customer.created", &nobody);
        let (status, text) = deliver(&scene.plugin, at, SECRET, &body).await;
        assert_eq!(status, 502, "{text}");
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(
            line.contains("the step \"mark\" failed: No such customer"),
            "{line}"
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scene.customers().await, 1, "the first step ran once");
    scene.sandbox.shutdown().await;
}

#[test]
fn what_cannot_work_is_refused_before_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let by_api = write("api.json", &WORKFLOW.replace("\"webhook\"", "\"api\""));
    let unknown = write(
        "unknown.json",
        &WORKFLOW.replace("stripe.updateCustomer", "stripe.sing"),
    );
    let good = write("good.json", WORKFLOW);
    let cases: [(&[&str], &str); 6] = [
        (&["--workflow", &by_api], "started by api, not by webhooks"),
        (
            &["--workflow", &unknown, "--secret-key-env", "K"],
            "stripe.sing",
        ),
        (&["--workflow", &good], "no secret key"),
        (&["--workflow", "no/such.json"], "cannot be read"),
        (
            &["--workflow", &good, "--forward", "http://127.0.0.1:9"],
            "cannot be used with",
        ),
        (
            &["--base-url", "http://127.0.0.1:9"],
            "for the steps of --workflow",
        ),
    ];
    for (args, said) in cases {
        let mut command = harness(&["listen", "--port", "0"]);
        command.args(args).env("STRIPE_WEBHOOK_SECRET", SECRET);
        let (code, _, stderr) = run(command);
        assert_eq!(code, 2, "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
}
