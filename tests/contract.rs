//! What the component is to a host: what it imports, what it exports, and that
//! the WIT it was made from is what it claims to be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::plugin;

/// The interfaces, without their versions.
fn names(interfaces: &[String]) -> Vec<&str> {
    let mut names: Vec<&str> = interfaces
        .iter()
        .map(|name| name.split('@').next().unwrap())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn imports_http_clocks_random_and_nothing_of_the_machine() {
    let imports = plugin(&[]).imports();
    assert_eq!(
        names(&imports),
        [
            // Types alone: the records that the exports share.
            "lowcode:stripe/types",
            "wasi:cli/environment",
            "wasi:cli/exit",
            "wasi:cli/stderr",
            "wasi:cli/stdin",
            "wasi:cli/stdout",
            "wasi:cli/terminal-input",
            "wasi:cli/terminal-output",
            "wasi:cli/terminal-stderr",
            "wasi:cli/terminal-stdin",
            "wasi:cli/terminal-stdout",
            "wasi:clocks/monotonic-clock",
            "wasi:clocks/wall-clock",
            "wasi:http/outgoing-handler",
            "wasi:http/types",
            "wasi:io/error",
            "wasi:io/poll",
            "wasi:io/streams",
            "wasi:random/random",
        ],
        "all of them: {imports:?}"
    );
}

#[test]
fn exports_the_contract() {
    assert_eq!(
        plugin(&[]).exports(),
        [
            "lowcode:stripe/actions@0.1.0",
            "lowcode:stripe/catalogue@0.1.0",
            "lowcode:stripe/connections@0.1.0",
            "lowcode:stripe/pages@0.1.0",
            "lowcode:stripe/requests@0.1.0",
            "lowcode:stripe/webhooks@0.1.0"
        ]
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The platform the tests run on.
fn host() -> String {
    let output = Command::new("rustc")
        .arg("-vV")
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// The vendored WASI definitions are those of the HTTP crate the plugin links,
/// file for file: so what `wit/` says is imported is what is imported.
#[test]
fn vendored_wit_is_what_it_claims_to_be() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // For this platform alone: the crates of others need not be here.
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &host()])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let waki = packages
        .iter()
        .find(|package| package["name"] == "waki")
        .unwrap();
    let manifest = Path::new(waki["manifest_path"].as_str().unwrap());
    let theirs = files(&manifest.parent().unwrap().join("wit/deps"));
    let ours = files(&root().join("wit/deps"));
    assert!(!theirs.is_empty());
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    for (name, text) in ours {
        assert!(theirs[&name] == text, "{} was changed", name.display());
    }
}

/// `unsafe` stands in two modules: the bindings that the component's contract
/// is generated into, and the loader of compiled components.
#[test]
fn unsafe_code_is_allowed_in_two_modules() {
    let mut allowing: Vec<String> = ["plugin", "host-harness"]
        .into_iter()
        .flat_map(|package| {
            let sources = files(&root().join(package).join("src")).into_iter();
            sources.map(move |(name, text)| (format!("{package}/src/{}", name.display()), text))
        })
        .filter(|(_, text)| String::from_utf8_lossy(text).contains("unsafe_code"))
        .map(|(name, _)| name)
        .collect();
    allowing.sort();
    assert_eq!(
        allowing,
        ["host-harness/src/cache/loader.rs", "plugin/src/contract.rs"]
    );
}
