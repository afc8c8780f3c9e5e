//! A sandbox in its modes: within a command or alone, with a seed, a fixed clock and a file; and the
//! README's examples of it, which print what the README says.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::command::{harness, lines, root, run};
use crate::support::{Answer, KEY, Server};

const NOON: &str = "1768478400"; // 2026-01-15T12:00:00Z

/// One call in a sandbox of the command's own: its exit code, its answer, and stderr.
fn request(folder: &Path, flags: &[&str], call: &[&str]) -> (i32, Value, String) {
    let mut command = harness(&["request", "--sandbox", "--output", "json"]);
    command.args(flags).args(call).current_dir(folder);
    let (code, stdout, stderr) = run(command);
    let answer = lines(&stdout).pop().unwrap_or(Value::Null);
    (code, answer["response"]["body"].clone(), stderr)
}

#[test]
fn a_seed_and_a_clock_make_runs_alike() {
    let printed = |seed: &str| {
        let flags = ["--seed", seed, "--clock", NOON, "--output", "json"];
        let mut command = harness(&["run", "--sandbox"]);
        command.args(flags).arg("examples/quickstart.yaml");
        let (code, stdout, stderr) = run(command);
        assert_eq!(code, 0, "{stderr}");
        let bodies = lines(&stdout).into_iter();
        let bodies = bodies.map(|line| line["response"]["body"].clone());
        bodies.collect::<Vec<_>>()
    };
    let first = printed("1");
    assert_eq!(first[0]["created"], 1_768_478_400);
    assert_eq!(printed("1"), first);
    assert_ne!(printed("2")[0]["id"], first[0]["id"]);
}

#[test]
fn a_file_keeps_a_commands_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--data", "shop.redb", "--clock", NOON];
    let (code, made, stderr) = request(
        folder.path(),
        &flags,
        &["customers.create", r#"{"name": "Ada"}"#],
    );
    assert_eq!(code, 0, "{stderr}");
    let id = made["id"].as_str().unwrap();
    let (_, found, _) = request(folder.path(), &flags, &["customers.retrieve", id]);
    assert_eq!(found, made);
    // Without the file it is another sandbox.
    let (code, _, _) = request(
        folder.path(),
        &["--clock", NOON],
        &["customers.retrieve", id],
    );
    assert_eq!(code, 1);

    // Time passes in the file, too.
    let advance = |args: &[&str]| {
        let mut command = harness(&["advance-clock", "--data", "shop.redb", "--clock", NOON]);
        command.args(args).current_dir(folder.path());
        run(command)
    };
    let (code, stdout, stderr) = advance(&["31d"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout, "2026-02-15T12:00:00.000Z (1771156800)\n");
    assert_eq!(advance(&[]).1, stdout, "it is only read");
    let (_, later, _) = request(folder.path(), &flags, &["customers.create"]);
    assert_eq!(later["created"], 1_771_156_800);
}

#[test]
fn a_running_sandboxs_clock_is_advanced() {
    let mut child = harness(&["sandbox", "--port", "0", "--clock", NOON])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = crate::sandbox_command::address(&mut child);
    let advance = |args: &[&str]| {
        let mut command = harness(&["advance-clock", "--base-url", &url]);
        command.args(args);
        run(command)
    };
    let results = [
        advance(&[]),
        advance(&["90"]),
        advance(&["2h"]),
        advance(&["11y"]),
    ];
    let far = advance(&["99999d"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let [read, moved, again, refused] = results;
    assert_eq!(
        (read.0, read.1.as_str()),
        (0, "2026-01-15T12:00:00.000Z (1768478400)\n")
    );
    assert_eq!(moved.1, "2026-01-15T12:01:30.000Z (1768478490)\n");
    assert_eq!(again.1, "2026-01-15T14:01:30.000Z (1768485690)\n");
    assert_eq!(refused.0, 2);
    assert!(refused.2.contains("such as 30d"), "{}", refused.2);
    assert_eq!(far.0, 2);
    assert!(far.2.contains("time does not go back"), "{}", far.2);
    // It is gone by now.
    let (code, _, stderr) = advance(&["1d"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("start one with stripe-harness sandbox"),
        "{stderr}"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Server::start(vec![Answer::json(200, r#"{"object": "list"}"#)]).await;
    let url = server.url().to_owned();
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (
            vec!["request", "--seed", "1", "customers.list"],
            "--seed is for the sandbox that --sandbox starts",
        ),
        (
            vec!["run", "--clock", NOON, "examples/quickstart.yaml"],
            "--clock is for the sandbox that --sandbox starts",
        ),
        (
            vec!["batch", "--data", "x.redb"],
            "--data is for the sandbox that --sandbox starts",
        ),
        (
            vec!["advance-clock", "--data", "no-such.redb", "1d"],
            "there is no file no-such.redb",
        ),
        (
            vec!["advance-clock", "--clock", NOON, "1d"],
            "--clock goes with --data",
        ),
        (
            vec!["advance-clock", "--base-url", "https://127.0.0.1:1", "1d"],
            "they speak plain http",
        ),
        (
            vec!["advance-clock", "--base-url", "nonsense", "1d"],
            "no sandbox's address",
        ),
        (
            vec!["advance-clock", "--base-url", &url, "1d"],
            "is not a sandbox",
        ),
    ];
    for (args, message) in cases {
        let mut command = harness(&args);
        command.env("STRIPE_SECRET_KEY", KEY);
        let (code, stdout, stderr) = tokio::task::spawn_blocking(move || run(command))
            .await
            .unwrap();
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(message), "{args:?}: {stderr}");
    }
}

/// The README's examples: each block of commands that have a seed, or go on with what such a one
/// made, as commands and what each prints.
fn examples() -> Vec<Vec<(String, Vec<String>)>> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let mut examples = Vec::new();
    for block in blocks.filter(|block| block.contains("--seed")) {
        let mut commands: Vec<(String, Vec<String>)> = Vec::new();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => commands.push((command.to_owned(), Vec::new())),
                None => commands.last_mut().unwrap().1.push(line.to_owned()),
            }
        }
        examples.push(commands);
    }
    examples
}

/// A line without the time that its call took.
fn timeless(line: &str) -> String {
    let mut words: Vec<&str> = line.trim_end().split(' ').collect();
    for place in 1..words.len() {
        if words[place] == "ms" && words[place - 1].parse::<f64>().is_ok() {
            words[place - 1] = "…";
        }
    }
    words.join(" ")
}

/// Whether lines are as told; a line `…` stands for any number of lines.
fn is_told(told: &[String], printed: &[String]) -> bool {
    match told.split_first() {
        None => printed.is_empty(),
        Some((dots, rest)) if dots.trim() == "…" => {
            (0..=printed.len()).any(|skipped| is_told(rest, &printed[skipped..]))
        }
        Some((line, rest)) => printed.first() == Some(line) && is_told(rest, &printed[1..]),
    }
}

#[cfg(unix)]
#[test]
fn the_readmes_examples_print_what_it_says() {
    let binary = Path::new(env!("CARGO_BIN_EXE_stripe-harness"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let mut commands = 0;
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root().join("examples"), folder.path().join("examples"))
            .unwrap();
        for (text, told) in example {
            commands += 1;
            assert!(text.starts_with("stripe-harness "), "{text}");
            let mut command = std::process::Command::new("sh");
            // Of the environment, what `harness` takes from every command.
            for name in ["STRIPE_SECRET_KEY", "LOWDEFY_SECRET_STRIPE_SECRET_KEY"] {
                command.env_remove(name);
            }
            command
                .args(["-c", &text])
                .current_dir(folder.path())
                .env("PATH", &path)
                .env("STRIPE_HARNESS_CACHE", root().join("target/test-cache"))
                .stdin(Stdio::null());
            let (code, stdout, stderr) = run(command);
            assert_eq!(code, 0, "{text}: {stderr}");
            let printed: Vec<_> = stdout.lines().map(timeless).collect();
            let told: Vec<_> = told.iter().map(|line| timeless(line)).collect();
            assert!(
                is_told(&told, &printed),
                "$ {text}\n{stdout}\nis not\n{}",
                told.join("\n")
            );
        }
    }
    assert!(commands >= 4, "{commands} commands in the README");
}
