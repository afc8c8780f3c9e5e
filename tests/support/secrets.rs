//! Looking for secrets in whatever was written: as they are, and in the forms
//! that a program may write them in without meaning to.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::SENTINEL;

/// The forms a secret may be found in.
pub(crate) struct Watch {
    forms: Vec<(&'static str, String, Vec<u8>)>,
}

impl Watch {
    pub(crate) fn new(secrets: &[&str]) -> Watch {
        let mut forms = Vec::new();
        for secret in secrets {
            let bytes = secret.as_bytes();
            let mut add = |form, bytes: Vec<u8>| forms.push((form, secret.to_string(), bytes));
            let each = |write: fn(&u8) -> String, between: &str| {
                let all: Vec<String> = bytes.iter().map(write).collect();
                all.join(between).into_bytes()
            };
            add("as it is", bytes.to_vec());
            add("in hexadecimal", each(|byte| format!("{byte:02x}"), ""));
            add(
                "in capital hexadecimal",
                each(|byte| format!("{byte:02X}"), ""),
            );
            add("as a list of bytes", each(|byte| byte.to_string(), ", "));
            add(
                "as a JSON list of bytes",
                each(|byte| byte.to_string(), ","),
            );
            add(
                "in UTF-16",
                each(|byte| format!("{}\0", char::from(*byte)), ""),
            );
            add(
                "in escapes of JSON",
                each(|byte| format!("\\u{byte:04x}"), ""),
            );
            add(
                "in escapes of URLs",
                each(|byte| format!("%{byte:02X}"), ""),
            );
            add("backwards", bytes.iter().rev().copied().collect());
            // Wherever it stands in what was encoded; the first and last
            // characters depend on its neighbours.
            for shift in 0..3 {
                let shifted = [&vec![0; shift], bytes].concat();
                for encoded in [
                    STANDARD_NO_PAD.encode(&shifted),
                    URL_SAFE_NO_PAD.encode(&shifted),
                ] {
                    let inner = encoded.get(4..encoded.len() - 4).unwrap();
                    add("in base64", inner.as_bytes().to_vec());
                }
            }
        }
        Watch { forms }
    }

    /// What of the secrets is in there, in which form.
    pub(crate) fn found(&self, bytes: &[u8]) -> Option<String> {
        let found = self
            .forms
            .iter()
            .find(|(_, _, form)| bytes.len() >= form.len() && holds(bytes, form))?;
        Some(format!("{} {}", found.1, found.0))
    }

    /// The files below a folder that hold one, and how many were looked at.
    pub(crate) fn found_below(&self, folder: &Path) -> (Vec<(PathBuf, String)>, usize) {
        let (mut found, mut seen) = (Vec::new(), 0);
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                seen += 1;
                let name = path.to_string_lossy().into_owned().into_bytes();
                let written = [std::fs::read(&path).unwrap(), name].concat();
                found.extend(self.found(&written).map(|what| (path, what)));
            }
        }
        (found, seen)
    }
}

/// Whether `part` is in there: by its first byte, since most files are large.
fn holds(bytes: &[u8], part: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == part[0]) {
        rest = &rest[at..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// Holds every output of a command or a child against the key of all tests.
pub(crate) fn unseen(output: &[u8]) {
    if let Some(what) = Watch::new(&[SENTINEL]).found(output) {
        panic!(
            "the key was shown ({what}):\n{}",
            String::from_utf8_lossy(output)
        );
    }
}
