//! A request to paste, in Lowdefy's form: what is required first, with a value
//! of its type to replace, and what may be left out as comments.

use serde_json::Value;

use super::schema::{Member, Schema};

/// Deeper than this, what may be left out is not written out.
const DEEP: usize = 2;

/// The YAML of a call.
pub(in crate::cli) fn page(call: &str, schema: &Schema<'_>) -> String {
    let mut yaml = Yaml {
        schema,
        out: String::new(),
    };
    let mut depth = 0;
    for key in call.split('.') {
        yaml.line(depth, false, &format!("{key}:"));
        depth += 1;
    }
    for one in schema.positional() {
        let title = one.get("title").and_then(Value::as_str).unwrap_or("ID");
        let value = placeholder(schema, one);
        yaml.line(depth, false, &format!("- {value}  # {title}"));
    }
    let params = schema.members(schema.params());
    yaml.item(depth, &params, "params");
    let options = schema.members(schema.options());
    let required: Vec<Member<'_>> = options
        .into_iter()
        .filter(|option| option.name == "idempotencyKey" || option.required)
        .collect();
    yaml.item(depth, &required, "options");
    yaml.out
}

struct Yaml<'t, 's> {
    schema: &'t Schema<'s>,
    out: String,
}

impl<'s> Yaml<'_, 's> {
    fn line(&mut self, depth: usize, comment: bool, text: &str) {
        let mark = if comment { "# " } else { "" };
        self.out
            .push_str(&format!("{}{mark}{text}\n", "  ".repeat(depth)));
    }

    /// One argument that is an object: empty where nothing in it is required.
    fn item(&mut self, depth: usize, members: &[Member<'s>], what: &str) {
        let demanded = members.iter().any(|member| member.required);
        match (demanded, what) {
            (true, _) => self.line(depth, false, &format!("-  # {what}")),
            (false, "params") => {
                self.line(depth, false, "- {}  # params: replace {} with what follows");
            }
            (false, _) => self.line(depth, true, &format!("-  # {what}")),
        }
        self.members(members, depth + 1, false, 0);
    }

    fn members(&mut self, members: &[Member<'s>], depth: usize, comment: bool, optional: usize) {
        for member in members {
            let comment = comment || !member.required;
            let optional = optional + usize::from(!member.required);
            let words = shortened(&self.schema.words(member.schema));
            let within = self.object_of(member.schema);
            match within {
                Some((object, is_list)) if optional <= DEEP && depth < 12 => {
                    self.line(depth, comment, &format!("{}:  # {words}", member.name));
                    let inner = self.schema.members(object);
                    let depth = if is_list {
                        self.line(depth + 1, comment, "-");
                        depth + 2
                    } else {
                        depth + 1
                    };
                    if inner.is_empty() {
                        self.line(depth, comment, "{}");
                    }
                    // An object of which nothing is required must still be one.
                    let chosen = inner.iter().any(|member| member.required);
                    if !comment && !chosen && !inner.is_empty() {
                        self.line(depth, false, "{}");
                        self.members(&inner, depth, true, optional);
                    } else {
                        self.members(&inner, depth, comment, optional);
                    }
                }
                _ => {
                    let value = placeholder(self.schema, member.schema);
                    let line = format!("{}: {value}  # {words}", member.name);
                    self.line(depth, comment, &line);
                }
            }
        }
    }

    /// The first object with known members, and whether it stands in a list.
    fn object_of(&self, schema: &'s Value) -> Option<(&'s Value, bool)> {
        let first = *self.schema.alternatives(schema).first()?;
        if first.get("properties").is_some() {
            return Some((first, false));
        }
        let items = first.get("items")?;
        let item = *self.schema.alternatives(items).first()?;
        item.get("properties").map(|_| (item, true))
    }
}

/// A value of a type, for a person to replace.
fn placeholder<'s>(schema: &Schema<'s>, of: &'s Value) -> String {
    let alternatives = schema.alternatives(of);
    let Some(first) = alternatives.first() else {
        return "null".to_owned();
    };
    if let Some(example) = first.get("examples").and_then(|examples| examples.get(0)) {
        return example.to_string();
    }
    if let Some(values) = first.get("enum").and_then(Value::as_array) {
        return values.first().unwrap_or(&Value::Null).to_string();
    }
    let name = match first.get("type") {
        Some(Value::Array(names)) => names.first().and_then(Value::as_str),
        Some(name) => name.as_str(),
        None => None,
    };
    match (name, first.get("format").and_then(Value::as_str)) {
        (Some("string"), Some("decimal")) => "\"0\"",
        (Some("string"), _) => "\"…\"",
        (Some("number" | "integer"), _) => "0",
        (Some("boolean"), _) => "false",
        (Some("array"), _) => "[]",
        (Some("object"), _) => "{}",
        _ => "null",
    }
    .to_owned()
}

/// Long lists of words would hide the names.
fn shortened(words: &str) -> String {
    match words.char_indices().nth(100) {
        None => words.to_owned(),
        Some((end, _)) => {
            let cut = words.get(..end).unwrap_or_default();
            let cut = cut.rsplit_once(", ").map_or(cut, |(before, _)| before);
            format!("{cut}, …")
        }
    }
}
