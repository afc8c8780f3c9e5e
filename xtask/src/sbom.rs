//! The SBOM: what is linked into the component, as CycloneDX 1.6. Only that:
//! macros, build scripts and what tests need are not in it. The same sources give
//! the same bytes, so it has no random serial number, and no time but one that
//! was asked for.
//!
//! `cargo tree` tells the crates, since it alone resolves the features of one
//! package for one target; `cargo metadata` describes them, and `Cargo.lock` has
//! their checksums.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::project::{PACKAGE, Package, Project, TARGET, cargo, output};

/// A crate's name and version.
type Id = (String, String);
/// What each crate links of others.
pub(crate) type Graph = BTreeMap<Id, BTreeSet<Id>>;

/// How the document calls the component.
const COMPONENT: &str = "stripe.wasm";

/// The document. `digest` is the component's SHA-256; `time` is seconds since
/// 1970.
pub(crate) fn make(
    project: &Project,
    graph: &Graph,
    digest: &str,
    time: Option<u64>,
) -> Result<Vec<u8>> {
    let lock = std::fs::read_to_string(project.root.join("Cargo.lock"))?;
    let document = document(project, graph, &checksums(&lock), digest, time)?;
    let mut text = serde_json::to_vec_pretty(&document)?;
    text.push(b'\n');
    Ok(text)
}

/// What the component links, as cargo resolves it.
pub(crate) fn linked(project: &Project) -> Result<Graph> {
    let mut command = Command::new(cargo());
    command
        .current_dir(&project.root)
        .args(["tree", "--locked", "-p", PACKAGE, "--target", TARGET])
        .args(["--edges", "normal,no-proc-macro", "--no-dedupe"])
        .args(["--prefix", "depth", "--format", " {p}"]);
    graph(&output(&mut command)?)
}

/// Reads lines of depth, name and version: `2 digest v0.11.3`.
fn graph(tree: &str) -> Result<Graph> {
    let mut graph = Graph::new();
    let mut path: Vec<Id> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let parsed = node(line);
        let (depth, id) = parsed.with_context(|| format!("cargo tree printed {line:?}"))?;
        path.truncate(depth);
        ensure!(path.len() == depth, "cargo tree skipped a level: {line:?}");
        if let Some(parent) = path.last() {
            graph.entry(parent.clone()).or_default().insert(id.clone());
        }
        graph.entry(id.clone()).or_default();
        path.push(id);
    }
    Ok(graph)
}

fn node(line: &str) -> Option<(usize, Id)> {
    let mut words = line.split_whitespace();
    let depth = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    Some((depth, (name, version)))
}

/// The checksums of a lock file, which cargo writes one field a line.
fn checksums(lock: &str) -> BTreeMap<Id, String> {
    let mut checksums = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let mut lines = package.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            value.map(|value| value.trim_matches('"').to_owned())
        };
        if let (Some(name), Some(version), Some(sum)) =
            (field("name"), field("version"), field("checksum"))
        {
            checksums.insert((name, version), sum);
        }
    }
    checksums
}

fn document(
    project: &Project,
    graph: &Graph,
    checksums: &BTreeMap<Id, String>,
    digest: &str,
    time: Option<u64>,
) -> Result<Value> {
    let rustc = &project.rustc;
    let plugin = project.plugin()?;
    let mut metadata = json!({
        "lifecycles": [{ "phase": "build" }],
        "tools": { "components": [
            { "type": "application", "name": "rustc", "version": rustc.release },
        ] },
        "component": described(plugin, COMPONENT)?,
    });
    if let Some(time) = time {
        put(&mut metadata, "/timestamp", json!(rfc3339(time)));
    }
    put(&mut metadata, "/component/type", json!("application"));
    put(&mut metadata, "/component/bom-ref", json!(COMPONENT));
    put(&mut metadata, "/component/hashes", sha256(digest));
    if let Some(revision) = &project.revision {
        let pedigree = json!({ "commits": [{ "uid": revision }] });
        put(&mut metadata, "/component/pedigree", pedigree);
    }

    let standard = format!("pkg:generic/rust-std@{}", rustc.release);
    let mut components = vec![json!({
        "type": "library",
        "bom-ref": standard,
        "name": "rust-std",
        "version": rustc.release,
        "description": format!(
            "Rust's standard library for {TARGET} as rustup installs it, with what it links, \
             wasi-libc among it"
        ),
        "scope": "required",
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        "purl": standard,
    })];
    let mut dependencies = Vec::new();
    for (id, links) in graph {
        let own = id.0 == PACKAGE;
        let mut links: Vec<String> = links.iter().map(purl).collect();
        if own {
            links.insert(0, standard.clone());
        } else {
            components.push(component(project, id, checksums)?);
        }
        let reference = if own { COMPONENT.to_owned() } else { purl(id) };
        dependencies.push(json!({ "ref": reference, "dependsOn": links }));
    }
    dependencies.push(json!({ "ref": standard, "dependsOn": [] }));
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": dependencies,
    }))
}

/// A crate that was fetched.
fn component(project: &Project, id: &Id, checksums: &BTreeMap<Id, String>) -> Result<Value> {
    let (name, version) = id;
    let package = project.package(name, version)?;
    let Some(sum) = checksums.get(id) else {
        bail!("Cargo.lock has no checksum of {name} {version}")
    };
    let mut value = described(package, name)?;
    put(&mut value, "/type", json!("library"));
    put(&mut value, "/bom-ref", json!(purl(id)));
    put(&mut value, "/scope", json!("required"));
    put(&mut value, "/hashes", sha256(sum));
    put(&mut value, "/purl", json!(purl(id)));
    Ok(value)
}

/// What the manifest says.
fn described(package: &Package, name: &str) -> Result<Value> {
    let Some(license) = &package.license else {
        bail!("the crate {} names no licence", package.name)
    };
    let mut value = json!({
        "name": name,
        "version": package.version,
        // An older form of manifests, which SPDX does not know.
        "licenses": [{ "expression": license.replace('/', " OR ") }],
    });
    if let Some(description) = &package.description {
        let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
        put(&mut value, "/description", json!(line));
    }
    let links: Vec<Value> = [("vcs", &package.repository), ("website", &package.homepage)]
        .into_iter()
        .filter_map(|(kind, url)| Some(json!({ "type": kind, "url": url.as_ref()? })))
        .collect();
    if !links.is_empty() {
        put(&mut value, "/externalReferences", json!(links));
    }
    Ok(value)
}

fn sha256(digest: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": digest }])
}

/// Sets a member, whose parent is there.
fn put(value: &mut Value, pointer: &str, member: Value) {
    if let Some((parent, name)) = pointer.rsplit_once('/')
        && let Some(parent) = value.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        parent.insert(name.to_owned(), member);
    }
}

/// A package URL; a plus sign in it would be a space.
fn purl((name, version): &Id) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// A time in UTC; the calendar by Howard Hinnant's `civil_from_days`.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // From 0000-03-01, so that a leap day ends its year.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// What a document has besides the component.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An expression of SPDX's.
    pub(crate) license: String,
    /// Whether it is a crate; else it is what comes with the compiler.
    pub(crate) fetched: bool,
}

/// Reads what a document has.
pub(crate) fn parts(text: &[u8]) -> Result<Vec<Part>> {
    let document: Value = serde_json::from_slice(text)?;
    let components = document.get("components").and_then(Value::as_array);
    let components = components.context("the SBOM has no components")?;
    let parts = components.iter().map(|component| {
        let text = |pointer: &str| Some(component.pointer(pointer)?.as_str()?.to_owned());
        Some(Part {
            name: text("/name")?,
            version: text("/version")?,
            license: text("/licenses/0/expression")?,
            fetched: text("/purl")?.starts_with("pkg:cargo/"),
        })
    });
    let parts = parts.collect::<Option<_>>();
    parts.context("a component of the SBOM has no name, version, licence or purl")
}

/// Whether a document says of a component what it should: the digest, every crate
/// that is linked and no other, each with a licence, a checksum and a place in the
/// graph; and of the component, where its sources are.
pub(crate) fn verify(text: &[u8], digest: &str, graph: &Graph, plugin: &Package) -> Result<()> {
    let document: Value = serde_json::from_slice(text)?;
    let at = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    ensure!(
        at("/bomFormat") == Some("CycloneDX") && at("/specVersion") == Some("1.6"),
        "the SBOM is not CycloneDX 1.6"
    );
    ensure!(
        at("/metadata/component/hashes/0/content") == Some(digest),
        "the SBOM is of another stripe.wasm"
    );
    let links = document.pointer("/metadata/component/externalReferences");
    let links = links.and_then(Value::as_array);
    for (kind, expected) in [("vcs", &plugin.repository), ("website", &plugin.homepage)] {
        let mut all = links.into_iter().flatten();
        let link = all.find(|link| link.get("type").and_then(Value::as_str) == Some(kind));
        let said = link.and_then(|link| link.get("url")?.as_str());
        ensure!(
            said == expected.as_deref(),
            "the SBOM names {said:?} as the component's {kind}, not {expected:?}"
        );
    }
    let array = |name: &str| document.get(name).and_then(Value::as_array);
    let components = array("components").context("the SBOM has no components")?;
    let mut references = BTreeSet::from([COMPONENT]);
    let mut crates = BTreeSet::new();
    for component in components {
        let text = |pointer: &str| component.pointer(pointer).and_then(Value::as_str);
        let name = text("/bom-ref").context("a component of the SBOM has no reference")?;
        ensure!(references.insert(name), "the SBOM has {name} twice");
        ensure!(
            text("/licenses/0/expression").is_some(),
            "{name} has no licence in the SBOM"
        );
        if name.starts_with("pkg:cargo/") {
            let sum = text("/hashes/0/content");
            ensure!(
                sum.is_some_and(|sum| sum.len() == 64),
                "{name} has no checksum in the SBOM"
            );
            crates.insert(name.to_owned());
        }
    }
    let expected: BTreeSet<String> = graph
        .keys()
        .filter(|(name, _)| name != PACKAGE)
        .map(purl)
        .collect();
    ensure!(
        crates == expected,
        "the SBOM and what is linked differ: {:?}",
        crates.symmetric_difference(&expected).collect::<Vec<_>>()
    );
    let dependencies = array("dependencies").context("the SBOM has no dependencies")?;
    let mut placed = BTreeSet::new();
    for entry in dependencies {
        let links = entry.get("dependsOn").and_then(Value::as_array);
        let name = entry.get("ref").and_then(Value::as_str);
        placed.extend(name);
        for link in links.into_iter().flatten().filter_map(Value::as_str) {
            ensure!(
                references.contains(link),
                "the SBOM's graph has {link}, which is no component"
            );
        }
    }
    ensure!(
        placed == references,
        "the SBOM's graph does not have each component once"
    );
    Ok(())
}

#[cfg(test)]
#[path = "sbom_tests.rs"]
mod tests;
