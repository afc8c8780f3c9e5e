//! What Stripe's objects look like: which fields each kind has, which may be null, and which kind
//! an operation answers with. It owns the reading of the two data files in `shapes/`, which
//! `shapes/generate.mjs` takes from the official client; it knows nothing of behaviour.

use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// A JSON object: one of Stripe's objects, or the parameters of a request.
pub(crate) type Object = Map<String, Value>;

/// What a field holds.
#[derive(Debug)]
pub(crate) enum Content {
    /// Text or the id of another object, with the word it usually starts as.
    Text(&'static str),
    Number,
    Boolean,
    Array,
    /// An object whose fields the shapes do not list.
    Free,
    /// A list object holding objects of another kind.
    List,
    /// An embedded object of another kind.
    Embedded,
    /// An object with these fields.
    Fields(Vec<Field>),
}

/// One field of an object.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The field may be absent; a fresh object has it only if it may be null too.
    pub(crate) optional: bool,
    /// The field may be null, so a fresh object has it as null.
    pub(crate) nullable: bool,
    pub(crate) content: Content,
}

/// In which form an operation answers with its kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    List,
    Search,
    Deleted,
}

/// One parameter an operation takes.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) content: Content,
    pub(crate) required: bool,
}

/// What an operation answers with, and what it takes.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) form: Form,
    /// The kinds the answer may have; mostly one, for a customer's sources four.
    pub(crate) kinds: Vec<&'static str>,
    pub(crate) parameters: HashMap<&'static str, Parameter>,
}

/// Everything the data files say.
#[derive(Debug)]
pub(crate) struct Shapes {
    /// The API version the data was taken from.
    pub(crate) api_version: &'static str,
    kinds: HashMap<&'static str, Vec<Field>>,
    /// By path, then by verb.
    answers: HashMap<&'static str, HashMap<&'static str, Answer>>,
    integers: HashSet<&'static str>,
    booleans: HashSet<&'static str>,
}

impl Shapes {
    /// The shapes, read once per process.
    pub(crate) fn get() -> &'static Self {
        static SHAPES: OnceLock<Shapes> = OnceLock::new();
        SHAPES.get_or_init(|| {
            Self::parse(
                include_str!("shapes/objects.txt"),
                include_str!("shapes/answers.txt"),
            )
        })
    }

    fn parse(objects: &'static str, answers: &'static str) -> Self {
        // The first line reads "# Stripe API 2026-10-28.endive, facts taken from …".
        let mut words = answers.split([' ', ',']);
        let mut shapes = Self {
            api_version: words.nth(3).unwrap_or_default(),
            kinds: HashMap::new(),
            answers: HashMap::new(),
            integers: HashSet::new(),
            booleans: HashSet::new(),
        };
        for line in objects.lines().filter(|line| !line.starts_with('#')) {
            if let Some((kind, mut fields)) = line.split_once(' ') {
                shapes.kinds.insert(kind, parse_fields(&mut fields));
            }
        }
        for line in answers.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("INTEGERS") => shapes.integers.extend(words),
                Some("BOOLEANS") => shapes.booleans.extend(words),
                Some(verb) => {
                    let (Some(path), Some(kinds)) = (words.next(), words.next()) else {
                        continue;
                    };
                    let (form, kinds) = match kinds.split_once(':') {
                        Some(("list", kinds)) => (Form::List, kinds),
                        Some(("search", kinds)) => (Form::Search, kinds),
                        Some(("deleted", kinds)) => (Form::Deleted, kinds),
                        _ => (Form::Object, kinds),
                    };
                    let kinds = kinds.split('|').filter(|kind| *kind != "-").collect();
                    let parameters = words.map(parse_parameter).collect();
                    let answers = shapes.answers.entry(path).or_default();
                    answers.insert(
                        verb,
                        Answer {
                            form,
                            kinds,
                            parameters,
                        },
                    );
                }
                None => {}
            }
        }
        shapes
    }

    /// The fields of a kind of object.
    pub(crate) fn fields(&self, kind: &str) -> Option<&[Field]> {
        self.kinds.get(kind).map(Vec::as_slice)
    }

    /// One field of a kind of object.
    pub(crate) fn field(&self, kind: &str, name: &str) -> Option<&Field> {
        self.fields(kind)?.iter().find(|field| field.name == name)
    }

    /// What an operation answers with; `path` has `{}` in place of its parameters.
    pub(crate) fn answer(&self, verb: &str, path: &str) -> Option<&Answer> {
        self.answers.get(path)?.get(verb)
    }

    /// True when a nested parameter of this name is a number.
    pub(crate) fn is_integer(&self, name: &str) -> bool {
        self.integers.contains(name)
    }

    /// True when a nested parameter of this name is a boolean.
    pub(crate) fn is_boolean(&self, name: &str) -> bool {
        self.booleans.contains(name)
    }
}

fn parse_parameter(word: &'static str) -> (&'static str, Parameter) {
    let (word, required) = match word.strip_suffix('!') {
        Some(word) => (word, true),
        None => (word, false),
    };
    let (name, content) = match word.split_once(':') {
        Some((name, "i")) => (name, Content::Number),
        Some((name, "b")) => (name, Content::Boolean),
        _ => (word, Content::Free),
    };
    (name, Parameter { content, required })
}

/// Reads `name~?:i name{…} …` up to the end or a closing brace, which it consumes.
fn parse_fields(rest: &mut &'static str) -> Vec<Field> {
    let mut fields = Vec::new();
    loop {
        *rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            *rest = after;
            return fields;
        }
        if rest.is_empty() {
            return fields;
        }
        let end = rest.find([' ', '{', '}']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        *rest = after;
        let name_end = word.find(['~', '?', ':', '=']).unwrap_or(word.len());
        let (name, marks) = word.split_at(name_end);
        let content = if let Some(inner) = rest.strip_prefix('{') {
            *rest = inner;
            Content::Fields(parse_fields(rest))
        } else if let Some((_, usual)) = marks.split_once('=').filter(|_| !marks.contains(':')) {
            Content::Text(usual)
        } else {
            match marks.split_once(':').map(|(_, code)| code) {
                Some("i") => Content::Number,
                Some("b") => Content::Boolean,
                Some("a") => Content::Array,
                Some("o") => Content::Free,
                Some(code) if code.starts_with('l') => Content::List,
                Some(_) => Content::Embedded,
                None => Content::Text(""),
            }
        };
        let (optional, nullable) = (marks.contains('~'), marks.contains('?'));
        fields.push(Field {
            name,
            optional,
            nullable,
            content,
        });
    }
}

/// A fresh object with these fields: null where that is allowed, an empty value where not.
pub(crate) fn blank(fields: &[Field]) -> Object {
    let required = fields.iter().filter(|field| !field.optional);
    required
        .map(|field| (field.name.to_owned(), field.blank()))
        .collect()
}

impl Field {
    fn blank(&self) -> Value {
        if self.name == "metadata" {
            return json!({});
        }
        if self.nullable {
            return Value::Null;
        }
        match &self.content {
            Content::Text(usual) => json!(usual),
            Content::Number => json!(0),
            Content::Boolean => json!(false),
            Content::Array => json!([]),
            Content::Free => json!({}),
            Content::List => json!({"object": "list", "data": [], "has_more": false, "url": ""}),
            Content::Embedded => Value::Null,
            Content::Fields(fields) => Value::Object(blank(fields)),
        }
    }
}

/// Lays parameters over an object: those that are fields of it, in the form the field has. An
/// empty text unsets a field, and metadata is merged key by key (Stripe docs, "Metadata").
pub(crate) fn apply(fields: &[Field], object: &mut Object, params: &Object) {
    for field in fields {
        let Some(value) = params.get(field.name) else {
            continue;
        };
        if field.name == "metadata" {
            merge_metadata(object.entry("metadata").or_insert(Value::Null), value);
            continue;
        }
        if matches!(field.name, "id" | "object" | "created" | "livemode") {
            continue;
        }
        if value.is_null() || value == "" {
            if field.optional && !field.nullable {
                object.remove(field.name);
            } else {
                object.insert(field.name.to_owned(), field.blank());
            }
            continue;
        }
        let value = match (&field.content, value) {
            (Content::Fields(inner), Value::Object(params)) => {
                let mut nested = match object.get(field.name) {
                    Some(Value::Object(present)) => present.clone(),
                    _ => blank(inner),
                };
                apply(inner, &mut nested, params);
                Value::Object(nested)
            }
            (Content::Free, Value::Object(_)) | (Content::Array, Value::Array(_)) => value.clone(),
            // A parameter that describes another object to make, or a list, is for a hook.
            (_, Value::Object(_) | Value::Array(_)) => continue,
            (Content::Fields(_) | Content::Free | Content::Array, _) => continue,
            (Content::List | Content::Embedded, _) => continue,
            (_, value) => value.clone(),
        };
        object.insert(field.name.to_owned(), value);
    }
}

fn merge_metadata(present: &mut Value, given: &Value) {
    if !present.is_object() || !given.is_object() {
        *present = json!({});
    }
    let (Value::Object(present), Value::Object(given)) = (present, given) else {
        return;
    };
    for (key, value) in given {
        match value {
            Value::Null => _ = present.remove(key),
            Value::String(text) if text.is_empty() => _ = present.remove(key),
            Value::String(_) => _ = present.insert(key.clone(), value.clone()),
            other => _ = present.insert(key.clone(), json!(other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_line_of_the_data() {
        let shapes = Shapes::get();
        assert!(
            shapes.api_version.starts_with("20"),
            "{}",
            shapes.api_version
        );
        assert!(shapes.kinds.len() > 150, "{}", shapes.kinds.len());
        assert!(shapes.answers.len() > 350, "{}", shapes.answers.len());
        for (path, answers) in &shapes.answers {
            let whole = answers
                .values()
                .filter(|answer| answer.form != Form::Deleted);
            for kind in whole.flat_map(|answer| &answer.kinds) {
                assert!(shapes.fields(kind).is_some(), "{path}: {kind} has no shape");
            }
        }
        assert!(shapes.is_integer("unit_amount") && shapes.is_boolean("auto_advance"));
        assert!(
            !shapes.is_integer("number"),
            "a card's number must stay text"
        );
    }

    #[test]
    fn a_fresh_object_has_its_fields() {
        let customer = blank(Shapes::get().fields("customer").unwrap());
        assert_eq!(customer.get("email"), Some(&Value::Null));
        assert_eq!(customer.get("metadata"), Some(&json!({})));
        assert_eq!(customer.get("balance"), Some(&json!(0)));
        assert!(!customer.contains_key("subscriptions"), "only on request");
    }

    #[test]
    fn parameters_lie_over_fields() {
        let fields = Shapes::get().fields("customer").unwrap();
        let mut customer = blank(fields);
        let first = json!({"email": "a@b.c", "address": {"city": "Bern"}, "payment_method": "pm_1",
            "metadata": {"a": "1", "b": "2"}});
        apply(fields, &mut customer, first.as_object().unwrap());
        assert_eq!(customer["address"]["city"], "Bern");
        assert_eq!(customer["address"]["line1"], Value::Null);
        assert!(
            !customer.contains_key("payment_method"),
            "not a field of a customer"
        );
        let second = json!({"email": "", "metadata": {"a": "", "c": "3"}});
        apply(fields, &mut customer, second.as_object().unwrap());
        assert_eq!(customer["email"], Value::Null);
        assert_eq!(customer["metadata"], json!({"b": "2", "c": "3"}));
        apply(
            fields,
            &mut customer,
            json!({"metadata": ""}).as_object().unwrap(),
        );
        assert_eq!(customer["metadata"], json!({}));
    }
}
