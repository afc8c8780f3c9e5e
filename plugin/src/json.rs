//! JSON as the caller wrote it: the order of members and the digits of numbers
//! are kept, text is borrowed where it can be.
//!
//! Input that has no single meaning is refused, not repaired: a member named
//! twice, a lone surrogate, nesting deeper than [`MAX_DEPTH`].

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BinaryHeap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Deepest nesting that is read: far beyond what any of Stripe's parameters
/// needs, well within the stack of a component.
pub const MAX_DEPTH: usize = 64;

/// Most values that are read. A list of ten million empty strings is small as
/// text, and would not fit the component's memory as values.
pub const MAX_VALUES: u32 = 2_000_000;

/// With `arbitrary_precision`, serde_json hands a number over as a map with
/// this one key, its digits as the value.
const NUMBER_TOKEN: &str = "$serde_json::private::Number";

/// A JSON value. Numbers are their text, objects are lists in written order.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, digit for digit as it was written.
    Number(Cow<'a, str>),
    /// A string, its escapes resolved.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Value<'a>>),
    /// An object, its members in written order, each name once.
    Object(Object<'a>),
}

/// The members of an object, in written order.
pub type Object<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

impl<'a> Value<'a> {
    /// Reads JSON text. The error says what is wrong, and at which line and
    /// column.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let left = Cell::new(MAX_VALUES);
        let seed = Seed {
            depth: 0,
            left: &left,
        };
        let value = seed.deserialize(&mut reader).map_err(|e| e.to_string())?;
        reader.end().map_err(|e| e.to_string())?;
        Ok(value)
    }

    /// What the value is, with an article, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// An object's member of that name.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.as_object()?
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Writes the value as compact JSON: members in order, numbers as they
    /// were written, escapes as `JSON.stringify` makes them.
    pub fn write(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(text) => out.push_str(text),
            Value::String(text) => write_string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Value::Object(members) => write_object(members, out),
        }
    }
}

/// Writes an object as compact JSON.
pub fn write_object(members: &Object<'_>, out: &mut String) {
    out.push('{');
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        value.write(out);
    }
    out.push('}');
}

/// Writes a JSON string literal.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + 1;
        if escape.is_empty() {
            out.push_str("\\u00");
            out.push(if byte < 0x10 { '0' } else { '1' });
            out.push(char::from_digit(u32::from(byte & 0xf), 16).unwrap_or('0'));
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}

/// Reads one value at a known depth.
struct Seed<'s> {
    depth: usize,
    /// Values that may still be read.
    left: &'s Cell<u32>,
}

impl<'s> Seed<'s> {
    fn below<E: de::Error>(&self) -> Result<Seed<'s>, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!(
                "nested more than {MAX_DEPTH} levels deep"
            )));
        }
        match self.left.get().checked_sub(1) {
            None => Err(E::custom(format_args!("more than {MAX_VALUES} values"))),
            Some(left) => {
                self.left.set(left);
                Ok(Seed {
                    depth: self.depth + 1,
                    left: self.left,
                })
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    // Whole numbers of up to 64 bits have one spelling; serde_json hands them
    // over as numbers, all others as their text.
    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        let digits = itoa::Buffer::new().format(value).to_owned();
        Ok(Value::Number(Cow::Owned(digits)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        let digits = itoa::Buffer::new().format(value).to_owned();
        Ok(Value::Number(Cow::Owned(digits)))
    }

    // serde_json never calls this with `arbitrary_precision`; the default would
    // bring the printing of floating point into the component.
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value<'de>, E> {
        Err(E::custom("a number without its digits"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.below()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut members: Object<'de> = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            let value = map.next_value_seed(self.below()?)?;
            members.push((name, value));
        }
        if let [(name, Value::String(digits))] = members.as_mut_slice()
            && name == NUMBER_TOKEN
        {
            return number(std::mem::take(digits).into_owned());
        }
        match repeated(&members) {
            Some(name) => Err(de::Error::custom(format_args!(
                "the key {name:?} appears twice in one object"
            ))),
            None => Ok(Value::Object(members)),
        }
    }
}

/// serde_json's numbers arrive as text; so could an object that carries its
/// private key, whose text need not be a number.
fn number<'a, E: de::Error>(digits: String) -> Result<Value<'a>, E> {
    let is_number = digits
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        && serde_json::from_str::<de::IgnoredAny>(&digits).is_ok();
    if is_number {
        let plain = without_exponent(&digits);
        Ok(Value::Number(Cow::Owned(plain.unwrap_or(digits))))
    } else {
        Err(E::custom("a number was expected"))
    }
}

/// Writes a number with an exponent out: `1e3` is 1000, `2.50e-1` is 0.25, the
/// same value to the last digit. Stripe's parameters take no exponents. Where
/// JavaScript keeps one too (from 10^21, below 10^-6) so does this.
fn without_exponent(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    // Where the point stands, counted from the first digit.
    let mut point = i32::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let leading = digits.bytes().take_while(|b| *b == b'0').count();
    digits.drain(..leading);
    point = point.checked_sub(i32::try_from(leading).ok()?)?;
    digits.truncate(digits.trim_end_matches('0').len());
    if digits.is_empty() {
        return Some(format!("{sign}0"));
    }
    if !(-5..=21).contains(&point) {
        return None;
    }
    let plain = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{digits:0<point$}"),
        Ok(point) if point > 0 => {
            digits.insert(point, '.');
            digits
        }
        _ => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    };
    Some(format!("{sign}{plain}"))
}

/// A name that stands twice. Small objects are compared pair by pair; large ones
/// through a heap, so that a million keys cost no square (and the component no
/// sorting algorithm).
fn repeated<'v>(members: &'v Object<'_>) -> Option<&'v str> {
    if members.len() <= 16 {
        let mut rest = members.as_slice();
        while let [(name, _), tail @ ..] = rest {
            if tail.iter().any(|(other, _)| other == name) {
                return Some(name);
            }
            rest = tail;
        }
        return None;
    }
    let mut names: BinaryHeap<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    let mut last = names.pop();
    while let Some(name) = names.pop() {
        if last == Some(name) {
            return last;
        }
        last = Some(name);
    }
    None
}

/// A member's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> de::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        reader.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(text: &str) -> String {
        let mut out = String::new();
        Value::parse(text).unwrap().write(&mut out);
        out
    }

    #[test]
    fn keeps_order_and_digits() {
        for text in [
            r#"{"b":1,"a":[2,{"c":3}],"10":null,"2":true}"#,
            "[9007199254740993,-5,0.10,1.0,-0,-0.0,1e+21,123456789012345678901234567890]",
            r#""é\n\u0001\"\\""#,
            "[]",
            "{}",
        ] {
            assert_eq!(round_trip(text), text);
        }
    }

    #[test]
    fn refuses_what_has_no_single_meaning() {
        let deep = format!("{}1{}", "[".repeat(65), "]".repeat(65));
        let crowd = format!("[{}0]", "0,".repeat(2_000_000));
        let many: Vec<String> = (0..40).map(|i| format!("\"k{}\":1", i % 39)).collect();
        let cases = [
            (r#"{"a":1,"a":2}"#, "appears twice"),
            (r#"{"x":{"a":1,"b":0,"a":2}}"#, "appears twice"),
            (r#""\ud800""#, "hex escape"),
            (r#""\udc00 x""#, "surrogate"),
            (deep.as_str(), "nested more than 64"),
            (crowd.as_str(), "more than 2000000 values"),
            (&format!("{{{}}}", many.join(",")), "appears twice"),
            (r#"{"$serde_json::private::Number":"1 or 2"}"#, "number"),
            ("[1,]", "column 4"),
            ("{} x", "trailing"),
            ("", "EOF"),
        ];
        for (text, said) in cases {
            let error = Value::parse(text).unwrap_err();
            assert!(error.contains(said), "{text:.60}: {error}");
        }
    }

    #[test]
    fn exponents_are_written_out_exactly() {
        // The right-hand sides are what JavaScript prints for the same numbers.
        for (text, expected) in [
            ("1e3", "1000"),
            ("1E+2", "100"),
            ("1.5e1", "15"),
            ("2.50e-1", "0.25"),
            ("-12.345e2", "-1234.5"),
            ("1e-6", "0.000001"),
            ("0e5", "0"),
            ("0.001e2", "0.1"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e+21"),
            ("1e-7", "1e-7"),
        ] {
            assert_eq!(round_trip(text), expected, "{text}");
        }
        assert_eq!(
            round_trip("12345678901234567890.5e0"),
            "12345678901234567890.5"
        );
    }

    #[test]
    fn borrows_plain_text() {
        match Value::parse(r#"{"plain":"text"}"#).unwrap() {
            Value::Object(members) => assert!(matches!(
                members.first(),
                Some((Cow::Borrowed("plain"), Value::String(Cow::Borrowed("text"))))
            )),
            other => panic!("{other:?}"),
        }
    }
}
