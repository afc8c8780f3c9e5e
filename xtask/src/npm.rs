//! The npm package of `examples/lowdefy`, by its own build, from the component of
//! this release. What is in the package is the package's business; what a release
//! adds to it is the notices of what others wrote, and where its sources are.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::folder::{NOTICES, WASM};
use crate::note;
use crate::project::{Package, Project, output};

/// Its folder.
pub(crate) const FOLDER: &str = "examples/lowdefy";
/// What npm reads of it.
pub(crate) const MANIFEST: &str = "package.json";

/// Its lock file, and the copy of it that says what is installed.
const LOCK: &str = "package-lock.json";
const INSTALLED: &str = "node_modules/.installed";

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// How tarballs of the package begin, as npm names them: a scope without its signs.
/// A package of another version than the component's is refused.
pub(crate) fn name(project: &Project) -> Result<String> {
    let manifest = manifest(&fs::read(project.root.join(FOLDER).join(MANIFEST))?)?;
    file_name(&manifest, &project.plugin()?.version)?;
    Ok(file_stem(field(&manifest, "name")?))
}

/// Puts the package of what is in `out` there and tells its file's name; none where
/// there is no npm.
pub(crate) fn pack(project: &Project, out: &Path) -> Result<Option<String>> {
    let wasm = &out.join(WASM);
    let folder = project.root.join(FOLDER);
    if Command::new(NPM)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_err()
    {
        note("skipped: the npm package, since there is no npm on this machine");
        return Ok(None);
    }
    let plugin = project.plugin()?;
    let mut manifest = manifest(&fs::read(folder.join(MANIFEST))?)?;
    let file = file_name(&manifest, &plugin.version)?;
    let lock = fs::read(folder.join(LOCK))?;
    if fs::read(folder.join(INSTALLED)).ok().as_ref() != Some(&lock) {
        note("installing what the npm package is built with …");
        // Not `npm ci`, which refuses a lock file that has no version for
        // optional packages of other platforms.
        let quiet = ["--no-save", "--no-audit", "--no-fund"];
        npm(&folder, &[&["install"], &quiet[..]].concat(), wasm)?;
        fs::write(folder.join(INSTALLED), &lock)?;
    }
    note("packing the npm package …");
    npm(&folder, &["run", "prepack"], wasm)?;
    // A copy of what npm would pack, so that no file of the checkout is changed.
    let list = ["pack", "--dry-run", "--ignore-scripts", "--json"];
    let listed = npm(&folder, &list, wasm)?;
    let copy = project.target.join("release-npm");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    for path in packed(&listed)? {
        let to = copy.join(&path);
        fs::create_dir_all(to.parent().unwrap_or(&copy))?;
        fs::copy(folder.join(&path), to).with_context(|| format!("{path} cannot be copied"))?;
    }
    fs::copy(out.join(NOTICES), copy.join(NOTICES))?;
    complete(&mut manifest, plugin);
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    fs::write(copy.join(MANIFEST), text)?;
    settle_modes(&copy)?;
    let out_text = out
        .to_str()
        .context("npm takes no folder that is no UTF-8")?;
    let pack = ["pack", "--ignore-scripts", "--pack-destination", out_text];
    npm(&copy, &pack, wasm)?;
    ensure!(
        out.join(&file).is_file(),
        "npm pack made no {file} in {}",
        out.display()
    );
    Ok(Some(file))
}

/// What npm printed. The package's own build finds the component by the variable.
fn npm(folder: &Path, arguments: &[&str], wasm: &Path) -> Result<String> {
    output(
        Command::new(NPM)
            .current_dir(folder)
            .args(arguments)
            .arg("--loglevel=error")
            .env("STRIPE_WASM", wasm),
    )
}

fn manifest(text: &[u8]) -> Result<Value> {
    serde_json::from_slice(text).with_context(|| format!("{FOLDER}/{MANIFEST} is no JSON"))
}

fn field<'m>(manifest: &'m Value, name: &str) -> Result<&'m str> {
    let value = manifest.get(name).and_then(Value::as_str);
    value.with_context(|| format!("{FOLDER}/{MANIFEST} has no {name}"))
}

fn file_stem(name: &str) -> String {
    name.trim_start_matches('@').replace('/', "-")
}

/// The tarball's name, if the package is of the component's version.
fn file_name(manifest: &Value, expected: &str) -> Result<String> {
    let version = field(manifest, "version")?;
    field(manifest, "license")?;
    if version != expected {
        bail!(
            "{FOLDER}/{MANIFEST} is of version {version}, the component of {expected}: \
             make them equal"
        );
    }
    let stem = file_stem(field(manifest, "name")?);
    Ok(format!("{stem}-{version}.tgz"))
}

/// The paths that `npm pack --json` says it packs.
fn packed(listed: &str) -> Result<Vec<String>> {
    let listed: Value = serde_json::from_str(listed).context("npm pack printed no JSON")?;
    let files = listed.pointer("/0/files").and_then(Value::as_array);
    let files = files.context("npm pack listed no files")?;
    files
        .iter()
        .map(|file| Some(file.get("path")?.as_str()?.to_owned()))
        .collect::<Option<_>>()
        .context("npm pack listed a file without a path")
}

/// Gives every file and folder the mode that most have: npm packs it, and here it is
/// that of whoever fetched the checkout.
#[cfg(unix)]
fn settle_modes(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            settle_modes(&path)?;
        } else {
            fs::set_permissions(path, fs::Permissions::from_mode(0o644))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn settle_modes(_: &Path) -> Result<()> {
    Ok(())
}

/// Says what a release adds: the notices, and where the sources are, as npm asks for
/// it.
fn complete(manifest: &mut Value, plugin: &Package) {
    let Some(members) = manifest.as_object_mut() else {
        return;
    };
    // Without a list, npm packs all.
    if let Some(files) = members.get_mut("files").and_then(Value::as_array_mut) {
        files.push(json!(NOTICES));
    }
    if let Some(source) = &plugin.repository {
        let url = format!("git+{source}");
        let repository = json!({ "type": "git", "url": url, "directory": FOLDER });
        members.insert("repository".to_owned(), repository);
    }
    if let Some(homepage) = &plugin.homepage {
        members.insert("homepage".to_owned(), json!(homepage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::PACKAGE;
    use crate::project::tests::{package, project};

    #[test]
    fn a_tarball_is_named_as_npm_names_it() {
        let mut manifest = json!({"name": "@scope/it", "version": "1.0.0", "license": "MIT"});
        assert_eq!(file_name(&manifest, "1.0.0").unwrap(), "scope-it-1.0.0.tgz");
        let error = file_name(&manifest, "1.1.0").unwrap_err().to_string();
        assert!(
            error.contains("version 1.0.0, the component of 1.1.0"),
            "{error}"
        );
        manifest["license"] = Value::Null;
        let error = file_name(&manifest, "1.0.0").unwrap_err();
        assert!(error.to_string().contains("has no license"), "{error}");
    }

    /// Of the checkout, as a release asks before it begins.
    #[test]
    fn a_package_of_another_version_is_refused_by_its_name() {
        let mut of_another = project(vec![package(PACKAGE)]);
        of_another.root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let error = name(&of_another).unwrap_err().to_string();
        assert!(error.contains("the component of 1.2.3"), "{error}");
        let version = env!("CARGO_PKG_VERSION");
        of_another.packages[0].version = version.to_owned();
        assert_eq!(name(&of_another).unwrap(), "lowdefy-stripe-wasm");
    }

    #[test]
    fn what_npm_lists_is_read() {
        let listed = r#"[{"name": "it", "files": [{"path": "a.js"}, {"path": "b/c.js"}]}]"#;
        assert_eq!(packed(listed).unwrap(), ["a.js", "b/c.js"]);
        for bad in ["npm notice", "[]", r#"[{"files": [{"size": 1}]}]"#] {
            assert!(packed(bad).is_err(), "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn modes_are_the_same_under_any_umask() {
        use std::os::unix::fs::PermissionsExt as _;

        let copy = std::env::temp_dir().join(format!("xtask-npm-{}", std::process::id()));
        fs::create_dir_all(copy.join("src")).unwrap();
        let modes = [
            (".", 0o700),
            ("src", 0o775),
            ("src/a.mjs", 0o600),
            ("LICENSE", 0o775),
        ];
        for (name, mode) in modes.into_iter().rev() {
            let path = copy.join(name);
            if !path.is_dir() {
                fs::write(&path, "").unwrap();
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        settle_modes(&copy).unwrap();
        for (name, _) in modes {
            let metadata = fs::metadata(copy.join(name)).unwrap();
            let expected = if metadata.is_dir() { 0o755 } else { 0o644 };
            assert_eq!(metadata.permissions().mode() & 0o777, expected, "{name}");
        }
        fs::remove_dir_all(copy).unwrap();
    }

    #[test]
    fn addresses_follow_what_the_manifest_says() {
        let text = r#"{"name":"it","version":"1.0.0"}"#;
        let mut of_none = manifest(text.as_bytes()).unwrap();
        complete(&mut of_none, &package("it"));
        assert_eq!(of_none.to_string(), text);

        let plugin = Package {
            repository: Some("https://example.com/it".to_owned()),
            homepage: Some("https://example.com".to_owned()),
            ..package("it")
        };
        let text = r#"{"name":"it","version":"1.0.0","files":["src"]}"#;
        let mut of_both = manifest(text.as_bytes()).unwrap();
        complete(&mut of_both, &plugin);
        assert_eq!(
            of_both.to_string(),
            r#"{"name":"it","version":"1.0.0","files":["src","THIRD-PARTY.txt"],"repository":{"type":"git","url":"git+https://example.com/it","directory":"examples/lowdefy"},"homepage":"https://example.com"}"#
        );
    }
}
