//! The folder of a release: empty when a release begins, so that nothing of an
//! earlier one is released with it. Only files that `dist` makes are removed, known
//! by their names; where there is anything else, nothing is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The component.
pub(crate) const WASM: &str = "stripe.wasm";
/// Its checksum, as `sha256sum -c` reads it.
pub(crate) const CHECKSUM: &str = "stripe.wasm.sha256";
/// What it is made of.
pub(crate) const SBOM: &str = "stripe.wasm.cdx.json";
/// On which terms what is linked into it is.
pub(crate) const NOTICES: &str = "THIRD-PARTY.txt";
/// Its contract.
pub(crate) const WIT: &str = "stripe.wit";
/// What a check keeps of a build with other bytes.
pub(crate) const ELSEWHERE: &str = "stripe.built-elsewhere.wasm";

/// Makes the folder, or empties it of an earlier release; `package` is how npm
/// tarballs of any version begin.
pub(crate) fn emptied(folder: &Path, package: &str) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut earlier: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        // A link is removed as what it is; a folder was never made here.
        let own = name.to_str().is_some_and(|name| ours(name, package));
        if !own || entry.file_type()?.is_dir() {
            bail!(
                "{} is no file of a release: move it, or name another folder with --out",
                entry.path().display()
            );
        }
        earlier.push(entry.path());
    }
    for path in earlier {
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    Ok(())
}

fn ours(name: &str, package: &str) -> bool {
    let tarball = name
        .strip_prefix(package)
        .and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".tgz"))
        // A version, and not the rest of a longer name.
        .is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()));
    tarball || [WASM, CHECKSUM, SBOM, NOTICES, WIT, ELSEWHERE].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_release_begins_with_an_empty_folder() {
        let folder = std::env::temp_dir().join(format!("xtask-folder-{}", std::process::id()));
        let release = folder.join("release-files");
        emptied(&release, "it").unwrap();
        for name in [
            WASM,
            CHECKSUM,
            SBOM,
            NOTICES,
            WIT,
            ELSEWHERE,
            "it-0.0.9.tgz",
            "it-0.1.0.tgz",
        ] {
            fs::write(release.join(name), "earlier").unwrap();
        }
        emptied(&release, "it").unwrap();
        assert!(names(&release).is_empty(), "{:?}", names(&release));

        // What is not ours stays, and so does the rest.
        for other in [
            "notes.md",
            "it-too-0.1.0.tgz",
            "another-0.1.0.tgz",
            ".hidden",
        ] {
            fs::write(release.join(other), "").unwrap();
            fs::write(release.join(WASM), "").unwrap();
            let error = emptied(&release, "it").unwrap_err().to_string();
            assert!(error.contains(other) && error.contains("--out"), "{error}");
            assert_eq!(names(&release).len(), 2, "{other}");
            fs::remove_file(release.join(other)).unwrap();
        }
        fs::remove_file(release.join(WASM)).unwrap();
        fs::create_dir(release.join(WASM)).unwrap();
        let error = emptied(&release, "it").unwrap_err().to_string();
        assert!(error.contains("no file of a release"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
