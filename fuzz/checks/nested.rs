//! The nested form leads to a method of the table, with the arguments that
//! stand below it untouched, or is refused at a place that exists.

use serde_json::Value as Json;
use stripe::json::Value;
use stripe::{nested, operation};

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(value) = Value::parse(text) else {
        return;
    };
    let Some(theirs) = super::decode::tree(text) else {
        return;
    };
    match nested::resolve(value) {
        Ok(found) => {
            let is_raw = found.resource.is_empty() && found.method == "rawRequest";
            assert!(is_raw || operation::find(&found.resource, &found.method).is_some());
            let mut below = &theirs;
            for key in found.path.split('.') {
                let members = below.as_object().expect("a mapping on the way");
                assert_eq!(members.len(), 1, "one key at a time: {text}");
                below = members.get(key).expect("the path is there");
            }
            let mut args = String::new();
            found.args.write(&mut args);
            let args: Value<'_> = Value::parse(&args).expect("what was written");
            assert_eq!(args, found.args);
            let same = serde_json::to_string(below).expect("a value");
            assert_eq!(Value::parse(&same).as_ref(), Ok(&found.args));
            assert!(nested::find(&found.resource, &found.method).is_ok());
        }
        Err(refusal) => {
            super::refusal(&refusal);
            let Json::Object(members) = &theirs else {
                assert_eq!(refusal.path, "");
                return;
            };
            // Every refusal is one of a mapping that names no one method.
            if let [(name, _)] = members.iter().collect::<Vec<_>>().as_slice() {
                let shown: String = refusal.path.chars().take(50).collect();
                let name: String = name.chars().take(50).collect();
                assert!(shown.is_empty() || shown.starts_with(&name) || name.starts_with(&shown));
            }
        }
    }
}
