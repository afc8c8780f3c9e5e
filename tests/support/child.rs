//! Tests that need a process of their own: the environment and the memory of a
//! process belong to all of its tests.

use std::process::{Command, Stdio};

use super::secrets::unseen;

/// Set in a child, to what its parent hands it.
const HANDED: &str = "STRIPE_HARNESS_TEST_CHILD";

/// A child that runs one test.
pub(crate) struct Child(std::process::Child);

impl Child {
    /// Starts this program again for one test, such as `proxy::from_env`, with
    /// more variables in its environment.
    pub(crate) fn start(test: &str, handed: &str, environment: &[(&str, &str)]) -> Child {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.envs(environment.iter().copied());
        Child::spawn(command, test, handed)
    }

    /// The same, started by another program with these arguments.
    pub(crate) fn start_by(starter: &[&str], test: &str, handed: &str) -> Child {
        let mut command = Command::new(starter[0]);
        command.args(&starter[1..]);
        command.arg(std::env::current_exe().unwrap());
        Child::spawn(command, test, handed)
    }

    fn spawn(mut command: Command, test: &str, handed: &str) -> Child {
        command
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(HANDED, handed)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Child(command.spawn().unwrap())
    }

    /// Waits for its end; its failure is that of the test that waits.
    pub(crate) async fn succeeded(self) {
        let ended = tokio::task::spawn_blocking(|| self.0.wait_with_output());
        let output = ended.await.unwrap().unwrap();
        unseen(&output.stdout);
        unseen(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        // A name that fits no test is no failure to the test runner.
        assert!(said.contains("1 passed"), "{said}");
    }
}

/// In a child: what its parent hands it.
pub(crate) fn in_child() -> Option<String> {
    std::env::var(HANDED).ok()
}
