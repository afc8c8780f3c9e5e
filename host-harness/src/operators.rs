//! Lowdefy's operators, as far as they make sense without a page: a mapping
//! whose one key starts with an underscore is replaced by what it names.
//!
//! | operator | value |
//! |---|---|
//! | `_secret: NAME` | environment variable `LOWDEFY_SECRET_NAME`, then `NAME` |
//! | `_env: NAME` | environment variable `NAME`; null if it is not set |
//! | `_payload: path` | a place in the payload; `true` is all of it |
//!
//! `_env` and `_payload` also take `{key: …, default: …}`. Any other operator
//! is an error, never sent as it stands.

use crate::yaml::{Error, Key, Mark, Node, Value};

/// Where operators get their values.
pub struct Context<'c> {
    /// Environment variables.
    pub env: &'c dyn Fn(&str) -> Option<String>,
    /// The payload of the request, if there is one.
    pub payload: Option<&'c serde_json::Value>,
    /// What stands in for a secret that is not set; none makes it an error.
    pub missing_secret: Option<&'c str>,
}

/// The operators there are.
const OPERATORS: [&str; 3] = ["_secret", "_env", "_payload"];

impl Context<'_> {
    /// Replaces every operator in a node.
    pub fn evaluate(&self, node: &Node) -> Result<Node, Error> {
        let value = match &node.value {
            Value::List(items) => Value::List(
                items
                    .iter()
                    .map(|item| self.evaluate(item))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Mapping(members) => match members.as_slice() {
                [(key, argument)] if key.name.starts_with('_') => {
                    let argument = self.evaluate(argument)?;
                    return self.apply(key, &argument, node.mark);
                }
                members => Value::Mapping(
                    members
                        .iter()
                        .map(|(key, member)| Ok((key.clone(), self.evaluate(member)?)))
                        .collect::<Result<_, Error>>()?,
                ),
            },
            other => other.clone(),
        };
        Ok(Node {
            value,
            mark: node.mark,
        })
    }

    fn apply(&self, key: &Key, argument: &Node, mark: Mark) -> Result<Node, Error> {
        let fail = |message: String| {
            Err(Error {
                mark: key.mark,
                message,
            })
        };
        let value = match key.name.as_str() {
            "_secret" => match argument.as_str() {
                // Written where its name belongs, a key would be repeated.
                Some(name) if is_secret(name) => {
                    return fail("_secret takes the name of a secret, not the secret".to_owned());
                }
                Some(name) => match self.secret(name) {
                    Some(secret) => Value::String(secret),
                    None => {
                        return fail(format!(
                            "the secret {name} is not set: set the environment variable \
                             LOWDEFY_SECRET_{name} or {name}"
                        ));
                    }
                },
                None => return fail("_secret takes the name of a secret".to_owned()),
            },
            "_env" => {
                let (name, default) = name_and_default(argument).ok_or_else(|| Error {
                    mark: key.mark,
                    message: "_env takes the name of an environment variable".to_owned(),
                })?;
                match (self.env)(&name) {
                    Some(value) => Value::String(value),
                    None => default.unwrap_or(Value::Null),
                }
            }
            "_payload" => return self.payload(key, argument, mark),
            unknown => {
                return fail(format!(
                    "the operator {unknown} is not known here; the operators are {}",
                    OPERATORS.join(", ")
                ));
            }
        };
        Ok(Node { value, mark })
    }

    fn secret(&self, name: &str) -> Option<String> {
        (self.env)(&format!("LOWDEFY_SECRET_{name}"))
            .or_else(|| (self.env)(name))
            .filter(|secret| !secret.is_empty())
            .or_else(|| self.missing_secret.map(str::to_owned))
    }

    fn payload(&self, key: &Key, argument: &Node, mark: Mark) -> Result<Node, Error> {
        let Some(payload) = self.payload else {
            return Err(Error {
                mark: key.mark,
                message: "_payload needs a payload: give one with --payload JSON".to_owned(),
            });
        };
        if argument.value == Value::Bool(true) {
            return Ok(from_json(payload, mark));
        }
        let (path, default) = name_and_default(argument).ok_or_else(|| Error {
            mark: key.mark,
            message: "_payload takes a path such as customer.id, or true".to_owned(),
        })?;
        let mut found = Some(payload);
        for step in path.split('.') {
            found = found.and_then(|value| match value {
                serde_json::Value::Array(items) => {
                    step.parse::<usize>().ok().and_then(|at| items.get(at))
                }
                value => value.get(step),
            });
        }
        Ok(match (found, default) {
            (Some(value), _) => from_json(value, mark),
            (None, Some(default)) => Node {
                value: default,
                mark,
            },
            (None, None) => Node {
                value: Value::Null,
                mark,
            },
        })
    }
}

/// Whether a text is one of Stripe's secrets rather than the name of one: these
/// begin in small letters, `sk_live_` or `whsec_`, and are longer than any name.
pub fn is_secret(text: &str) -> bool {
    let begins = ["sk_", "rk_", "whsec_"];
    text.len() >= 20 && begins.iter().any(|prefix| text.starts_with(prefix))
}

/// `name`, or `{key: name, default: value}`.
fn name_and_default(argument: &Node) -> Option<(String, Option<Value>)> {
    match &argument.value {
        Value::String(name) => Some((name.clone(), None)),
        Value::Mapping(_) => {
            let name = argument.get("key")?.as_str()?.to_owned();
            Some((name, argument.get("default").map(|node| node.value.clone())))
        }
        _ => None,
    }
}

fn from_json(json: &serde_json::Value, mark: Mark) -> Node {
    let value = match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Number(number.to_string()),
        serde_json::Value::String(text) => Value::String(text.clone()),
        serde_json::Value::Array(items) => {
            Value::List(items.iter().map(|item| from_json(item, mark)).collect())
        }
        serde_json::Value::Object(members) => Value::Mapping(
            members
                .iter()
                .map(|(name, member)| {
                    let key = Key {
                        name: name.clone(),
                        mark,
                    };
                    (key, from_json(member, mark))
                })
                .collect(),
        ),
    };
    Node { value, mark }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    fn env(name: &str) -> Option<String> {
        match name {
            "LOWDEFY_SECRET_A" => Some("first".into()),
            "A" | "B" => Some("second".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn evaluated(yaml: &str, missing_secret: Option<&str>) -> Result<String, Error> {
        let payload = serde_json::json!({"customer": {"ids": ["cus_1", "cus_2"]}, "amount": 5});
        let context = Context {
            env: &env,
            payload: Some(&payload),
            missing_secret,
        };
        context
            .evaluate(&parse(yaml).unwrap())
            .map(|node| node.to_json())
    }

    #[test]
    fn each_operator_gives_its_value() {
        for (yaml, expected) in [
            ("k: {_secret: A}", r#"{"k":"first"}"#),
            ("k: {_secret: B}", r#"{"k":"second"}"#),
            ("k: {_env: B}", r#"{"k":"second"}"#),
            ("k: {_env: NO}", r#"{"k":null}"#),
            ("k: {_env: {key: NO, default: 3}}", r#"{"k":3}"#),
            ("[{_payload: customer.ids.1}]", r#"["cus_2"]"#),
            ("[{_payload: amount}, {_payload: nothing}]", "[5,null]"),
            ("[{_payload: {key: nothing, default: x}}]", r#"["x"]"#),
            ("{a_b: {x: 1}, c: 2}", r#"{"a_b":{"x":1},"c":2}"#),
        ] {
            assert_eq!(evaluated(yaml, None).as_deref(), Ok(expected), "{yaml}");
        }
        assert!(
            evaluated("{_payload: true}", None)
                .unwrap()
                .contains("cus_2")
        );
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (yaml, mark, said) in [
            ("k:\n  _secret: NO", "2:3", "LOWDEFY_SECRET_NO"),
            ("k: {_secret: EMPTY}", "1:5", "not set"),
            ("k: {_secret: 1}", "1:5", "name of a secret"),
            (
                "k: {_state: x}",
                "1:5",
                "the operator _state is not known here",
            ),
            ("k: {_env: 1}", "1:5", "name of an environment variable"),
        ] {
            let error = evaluated(yaml, None).unwrap_err();
            assert!(error.message.contains(said), "{error}");
            assert_eq!(error.mark.to_string(), mark, "{yaml}");
        }
        assert_eq!(
            evaluated("k: {_secret: NO}", Some("stand-in")).as_deref(),
            Ok(r#"{"k":"stand-in"}"#)
        );
    }
}
