//! The fuzzer's corpus of YAML files, tried again in every test run. (The other
//! corpora are the plugin's, and are tried there.)

use std::panic::catch_unwind;

use crate::support::command::root;

#[path = "../fuzz/checks/yaml.rs"]
mod check;

#[test]
fn yaml() {
    let mut entries: Vec<_> = std::fs::read_dir(root().join("fuzz/corpus/yaml"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    assert!(entries.len() >= 20, "{} entries", entries.len());
    let failed: Vec<_> = entries
        .iter()
        .filter(|entry| {
            let data = std::fs::read(entry).unwrap();
            catch_unwind(|| check::check(&data)).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}
