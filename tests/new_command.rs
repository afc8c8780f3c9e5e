//! `stripe-harness new`: files to begin with, which run as they are written.

use std::fs;

use stripe_harness::document::Document;
use stripe_harness::operators::Context;
use stripe_harness::{HostOptions, Plugin, TransportOptions};

use crate::support::command::{harness, run};
use crate::support::component;

/// The commented properties of a file, each with the lines below it.
fn properties(yaml: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in yaml.lines() {
        let Some(text) = line.strip_prefix("      # ") else {
            continue;
        };
        let name = text.split(':').next().unwrap_or_default();
        let is_name = text.contains(':')
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_name {
            found.push((name.to_owned(), vec![text.to_owned()]));
        } else if let (Some((_, lines)), true) = (found.last_mut(), text.starts_with("  ")) {
            lines.push(text.to_owned());
        }
    }
    found
}

/// Whatever a person uncomments, alone, the component takes; and nothing that it
/// takes is left out.
#[tokio::test]
async fn every_property_of_a_new_connection_can_be_uncommented() {
    let (code, yaml, stderr) = run(harness(&["new", "connection", "-"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    let options = HostOptions {
        transport: TransportOptions {
            from_connections: true,
            ..TransportOptions::default()
        },
        ..HostOptions::default()
    };
    let plugin = Plugin::load(&component(), options).unwrap();
    let schema = plugin.connection_schema().await.unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let mut known: Vec<&str> = schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .filter(|name| !["secretKey", "auth", "serviceUrl"].contains(name))
        .collect();
    let found = properties(&yaml);
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    let env = |_: &str| Some("sk_test_1".to_owned());
    for (name, lines) in &found {
        let uncommented: String = lines.iter().map(|line| format!("      {line}\n")).collect();
        let head: String = yaml
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        let text = format!("{head}{uncommented}");
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let context = Context {
            env: &env,
            payload: None,
            missing_secret: None,
        };
        let connection = document.connection(Some("stripe")).unwrap();
        let json = context
            .evaluate(&connection.properties)
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
            .to_json();
        match plugin.parse_connection(&json).await {
            Ok(_) => {}
            // It names files that nobody has, and what this host does not apply.
            Err(error) if name == "secureSocket" => {
                assert!(
                    error.to_string().contains("secureSocket."),
                    "{error}\n{text}"
                );
            }
            Err(error) => panic!("{name}: {error}\n{text}"),
        }
    }
}

#[test]
fn a_new_request_runs_when_it_is_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    for (call, from, to) in [
        ("balance.retrieve", "", ""),
        ("customers.create", "", ""),
        ("customers.list", "", ""),
        ("products.create", "name: \"…\"", "name: \"Tea\""),
    ] {
        let mut command = harness(&["new", "request", call]);
        command.current_dir(folder.path());
        let (code, stdout, stderr) = run(command);
        assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
        assert!(stderr.contains("stripe-harness run --sandbox"), "{stderr}");
        let path = folder.path().join(format!("{call}.yaml"));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&format!("# {call} · ")), "{text}");
        assert!(from.is_empty() || text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let path = path.to_str().unwrap();
        let (code, _, stderr) = run(harness(&["run", "--sandbox", path]));
        assert_eq!(code, 0, "{call}: {stderr}\n{text}");
    }
}

#[test]
fn what_is_said_to_run_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = harness(&["new", "request", "balance.retrieve", "my file.yaml"]);
    command.current_dir(folder.path());
    let (code, _, stderr) = run(command);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("run --sandbox 'my file.yaml'"), "{stderr}");
    let text = fs::read_to_string(folder.path().join("my file.yaml")).unwrap();
    assert!(text.contains("run --sandbox 'my file.yaml'\n"), "{text}");
    let (_, stdout, _) = run(harness(&["new", "request", "balance.retrieve", "-"]));
    assert!(!stdout.contains("--sandbox"), "{stdout}");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stripe.yaml");
    fs::write(&file, "mine").unwrap();
    let path = file.to_str().unwrap();
    let (code, _, stderr) = run(harness(&["new", "connection", path]));
    assert_eq!(code, 2);
    assert!(stderr.contains("--force"), "{stderr}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    let (code, _, stderr) = run(harness(&[
        "new",
        "connection",
        path,
        "--force",
        "--id",
        "shop",
    ]));
    assert_eq!(code, 0, "{stderr}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("connections:\n  - id: shop\n"), "{text}");

    let wrong: [(&[&str], &str); 4] = [
        (&["new", "request", "customers.crate"], "customers.create"),
        (&["new", "connection", "--id", "no"], "an id is letters"),
        (
            &["new", "connection", "no/such/folder.yaml"],
            "cannot be written",
        ),
        (&["new"], "connection"),
    ];
    for (args, said) in wrong {
        let mut command = harness(args);
        command.current_dir(folder.path());
        let (code, _, stderr) = run(command);
        assert_eq!(code, 2, "{args:?}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "nothing was begun");
}
