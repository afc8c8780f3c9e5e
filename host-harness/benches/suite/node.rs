//! Node's side: the official client and Lowdefy's connector, installed below
//! `target/` from `benches/node/`, whose lock file pins them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::child::Child;
use crate::machine;
use crate::report::progress;

/// What is copied and installed; Node finds packages beside its scripts.
const FILES: [&str; 6] = [
    "package.json",
    "package-lock.json",
    ".npmrc",
    "contenders.mjs",
    "load.mjs",
    "first.mjs",
];

/// Who Node can be.
#[derive(Clone, Copy)]
pub(crate) enum Package {
    Stripe,
    Lowdefy,
}

impl Package {
    fn argument(self) -> &'static str {
        match self {
            Package::Stripe => "stripe",
            Package::Lowdefy => "lowdefy",
        }
    }
}

/// An installation of the packages.
pub(crate) struct Node {
    folder: PathBuf,
}

impl Node {
    /// Installs what is not there yet. The error says why Node has to be left
    /// out.
    pub(crate) fn installed() -> Result<Node> {
        if machine::node().is_none() {
            bail!("there is no Node on this machine");
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/node");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-node");
        fs::create_dir_all(&folder)?;
        for file in FILES {
            fs::copy(source.join(file), folder.join(file))
                .with_context(|| format!("benches/node/{file}"))?;
        }
        // Left by an installation that came to its end, with what it installed.
        let wanted = fs::read(source.join("package-lock.json"))?;
        let mark = folder.join("node_modules/.installed");
        if fs::read(&mark).is_ok_and(|installed| installed == wanted) {
            return Ok(Node { folder });
        }
        progress("installing the Node packages (npm ci)");
        let output = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&folder)
            .stdin(Stdio::null())
            .output()
            .context("there is no npm on this machine")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "npm ci failed: {}",
                said.lines().next().unwrap_or("without a word")
            );
        }
        fs::write(&mark, wanted)?;
        Ok(Node { folder })
    }

    /// A process that makes rounds of calls; see `load.mjs`.
    pub(crate) fn load(&self, package: Package, origin: &str, trusted: &Path) -> Result<Child> {
        let mut child = Child::start(
            Command::new("node")
                .arg(self.folder.join("load.mjs"))
                .args([package.argument(), origin])
                .env("NODE_EXTRA_CA_CERTS", trusted),
        )?;
        child.line()?;
        Ok(child)
    }

    /// A process that ends after its first request; see `first.mjs`.
    pub(crate) fn first(&self) -> Command {
        let mut command = Command::new("node");
        command.arg(self.folder.join("first.mjs"));
        command
    }
}
