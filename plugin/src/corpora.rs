//! What the fuzzer found worth keeping, tried again in every test run: a fault
//! that was mended once stays mended. It knows where the corpora are, not what
//! is in them.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use crate::checks;

/// Gives every entry of a target's corpus to its check.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut entries: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    assert!(
        entries.len() >= 8,
        "{} has {} entries",
        folder.display(),
        entries.len()
    );
    let failed: Vec<_> = entries
        .iter()
        .filter(|entry| {
            let data = fs::read(entry).unwrap();
            catch_unwind(|| check(&data)).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

macro_rules! corpora {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target), checks::$target::check);
            }
        )*
    };
}

corpora! { answer arguments call connection form json lookup multipart nested }
