//! Whether a release is what it claims to be: the same bytes from another folder
//! under another cargo home, and files that agree with each other, read back from
//! where they were written.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use serde_json::Value;

use crate::checkout::Checkout;
use crate::folder::{CHECKSUM, ELSEWHERE, NOTICES, SBOM, WASM, WIT};
use crate::metadata::Facts;
use crate::project::{Project, output};
use crate::{build, metadata, note, notices, sbom, sha256, tarball, wit};

/// Checks the files in `out`, made from the component that was `built` here and
/// from these facts; `package` is the npm package, if one was made.
pub(crate) fn all(
    project: &Project,
    built: &[u8],
    facts: &Facts,
    out: &Path,
    package: Option<&Path>,
) -> Result<()> {
    let wasm = read(out, WASM)?;
    let digest = sha256(&wasm);
    metadata::verify(built, &wasm, facts)?;
    build::refuse_paths(WASM, &wasm, project)?;
    passed("stripe.wasm is what was built and its metadata, and names no folder of this machine");
    read_by_wasm_tools(&out.join(WASM), facts)?;

    let checksum = String::from_utf8(read(out, CHECKSUM)?)?;
    ensure!(
        checksum == format!("{digest}  {WASM}\n"),
        "{CHECKSUM} is of another file"
    );
    let linked = sbom::linked(project)?;
    let sbom = read(out, SBOM)?;
    sbom::verify(&sbom, &digest, &linked, project.plugin()?)?;
    wit::verify(&String::from_utf8(read(out, WIT)?)?, &project.root)?;
    passed("the checksum, the SBOM and the WIT agree with it");
    let terms = String::from_utf8(read(out, NOTICES)?)?;
    notices::verify(&terms, &sbom, project)?;
    passed("the notices name all that the SBOM has, with the licences that are to be in copies");
    if let Some(package) = package {
        for (name, bytes) in tarball::verify(project, package, &wasm, terms.into_bytes())? {
            build::refuse_paths(&format!("the npm package's {name}"), &bytes, project)?;
        }
        passed("the npm package has what it must, of this stripe.wasm, and nothing else");
    }

    let (copy, home) = elsewhere(project, out)?;
    let again = build::component(&project.elsewhere(&copy, home.as_deref())?, home.as_deref())?;
    if again != built {
        let kept = out.join(ELSEWHERE);
        fs::write(&kept, &again)?;
        bail!(
            "a build in {} has other bytes ({} and {}); it is kept as {}",
            copy.display(),
            built.len(),
            again.len(),
            kept.display()
        );
    }
    ensure!(
        metadata::stamp(&again, facts)? == wasm,
        "the metadata differ"
    );
    passed(&format!("the same bytes from {}", copy.display()));
    Ok(())
}

/// Whether a program that is not ours reads the same facts, where it is installed.
fn read_by_wasm_tools(wasm: &Path, facts: &Facts) -> Result<()> {
    let version = output(Command::new("wasm-tools").arg("--version"));
    let Ok(version) = version else {
        note("skipped: the metadata as wasm-tools reads them, which is not installed");
        return Ok(());
    };
    let mut show = Command::new("wasm-tools");
    let shown = output(show.args(["metadata", "show", "--json"]).arg(wasm))?;
    let told = same_facts(&shown, facts)?;
    passed(&format!("{} reads {told}", version.trim()));
    Ok(())
}

/// Whether `wasm-tools metadata show --json` says these facts; tells their names.
fn same_facts(shown: &str, facts: &Facts) -> Result<String> {
    let shown: Value = serde_json::from_str(shown).context("wasm-tools printed no JSON")?;
    let mut told = Vec::new();
    for (name, text) in facts.iter() {
        let pointer = format!("/component/metadata/{name}");
        let said = shown.pointer(&pointer).and_then(Value::as_str);
        // It writes the path of an address that has none.
        let same = said.is_some_and(|said| {
            said == text || said.strip_suffix('/') == Some(text) && text.starts_with("https://")
        });
        ensure!(
            same,
            "wasm-tools reads {said:?} as the component's {name}, not {text:?}"
        );
        told.push(name);
    }
    Ok(told.join(", "))
}

fn read(out: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(out.join(name)).with_context(|| format!("{name} is not where it was written"))
}

fn passed(what: &str) {
    note(&format!("ok: {what}"));
}

/// A copy of the sources in a folder of another length, and cargo's home under
/// another name. Both are kept, so that a second check compiles what changed.
fn elsewhere(project: &Project, out: &Path) -> Result<(PathBuf, Option<PathBuf>)> {
    let folder = project.target.join("release-check");
    let copy = folder.join("another folder");
    fs::create_dir_all(&copy)?;
    let made = [out, project.target.as_path()];
    let listed = Checkout::new(&project.root, &made).files()?;
    let names: HashSet<&Path> = listed.iter().map(PathBuf::as_path).collect();
    for name in &names {
        let bytes = fs::read(project.root.join(name))?;
        let to = copy.join(name);
        if fs::read(&to).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(to.parent().unwrap_or(&copy))?;
            fs::write(&to, bytes)?;
        }
    }
    remove_others(&copy, &copy, &names)?;
    Ok((copy, home(&folder)?))
}

/// Removes files that an earlier check copied and that are no more.
fn remove_others(copy: &Path, folder: &Path, names: &HashSet<&Path>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path == copy.join("target") {
            continue;
        }
        if path.is_dir() {
            remove_others(copy, &path, names)?;
        } else if !names.contains(path.strip_prefix(copy)?) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// A link to cargo's home, where links are to be had: the same crates, of which
/// the compiler sees other paths.
#[cfg(unix)]
fn home(folder: &Path) -> Result<Option<PathBuf>> {
    use std::env::var_os;

    let own = var_os("CARGO_HOME").map(PathBuf::from);
    let own = own.or_else(|| Some(PathBuf::from(var_os("HOME")?).join(".cargo")));
    let Some(own) = own.filter(|own| own.is_dir()) else {
        return Ok(None);
    };
    let link = folder.join("another-cargo-home");
    if fs::symlink_metadata(&link).is_ok() {
        fs::remove_file(&link)?;
    }
    std::os::unix::fs::symlink(own, &link)?;
    Ok(Some(link))
}

#[cfg(not(unix))]
fn home(_: &Path) -> Result<Option<PathBuf>> {
    note("skipped: another cargo home, which takes a link");
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 1.254 of the program prints it, shortened.
    #[test]
    fn what_wasm_tools_reads_is_compared() {
        let shown = r#"{"component": {"metadata": {"name": "stripe", "authors": null,
            "licenses": "Apache-2.0", "source": "https://example.com/", "revision": null}}}"#;
        let facts = |facts: &[(&'static str, &str)]| {
            let facts = facts.iter().map(|(name, text)| (*name, (*text).to_owned()));
            Facts::from_iter(facts)
        };
        let same = facts(&[
            ("licenses", "Apache-2.0"),
            ("source", "https://example.com"),
        ]);
        assert_eq!(same_facts(shown, &same).unwrap(), "licenses, source");
        for other in [
            ("licenses", "MIT"),
            ("source", "https://example.com/it"),
            ("source", "https://example.c"),
            ("revision", "abc"),
            ("homepage", "https://example.com"),
        ] {
            let error = same_facts(shown, &facts(&[other])).unwrap_err().to_string();
            assert!(error.contains(other.0), "{error}");
        }
    }

    #[test]
    fn a_copy_loses_what_is_no_more() {
        let copy = std::env::temp_dir().join(format!("xtask-check-{}", std::process::id()));
        for name in ["kept.rs", "plugin/old.rs", "target/built"] {
            let path = copy.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let names = HashSet::from([Path::new("kept.rs")]);
        remove_others(&copy, &copy, &names).unwrap();
        assert!(copy.join("kept.rs").is_file());
        assert!(copy.join("target/built").is_file());
        assert!(!copy.join("plugin/old.rs").exists());
        fs::remove_dir_all(copy).unwrap();
    }
}
