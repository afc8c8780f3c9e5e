//! The sandbox's own reading of form-encoded text: `a[b][0][c]=v&expand[]=x`. It owns percent
//! decoding and the bracket grammar, with limits against hostile input; it knows nothing of which
//! parameters exist or what types they have, so every value it makes is text.

use super::errors::StripeError;
use serde_json::{Map, Value};

/// The deepest nesting of brackets taken; Stripe's own parameters stay below eight.
const MAX_DEPTH: usize = 16;
/// The most `name=value` pairs taken in one request.
const MAX_PAIRS: usize = 10_000;

/// Decodes a body or a query into nested objects, arrays and texts.
pub(crate) fn decode(text: &[u8]) -> Result<Map<String, Value>, StripeError> {
    let mut pairs = Vec::new();
    for pair in text
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = percent_decode(halves.next().unwrap_or_default(), true);
        let value = percent_decode(halves.next().unwrap_or_default(), true);
        let (Some(name), Some(value)) = (name, value) else {
            return Err(StripeError::malformed(
                "The request holds an invalid percent-encoding or is not UTF-8.",
            ));
        };
        pairs.push((name, value));
    }
    build(pairs)
}

/// Nests pairs whose names are already decoded, as multipart bodies have them.
pub(crate) fn build(pairs: Vec<(String, String)>) -> Result<Map<String, Value>, StripeError> {
    if pairs.len() > MAX_PAIRS {
        return Err(StripeError::malformed(format!(
            "More than {MAX_PAIRS} parameters."
        )));
    }
    let mut root = Node::Branch(Vec::new());
    for (name, value) in pairs {
        let keys = split_name(&name)
            .ok_or_else(|| StripeError::malformed(format!("Invalid parameter name: {name}")))?;
        if !root.insert(&keys, value) {
            return Err(StripeError::malformed(format!(
                "Invalid parameters: {name} is given both as a value and as a group of values."
            ))
            .param(&name));
        }
    }
    match root.into_value(true) {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// Decodes one part of a path, where a plus sign is a plus sign.
pub(crate) fn decode_path_segment(text: &str) -> Option<String> {
    percent_decode(text.as_bytes(), false)
}

fn percent_decode(text: &[u8], plus_is_space: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// `a[b][0][]` → `a`, `b`, `0` and an empty key.
fn split_name(name: &str) -> Option<Vec<&str>> {
    let Some((first, rest)) = name.split_once('[') else {
        return (!name.is_empty() && !name.contains(']')).then(|| vec![name]);
    };
    let mut keys = vec![first];
    for part in rest.strip_suffix(']')?.split("][") {
        if part.contains(['[', ']']) {
            return None;
        }
        keys.push(part);
    }
    (!first.is_empty() && keys.len() <= MAX_DEPTH).then_some(keys)
}

/// A value under construction. Names stay in the order of their first arrival.
enum Node {
    Leaf(String),
    Branch(Vec<(String, Node)>),
}

impl Node {
    fn insert(&mut self, keys: &[&str], value: String) -> bool {
        let Self::Branch(children) = self else {
            return false;
        };
        let Some((key, deeper)) = keys.split_first() else {
            return false;
        };
        let key = if key.is_empty() {
            // `a[]` starts a new element, `a[][b]` only when the last one has its `b` already.
            let last = children
                .last()
                .filter(|(_, node)| deeper.first().is_some_and(|next| !node.has(next)));
            last.map_or_else(|| children.len().to_string(), |(key, _)| key.clone())
        } else {
            (*key).to_owned()
        };
        let present = children.iter().position(|(name, _)| *name == key);
        match (
            present.and_then(|index| children.get_mut(index)),
            deeper.is_empty(),
        ) {
            (Some((_, node)), false) => node.insert(deeper, value),
            (Some((_, node @ Self::Leaf(_))), true) => {
                // As with any form, the last value of a repeated name counts.
                *node = Self::Leaf(value);
                true
            }
            (Some(_), true) => false,
            (None, true) => {
                children.push((key, Self::Leaf(value)));
                true
            }
            (None, false) => {
                let mut branch = Self::Branch(Vec::new());
                let inserted = branch.insert(deeper, value);
                children.push((key, branch));
                inserted
            }
        }
    }

    fn has(&self, key: &str) -> bool {
        match self {
            Self::Leaf(_) => true,
            Self::Branch(children) => children.iter().any(|(name, _)| name == key),
        }
    }

    /// Objects whose keys are all numbers are arrays, except at the top and in metadata.
    fn into_value(self, object: bool) -> Value {
        let children = match self {
            Self::Leaf(text) => return Value::String(text),
            Self::Branch(children) => children,
        };
        let indexes: Option<Vec<usize>> = children
            .iter()
            .map(|(key, _)| key.parse::<usize>().ok())
            .collect();
        match indexes {
            Some(indexes) if !object => {
                let mut elements: Vec<_> = indexes.into_iter().zip(children).collect();
                elements.sort_by_key(|(index, _)| *index);
                elements
                    .into_iter()
                    .map(|(_, (_, node))| node.into_value(false))
                    .collect()
            }
            _ => {
                let values = children.into_iter().map(|(key, node)| {
                    let is_metadata = key == "metadata";
                    let value = node.into_value(is_metadata);
                    (key, value)
                });
                Value::Object(values.collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn decodes_what_clients_send() {
        for (text, expected) in [
            ("", json!({})),
            ("a=1&b=", json!({"a": "1", "b": ""})),
            ("a=x+y%20z%2B", json!({"a": "x y z+"})),
            ("a=1=2", json!({"a": "1=2"})),
            (
                "a[b]=1&a[c][d]=2",
                json!({"a": {"b": "1", "c": {"d": "2"}}}),
            ),
            ("a%5Bb%5D=1", json!({"a": {"b": "1"}})),
            ("a[0]=x&a[1]=y", json!({"a": ["x", "y"]})),
            ("a[1]=y&a[0]=x", json!({"a": ["x", "y"]})),
            ("a[10]=k&a[9]=j", json!({"a": ["j", "k"]})),
            ("a[]=x&a[]=y", json!({"a": ["x", "y"]})),
            (
                "a[0][p]=1&a[0][q]=2&a[1][p]=3",
                json!({"a": [{"p": "1", "q": "2"}, {"p": "3"}]}),
            ),
            (
                "a[][p]=1&a[][q]=2&a[][p]=3",
                json!({"a": [{"p": "1", "q": "2"}, {"p": "3"}]}),
            ),
            (
                "metadata[0]=x&metadata[1]=y",
                json!({"metadata": {"0": "x", "1": "y"}}),
            ),
            ("metadata=", json!({"metadata": ""})),
            ("a=%C3%A9%E2%82%AC", json!({"a": "é€"})),
            ("a=1&a=2", json!({"a": "2"})),
        ] {
            assert_eq!(
                Value::Object(decode(text.as_bytes()).unwrap()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let deep = format!("a{}=1", "[b]".repeat(100));
        for text in [
            "a=%",
            "a=%zz",
            "a=%ff",
            "[a]=1",
            "a[b=1",
            "a]=1",
            "a=1&a[b]=2",
            "a[b]=1&a=2",
            "=1",
            deep.as_str(),
        ] {
            assert_eq!(decode(text.as_bytes()).unwrap_err().status, 400, "{text}");
        }
    }
}
