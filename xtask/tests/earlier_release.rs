//! An earlier release is there until nothing stands in the way of the next one.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A folder with an earlier release, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("xtask-earlier-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("stripe.wasm"), "earlier").unwrap();
        Self(folder)
    }

    /// Whether a release there ends with these words, and leaves what is there.
    fn refused(&self, variable: &str, value: &str, says: &str) {
        let mut dist = Command::new(env!("CARGO_BIN_EXE_xtask"));
        dist.args(["dist", "--no-npm", "--out"]).arg(&self.0);
        // What the person set for other builds would be told instead.
        for (name, _) in std::env::vars_os() {
            let cargos = name.to_string_lossy().starts_with("CARGO_");
            if cargos && name != "CARGO_HOME" {
                dist.env_remove(name);
            }
        }
        let done = dist.env(variable, value).output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success(), "{variable}: {told}");
        assert!(told.contains(says), "{variable}: {told}");
        let kept = fs::read_to_string(self.0.join("stripe.wasm")).unwrap();
        assert_eq!(kept, "earlier", "{variable}");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// One after the other: a script that is written while another process begins may
/// not be started.
#[test]
fn what_takes_no_compiling_is_looked_at_first() {
    let folder = Folder::new("release");
    folder.refused(
        "SOURCE_DATE_EPOCH",
        "today",
        "seconds since 1970, not today",
    );
    folder.refused(
        "CARGO_PROFILE_COMPONENT_LTO",
        "off",
        "CARGO_PROFILE_COMPONENT_LTO would change",
    );
    another_compiler(&folder);
}

/// With a program that says that it is an older compiler.
#[cfg(unix)]
fn another_compiler(folder: &Folder) {
    use std::os::unix::fs::PermissionsExt as _;

    let tools = Folder::new("tools");
    let rustc = tools.0.join("rustc");
    fs::write(&rustc, "#!/bin/sh\necho 'release: 1.0.0'\n").unwrap();
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).unwrap();
    let says = "rustc is 1.0.0, and rust-toolchain.toml names";
    folder.refused("RUSTC", rustc.to_str().unwrap(), says);
}

#[cfg(not(unix))]
fn another_compiler(_: &Folder) {}
