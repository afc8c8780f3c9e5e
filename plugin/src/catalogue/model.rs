//! The parameter schemas as `build/parameters.rs` packs them: inflated and taken
//! apart when somebody asks, and gone with the answer. It knows what a method
//! takes, and neither how that is described nor how it is checked.

use miniz_oxide::inflate::decompress_to_vec_with_limit;

use crate::failure::Refusal;
use crate::operation::{self, Operation};

/// The packed schemas, with the length they inflate to in their first four
/// bytes.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/parameters.bin"));

/// The schemas, inflated; a [`Model`] borrows from them.
pub struct Inflated(Vec<u8>);

impl Inflated {
    /// Inflates the packed schemas.
    pub fn new() -> Result<Inflated, Refusal> {
        let (length, packed) = PACKED.split_first_chunk::<4>().ok_or_else(damaged)?;
        let most = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| damaged())?;
        let plain = decompress_to_vec_with_limit(packed, most).map_err(|_| damaged())?;
        Ok(Inflated(plain))
    }

    /// The schema of a connection's properties, its defaults not yet filled in.
    pub fn connection_schema(&self) -> Result<&str, Refusal> {
        Reader(&self.0).text().ok_or_else(damaged)
    }

    /// Takes the schemas apart.
    pub fn model(&self) -> Result<Model<'_>, Refusal> {
        Model::read(Reader(&self.0)).ok_or_else(damaged)
    }
}

/// Only a build that went wrong can cause this.
fn damaged() -> Refusal {
    Refusal::argument("", "The schemas within this component are damaged.")
}

/// What every method takes.
pub struct Model<'b> {
    names: Vec<&'b str>,
    words: Vec<Words>,
    types: Vec<Vec<Kind>>,
    fields: Vec<Field>,
    shapes: Vec<Shape>,
    methods: Vec<Method>,
}

/// A run of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    first: u32,
    count: u32,
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    name: u32,
    /// Its type.
    pub of: Type,
    /// Whether it must be given.
    pub required: bool,
    /// Whether Stripe advises against it.
    pub deprecated: bool,
}

/// A type, by its number; types that are equal have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type(u32);

/// One alternative of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A decimal number as text.
    Decimal,
    /// Raw bytes.
    Bytes,
    /// Null or empty text, which clear a value.
    Empty,
    /// Only null.
    Null,
    /// Only empty text.
    Blank,
    /// An object whose fields are not known.
    Anything,
    /// One of some words.
    Words(WordsId),
    /// A list.
    List(Type),
    /// An object with any keys.
    Map(Type),
    /// An object with known fields.
    Shape(ShapeId),
}

/// A shape, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeId(u32);

/// A set of words, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordsId(u32);

/// Words that are allowed.
pub struct Words {
    /// Whether any other text is, too.
    pub open: bool,
    names: Vec<u32>,
}

enum Method {
    Unknown,
    SameAs(u32),
    Fields(Shape),
}

impl<'b> Model<'b> {
    fn read(mut reader: Reader<'b>) -> Option<Self> {
        let _connection_schema = reader.text()?;
        let names = reader.many(Reader::text)?;
        let words = reader.many(|reader| {
            let count = reader.number()?;
            let names = (0..count / 2)
                .map(|_| reader.number())
                .collect::<Option<_>>()?;
            let open = count % 2 == 1;
            Some(Words { open, names })
        })?;
        let types = reader.many(Reader::alternatives)?;
        let mut fields = Vec::new();
        let shapes = reader.many(|reader| reader.shape(&mut fields))?;
        let methods = reader.many(|reader| {
            Some(match reader.number()? {
                0 => Method::Unknown,
                1 => Method::SameAs(reader.number()?),
                _ => Method::Fields(reader.shape(&mut fields)?),
            })
        })?;
        Some(Model {
            names,
            words,
            types,
            fields,
            shapes,
            methods,
        })
    }

    /// What a method takes as params; none where that is not known.
    pub fn params(&self, operation: &Operation) -> Option<Shape> {
        let at = operation::all().position(|known| known == *operation)?;
        match self.methods.get(at)? {
            Method::Unknown => None,
            Method::Fields(shape) => Some(*shape),
            Method::SameAs(other) => match self.methods.get(*other as usize)? {
                Method::Fields(shape) => Some(*shape),
                _ => None,
            },
        }
    }

    /// The fields of a shape, sorted by name.
    pub fn fields(&self, shape: Shape) -> &[Field] {
        let first = shape.first as usize;
        self.fields
            .get(first..first + shape.count as usize)
            .unwrap_or_default()
    }

    /// A shape that a type names.
    pub fn shape(&self, id: ShapeId) -> Shape {
        let none = Shape { first: 0, count: 0 };
        self.shapes.get(id.0 as usize).copied().unwrap_or(none)
    }

    /// The name of a field.
    pub fn name(&self, field: &Field) -> &'b str {
        self.text(field.name)
    }

    /// The alternatives of a type.
    pub fn alternatives(&self, of: Type) -> &[Kind] {
        self.types.get(of.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The words of a set, and whether others are allowed too.
    pub fn words(&self, id: WordsId) -> (bool, impl Iterator<Item = &'b str> + Clone + '_) {
        let words = self.words.get(id.0 as usize);
        let names = words.map_or(&[][..], |words| words.names.as_slice());
        let texts = names.iter().map(|name| self.text(*name));
        (words.is_some_and(|words| words.open), texts)
    }

    fn text(&self, name: u32) -> &'b str {
        self.names.get(name as usize).copied().unwrap_or_default()
    }
}

/// Reads packed bytes from front to back.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// A number in groups of seven bits, the lowest first (LEB128).
    fn number(&mut self) -> Option<u32> {
        let (mut value, mut shift) = (0u32, 0);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.number()?).map(|_| one(self)).collect()
    }

    fn shape(&mut self, fields: &mut Vec<Field>) -> Option<Shape> {
        let first = fields.len() as u32;
        let count = self.number()?;
        for _ in 0..count {
            let name = self.number()?;
            let of = Type(self.number()?);
            fields.push(Field {
                name: name / 4,
                of,
                required: name & 1 != 0,
                deprecated: name & 2 != 0,
            });
        }
        Some(Shape { first, count })
    }

    /// The number of a type's alternatives counts the numbers that follow, of
    /// which some belong together.
    fn alternatives(&mut self) -> Option<Vec<Kind>> {
        let mut left = self.number()?;
        let mut alternatives = Vec::new();
        while left > 0 {
            let tag = self.number()?;
            left = left.checked_sub(if tag < 9 { 1 } else { 2 })?;
            alternatives.push(match tag {
                0 => Kind::String,
                1 => Kind::Number,
                2 => Kind::Boolean,
                3 => Kind::Decimal,
                4 => Kind::Bytes,
                5 => Kind::Empty,
                6 => Kind::Null,
                7 => Kind::Blank,
                8 => Kind::Anything,
                9 => Kind::Words(WordsId(self.number()?)),
                10 => Kind::List(Type(self.number()?)),
                11 => Kind::Map(Type(self.number()?)),
                12 => Kind::Shape(ShapeId(self.number()?)),
                _ => return None,
            });
        }
        Some(alternatives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The text files, read by other code than the build's: for each method its
    /// lines, and whether its fields are unknown.
    fn written() -> BTreeMap<String, Vec<String>> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue/parameters");
        let mut methods = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let mut current: Option<String> = None;
            for line in text.lines() {
                if let Some(heading) = line.strip_prefix("method ") {
                    let name = heading.split(' ').next().unwrap().to_owned();
                    methods.insert(name.clone(), vec![heading.to_owned()]);
                    current = Some(name);
                } else if let (Some(name), Some(field)) = (&current, line.strip_prefix("  ")) {
                    methods.get_mut(name).unwrap().push(field.to_owned());
                } else {
                    current = None;
                }
            }
        }
        methods
    }

    /// A type as the text files write it, named shapes and words aside.
    fn spelled(model: &Model<'_>, of: Type) -> String {
        let one = |kind: &Kind| match kind {
            Kind::String => "string".to_owned(),
            Kind::Number => "number".to_owned(),
            Kind::Boolean => "boolean".to_owned(),
            Kind::Decimal => "decimal".to_owned(),
            Kind::Bytes => "bytes".to_owned(),
            Kind::Empty => "empty".to_owned(),
            Kind::Null => "null".to_owned(),
            Kind::Blank => "blank".to_owned(),
            Kind::Anything => "{}".to_owned(),
            Kind::List(of) => format!("[{}]", spelled(model, *of)),
            Kind::Map(of) => format!("{{{}}}", spelled(model, *of)),
            Kind::Words(_) | Kind::Shape(_) => "NAME".to_owned(),
        };
        let kinds: Vec<String> = model.alternatives(of).iter().map(one).collect();
        kinds.join("|")
    }

    /// A type of the text files with all names replaced.
    fn nameless(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            if rest.starts_with("enum(") || rest.starts_with("open(") {
                out.push_str("NAME");
                rest = &rest[rest.find(')').unwrap() + 1..];
                continue;
            }
            let end = rest.find(['|', '[', ']', '{', '}']).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            let leaf = [
                "string", "number", "boolean", "decimal", "bytes", "empty", "null", "blank", "",
            ];
            out.push_str(if leaf.contains(&word) { word } else { "NAME" });
            let sign = behind.chars().next().map_or(0, char::len_utf8);
            out.push_str(&behind[..sign]);
            rest = &behind[sign..];
        }
        out
    }

    #[test]
    fn every_method_has_the_fields_of_the_text_files() {
        let inflated = Inflated::new().unwrap();
        let model = inflated.model().unwrap();
        let written = written();
        let mut fields = 0;
        for operation in operation::all() {
            let name = format!("{}.{}", operation.resource, operation.method);
            let mut lines = &written[&name];
            if let Some((_, other)) = lines[0].split_once(" = ") {
                lines = &written[other];
            }
            let Some(shape) = model.params(&operation) else {
                assert!(lines[0].ends_with(" any"), "{name}");
                continue;
            };
            let found: Vec<String> = model
                .fields(shape)
                .iter()
                .map(|field| {
                    format!(
                        "{}{}: {}{}",
                        model.name(field),
                        if field.required { "" } else { "?" },
                        spelled(&model, field.of),
                        if field.deprecated { " !deprecated" } else { "" },
                    )
                })
                .collect();
            let expected: Vec<String> = lines[1..]
                .iter()
                .map(|line| {
                    let (name, of) = line.split_once(": ").unwrap();
                    let (of, mark) = match of.strip_suffix(" !deprecated") {
                        Some(of) => (of, " !deprecated"),
                        None => (of, ""),
                    };
                    format!("{name}: {}{mark}", nameless(of))
                })
                .collect();
            assert_eq!(found, expected, "{name}");
            fields += found.len();
        }
        assert!(fields > 3_000, "{fields}");
    }

    #[test]
    fn damaged_schemas_are_an_error() {
        let inflated = Inflated::new().unwrap();
        for length in [0, 1, 100, inflated.0.len() / 2, inflated.0.len() - 1] {
            assert!(Inflated(inflated.0[..length].to_vec()).model().is_err());
        }
        // A number that never ends.
        assert!(Inflated(vec![0xff; 64]).model().is_err());
    }
}
