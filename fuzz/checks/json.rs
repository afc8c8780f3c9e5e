//! Reading JSON and writing it again loses nothing; what is refused has no
//! single meaning. serde_json's own tree, which the plugin does not use, is the
//! measure.

use std::collections::HashSet;
use stripe::json::{MAX_DEPTH, Value};

use super::decode::same_number;

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Names that serde_json's tree reads as something of its own.
    if text.contains("serde_json") {
        return;
    }
    let theirs: Result<serde_json::Value, _> = serde_json::from_str(text);
    match (Value::parse(text), theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert!(same(&ours, &theirs), "{ours:?} is not {theirs:?}");
            let mut written = String::new();
            ours.write(&mut written);
            assert_eq!(Value::parse(&written).as_ref(), Ok(&ours), "{written}");
            // RFC 8259, 7: those below the space must be escaped; DEL need not be.
            assert!(!written.chars().any(|c| c < ' '), "{written:?}");
        }
        (Err(_), Err(_)) => {}
        (Ok(ours), Err(error)) => panic!("read as {ours:?}, though {error}"),
        (Err(error), Ok(theirs)) => {
            assert!(
                is_ambiguous(text) || depth(&theirs) > MAX_DEPTH || error.contains("number"),
                "{error}: {theirs}"
            );
        }
    }
}

fn same(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
    use serde_json::Value as Theirs;
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
        (Value::Number(ours), Theirs::Number(theirs)) => same_number(ours, &theirs.to_string()),
        (Value::String(ours), Theirs::String(theirs)) => ours == theirs,
        (Value::Array(ours), Theirs::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Value::Object(ours), Theirs::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|((a, x), (b, y))| a == b && same(x, y))
        }
        _ => false,
    }
}

fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Whether an object of the text has a name twice: serde_json's tree keeps the
/// last, so the names are looked for in the text, one object at a time.
fn is_ambiguous(text: &str) -> bool {
    let mut open: Vec<Option<HashSet<String>>> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '{' => open.push(Some(HashSet::new())),
            '[' => open.push(None),
            '}' | ']' => {
                open.pop();
            }
            '"' => {
                let end = closing(rest);
                let (literal, after) = rest.split_at(end);
                rest = after;
                if let (true, Some(Some(names))) =
                    (after.trim_start().starts_with(':'), open.last_mut())
                {
                    let name: String = serde_json::from_str(literal).unwrap_or_default();
                    if !names.insert(name) {
                        return true;
                    }
                }
                continue;
            }
            _ => {}
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    false
}

/// Where a literal that begins the text ends.
fn closing(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}
