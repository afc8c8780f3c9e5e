//! On which terms the parts of the component are that others wrote: their licences'
//! texts, which most of them ask to be in every copy. What is linked is the SBOM's
//! to say; here it is only asked what that takes.
//!
//! A crate that offers Apache-2.0 is taken under it, whose text stands here once. Of
//! another one, the licence files of its own sources stand here, word for word.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::folder::{NOTICES, WASM};
use crate::project::{PACKAGE, Package, Project};
use crate::sbom;

/// The licence's text in the workspace, which is the component's own too.
const APACHE: &str = "LICENSE";

/// Where rustup's compiler has the texts of licences, from its folder on; and those
/// that parts of the standard library are under.
const TEXTS: &str = "share/doc/rust/licenses";
const STANDARD: [&str; 3] = ["MIT.txt", "BSD-2-Clause.txt", "Unicode-3.0.txt"];

/// What is in the standard library, by the notices that come with the compiler and
/// by the licence of wasi-libc.
const STANDARD_PARTS: &str = "\
Rust's standard library is that of the compiler's own distribution. It is by The Rust
Project Developers, taken under Apache-2.0, as are the crates in it that offer that.
Its compiler-builtins are under MIT AND Apache-2.0 WITH LLVM-exception AND (MIT OR
Apache-2.0); its memchr is under MIT, Copyright (c) 2015 Andrew Gallant; its tables of
characters are under Unicode-3.0. Every notice of it comes with that compiler, as
share/doc/rust/COPYRIGHT-library.html.

It links wasi-libc, taken under Apache-2.0. Parts of wasi-libc are others':
  musl         MIT, Copyright (c) 2005-2020 Rich Felker, et al.
  cloudlibc    BSD-2-Clause, Copyright (c) 2015-2016 Nuxi, https://nuxi.nl/
  libpreopen   BSD-2-Clause, by the authors that its source names
  dlmalloc     CC0-1.0, by Doug Lea

The licences that these name, without whose work it is:
";

/// The text, for the crates that are linked.
pub(crate) fn text(project: &Project, linked: &sbom::Graph) -> Result<String> {
    let (mut apache, mut own, mut texts) = (String::new(), String::new(), String::new());
    for (name, version) in linked.keys().filter(|(name, _)| name != PACKAGE) {
        let package = project.package(name, version)?;
        let license = package.license.as_deref();
        let license = license.with_context(|| format!("the crate {name} names no licence"))?;
        let list = if offers_apache(license) {
            &mut apache
        } else {
            &mut own
        };
        writeln!(list, "  {name} {version}   {license}")?;
        for (file, words) in files(package, license)? {
            section(&mut texts, &format!("{name} {version}: {file}"), &words)?;
        }
    }
    let standard = format!("rust-std {}", project.rustc.release);
    let mut parts = STANDARD_PARTS.to_owned();
    for words in standard_texts(&project.rustc.sysroot)? {
        write!(parts, "\n{words}\n")?;
    }
    section(&mut texts, &standard, &parts)?;
    section(&mut texts, "Apache-2.0", &apache_text(&project.root)?)?;
    Ok(format!(
        "What others wrote of {WASM} {}, and on which terms.\n\n\
         Taken under Apache-2.0, which each of these offers; its text is the last one here:\n\n\
         {apache}\n\
         Taken on terms of their own, which follow one by one:\n\n\
         {own}  {standard}   MIT OR Apache-2.0, and of parts of it others\n{texts}",
        project.plugin()?.version
    ))
}

fn section(texts: &mut String, title: &str, words: &str) -> std::fmt::Result {
    let rule = "=".repeat(80);
    write!(texts, "\n{rule}\n{title}\n{rule}\n\n{words}\n")
}

/// Whether one can take it under Apache-2.0 without more. Only lists of alternatives
/// are read; of what is said in another way, all is kept.
fn offers_apache(license: &str) -> bool {
    alternatives(license).any(|offer| offer == "Apache-2.0")
}

/// The alternatives of a licence that is nothing else; manifests of an older form
/// have a slash between them.
fn alternatives(license: &str) -> impl Iterator<Item = &str> {
    let more = license.contains('(');
    let offers = license.split('/').flat_map(|part| part.split(" OR "));
    offers.map(str::trim).filter(move |_| !more)
}

/// The files of a crate's sources that have to be in a copy, each with its text.
fn files(package: &Package, license: &str) -> Result<Vec<(String, String)>> {
    let crate_name = format!("{} {}", package.name, package.version);
    let mut names = Vec::new();
    for entry in fs::read_dir(&package.folder)
        .with_context(|| format!("the sources of {crate_name} cannot be read"))?
    {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.path().is_file(), entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.sort();
    let begins = |name: &str, words: &[&str]| {
        let name = name.to_ascii_uppercase();
        let code = name.ends_with(".RS");
        !code && words.iter().any(|word| name.starts_with(word))
    };
    // What Apache-2.0 asks for besides its text, and the others with theirs.
    let mut wanted = names.clone();
    wanted.retain(|name| begins(name, &["NOTICE"]));
    if !offers_apache(license) {
        let mut texts = names;
        texts.retain(|name| begins(name, &["LICEN", "COPYING", "COPYRIGHT", "UNLICEN"]));
        ensure!(
            !texts.is_empty(),
            "{crate_name} is under {license}, and its sources have no file of it: {NOTICES} \
             cannot have its notice"
        );
        let mit = |name: &String| begins(name, &["LICENSE-MIT", "LICENCE-MIT"]);
        if alternatives(license).any(|offer| offer == "MIT") && texts.iter().any(mit) {
            texts.retain(mit);
        }
        wanted.extend(texts);
    }
    wanted
        .into_iter()
        .map(|name| {
            let words = read(&package.folder.join(&name))?;
            Ok((name, words))
        })
        .collect()
}

/// A text as it is, with the ends of its lines as they are here.
fn read(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("{} cannot be read as text", path.display()))?;
    Ok(text.replace("\r\n", "\n").trim_matches('\n').to_owned())
}

fn apache_text(root: &Path) -> Result<String> {
    let words = read(&root.join(APACHE))?;
    let is = words.contains("Apache License") && words.contains("Version 2.0, January 2004");
    ensure!(is, "{APACHE} is not the text of Apache-2.0");
    Ok(words)
}

fn standard_texts(sysroot: &Path) -> Result<Vec<String>> {
    let all = STANDARD.iter();
    all.map(|name| read(&sysroot.join(TEXTS).join(name)))
        .collect::<Result<_>>()
        .context("the compiler comes without its licences: install it with rustup")
}

/// Whether the text names all that an SBOM has, and has what each of that asks for.
pub(crate) fn verify(text: &str, sbom: &[u8], project: &Project) -> Result<()> {
    for part in sbom::parts(sbom)? {
        let crate_name = format!("{} {}", part.name, part.version);
        let begin = format!("  {crate_name} ");
        ensure!(
            text.lines().any(|line| line.starts_with(&begin)),
            "{NOTICES} does not name {crate_name}, which the SBOM has"
        );
        let wanted = if part.fetched {
            files(project.package(&part.name, &part.version)?, &part.license)?
        } else {
            let texts = standard_texts(&project.rustc.sysroot)?;
            STANDARD.map(str::to_owned).into_iter().zip(texts).collect()
        };
        for (file, words) in wanted {
            ensure!(
                text.contains(&words),
                "{NOTICES} has not the {file} of {crate_name}"
            );
        }
    }
    ensure!(
        text.contains(&apache_text(&project.root)?),
        "{NOTICES} has not the text of Apache-2.0"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tests::{package, project};
    use serde_json::json;
    use std::path::PathBuf;

    /// Crates with their files, each of which has its crate's name and its own.
    const CRATES: [(&str, &str, &[&str]); 6] = [
        (
            "both",
            "MIT OR Apache-2.0",
            &["LICENSE-MIT", "LICENSE-APACHE"],
        ),
        ("old", "MIT/Apache-2.0", &["LICENSE-MIT", "NOTICE"]),
        ("mit", "MIT", &["LICENSE", "license.rs"]),
        ("zlib", "Zlib", &["COPYING"]),
        (
            "unlicense",
            "Unlicense OR MIT",
            &["COPYING", "LICENSE-MIT", "UNLICENSE"],
        ),
        (
            "and",
            "ISC AND (Zlib OR Apache-2.0 OR MIT)",
            &["LICENSE-ISC", "LICENSE-MIT"],
        ),
    ];

    /// A project of these crates on disk; the folder is removed when it is dropped.
    struct Sources(Project);

    impl Sources {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir();
            let root = root.join(format!("xtask-notices-{name}-{}", std::process::id()));
            let write = |name: String, text: &str| {
                let path = root.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            };
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
            write(
                APACHE.to_owned(),
                &fs::read_to_string(own.join(APACHE)).unwrap(),
            );
            for name in STANDARD {
                write(format!("{TEXTS}/{name}"), &format!("Standard's {name}"));
            }
            let mut packages = vec![package(PACKAGE)];
            for (name, license, files) in CRATES {
                for file in files {
                    write(format!("{name}/{file}"), &format!("{name}'s\r\n{file}\n"));
                }
                packages.push(Package {
                    folder: root.join(name),
                    fetched: true,
                    license: Some(license.to_owned()),
                    ..package(name)
                });
            }
            let mut project = project(packages);
            project.rustc.sysroot = root.clone();
            project.root = root;
            Self(project)
        }

        fn folder(&self, name: &str) -> PathBuf {
            self.0.root.join(name)
        }

        fn text(&self) -> Result<String> {
            let ids = self.0.packages.iter();
            let linked = ids.map(|one| ((one.name.clone(), one.version.clone()), [].into()));
            text(&self.0, &linked.collect())
        }

        fn sbom(&self) -> Vec<u8> {
            let mut components = vec![json!({
                "name": "rust-std", "version": "1.0.0", "purl": "pkg:generic/rust-std@1.0.0",
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            })];
            for (name, license, _) in CRATES {
                components.push(json!({
                    "name": name, "version": "1.2.3", "purl": format!("pkg:cargo/{name}@1.2.3"),
                    "licenses": [{ "expression": license.replace('/', " OR ") }],
                }));
            }
            serde_json::to_vec(&json!({ "components": components })).unwrap()
        }
    }

    impl Drop for Sources {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0.root);
        }
    }

    #[test]
    fn each_crate_has_what_its_licence_asks_for() {
        let sources = Sources::new("made");
        let text = sources.text().unwrap();
        for (name, file) in [
            ("old", "NOTICE"),
            ("mit", "LICENSE"),
            ("zlib", "COPYING"),
            ("unlicense", "LICENSE-MIT"),
            ("and", "LICENSE-ISC"),
            ("and", "LICENSE-MIT"),
        ] {
            let section = format!("\n{name} 1.2.3: {file}\n");
            assert!(text.contains(&section), "{section}{text}");
            assert!(text.contains(&format!("\n\n{name}'s\n{file}\n")), "{name}");
        }
        for other in [
            "both's",
            "old's\nLICENSE-MIT",
            "unlicense's\nCOPYING",
            "unlicense's\nUNLICENSE",
            "mit's\nlicense.rs",
            &format!("  {PACKAGE} "),
        ] {
            assert!(!text.contains(other), "{other}");
        }
        let apache = text.find("Taken under Apache-2.0").unwrap();
        let own = text.find("Taken on terms of their own").unwrap();
        for (name, from) in [
            ("both", apache),
            ("old", apache),
            ("mit", own),
            ("and", own),
        ] {
            let at = text.find(&format!("\n  {name} 1.2.3   ")).unwrap();
            assert!(from < at && (from == own || at < own), "{name}");
        }
        assert!(text.contains("Standard's Unicode-3.0.txt"));
        assert_eq!(text.matches("TERMS AND CONDITIONS FOR USE").count(), 1);
        verify(&text, &sources.sbom(), &sources.0).unwrap();
    }

    #[test]
    fn a_notice_that_cannot_be_found_is_an_error() {
        let sources = Sources::new("lacking");
        fs::remove_file(sources.folder("mit/LICENSE")).unwrap();
        // Its `license.rs` is none.
        let error = sources.text().unwrap_err().to_string();
        assert!(error.contains("mit 1.2.3 is under MIT"), "{error}");
        let sources = Sources::new("other");
        fs::write(sources.folder(APACHE), "Do as you like.").unwrap();
        let error = sources.text().unwrap_err().to_string();
        assert!(error.contains("not the text of Apache-2.0"), "{error}");
    }

    #[test]
    fn what_a_text_lacks_is_told() {
        let sources = Sources::new("checked");
        let good = sources.text().unwrap();
        let sbom = sources.sbom();
        for (old, new, says) in [
            ("  both 1.2.3 ", "  both 1.2.4 ", "does not name both 1.2.3"),
            ("  rust-std 1.0.0 ", "  std ", "does not name rust-std"),
            ("mit's\nLICENSE", "mit's", "not the LICENSE of mit 1.2.3"),
            ("zlib's\nCOPYING", "", "not the COPYING of zlib"),
            ("old's\nNOTICE", "", "not the NOTICE of old"),
            (
                "unlicense's\nLICENSE-MIT",
                "",
                "not the LICENSE-MIT of unlicense",
            ),
            ("Standard's BSD", "", "not the BSD-2-Clause.txt of rust-std"),
            ("END OF TERMS", "", "not the text of Apache-2.0"),
        ] {
            let bad = good.replacen(old, new, 1);
            assert_ne!(bad, good, "{old}");
            let error = verify(&bad, &sbom, &sources.0).unwrap_err().to_string();
            assert!(error.contains(says), "{old}: {error}");
        }
    }
}
