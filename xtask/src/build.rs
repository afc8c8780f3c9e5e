//! Builds the component so that its bytes do not tell where it was built: the
//! folders that panic messages name are written as the crates they belong to.
//! What is done with the bytes is not known here.
//!
//! The names are those of cargo's own `trim-paths`, which the toolchain of this
//! workspace does not have yet; a profile could not say them otherwise, since
//! they depend on where cargo keeps its crates.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::note;
use crate::project::{PACKAGE, Project, TARGET, cargo};

/// Cargo's environment variable for flags, which may hold spaces.
const FLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";

/// The component of a project, as the compiler makes it. `home` replaces cargo's
/// own.
pub(crate) fn component(project: &Project, home: Option<&Path>) -> Result<Vec<u8>> {
    note(&format!(
        "building stripe.wasm in {} …",
        project.root.display()
    ));
    let mut command = Command::new(cargo());
    command
        .current_dir(&project.root)
        .args(["build", "--locked", "-p", PACKAGE])
        .args(["--profile", "component", "--target", TARGET])
        .arg("--target-dir")
        .arg(&project.target)
        .env(FLAGS, flags(project)?)
        // Cargo sets it for the programs that it runs.
        .env_remove("CARGO_MANIFEST_DIR")
        .stdin(Stdio::null())
        // What is printed is this program's to say.
        .stdout(Stdio::null());
    if let Some(home) = home {
        command.env("CARGO_HOME", home);
    }
    let status = command.status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("stripe.wasm could not be built ({status})");
    }
    let path = project.target.join(TARGET).join("component/stripe.wasm");
    std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
}

/// What to call each folder instead. Of several that fit, the compiler takes the
/// last one.
fn names(project: &Project) -> Vec<(PathBuf, String)> {
    let mut names = vec![(project.root.clone(), ".".to_owned())];
    if !project.target.starts_with(&project.root) {
        names.push((project.target.clone(), "./target".to_owned()));
    }
    // Where the library's source is installed, the compiler names that one.
    names.push((
        project.rustc.sysroot.join("lib/rustlib/src/rust"),
        format!("/rustc/{}", project.rustc.commit),
    ));
    let fetched = project.packages.iter().filter(|package| package.fetched);
    names.extend(fetched.map(|package| {
        let name = format!("{}-{}", package.name, package.version);
        (package.folder.clone(), name)
    }));
    names
}

fn flags(project: &Project) -> Result<OsString> {
    let mut flags = OsString::new();
    for (folder, name) in names(project) {
        if folder.to_string_lossy().contains('=') {
            // The flag is split at its last one, which would be the name's.
            bail!(
                "{} has an equals sign: the compiler cannot rename such a folder",
                folder.display()
            );
        }
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(folder);
        flags.push("=");
        flags.push(name);
    }
    Ok(flags)
}

/// Refuses a file whose bytes name a folder of this machine.
pub(crate) fn refuse_paths(name: &str, bytes: &[u8], project: &Project) -> Result<()> {
    let mut folders = vec![
        project.root.clone(),
        project.target.clone(),
        project.rustc.sysroot.clone(),
    ];
    // Crates lie side by side, in one folder or a few.
    let fetched = project.packages.iter().filter(|package| package.fetched);
    folders.extend(fetched.filter_map(|package| Some(package.folder.parent()?.to_owned())));
    folders.sort();
    folders.dedup();
    for variable in ["HOME", "USERPROFILE", "CARGO_HOME", "RUSTUP_HOME"] {
        let folder = std::env::var_os(variable).map(PathBuf::from);
        // Not `/`, which a container's home may be.
        folders.extend(folder.filter(|path| path.components().count() > 1));
    }
    match named(bytes, &folders) {
        Some(folder) => bail!(
            "{name} names {}: a build elsewhere would have other bytes",
            folder.display()
        ),
        None => Ok(()),
    }
}

/// The first of these folders whose path is in the bytes.
fn named<'f>(bytes: &[u8], folders: &'f [PathBuf]) -> Option<&'f PathBuf> {
    folders.iter().find(|folder| {
        let text = folder.as_os_str().as_encoded_bytes();
        // The next byte tells a folder from the beginning of a longer name.
        bytes
            .windows(text.len() + 1)
            .any(|window| window.starts_with(text) && matches!(window.last(), Some(b'/' | b'\\')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Package;
    use crate::project::tests::{package, project as of};

    fn project(root: &str, target: &str) -> Project {
        let fetched = Package {
            folder: PathBuf::from("/h o/reg/itoa-1.2.3"),
            fetched: true,
            ..package("itoa")
        };
        Project {
            root: PathBuf::from(root),
            target: PathBuf::from(target),
            ..of(vec![fetched, package(PACKAGE)])
        }
    }

    #[test]
    fn folders_are_named_by_their_crates() {
        let flags = flags(&project("/w", "/elsewhere")).unwrap();
        assert_eq!(
            flags.to_str().unwrap().split('\u{1f}').collect::<Vec<_>>(),
            [
                "--remap-path-prefix=/w=.",
                "--remap-path-prefix=/elsewhere=./target",
                "--remap-path-prefix=/s/lib/rustlib/src/rust=/rustc/abc",
                "--remap-path-prefix=/h o/reg/itoa-1.2.3=itoa-1.2.3",
            ]
        );
    }

    #[test]
    fn a_folder_that_the_flag_cannot_say_is_refused() {
        let error = flags(&project("/a=b", "/a=b/target")).unwrap_err();
        assert!(error.to_string().starts_with("/a=b has"), "{error}");
    }

    #[test]
    fn bytes_that_name_a_folder_are_refused() {
        let project = project("/w", "/w/target");
        let error = refuse_paths("it.wasm", b"\0/w/plugin/src/lib.rs", &project).unwrap_err();
        assert!(error.to_string().contains("it.wasm names /w:"), "{error}");
        let harmless = b"/rustc/abc/library /www/ itoa/lib.rs /w";
        assert!(refuse_paths("it.wasm", harmless, &project).is_ok());
    }
}
