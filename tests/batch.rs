//! `stripe-harness batch`: order, rate, interruption and what it says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use crate::support::batch::{Bench, customers, end, ended, signal, until, until_said};
use crate::support::command::{harness, run};
use crate::support::{Answer, KEY, Server};

/// An answer that waits for the gate.
fn held(gate: &watch::Receiver<bool>) -> Answer {
    Answer::Held(gate.clone(), Box::new(Answer::plain()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_answered_in_order_and_summed_up() {
    let server = Server::start(vec![Answer::json(
        402,
        r#"{"error":{"type":"card_error","code":"card_declined","message":"No."}}"#,
    )])
    .await;
    let bench = Bench::new(&format!("{}\n{}", customers(0..1), customers(1..30)));
    let args = ["--concurrency", "1"];
    let ended = end(bench.command(&server, &args));
    assert_eq!((ended.code, ended.lines.len()), (1, 30));
    for (at, line) in ended.lines.iter().enumerate() {
        assert_eq!(line["id"], at);
    }
    assert_eq!(ended.lines[0]["error"]["code"], "card_declined");
    let (counts, time) = ended.stderr.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(counts, "30 calls: 29 succeeded, 1 failed\n  1 card_error");
    assert!(time.ends_with(" calls a second"), "{time}");

    let mut quiet = bench.command(&server, &args);
    quiet.arg("--quiet");
    let ended = end(quiet);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_lets_calls_finish_and_a_second_one_does_not() {
    for name in ["INT", "TERM"] {
        let (open, gate) = watch::channel(false);
        let server = Server::start(vec![held(&gate); 100]).await;
        let bench = Bench::new(&customers(0..100));
        let mut child = bench
            .command(&server, &["--concurrency", "4"])
            .spawn()
            .unwrap();
        until("four calls are under way", || server.arrived().len() == 4);
        signal(&child, name);
        until_said(&mut child, "Stopping");
        open.send_replace(true);
        let ended = ended(child);
        assert_eq!(ended.code, 130, "{name}");
        let ids: Vec<&Value> = ended.lines.iter().map(|line| &line["id"]).collect();
        assert_eq!(ids, [0, 1, 2, 3]);
        assert!(
            ended.stderr.contains("4 calls: 4 succeeded, 0 failed"),
            "{}",
            ended.stderr
        );
        // Never more than were allowed together, and none after the signal.
        assert_eq!(server.arrived().len(), 4);
    }

    let (_closed, gate) = watch::channel(false);
    let server = Server::start(vec![held(&gate); 100]).await;
    let bench = Bench::new(&customers(0..100));
    let mut child = bench.command(&server, &[]).spawn().unwrap();
    until("a call is under way", || !server.arrived().is_empty());
    signal(&child, "INT");
    until_said(&mut child, "Stopping");
    signal(&child, "INT");
    let ended = ended(child);
    assert_eq!((ended.code, ended.lines.len()), (130, 0));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_its_turn_is_not_sent_after_a_signal() {
    // After the first answer nothing may be sent for minutes.
    let limited = Answer::json(
        429,
        r#"{"error":{"type":"rate_limit_error","message":"x"}}"#,
    )
    .with("retry-after", "240");
    let server = Server::start(vec![limited]).await;
    let bench = Bench::new(&customers(0..20));
    let mut command = bench.command(&server, &["--write-rate", "1000", "--concurrency", "1"]);
    command.args(["--max-network-retries", "0"]);
    let mut child = command.spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    signal(&child, "INT");
    let ended = ended(child);
    assert_eq!(ended.code, 130);
    assert!(first.contains("rate_limit_error"), "{first}");
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_holds_the_next_write_back() {
    let limited = Answer::json(
        429,
        r#"{"error":{"type":"rate_limit_error","message":"x"}}"#,
    )
    .with("retry-after", "1");
    let server = Server::start(vec![limited]).await;
    let write = customers(0..1);
    let read = |id: &str| {
        format!("{{\"resource\":\"customers\",\"method\":\"retrieve\",\"args\":[\"{id}\"]}}\n")
    };
    let bench = Bench::new(&[write.clone(), read("cus_1"), write, read("cus_2")].concat());
    let mut command = bench.command(&server, &["--rate-limit", "1000", "--concurrency", "1"]);
    command.args(["--max-network-retries", "0"]);
    let ended = end(command);
    assert_eq!(ended.code, 1);
    assert_eq!(ended.lines[0]["error"]["retry_after_ms"], 1_000);
    let methods: Vec<String> = server.arrived().into_iter().map(|it| it.method).collect();
    assert_eq!(methods, ["POST", "GET", "POST", "GET"]);
    let at = server.arrivals();
    assert!(at[2] - at[0] >= Duration::from_secs(1), "{at:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_request_counts_as_what_its_verb_says() {
    let server = Server::start(Vec::new()).await;
    let input: String = (0..3)
        .map(|at| {
            format!(
                "{{\"resource\":\"\",\"method\":\"rawRequest\",\
                 \"args\":[\"post\",\"/v1/{at}\"]}}\n"
            )
        })
        .collect();
    let bench = Bench::new(&input);
    let begun = Instant::now();
    let args = ["--read-rate", "off", "--write-rate", "1"];
    let ended = end(bench.command(&server, &args));
    assert_eq!((ended.code, ended.lines.len()), (0, 3));
    // One a second: the third is not begun before two seconds are over.
    let third = server.arrivals()[2] - begun;
    assert!(third >= Duration::from_secs(2), "{third:?}");
}

#[test]
fn wrong_usage_is_said_and_ends_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    let journal = journal.to_str().unwrap();
    for (args, said) in [
        (
            ["--dry-run", "--resume", journal].as_slice(),
            "cannot be used with",
        ),
        (
            &["--sandbox", "--resume", journal],
            "--resume does not go with --sandbox",
        ),
        (
            &["--sandbox", "--rate-limit", "0"],
            "from 1 to 100000, or off",
        ),
        (
            &["--sandbox", "no_such_file"],
            "no_such_file cannot be read",
        ),
        (&["--sandbox", "examples"], "examples cannot be read"),
        (&["--sandbox", "--concurrency", "0"], "1..=1024"),
    ] {
        let mut command = harness(&["batch"]);
        command.args(args);
        let (code, stdout, stderr) = run(command);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(said), "{args:?}: {stderr}");
    }
    assert!(!dir.path().join("journal").exists());
}

#[test]
fn nothing_of_a_terminal_is_sent_to_a_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("input");
    std::fs::write(&input, customers(0..50)).unwrap();
    let mut command = harness(&["batch", "--sandbox"]);
    command.arg(&input);
    let (code, _, stderr) = run(command);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.starts_with("50 calls: "), "{stderr}");
    assert!(!stderr.contains(['\x1b', '\r']), "{stderr:?}");
}

/// The most memory a process has had, in KiB.
#[cfg(target_os = "linux")]
fn most_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.unwrap()
        .trim_start_matches("VmHWM:")
        .trim_end_matches("kB")
        .trim()
        .parse()
        .unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_does_not_grow_with_the_input() {
    let mut command = harness(&["batch", "--dry-run", "--secret-key-env", "K", "--quiet"]);
    command
        .env("K", KEY)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // 600 bytes each: 60 MB go in and more than 100 MB come out.
    let line = format!(
        "{{\"resource\":\"customers\",\"method\":\"create\",\"args\":[{{\"name\":\"{}\"}}]}}\n",
        "n".repeat(540)
    );
    let mut answered = 0_u64;
    let mut memory = Vec::new();
    for calls in [5_000, 95_000] {
        let line = line.clone();
        let writer = std::thread::spawn(move || {
            for _ in 0..calls {
                stdin.write_all(line.as_bytes()).unwrap();
            }
            stdin
        });
        let mut answer = Vec::new();
        for _ in 0..calls {
            answer.clear();
            assert!(stdout.read_until(b'\n', &mut answer).unwrap() > 1_000);
            answered += 1;
        }
        stdin = writer.join().unwrap();
        memory.push(most_memory(child.id()));
    }
    drop(stdin);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!((answered, rest.len()), (100_000, 0));
    // The kernel counts in batches, so a mark may even fall a little.
    let grown = memory[1].saturating_sub(memory[0]);
    assert!(grown < 24 << 10, "{memory:?} KiB");
}
