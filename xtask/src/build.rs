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
    match named(bytes, &folders, holds) {
        Some(folder) => bail!(
            "{name} names {}: a build elsewhere would have other bytes",
            folder.display()
        ),
        None => Ok(()),
    }
}

/// The first of these folders whose path is in the bytes. Texts stand there side by
/// side, so that the byte before tells nothing, and a short folder's name is in
/// others (`/src/` in `itoa-1.0.18/src/lib.rs`): what follows decides, if the folder
/// holds it.
fn named<'f>(
    bytes: &[u8],
    folders: &'f [PathBuf],
    holds: impl Fn(&Path, &[u8]) -> bool,
) -> Option<&'f PathBuf> {
    folders.iter().find(|folder| {
        let text = folder.as_os_str().as_encoded_bytes();
        let mut places = bytes.windows(text.len()).enumerate();
        places.any(|(at, window)| {
            let rest = bytes.get(at + text.len()..).and_then(<[u8]>::split_first);
            window == text && matches!(rest, Some((b'/' | b'\\', inside)) if holds(folder, inside))
        })
    })
}

/// Whether a text begins with the path of something that is in the folder.
fn holds(folder: &Path, text: &[u8]) -> bool {
    if text.starts_with(b"../") || text.starts_with(b"..\\") {
        // Out of it again, to where it is not followed.
        return true;
    }
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let Some(rest) = text.strip_prefix(name.as_encoded_bytes()) else {
            return false;
        };
        match rest.split_first() {
            // Another text may follow at once.
            _ if !entry.path().is_dir() => true,
            Some((b'/' | b'\\', inside)) => holds(&entry.path(), inside),
            // The folder itself, or the beginning of a longer name.
            Some((next, _)) => !(next.is_ascii_alphanumeric() || b"-_.".contains(next)),
            None => true,
        }
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

    /// A checkout at `/src`, with what the bytes of each component have: crates' names
    /// with their `src`, and the standard library's.
    #[test]
    fn a_folder_whose_name_is_in_others_is_told_from_them() {
        let held = |folder: &Path, text: &[u8]| {
            assert_eq!(folder, Path::new("/src"));
            text.starts_with(b"plugin/src/lib.rs")
        };
        let root = [PathBuf::from("/src")];
        let harmless = b"itoa-1.0.18/src/lib.rs\0./plugin/src/lib.rs\0\
            /rustc/abc/library/core/src/str.rs\0/src\0/src/lib.rs";
        assert_eq!(named(harmless, &root, held), None);
        for leak in [
            &b"\0/src/plugin/src/lib.rs\0"[..],
            // A text of its own, behind the end of another.
            b"is no amount/src/plugin/src/lib.rs",
            b"itoa-1.0.18/src/lib.rs/src/plugin/src/lib.rs",
        ] {
            assert_eq!(named(leak, &root, held), Some(&root[0]));
        }
    }

    #[test]
    fn bytes_that_name_a_folder_are_refused() {
        let root = std::env::temp_dir().join(format!("xtask-build-{}", std::process::id()));
        std::fs::create_dir_all(root.join("plugin/src")).unwrap();
        std::fs::write(root.join("plugin/src/lib.rs"), "").unwrap();
        let text = root.to_str().unwrap();
        let project = project(text, &format!("{text}/target"));
        for leak in [
            "/plugin/src/lib.rs",
            "/plugin/src/lib.rsnext",
            "/plugin\0",
            "/../wit",
        ] {
            let leak = format!("a text{text}{leak}");
            let error = refuse_paths("it.wasm", leak.as_bytes(), &project).unwrap_err();
            let says = format!("it.wasm names {text}:");
            assert!(error.to_string().contains(&says), "{leak}: {error}");
        }
        for harmless in [
            "",
            "/",
            "/...",
            "/plugins/lib.rs",
            "/plugin/src/other.rs",
            "-two/plugin/src/lib.rs",
        ] {
            let harmless = format!("a text {text}{harmless}");
            let refused = refuse_paths("it.wasm", harmless.as_bytes(), &project);
            assert!(refused.is_ok(), "{harmless}");
        }
        std::fs::remove_dir_all(root).unwrap();
    }
}
