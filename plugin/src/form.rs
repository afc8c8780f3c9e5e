//! Percent encoding and the bracketed form encoding of API v1, as the official
//! client makes it: `items[0][price]=price_1`, brackets readable, lists
//! indexed, everything else outside RFC 3986's unreserved set escaped.

use crate::json::{Object, Value};

/// Appends the params as `key=value` pairs joined by `&`. `null` and `""` give
/// an empty value, which unsets a field; an empty list or object gives nothing.
pub fn encode(params: &Object<'_>, out: &mut String) {
    let mut key = String::with_capacity(64);
    for (name, value) in params {
        key.clear();
        escape(name, is_form_readable, &mut key);
        pair(&mut key, value, out);
    }
}

fn pair(key: &mut String, value: &Value<'_>, out: &mut String) {
    let text = match value {
        Value::Array(items) => {
            let end = key.len();
            for (at, item) in items.iter().enumerate() {
                key.push('[');
                push_index(at, key);
                key.push(']');
                pair(key, item, out);
                key.truncate(end);
            }
            return;
        }
        Value::Object(members) => {
            let end = key.len();
            for (name, member) in members {
                key.push('[');
                escape(name, is_form_readable, key);
                key.push(']');
                pair(key, member, out);
                key.truncate(end);
            }
            return;
        }
        Value::Null => "",
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(text) | Value::String(text) => text,
    };
    if !out.is_empty() {
        out.push('&');
    }
    out.push_str(key);
    out.push('=');
    escape(text, is_form_readable, out);
}

/// Writes a list index. Formatting machinery would cost more than the rest of
/// a pair.
fn push_index(index: usize, out: &mut String) {
    if index >= 10 {
        push_index(index / 10, out);
    }
    out.push(char::from(b'0' + (index % 10) as u8));
}

/// Appends one path segment, escaped as `encodeURIComponent` does.
pub fn encode_segment(text: &str, out: &mut String) {
    escape(
        text,
        |byte| is_unreserved(byte) || matches!(byte, b'!' | b'\'' | b'(' | b')' | b'*'),
        out,
    );
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn is_form_readable(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'[' | b']')
}

/// Copies runs of readable bytes whole, escapes the others as `%XX`.
fn escape(text: &str, readable: impl Fn(u8) -> bool, out: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if readable(byte) {
            continue;
        }
        // Every escaped byte of a character lies after an escaped start byte,
        // so the run before it ends on a character's edge.
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + 1;
        out.push('%');
        out.push(hex(byte >> 4));
        out.push(hex(byte & 0xf));
    }
    out.push_str(text.get(plain..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json: &str) -> String {
        let mut out = String::new();
        match Value::parse(json).unwrap() {
            Value::Object(params) => encode(&params, &mut out),
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
