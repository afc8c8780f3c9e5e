//! Packs the parameter schemas (`catalogue/parameters/`) and the schema of a
//! connection into one compressed block: names, types and shapes once each, and
//! after them a row for each method, in the order of the operation table. What
//! reads it is `src/catalogue/model.rs`; it knows nothing of the text files.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;

/// The alternatives a type may have, as the numbers `model.rs` knows them by.
/// The place in this list is the number.
const LEAVES: [&str; 9] = [
    "string", "number", "boolean", "decimal", "bytes", "empty", "null", "blank", "{}",
];
const WORDS: u32 = 9;
const LIST: u32 = 10;
const MAP: u32 = 11;
const SHAPE: u32 = 12;

/// What a row of the methods says.
const UNKNOWN: u32 = 0;
const SAME_AS: u32 = 1;
const FIELDS: u32 = 2;

/// Reads all the files of a folder and packs them for these operations, sorted
/// as the table is. The result is compressed, with the length of what it
/// inflates to before it (four bytes, the lowest first).
pub(crate) fn pack(
    folder: &Path,
    operations: &[String],
    connection_schema: &str,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        texts.push(fs::read_to_string(entry?.path())?);
    }
    texts.sort();
    let blocks: Vec<Block<'_>> = texts.iter().flat_map(|text| blocks(text)).collect();
    let plain = Packer::new(&blocks)?.pack(&blocks, operations, connection_schema)?;
    let mut packed = u32::try_from(plain.len())?.to_le_bytes().to_vec();
    packed.extend(miniz_oxide::deflate::compress_to_vec(&plain, 10));
    Ok(packed)
}

/// A block of a file: its heading's words, and the lines below.
struct Block<'t> {
    kind: &'t str,
    name: &'t str,
    rest: Vec<&'t str>,
    lines: Vec<&'t str>,
}

fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    text.split("\n\n").filter_map(|block| {
        let mut lines = block.lines().filter(|line| !line.starts_with('#'));
        let mut heading = lines.next()?.split(' ');
        Some(Block {
            kind: heading.next()?,
            name: heading.next()?,
            rest: heading.collect(),
            lines: lines.map(str::trim).filter(|l| !l.is_empty()).collect(),
        })
    })
}

/// Things that are stored once and referred to by number.
struct Once<T> {
    numbers: HashMap<T, u32>,
    all: Vec<T>,
}

impl<T: Clone + Eq + std::hash::Hash> Once<T> {
    fn new() -> Self {
        Once {
            numbers: HashMap::new(),
            all: Vec::new(),
        }
    }

    fn number(&mut self, one: T) -> u32 {
        if let Some(number) = self.numbers.get(&one) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(one.clone());
        self.numbers.insert(one, number);
        number
    }
}

/// Allowed words: whether others are too, and their names.
type Words = (bool, Vec<u32>);

struct Packer<'t> {
    /// Where named shapes and words stand.
    shapes: HashMap<&'t str, u32>,
    named_words: HashMap<&'t str, (bool, Vec<&'t str>)>,
    names: Once<String>,
    words: Once<Words>,
    /// Each type is the numbers of its alternatives.
    types: Once<Vec<u32>>,
}

impl<'t> Packer<'t> {
    fn new(blocks: &'t [Block<'t>]) -> Result<Self, Box<dyn Error>> {
        let mut packer = Packer {
            shapes: HashMap::new(),
            named_words: HashMap::new(),
            names: Once::new(),
            words: Once::new(),
            types: Once::new(),
        };
        for block in blocks {
            match block.kind {
                "shape" => {
                    let number = packer.shapes.len() as u32;
                    packer.shapes.insert(block.name, number);
                }
                "enum" | "open" => {
                    let words = (block.kind == "open", block.lines.clone());
                    packer.named_words.insert(block.name, words);
                }
                "method" => {}
                other => return Err(format!("an unknown kind of block: {other}").into()),
            }
        }
        Ok(packer)
    }

    fn pack(
        mut self,
        blocks: &[Block<'_>],
        operations: &[String],
        connection_schema: &str,
    ) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut shapes = Vec::new();
        for block in blocks.iter().filter(|block| block.kind == "shape") {
            self.fields(&block.lines, &mut shapes)?;
        }
        let methods: HashMap<&str, &Block<'_>> = blocks
            .iter()
            .filter(|block| block.kind == "method")
            .map(|block| (block.name, block))
            .collect();
        let place = |name: &str| operations.iter().position(|known| known == name);
        let mut rows = Vec::new();
        for operation in operations {
            let block = methods
                .get(operation.as_str())
                .ok_or_else(|| format!("{operation} has no parameters"))?;
            match block.rest.as_slice() {
                ["any"] => number(UNKNOWN, &mut rows),
                ["=", other] => {
                    let at = place(other).ok_or_else(|| format!("{other} is no operation"))?;
                    number(SAME_AS, &mut rows);
                    number(u32::try_from(at)?, &mut rows);
                }
                ["params" | "params?"] => {
                    number(FIELDS, &mut rows);
                    self.fields(&block.lines, &mut rows)?;
                }
                other => return Err(format!("unknown parameters of {operation}: {other:?}").into()),
            }
        }
        if methods.len() != operations.len() {
            return Err("there are parameters of a method that is no operation".into());
        }

        let mut out = Vec::new();
        text(connection_schema, &mut out);
        number(self.names.all.len() as u32, &mut out);
        for name in &self.names.all {
            text(name, &mut out);
        }
        number(self.words.all.len() as u32, &mut out);
        for (open, words) in &self.words.all {
            number(words.len() as u32 * 2 + u32::from(*open), &mut out);
            words.iter().for_each(|word| number(*word, &mut out));
        }
        number(self.types.all.len() as u32, &mut out);
        for alternatives in &self.types.all {
            number(alternatives.len() as u32, &mut out);
            alternatives.iter().for_each(|n| number(*n, &mut out));
        }
        number(self.shapes.len() as u32, &mut out);
        out.extend(shapes);
        number(operations.len() as u32, &mut out);
        out.extend(rows);
        Ok(out)
    }

    /// Fields: how many, then for each its name with two marks (required,
    /// deprecated), and its type.
    fn fields(&mut self, lines: &[&str], out: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
        number(u32::try_from(lines.len())?, out);
        for line in lines {
            let (name, kind) = line.split_once(": ").ok_or("a field has no type")?;
            let (name, required) = match name.strip_suffix('?') {
                Some(name) => (name, false),
                None => (name, true),
            };
            let (kind, deprecated) = match kind.strip_suffix(" !deprecated") {
                Some(kind) => (kind, true),
                None => (kind, false),
            };
            let name = self.names.number(name.to_owned());
            let marks = u32::from(required) + 2 * u32::from(deprecated);
            number(name * 4 + marks, out);
            number(self.kind(kind)?, out);
        }
        Ok(())
    }

    /// The number of a type: its alternatives, each a number, some followed by
    /// the number of what they are of.
    fn kind(&mut self, text: &str) -> Result<u32, Box<dyn Error>> {
        let mut alternatives = Vec::new();
        for one in split(text) {
            if let Some(leaf) = LEAVES.iter().position(|leaf| *leaf == one) {
                alternatives.push(leaf as u32);
                continue;
            }
            let inside = |open: &str, close: char| {
                one.strip_prefix(open)
                    .and_then(|rest| rest.strip_suffix(close))
            };
            let (tag, of) = if let Some(item) = inside("[", ']') {
                (LIST, self.kind(item)?)
            } else if let Some(value) = inside("{", '}') {
                (MAP, self.kind(value)?)
            } else if let Some(list) = inside("enum(", ')') {
                (WORDS, self.allowed(false, list.split('|')))
            } else if let Some(list) = inside("open(", ')') {
                (WORDS, self.allowed(true, list.split('|')))
            } else if let Some(number) = self.shapes.get(one) {
                (SHAPE, *number)
            } else if let Some((open, words)) = self.named_words.get(one).cloned() {
                (WORDS, self.allowed(open, words.into_iter()))
            } else {
                return Err(format!("an unknown type: {one}").into());
            };
            alternatives.extend([tag, of]);
        }
        Ok(self.types.number(alternatives))
    }

    fn allowed<'w>(&mut self, open: bool, words: impl Iterator<Item = &'w str>) -> u32 {
        let words = words
            .map(|word| self.names.number(word.to_owned()))
            .collect();
        self.words.number((open, words))
    }
}

/// The alternatives of a type, at its own level.
fn split(text: &str) -> Vec<&str> {
    let mut alternatives = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            '|' if depth == 0 => {
                alternatives.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    alternatives.extend(text.get(start..));
    alternatives
}

/// A number in groups of seven bits, the lowest first (LEB128).
fn number(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(text: &str, out: &mut Vec<u8>) {
    number(text.len() as u32, out);
    out.extend(text.as_bytes());
}
