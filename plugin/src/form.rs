//! Percent encoding and the bracketed form encoding of API v1, as the official
//! client makes it: `items[0][price]=price_1`, brackets readable, lists
//! indexed, everything else outside RFC 3986's unreserved set escaped.

use percent_encoding::percent_encode_byte;

use crate::json::{Object, Value};

/// Appends the params as `key=value` pairs joined by `&`. `null` and `""` give
/// an empty value, which unsets a field; an empty list or object gives nothing.
///
/// Stops once `out` is longer than `most` bytes: the caller refuses it then, and
/// a text that is escaped to three times its length is never held whole.
pub fn encode(params: &Object<'_>, most: usize, out: &mut String) {
    let mut key = String::with_capacity(64);
    for (name, value) in params {
        key.clear();
        escape(name, IN_FORM, &mut key);
        pair(&mut key, value, most, out);
    }
}

fn pair(key: &mut String, value: &Value<'_>, most: usize, out: &mut String) {
    let text = match value {
        Value::Array(items) => {
            let end = key.len();
            for (at, item) in items.iter().enumerate() {
                key.push('[');
                push_index(at, key);
                key.push(']');
                pair(key, item, most, out);
                key.truncate(end);
            }
            return;
        }
        Value::Object(members) => {
            let end = key.len();
            for (name, member) in members {
                key.push('[');
                escape(name, IN_FORM, key);
                key.push(']');
                pair(key, member, most, out);
                key.truncate(end);
            }
            return;
        }
        Value::Null => "",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(text) | Value::String(text) => text,
    };
    if out.len() > most {
        return;
    }
    if !out.is_empty() {
        out.push('&');
    }
    out.push_str(key);
    out.push('=');
    // One value alone may be too long, and escaping may treble it.
    if text.len() > most {
        out.push_str(text);
    } else {
        escape(text, IN_FORM, out);
    }
}

/// Writes a list index. Formatting machinery would cost more than the rest of
/// a pair.
fn push_index(index: usize, out: &mut String) {
    if index >= 10 {
        push_index(index / 10, out);
    }
    out.push(char::from(b'0' + (index % 10) as u8));
}

/// Appends a value, escaped as [`encode`] does.
pub fn encode_value(text: &str, out: &mut String) {
    escape(text, IN_FORM, out);
}

/// Appends one path segment, escaped as `encodeURIComponent` does.
pub fn encode_segment(text: &str, out: &mut String) {
    escape(text, IN_SEGMENT, out);
}

/// Checks a path that was written by hand: nothing in it would have to be
/// escaped, or be resolved by a server or proxy into another path (RFC 3986,
/// 5.2.4). The error continues a sentence.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    if !path.bytes().all(|byte| is_readable(byte, IN_TARGET)) {
        return Err("has characters that must be escaped, such as %20 for a space");
    }
    let segments = path.split('?').next().unwrap_or_default();
    let is_dots = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    if segments.split('/').any(is_dots) {
        return Err("should not have \".\" or \"..\" between slashes");
    }
    Ok(())
}

/// Stands as it is in a key or value of a form.
const IN_FORM: u8 = 1;
/// Stands as it is in a path segment.
const IN_SEGMENT: u8 = 2;

/// Stands as it is in a path and query that were written by hand.
const IN_TARGET: u8 = 4;

/// For every byte, where it stands as it is. Looking bytes up is most of what
/// encoding costs, and a table is the cheapest way.
static READABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let class = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                IN_FORM | IN_SEGMENT
            }
            b'[' | b']' => IN_FORM,
            b'!' | b'\'' | b'(' | b')' | b'*' => IN_SEGMENT,
            _ => 0,
        };
        let class = match byte as u8 {
            b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => class,
            b'!'..=b'~' => class | IN_TARGET,
            _ => class,
        };
        // In bounds, and run by the compiler alone.
        #[allow(clippy::indexing_slicing)]
        {
            table[byte] = class;
        }
        byte += 1;
    }
    table
};

fn is_readable(byte: u8, class: u8) -> bool {
    READABLE
        .get(usize::from(byte))
        .is_some_and(|classes| classes & class != 0)
}

/// Copies runs of readable bytes whole, escapes the others as `%XX`.
fn escape(text: &str, class: u8, out: &mut String) {
    let mut rest = text;
    loop {
        let plain = rest
            .bytes()
            .position(|byte| !is_readable(byte, class))
            .unwrap_or(rest.len());
        // All readable bytes are ASCII, and what is escaped is escaped by whole
        // characters: this splits on a character's edge.
        let Some((readable, from)) = rest.split_at_checked(plain) else {
            return;
        };
        out.push_str(readable);
        let mut characters = from.chars();
        let Some(character) = characters.next() else {
            return;
        };
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            out.push_str(percent_encode_byte(byte));
        }
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> String {
        let mut out = String::new();
        match Value::parse(json).unwrap() {
            Value::Object(params) => encode(&params, usize::MAX, &mut out),
            other => panic!("{other:?}"),
        }
        out
    }

    #[test]
    fn brackets_stay_readable_and_lists_are_indexed() {
        let cases = [
            (r#"{"limit":30}"#, "limit=30"),
            (
                r#"{"items":[{"price":"p1","quantity":2},{"price":"p2"}]}"#,
                "items[0][price]=p1&items[0][quantity]=2&items[1][price]=p2",
            ),
            (
                r#"{"metadata":{"a b":"c&d=e"}}"#,
                "metadata[a%20b]=c%26d%3De",
            ),
            (r#"{"a":null,"b":"","c":[],"d":{}}"#, "a=&b="),
            (r#"{"x":true,"y":false}"#, "x=true&y=false"),
            (
                r#"{"n":9007199254740993,"d":0.10}"#,
                "n=9007199254740993&d=0.10",
            ),
            (
                r#"{"q":"email:'jo@x.io' (a*b)!~"}"#,
                "q=email%3A%27jo%40x.io%27%20%28a%2Ab%29%21~",
            ),
            (
                r#"{"é":"日本 👍"}"#,
                "%C3%A9=%E6%97%A5%E6%9C%AC%20%F0%9F%91%8D",
            ),
            (r#"{"k[0]":"[v]"}"#, "k[0]=[v]"),
            (
                r#"{"l":[0,1,2,3,4,5,6,7,8,9,10]}"#,
                "l[0]=0&l[1]=1&l[2]=2&l[3]=3&l[4]=4&l[5]=5&l[6]=6&l[7]=7&l[8]=8&l[9]=9&l[10]=10",
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(encoded(json), expected);
        }
    }

    #[test]
    fn a_segment_cannot_leave_its_place() {
        let mut out = String::new();
        encode_segment("../a?b#c%2e é'(*)!", &mut out);
        assert_eq!(out, "..%2Fa%3Fb%23c%252e%20%C3%A9'(*)!");
    }
}
