//! The key where a caller or a server has put it: what is sent holds it, what is
//! shown of it does not.

use serde_json::{Value, json};
use stripe_harness::types::{HttpRequest, Planned};

use crate::support::batch::{Bench, customers, end};
use crate::support::command::run;
use crate::support::secrets::{Watch, unseen};
use crate::support::{Answer, KEY, SENTINEL, Server, connected, under};

/// A key with characters that are escaped.
const ODD: &str = "to\"ken+of/oauth\\0123456789(x)";

/// Everything a plan shows.
fn all_of(request: &HttpRequest) -> Vec<u8> {
    let mut all = request.url.clone().into_bytes();
    for (name, value) in &request.headers {
        all.extend(format!("\n{name}: {value}").into_bytes());
    }
    all.extend(request.body.iter().flatten());
    all
}

fn holds(text: &[u8], part: &str) -> bool {
    text.windows(part.len())
        .any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn a_plan_does_not_show_the_key_wherever_it_was_put() {
    for (key, shown, spelled) in [
        (KEY, "sk_test_…4242", [KEY, KEY, KEY]),
        (
            ODD,
            "…9(x)",
            [
                ODD,
                "to%22ken%2Bof%2Foauth%5C0123456789%28x%29",
                "to%22ken%2Bof%2Foauth%5C0123456789(x)",
            ],
        ),
    ] {
        let server = Server::start(Vec::new()).await;
        let (plugin, connection) = connected(&server, json!({"secretKey": key})).await;
        let [plain, in_form, in_path] = spelled;
        let in_json = json!(plain).to_string();
        let in_json = &in_json[1..in_json.len() - 1];
        for (name, args, sent) in [
            (
                "oauth.token",
                json!([{"grant_type": "authorization_code", "client_secret": key}]),
                in_form,
            ),
            (
                "customers.create",
                json!([{"metadata": {"a": {"b": [format!("<{key}>")]}}}]),
                in_form,
            ),
            (
                "customers.create",
                json!([{"metadata": {key: "x"}}]),
                in_form,
            ),
            ("customers.list", json!([{"email": key}]), in_form),
            ("customers.retrieve", json!([key]), in_path),
            (
                "customers.list",
                json!([{}, {"headers": {"x-mine": format!("a {key}")}}]),
                plain,
            ),
            (
                "v2.core.accounts.create",
                json!([{"display_name": key}]),
                in_json,
            ),
            (
                "files.create",
                json!([{"purpose": "dispute_evidence",
                "file": {"data": format!("{key}\u{e9}"), "name": "a.txt"}}]),
                plain,
            ),
            ("rawRequest", json!(["POST", "/v1/x", {"a": key}]), in_form),
            (
                "customers.create",
                json!([{"name": key}, {"apiKey": "sk_test_another_0123"}]),
                in_form,
            ),
        ] {
            let (resource, method) = name.rsplit_once('.').unwrap_or(("", name));
            let args = args.to_string();
            let planned = plugin.plan(&connection, resource, method, &args).await;
            let Ok(Planned::Http(request)) = planned else {
                panic!("{name}: {planned:?}");
            };
            let text = all_of(&request);
            for form in [plain, in_form, in_path, in_json] {
                assert!(
                    !holds(&text, form),
                    "{name}: {}",
                    String::from_utf8_lossy(&text)
                );
            }
            let count = String::from_utf8_lossy(&text).matches(shown).count();
            let is_other = args.contains("another");
            assert_eq!(count, if is_other { 1 } else { 2 }, "{name} {args}");
            // What is sent is what was given.
            let made = plugin.request(&connection, resource, method, &args).await;
            made.unwrap_or_else(|error| panic!("{name}: {error}"));
            let request = server.arrived().pop().unwrap();
            let mut all = request.target.into_bytes();
            for (name, value) in request
                .headers
                .iter()
                .filter(|(name, _)| name != "authorization")
            {
                all.extend(format!("\n{name}: {value}").into_bytes());
            }
            all.extend(request.body);
            assert!(
                holds(&all, sent),
                "{name}: {}",
                String::from_utf8_lossy(&all)
            );
        }
    }
}

#[tokio::test]
async fn a_plan_shows_no_client_secret_and_no_key_of_the_call_or_connection() {
    let server = Server::start(Vec::new()).await;
    let more = json!({"headers": {"x-mine": format!("k={KEY}")}, "stripeAccount": "acct_1"});
    let (plugin, connection) = connected(&server, more).await;
    let other = "sk_live_another_key_0123456789";
    let restricted = "rk_live_0123456789_restricted";
    for (resource, method, args) in [
        (
            "oauth",
            "token",
            json!([{"grant_type": "authorization_code", "client_secret": other}]),
        ),
        (
            "v2.core.accounts",
            "create",
            json!([{"identity": {"client_secret": restricted}}]),
        ),
        (
            "customers",
            "create",
            json!([{"name": other}, {"apiKey": other}]),
        ),
        ("customers", "list", json!([])),
    ] {
        let args = args.to_string();
        let planned = plugin.plan(&connection, resource, method, &args).await;
        let Ok(Planned::Http(request)) = planned else {
            panic!("{planned:?}");
        };
        let text = all_of(&request);
        for secret in [KEY, other, restricted] {
            assert!(!holds(&text, secret), "{}", String::from_utf8_lossy(&text));
        }
        assert!(holds(&text, "x-mine: k=sk_test_…4242"));
        assert!(holds(&text, "stripe-account: acct_1"));
    }
    // A payment's own is no key: browsers have it.
    let args = json!(["pi_3NX", {"client_secret": "pi_3NX_secret_c2VjcmV0"}]).to_string();
    let planned = plugin.plan(&connection, "paymentIntents", "retrieve", &args);
    let Ok(Planned::Http(request)) = planned.await else {
        panic!("this is sent");
    };
    assert!(
        request
            .url
            .ends_with("?client_secret=pi_3NX_secret_c2VjcmV0")
    );
    let args = json!([{"state": KEY, "client_id": "ca_1"}]).to_string();
    let planned = plugin.plan(&connection, "oauth", "authorizeUrl", &args);
    let Ok(Planned::Local(json)) = planned.await else {
        panic!("this is not sent");
    };
    assert!(json.contains("state=sk_test_…4242"), "{json}");
}

/// The component knows a placeholder, not the key.
#[tokio::test]
async fn a_plan_does_not_show_a_key_that_the_host_injects() {
    let options = stripe_harness::HostOptions {
        inject_key: true,
        ..stripe_harness::HostOptions::default()
    };
    let (plugin, connection) = under(options, json!({})).await;
    let connection = connection.unwrap();
    for (resource, method, args) in [
        ("customers", "create", json!([{"name": KEY}])),
        (
            "customers",
            "list",
            json!([{"email": KEY}, {"headers": {"x-mine": KEY}}]),
        ),
        (
            "oauth",
            "token",
            json!([{"client_secret": KEY, "grant_type": "refresh_token"}]),
        ),
    ] {
        let planned = plugin
            .plan(&connection, resource, method, args.to_string())
            .await;
        let Ok(Planned::Http(request)) = planned else {
            panic!("{planned:?}");
        };
        unseen(&all_of(&request));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_repeat_the_key_are_passed_on_without_it() {
    let echo = || {
        let text = |name| (name, format!("<{KEY}>"));
        let headers = vec![
            text("request-id"),
            text("stripe-version"),
            text("stripe-account"),
        ];
        Answer::Http(200, headers, br#"{"id":"x_1"}"#.to_vec())
    };
    for inject in [false, true] {
        let server = Server::start(vec![echo(), echo(), Answer::plain()]).await;
        let bench = Bench::new(&customers(0..3));
        let mut command = bench.resumed(&server, &["--log", "info", "--concurrency", "1"]);
        if inject {
            command.arg("--inject-key");
        }
        let ended = end(command);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        for line in &ended.lines[..2] {
            for name in ["request_id", "api_version", "account"] {
                let value = line["response"][name].as_str().unwrap();
                assert!(
                    value.starts_with('<') && !value.contains(SENTINEL),
                    "{value}"
                );
                assert!(inject || value == "<sk_test_…4242>", "{value}");
            }
            assert_eq!(line["response"]["body"]["id"], "x_1");
        }
        // Both look for the key themselves.
        unseen(ended.stderr.as_bytes());
        assert!(ended.stderr.contains("customers"), "{}", ended.stderr);
        assert!(bench.journal().contains("x_1"));
        // Nor is it reported with the next call.
        for request in server.arrived() {
            let telemetry = request
                .header("x-stripe-client-telemetry")
                .unwrap_or_default();
            assert_eq!(Watch::new(&[SENTINEL]).found(telemetry.as_bytes()), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_files_type_is_shown_without_the_key_and_its_bytes_are_not_touched() {
    let answer = Answer::Http(
        200,
        vec![("content-type", format!("application/pdf; x={KEY}"))],
        KEY.as_bytes().to_vec(),
    );
    let server = Server::start(vec![answer]).await;
    let (plugin, connection) = connected(&server, json!({})).await;
    let pdf = plugin.request(&connection, "quotes", "pdf", r#"["qt_1"]"#);
    let body: Value = serde_json::from_str(&pdf.await.unwrap().body).unwrap();
    assert_eq!(body["content_type"], "application/pdf; x=sk_test_…4242");
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.encode(KEY);
    assert_eq!(body["base64"], bytes.as_str());
}

/// What the commands print of it.
#[test]
fn a_dry_run_does_not_show_the_key_in_its_params() {
    let input = json!({"resource": "oauth", "method": "token",
        "args": [{"client_secret": KEY, "grant_type": "authorization_code", "code": "ac_1"}]});
    let bench = Bench::new(&format!("{input}\n"));
    for more in [[].as_slice(), &["--inject-key"]] {
        let mut command =
            crate::support::command::harness(&["batch", "--dry-run", "--secret-key-env", "K"]);
        command.args(more).arg(bench.path("input")).env("K", KEY);
        let (code, stdout, stderr) = run(command);
        assert_eq!(code, 0, "{stderr}");
        unseen(stdout.as_bytes());
        assert!(stdout.contains("client_secret=sk_test_…4242"), "{stdout}");
    }
}
