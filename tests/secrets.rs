//! Secrets appear nowhere: not in what any command prints, whatever goes wrong,
//! not in a log, a trace or a `Debug`, and in no file that is written. And it is
//! shown that they would be found.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::support::command::harness;
use crate::support::scene::Scene;
use crate::support::secrets::Watch;
use crate::support::{
    Answer, Authority, Child, Files, KEY, SENTINEL, Server, Setup, TlsServer, in_child, trusting,
    under,
};

const PROXY_PASSWORD: &str = "sentinelProxy7fQzKw93";
const STORE_PASSWORD: &str = "sentinelStore7fQzKw94";
const KEY_PASSWORD: &str = "sentinelKeyFile7fQzKw95";
const WEBHOOK_SECRET: &str = "whsec_sentinelHook7fQzKw96";

fn watch() -> Watch {
    Watch::new(&[
        SENTINEL,
        PROXY_PASSWORD,
        STORE_PASSWORD,
        KEY_PASSWORD,
        &WEBHOOK_SECRET[6..],
    ])
}

/// The line a sandbox begins with.
fn address(sandbox: &mut std::process::Child) -> String {
    let mut line = String::new();
    let mut stdout = BufReader::new(sandbox.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_shows_or_keeps_one() {
    let echo = Server::answering(|request| {
        let escaped: String = KEY
            .chars()
            .map(|c| format!("\\u{:04x}", u32::from(c)))
            .collect();
        match request.header("x-answer").unwrap_or_default() {
            "plain" => Answer::json(401, &json!({"error": {"message": KEY}}).to_string()),
            "escaped" => Answer::json(
                400,
                &format!("{{\"error\":{{\"message\":\"{escaped}\",\"{escaped}\":1}}}}"),
            ),
            "page" => Answer::Http(
                502,
                vec![
                    ("content-type", KEY.to_owned()),
                    ("request-id", KEY.to_owned()),
                ],
                KEY.as_bytes().to_vec(),
            ),
            "redirect" => Answer::json(302, "{}").with("location", KEY),
            "silence" => Answer::Silence(Duration::from_secs(3600)),
            "lost" => Answer::Close,
            _ => Answer::plain(),
        }
    })
    .await;
    let url = echo.url().to_owned();
    let work = tokio::task::spawn_blocking(move || every_command(&url));
    work.await.unwrap();
}

fn every_command(echo: &str) {
    let mut scene = Scene::new(watch());
    let mut sandbox = scene
        .command(&[
            "sandbox",
            "--port",
            "0",
            "--log-requests",
            "--rate-limit",
            "500",
            "--data",
        ])
        .arg(scene.path("sandbox.redb"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let url = address(&mut sandbox);
    requests(&mut scene, &url, echo);
    connections(&mut scene, &url);
    proxies(&mut scene, &url);
    batches(&mut scene, &url, echo);
    let component = scene.command(&["component"]);
    scene.ends(0, component);

    // As a power cut would: what is in the file now is what was kept.
    sandbox.kill().unwrap();
    let log = sandbox.wait_with_output().unwrap().stderr;
    assert!(String::from_utf8_lossy(&log).contains(" POST /v1/customers customers.create "));
    assert_eq!(scene.watch.found(&log), None);

    assert!(scene.runs > 50, "{} runs", scene.runs);
    let (found, seen) = scene.watch.found_below(scene.written.path());
    assert!(found.is_empty(), "{found:?}");
    assert!(
        seen >= 4,
        "cache, data, journal and answers are files: {seen}"
    );
    let kept = Watch::new(&["Ada Lovelace"])
        .found_below(scene.written.path())
        .0;
    for name in ["sandbox.redb", "journal", "answer.json"] {
        assert!(
            kept.iter().any(|(path, _)| path.ends_with(name)),
            "{name} holds what was sent"
        );
    }
}

fn requests(scene: &mut Scene, url: &str, echo: &str) {
    let answer = scene.path("answer.json");
    let ada = r#"{"name": "Ada Lovelace"}"#;
    for more in [
        ["customers.create", ada].as_slice(),
        &["--output", "json", "customers.create", ada],
        &["--inject-key", "customers.create", ada],
        &["--isolated", "customers.create", ada],
        &["--output-file", &answer, "customers.create", ada],
        &["customers.list"],
    ] {
        scene.request(0, url, more);
    }
    let with_key = format!(r#"[{{}}, {{"apiKey": "{KEY} "}}]"#);
    let nested = format!(r#"{{"customers": {{"apiKey": "{KEY}"}}}}"#);
    for (said, more) in [
        ("declined", ["paymentIntents.create",
            r#"{"amount":2000,"currency":"eur","confirm":true,"payment_method":"pm_card_chargeDeclined","payment_method_types":["card"]}"#].as_slice()),
        ("resource_missing", &["customers.retrieve", "cus_0"]),
        ("parameter", &["customers.create", r#"{"nme":"x"}"#]),
        ("needs \"id\"", &["customers.retrieve"]),
        ("did you mean", &["customers.crate"]),
        ("an object of params", &["customers.create", &with_key]),
        ("no option", &["customers.create", "{}", &format!(r#"{{"apikey":"{KEY}"}}"#)]),
        ("contains a space", &["customers.create", "{}", &format!(r#"{{"apiKey":"{KEY} "}}"#)]),
        ("cannot be set", &["customers.list", "{}",
            &format!(r#"{{"headers":{{"Authorization":"Bearer {KEY}"}}}}"#)]),
        ("cannot travel", &["customers.list", "{}",
            &format!(r#"{{"headers":{{"x-key":"{KEY}\n"}}}}"#)]),
        ("GET, POST or DELETE", &["rawRequest", &nested]),
    ] {
        for output in ["json", "text"] {
            let mut args = vec!["--output", output];
            args.extend(more);
            let printed = scene.request(1, url, &args);
            assert!(output == "text" || printed.contains(said) || printed.contains(&said.replace('"', "\\\"")), "{said}: {printed}");
        }
    }
    for answer in ["plain", "escaped", "page", "redirect", "silence", "lost"] {
        for flags in [
            ["--timeout", "300"].as_slice(),
            &["--timeout", "300", "--inject-key"],
        ] {
            let headers = format!(r#"{{"headers":{{"x-answer":"{answer}"}}}}"#);
            let mut args = flags.to_vec();
            args.extend(["customers.list", "{}", &headers]);
            scene.request(1, echo, &args);
        }
    }
    scene.request(1, "http://127.0.0.1:1", &["customers.list"]);
    // Keys that cannot be used, and flags that were given one by mistake.
    for (name, value) in [
        ("secretKey", format!("{KEY} ")),
        ("secretKey", format!("{KEY}é")),
        ("secretKey", format!("[\"{KEY}\"]")),
        ("secretKey", KEY.repeat(100)),
        ("secretkey", KEY.to_owned()),
        ("auth", KEY.to_owned()),
        ("auth", format!("{{\"token\":\"{KEY}\"}}")),
        ("apiVersion", format!("{KEY}\n")),
        ("timeout", KEY.to_owned()),
        ("webhookSecrets", WEBHOOK_SECRET.to_owned()),
        ("webhookSecrets", format!("[\"{WEBHOOK_SECRET}\", 1]")),
        ("mode", KEY.to_owned()),
        ("validation", KEY.to_owned()),
        ("httpVersion", KEY.to_owned()),
    ] {
        scene.request(
            2,
            url,
            &["--property", &format!("{name}={value}"), "customers.list"],
        );
    }
    let mistaken = scene.command(&["request", "--secret-key-env", KEY, "customers.list"]);
    let printed = scene.ends(2, mistaken);
    assert!(
        printed.contains("--secret-key-env takes the name"),
        "{printed}"
    );
    let mut broken = scene.command(&["request", "--secret-key-env", "BAD", "customers.list"]);
    broken.env("BAD", format!("{KEY}\n"));
    let printed = scene.ends(2, broken);
    assert!(printed.contains("line break"), "{printed}");
}

fn connections(scene: &mut Scene, url: &str) {
    let authority = Authority::new();
    let leaf = authority.server();
    let store = scene.given.put("store.p12", leaf.key_store("another"));
    let trust = scene
        .given
        .put("trust.p12", authority.trust_store("another"));
    let pem = scene.given.put("cert.pem", leaf.certificate.pem());
    let key = scene.given.put("key.pem", leaf.encrypted_key("another"));
    let key_line = format!("      secretKey: {KEY}\n");
    for (at, (code, properties)) in [
        (0, format!("{key_line}      baseUrl: {url}\n      webhookSecrets: [{WEBHOOK_SECRET}]\n")),
        (0, format!("      secretKey: {{_secret: K}}\n      baseUrl: {url}\n")),
        (1, format!("{key_line}      baseUrl: https://not-allowed.example\n")),
        (2, format!("{key_line}{key_line}")),
        (2, format!("{key_line}      timeout: \"{KEY}\n")),
        (2, format!("      secretKey:{KEY}\n")),
        (2, format!("      secretKey:{KEY}\n      timeout: 1\n")),
        (2, format!("      secretKey: {{_secret: {KEY}}}\n")),
        (2, format!("      secretKey: {{_secrets: {KEY}}}\n")),
        (2, format!("      secretKey: {{_env: {{name: {KEY}}}}}\n")),
        (2, format!("      secretKey: !secret {KEY}\n")),
        (2, format!("      secretKey: !!int {KEY}\n")),
        (2, format!("      secretKey: [{KEY}]\n")),
        (2, format!("      secretKey: \"{KEY}\\n\"\n")),
        (2, format!("      auth: {KEY}\n")),
        (2, format!("      - {KEY}\n")),
        (2, format!("      {KEY}\n")),
        (2, format!("{key_line}      webhookSecrets: {WEBHOOK_SECRET}\n")),
        (2, format!("{key_line}      webhookTolerance: {WEBHOOK_SECRET}\n")),
        (2, format!("{key_line}      proxy: {{host: p, port: 1, password: [{PROXY_PASSWORD}]}}\n")),
        (2, format!("{key_line}      proxy: http://u:{PROXY_PASSWORD}@p:1\n")),
        (2, format!("{key_line}      proxy: {{host: 'u:{PROXY_PASSWORD}@p', port: 1}}\n")),
        (2, format!("{key_line}      baseUrl: https://u:{PROXY_PASSWORD}@p\n")),
        (2, format!("{key_line}      secureSocket: {{key: {{path: {store}, password: {STORE_PASSWORD}}}}}\n")),
        (2, format!("{key_line}      secureSocket: {{key: {{path: {store}.not, password: {STORE_PASSWORD}}}}}\n")),
        (2, format!("{key_line}      secureSocket: {{cert: {{path: {trust}, password: {STORE_PASSWORD}}}}}\n")),
        (2, format!("{key_line}      secureSocket: {{key: {{certFile: {pem}, keyFile: {key}, keyPassword: {KEY_PASSWORD}}}}}\n")),
    ]
    .into_iter()
    .enumerate()
    {
        let file = scene.file(&format!("{at}.yaml"), &properties);
        let allow = ["--allow-origin", url, "--log", "info"];
        for args in [["run", "--output", "json", &file], ["run", "--output", "text", &file]] {
            let mut command = scene.command(&args);
            command.args(allow);
            let output = command.output().unwrap();
            let shown = [output.stdout, output.stderr].concat();
            assert_eq!(scene.watch.found(&shown), None, "{properties}");
            // What is wrong with a connection may be known only when it is used.
            let ended = output.status.code().unwrap();
            let text = String::from_utf8_lossy(&shown).into_owned();
            assert!(ended == code || (code, ended) == (2, 1), "{ended}: {properties}\n{text}");
            scene.runs += 1;
        }
    }
}

fn proxies(scene: &mut Scene, url: &str) {
    let with = |rest: &str| format!("http://u:{PROXY_PASSWORD}@{rest}");
    for proxy in [
        with(""),
        with("127.0.0.1:port"),
        with("127.0.0.1:99999"),
        with("127.0.0.1:1/path?q"),
        format!("socks5://u:{PROXY_PASSWORD}@127.0.0.1:1"),
        format!("u:{PROXY_PASSWORD}@127.0.0.1:1"),
        format!("http://u:{PROXY_PASSWORD} @127.0.0.1:1"),
    ] {
        let mut command = scene.command(&["request", "--secret-key-env", "K", "customers.list"]);
        command
            .env("HTTPS_PROXY", &proxy)
            .args(["--max-network-retries", "0"]);
        let output = command.output().unwrap();
        let shown = [output.stdout, output.stderr].concat();
        assert_eq!(scene.watch.found(&shown), None, "{proxy}");
        assert_ne!(output.status.code(), Some(0), "{proxy}");
        let command = scene.command(&[
            "request",
            "--secret-key-env",
            "K",
            "--max-network-retries",
            "0",
            "--proxy",
            &proxy,
            "customers.list",
        ]);
        let output = { command }.output().unwrap();
        let shown = [output.stdout, output.stderr].concat();
        assert_eq!(scene.watch.found(&shown), None, "--proxy {proxy}");
        scene.runs += 2;
    }
    // One that refuses connections, one that is no proxy.
    for (at, proxy) in [with("127.0.0.1:1"), with(url.trim_start_matches("http://"))]
        .iter()
        .enumerate()
    {
        let command = scene.command(&[
            "request",
            "--secret-key-env",
            "K",
            "--max-network-retries",
            "0",
            "--log",
            "info",
            "--proxy",
            proxy,
            "customers.list",
        ]);
        let printed = scene.ends(1, command);
        assert!(printed.contains("proxy"), "{at}: {printed}");
    }
    for flag in ["--base-url", "--allow-origin"] {
        let command = scene.command(&["request", flag, &with("127.0.0.1:1"), "customers.list"]);
        scene.ends(2, command);
    }
}

fn batches(scene: &mut Scene, url: &str, echo: &str) {
    let lines = [
        json!({"id": 1, "resource": "customers", "method": "create", "args": [{"name": "Ada Lovelace"}]}),
        json!({"id": 2, "resource": "customers", "method": "create", "args": [{}, {"apiKey": KEY}]}),
        json!({"id": 3, "resource": "customers", "method": "create", "args": [{}, {"apiKey": format!("{KEY} ")}]}),
        json!({"id": 4, "resource": "customers", "method": "retrieve", "args": ["cus_0"]}),
        json!({"id": 5, "resource": "customers", "method": "list", "args": [{}, {"apikey": KEY}]}),
        json!({"id": 6, "resource": "customers", "method": "list", "args": [{}, {"headers": {"x-answer": "escaped"}}]}),
    ];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let input = scene.given.put("calls.jsonl", &lines);
    let torn = scene
        .given
        .put("torn.jsonl", format!("{{\"apiKey\": \"{KEY}\", \n"));
    let journal = scene.path("journal");
    for (code, base, more) in [
        (1, url, ["--dry-run", &input].as_slice()),
        (1, url, &["--dry-run", "--inject-key", &input]),
        (1, url, &["--resume", &journal, &input]),
        (1, url, &["--resume", &journal, &input]),
        (1, echo, &[&input]),
        (2, url, &[&torn]),
        (2, url, &["--resume", &journal, &torn]),
        (2, echo, &["--resume", &journal, &input]),
    ] {
        let mut args = vec![
            "batch",
            "--log",
            "info",
            "--secret-key-env",
            "K",
            "--base-url",
            base,
        ];
        args.extend(more);
        let mut command = scene.command(&args);
        let output = command.output().unwrap();
        let shown = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&shown).into_owned();
        assert_eq!(scene.watch.found(&shown), None, "{more:?}\n{text}");
        let ended = output.status.code().unwrap();
        assert!(
            ended == code || (code, ended) == (2, 1),
            "{ended}: {more:?}\n{text}"
        );
        scene.runs += 1;
    }
}

/// What every crate reports at its most talkative, with HTTP/1.1, HTTP/2 and
/// failures: in a process of its own, since a subscriber is for all of one.
#[tokio::test(flavor = "multi_thread")]
async fn no_trace_of_any_crate_shows_one() {
    if in_child().is_none() {
        let test = "secrets::no_trace_of_any_crate_shows_one";
        return Child::start(test, "traced", &[]).succeeded().await;
    }
    let traced = Traced::default();
    let writer = traced.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .init();
    let authority = Authority::new();
    let files = Files::new();
    let ca = files.put("ca.pem", authority.pem());
    let tls = TlsServer::start(&authority.server(), Setup::default()).await;
    let secure = tls.url("localhost");
    let refusal = json!({"error": {"message": KEY, "type": KEY}}).to_string();
    let plain = Server::start(vec![
        Answer::json(401, &refusal),
        Answer::plain(),
        Answer::Close,
    ])
    .await;
    for (url, properties) in [
        (&*secure, json!({"secureSocket": {"cert": ca}})),
        (
            &*secure,
            json!({"secureSocket": {"cert": ca}, "httpVersion": "1.1"}),
        ),
        (&*secure, json!({})),
        (plain.url(), json!({"webhookSecrets": [WEBHOOK_SECRET]})),
        (
            plain.url(),
            json!({"proxy": {"host": "127.0.0.1", "port": 1, "userName": "u", "password": PROXY_PASSWORD}}),
        ),
        ("http://127.0.0.1:1", json!({})),
    ] {
        for inject_key in [false, true] {
            let mut properties = properties.clone();
            properties["baseUrl"] = json!(url);
            properties["maxNetworkRetries"] = json!(0);
            let options = stripe_harness::HostOptions {
                inject_key,
                ..trusting(&[url])
            };
            let (plugin, connection) = under(options, properties).await;
            let Ok(connection) = connection else { continue };
            for _ in 0..2 {
                let _ = plugin
                    .request(&connection, "customers", "create", "{\"name\":\"n\"}")
                    .await;
                let _ = plugin
                    .request(&connection, "customers", "crate", "[]")
                    .await;
            }
            tracing::trace!(?plugin, ?connection, "as a host may");
        }
    }
    let text = traced.0.lock().unwrap().clone();
    let shown = String::from_utf8_lossy(&text).into_owned();
    assert!(shown.contains("h2::"), "not traced: {shown:.2000}");
    assert!(tls.connections().len() + plain.arrived().len() > 4);
    assert_eq!(watch().found(&text), None);
    // It would be seen.
    tracing::trace!(key = KEY, "on purpose");
    assert!(watch().found(&traced.0.lock().unwrap()).is_some());
}

/// Traces, kept.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is looked for would be found: in a real command's output, where a server
/// put it into an answer that is passed on, and in every form in files.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_there_is_found() {
    let body = json!({"id": "x_1", "echo": KEY}).to_string();
    let server = Server::start(vec![Answer::json(200, &body)]).await;
    let url = server.url().to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let args = [
            "request",
            "--base-url",
            &url,
            "--secret-key-env",
            "K",
            "customers.list",
        ];
        harness(&args).output().unwrap()
    });
    let output = output.await.unwrap();
    assert!(output.status.success());
    let found = watch().found(&output.stdout);
    assert_eq!(found.as_deref(), Some(&*format!("{SENTINEL} as it is")));

    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let planted = [
        KEY.to_owned(),
        format!(
            "Authorization: Basic {}",
            base64.encode(format!("user:{PROXY_PASSWORD}"))
        ),
        format!("x{}", base64.encode(format!("ab{KEY}c"))),
        hex(KEY),
        hex(STORE_PASSWORD).to_uppercase(),
        format!("{:?}", KEY.as_bytes()),
        json!(WEBHOOK_SECRET.as_bytes()).to_string(),
        KEY.chars()
            .map(|c| format!("\\u{:04x}", u32::from(c)))
            .collect(),
        KEY.chars()
            .map(|c| format!("%{:02X}", u32::from(c)))
            .collect(),
        KEY_PASSWORD.chars().rev().collect(),
        KEY.chars().flat_map(|c| [c, '\0']).collect(),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (at, text) in planted.iter().enumerate() {
        let deep = folder.path().join(format!("{at}/a/b"));
        std::fs::create_dir_all(&deep).unwrap();
        let filler = vec![b's'; 70_000];
        let content = [&filler, text.as_bytes(), &filler].concat();
        std::fs::write(deep.join("file"), content).unwrap();
    }
    std::fs::write(folder.path().join(format!("journal-of-{KEY}")), "").unwrap();
    std::fs::write(folder.path().join("clean"), "sk_test_…4242").unwrap();
    let (found, seen) = watch().found_below(folder.path());
    assert_eq!(
        (found.len(), seen),
        (planted.len() + 1, planted.len() + 2),
        "{found:?}"
    );
    assert!(!found.iter().any(|(path, _)| path == Path::new("clean")));
}
