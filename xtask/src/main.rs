//! `cargo xtask dist`: one command that makes the files of a release. This module
//! knows the arguments, the order of the steps and the table at the end; what a
//! file holds is its own module's business.

mod build;
mod check;
mod checkout;
mod folder;
mod metadata;
mod notices;
mod npm;
mod origin;
mod project;
mod sbom;
mod tarball;
mod toolchain;
mod wit;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use checkout::Checkout;
use folder::{CHECKSUM, NOTICES, SBOM, WASM, WIT};
use origin::Origin;
use project::Project;

const USAGE: &str = "\
Usage: cargo xtask dist [--source URL] [--homepage URL] [--revision HEX] [--out FOLDER]
                        [--no-npm] [--check]

Makes a release's files in target/release-files: stripe.wasm with its metadata, its
checksum, its SBOM, the notices of what is linked, the contract as one text, and the npm
package. Those of an earlier release are removed first; where the folder holds anything
else, nothing is made.

  --source URL    where the sources are, which the component, the SBOM and the npm
                  package then say; without it, `repository` of plugin/Cargo.toml
  --homepage URL  a page for people; without it, `homepage` of plugin/Cargo.toml
  --revision HEX  the commit of the sources, where git does not know it, as in an
                  archive of them; 40 digits
  --out FOLDER    write there instead
  --no-npm        leave the npm package out
  --check         then build once more in another folder and under another cargo
                  home, compare the bytes, and read every file again
";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Help,
    Dist(Order),
}

/// The release that was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Order {
    origin: Origin,
    revision: Option<String>,
    out: Option<PathBuf>,
    steps: Steps,
}

/// What is done besides the files that each release has.
#[derive(Debug, PartialEq, Eq)]
struct Steps {
    npm: bool,
    check: bool,
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
        Wish::Dist(order) => dist(order),
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
    let mut order = Order {
        origin: Origin::default(),
        revision: None,
        out: None,
        steps: Steps {
            npm: true,
            check: false,
        },
    };
    while let Some(word) = words.next() {
        let mut value = |what: &str| {
            let value = words.next().filter(|value| !value.starts_with("--"));
            value.with_context(|| format!("{word} needs {what}"))
        };
        match word {
            "--help" | "-h" => return Ok(Wish::Help),
            "--check" => order.steps.check = true,
            "--no-npm" => order.steps.npm = false,
            "--out" => order.out = Some(PathBuf::from(value("a folder")?)),
            "--revision" => order.revision = Some(checkout::commit(value("a commit")?)?),
            "--source" => order.origin.source = Some(origin::address(value("an address")?, word)?),
            "--homepage" => {
                order.origin.homepage = Some(origin::address(value("an address")?, word)?);
            }
            other => bail!(
                "dist knows no {other}; it knows --source URL, --homepage URL, --revision HEX, \
                 --out FOLDER, --no-npm, --check"
            ),
        }
    }
    Ok(Wish::Dist(order))
}

/// A release of which nothing is made yet.
struct Release {
    project: Project,
    out: PathBuf,
    /// How npm tarballs of any version begin.
    package: String,
    linked: sbom::Graph,
    time: Option<u64>,
    notices: String,
    wit: String,
}

/// All that takes no compiling, so that what is wrong with it is told before an
/// earlier release is removed.
fn prepared(order: Order) -> Result<(Release, Steps)> {
    let time = timestamp(std::env::var_os("SOURCE_DATE_EPOCH").as_deref())?;
    toolchain::refuse_variables(std::env::vars_os())?;
    let mut project = Project::read()?;
    order.origin.settle(&mut project)?;
    let out = match order.out {
        // Where the person is; the steps run in other folders.
        Some(folder) => std::path::absolute(folder)?,
        // Not `dist`, which is where cargo puts what is of that profile.
        None => project.target.join("release-files"),
    };
    let checkout = Checkout::new(&project.root, &[&out, &project.target]);
    project.revision = checkout.revision(order.revision)?;
    let linked = sbom::linked(&project)?;
    let release = Release {
        package: npm::name(&project)?,
        notices: notices::text(&project, &linked)?,
        wit: wit::text(&project.root)?,
        project,
        out,
        linked,
        time,
    };
    Ok((release, order.steps))
}

/// Makes the files, in the order in which they need each other.
fn dist(order: Order) -> Result<()> {
    let (release, steps) = prepared(order)?;
    let (project, out) = (&release.project, &release.out);
    folder::emptied(out, &release.package)?;

    let built = build::component(project, None)?;
    let facts = metadata::Facts::of(project);
    let stamped = metadata::stamp(&built, &facts)?;
    build::refuse_paths(WASM, &stamped, project)?;
    let digest = sha256(&stamped);
    let sbom = sbom::make(project, &release.linked, &digest, release.time)?;
    let mut files: Vec<(String, Vec<u8>)> = [
        (WASM, stamped),
        (CHECKSUM, format!("{digest}  {WASM}\n").into_bytes()),
        (SBOM, sbom),
        (NOTICES, release.notices.into_bytes()),
        (WIT, release.wit.into_bytes()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into();
    for (name, bytes) in &files {
        let path = out.join(name);
        fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let mut package = None;
    if steps.npm
        && let Some(name) = npm::pack(project, out)?
    {
        let path = out.join(&name);
        files.push((name, fs::read(&path)?));
        package = Some(path);
    }
    if steps.check {
        check::all(project, &built, &facts, out, package.as_deref())?;
    }
    print(&table(out, &files)?)
}

/// Seconds since 1970 that a packager asks to be the time of everything.
fn timestamp(text: Option<&OsStr>) -> Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let seconds = text.to_str().and_then(|text| text.parse().ok());
    let seconds = seconds.with_context(|| {
        let text = text.display();
        format!("SOURCE_DATE_EPOCH is seconds since 1970, not {text}")
    })?;
    Ok(Some(seconds))
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
        let all = parsed(
            "dist --check --out there --no-npm --homepage https://example.com \
             --source https://example.com/it \
             --revision 0123456789abcdef0123456789abcdef01234567",
        );
        let expected = Wish::Dist(Order {
            origin: Origin {
                source: Some("https://example.com/it".to_owned()),
                homepage: Some("https://example.com".to_owned()),
            },
            revision: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            out: Some(PathBuf::from("there")),
            steps: Steps {
                npm: false,
                check: true,
            },
        });
        assert_eq!(all.unwrap(), expected);
        let Wish::Dist(plain) = parsed("dist").unwrap() else {
            panic!("dist is asked for")
        };
        assert_eq!(plain.origin, Origin::default());
        assert!(plain.steps.npm && !plain.steps.check);
        assert!(plain.out.is_none() && plain.revision.is_none());
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (words, says) in [
            ("release", "there is no task release"),
            ("dist --checks", "dist knows no --checks"),
            ("dist --out", "--out needs a folder"),
            ("dist --out --check", "--out needs a folder"),
            ("dist --source", "--source needs an address"),
            ("dist --revision", "--revision needs a commit"),
            ("dist --revision v1.0", "--revision is no commit"),
            ("dist --homepage --check", "--homepage needs an address"),
            ("dist --source http://example.com", "--source is no https"),
            ("dist --homepage example.com", "--homepage is no https"),
        ] {
            let error = parsed(words).unwrap_err().to_string();
            assert!(error.contains(says), "{words}: {error}");
        }
    }

    #[test]
    fn a_time_is_seconds() {
        assert_eq!(timestamp(None).unwrap(), None);
        assert_eq!(
            timestamp(Some(OsStr::new("951782399"))).unwrap(),
            Some(951_782_399)
        );
        for other in ["", "yesterday", "-1", "1.5"] {
            let error = timestamp(Some(OsStr::new(other))).unwrap_err().to_string();
            assert!(error.contains("SOURCE_DATE_EPOCH is seconds"), "{error}");
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
