//! Arguments held against the parameter schemas: everything that is wrong, at
//! once. It is as lenient as the wire: in a form a number may be given as text
//! and null is empty text, since Stripe gets the same bytes; in JSON (v2) null
//! clears whatever may be left out. It names names, and never shows a value,
//! which may be a secret.

use std::borrow::Cow;

use super::model::{Field, Inflated, Kind, Model, Shape, Type};
use super::problem::{MAX_PROBLEMS, Problem, Step, steps};
use crate::arguments;
use crate::failure::Refusal;
use crate::headers;
use crate::json::{Object, Value};
use crate::operation::{Operation, Verb, fold};
use crate::options::{self, Options, is_options};
use crate::outgoing::{RawRequest, names_version};

/// Longest name that is compared with others, and most of one that is shown, in
/// bytes and characters.
const MAX_NAME: usize = 64;

/// Most words that a message lists.
const LISTED_WORDS: usize = 8;

/// Everything wrong with the arguments of an operation.
pub fn operation(operation: &Operation, args: &Value<'_>) -> Result<Vec<Problem>, Refusal> {
    let inflated = Inflated::new()?;
    let model = inflated.model()?;
    let mut check = Check {
        model: &model,
        json: operation.is_v2() && operation.verb == Verb::Post,
        place: Vec::new(),
        params: None,
        problems: Vec::new(),
    };
    check.arguments(operation, args);
    Ok(check.problems)
}

/// Everything wrong with the arguments of `rawRequest`, whose parameters nobody
/// knows.
pub fn raw_request(args: &Value<'_>) -> Vec<Problem> {
    match RawRequest::split(args.clone()) {
        Ok(_) => Vec::new(),
        Err(refusal) => vec![Problem {
            place: steps(&refusal.path),
            params: None,
            message: refusal.message,
            suggestion: None,
        }],
    }
}

struct Check<'m, 'b> {
    model: &'m Model<'b>,
    /// Whether params travel as JSON rather than as a form.
    json: bool,
    place: Vec<Step>,
    params: Option<usize>,
    problems: Vec<Problem>,
}

impl Check<'_, '_> {
    fn problem(&mut self, message: String, suggestion: Option<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem {
                place: self.place.clone(),
                params: self.params,
                message,
                suggestion,
            });
        }
    }

    /// The same one step further in.
    fn problem_at(&mut self, step: Step, message: String, suggestion: Option<String>) {
        self.place.push(step);
        self.problem(message, suggestion);
        self.place.pop();
    }

    /// The arguments, taken apart as `arguments::split` does, which stops at the
    /// first that is wrong.
    fn arguments(&mut self, operation: &Operation, args: &Value<'_>) {
        let (list, is_list) = match args {
            Value::Null => (&[][..], false),
            Value::Array(list) => (list.as_slice(), true),
            one => (std::slice::from_ref(one), false),
        };
        let mut rest = list.iter().enumerate().peekable();
        let mut ids = 0;
        for name in operation.path_parameters() {
            let next = rest.next();
            let missing = next.is_none() || matches!(next, Some((_, Value::Null)));
            if missing && operation.null_path.is_some() {
                ids += 1;
                continue;
            }
            let problem = match next {
                Some((_, value)) => arguments::id(name, operation, value.clone()).err(),
                None => Some(format!("{name:?} is missing, the argument {}.", ids + 1)),
            };
            if let Some(message) = problem {
                self.argument(is_list, ids, message);
            }
            ids += 1;
        }

        let mut options = None;
        let mut params = None;
        if let Some((at, value)) = rest.next() {
            match value {
                Value::Null => {}
                Value::Object(members) if rest.peek().is_none() && is_options(members) => {
                    options = Some((at, members));
                }
                Value::Object(members) => params = Some((at, members)),
                other => {
                    let message =
                        format!("This should be an object of params, not {}.", other.kind());
                    self.argument(is_list, at, message);
                }
            }
        }
        if let Some((at, value)) = rest.next() {
            match value {
                Value::Null => {}
                Value::Object(members) => options = Some((at, members)),
                other => {
                    let message =
                        format!("This should be an object of options, not {}.", other.kind());
                    self.argument(is_list, at, message);
                }
            }
        }
        for (at, _) in rest.filter(|(_, surplus)| !matches!(surplus, Value::Null)) {
            let message = format!("At most {} arguments are taken.", ids + 2);
            self.argument(is_list, at, message);
        }

        let (at, members) = params.unwrap_or((ids, NO_MEMBERS));
        self.within(is_list || params.is_none(), at, |check| {
            check.params = Some(check.place.len());
            check.all_params(operation, members);
            check.params = None;
        });
        let (at, members) = options.unwrap_or((ids + 1, NO_MEMBERS));
        self.within(is_list || options.is_none(), at, |check| {
            check.options(operation, members);
        });
    }

    /// A problem of one argument.
    fn argument(&mut self, is_list: bool, at: usize, message: String) {
        self.within(is_list, at, |check| check.problem(message, None));
    }

    fn within(&mut self, is_list: bool, at: usize, then: impl FnOnce(&mut Self)) {
        if is_list {
            self.place.push(Step::Index(at));
        }
        then(self);
        if is_list {
            self.place.pop();
        }
    }

    fn all_params(&mut self, operation: &Operation, members: &Object<'_>) {
        let Some(shape) = self.model.params(operation) else {
            return;
        };
        let fields = self.model.fields(shape);
        let expands = fields.iter().any(|f| self.model.name(f) == "expand");
        // Every v1 call takes `expand`, whether it is named or not. What is
        // empty in the params of a local method, the method fills in.
        let is_free = |name: &str, value: &Value<'_>| {
            (name == "expand" && !expands && !operation.is_v2())
                || (operation.flags.local() && is_empty(value))
        };
        let members: Vec<_> = members.iter().filter(|(n, v)| !is_free(n, v)).collect();
        self.object(shape, &members);
    }

    /// The options, each as the call would read it.
    fn options(&mut self, operation: &Operation, members: &Object<'_>) {
        let before = self.problems.len();
        for (name, value) in members {
            if let Err(refusal) = Options::read(&vec![(name.clone(), value.clone())]) {
                let known = options::NAMES.contains(&name.as_ref());
                let near = nearest(name, options::NAMES.into_iter()).filter(|_| !known);
                let step = Step::Name(name.clone().into_owned());
                self.problem_at(step, refusal.message, near.map(str::to_owned));
            }
            if let ("stripeAccount" | "stripeContext" | "apiVersion" | "idempotencyKey", Some(text)) =
                (name.as_ref(), value.as_str())
                && let Err(message) = headers::check_value(name, text)
            {
                self.problem_at(Step::Name(name.clone().into_owned()), message, None);
            }
            if let ("headers" | "additionalHeaders", Value::Object(headers)) =
                (name.as_ref(), value)
            {
                self.place.push(Step::Name(name.clone().into_owned()));
                self.headers(headers);
                self.place.pop();
            }
        }
        if self.problems.len() > before {
            return;
        }
        match Options::read(members) {
            Err(refusal) => {
                let step = Step::Name(refusal.path);
                self.problem_at(step, refusal.message, None);
            }
            Ok(options) if operation.flags.own_version() && !names_version(&options) => {
                let step = Step::Name("apiVersion".to_owned());
                let message = "This call needs an API version of its own in its options.";
                self.problem_at(step, message.to_owned(), None);
            }
            Ok(_) => {}
        }
    }

    fn headers(&mut self, members: &Object<'_>) {
        for (name, value) in members {
            if let Value::String(text) | Value::Number(text) = value
                && let Err(message) = headers::check(name, text)
            {
                self.problem_at(Step::Name(name.clone().into_owned()), message, None);
            }
        }
    }

    /// An object with known fields: those missing, those unknown, and what is
    /// in the others.
    fn object(&mut self, shape: Shape, members: &[&(Cow<'_, str>, Value<'_>)]) {
        let model = self.model;
        let fields = model.fields(shape);
        // A file is taken apart by the plugin, which is strict about it.
        let is_file = |field: &Field| model.alternatives(field.of).contains(&Kind::Bytes);
        let before = self.json;
        self.json |= fields.iter().any(is_file);
        for (name, value) in members {
            let step = Step::Name(name.clone().into_owned());
            let Some(field) = fields
                .iter()
                .find(|field| model.name(field) == name.as_ref())
            else {
                let near = nearest(name, fields.iter().map(|field| model.name(field)));
                let message = format!("There is no parameter {} here{}", shown(name), hint(near));
                self.problem_at(step, message, near.map(str::to_owned));
                continue;
            };
            self.place.push(step);
            self.value(field.of, value, !field.required);
            self.place.pop();
        }
        for field in fields.iter().filter(|field| field.required) {
            let name = model.name(field);
            if !members.iter().any(|(given, _)| given.as_ref() == name) {
                let message = format!("{name:?} is required: {}.", self.expected(field.of));
                self.problem_at(Step::Name(name.to_owned()), message, None);
            }
        }
        self.json = before;
    }

    /// A value that should be of a type; `optional` says whether it may be left
    /// out, and so be cleared.
    fn value(&mut self, of: Type, value: &Value<'_>, optional: bool) {
        let alternatives = self.model.alternatives(of);
        if matches!(value, Value::Null) && optional && (self.json || self.takes_text(alternatives))
        {
            return;
        }
        // In a form, what is empty is not sent at all.
        if optional && !self.json && is_hollow(value) {
            return;
        }
        let mut inside: Vec<Kind> = Vec::new();
        for kind in alternatives {
            match self.fits(*kind, value) {
                Fit::Yes => return,
                Fit::No => {}
                Fit::Inside => inside.push(*kind),
            }
        }
        match inside.as_slice() {
            [] => self.unfitting(of, value),
            [only] => self.inside(*only, value),
            several => self.nearest_of(several, value),
        }
    }

    /// Whether one of the alternatives is any text, of which empty text is one.
    fn takes_text(&self, alternatives: &[Kind]) -> bool {
        alternatives.iter().any(|kind| match kind {
            Kind::String => true,
            Kind::Words(id) => self.model.words(*id).0,
            _ => false,
        })
    }

    fn fits(&self, kind: Kind, value: &Value<'_>) -> Fit {
        let form = !self.json;
        let fits = match (kind, value) {
            (Kind::List(_), Value::Array(_)) => return Fit::Inside,
            (Kind::Map(_) | Kind::Shape(_), Value::Object(_)) => return Fit::Inside,
            (Kind::Anything, Value::Object(_)) => true,
            (Kind::Bytes, Value::Object(members)) => {
                matches!(members.as_slice(), [(name, Value::String(_))] if name == "base64")
            }
            (Kind::String, Value::String(_)) => true,
            (Kind::String | Kind::Decimal, Value::Number(_)) => form,
            (Kind::Number, Value::Number(_)) => true,
            (Kind::Number, Value::String(text)) => form && is_number(text),
            (Kind::Decimal, Value::String(text)) => is_number(text),
            (Kind::Boolean, Value::Bool(_)) => true,
            (Kind::Boolean, Value::String(text)) => {
                form && matches!(text.as_ref(), "true" | "false")
            }
            (Kind::Empty, Value::Null) | (Kind::Null, Value::Null) => true,
            (Kind::Empty | Kind::Blank, Value::String(text)) => text.is_empty(),
            // The form writes null as empty text.
            (Kind::Blank, Value::Null) => form,
            (Kind::Null, Value::String(text)) => form && text.is_empty(),
            (Kind::Words(id), Value::String(text)) => self.allows(id, text),
            (Kind::Words(id), Value::Number(text)) => form && self.allows(id, text),
            _ => false,
        };
        if fits { Fit::Yes } else { Fit::No }
    }

    fn allows(&self, id: super::model::WordsId, text: &str) -> bool {
        let (open, mut words) = self.model.words(id);
        open || words.any(|word| word == text)
    }

    /// What is within a list or an object.
    fn inside(&mut self, kind: Kind, value: &Value<'_>) {
        match (kind, value) {
            (Kind::List(of), Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.place.push(Step::Index(at));
                    self.value(of, item, false);
                    self.place.pop();
                }
            }
            (Kind::Map(of), Value::Object(members)) => {
                // Metadata: in a form true is the text true.
                let takes_text = !self.json && self.takes_text(self.model.alternatives(of));
                for (name, member) in members {
                    if takes_text && matches!(member, Value::Bool(_)) {
                        continue;
                    }
                    self.place.push(Step::Name(name.clone().into_owned()));
                    self.value(of, member, true);
                    self.place.pop();
                }
            }
            (Kind::Shape(id), Value::Object(members)) => {
                let members: Vec<_> = members.iter().collect();
                self.object(self.model.shape(id), &members);
            }
            _ => {}
        }
    }

    /// Of several alternatives for an object or a list, that with the fewest
    /// problems was meant.
    fn nearest_of(&mut self, alternatives: &[Kind], value: &Value<'_>) {
        let before = std::mem::take(&mut self.problems);
        let mut fewest: Option<Vec<Problem>> = None;
        for kind in alternatives {
            self.inside(*kind, value);
            let found = std::mem::take(&mut self.problems);
            if fewest
                .as_ref()
                .is_none_or(|fewest| found.len() < fewest.len())
            {
                fewest = Some(found);
            }
        }
        self.problems = before;
        for problem in fewest.unwrap_or_default() {
            if self.problems.len() < MAX_PROBLEMS {
                self.problems.push(problem);
            }
        }
    }

    /// A value that no alternative is for.
    fn unfitting(&mut self, of: Type, value: &Value<'_>) {
        let mut near = None;
        if let Value::String(text) = value {
            for kind in self.model.alternatives(of) {
                if let Kind::Words(id) = kind {
                    near = near.or_else(|| nearest(text, self.model.words(*id).1));
                }
            }
        }
        let found = match value {
            Value::String(text) if text.is_empty() => "empty text",
            Value::String(_) => "this text",
            other => other.kind(),
        };
        let message = format!(
            "This should be {}, not {found}{}",
            self.expected(of),
            hint(near)
        );
        self.problem(message, near.map(str::to_owned));
    }

    /// What a type asks for, in words.
    fn expected(&self, of: Type) -> String {
        let model = self.model;
        let mut parts: Vec<Cow<'_, str>> = Vec::new();
        for kind in model.alternatives(of) {
            let part = match kind {
                Kind::String => "a string".into(),
                Kind::Number => "a number".into(),
                Kind::Decimal => "a decimal number as a string".into(),
                Kind::Boolean => "true or false".into(),
                Kind::Bytes => "{\"base64\": …}".into(),
                Kind::Empty => "null".into(),
                Kind::Null => "null".into(),
                Kind::Blank => "empty text".into(),
                Kind::List(_) => "a list".into(),
                Kind::Anything | Kind::Map(_) | Kind::Shape(_) => "an object".into(),
                Kind::Words(id) => match model.words(*id) {
                    (true, _) => "a string".into(),
                    (false, words) => {
                        let count = words.clone().count();
                        let mut listed: Vec<&str> = words.take(LISTED_WORDS).collect();
                        if count > LISTED_WORDS {
                            listed.push("…");
                        }
                        match listed.as_slice() {
                            [only] => format!("{only:?}").into(),
                            several => format!("one of {}", several.join(", ")).into(),
                        }
                    }
                },
            };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts.join(" or ")
    }
}

/// Whether a value is of an alternative.
enum Fit {
    Yes,
    No,
    /// Its own members or elements decide.
    Inside,
}

/// No params, no options.
static NO_MEMBERS: &Object<'static> = &Vec::new();

/// Digits, with a sign, a point and an exponent where they belong.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    !mantissa.is_empty()
        && mantissa != "."
        && digits(whole)
        && digits(fraction)
        && digits(exponent)
        && !exponent.is_empty()
}

/// A name as a message shows it: in quotes, and not longer than it need be.
fn shown(name: &str) -> String {
    match name.char_indices().nth(MAX_NAME) {
        None => format!("{name:?}"),
        Some((end, _)) => format!("{:?}…", name.get(..end).unwrap_or_default()),
    }
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(
        || ".".to_owned(),
        |near| format!("; did you mean {near:?}?"),
    )
}

/// The nearest of some names, if it is near at all.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let folded = fold(name);
    known
        .map(|known| (strsim::levenshtein(&fold(known), &folded), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= 1 + known.len().min(name.len()) / 4)
        .map(|(_, known)| known)
}

/// A list or an object with nothing in it.
fn is_hollow(value: &Value<'_>) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn is_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
