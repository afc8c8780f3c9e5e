//! A workflow that is cut off has said how to go on, so that nothing is paid
//! under a second run's keys.
#![cfg(unix)]

use std::process::{Child, Command, Stdio};

use tokio::sync::watch;

use crate::support::batch::{signal, until};
use crate::support::command::{finished, harness, run};
use crate::support::{Answer, KEY, Server};

const STEPS: &str = "\
steps:
- {id: look, type: action, action: stripe.getBalance}
- {id: one, type: action, action: stripe.createCustomer, config: {name: 'Ada at {{now}}'}}
- {id: two, type: action, action: stripe.createCustomer, config: {name: Bob}}
";

/// A server that never answers this request and those after it.
async fn stuck(at: usize) -> (Server, watch::Sender<bool>) {
    let (gate, closed) = watch::channel(false);
    let mut count = 0;
    let server = Server::answering(move |_| {
        count += 1;
        match count > at {
            true => Answer::Held(closed.clone(), Box::new(Answer::plain())),
            false => Answer::plain(),
        }
    })
    .await;
    (server, gate)
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.yaml"), STEPS).unwrap();
        Bench { folder }
    }

    fn command(&self, server: &Server, args: &[String]) -> Command {
        let mut command = harness(&["workflow", "--base-url", server.url()]);
        command
            .arg(self.folder.path().join("w.yaml"))
            .args(args)
            .env("STRIPE_SECRET_KEY", KEY)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Waits until so many requests have arrived, and sends a signal.
fn cut(mut child: Child, server: &Server, arrived: usize, name: &str) -> (Option<i32>, String) {
    until("a request", || server.arrived().len() >= arrived);
    signal(&child, name);
    until("its end", || child.try_wait().unwrap().is_some());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr)
}

/// `--run-id … --now …`, as a line says them.
fn flags(line: &str) -> Vec<String> {
    let said = &line[line.find("--run-id ").expect(line)..];
    let words = said.split(' ').take(4);
    let words = words.map(|word| word.trim_end_matches(':').to_owned());
    words.collect()
}

fn sent(server: &Server) -> Vec<(Option<String>, String)> {
    let arrived = server.arrived();
    let of = |it: &crate::support::Request| {
        let key = it.header("idempotency-key").map(str::to_owned);
        (key, it.body().to_owned())
    };
    arrived.iter().map(of).collect()
}

/// Even of what is killed: the line comes before the first step that writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_can_be_continued() {
    let bench = Bench::new();
    let (server, _gate) = stuck(1).await;
    let child = bench.command(&server, &[]).spawn().unwrap();
    let (code, stderr) = cut(child, &server, 2, "KILL");
    assert_eq!(code, None);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let same = flags(&stderr);

    let again = Server::start(Vec::new()).await;
    let (code, _, stderr) = run(bench.command(&again, &same));
    // Who gives both need not be told.
    assert_eq!((code, stderr.as_str()), (0, ""));
    let first = sent(&server).pop().unwrap();
    assert!(first.1.starts_with("name=Ada%20at%20"), "{first:?}");
    assert!(first.0.as_ref().unwrap().ends_with("-one"), "{first:?}");
    assert_eq!(sent(&again)[1], first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_interrupted_says_how_to_go_on() {
    let bench = Bench::new();
    let given = ["--run-id", "r1", "--now", "2026-11-21T12:00:00.000Z"].map(str::to_owned);
    for name in ["INT", "TERM"] {
        for args in [&[][..], &given[..2], &given] {
            let (server, _gate) = stuck(2).await;
            let child = bench.command(&server, args).spawn().unwrap();
            let (code, stderr) = cut(child, &server, 3, name);
            assert_eq!(code, Some(130), "{stderr}");
            let said: Vec<&str> = stderr.lines().collect();
            let last = said.last().unwrap();
            assert!(last.starts_with("interrupted"), "{stderr}");
            let same = flags(last);
            match args.len() {
                4 => assert_eq!((said.len(), same.as_slice()), (1, args)),
                more => {
                    assert_eq!((said.len(), flags(said[0])), (2, same.clone()), "{stderr}");
                    assert_eq!(same[..more], *args);
                }
            }
            let again = Server::start(Vec::new()).await;
            assert_eq!(run(bench.command(&again, &same)).0, 0);
            assert_eq!(sent(&again), sent(&server));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_anything_was_written_there_is_nothing_to_continue() {
    let (server, _gate) = stuck(0).await;
    let bench = Bench::new();
    let child = bench.command(&server, &[]).spawn().unwrap();
    let (code, stderr) = cut(child, &server, 1, "INT");
    assert_eq!(code, Some(130));
    assert_eq!(stderr, "interrupted; no step that writes was sent\n");
}

/// A time that a shell would take apart is told in quotes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_can_be_pasted() {
    let (server, _gate) = stuck(1).await;
    let now = "it's 12 o'clock; $(date)".to_owned();
    let (bench, args) = (Bench::new(), ["--now".to_owned(), now.clone()]);
    let child = bench.command(&server, &args).spawn().unwrap();
    let (_, stderr) = cut(child, &server, 2, "TERM");
    let last = stderr.lines().last().unwrap();
    let from = last.find("--now ").unwrap() + 6;
    let quoted = &last[from..last.find(" goes on").unwrap()];
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("printf %s {quoted}")]);
    let (_, said, _) = finished(shell.output().unwrap());
    assert_eq!(said, now);
}

/// The key of a step that was perhaps carried out, for who looks for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_may_have_been_carried_out_is_told_with_its_key() {
    let server = Server::answering(|request| match request.method.as_str() {
        "GET" => Answer::plain(),
        _ => Answer::Close,
    })
    .await;
    let bench = Bench::new();
    let retries = ["--max-network-retries", "0"].map(str::to_owned);
    let (code, _, stderr) = run(bench.command(&server, &retries));
    let (key, _) = sent(&server).pop().unwrap();
    let key = format!("\n  idempotency key: {}\n", key.unwrap());
    assert!(code == 1 && stderr.contains(&key), "{stderr}");

    let mut command = harness(&["request", "--base-url", server.url()]);
    command
        .args(retries)
        .args(["customers.create", "{}"])
        .env("STRIPE_SECRET_KEY", KEY);
    let (code, _, stderr) = run(command);
    let (key, _) = sent(&server).pop().unwrap();
    assert!(code == 1 && stderr.contains(&key.unwrap()), "{stderr}");
}
