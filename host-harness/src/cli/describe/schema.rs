//! The described schema, as the pages read it: positional arguments, params, and
//! what a reference leads to.

use serde_json::Value;

/// A described schema.
pub(in crate::cli) struct Schema<'s> {
    root: &'s Value,
}

/// A member of an object.
pub(super) struct Member<'s> {
    pub(super) name: &'s str,
    pub(super) schema: &'s Value,
    pub(super) required: bool,
}

impl<'s> Schema<'s> {
    pub(in crate::cli) fn new(root: &'s Value) -> Self {
        Schema { root }
    }

    /// The positional arguments: all before params and options.
    pub(super) fn positional(&self) -> &'s [Value] {
        let all = self.root.get("prefixItems").and_then(Value::as_array);
        let all = all.map_or(&[][..], Vec::as_slice);
        all.get(..all.len().saturating_sub(2)).unwrap_or_default()
    }

    /// What the params are.
    pub(super) fn params(&self) -> &'s Value {
        self.definition("params").unwrap_or(&Value::Null)
    }

    /// What the options are.
    pub(super) fn options(&self) -> &'s Value {
        self.definition("options").unwrap_or(&Value::Null)
    }

    fn definition(&self, name: &str) -> Option<&'s Value> {
        self.root.get("$defs")?.get(name)
    }

    /// The name a schema refers to, and what stands there; or itself.
    pub(super) fn resolved(&self, schema: &'s Value) -> (Option<&'s str>, &'s Value) {
        let name = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix("#/$defs/"));
        match name.and_then(|name| self.definition(name)) {
            Some(definition) => (name, definition),
            None => (None, schema),
        }
    }

    /// The members of an object, the required ones first.
    pub(super) fn members(&self, schema: &'s Value) -> Vec<Member<'s>> {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut members: Vec<Member<'s>> = properties
            .into_iter()
            .flatten()
            .map(|(name, schema)| Member {
                name,
                schema,
                required: required.contains(&name.as_str()),
            })
            .collect();
        members.sort_by_key(|member| !member.required);
        members
    }

    /// The alternatives of a schema, references followed.
    pub(super) fn alternatives(&self, schema: &'s Value) -> Vec<&'s Value> {
        let (_, schema) = self.resolved(schema);
        match schema.get("anyOf").and_then(Value::as_array) {
            Some(several) => several
                .iter()
                .flat_map(|one| self.alternatives(one))
                .collect(),
            None => vec![schema],
        }
    }

    /// A type in words: `number or null`, `one of a, b`, `list of string`.
    pub(super) fn words(&self, schema: &'s Value) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut listed = false;
        for one in self.alternatives(schema) {
            let part = match (one.get("enum").and_then(Value::as_array), one.get("type")) {
                (Some(values), _) => {
                    listed = true;
                    enumerated(values)
                }
                (None, Some(Value::String(name))) => self.of_type(name, one),
                (None, Some(Value::Array(names))) => {
                    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                    names.join(" or ")
                }
                _ if one.get("const").is_some() => "empty text".to_owned(),
                _ => "anything".to_owned(),
            };
            // Words that are known, or any other.
            let part = match part.as_str() {
                "string" if listed => "another string".to_owned(),
                _ => part,
            };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts.join(" or ")
    }

    fn of_type(&self, name: &str, schema: &'s Value) -> String {
        match name {
            "array" => match schema.get("items") {
                Some(items) => format!("list of {}", self.words(items)),
                None => "list".to_owned(),
            },
            "object" => match schema.get("additionalProperties") {
                Some(values @ Value::Object(_)) => format!("object of {}", self.words(values)),
                _ => "object".to_owned(),
            },
            "string" if schema.get("format").is_some_and(|f| f == "decimal") => {
                "decimal string".to_owned()
            }
            other => other.to_owned(),
        }
    }
}

/// `one of a, b`; null and empty text, which clear a value, by their names.
fn enumerated(values: &[Value]) -> String {
    let words: Vec<String> = values
        .iter()
        .map(|value| match value.as_str() {
            Some("") => "empty text".to_owned(),
            Some(text) => text.to_owned(),
            None => value.to_string(),
        })
        .collect();
    match words.as_slice() {
        [null, empty] if null == "null" && empty == "empty text" => "null".to_owned(),
        [only] => only.clone(),
        several => format!("one of {}", several.join(", ")),
    }
}
