//! The npm package of `examples/lowdefy`, by its own build, from the component of
//! this release. What is in the package is the package's business.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::note;
use crate::project::Project;

/// Its lock file, and the copy of it that says what is installed.
const LOCK: &str = "package-lock.json";
const INSTALLED: &str = "node_modules/.installed";

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Puts the package into `out` and tells its file's name; none where there is no
/// npm.
pub(crate) fn pack(project: &Project, out: &Path, wasm: &Path) -> Result<Option<String>> {
    let folder = project.root.join("examples/lowdefy");
    if Command::new(NPM)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_err()
    {
        note("skipped: the npm package, since there is no npm on this machine");
        return Ok(None);
    }
    let manifest = fs::read(folder.join("package.json"))?;
    let file = file_name(&manifest, &project.plugin()?.version)?;
    let lock = fs::read(folder.join(LOCK))?;
    if fs::read(folder.join(INSTALLED)).ok().as_ref() != Some(&lock) {
        note("installing what the npm package is built with …");
        // Not `npm ci`, which refuses a lock file that has no version for
        // optional packages of other platforms.
        let quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new(NPM)
            .current_dir(&folder)
            .arg("install")
            .args(quiet))?;
        fs::write(folder.join(INSTALLED), &lock)?;
    }
    note("packing the npm package …");
    // Its `prepack` builds it.
    run(Command::new(NPM)
        .current_dir(&folder)
        .args(["pack", "--loglevel=error", "--pack-destination"])
        .arg(out)
        .env("STRIPE_WASM", wasm))?;
    ensure!(
        out.join(&file).is_file(),
        "npm pack made no {file} in {}",
        out.display()
    );
    Ok(Some(file))
}

/// The tarball's name, if the package is of the component's version.
fn file_name(manifest: &[u8], expected: &str) -> Result<String> {
    let manifest: Value = serde_json::from_slice(manifest)?;
    let field = |name: &str| {
        let value = manifest.get(name).and_then(Value::as_str);
        value.with_context(|| format!("examples/lowdefy/package.json has no {name}"))
    };
    let version = field("version")?;
    field("license")?;
    if version != expected {
        bail!(
            "examples/lowdefy/package.json is of version {version}, the component of {expected}: \
             make them equal"
        );
    }
    // As npm names it: a scope without its signs.
    let name = field("name")?.trim_start_matches('@').replace('/', "-");
    Ok(format!("{name}-{version}.tgz"))
}

/// Runs npm, and shows what it said if it failed.
fn run(command: &mut Command) -> Result<()> {
    crate::project::output(command).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tarball_is_named_as_npm_names_it() {
        let manifest = br#"{"name": "@scope/it", "version": "1.0.0", "license": "MIT"}"#;
        assert_eq!(file_name(manifest, "1.0.0").unwrap(), "scope-it-1.0.0.tgz");
        let error = file_name(manifest, "1.1.0").unwrap_err().to_string();
        assert!(
            error.contains("version 1.0.0, the component of 1.1.0"),
            "{error}"
        );
        let error = file_name(br#"{"name": "it", "version": "1.0.0"}"#, "1.0.0").unwrap_err();
        assert!(error.to_string().contains("has no license"), "{error}");
    }
}
