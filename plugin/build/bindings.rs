//! Generates the contract's bindings, as `wit_bindgen::generate!` would, but with
//! the code that lifts a `connection` and that lowers an `error` once: the
//! generator writes both into every export, of which they are the most. What is
//! not where it is expected fails the build rather than make another component.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use wit_bindgen_core::WorldGenerator as _;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_rust::{Opts, WithOption};

/// One set of WASI types: those of the HTTP crate. Pollables and streams of
/// another set could not be passed to it.
const WITH: [(&str, Option<&str>); 9] = [
    ("wasi:cli/stderr@0.2.2", None),
    (
        "wasi:io/error@0.2.2",
        Some("waki::bindings::wasi::io::error"),
    ),
    ("wasi:io/poll@0.2.2", Some("waki::bindings::wasi::io::poll")),
    (
        "wasi:io/streams@0.2.2",
        Some("waki::bindings::wasi::io::streams"),
    ),
    (
        "wasi:clocks/monotonic-clock@0.2.2",
        Some("waki::bindings::wasi::clocks::monotonic_clock"),
    ),
    (
        "wasi:clocks/wall-clock@0.2.2",
        Some("::wasi::clocks::wall_clock"),
    ),
    (
        "wasi:http/types@0.2.2",
        Some("waki::bindings::wasi::http::types"),
    ),
    (
        "wasi:http/outgoing-handler@0.2.2",
        Some("waki::bindings::wasi::http::outgoing_handler"),
    ),
    (
        "wasi:random/random@0.2.2",
        Some("waki::bindings::wasi::random::random"),
    ),
];

/// The bindings' source.
pub(crate) fn generate(wit: &Path) -> Result<String, Box<dyn Error>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], Some("plugin"))?;
    let with = |path: Option<&str>| match path {
        Some(path) => WithOption::Path(path.to_owned()),
        None => WithOption::Generate,
    };
    let options = Opts {
        pub_export_macro: true,
        default_bindings_module: Some("crate::contract".to_owned()),
        with: WITH
            .iter()
            .map(|(name, path)| ((*name).to_owned(), with(*path)))
            .collect(),
        ..Opts::default()
    };
    let mut files = wit_bindgen_core::Files::default();
    options.build().generate(&mut resolve, world, &mut files)?;
    let (_, source) = files.iter().next().ok_or("no bindings were generated")?;
    let source = share_connection(std::str::from_utf8(source)?)?;
    Ok(share_error(&source)?)
}

/// The record, as the generated code names it.
const RECORD: &str = "lowcode::stripe::types::Connection";
/// The function that takes a connection and nothing else.
const MODEL: &str = "pub unsafe fn _export_check_connection_cabi";
/// Exports that take one: `check-connection` and those of `actions`, `pages` and
/// `requests`.
const USERS: usize = 7;

/// Puts what lifts a connection into a function of its own.
fn share_connection(source: &str) -> Result<String, String> {
    let model = source.find(MODEL).ok_or("there is no check-connection")?;
    let model_text = source.get(model..).unwrap_or_default();
    let call = model_text
        .find("T_::check_connection(")
        .ok_or("check-connection calls nothing")?;
    let head = model_text.get(..call).unwrap_or_default();
    let lets = head
        .rsplit_once("= {")
        .or_else(|| head.rsplit_once("={"))
        .map(|(_, lets)| lets)
        .ok_or("check-connection has no result")?;
    let (_, lift) = lifts(model_text).next().ok_or("nothing is lifted")?;
    let record = lift.split('{').next().unwrap_or_default().trim();
    let shared = format!(
        "/// Lifts the connection that `arg0` begins with.\n#[inline(never)]\n\
         pub unsafe fn lift_connection(arg0: *mut u8) -> {record} {{ unsafe {{ {lets} {lift} }} }}\n"
    );

    let mut out = String::with_capacity(source.len());
    let mut end = 0;
    let mut users = 0;
    for (at, text) in lifts(source) {
        // Indented as deep as each export needs.
        if !text.split_whitespace().eq(lift.split_whitespace()) {
            return Err(format!(
                "a connection is lifted in another way, at byte {at}"
            ));
        }
        out.push_str(source.get(end..at).unwrap_or_default());
        out.push_str("super::connections::lift_connection(arg0)");
        end = at + text.len();
        users += 1;
    }
    if users != USERS {
        return Err(format!("{users} exports take a connection, not {USERS}"));
    }
    out.push_str(source.get(end..).unwrap_or_default());
    Ok(out.replacen(MODEL, &format!("{shared}#[doc(hidden)]\n{MODEL}"), 1))
}

/// What lowers an error begins so, after the path of the type.
const ERROR: &str = "lowcode::stripe::types::Error as V";
/// Exports that can fail, but for one whose error is not where those of others
/// are.
const FALLIBLE: usize = 14;

/// Puts what lowers an error into a function of its own.
fn share_error(source: &str) -> Result<String, String> {
    let mut out = String::with_capacity(source.len());
    let mut end = 0;
    let mut users = 0;
    let mut shared: Option<(String, String)> = None;
    for (at, text) in lowerings(source) {
        let area = text
            .split_once("*ptr")
            .and_then(|(_, rest)| rest.split_once('.'))
            .map(|(number, _)| number)
            .ok_or("an error is lowered nowhere")?;
        let plain = renumbered(text);
        match &shared {
            None => {
                let path = text.split(" as V").next().unwrap_or_default();
                let path = path.trim_start().trim_start_matches("use ");
                let function = format!(
                    "/// Lowers an error to where `ptr{area}` points.\n#[inline(never)]\n\
                     pub unsafe fn lower_error(ptr{area}: *mut u8, e: {path}) {{ unsafe {{ {text} }} }}\n"
                );
                shared = Some((plain, function));
            }
            Some((first, _)) if *first == plain => {}
            // To another place, where the good result is aligned otherwise.
            Some(_) => continue,
        }
        out.push_str(source.get(end..at).unwrap_or_default());
        out.push_str(&format!("super::connections::lower_error(ptr{area}, e)"));
        end = at + text.len();
        users += 1;
    }
    if users != FALLIBLE {
        return Err(format!("{users} exports can fail, not {FALLIBLE}"));
    }
    out.push_str(source.get(end..).unwrap_or_default());
    let (_, function) = shared.ok_or("no export can fail")?;
    Ok(out.replacen(MODEL, &format!("{function}#[doc(hidden)]\n{MODEL}"), 1))
}

/// Where an error is lowered, and that code's text.
fn lowerings(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.match_indices(ERROR).filter_map(move |(found, _)| {
        let begin = source.get(..found)?.rfind("use ")?;
        let text = source.get(begin..)?;
        Some((begin, text.get(..closing(text)?)?))
    })
}

/// The text with the generator's numbered names numbered from nought, and all
/// space of one kind: what is left is what the code does.
fn renumbered(text: &str) -> String {
    const TYPES: [&str; 6] = ["i32", "i64", "u8", "u16", "u32", "f64"];
    let mut numbers: HashMap<&str, Vec<&str>> = HashMap::new();
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        let name = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = name.get(stem.len()..).unwrap_or_default();
        let is_literal = name.starts_with(|c: char| c.is_ascii_digit());
        if is_literal || number.is_empty() || TYPES.contains(&name) {
            out.push_str(name);
        } else {
            let known = numbers.entry(stem).or_default();
            let number = known
                .iter()
                .position(|one| *one == number)
                .unwrap_or_else(|| {
                    known.push(number);
                    known.len() - 1
                });
            out.push_str(&format!("{stem}{number}"));
        }
        out.push_str(word.get(name.len()..).unwrap_or_default().trim());
    }
    out
}

/// Where the first brace of a text is closed, past it.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        None
    })
}

/// Where a connection is the first argument of a call, and the text of its
/// expression, to the closing brace.
fn lifts(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.match_indices(RECORD).filter_map(move |(found, _)| {
        // Back to the beginning of the path; only an argument is one to replace.
        let before = source.get(..found)?.trim_end_matches("super::");
        if !before.trim_end().ends_with('(') {
            return None;
        }
        let text = source.get(before.len()..)?;
        if !text
            .get(found - before.len() + RECORD.len()..)?
            .trim_start()
            .starts_with('{')
        {
            return None;
        }
        let end = closing(text)?;
        Some((before.len(), text.get(..end)?))
    })
}
