//! What cargo says of this checkout, asked once: folders, crates, the component's
//! manifest; with the commit and the compiler that others found. It decides nothing
//! about a release.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::toolchain::Rustc;

/// What the component is compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip2";
/// The component's crate.
pub(crate) const PACKAGE: &str = "stripe-plugin";

/// A checkout.
#[derive(Debug)]
pub(crate) struct Project {
    /// The workspace's folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// All crates that the component or its build may need.
    pub(crate) packages: Vec<Package>,
    /// The commit, with `-dirty` if the files are not exactly its; none where nothing
    /// tells it.
    pub(crate) revision: Option<String>,
    /// The compiler.
    pub(crate) rustc: Rustc,
}

/// A crate, as its manifest describes it.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Whether it was fetched, rather than being of this workspace.
    pub(crate) fetched: bool,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) repository: Option<String>,
    pub(crate) homepage: Option<String>,
}

impl Project {
    /// Asks about the checkout that this program was compiled in, but for its commit.
    pub(crate) fn read() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask is a folder of the workspace")?;
        // First: another compiler would be cargo's trouble too, in other words.
        let rustc = Rustc::ask(root)?;
        let metadata = metadata(root, None)?;
        let packages = packages(&metadata)?;
        let target = text(&metadata, "target_directory").context("cargo names no target folder")?;
        Ok(Self {
            root: root.to_owned(),
            target: PathBuf::from(target),
            packages,
            revision: None,
            rustc,
        })
    }

    /// The same project where its files were copied to, under another home of
    /// cargo's.
    pub(crate) fn elsewhere(&self, root: &Path, home: Option<&Path>) -> Result<Self> {
        let metadata = metadata(root, home)?;
        Ok(Self {
            root: root.to_owned(),
            target: root.join("target"),
            packages: packages(&metadata)?,
            revision: self.revision.clone(),
            rustc: self.rustc.clone(),
        })
    }

    /// The component's own crate.
    pub(crate) fn plugin(&self) -> Result<&Package> {
        let mut named = self.packages.iter().filter(|one| one.name == PACKAGE);
        named
            .next()
            .with_context(|| format!("the workspace has no package {PACKAGE}"))
    }

    /// The same, to say more of it than its manifest does.
    pub(crate) fn plugin_mut(&mut self) -> Result<&mut Package> {
        let mut named = self.packages.iter_mut().filter(|one| one.name == PACKAGE);
        named
            .next()
            .with_context(|| format!("the workspace has no package {PACKAGE}"))
    }

    /// A crate that cargo says is linked.
    pub(crate) fn package(&self, name: &str, version: &str) -> Result<&Package> {
        let mut packages = self.packages.iter();
        packages
            .find(|package| package.name == name && package.version == version)
            .with_context(|| format!("cargo links {name} {version} but does not describe it"))
    }
}

/// Cargo, as it was called to run this program.
pub(crate) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What a program printed, if it succeeded.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{name} cannot be started"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}):\n{}", output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{name} printed no UTF-8"))
}

/// `cargo metadata`, which fetches what `Cargo.lock` names and is not here yet.
fn metadata(root: &Path, home: Option<&Path>) -> Result<Value> {
    let mut command = Command::new(cargo());
    command
        .current_dir(root)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", TARGET]);
    if let Some(home) = home {
        command.env("CARGO_HOME", home);
    }
    Ok(serde_json::from_str(&output(&mut command)?)?)
}

fn text(value: &Value, name: &str) -> Option<String> {
    Some(value.get(name)?.as_str()?.to_owned())
}

fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let all = metadata.get("packages").and_then(Value::as_array);
    let all = all.context("cargo names no packages")?;
    let mut packages = all
        .iter()
        .map(|package| {
            let manifest = PathBuf::from(text(package, "manifest_path")?);
            Some(Package {
                name: text(package, "name")?,
                version: text(package, "version")?,
                folder: manifest.parent()?.to_owned(),
                fetched: text(package, "source").is_some(),
                description: text(package, "description"),
                license: text(package, "license"),
                repository: text(package, "repository"),
                homepage: text(package, "homepage"),
            })
        })
        .collect::<Option<Vec<_>>>()
        .context("cargo describes a package without a name, version or manifest")?;
    packages.sort_by_cached_key(|package| format!("{}@{}", package.name, package.version));
    Ok(packages)
}

/// A project that is nowhere, for the tests of others.
#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A crate of the workspace, with what a manifest must have.
    pub(crate) fn package(name: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            folder: PathBuf::from("/w").join(name),
            fetched: false,
            description: None,
            license: Some("Apache-2.0".to_owned()),
            repository: None,
            homepage: None,
        }
    }

    /// A project in `/w` of these crates.
    pub(crate) fn project(packages: Vec<Package>) -> Project {
        Project {
            root: PathBuf::from("/w"),
            target: PathBuf::from("/w/target"),
            packages,
            revision: Some("abc".to_owned()),
            rustc: Rustc {
                release: "1.0.0".to_owned(),
                commit: "abc".to_owned(),
                sysroot: PathBuf::from("/s"),
            },
        }
    }
}
