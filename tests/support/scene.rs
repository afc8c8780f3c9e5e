//! Commands on a stage: whatever they write lands in one folder, and whatever
//! they print is looked through for secrets.

use std::process::Command;

use super::Files;
use super::command::harness;
use super::secrets::Watch;

/// Runs commands whose every file goes into one folder, and looks through what
/// they print.
pub(crate) struct Scene {
    /// What the commands write.
    pub(crate) written: tempfile::TempDir,
    /// What they are given.
    pub(crate) given: Files,
    pub(crate) watch: Watch,
    pub(crate) runs: usize,
}

impl Scene {
    pub(crate) fn new(watch: Watch) -> Scene {
        // Built by now, since these commands know no home to build it with.
        super::component();
        let written = tempfile::tempdir().unwrap();
        for folder in ["tmp", "home"] {
            std::fs::create_dir(written.path().join(folder)).unwrap();
        }
        Scene {
            written,
            given: Files::new(),
            watch,
            runs: 0,
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.written.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = harness(args);
        command
            .env("STRIPE_HARNESS_CACHE", self.path("cache"))
            .env("TMPDIR", self.path("tmp"))
            .env("HOME", self.path("home"))
            .env("RUST_LOG", "trace")
            .env("RUST_BACKTRACE", "full");
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    /// Runs a command that must end so, and returns what it printed.
    pub(crate) fn ends(&mut self, code: i32, mut command: Command) -> String {
        let output = command.output().unwrap();
        let args: Vec<_> = command.get_args().collect();
        let printed = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8_lossy(&printed).into_owned();
        if let Some(what) = self.watch.found(&printed) {
            panic!("{what}: {args:?}\n{shown}");
        }
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{shown}");
        self.runs += 1;
        shown
    }

    /// A request with the key to a server.
    pub(crate) fn request(&mut self, code: i32, url: &str, more: &[&str]) -> String {
        let mut args = vec!["request", "--log", "info", "--base-url", url];
        args.extend(["--secret-key-env", "K", "--max-network-retries", "0"]);
        args.extend(more);
        let command = self.command(&args);
        self.ends(code, command)
    }

    /// A file whose connection has these properties, and one request.
    pub(crate) fn file(&self, name: &str, properties: &str) -> String {
        self.given.put(
            name,
            format!(
                "connections:\n  - id: stripe\n    type: Stripe\n    properties:\n{properties}\
                 requests:\n  - id: r\n    type: StripeRequest\n    connectionId: stripe\n    \
                 properties:\n      customers: {{list: []}}\n"
            ),
        )
    }
}
