//! JSON that a person gives on the command line or in a file it names. A key that
//! appears twice is refused here as it is everywhere else: of two amounts, neither
//! is known to be the one that was meant.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// What is wrong with it; with the line and the column, without any value.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not JSON.
    NotJson(serde_json::Error),
    /// A key appears twice in one object.
    Twice(serde_json::Error),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::NotJson(error) => write!(f, "is not JSON: {error}"),
            Fault::Twice(error) => write!(f, "is not clear: {error}; write it once"),
        }
    }
}

/// The value of JSON text, its numbers' digits kept.
pub(super) fn value(text: &str) -> Result<Value, Fault> {
    let value = serde_json::from_str(text).map_err(Fault::NotJson)?;
    serde_json::from_str::<Once>(text).map_err(Fault::Twice)?;
    Ok(value)
}

/// JSON in which every key of an object appears once.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Once)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        while items.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    // Numbers come this way too: with their digits kept, they are maps of one
    // key to serde_json.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Once, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if names.contains(&name) {
                members.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom(format!(
                    "the key {name:?} appears twice in one object"
                )));
            }
            members.next_value::<Once>()?;
            names.insert(name);
        }
        Ok(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_appears_once() {
        for (text, said) in [
            (r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}"#, None),
            ("12345678901234567890.10", None),
            ("[1, -2.5e3, 3.0, true, null, \"a\", {}]", None),
            (r#"{"amount":1,"amount":1}"#, Some("\"amount\" appears")),
            (r#"[{"x":{"a":1,"b":0,"\u0061":[2]}}]"#, Some("\"a\"")),
            ("{", Some("not JSON")),
            ("{}{}", Some("not JSON")),
        ] {
            match (value(text), said) {
                (Ok(value), None) => {
                    assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
                }
                (Err(fault), Some(said)) => {
                    assert!(fault.to_string().contains(said), "{fault}");
                    assert!(fault.to_string().contains("line 1 column"), "{fault}");
                }
                (read, _) => panic!("{text}: {read:?}"),
            }
        }
    }
}
