//! Whether the npm tarball holds what it must, and nothing else: the package's own
//! files as they are in the checkout, the licence, the component of this release as
//! jco wrote it, and no test. It is unpacked by `tar`, not by npm.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;
use wasmparser::{Parser, Payload};

use crate::folder::NOTICES;
use crate::npm::{FOLDER, MANIFEST};
use crate::project::{Package, Project, output};

/// Files, each by its path with slashes.
type Files = BTreeMap<String, Vec<u8>>;

/// What jco makes of the component.
const COMPONENT: &str = "component/";
/// The licence's text, which the package shares with the workspace.
const LICENSE: &str = "LICENSE";

/// Checks a tarball that was made with this component and these notices; tells its
/// files.
pub(crate) fn verify(
    project: &Project,
    tarball: &Path,
    wasm: &[u8],
    notices: Vec<u8>,
) -> Result<Files> {
    let folder = project.target.join("release-check/npm");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut tar = Command::new("tar");
    output(tar.arg("-xzf").arg(tarball).arg("-C").arg(&folder))?;
    // npm packs everything below one folder of that name.
    let mut found = Files::new();
    read(&folder.join("package"), "", &mut found)?;
    let mut own = own(&project.root)?;
    own.insert(NOTICES.to_owned(), notices);
    let listed = output(Command::new("tar").arg("-tvzf").arg(tarball))?;
    inspect(&found, &own, project.plugin()?)
        .and_then(|()| inspect_modes(&listed))
        .and_then(|()| inspect_component(&found, wasm))
        .with_context(|| format!("{} is not as it must be", tarball.display()))?;
    Ok(found)
}

/// What the checkout has of the package: what its manifest lists and is not made by
/// its build, what npm always packs, and the licence of the workspace.
fn own(root: &Path) -> Result<Files> {
    let folder = root.join(FOLDER);
    let mut files = Files::new();
    let manifest = fs::read(folder.join(MANIFEST))?;
    let parsed: Value = serde_json::from_slice(&manifest)?;
    files.insert(MANIFEST.to_owned(), manifest);
    files.insert("README.md".to_owned(), fs::read(folder.join("README.md"))?);
    files.insert(LICENSE.to_owned(), fs::read(root.join(LICENSE))?);
    let listed = parsed.get("files").and_then(Value::as_array);
    let listed = listed.with_context(|| format!("{FOLDER}/{MANIFEST} lists no files"))?;
    for name in listed.iter().filter_map(Value::as_str) {
        let name = name.trim_matches('/');
        if format!("{name}/") == COMPONENT {
            continue;
        }
        let path = folder.join(name);
        if path.is_dir() {
            read(&path, &format!("{name}/"), &mut files)?;
        } else {
            files.insert(name.to_owned(), fs::read(path)?);
        }
    }
    Ok(files)
}

fn read(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    let entries = fs::read_dir(folder);
    for entry in entries.with_context(|| format!("there is no {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().context("a file's name is no UTF-8")?;
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{prefix}{name}/"), files)?;
        } else {
            files.insert(format!("{prefix}{name}"), fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Whether what was found is what is the package's own, and what its build made.
fn inspect(found: &Files, own: &Files, plugin: &Package) -> Result<()> {
    for (name, bytes) in own {
        let Some(packed) = found.get(name) else {
            bail!("it has no {name}")
        };
        let same = packed == bytes || name == MANIFEST;
        ensure!(same, "its {name} is not the checkout's");
    }
    for name in found.keys().filter(|name| !own.contains_key(*name)) {
        // Nothing of a component's is hidden, a test or another's package.
        let odd = name
            .split('/')
            .any(|part| part.starts_with('.') || ["test", "tests", "node_modules"].contains(&part));
        ensure!(
            name.starts_with(COMPONENT) && !odd,
            "it has {name}, which belongs to no package"
        );
    }
    let manifest: Value = serde_json::from_slice(found.get(MANIFEST).context("no manifest")?)?;
    let git = plugin.repository.as_ref().map(|url| format!("git+{url}"));
    for (pointer, expected) in [
        ("/version", Some(&plugin.version)),
        ("/license", plugin.license.as_ref()),
        ("/repository/url", git.as_ref()),
        ("/homepage", plugin.homepage.as_ref()),
    ] {
        let said = manifest.pointer(pointer).and_then(Value::as_str);
        ensure!(
            said == expected.map(String::as_str),
            "its {MANIFEST} says {said:?} at {pointer}, not {expected:?}"
        );
    }
    let mut targets = Vec::new();
    exported(manifest.get("exports"), &mut targets);
    ensure!(!targets.is_empty(), "its {MANIFEST} exports nothing");
    for target in targets {
        let path = target.trim_start_matches("./");
        ensure!(
            found.contains_key(path),
            "its {MANIFEST} exports {target}, which it has not"
        );
    }
    Ok(())
}

/// Whether each file has the mode that it has everywhere, by tar's list.
fn inspect_modes(listed: &str) -> Result<()> {
    let mut lines = listed.lines();
    let other = lines.find(|line| !line.starts_with("-rw-r--r--"));
    if let Some(line) = other {
        bail!("a file's mode is not that of each release: {line}");
    }
    Ok(())
}

/// The files that a manifest's `exports` name, below whatever conditions.
fn exported<'m>(value: Option<&'m Value>, targets: &mut Vec<&'m str>) {
    match value {
        Some(Value::String(target)) => targets.push(target),
        Some(Value::Object(conditions)) => {
            conditions
                .values()
                .for_each(|value| exported(Some(value), targets));
        }
        _ => {}
    }
}

/// Whether the code is that of the component: each core module is there as it is in
/// stripe.wasm, as a file or, if small, as base64 in jco's JavaScript; and no other
/// module is.
fn inspect_component(found: &Files, wasm: &[u8]) -> Result<()> {
    let modules = core_modules(wasm)?;
    ensure!(!modules.is_empty(), "stripe.wasm has no core module");
    let made = |suffix: &'static str| {
        let made = found.iter();
        made.filter(move |(name, _)| name.starts_with(COMPONENT) && name.ends_with(suffix))
    };
    for (name, bytes) in made(".wasm") {
        ensure!(
            modules.contains(&bytes.as_slice()),
            "its {name} is no module of stripe.wasm"
        );
    }
    ensure!(
        made(".js").next().is_some(),
        "it has no JavaScript of stripe.wasm"
    );
    for (number, module) in modules.iter().enumerate() {
        let as_file = made(".wasm").any(|(_, bytes)| bytes == module);
        let inline = || {
            let text = STANDARD_NO_PAD.encode(module);
            made(".js").any(|(_, bytes)| contains(bytes, text.as_bytes()))
        };
        ensure!(
            as_file || inline(),
            "it has not module {number} of stripe.wasm, of {} bytes",
            module.len()
        );
    }
    Ok(())
}

/// Whether the base64 stands there as a string of its own, padded or, as jco writes
/// it, not.
fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let strings = bytes.split(|byte| matches!(byte, b'\'' | b'"' | b'`'));
    strings
        .filter_map(|string| string.strip_prefix(text))
        .any(|rest| rest.iter().all(|byte| *byte == b'='))
}

fn core_modules(wasm: &[u8]) -> Result<Vec<&[u8]>> {
    let mut modules = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ModuleSection {
            unchecked_range, ..
        } = payload.context("stripe.wasm is no component")?
        {
            modules.push(wasm.get(unchecked_range).unwrap_or_default());
        }
    }
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tests::package;
    use base64::engine::general_purpose::STANDARD;
    use std::borrow::Cow;
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection};

    fn module(text: &str) -> Module {
        let mut module = Module::new();
        module.section(&CustomSection {
            name: Cow::Borrowed("text"),
            data: Cow::Borrowed(text.as_bytes()),
        });
        module
    }

    /// A component of two modules.
    fn component() -> Vec<u8> {
        let mut component = Component::new();
        component.section(&ModuleSection(&module("large")));
        component.section(&ModuleSection(&module("small")));
        component.finish()
    }

    fn plugin() -> Package {
        Package {
            repository: Some("https://example.com/it".to_owned()),
            ..package("it")
        }
    }

    const PACKED: &str = r#"{
        "name": "it", "version": "1.2.3", "license": "Apache-2.0",
        "exports": { ".": { "import": { "default": "./src/it.mjs" } } },
        "repository": { "type": "git", "url": "git+https://example.com/it" }
    }"#;

    /// What the checkout has, and a tarball that is as it must be.
    fn good() -> (Files, Files) {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        let own = Files::from([
            file(MANIFEST, "{}"),
            file("README.md", "# It"),
            file(LICENSE, "Do as you like."),
            file("src/it.mjs", "export {}"),
        ]);
        let mut found = own.clone();
        let small = STANDARD_NO_PAD.encode(module("small").finish());
        found.extend([
            file(MANIFEST, PACKED),
            file("component/it.js", &format!("compile('{small}')")),
            file("component/interfaces/it.d.ts", ""),
        ]);
        found.insert(
            "component/it.core.wasm".to_owned(),
            module("large").finish(),
        );
        (own, found)
    }

    fn checked(found: &Files, own: &Files) -> Result<()> {
        inspect(found, own, &plugin())?;
        inspect_component(found, &component())
    }

    #[test]
    fn a_tarball_that_is_as_it_must_be_passes() {
        let (own, mut found) = good();
        checked(&found, &own).unwrap();
        let padded = STANDARD.encode(module("small").finish());
        assert!(padded.ends_with('='));
        found.insert(
            "component/it.js".to_owned(),
            format!("(\"{padded}\")").into_bytes(),
        );
        checked(&found, &own).unwrap();
    }

    #[test]
    fn what_is_missing_is_told() {
        let (own, good) = good();
        for (name, says) in [
            (MANIFEST, "has no package.json"),
            (LICENSE, "has no LICENSE"),
            ("README.md", "has no README.md"),
            ("src/it.mjs", "has no src/it.mjs"),
            ("component/it.js", "no JavaScript"),
            ("component/it.core.wasm", "has not module 0"),
        ] {
            let mut found = good.clone();
            found.remove(name).unwrap();
            let error = checked(&found, &own).unwrap_err().to_string();
            assert!(error.contains(says), "{name}: {error}");
        }
    }

    /// Lines of GNU's tar.
    #[test]
    fn a_mode_that_is_another_elsewhere_is_told() {
        let line = "-rw-r--r-- 0/0 11358 1985-10-26 08:15 package/LICENSE\n";
        inspect_modes(&line.repeat(2)).unwrap();
        for other in ["-rw-------", "-rwxr-xr-x", "-rw-rw-r--"] {
            let bad = line.to_owned() + &line.replace("-rw-r--r--", other);
            let error = inspect_modes(&bad).unwrap_err().to_string();
            assert!(error.contains(other), "{error}");
        }
    }

    #[test]
    fn what_does_not_belong_there_is_told() {
        let (own, good) = good();
        for name in [
            "test/it.test.mjs",
            "node_modules/other/index.js",
            "component/node_modules/other/index.js",
            "component/.made-from",
            ".npmrc",
            "build.mjs",
        ] {
            let mut found = good.clone();
            found.insert(name.to_owned(), Vec::new());
            let error = checked(&found, &own).unwrap_err().to_string();
            assert!(error.contains(&format!("has {name},")), "{error}");
        }
    }

    #[test]
    fn what_is_another_ones_is_told() {
        let (own, good) = good();
        let other = module("other").finish();
        for (name, bytes, says) in [
            (
                "src/it.mjs",
                b"export const x".to_vec(),
                "not the checkout's",
            ),
            (
                LICENSE,
                b"All rights reserved.".to_vec(),
                "not the checkout's",
            ),
            ("component/it.core.wasm", other.clone(), "is no module of"),
            ("component/more.wasm", other.clone(), "is no module of"),
            ("component/it.js", b"compile('')".to_vec(), "not module 1"),
            (
                "component/it.js",
                format!(
                    "compile('{}AAAA')",
                    STANDARD_NO_PAD.encode(module("small").finish())
                )
                .into_bytes(),
                "not module 1",
            ),
        ] {
            let mut found = good.clone();
            found.insert(name.to_owned(), bytes);
            let error = checked(&found, &own).unwrap_err().to_string();
            assert!(error.contains(says), "{name}: {error}");
        }
    }

    #[test]
    fn a_manifest_that_says_something_else_is_told() {
        let (own, good) = good();
        for (old, new, says) in [
            ("1.2.3", "1.2.4", "/version"),
            ("Apache-2.0", "MIT", "/license"),
            ("example.com/it", "example.com/old", "/repository/url"),
            ("\"repository\"", "\"repo\"", "/repository/url"),
            ("\"name\"", "\"homepage\"", "/homepage"),
            ("./src/it.mjs", "./src/main.mjs", "exports ./src/main.mjs"),
            ("\"exports\"", "\"main\"", "exports nothing"),
        ] {
            let mut found = good.clone();
            found.insert(MANIFEST.to_owned(), PACKED.replace(old, new).into_bytes());
            let error = checked(&found, &own).unwrap_err().to_string();
            assert!(error.contains(says), "{old}: {error}");
        }
    }
}
