//! Templates: the `{{…}}` of a workflow's values. Owns their grammar and how they
//! are filled in; knows nothing of steps but their ids.
//!
//! ```text
//! expression  operand ("||" operand)*       the first that is not null
//! operand     path | "text" | 'text' | number | true | false
//! path        name ("." name | "[" index "]" | "[" "text" "]")*
//! name        letters, digits, "_" and "-"
//! ```
//!
//! Names may have hyphens, as the ids of steps do; that is why none of the
//! expression languages, which read a minus there, serves.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use winnow::ModalResult;
use winnow::Parser as _;
use winnow::combinator::{alt, delimited, opt, preceded, repeat, separated};
use winnow::token::{take_till, take_while};

use crate::yaml::{Error, Mark, Node, Value as Yaml};

/// A value of a workflow, with what is to be filled in.
#[derive(Debug)]
pub(super) enum Template {
    /// Nothing is.
    Plain(Value),
    /// One expression and nothing else: its value's type stays.
    Lone(Expression),
    /// Text around expressions.
    Text(Vec<Piece>),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

#[derive(Debug)]
pub(super) enum Piece {
    Plain(String),
    Filled(Expression),
}

/// What stands between `{{` and `}}`.
#[derive(Debug)]
pub(super) struct Expression {
    operands: Vec<Operand>,
    /// As it was written.
    text: String,
    /// Where the value that holds it begins.
    pub(super) mark: Mark,
}

#[derive(Debug)]
enum Operand {
    Literal(Value),
    Path(Root, Vec<Key>),
}

#[derive(Debug)]
enum Root {
    Input,
    Now,
    /// The output of a step.
    Step(String),
}

#[derive(Debug)]
enum Key {
    Name(String),
    Index(usize),
}

/// What templates may name while a workflow runs.
pub(super) struct Scope<'s> {
    pub(super) input: &'s Value,
    pub(super) now: &'s str,
    /// Of the steps that have run, by id.
    pub(super) outputs: &'s HashMap<String, Value>,
}

/// The names a path may begin with.
const ROOTS: [&str; 4] = ["input", "trigger", "steps", "now"];

const USAGE: &str = "write a path such as input.email or steps.ID.output.data[0].id, or several \
                     with || between them";

impl Template {
    /// Reads a value; every fault goes to `faults`.
    pub(super) fn read(node: &Node, faults: &mut Vec<Error>) -> Template {
        match &node.value {
            Yaml::String(text) => match pieces(text, node.mark) {
                Ok(template) => template,
                Err(message) => {
                    faults.push(Error {
                        mark: node.mark,
                        message,
                    });
                    Template::Plain(Value::Null)
                }
            },
            Yaml::List(items) => Template::List(
                items
                    .iter()
                    .map(|item| Template::read(item, faults))
                    .collect(),
            ),
            Yaml::Mapping(members) => {
                let mut object = Vec::with_capacity(members.len());
                for (key, member) in members {
                    if key.name.contains("{{") {
                        faults.push(Error {
                            mark: key.mark,
                            message: format!("a key cannot be filled in: {}", key.name),
                        });
                    }
                    object.push((key.name.clone(), Template::read(member, faults)));
                }
                Template::Object(object)
            }
            Yaml::Null | Yaml::Bool(_) | Yaml::Number(_) => {
                Template::Plain(serde_json::from_str(&node.to_json()).unwrap_or(Value::Null))
            }
        }
    }

    /// Every expression in it.
    pub(super) fn expressions<'t>(&'t self, out: &mut Vec<&'t Expression>) {
        match self {
            Template::Plain(_) => {}
            Template::Lone(expression) => out.push(expression),
            Template::Text(pieces) => {
                out.extend(pieces.iter().filter_map(|piece| match piece {
                    Piece::Filled(expression) => Some(expression),
                    Piece::Plain(_) => None,
                }));
            }
            Template::List(items) => items.iter().for_each(|item| item.expressions(out)),
            Template::Object(members) => {
                members
                    .iter()
                    .for_each(|(_, member)| member.expressions(out));
            }
        }
    }

    /// Fills it in. The error names the place below `place` and says what has no
    /// value.
    pub(super) fn fill(&self, scope: &Scope<'_>, place: &str) -> Result<Value, (String, String)> {
        let at = |message: String| (place.to_owned(), message);
        Ok(match self {
            Template::Plain(value) => value.clone(),
            Template::Lone(expression) => expression.needed(scope).map_err(at)?,
            Template::Text(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Plain(plain) => text.push_str(plain),
                        Piece::Filled(expression) => {
                            text.push_str(&expression.within_text(scope).map_err(at)?);
                        }
                    }
                }
                Value::String(text)
            }
            Template::List(items) => Value::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| item.fill(scope, &format!("{place}[{at}]")))
                    .collect::<Result<_, _>>()?,
            ),
            Template::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, member)| {
                        let value = member.fill(scope, &format!("{place}.{name}"))?;
                        Ok::<_, (String, String)>((name.clone(), value))
                    })
                    .collect::<Result<Map<_, _>, _>>()?,
            ),
        })
    }

    /// The same where it may be missing: a lone expression without a value is
    /// null.
    pub(super) fn fill_or_null(
        &self,
        scope: &Scope<'_>,
        place: &str,
    ) -> Result<Value, (String, String)> {
        match self {
            Template::Lone(expression) => Ok(expression.value(scope)),
            other => other.fill(scope, place),
        }
    }
}

impl Expression {
    /// The steps it names.
    pub(super) fn steps(&self) -> impl Iterator<Item = &str> {
        self.operands.iter().filter_map(|operand| match operand {
            Operand::Path(Root::Step(id), _) => Some(id.as_str()),
            _ => None,
        })
    }

    /// Whether it may have a value though none of the steps it names has run.
    pub(super) fn has_others(&self) -> bool {
        let is_step = |operand: &Operand| matches!(operand, Operand::Path(Root::Step(_), _));
        !self.operands.iter().all(is_step)
    }

    /// Its value; null where none of its operands has one.
    pub(super) fn value(&self, scope: &Scope<'_>) -> Value {
        let values = self.operands.iter().map(|operand| operand.value(scope));
        values
            .into_iter()
            .find(|value| !value.is_null())
            .unwrap_or(Value::Null)
    }

    /// Its value, or that it has none.
    pub(super) fn needed(&self, scope: &Scope<'_>) -> Result<Value, String> {
        match self.value(scope) {
            Value::Null => Err(format!("{{{{{}}}}} has no value", self.text)),
            value => Ok(value),
        }
    }

    fn within_text(&self, scope: &Scope<'_>) -> Result<String, String> {
        match self.needed(scope)? {
            Value::String(text) => Ok(text),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(value.to_string()),
            other => Err(format!(
                "{{{{{}}}}} is {}, which cannot stand within text",
                self.text,
                super::kind(&other)
            )),
        }
    }
}

impl Operand {
    fn value(&self, scope: &Scope<'_>) -> Value {
        let (root, keys) = match self {
            Operand::Literal(value) => return value.clone(),
            Operand::Path(root, keys) => (root, keys),
        };
        let now;
        let mut value = match root {
            Root::Input => scope.input,
            Root::Now => {
                now = Value::String(scope.now.to_owned());
                &now
            }
            Root::Step(id) => scope.outputs.get(id).unwrap_or(&Value::Null),
        };
        for key in keys {
            let next = match (key, value) {
                (Key::Index(at), Value::Array(items)) => items.get(*at),
                (Key::Name(name), Value::Object(members)) => members.get(name),
                (Key::Name(name), Value::Array(items)) if name == "length" => {
                    return Value::from(items.len());
                }
                // As JavaScript counts.
                (Key::Name(name), Value::String(text)) if name == "length" => {
                    return Value::from(text.encode_utf16().count());
                }
                _ => None,
            };
            match next {
                Some(next) => value = next,
                None => return Value::Null,
            }
        }
        value.clone()
    }
}

/// A string of a workflow, taken apart.
fn pieces(text: &str, mark: Mark) -> Result<Template, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, behind)) = after.split_once("}}") else {
            return Err(format!("{{{{ is never closed with }}}}: {text}"));
        };
        if !before.is_empty() {
            pieces.push(Piece::Plain(before.to_owned()));
        }
        pieces.push(Piece::Filled(read(inner, mark)?));
        rest = behind;
    }
    if pieces.is_empty() {
        return Ok(Template::Plain(Value::String(text.to_owned())));
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest.to_owned()));
    }
    Ok(match pieces.len() {
        1 => match pieces.pop() {
            Some(Piece::Filled(lone)) => Template::Lone(lone),
            other => Template::Text(other.into_iter().collect()),
        },
        _ => Template::Text(pieces),
    })
}

/// An operand before its first name is judged.
enum Raw {
    Literal(Value),
    Path(String, Vec<Key>),
}

/// Reads what stands between the braces.
fn read(text: &str, mark: Mark) -> Result<Expression, String> {
    let operands = expression.parse(text).map_err(|error| {
        // Counted in characters, from 1, as editors do.
        let before = text.get(..error.offset()).unwrap_or_default();
        let at = before.chars().count() + 1;
        let found = match text.get(error.offset()..).unwrap_or_default() {
            "" => "its end".to_owned(),
            rest => format!("{rest:?}"),
        };
        format!("{{{{{text}}}}} cannot be read from character {at} on, at {found}: {USAGE}")
    })?;
    let operands = operands
        .into_iter()
        .map(|raw| operand_of(raw, text))
        .collect::<Result<_, _>>()?;
    Ok(Expression {
        operands,
        text: text.to_owned(),
        mark,
    })
}

fn operand_of(raw: Raw, text: &str) -> Result<Operand, String> {
    let (root, keys) = match raw {
        Raw::Literal(value) => return Ok(Operand::Literal(value)),
        Raw::Path(root, keys) => (root, keys),
    };
    let mut keys = keys.into_iter();
    let root = match root.as_str() {
        "input" | "trigger" => Root::Input,
        "now" => Root::Now,
        "steps" => match (keys.next(), keys.next()) {
            (Some(Key::Name(id)), Some(Key::Name(output))) if output == "output" => Root::Step(id),
            _ => {
                return Err(format!(
                    "{{{{{text}}}}} names no step's output: write steps.ID.output"
                ));
            }
        },
        other => {
            return Err(format!(
                "{{{{{text}}}}} begins with {other:?}{}; a path begins with {}",
                super::hint(other, ROOTS.into_iter()),
                ROOTS.join(", ")
            ));
        }
    };
    Ok(Operand::Path(root, keys.collect()))
}

fn expression(input: &mut &str) -> ModalResult<Vec<Raw>> {
    separated(1.., delimited(space, operand, space), "||").parse_next(input)
}

fn space(input: &mut &str) -> ModalResult<()> {
    take_while(0.., [' ', '\t', '\r', '\n'])
        .void()
        .parse_next(input)
}

fn operand(input: &mut &str) -> ModalResult<Raw> {
    alt((
        quoted.map(|text| Raw::Literal(Value::String(text))),
        number.map(|number| Raw::Literal(Value::Number(number))),
        path,
    ))
    .parse_next(input)
}

fn path(input: &mut &str) -> ModalResult<Raw> {
    let root = name.parse_next(input)?;
    let keys: Vec<Key> = repeat(0.., key).parse_next(input)?;
    Ok(match (root.as_str(), keys.is_empty()) {
        ("true", true) => Raw::Literal(Value::Bool(true)),
        ("false", true) => Raw::Literal(Value::Bool(false)),
        _ => Raw::Path(root, keys),
    })
}

fn key(input: &mut &str) -> ModalResult<Key> {
    let index = take_while(1..=9, |c: char| c.is_ascii_digit())
        .try_map(|digits: &str| digits.parse::<usize>())
        .map(Key::Index);
    alt((
        preceded('.', name).map(Key::Name),
        delimited(
            ('[', space),
            alt((index, quoted.map(Key::Name))),
            (space, ']'),
        ),
    ))
    .parse_next(input)
}

fn name(input: &mut &str) -> ModalResult<String> {
    take_while(1.., |c: char| c.is_alphanumeric() || c == '_' || c == '-')
        .map(str::to_owned)
        .parse_next(input)
}

fn quoted(input: &mut &str) -> ModalResult<String> {
    alt((
        delimited('"', take_till(0.., '"'), '"'),
        delimited('\'', take_till(0.., '\''), '\''),
    ))
    .map(str::to_owned)
    .parse_next(input)
}

fn number(input: &mut &str) -> ModalResult<Number> {
    let digits = || take_while(1.., |c: char| c.is_ascii_digit());
    (opt('-'), digits(), opt(('.', digits())))
        .take()
        .try_map(|text: &str| serde_json::from_str::<Number>(text))
        .parse_next(input)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(text: &str) -> Result<Template, String> {
        pieces(text, Mark::default())
    }

    fn filled(text: &str) -> Result<Value, String> {
        let input = serde_json::from_str(
            r#"{"email":"a@b.c","n":12345678901234567890,"d":1.50,"none":null,"zero":0,
                "list":[{"id":"x"},{"id":"y"}],"a-b":{"c_d":true},"first name":"Ada","é":"ü",
                "text":"d\ud83d\ude00","object":{"length":"own"}}"#,
        )
        .unwrap();
        let outputs = HashMap::from([("get-it".to_owned(), json!({"data": [{"id": "cus_1"}]}))]);
        let scope = Scope {
            input: &input,
            now: "2026-11-21T12:00:00.000Z",
            outputs: &outputs,
        };
        template(text)?
            .fill(&scope, "p")
            .map_err(|(_, message)| message)
    }

    #[test]
    fn paths_find_values_and_keep_their_type() {
        for (text, expected) in [
            ("{{input.email}}", r#""a@b.c""#),
            ("{{ input.n }}", "12345678901234567890"),
            ("{{input.d}}", "1.50"),
            ("{{trigger.zero}}", "0"),
            ("{{input.list}}", r#"[{"id":"x"},{"id":"y"}]"#),
            ("{{input.list[1].id}}", r#""y""#),
            ("{{input.list.length}}", "2"),
            ("{{input.text.length}}", "3"),
            ("{{input.object.length}}", r#""own""#),
            ("{{input.a-b.c_d}}", "true"),
            (r#"{{input["first name"]}}"#, r#""Ada""#),
            ("{{input['a-b']['c_d']}}", "true"),
            ("{{input.é}}", r#""ü""#),
            ("{{steps.get-it.output.data[0].id}}", r#""cus_1""#),
            ("{{steps.get-it.output.data.length}}", "1"),
            ("{{now}}", r#""2026-11-21T12:00:00.000Z""#),
            // The first that is not null; 0 is a value.
            ("{{input.none || input.email}}", r#""a@b.c""#),
            (
                "{{input.list[9].id||steps.nowhere.output.id||'x'}}",
                r#""x""#,
            ),
            ("{{input.zero || 5}}", "0"),
            ("{{input.no || -1.50}}", "-1.50"),
            ("{{input.no || false}}", "false"),
            // Within text.
            ("#{{input.zero}}/{{input.d}}", r##""#0/1.50""##),
            ("{{input.email}} ", r#""a@b.c ""#),
            ("{{input.a-b.c_d}}{{input.zero}}", r#""true0""#),
            ("no }} template {", r#""no }} template {""#),
        ] {
            assert_eq!(
                filled(text).map(|v| v.to_string()).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_has_no_value_is_named() {
        for (text, said) in [
            ("{{input.none}}", "{{input.none}} has no value"),
            ("{{input.a || input.b.c[0]}}", "has no value"),
            ("{{input.email[0]}}", "has no value"),
            ("x{{input.none}}", "has no value"),
            (
                "x{{input.list}}",
                "is a list, which cannot stand within text",
            ),
        ] {
            assert!(filled(text).unwrap_err().contains(said), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_where() {
        for (text, said) in [
            ("{{input.email", "never closed"),
            ("{{}}", "from character 1 on, at its end"),
            ("{{input.}}", "character"),
            ("{{input..a}}", "character"),
            ("{{input.a b}}", "from character 9 on, at \"b\""),
            ("{{input[x]}}", "character"),
            ("{{input[-1]}}", "character"),
            ("{{input.a || }}", "character"),
            ("{{input.a | input.b}}", "from character 9 on"),
            ("{{input.a + 1}}", "from character 9 on"),
            ("{{'a}}", "character"),
            ("{{inputs.email}}", "did you mean \"input\"?"),
            (
                "{{customer.id}}",
                "a path begins with input, trigger, steps, now",
            ),
            ("{{steps.a.id}}", "write steps.ID.output"),
            ("{{steps}}", "write steps.ID.output"),
        ] {
            let error = filled(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
