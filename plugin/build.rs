//! Turns the operation table (`catalogue/operations.txt`) into sorted, packed
//! statics, so that nothing is parsed and nothing allocated at run time; and the
//! parameter schemas into a compressed block, for those who ask for them. What is
//! made of the catalogue's other files has a module each.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "build/actions.rs"]
mod actions;
#[path = "build/bindings.rs"]
mod bindings;
#[path = "build/money.rs"]
mod money;
#[path = "build/parameters.rs"]
mod parameters;

fn main() -> Result<(), Box<dyn Error>> {
    let table = Path::new("catalogue/operations.txt");
    println!("cargo::rerun-if-changed={}", table.display());
    println!("cargo::rerun-if-changed=catalogue/coercions.txt");
    println!("cargo::rerun-if-changed=catalogue/money.txt");
    println!("cargo::rerun-if-changed={}", actions::FILE);
    println!("cargo::rerun-if-changed={}", actions::PARAMETERS);
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=../wit");
    refuse_coercions(&fs::read_to_string("catalogue/coercions.txt")?)?;
    let operations = fs::read_to_string(table)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("operations.rs"), generate(&operations)?)?;
    fs::write(out.join("money.rs"), money(&operations)?)?;
    let actions = actions::generate(&fs::read_to_string(actions::FILE)?, &operations)?;
    fs::write(out.join("actions.rs"), actions)?;

    let folder = Path::new("catalogue/parameters");
    let connection = "catalogue/connection.schema.json";
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed={connection}");
    println!("cargo::rerun-if-changed=build/parameters.rs");
    let names: Vec<String> = sorted(&operations)?
        .iter()
        .map(|row| format!("{}.{}", row.resource, row.method))
        .collect();
    let packed = parameters::pack(folder, &names, &fs::read_to_string(connection)?)?;
    fs::write(out.join("parameters.bin"), packed)?;

    let bindings = bindings::generate(Path::new("../wit"))?;
    fs::write(out.join("contract.rs"), bindings)?;
    Ok(())
}

/// No request of this release has fields that need coercing. A later one that
/// does must not be built without the step that does it.
fn refuse_coercions(text: &str) -> Result<(), String> {
    match rows(text).next() {
        None => Ok(()),
        Some(row) => Err(format!("nothing applies this coercion yet: {row}")),
    }
}

/// The lines of a data file that are not comments.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
}

/// What the operations that write do with money.
fn money(table: &str) -> Result<String, Box<dyn Error>> {
    let rows = rows(table).map(row).collect::<Result<Vec<_>, _>>()?;
    let writing = rows
        .iter()
        .filter(|row| row.verb != "Get")
        .map(|row| format!("{}.{}", row.resource, row.method));
    let text = fs::read_to_string("catalogue/money.txt")?;
    Ok(money::generate(&text, writing)?)
}

/// One row of the table.
struct Row<'a> {
    resource: &'a str,
    method: &'a str,
    verb: &'static str,
    path: &'a str,
    flags: Flags,
}

/// A row's host, its path for a null id, and its other flags as bits.
struct Flags {
    base: &'static str,
    null_path: Option<String>,
    bits: u16,
}

/// Writes the table as packed statics: one text, and rows that point into it.
fn generate(text: &str) -> Result<String, Box<dyn Error>> {
    let rows = sorted(text)?;
    let mut out = String::new();
    let mut pool = Pool::default();
    writeln!(
        out,
        "/// API version the table was made from.\npub const API_VERSION: &str = {:?};\n\
         /// The official client's release it was made from.\npub const CLIENT: &str = {:?};",
        header(text, "api-version")?,
        header(text, "client")?
    )?;
    let mut resources: Vec<(&str, usize)> = Vec::new();
    writeln!(out, "static ROWS: [Row; {}] = [", rows.len())?;
    for (at, row) in rows.iter().enumerate() {
        if resources
            .last()
            .is_none_or(|(name, _)| *name != row.resource)
        {
            resources.push((row.resource, at));
        }
        let null_path = row.flags.null_path.as_deref().unwrap_or_default();
        writeln!(
            out,
            "Row {{ method: {}, path: {}, null_path: {}, verb: Verb::{}, base: Base::{}, \
             flags: Flags({}) }},",
            pool.span(row.method)?,
            pool.span(row.path)?,
            pool.span(null_path)?,
            row.verb,
            row.flags.base,
            row.flags.bits,
        )?;
    }
    out.push_str("];\n");
    writeln!(out, "static RESOURCES: [Resource; {}] = [", resources.len())?;
    for (name, first) in &resources {
        writeln!(
            out,
            "Resource {{ name: {}, first: {first} }},",
            pool.span(name)?
        )?;
    }
    writeln!(out, "];\nstatic TEXT: &str = {:?};", pool.text)?;
    Ok(out)
}

/// Every name and path, each once.
#[derive(Default)]
struct Pool {
    text: String,
}

impl Pool {
    /// Where a text stands in the pool, as a `Span`.
    fn span(&mut self, text: &str) -> Result<String, Box<dyn Error>> {
        let start = match self.text.find(text) {
            Some(start) => start,
            None => {
                self.text.push_str(text);
                self.text.len() - text.len()
            }
        };
        let (start, length) = (u16::try_from(start)?, u8::try_from(text.len())?);
        Ok(format!("Span {{ start: {start}, length: {length} }}"))
    }
}

/// The table's rows, in the order in which they are looked up.
fn sorted(text: &str) -> Result<Vec<Row<'_>>, String> {
    let mut rows = rows(text).map(row).collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|row| (row.resource, row.method));
    Ok(rows)
}

/// What a line of the table's header says.
fn header<'t>(text: &'t str, name: &str) -> Result<&'t str, String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# "))
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
        .ok_or_else(|| format!("the table's header names no {name}"))
}

fn row(line: &str) -> Result<Row<'_>, String> {
    let mut columns = line.split_whitespace();
    let (Some(name), Some(verb), Some(path)) = (columns.next(), columns.next(), columns.next())
    else {
        return Err(format!(
            "a row needs an operation, a verb and a path: {line}"
        ));
    };
    let (resource, method) = name
        .rsplit_once('.')
        .ok_or_else(|| format!("an operation is resource.method: {line}"))?;
    let verb = match verb {
        "GET" => "Get",
        "POST" => "Post",
        "DELETE" => "Delete",
        _ => return Err(format!("an unknown verb: {line}")),
    };
    Ok(Row {
        resource,
        method,
        verb,
        path,
        flags: flags(columns).map_err(|word| format!("an unknown flag {word}: {line}"))?,
    })
}

/// Bits in the order in which `operation::Flags` names them.
fn flags<'a>(words: impl Iterator<Item = &'a str>) -> Result<Flags, &'a str> {
    const BITS: [&str; 10] = [
        "list",
        "search",
        "multipart",
        "binary",
        "own-version",
        "local",
        "client-id",
        "alias",
        "legacy",
        "deprecated",
    ];
    let mut flags = Flags {
        base: "Api",
        null_path: None,
        bits: 0,
    };
    for word in words {
        match word.split_once('=') {
            Some(("base", "files")) => flags.base = "Files",
            Some(("base", "connect")) => flags.base = "Connect",
            Some(("base", "meter_events")) => flags.base = "MeterEvents",
            Some(("null-id", path)) => flags.null_path = Some(path.to_owned()),
            _ => match BITS.iter().position(|bit| *bit == word) {
                Some(at) => flags.bits |= 1 << at,
                None => return Err(word),
            },
        }
    }
    Ok(flags)
}
