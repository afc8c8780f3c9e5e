//! Turns the operation table (`catalogue/operations.txt`) into a sorted static
//! slice, so that nothing is parsed and nothing allocated at run time.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let table = Path::new("catalogue/operations.txt");
    println!("cargo::rerun-if-changed={}", table.display());
    println!("cargo::rerun-if-changed=../wit");
    let text = fs::read_to_string(table).unwrap_or_else(|e| panic!("{}: {e}", table.display()));
    let generated = generate(&text);
    let out = env::var_os("OUT_DIR").unwrap_or_else(|| panic!("cargo sets OUT_DIR"));
    fs::write(Path::new(&out).join("operations.rs"), generated)
        .unwrap_or_else(|e| panic!("operations.rs: {e}"));
}

/// One row of the table.
struct Row<'a> {
    resource: &'a str,
    method: &'a str,
    verb: &'a str,
    path: &'a str,
    flags: Vec<&'a str>,
}

fn generate(text: &str) -> String {
    let mut rows: Vec<Row<'_>> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(row)
        .collect();
    rows.sort_by_key(|row| (row.resource, row.method));

    let mut out = String::new();
    let _ = writeln!(
        out,
        "/// API version the table was made from.\npub const API_VERSION: &str = {:?};",
        api_version(text)
    );
    let _ = writeln!(out, "static OPERATIONS: [Operation; {}] = [", rows.len());
    for row in &rows {
        let (base, null_path, flags) = flags(&row.flags);
        let _ = writeln!(
            out,
            "Operation {{ resource: {:?}, method: {:?}, verb: Verb::{}, path: {:?}, base: Base::{base}, null_path: {null_path}, flags: Flags({flags}) }},",
            row.resource,
            row.method,
            verb(row.verb),
            row.path,
        );
    }
    out.push_str("];\n");
    out
}

/// The version the table's header names.
fn api_version(text: &str) -> &str {
    text.lines()
        .find_map(|line| line.strip_prefix("# api-version"))
        .map(str::trim)
        .unwrap_or_else(|| panic!("the table's header names no api-version"))
}

fn row(line: &str) -> Row<'_> {
    let mut columns = line.split_whitespace();
    let (Some(name), Some(verb), Some(path)) = (columns.next(), columns.next(), columns.next())
    else {
        panic!("a row needs an operation, a verb and a path: {line}");
    };
    let Some((resource, method)) = name.rsplit_once('.') else {
        panic!("an operation is resource.method: {line}");
    };
    Row {
        resource,
        method,
        verb,
        path,
        flags: columns.collect(),
    }
}

fn verb(verb: &str) -> &str {
    match verb {
        "GET" => "Get",
        "POST" => "Post",
        "DELETE" => "Delete",
        other => panic!("unknown verb {other}"),
    }
}

/// The row's host, its path for a null id, and its other flags as bits, in the
/// order `operation::Flags` names them.
fn flags(words: &[&str]) -> (String, String, u16) {
    const BITS: [&str; 11] = [
        "list",
        "search",
        "multipart",
        "binary",
        "own-version",
        "local",
        "client-id",
        "int64",
        "alias",
        "legacy",
        "deprecated",
    ];
    let mut base = "Api";
    let mut null_path = "None".to_owned();
    let mut bits = 0;
    for word in words {
        match word.split_once('=') {
            Some(("base", "files")) => base = "Files",
            Some(("base", "connect")) => base = "Connect",
            Some(("base", "meter_events")) => base = "MeterEvents",
            Some(("null-id", path)) => null_path = format!("Some({path:?})"),
            _ => match BITS.iter().position(|bit| bit == word) {
                Some(at) => bits |= 1 << at,
                None => panic!("unknown flag {word}"),
            },
        }
    }
    (base.to_owned(), null_path, bits)
}
