//! `stripe-harness batch --resume`: whatever interrupts a run, running it again
//! completes it, and Stripe never sees a second key for a line.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::batch::{Bench, customers, end, ended, until};
use crate::support::{Answer, Request, Server};

/// What arrived, by what makes a line one: the request but its key and what a
/// client says of its last call.
fn by_line(server: &Server) -> BTreeMap<String, Vec<Request>> {
    let mut lines: BTreeMap<String, Vec<Request>> = BTreeMap::new();
    for mut request in server.arrived() {
        request
            .headers
            .retain(|(name, _)| name != "x-stripe-client-telemetry");
        let line = format!("{} {} {}", request.method, request.target, request.body());
        lines.entry(line).or_default().push(request);
    }
    lines
}

/// Every repetition of a line is the same request, key and all.
fn assert_same_each_time(server: &Server) {
    for (line, requests) in by_line(server) {
        for request in &requests {
            assert_eq!(request, &requests[0], "{line}");
        }
    }
}

fn repeated(server: &Server) -> usize {
    by_line(server)
        .values()
        .filter(|requests| requests.len() > 1)
        .count()
}

fn call(resource: &str, method: &str, args: &Value) -> String {
    let line = json!({"resource": resource, "method": method, "args": args});
    format!("{line}\n")
}

fn failing(status: u16, kind: &str) -> Answer {
    Answer::json(
        status,
        &format!(r#"{{"error":{{"type":"{kind}","message":"x"}}}}"#),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_continued_and_nothing_is_sent_under_a_second_key() {
    // The first eight lines are answered; the four after them are under way.
    let (open, gate) = watch::channel(false);
    let server = Server::answering(move |request| {
        let held = ["name=n8", "name=n9", "name=n10", "name=n11"].contains(&request.body());
        match held {
            true => Answer::Held(gate.clone(), Box::new(Answer::plain())),
            false => Answer::plain(),
        }
    })
    .await;
    let mut input = customers(0..12);
    input.push_str("\n\n");
    input.push_str(&call("customers", "retrieve", &json!(["cus_1"])));
    input.push_str(&call(
        "customers",
        "create",
        &json!([{"name": "own"}, {"idempotencyKey": "own-1"}]),
    ));
    input.push_str(&call("customers", "del", &json!(["cus_2"])));
    input.push_str(&call("", "rawRequest", &json!(["POST", "/v1/raw"])));
    input.push_str(&customers(16..30));
    let bench = Bench::new(&input);
    let args = ["--concurrency", "4"];

    let mut child = bench.resumed(&server, &args).spawn().unwrap();
    until("four calls are under way", || server.arrived().len() == 12);
    child.kill().unwrap();
    child.wait().unwrap();
    open.send_replace(true);

    let ended = end(bench.resumed(&server, &args));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.lines.len(), 30);
    let ids = (0..12)
        .map(Value::from)
        .chain([Value::Null, Value::Null, Value::Null, Value::Null]);
    for (line, id) in ended.lines.iter().zip(ids.chain((16..30).map(Value::from))) {
        assert_eq!(line["id"], id);
        assert_eq!(line["response"]["body"]["id"], "x_1");
    }
    // Only answered lines make room for others, so eight were.
    assert!(
        ended.stderr.contains("8 answered by the journal"),
        "{}",
        ended.stderr
    );
    assert_eq!((server.arrived().len(), repeated(&server)), (34, 4));
    assert_eq!(by_line(&server).len(), 30);
    assert_same_each_time(&server);

    // The keys are the run's with the number of the line, but for the caller's
    // own, and where a repetition is harmless there is none.
    let begun: Value = serde_json::from_str(bench.journal().lines().next().unwrap()).unwrap();
    let run = begun["run"].as_str().unwrap();
    let key = |line: &str| {
        by_line(&server)[line][0]
            .header("idempotency-key")
            .map(str::to_owned)
    };
    assert_eq!(
        key("POST /v1/customers name=n0"),
        Some(format!("batch-{run}-1"))
    );
    assert_eq!(
        key("POST /v1/customers name=n29"),
        Some(format!("batch-{run}-32"))
    );
    assert_eq!(key("POST /v1/raw "), Some(format!("batch-{run}-18")));
    assert_eq!(key("POST /v1/customers name=own").as_deref(), Some("own-1"));
    assert_eq!(key("GET /v1/customers/cus_1 "), None);
    assert_eq!(key("DELETE /v1/customers/cus_2 "), None);
    #[cfg(unix)]
    assert_eq!(crate::support::batch::mode(&bench.path("journal")), 0o600);

    // Once more: everything is answered, nothing is sent.
    let again = end(bench.resumed(&server, &args));
    assert_eq!((again.code, &again.lines), (0, &ended.lines));
    assert_eq!(server.arrived().len(), 34);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_finds_its_place_in_every_form_of_arguments() {
    let server = Server::start(Vec::new()).await;
    let account = json!({"stripeAccount": "acct_1"});
    let calls: Vec<(&str, &str, Value)> = vec![
        ("customers", "create", json!(null)),
        ("customers", "create", json!([])),
        ("customers", "create", json!([null])),
        ("customers", "create", json!({})),
        ("customers", "create", json!({"name": "a, \"}] é"})),
        ("customers", "create", json!([{"name": "b"}, {}])),
        ("customers", "create", json!([{"name": "b"}, null])),
        ("customers", "create", json!([{"name": "b"}, account])),
        ("customers", "create", json!([account])),
        ("customers", "create", json!(account)),
        ("customers", "create", json!([null, account, null])),
        ("customers", "update", json!("cus_1")),
        ("customers", "update", json!(["cus_1"])),
        ("customers", "update", json!(["cus_1", null, account])),
        (
            "customers",
            "update",
            json!(["cus_1", {"name": "c", "stripeAccount": "d"}]),
        ),
        (
            "accounts",
            "updatePerson",
            json!(["acct_1", "person_1", {"email": "e"}]),
        ),
        ("", "rawRequest", json!(["POST", "/v1/x"])),
        ("", "rawRequest", json!(["POST", "/v1/x", {"a": 1}])),
        ("", "rawRequest", json!(["POST", "/v1/x", null, account])),
        ("", "rawRequest", json!(["DELETE", "/v2/x"])),
        ("v2.core.eventDestinations", "del", json!(["ed_1"])),
        (
            "v2.core.eventDestinations",
            "create",
            json!([{"name": "f", "amount": 1.50}]),
        ),
        (
            "files",
            "create",
            json!([{"purpose": "dispute_evidence",
            "file": {"data": {"base64": "AP8="}, "name": "g.png"}}]),
        ),
    ];
    let input: String = calls.iter().map(|(a, b, args)| call(a, b, args)).collect();
    let bench = Bench::new(&input);
    let one = ["--concurrency", "1", "--telemetry", "false"];
    // Without a journal nothing is added: what is sent then is what is meant.
    assert_eq!(end(bench.command(&server, &one)).code, 0);
    let ended = end(bench.resumed(&server, &one));
    assert_eq!(ended.code, 0, "{:?}", ended.lines);
    let arrived = server.arrived();
    let (plain, keyed) = arrived.split_at(calls.len());
    assert_eq!(keyed.len(), calls.len());
    let header: Value = serde_json::from_str(bench.journal().lines().next().unwrap()).unwrap();
    for (at, (plain, keyed)) in plain.iter().zip(keyed).enumerate() {
        let expected = format!("batch-{}-{}", header["run"].as_str().unwrap(), at + 1);
        assert_eq!(
            keyed.header("idempotency-key"),
            Some(expected.as_str()),
            "{:?}",
            calls[at]
        );
        assert_eq!(without_key(keyed), without_key(plain), "{:?}", calls[at]);
    }
}

/// A request but its key and the boundary of an upload, which are random.
fn without_key(request: &Request) -> (String, Vec<(String, String)>, Vec<u8>) {
    let boundary = request
        .header("content-type")
        .and_then(|kind| kind.split_once("boundary="))
        .map(|(_, boundary)| boundary.to_owned());
    let blank = |text: &str| match &boundary {
        Some(boundary) => text.replace(boundary.as_str(), "-"),
        None => text.to_owned(),
    };
    let headers = request
        .headers
        .iter()
        .filter(|(name, _)| name != "idempotency-key");
    let body = match &boundary {
        None => request.body.clone(),
        Some(_) => blank(&String::from_utf8_lossy(&request.body)).into_bytes(),
    };
    (
        format!("{} {}", request.method, request.target),
        headers
            .map(|(name, value)| (name.clone(), blank(value)))
            .collect(),
        body,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_callers_own_is_kept() {
    let server = Server::start(Vec::new()).await;
    let own = json!({"idempotencyKey": "own"});
    let header = json!({"headers": {"Idempotency-Key": "own"}});
    let calls = [
        ("customers", "create", json!([{"name": "a"}, own])),
        ("customers", "create", json!([own])),
        ("customers", "create", json!(own)),
        ("customers", "create", json!([{"name": "a"}, header])),
        ("customers", "create", json!([header])),
        ("", "rawRequest", json!(["POST", "/v1/x", {"a": 1}, own])),
        ("v2.core.eventDestinations", "del", json!(["ed_1", own])),
    ];
    let input: String = calls.iter().map(|(a, b, args)| call(a, b, args)).collect();
    let bench = Bench::new(&input);
    let one = ["--concurrency", "1", "--telemetry", "false"];
    assert_eq!(end(bench.command(&server, &one)).code, 0);
    assert_eq!(end(bench.resumed(&server, &one)).code, 0);
    let arrived = server.arrived();
    let (plain, kept) = arrived.split_at(calls.len());
    assert_eq!(kept, plain);
    assert!(
        kept.iter()
            .all(|it| it.header("idempotency-key") == Some("own"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_and_what_is_final_is_not() {
    let script = vec![
        failing(500, "api_error"),
        failing(429, "rate_limit_error"),
        failing(402, "card_error"),
    ];
    let server = Server::start(script).await;
    let bench = Bench::new(&customers(0..4));
    let args = ["--concurrency", "1", "--max-network-retries", "0"];
    let first = end(bench.resumed(&server, &args));
    let cases = |lines: &[Value]| -> Vec<Value> {
        lines
            .iter()
            .map(|line| line["error"]["case"].clone())
            .collect()
    };
    assert_eq!(first.code, 1);
    assert_eq!(
        cases(&first.lines),
        [
            json!("transient"),
            json!("transient"),
            json!("permanent"),
            Value::Null
        ]
    );
    let second = end(bench.resumed(&server, &args));
    assert_eq!(second.code, 1);
    assert_eq!(
        cases(&second.lines),
        [Value::Null, Value::Null, json!("permanent"), Value::Null]
    );
    assert_eq!(second.lines[2..], first.lines[2..]);
    assert_eq!((server.arrived().len(), repeated(&server)), (6, 2));
    assert_same_each_time(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_journal_loses_its_last_record_alone() {
    let server = Server::start(Vec::new()).await;
    let bench = Bench::new(&customers(0..6));
    let args = ["--concurrency", "1"];
    let whole = end(bench.resumed(&server, &args));
    let journal = bench.journal();
    // In the middle of the last answer.
    std::fs::write(bench.path("journal"), &journal[..journal.len() - 20]).unwrap();
    let mended = end(bench.resumed(&server, &args));
    assert_eq!((mended.code, mended.lines.len()), (0, 6));
    assert_eq!(mended.lines[..5], whole.lines[..5]);
    assert_eq!((server.arrived().len(), repeated(&server)), (7, 1));
    assert_same_each_time(&server);

    // Of a header that was torn nothing has been sent: it is begun again.
    std::fs::write(bench.path("journal"), &journal[..40]).unwrap();
    assert_eq!(end(bench.resumed(&server, &args)).code, 0);
    assert_eq!(server.arrived().len(), 13);

    // Damage anywhere else could hide what was sent.
    let journal = bench.journal().replacen("\"sent\"", "\"lost\"", 1);
    std::fs::write(bench.path("journal"), &journal).unwrap();
    let damaged = end(bench.resumed(&server, &args));
    assert_eq!((damaged.code, damaged.lines.len()), (2, 0));
    assert!(
        damaged.stderr.contains("damaged: its line 3"),
        "{}",
        damaged.stderr
    );
    assert_eq!(bench.journal(), journal);
    assert_eq!(server.arrived().len(), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_journal_is_left_alone() {
    let server = Server::start(Vec::new()).await;
    let bench = Bench::new(&customers(0..1));
    let format_1 = "{\"stripe_harness_batch\":1,\"run\":\"a\",\"purpose\":{\"live\":false}}\n";
    let format_3 = "{\"stripe_harness_batch\":3}\n";
    for text in ["{\"id\":1}\n", "text", format_1, format_3] {
        std::fs::write(bench.path("journal"), text).unwrap();
        let ended = end(bench.resumed(&server, &[]));
        assert_eq!((ended.code, ended.lines.len()), (2, 0), "{text}");
        let said = match text {
            text if text == format_1 => "has format 1, and this program reads format 2; continue",
            text if text == format_3 => "has format 3, and this program reads format 2; continue",
            _ => "is not a journal",
        };
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert_eq!(
            std::fs::read_to_string(bench.path("journal")).unwrap(),
            text
        );
    }
    assert_eq!(server.arrived().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_input_or_connection_is_refused() {
    let server = Server::start(Vec::new()).await;
    let bench = Bench::new(&customers(0..5));
    let args = ["--concurrency", "1"];
    assert_eq!(end(bench.resumed(&server, &args)).code, 0);
    let changed = customers(0..5).replace("n3", "m3");
    for (input, said, printed) in [
        (changed, "line 4 of the input is not the one", 3),
        (customers(0..2), "line 3 of the input is not the one", 2),
        (format!("\n{}", customers(0..5)), "line 1 of the input", 0),
        (
            customers(0..2) + "\n" + &customers(3..8),
            "line 3 of the input",
            2,
        ),
    ] {
        bench.input(&input);
        let ended = end(bench.resumed(&server, &args));
        assert_eq!(ended.code, 2, "{said}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert_eq!(ended.lines.len(), printed, "{said}");
    }
    bench.input(&customers(0..5));
    let elsewhere = Server::start(Vec::new()).await;
    let mut live = bench.resumed(&server, &args);
    live.env("K", crate::support::KEY.replace("sk_test_", "rk_live_"));
    for (command, said) in [
        (
            bench.resumed(&server, &["--stripe-account", "acct_1"]),
            "the stripeAccount none, the connection has acct_1",
        ),
        (
            bench.resumed(&server, &["--api-version", "2020-08-27"]),
            "the apiVersion none",
        ),
        (
            bench.resumed(&elsewhere, &args),
            "was made with the baseUrl",
        ),
        (live, "is of test mode, the secret key of live mode"),
    ] {
        let ended = end(command);
        assert_eq!((ended.code, ended.lines.len()), (2, 0), "{said}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert_eq!((server.arrived().len(), elsewhere.arrived().len()), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_cannot_share_a_journal() {
    let (open, gate) = watch::channel(false);
    let held = Answer::Held(gate, Box::new(Answer::json(200, "{}")));
    let server = Server::start(vec![held]).await;
    let bench = Bench::new(&customers(0..3));
    let first = bench
        .resumed(&server, &["--concurrency", "1"])
        .spawn()
        .unwrap();
    until("the first run is under way", || server.arrived().len() == 1);
    let second = end(bench.resumed(&server, &[]));
    assert_eq!((second.code, second.lines.len()), (2, 0));
    assert!(
        second.stderr.contains("is in use by another run"),
        "{}",
        second.stderr
    );
    open.send_replace(true);
    let first = ended(first);
    assert_eq!((first.code, first.lines.len()), (0, 3));
    assert_eq!(server.arrived().len(), 3);
}

/// The journal with every call sent this much earlier.
fn age(journal: &str, seconds: u64) -> String {
    let mut out = String::new();
    for line in journal.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if let Some(at) = record.pointer_mut("/sent/at") {
            *at = json!(at.as_u64().unwrap() - seconds);
        }
        out.push_str(&format!("{record}\n"));
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_may_have_forgotten_is_not_sent_again() {
    let unknown = || failing(500, "api_error");
    let server = Server::start(vec![unknown(), unknown(), failing(429, "rate_limit_error")]).await;
    let read = call("customers", "retrieve", &json!(["cus_1"]));
    let bench = Bench::new(&(read + &customers(0..3)));
    let args = ["--concurrency", "1", "--max-network-retries", "0"];
    assert_eq!(end(bench.resumed(&server, &args)).code, 1);
    let journal = bench.journal();

    // 25 hours later the line that Stripe may have acted on is not repeated; a
    // read, and what Stripe refused, are.
    std::fs::write(bench.path("journal"), age(&journal, 25 * 3600)).unwrap();
    let late = end(bench.resumed(&server, &args));
    assert_eq!(late.code, 1);
    let error = &late.lines[1]["error"];
    assert_eq!(error["case"], "permanent");
    assert_eq!(error["may_have_been_sent"], true);
    let key = server.arrived()[1]
        .header("idempotency-key")
        .unwrap()
        .to_owned();
    assert_eq!(error["idempotency_key"], key.as_str());
    assert!(
        error["message"].as_str().unwrap().contains("Dashboard"),
        "{error}"
    );
    for line in [0, 2, 3] {
        assert_eq!(late.lines[line]["response"]["status"], 200);
    }
    assert_eq!(server.arrived().len(), 4 + 2);
    // However often it is continued.
    assert_eq!(end(bench.resumed(&server, &args)).lines[1]["error"], *error);
    assert_eq!(server.arrived().len(), 4 + 2);

    // 22 hours later Stripe knows the key.
    std::fs::write(bench.path("journal"), age(&journal, 22 * 3600)).unwrap();
    assert_eq!(end(bench.resumed(&server, &args)).code, 0);
    assert_same_each_time(&server);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_run_before_anything_more_is_sent() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let (open, gate) = watch::channel(false);
    let held = Answer::Held(gate, Box::new(Answer::plain()));
    let server = Server::start(vec![held]).await;
    let bench = Bench::new(&customers(0..200));
    let plain = bench.resumed(&server, &["--concurrency", "1"]);
    // Going over the limit is an error rather than a signal.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(plain.get_current_dir().unwrap())
        .env("K", crate::support::KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = limited.spawn().unwrap();
    until("a call is under way", || server.arrived().len() == 1);
    // The disk is full after some records; the memory of instances counts as
    // files too, and is there by now.
    let limit = Rlimit {
        current: Some(8_000),
        maximum: Some(8_000),
    };
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    prlimit(pid, Resource::Fsize, limit).unwrap();
    open.send_replace(true);
    let full = ended(child);
    assert_eq!(full.code, 2);
    assert!(
        full.stderr
            .contains("cannot be written, so nothing more was sent"),
        "{}",
        full.stderr
    );
    // What was sent is answered all the same.
    let sent = server.arrived().len();
    assert!(sent > 1 && sent < 200, "{sent}");
    assert_eq!(full.lines.len(), sent);

    let resumed = end(plain);
    assert_eq!(
        (resumed.code, resumed.lines.len()),
        (0, 200),
        "{}",
        resumed.stderr
    );
    assert_eq!(by_line(&server).len(), 200);
    assert!(repeated(&server) <= 1);
    assert_same_each_time(&server);

    // Where not even the beginning can be written nothing is sent.
    let mut nowhere = bench.command(&server, &["--resume", "/dev/full"]);
    nowhere.stdin(Stdio::null());
    let begun = server.arrived().len();
    let nowhere = end(nowhere);
    assert_eq!((nowhere.code, nowhere.lines.len()), (2, 0));
    assert!(
        nowhere.stderr.contains("/dev/full cannot be written"),
        "{}",
        nowhere.stderr
    );
    assert_eq!(server.arrived().len(), begun);
}
