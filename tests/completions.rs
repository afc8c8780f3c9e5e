//! What a shell is told at a tab: commands, flags, and the component's own names.

use std::process::Command;

use crate::support::command::{harness, run};

/// A tab builds nothing, so the component must be there.
fn built() {
    crate::support::component();
}

/// What bash is offered for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let mut args = vec!["--", "stripe-harness"];
    args.extend(words);
    let mut command = harness(&args);
    command
        .env("STRIPE_HARNESS_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_IFS", "\n");
    let (code, stdout, stderr) = run(command);
    assert_eq!((code, stderr.as_str()), (0, ""));
    stdout.lines().map(str::to_owned).collect()
}

#[test]
fn resources_and_methods_are_offered() {
    built();
    for command in [&["request"][..], &["describe"], &["new", "request"]] {
        let mut words = command.to_vec();
        words.push("checkout.sessions.");
        assert_eq!(
            offered(&words),
            [
                "checkout.sessions.create",
                "checkout.sessions.expire",
                "checkout.sessions.list",
                "checkout.sessions.listLineItems",
                "checkout.sessions.retrieve",
                "checkout.sessions.update",
            ],
            "{command:?}"
        );
    }
    let all = offered(&["request", ""]);
    assert!(
        all.iter().filter(|name| name.contains('.')).count() >= 673,
        "{}",
        all.len()
    );
    assert_eq!(
        offered(&["operations", "--resource", "checkout"]),
        ["checkout.sessions"]
    );
    assert_eq!(
        offered(&["list", "payouts"]),
        ["payouts"],
        "a list is named by its resource"
    );
    assert!(offered(&["list", "customers.s"]).contains(&"customers.search".to_owned()));
    assert_eq!(offered(&["action", "stripe.void"]), ["stripe.voidInvoice"]);
    assert_eq!(offered(&["request", "nothing.like.it"]), [""; 0]);
}

#[test]
fn commands_and_flags_are_offered() {
    assert_eq!(offered(&["doc"]), ["doctor"]);
    assert!(offered(&["request", "--sand"]).contains(&"--sandbox".to_owned()));
}

/// A tab never builds: where the component is not there, nothing is offered.
#[test]
fn a_component_that_is_not_there_is_no_error() {
    let mut command = harness(&["--", "stripe-harness", "request", "cust"]);
    command
        .env("STRIPE_PLUGIN_WASM", "no/such.wasm")
        .env("STRIPE_HARNESS_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2");
    let (code, stdout, stderr) = run(command);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
}

#[test]
fn every_shell_has_its_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, stdout, stderr) = run(harness(&["completions", shell]));
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(
            stdout.contains("STRIPE_HARNESS_COMPLETE"),
            "{shell}: {stdout}"
        );
    }
    let (code, _, stderr) = run(harness(&["completions", "csh"]));
    assert_eq!(code, 2);
    assert!(
        stderr.contains("bash, elvish, fish, powershell, zsh"),
        "{stderr}"
    );
}

/// The script works in the shell it is for, where there is one.
#[cfg(unix)]
#[test]
fn bash_completes() {
    built();
    let program = harness(&[]).get_program().to_owned();
    let script = format!(
        "source <({0} completions bash)\n\
         COMP_WORDS=(stripe-harness request payouts.re)\nCOMP_CWORD=2\n\
         _clap_complete_stripe_harness stripe-harness payouts.re request\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        program.to_str().unwrap()
    );
    let cache = crate::support::command::root().join("target/test-cache");
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", &script])
        .env("STRIPE_HARNESS_CACHE", cache);
    let output = match bash.output() {
        Ok(output) => output,
        // A machine without bash has the other tests.
        Err(_) => return,
    };
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout, "payouts.retrieve\npayouts.reverse\n");
}
