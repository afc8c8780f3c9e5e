//! Turns `catalogue/actions.txt` into statics. Owns the reading of that file, and
//! holds each of its lines against the operation table and the parameters: an
//! action that names what Stripe does not have is not built.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;

/// Where the actions stand.
pub(crate) const FILE: &str = "catalogue/actions.txt";

/// Where the parameters stand, a file for each resource.
pub(crate) const PARAMETERS: &str = "catalogue/parameters";

/// Parameters that this release of the client no longer declares, and Stripe
/// still takes: what the documents of the actions send.
const OLDER: [&str; 1] = ["payment_method_types"];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The statics, as Rust.
pub(crate) fn generate(text: &str, operations: &str) -> Result<String> {
    let mut actions: Vec<Action<'_>> = Vec::new();
    for line in crate::rows(text) {
        match (line.strip_prefix("  "), actions.last_mut()) {
            (None, _) => actions.push(Action::begun(line, operations)?),
            (Some(line), Some(action)) => action.add(line)?,
            (Some(_), None) => return Err(format!("no action has begun: {line}").into()),
        }
    }
    let mut out = format!("static ACTIONS: [Action; {}] = [\n", actions.len());
    for action in &actions {
        action.write(&mut out)?;
    }
    out.push_str("];\n");
    Ok(out)
}

struct Action<'a> {
    name: &'a str,
    resource: &'a str,
    method: &'a str,
    effect: &'static str,
    answer: (&'a str, &'a str),
    title: &'a str,
    about: &'a str,
    inputs: Vec<Input<'a>>,
    path: &'a str,
    parameters: Vec<String>,
}

struct Input<'a> {
    name: &'a str,
    kind: &'static str,
    need: String,
    target: &'a str,
    about: &'a str,
}

impl<'a> Action<'a> {
    fn begun(line: &'a str, operations: &'a str) -> Result<Action<'a>> {
        let fault = |what: &str| format!("{what}: {line}");
        let mut words = line.split_whitespace();
        let mut word = || words.next().ok_or_else(|| fault("a word is missing"));
        let (name, operation, effect, answer) = (word()?, word()?, word()?, word()?);
        let row = crate::rows(operations)
            .map(|row| row.split_whitespace().collect::<Vec<_>>())
            .find(|row| row.first() == Some(&operation))
            .ok_or_else(|| fault("no such operation"))?;
        let (resource, method) = operation
            .rsplit_once('.')
            .ok_or_else(|| fault("an operation is resource.method"))?;
        Ok(Action {
            name,
            resource,
            method,
            effect: match effect {
                "read" => "Read",
                "write" => "Write",
                "destructive" => "Destructive",
                _ => return Err(fault("no such effect").into()),
            },
            answer: answer
                .split_once('=')
                .ok_or_else(|| fault("an answer is KIND=…"))?,
            title: "",
            about: "",
            inputs: Vec::new(),
            path: row.get(2).ok_or_else(|| fault("a row without a path"))?,
            parameters: parameters(resource, operation)?,
        })
    }

    /// Takes an indented line.
    fn add(&mut self, line: &'a str) -> Result<()> {
        let fault = |what: &str| format!("{what}: {}: {line}", self.name);
        let mut rest = line;
        let mut word = || {
            let (word, after) = rest
                .split_once("  ")
                .ok_or_else(|| fault("a column is missing"))?;
            rest = after.trim_start();
            Ok::<&str, String>(word)
        };
        let name = word()?;
        match name {
            "title" => self.title = rest,
            "about" => self.about = rest,
            _ => {
                let (kind, need, target) = (word()?, word()?, word()?);
                let kind = match kind {
                    "string" => "Text",
                    "integer" => "Integer",
                    "amount" => "Amount",
                    "boolean" => "Boolean",
                    "array" => "Array",
                    "object" => "Object",
                    _ => return Err(fault("no such type").into()),
                };
                let need = match need.split_once('=') {
                    None if need == "required" => "Need::Required".to_owned(),
                    None if need == "optional" => "Need::Optional".to_owned(),
                    Some(("default", json)) => format!("Need::Default({json:?})"),
                    Some(("with", other)) => format!("Need::With({other:?})"),
                    _ => return Err(fault("no such need").into()),
                };
                let root = target.split('.').next().unwrap_or(target);
                let known = match target.starts_with('{') {
                    true => self.path.contains(target),
                    false => {
                        OLDER.contains(&root) || self.parameters.iter().any(|known| known == root)
                    }
                };
                if !known {
                    return Err(fault("the operation has no such parameter").into());
                }
                self.inputs.push(Input {
                    name,
                    kind,
                    need,
                    target,
                    about: rest,
                });
            }
        }
        Ok(())
    }

    fn write(&self, out: &mut String) -> Result<()> {
        if self.title.is_empty() || self.about.is_empty() {
            return Err(format!("{} needs a title and an about", self.name).into());
        }
        let ids = self.path.matches('{').count();
        let filled = self.inputs.iter().filter(|i| i.target.starts_with('{'));
        if filled.count() != ids {
            return Err(format!("{} does not fill its path", self.name).into());
        }
        let (shape, output) = answer(self.answer)
            .ok_or_else(|| format!("{} has no answer that can be read", self.name))?;
        write!(
            out,
            "Action {{ name: {:?}, title: {:?}, about: {:?}, resource: {:?}, method: {:?}, \
             effect: Effect::{}, shape: {shape}, output: {output:?}, parameters: {:?}, inputs: &[",
            self.name,
            self.title,
            self.about,
            self.resource,
            self.method,
            self.effect,
            self.parameters.join(" "),
        )?;
        for input in &self.inputs {
            write!(
                out,
                "Input {{ name: {:?}, kind: Kind::{}, need: {}, target: {:?}, about: {:?} }},",
                input.name, input.kind, input.need, input.target, input.about
            )?;
        }
        out.push_str("] },\n");
        Ok(())
    }
}

/// How an answer is cut, and the JSON Schema of what is left.
fn answer((kind, text): (&str, &str)) -> Option<(String, String)> {
    let object = |name: &str| {
        format!(
            r#"{{"type":"object","properties":{{"object":{{"const":"{name}"}}}},"required":["object"]}}"#
        )
    };
    Some(match kind {
        "object" => ("Shape::Whole".to_owned(), object(text)),
        "list" => (
            "Shape::Whole".to_owned(),
            format!(
                r#"{{"type":"object","properties":{{"object":{{"const":"list"}},"data":{{"type":"array","items":{}}},"has_more":{{"type":"boolean"}}}},"required":["object","data","has_more"]}}"#,
                object(text)
            ),
        ),
        "fields" | "each" => {
            let fields: Vec<(&str, &str)> = text
                .split(',')
                .map(|field| field.split_once(':'))
                .collect::<Option<_>>()?;
            let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
            let properties: Vec<String> = fields
                .iter()
                .map(|(name, kind)| match kind.strip_suffix('?') {
                    None => format!(r#""{name}":{{"type":"{kind}"}}"#),
                    Some(kind) => format!(r#""{name}":{{"type":["{kind}","null"]}}"#),
                })
                .collect();
            let schema = format!(
                r#"{{"type":"object","properties":{{{}}},"required":[{}],"additionalProperties":false}}"#,
                properties.join(","),
                names
                    .iter()
                    .map(|name| format!("{name:?}"))
                    .collect::<Vec<_>>()
                    .join(","),
            );
            match kind {
                "fields" => (format!("Shape::Fields(&{names:?})"), schema),
                _ => (
                    format!("Shape::Each(&{names:?})"),
                    format!(r#"{{"type":"array","items":{schema}}}"#),
                ),
            }
        }
        _ => return None,
    })
}

/// The names of an operation's parameters.
fn parameters(resource: &str, operation: &str) -> Result<Vec<String>> {
    let root = resource.split('.').next().unwrap_or(resource);
    let text = fs::read_to_string(format!("{PARAMETERS}/{root}.txt"))?;
    let mut blocks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut block = "";
    for line in text.lines() {
        match line.strip_prefix("  ") {
            Some(field) => {
                let name = field.split([':', '?']).next().unwrap_or(field);
                blocks.entry(block).or_default().push(name.to_owned());
            }
            None => {
                let mut words = line.split_whitespace();
                block = match (words.next(), words.next(), words.next()) {
                    (Some("method"), Some(name), Some("params" | "params?")) => {
                        blocks.entry(name).or_default();
                        name
                    }
                    _ => "",
                };
            }
        }
    }
    blocks
        .remove(operation)
        .ok_or_else(|| format!("no parameters of {operation} are known").into())
}
