//! What the command's flags make the host do: keys kept from the component,
//! warnings, the log, the cache, proxies, roots.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::secrets::unseen;
use crate::support::{Answer, KEY, SENTINEL, Server};

/// The command with an empty environment of Stripe's and a cache of its own.
fn harness(cache: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-harness"));
    command
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .env("STRIPE_SECRET_KEY", KEY)
        .env("STRIPE_HARNESS_CACHE", cache)
        .stdin(Stdio::null());
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
}

/// Runs it beside the test's own server.
async fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    unseen(&output.stdout);
    unseen(&output.stderr);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stdout, stderr)
}

fn bearer() -> String {
    format!("Bearer {KEY}")
}

#[tokio::test]
async fn an_injected_key_arrives_and_is_not_in_a_plan() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Vec::new()).await;
    let args = [
        "request",
        "--inject-key",
        "--base-url",
        server.url(),
        "customers.list",
    ];
    let (code, _, stderr) = run(harness(cache.path(), &args)).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(server.only().header("authorization"), Some(&*bearer()));

    let mut command = harness(cache.path(), &["batch", "--dry-run", "--inject-key"]);
    let input = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        input.path(),
        json!({"resource": "customers", "method": "list"}).to_string(),
    )
    .unwrap();
    command.stdin(std::fs::File::open(input.path()).unwrap());
    let (code, stdout, _) = run(command).await;
    assert_eq!(code, Some(0));
    // The last four characters, which a plan shows of a key, are not the key's.
    assert!(
        !stdout.contains(KEY.get(KEY.len() - 4..).unwrap()),
        "{stdout}"
    );
    assert!(stdout.contains("sk_test_"), "{stdout}");
}

#[tokio::test]
async fn what_is_odd_is_warned_about_and_done() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Vec::new()).await;
    for (flags, said) in [
        (
            ["--timeout", "900"].as_slice(),
            "for 900 seconds write 900000",
        ),
        (
            &["--total-timeout", "999"],
            "\"totalTimeout\" is in milliseconds",
        ),
        (&["--property", "secretKey=pk_test_0"], "publishable key"),
        (
            &["--property", "secretKey=<<stripe>>"],
            "does not look like",
        ),
    ] {
        let mut args = vec!["request", "--base-url", server.url()];
        args.extend(flags);
        args.push("customers.list");
        let (code, _, stderr) = run(harness(cache.path(), &args)).await;
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stderr.starts_with("warning: "), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");

        let mut quiet = vec!["--log", "off"];
        quiet.extend(args);
        let (_, _, stderr) = run(harness(cache.path(), &quiet)).await;
        assert!(!stderr.contains("warning"), "{stderr}");
    }
    let args = [
        "request",
        "--timeout",
        "1000",
        "--base-url",
        server.url(),
        "customers.list",
    ];
    let (_, _, stderr) = run(harness(cache.path(), &args)).await;
    assert!(!stderr.contains("warning"), "{stderr}");
}

#[tokio::test]
async fn the_log_tells_every_call() {
    let cache = tempfile::tempdir().unwrap();
    let declined = r#"{"error":{"type":"card_error","code":"card_declined","message":"No."}}"#;
    let server = Server::start(vec![Answer::json(402, declined)]).await;
    let args = [
        "request",
        "--log",
        "info",
        "--base-url",
        server.url(),
        "charges.create",
    ];
    let (code, _, stderr) = run(harness(cache.path(), &args)).await;
    assert_eq!(code, Some(1));
    for part in [
        "resource=\"charges\"",
        "method=\"create\"",
        "status=402",
        "attempts=1",
        "request_id=\"req_1\"",
        "error=\"card_error\"",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}

#[tokio::test]
async fn the_log_tells_every_kind_of_call() {
    let cache = tempfile::tempdir().unwrap();
    let config = r#"{"email": "jenny@example.com"}"#;
    let calls: [(&[&str], &[&str]); 5] = [
        (
            &["list", "customers"],
            &[
                "list_page{",
                "resource=\"customers\"",
                "method=\"list\"",
                "items=0",
            ],
        ),
        (
            &["list", "customers", "--limit", "5", "--output", "csv"],
            &["resource=\"customers\"", "items=0"],
        ),
        (&["check"], &["check_connection{", "latency=", "lacking=0"]),
        (
            &["action", "stripe.createCustomer", "--config", config],
            &[
                "run_action{",
                "action=\"stripe.createCustomer\"",
                "resource=\"customers\"",
                "method=\"create\"",
                "status=200",
            ],
        ),
        (
            &["list", "customers", "--property", "secretKey=sk_test_"],
            &["error=", "status=401"],
        ),
    ];
    for (call, parts) in calls {
        let mut args = call.to_vec();
        args.extend(["--sandbox", "--log", "info"]);
        let (_, _, stderr) = run(harness(cache.path(), &args)).await;
        for part in parts {
            assert!(stderr.contains(part), "{call:?}: {part}: {stderr}");
        }
    }
}

#[tokio::test]
async fn the_component_is_compiled_once() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let entries = || -> Vec<_> {
        let entries = std::fs::read_dir(&cache).into_iter().flatten();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path(), entry.metadata().unwrap().modified().unwrap())
            })
            .collect()
    };
    let (code, ..) = run(harness(&cache, &["--cache", "off", "component"])).await;
    assert_eq!(code, Some(0));
    assert_eq!(entries(), []);
    let (code, ..) = run(harness(&cache, &["component"])).await;
    assert_eq!(code, Some(0));
    let first = entries();
    assert_eq!(first.len(), 1, "{first:?}");
    // Two processes at once, and damage, which is told and mended.
    let (one, other) = tokio::join!(
        run(harness(&cache, &["component"])),
        run(harness(&cache, &["component"]))
    );
    assert_eq!((one.0, other.0), (Some(0), Some(0)));
    assert_eq!(entries(), first, "the entry was taken, not made again");
    std::fs::write(&first[0].0, "damaged").unwrap();
    let (code, _, stderr) = run(harness(&cache, &["component"])).await;
    assert_eq!(code, Some(0));
    assert!(
        stderr.starts_with("warning: the compiled component"),
        "{stderr}"
    );
    let (_, _, stderr) = run(harness(&cache, &["component"])).await;
    assert_eq!(stderr, "");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_a_warning() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = file.path().join("below-a-file");
    let (code, stdout, stderr) = run(harness(&cache, &["component"])).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("lowcode:stripe/requests"), "{stdout}");
    assert!(
        stderr.contains("warning: the compiled component cannot be kept"),
        "{stderr}"
    );
}

#[tokio::test]
async fn flags_of_the_transport_are_applied_or_refused() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Vec::new()).await;
    // A port nobody listens at, and nobody can take: bound, but not listening.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = format!("http://u:hidden@{}", held.local_addr().unwrap());
    for (flags, code, said) in [
        (
            ["--proxy", &closed, "--max-network-retries", "0"].as_slice(),
            1,
            "the proxy 127.0.0.1",
        ),
        (
            &["--proxy", "socks5://127.0.0.1:1"],
            2,
            "--proxy: the proxy's URL has the scheme socks5",
        ),
        (&["--no-proxy", "a"], 2, "--proxy"),
        (
            &["--cacert", "README.md"],
            2,
            "README.md holds no certificate in PEM form",
        ),
        (
            &["--cacert", "no/such.pem"],
            2,
            "no/such.pem cannot be read",
        ),
        (&["--cert", "README.md"], 2, "--key"),
        (&["--http-version", "3"], 2, "1.1"),
        (&["--property", "secureSocket={\"enable\": false}"], 0, ""),
        (
            &["--http-version", "1.1", "--isolated", "--roots", "bundled"],
            0,
            "",
        ),
    ] {
        let mut args = vec!["request", "--base-url", server.url()];
        args.extend(flags);
        args.push("customers.list");
        let (ended, _, stderr) = run(harness(cache.path(), &args)).await;
        assert_eq!(ended, Some(code), "{flags:?}: {stderr}");
        assert!(stderr.contains(said), "{flags:?}: {stderr}");
        assert!(!stderr.contains("hidden"), "{stderr}");
    }
    assert_eq!(server.arrived().len(), 2);
}

#[tokio::test]
async fn the_environments_proxy_is_used_but_not_for_this_machine() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Vec::new()).await;
    let mut command = harness(
        cache.path(),
        &["request", "--base-url", server.url(), "customers.list"],
    );
    command.env("HTTP_PROXY", "http://127.0.0.1:1");
    let (code, _, stderr) = run(command).await;
    assert_eq!(code, Some(0), "{stderr}");

    let args = ["request", "--max-network-retries", "0", "customers.list"];
    let mut command = harness(cache.path(), &args);
    command.env("https_proxy", "http://127.0.0.1:1");
    let (code, _, stderr) = run(command).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("the proxy 127.0.0.1:1: "), "{stderr}");
}

/// The library's spans carry what its docs say, and nothing of the key.
#[tokio::test]
async fn a_calls_span_has_its_facts() {
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let server = Server::start(Vec::new()).await;
    let (plugin, connection) = crate::support::connected(&server, json!({})).await;
    let written = Written::default();
    let writer = written.clone();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(move || writer.clone());
    // All there is, at the finest level: wasmtime and the HTTP client report too.
    let registry = tracing_subscriber::registry().with(lines);
    let _guard = tracing::subscriber::set_default(registry);
    plugin
        .request(&connection, "customers", "retrieve", r#"["cus_1"]"#)
        .await
        .unwrap();
    plugin
        .stripe_request(&connection, r#"{"balance": {"retrieve": null}}"#)
        .await
        .unwrap();
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for part in [
        "resource=\"customers\"",
        "method=\"retrieve\"",
        "status=200",
        "attempts=1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("stripe_request{"), "{text}");
    assert!(
        text.contains("outgoing-request"),
        "wasmtime reports as well"
    );
    assert!(!text.contains(SENTINEL), "{text}");
}
