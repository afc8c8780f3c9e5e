//! An upload's parts, read back by RFC 7578's rules: every field and file is
//! there once, in order, and no value can begin a part of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use stripe::json::Value;
use stripe::multipart;

use super::decode::same_number;

/// A part: name, file name, type, content.
#[derive(Debug, PartialEq)]
struct Part {
    name: String,
    file: Option<(String, String)>,
    content: Vec<u8>,
}

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(Value::Object(params)) = Value::parse(text) else {
        return;
    };
    let Some(theirs) = super::decode::tree(text) else {
        return;
    };
    let mut expected = Vec::new();
    let is_whole = theirs.as_object().is_some_and(|members| {
        members
            .iter()
            .all(|(name, value)| parts_of(name, value, &mut expected).is_some())
    });
    // Random in a call; here one that the content does not happen to hold.
    let holds = |boundary: &str| {
        text.contains(boundary)
            || expected
                .iter()
                .any(|part| contains(&part.content, boundary.as_bytes()))
    };
    let mut boundary = String::from("b0undary-0f-a-call");
    while holds(&boundary) {
        boundary.push('x');
    }
    match multipart::encode(params, &boundary) {
        Ok(body) => {
            let bytes = body.to_bytes();
            assert_eq!(bytes.len(), body.len());
            let found = decoded(&bytes, &boundary);
            assert!(is_whole, "{found:?}");
            assert!(same(&found, &expected), "{found:?} is not {expected:?}");
        }
        Err(refusal) => {
            super::refusal(&refusal);
            let has_file = expected.iter().any(|part| part.file.is_some());
            assert!(!is_whole || !has_file, "{refusal:?}");
        }
    }
}

fn same(found: &[Part], expected: &[Part]) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            let number = |bytes| std::str::from_utf8(bytes).unwrap_or_default().to_owned();
            found.name == expected.name
                && found.file == expected.file
                && (found.content == expected.content
                    || same_number(&number(&found.content), &number(&expected.content)))
        })
}

/// The parts a value comes to; none where it cannot be sent.
fn parts_of(name: &str, value: &Json, out: &mut Vec<Part>) -> Option<()> {
    let content = match value {
        Json::Object(members) if members.contains_key("data") => {
            let text = |key: &str| match members.get(key) {
                None | Some(Json::Null) => Some(None),
                Some(Json::String(text)) => Some(Some(text.clone()).filter(|t| !t.is_empty())),
                Some(_) => None,
            };
            if members
                .keys()
                .any(|key| !["data", "name", "type"].contains(&key.as_str()))
            {
                return None;
            }
            let content = match members.get("data")? {
                Json::String(text) => text.clone().into_bytes(),
                Json::Object(data) if data.len() == 1 => {
                    STANDARD.decode(data.get("base64")?.as_str()?).ok()?
                }
                _ => return None,
            };
            let file_name = text("name")?.unwrap_or_else(|| "blob".to_owned());
            let file_type = text("type")?.unwrap_or_else(|| "application/octet-stream".to_owned());
            out.push(Part {
                name: quoted(name),
                file: Some((quoted(&file_name), one_line(&file_type))),
                content,
            });
            return Some(());
        }
        Json::Object(members) => {
            for (key, member) in members {
                parts_of(&format!("{name}[{key}]"), member, out)?;
            }
            return Some(());
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                parts_of(&format!("{name}[{at}]"), item, out)?;
            }
            return Some(());
        }
        Json::Null => String::new(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.clone(),
    };
    out.push(Part {
        name: quoted(name),
        file: None,
        content: content.into_bytes(),
    });
    Some(())
}

/// A name as a part's head can carry it (RFC 7578, 4.2): quotes escaped, line
/// ends gone.
fn quoted(text: &str) -> String {
    one_line(&text.replace('"', "%22"))
}

fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\r', '\n'], " ")
}

fn decoded(body: &[u8], boundary: &str) -> Vec<Part> {
    let mut rest = body;
    let mut parts = Vec::new();
    let delimiter = format!("--{boundary}");
    loop {
        rest = rest
            .strip_prefix(delimiter.as_bytes())
            .expect("a delimiter");
        if rest == b"--\r\n" {
            return parts;
        }
        rest = rest.strip_prefix(b"\r\n").expect("a line end");
        let (head, after) = split(rest, b"\r\n\r\n");
        let head = std::str::from_utf8(head).expect("text");
        let end = format!("\r\n{delimiter}");
        let (content, _) = split(after, end.as_bytes());
        rest = after.get(content.len() + 2..).expect("a line end");
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let named = first
            .strip_prefix("Content-Disposition: form-data; name=\"")
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or_else(|| panic!("{first}"));
        let (name, file_name) = match named.split_once("\"; filename=\"") {
            None => (named, None),
            Some((name, file_name)) => (name, Some(file_name)),
        };
        assert!(
            !name.contains('"') && !file_name.is_some_and(|n| n.contains('"')),
            "{first}"
        );
        let content_type = lines.next().map(|line| {
            line.strip_prefix("Content-Type: ")
                .unwrap_or_else(|| panic!("{line}"))
        });
        assert_eq!(lines.next(), None, "a line of its own: {head}");
        assert_eq!(file_name.is_some(), content_type.is_some(), "{head}");
        parts.push(Part {
            name: name.to_owned(),
            file: file_name
                .zip(content_type)
                .map(|(a, b)| (a.to_owned(), b.to_owned())),
            content: content.to_vec(),
        });
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn split<'b>(bytes: &'b [u8], at: &[u8]) -> (&'b [u8], &'b [u8]) {
    let found = bytes.windows(at.len()).position(|window| window == at);
    let found = found.expect("an end");
    (&bytes[..found], &bytes[found + at.len()..])
}
