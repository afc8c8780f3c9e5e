//! `cargo xtask dist`: one command that makes the files of a release. This module
//! knows the arguments, the order of the steps and the table at the end; what a
//! file holds is its own module's business.

mod build;
mod check;
mod metadata;
mod npm;
mod project;
mod sbom;
mod wit;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use project::Project;

const USAGE: &str = "\
Usage: cargo xtask dist [--out FOLDER] [--no-npm] [--check]

Makes a release's files in target/release-files: stripe.wasm with its metadata, its
checksum, its SBOM, the contract as one text, and the npm package.

  --out FOLDER  write there instead
  --no-npm      leave the npm package out
  --check       then build once more in another folder and under another cargo
                home, compare the bytes, and read every file again
";

/// The component.
const WASM: &str = "stripe.wasm";
/// Its checksum, as `sha256sum -c` reads it.
const CHECKSUM: &str = "stripe.wasm.sha256";
/// What it is made of.
const SBOM: &str = "stripe.wasm.cdx.json";
/// Its contract.
const WIT: &str = "stripe.wit";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Help,
    Dist {
        out: Option<PathBuf>,
        npm: bool,
        check: bool,
    },
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wish = match parse(&arguments) {
        Ok(wish) => wish,
        Err(error) => {
            note(&format!("error: {error:#}\n\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let done = match wish {
        Wish::Help => print(USAGE),
        Wish::Dist { out, npm, check } => dist(out.as_deref(), npm, check),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Wish> {
    let mut words = arguments.iter().map(String::as_str);
    match words.next() {
        None | Some("help" | "--help" | "-h") => return Ok(Wish::Help),
        Some("dist") => {}
        Some(other) => bail!("there is no task {other}; there is dist"),
    }
    let (mut out, mut npm, mut check) = (None, true, false);
    while let Some(word) = words.next() {
        match word {
            "--help" | "-h" => return Ok(Wish::Help),
            "--check" => check = true,
            "--no-npm" => npm = false,
            "--out" => {
                let folder = words.next().filter(|folder| !folder.starts_with("--"));
                out = Some(PathBuf::from(folder.context("--out needs a folder")?));
            }
            other => bail!("dist knows no {other}; it knows --out FOLDER, --no-npm, --check"),
        }
    }
    Ok(Wish::Dist { out, npm, check })
}

/// Makes the files, in the order in which they need each other.
fn dist(out: Option<&Path>, npm: bool, check: bool) -> Result<()> {
    let project = Project::read()?;
    let out = match out {
        // Where the person is; the steps run in other folders.
        Some(folder) => std::path::absolute(folder)?,
        // Not `dist`, which is where cargo puts what is of that profile.
        None => project.target.join("release-files"),
    };
    fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;

    let built = build::component(&project, None)?;
    let facts = metadata::Facts::of(&project);
    let stamped = metadata::stamp(&built, &facts)?;
    build::refuse_paths(&stamped, &project)?;
    let digest = sha256(&stamped);
    let mut files = vec![
        (WASM.to_owned(), stamped),
        (
            CHECKSUM.to_owned(),
            format!("{digest}  {WASM}\n").into_bytes(),
        ),
        (
            SBOM.to_owned(),
            sbom::make(&project, &digest, timestamp()?)?,
        ),
        (WIT.to_owned(), wit::text(&project.root)?.into_bytes()),
    ];
    for (name, bytes) in &files {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if npm && let Some(name) = npm::pack(&project, &out, &out.join(WASM))? {
        let bytes = fs::read(out.join(&name))?;
        files.push((name, bytes));
    }
    if check {
        check::all(&project, &built, &facts, &out)?;
    }
    print(&table(&out, &files)?)
}

/// Seconds since 1970 that a packager asks to be the time of everything.
fn timestamp() -> Result<Option<u64>> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            let seconds = text.parse().ok();
            let seconds = seconds
                .with_context(|| format!("SOURCE_DATE_EPOCH is seconds since 1970, not {text}"))?;
            Ok(Some(seconds))
        }
        Err(_) => Ok(None),
    }
}

fn table(out: &Path, files: &[(String, Vec<u8>)]) -> Result<String> {
    let mut text = format!("{}\n", out.display());
    for (name, bytes) in files {
        writeln!(
            text,
            "  {name:<28} {:>9} bytes  sha256:{}",
            bytes.len(),
            sha256(bytes)
        )?;
    }
    Ok(text)
}

/// The digest as it is written: 64 hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Progress and complaints, for a person.
fn note(text: &str) {
    // A closed stderr is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What was asked for.
fn print(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &str) -> Result<Wish> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn arguments_are_what_the_usage_says() {
        assert_eq!(parsed("").unwrap(), Wish::Help);
        assert_eq!(parsed("dist --help").unwrap(), Wish::Help);
        let all = parsed("dist --check --out there --no-npm").unwrap();
        let expected = Wish::Dist {
            out: Some(PathBuf::from("there")),
            npm: false,
            check: true,
        };
        assert_eq!(all, expected);
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (words, says) in [
            ("release", "there is no task release"),
            ("dist --checks", "dist knows no --checks"),
            ("dist --out", "--out needs a folder"),
            ("dist --out --check", "--out needs a folder"),
        ] {
            let error = parsed(words).unwrap_err().to_string();
            assert!(error.contains(says), "{words}: {error}");
        }
    }

    /// The first example of FIPS 180-2.
    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
