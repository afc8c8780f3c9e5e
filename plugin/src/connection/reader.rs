//! Reading one object of connection properties: every member is asked for by
//! name and type, and one that nobody asked for is refused.

use crate::failure::Refusal;
use crate::json::{Object, Value};

/// An object of properties, at its place in the connection.
pub(super) struct Reader<'v, 'a> {
    members: &'v Object<'a>,
    /// Dotted place, empty for the connection itself.
    place: String,
    known: Vec<&'static str>,
}

impl<'v, 'a> Reader<'v, 'a> {
    /// Reads the connection itself.
    pub(super) fn new(members: &'v Object<'a>) -> Self {
        Reader {
            members,
            place: String::new(),
            known: Vec::new(),
        }
    }

    /// Where a member stands.
    pub(super) fn place(&self, name: &str) -> String {
        if self.place.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.place)
        }
    }

    /// A member's value, whatever its type.
    pub(super) fn value(&mut self, name: &'static str) -> Option<&'v Value<'a>> {
        // A property that is read twice is listed once.
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// All members, for an object whose names are the writer's own.
    pub(super) fn entries(&self) -> &'v Object<'a> {
        self.members
    }

    fn wrong(&self, name: &str, expected: &str) -> Refusal {
        let place = self.place(name);
        let message = format!("Stripe connection property {place:?} should be {expected}.");
        Refusal::configuration(place, message)
    }

    /// A refusal of a member, in the words every one of them has.
    pub(super) fn refuse<T>(&self, name: &str, expected: &str) -> Result<T, Refusal> {
        Err(self.wrong(name, expected))
    }

    pub(super) fn string(&mut self, name: &'static str) -> Result<Option<String>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone().into_owned())),
            Some(_) => self.refuse(name, "a string"),
        }
    }

    pub(super) fn required_string(&mut self, name: &'static str) -> Result<String, Refusal> {
        match self.string(name)? {
            Some(text) => Ok(text),
            None => self.refuse(name, "given"),
        }
    }

    pub(super) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => self.refuse(name, "a boolean"),
        }
    }

    pub(super) fn integer(&mut self, name: &'static str) -> Result<Option<u32>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Number(digits)) => match digits.parse::<u32>() {
                Ok(number) => Ok(Some(number)),
                Err(_) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
                    self.refuse(name, "an integer from 0 to 4294967295")
                }
                Err(_) => self.refuse(name, "an integer"),
            },
            Some(_) => self.refuse(name, "an integer"),
        }
    }

    /// A number of seconds, as whole milliseconds.
    pub(super) fn seconds(&mut self, name: &'static str) -> Result<Option<u32>, Refusal> {
        self.thousandths(name, "a number of seconds from 0 to 4294967")
    }

    /// A decimal number, in thousandths; further digits are cut off. Parsing
    /// floating point would bring its tables into the component.
    pub(super) fn thousandths(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Result<Option<u32>, Refusal> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let Value::Number(digits) = value else {
            return self.refuse(name, expected);
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut fraction: String = fraction.chars().chain("000".chars()).collect();
        fraction.truncate(3);
        let whole = whole.parse::<u32>().ok().and_then(|n| n.checked_mul(1000));
        match (whole, fraction.parse::<u32>().ok()) {
            (Some(whole), Some(fraction)) if whole.checked_add(fraction).is_some() => {
                Ok(whole.checked_add(fraction))
            }
            _ => self.refuse(name, expected),
        }
    }

    pub(super) fn strings(&mut self, name: &'static str) -> Result<Option<Vec<String>>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Ok(text.clone().into_owned()),
                    _ => self.refuse(name, "a list of strings"),
                })
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => self.refuse(name, "a list of strings"),
        }
    }

    /// The reader of a nested object.
    pub(super) fn object(&mut self, name: &'static str) -> Result<Option<Reader<'v, 'a>>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Reader {
                members,
                place: self.place(name),
                known: Vec::new(),
            })),
            Some(_) => self.refuse(name, "an object"),
        }
    }

    /// Refuses the first member nobody asked for.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        let unknown = self
            .members
            .iter()
            .find(|(name, _)| !self.known.contains(&name.as_ref()));
        let Some((name, _)) = unknown else {
            return Ok(());
        };
        let folded = name.replace(['_', '-'], "").to_ascii_lowercase();
        let nearest = self
            .known
            .iter()
            .map(|known| {
                (
                    strsim::levenshtein(&known.to_ascii_lowercase(), &folded),
                    known,
                )
            })
            .min()
            .filter(|(distance, _)| *distance <= 3);
        let hint = match nearest {
            Some((_, known)) => format!("did you mean {:?}?", self.place(known)),
            None => format!("the properties are {}.", self.known.join(", ")),
        };
        let place = self.place(name);
        let message = format!("Stripe connection has no property {place:?}; {hint}");
        Err(Refusal::configuration(place, message))
    }
}
