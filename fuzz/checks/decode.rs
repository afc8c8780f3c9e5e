//! Reading back what the plugin wrote: forms, paths and JSON, by rules written
//! down here from RFC 3986 and the API's bracket notation. Nothing of the
//! plugin is used.

use serde_json::Value;

/// `%41` to `A`; what is not a whole escape, or not UTF-8, is a fault.
pub(crate) fn percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            assert!(byte.is_ascii_graphic(), "{byte:#x} is not escaped");
            assert!(byte != b'+', "a plus means a space to some");
            bytes.push(byte);
            continue;
        }
        let mut digit = || {
            let digit = rest.next().map(char::from);
            digit.and_then(|c| c.to_digit(16)).expect("two digits")
        };
        bytes.push((digit() * 16 + digit()) as u8);
    }
    String::from_utf8(bytes).expect("escapes of whole characters")
}

/// What the plugin has read, read by serde_json's tree. None where a name in it
/// means something to that tree alone.
pub(crate) fn tree(text: &str) -> Option<Value> {
    let tree = serde_json::from_str(text).expect("the plugin read it");
    (!text.contains("serde_json")).then_some(tree)
}

/// The pairs of a form, decoded, in order.
pub(crate) fn pairs(form: &str) -> Vec<(String, String)> {
    if form.is_empty() {
        return Vec::new();
    }
    form.split('&')
        .map(|pair| {
            let (key, value) = pair.split_once('=').expect("key=value");
            assert!(!value.contains('='), "{pair}");
            (percent(key), percent(value))
        })
        .collect()
}

/// The pairs that a value stands for, by the API's rules: `a[b][0]=c`, `null`
/// empty, empty lists and objects nothing.
pub(crate) fn expected(params: &Value) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if let Value::Object(members) = params {
        for (name, value) in members {
            flatten(name.clone(), value, &mut out);
        }
    }
    out
}

fn flatten(key: String, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::Null => out.push((key, String::new())),
        Value::Bool(value) => out.push((key, value.to_string())),
        Value::Number(number) => out.push((key, number.to_string())),
        Value::String(text) => out.push((key, text.clone())),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                flatten(format!("{key}[{at}]"), item, out);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                flatten(format!("{key}[{name}]"), member, out);
            }
        }
    }
}

/// Whether two texts are the same number. Exponents may be written out, and
/// nothing else may change.
pub(crate) fn same_number(left: &str, right: &str) -> bool {
    left == right || digits(left).is_some_and(|left| Some(left) == digits(right))
}

/// Sign, significant digits, and where the point stands.
fn digits(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
    };
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_start_matches('0');
    let point = whole.len() as i64 + exponent - (all.len() - significant.len()) as i64;
    let significant = significant.trim_end_matches('0').to_owned();
    let point = if significant.is_empty() { 0 } else { point };
    Some((negative, significant, point))
}

/// Whether two rows of pairs are the same, numbers by their value.
pub(crate) fn same_pairs(found: &[(String, String)], expected: &[(String, String)]) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            found.0 == expected.0 && (found.1 == expected.1 || same_number(&found.1, &expected.1))
        })
}
