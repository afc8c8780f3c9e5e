//! The compiler of a release: the one that the checkout names, and no setting of
//! this machine that would have it write other bytes. What is compiled is not
//! known here.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::project::{TARGET, output};

/// What names the compiler, in the workspace's folder.
const FILE: &str = "rust-toolchain.toml";

/// The compiler's own account of itself.
#[derive(Debug, Clone)]
pub(crate) struct Rustc {
    pub(crate) release: String,
    pub(crate) commit: String,
    /// The folder its libraries are in.
    pub(crate) sysroot: PathBuf,
}

impl Rustc {
    /// Asks the compiler that cargo will use in that folder; refuses one that the
    /// checkout does not name.
    pub(crate) fn ask(root: &Path) -> Result<Self> {
        // As cargo finds it.
        let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let rustc = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            output(command.current_dir(root).args(arguments))
        };
        let verbose = rustc(&["-vV"])?;
        let field = |name: &str| {
            let mut lines = verbose.lines();
            let value = lines.find_map(|line| line.strip_prefix(name));
            let value = value.with_context(|| format!("rustc -vV says no {name}"))?;
            anyhow::Ok(value.trim().to_owned())
        };
        let release = field("release:")?;
        let named = std::fs::read_to_string(root.join(FILE))
            .with_context(|| format!("{FILE} cannot be read"))?;
        named_by(&named, &release)?;
        let library = rustc(&["--print", "target-libdir", "--target", TARGET])?;
        if !Path::new(library.trim()).is_dir() {
            bail!("the compile target {TARGET} is missing; run: rustup target add {TARGET}");
        }
        Ok(Self {
            release,
            commit: field("commit-hash:")?,
            sysroot: PathBuf::from(rustc(&["--print", "sysroot"])?.trim()),
        })
    }
}

/// Whether the file's text names this release of the compiler.
fn named_by(file: &str, release: &str) -> Result<()> {
    let mut lines = file.lines();
    let channel = lines.find_map(|line| {
        let value = line.trim().strip_prefix("channel")?.trim_start();
        Some(value.strip_prefix('=')?.trim().trim_matches('"'))
    });
    let channel = channel.with_context(|| format!("{FILE} names no channel"))?;
    ensure!(
        channel == release,
        "rustc is {release}, and {FILE} names {channel}: the bytes would be others. Call cargo \
         without +TOOLCHAIN, RUSTUP_TOOLCHAIN and RUSTC, with rustup's programs first in PATH"
    );
    Ok(())
}

/// Refuses variables of cargo's that change what the compiler writes; `set` are
/// those of this process.
pub(crate) fn refuse_variables(set: impl Iterator<Item = (OsString, OsString)>) -> Result<()> {
    // The component's profile inherits the other one.
    const BEGIN: [&str; 3] = [
        "CARGO_PROFILE_COMPONENT_",
        "CARGO_PROFILE_RELEASE_",
        "CARGO_TARGET_WASM32_WASIP2_",
    ];
    const INCREMENTAL: [&str; 2] = ["CARGO_INCREMENTAL", "CARGO_BUILD_INCREMENTAL"];
    let mut names: Vec<String> = set
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let changes = BEGIN.iter().any(|begin| name.starts_with(begin))
                // Off is what it is without them, and what many services set.
                || (INCREMENTAL.contains(&name.as_str()) && value != "0" && value != "false");
            changes.then_some(name)
        })
        .collect();
    names.sort();
    ensure!(
        names.is_empty(),
        "{} would change the bytes of stripe.wasm: unset it",
        names.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_compiler_is_refused() {
        let file = "# It.\n[toolchain]\nchannel = \"1.95.0\"\nprofile = \"minimal\"\n";
        named_by(file, "1.95.0").unwrap();
        for other in ["1.95.1", "1.96.0-nightly", "1.95"] {
            let error = named_by(file, other).unwrap_err().to_string();
            let says = format!("rustc is {other}, and rust-toolchain.toml names 1.95.0");
            assert!(error.starts_with(&says), "{error}");
        }
        let error = named_by("[toolchain]\n", "1.95.0").unwrap_err();
        assert!(error.to_string().contains("names no channel"), "{error}");
    }

    /// The file is the one that rustup reads, and this program is compiled under it.
    #[test]
    fn the_compiler_of_this_checkout_is_the_one_it_names() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let file = std::fs::read_to_string(root.join(FILE)).unwrap();
        assert!(named_by(&file, "0.0.0").is_err());
        let channel = file.split("channel = \"").nth(1).unwrap();
        named_by(&file, channel.split('"').next().unwrap()).unwrap();
    }

    #[test]
    fn variables_that_change_the_bytes_are_refused() {
        let set = |name: &str, value: &str| {
            let one = (OsString::from(name), OsString::from(value));
            refuse_variables(std::iter::once(one))
        };
        for (name, value) in [
            ("CARGO_PROFILE_COMPONENT_OPT_LEVEL", "3"),
            ("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true"),
            ("CARGO_TARGET_WASM32_WASIP2_LINKER", "ld"),
            ("CARGO_INCREMENTAL", "1"),
        ] {
            let error = set(name, value).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("unset"), "{error}");
        }
        for (name, value) in [
            ("CARGO_PROFILE_DEV_DEBUG", "0"),
            ("CARGO_TARGET_DIR", "/t"),
            ("CARGO_INCREMENTAL", "0"),
            ("CARGO_HOME", "/h"),
        ] {
            set(name, value).unwrap();
        }
    }
}
