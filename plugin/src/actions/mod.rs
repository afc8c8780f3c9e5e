//! Ready-made actions: a config under names that people know becomes the
//! arguments of an operation, and its answer is cut to what the action promises.
//! Nothing here sends; `exports` takes the arguments through the same steps as
//! any call's.
//!
//! A config is held against the action before that, and everything wrong with it
//! is said at once. Null is no value: it is most often a template that found
//! nothing, and to leave out an amount or a customer for it would do something
//! else than what was meant.

mod table;

use std::borrow::Cow;

use crate::failure::Refusal;
use crate::json::{self, Object, Value};
use crate::options::Options;

pub use self::table::{Action, Effect, Input, Kind, Need, Shape, all, find};

/// The options of a call that a config may hold. Not `apiKey` and `headers`: a
/// config is kept and shown by engines.
pub const OPTIONS: [&str; 6] = [
    "idempotencyKey",
    "stripeAccount",
    "stripeContext",
    "apiVersion",
    "maxNetworkRetries",
    "timeout",
];

/// The action of that name, or which ones are near it.
pub fn named(name: &str) -> Result<&'static Action, Refusal> {
    find(name).ok_or_else(|| {
        let shown: String = name.chars().take(200).collect();
        let hint = match table::nearest(name).as_slice() {
            [] => "list-actions names them all.".to_owned(),
            [only] => format!("did you mean {only}?"),
            [first @ .., last] => format!("did you mean {} or {last}?", first.join(", ")),
        };
        Refusal::argument("name", format!("There is no action {shown:?}; {hint}"))
    })
}

/// The config as it was read; no text at all is an empty one.
pub fn read(config: &str) -> Result<Object<'_>, Refusal> {
    if config.trim().is_empty() {
        return Ok(Vec::new());
    }
    match Value::parse(config) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null) => Ok(Vec::new()),
        Ok(other) => Err(Refusal::argument(
            "config",
            format!(
                "The config of an action should be an object, not {}.",
                other.kind()
            ),
        )),
        Err(error) => Err(Refusal::argument(
            "config",
            format!("The config is not JSON: {error}."),
        )),
    }
}

/// What is wrong with one field of a config.
struct Fault {
    field: String,
    message: String,
}

impl Action {
    /// The positional arguments of the operation that a config stands for: ids,
    /// params in the config's order with defaults after them, options.
    pub fn arguments<'a>(&self, config: Object<'a>) -> Result<Value<'a>, Refusal> {
        let mut faults = Vec::new();
        let given = |name: &str| {
            config
                .iter()
                .any(|(key, value)| key == name && !is_empty(value))
        };
        for input in self.inputs {
            match input.need {
                Need::Required if !given(input.name) => {
                    let null = config
                        .iter()
                        .any(|(key, value)| key == input.name && matches!(value, Value::Null));
                    // A null is told below.
                    if !null {
                        faults.push(Fault {
                            field: input.name.to_owned(),
                            message: format!("{:?} is missing", input.name),
                        });
                    }
                }
                Need::With(other) if given(input.name) && !given(other) => faults.push(Fault {
                    field: other.to_owned(),
                    message: format!("{:?} needs {other:?} beside it", input.name),
                }),
                _ => {}
            }
        }
        let (mut ids, mut params, mut options) = (Vec::new(), Vec::new(), Vec::new());
        for (name, value) in config {
            match self.judge(&name, &value) {
                Err(message) => faults.push(Fault {
                    field: name.into_owned(),
                    message,
                }),
                Ok(Field::Input(input)) if input.target.starts_with('{') => ids.push(value),
                Ok(Field::Input(input)) => put(&mut params, input.target, value),
                Ok(Field::Parameter) => params.push((name, value)),
                Ok(Field::Option) => options.push((name, value)),
            }
        }
        if !faults.is_empty() {
            return Err(self.refusal(&faults));
        }
        for input in self.inputs {
            let Need::Default(json) = input.need else {
                continue;
            };
            if let (false, Ok(value)) = (has(&params, input.target), Value::parse(json)) {
                put(&mut params, input.target, value);
            }
        }
        // Every action has one id at most.
        let mut arguments = ids;
        arguments.push(Value::Object(params));
        arguments.push(Value::Object(options));
        Ok(Value::Array(arguments))
    }

    /// What a field of a config is, or what is wrong with it.
    fn judge(&self, name: &str, value: &Value<'_>) -> Result<Field, String> {
        if let Some(input) = self.inputs.iter().find(|input| input.name == name) {
            if let Value::Null = value {
                return Err(format!(
                    "{name:?} is null: leave it out, or give it a value"
                ));
            }
            return match input.refuses(value) {
                None => Ok(Field::Input(input)),
                Some(expected) => Err(format!(
                    "{name:?} should be {expected}, not {}",
                    described(value)
                )),
            };
        }
        if let Some(known) = OPTIONS.into_iter().find(|known| *known == name) {
            if let Value::Null = value {
                return Err(format!(
                    "{name:?} is null: leave it out, or give it a value"
                ));
            }
            let alone = vec![(Cow::Borrowed(known), value.clone())];
            return match Options::read(&alone) {
                Ok(_) => Ok(Field::Option),
                // It is one of a list of faults.
                Err(refusal) => Err(refusal.message.trim_end_matches('.').to_owned()),
            };
        }
        // A parameter that an input stands for is given by that input alone, so
        // that nothing is given twice.
        if self.other_parameters().any(|parameter| parameter == name) {
            return match value {
                Value::Null => Err(format!(
                    "{name:?} is null: leave it out, or give it a value"
                )),
                _ => Ok(Field::Parameter),
            };
        }
        let stands_for = |input: &&Input| input.target.split('.').next() == Some(name);
        if let Some(input) = self.inputs.iter().find(stands_for) {
            return Err(format!("{name:?} is not known; write {:?}", input.name));
        }
        let known = self
            .inputs
            .iter()
            .map(|input| input.name)
            .chain(OPTIONS)
            .chain(self.other_parameters());
        let shown: String = name.chars().take(200).collect();
        Err(match table::closest(name, known, 1).first() {
            Some(near) => format!("{shown:?} is not known; did you mean {near:?}?"),
            None => format!("{shown:?} is not known"),
        })
    }

    /// All faults in one message; the place is the field's where there is one.
    fn refusal(&self, faults: &[Fault]) -> Refusal {
        let place = match faults {
            [only] => format!("config.{}", only.field),
            _ => "config".to_owned(),
        };
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        let mut message = format!("{}: {}", self.name, messages.join("; "));
        if !message.ends_with('?') {
            message.push('.');
        }
        Refusal::argument(place, message)
    }

    /// A place in the arguments, as [`Action::arguments`] made them and a call
    /// refused them below `config`, seen from the config.
    pub fn place(&self, place: &str) -> String {
        let Some((at, rest)) = place
            .strip_prefix("config[")
            .and_then(|rest| rest.split_once(']'))
        else {
            return place.to_owned();
        };
        let mut ids = self
            .inputs
            .iter()
            .filter(|input| input.target.starts_with('{'));
        let count = ids.clone().count();
        match at.parse::<usize>() {
            Ok(at) if at < count => match ids.nth(at) {
                Some(input) => format!("config.{}", input.name),
                None => place.to_owned(),
            },
            Ok(at) if at == count => {
                let rest = rest.trim_start_matches('.');
                let split = rest.find(['.', '[']).unwrap_or(rest.len());
                let (root, below) = rest.split_at_checked(split).unwrap_or((rest, ""));
                let input = self.inputs.iter().find(|input| input.target == root);
                let name = input.map_or(root, |input| input.name);
                match name {
                    "" => "config".to_owned(),
                    _ => format!("config.{name}{below}"),
                }
            }
            _ => format!("config{rest}"),
        }
    }

    /// Stripe's answer cut to what the action promises, its numbers' digits
    /// kept. A field the answer does not have is null. What is not the kind of
    /// answer that can be cut is handed on whole: the call has succeeded.
    pub fn cut(&self, body: String) -> String {
        let cut = match self.shape {
            Shape::Whole => None,
            Shape::Fields(fields) => match Value::parse(&body) {
                Ok(object @ Value::Object(_)) => {
                    let mut out = String::new();
                    pick(&object, fields, &mut out);
                    Some(out)
                }
                _ => None,
            },
            Shape::Each(fields) => match Value::parse(&body) {
                Ok(list) => list.get("data").and_then(|data| match data {
                    Value::Array(items) => Some(pick_each(items, fields)),
                    _ => None,
                }),
                Err(_) => None,
            },
        };
        cut.unwrap_or(body)
    }
}

/// What a field of a config is.
enum Field {
    /// One of the action's inputs.
    Input(&'static Input),
    /// A parameter of the operation, under Stripe's name.
    Parameter,
    /// An option of the call.
    Option,
}

impl Input {
    /// What should stand here, if this value should not.
    fn refuses(&self, value: &Value<'_>) -> Option<&'static str> {
        let is_id = self.target.starts_with('{');
        match (self.kind, value) {
            // An id that a server would resolve as part of the path makes
            // another call (RFC 3986, 5.2.4).
            (Kind::Text, Value::String(text)) if is_id => {
                matches!(text.as_ref(), "." | "..").then_some("an id")
            }
            (Kind::Text, Value::String(_) | Value::Number(_))
            | (Kind::Boolean, Value::Bool(_))
            | (Kind::Array, Value::Array(_))
            | (Kind::Object, Value::Object(_)) => None,
            // Stripe takes an empty text for an object to be cleared.
            (Kind::Object, Value::String(text)) if text.is_empty() => None,
            (Kind::Integer | Kind::Amount, Value::Number(digits)) if is_whole(digits) => None,
            (Kind::Text, _) => Some("a string"),
            (Kind::Integer, _) => Some("a whole number"),
            (Kind::Amount, _) => {
                Some("a whole number of the currency's smallest unit, such as 1999 for 19.99")
            }
            (Kind::Boolean, _) => Some("true or false"),
            (Kind::Array, _) => Some("a list"),
            (Kind::Object, _) => Some("an object"),
        }
    }
}

fn is_whole(digits: &str) -> bool {
    let digits = digits.strip_prefix('-').unwrap_or(digits);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A value for a message: a number as it is written, of others the kind.
fn described<'v>(value: &'v Value<'_>) -> Cow<'v, str> {
    match value {
        Value::Number(digits) => Cow::Borrowed(digits.as_ref()),
        Value::String(text) if text.is_empty() => Cow::Borrowed("an empty string"),
        Value::String(text) if text.len() <= 40 => Cow::Owned(format!("the string {text:?}")),
        other => Cow::Borrowed(other.kind()),
    }
}

/// Whether a required field that has this value is still missing.
fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether there is something at a dotted place.
fn has(params: &Object<'_>, target: &str) -> bool {
    let (name, below) = head(target);
    let found = params.iter().find(|(key, _)| key == name);
    match (found, below) {
        (Some(_), None) => true,
        (Some((_, value)), Some(below)) => has_below(value, below),
        (None, _) => false,
    }
}

fn has_below(value: &Value<'_>, target: &str) -> bool {
    match value {
        Value::Object(members) => has(members, target),
        Value::Array(items) => {
            let (at, below) = head(target);
            let item = at.parse::<usize>().ok().and_then(|at| items.get(at));
            item.is_some_and(|item| below.is_none_or(|below| has_below(item, below)))
        }
        _ => false,
    }
}

/// Puts a value at a dotted place; a number stands for an element of a list.
fn put<'a>(params: &mut Object<'a>, target: &'static str, value: Value<'a>) {
    let (name, below) = head(target);
    let Some(below) = below else {
        params.push((Cow::Borrowed(name), value));
        return;
    };
    let (next, after) = head(below);
    if let (Ok(_), Some(after)) = (next.parse::<usize>(), after) {
        let old = params.iter_mut().find(|(key, _)| key == name);
        if let Some((_, Value::Array(items))) = old
            && let Some(Value::Object(members)) = items.first_mut()
        {
            put(members, after, value);
            return;
        }
        let mut members = Vec::new();
        put(&mut members, after, value);
        let list = Value::Array(vec![Value::Object(members)]);
        params.push((Cow::Borrowed(name), list));
        return;
    }
    let old = params.iter_mut().find(|(key, _)| key == name);
    if let Some((_, Value::Object(members))) = old {
        put(members, below, value);
        return;
    }
    let mut members = Vec::new();
    put(&mut members, below, value);
    params.push((Cow::Borrowed(name), Value::Object(members)));
}

/// A dotted place's first step, and the rest.
fn head(target: &str) -> (&str, Option<&str>) {
    match target.split_once('.') {
        Some((name, below)) => (name, Some(below)),
        None => (target, None),
    }
}

fn pick(object: &Value<'_>, fields: &[&str], out: &mut String) {
    out.push('{');
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        json::write_string(field, out);
        out.push(':');
        object.get(field).unwrap_or(&Value::Null).write(out);
    }
    out.push('}');
}

fn pick_each(items: &[Value<'_>], fields: &[&str]) -> String {
    let mut out = String::from("[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        pick(item, fields, &mut out);
    }
    out.push(']');
    out
}

#[cfg(test)]
mod tests;
