//! The SBOM of a small graph, made without cargo.

use std::path::PathBuf;

use super::*;
use crate::toolchain::Rustc;

const TREE: &str = "\
0 stripe-plugin v0.1.0 (/w/plugin)
1 hmac v0.13.0
2 digest v0.11.3
1 sha2 v0.11.1
2 digest v0.11.3
1 wasi v0.14.7+wasi-0.2.4
";

const LOCK: &str = r#"
[[package]]
name = "digest"
version = "0.11.3"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "1111111111111111111111111111111111111111111111111111111111111111"
dependencies = [
 "hmac",
]

[[package]]
name = "hmac"
version = "0.13.0"
checksum = "2222222222222222222222222222222222222222222222222222222222222222"

[[package]]
name = "sha2"
version = "0.11.1"
checksum = "3333333333333333333333333333333333333333333333333333333333333333"

[[package]]
name = "stripe-plugin"
version = "0.1.0"

[[package]]
name = "wasi"
version = "0.14.7+wasi-0.2.4"
checksum = "4444444444444444444444444444444444444444444444444444444444444444"
"#;

fn package(name: &str, version: &str, license: Option<&str>) -> Package {
    Package {
        name: name.to_owned(),
        version: version.to_owned(),
        folder: PathBuf::new(),
        fetched: name != PACKAGE,
        description: Some("In two\nlines.\n".to_owned()),
        license: license.map(str::to_owned),
        repository: Some("https://example.com/it".to_owned()),
        homepage: None,
    }
}

fn project() -> Project {
    Project {
        root: PathBuf::new(),
        target: PathBuf::new(),
        packages: vec![
            package("digest", "0.11.3", Some("MIT/Apache-2.0")),
            package("hmac", "0.13.0", Some("MIT OR Apache-2.0")),
            // Macros and the like are described, but not linked.
            package("serde_derive", "1.0.0", Some("MIT")),
            package("sha2", "0.11.1", Some("MIT")),
            package(PACKAGE, "0.1.0", Some("Apache-2.0")),
            package("wasi", "0.14.7+wasi-0.2.4", Some("MIT")),
        ],
        revision: Some("abc".to_owned()),
        rustc: Rustc {
            release: "1.95.0".to_owned(),
            commit: "def".to_owned(),
            sysroot: PathBuf::new(),
        },
    }
}

const DIGEST: &str = "5555555555555555555555555555555555555555555555555555555555555555";

fn made(project: &Project, time: Option<u64>) -> Result<Value> {
    document(project, &graph(TREE)?, &checksums(LOCK), DIGEST, time)
}

#[test]
fn each_linked_crate_stands_there_once_with_its_origin() {
    let document = made(&project(), None).unwrap();
    let names: Vec<&str> = document["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["purl"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "pkg:generic/rust-std@1.95.0",
            "pkg:cargo/digest@0.11.3",
            "pkg:cargo/hmac@0.13.0",
            "pkg:cargo/sha2@0.11.1",
            "pkg:cargo/wasi@0.14.7%2Bwasi-0.2.4",
        ]
    );
    let digest = &document["components"][1];
    assert_eq!(digest["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(digest["hashes"][0]["content"], "1".repeat(64));
    assert_eq!(digest["description"], "In two lines.");
    assert_eq!(digest["externalReferences"][0]["type"], "vcs");

    let component = &document["metadata"]["component"];
    assert_eq!(component["hashes"][0]["content"], DIGEST);
    assert_eq!(component["pedigree"]["commits"][0]["uid"], "abc");
    assert_eq!(component["version"], "0.1.0");
}

#[test]
fn the_graph_is_cargos() {
    let document = made(&project(), None).unwrap();
    let links = |name: &str| {
        let entries = document["dependencies"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["ref"] == name).unwrap();
        entry["dependsOn"].clone()
    };
    assert_eq!(
        links("stripe.wasm"),
        json!([
            "pkg:generic/rust-std@1.95.0",
            "pkg:cargo/hmac@0.13.0",
            "pkg:cargo/sha2@0.11.1",
            "pkg:cargo/wasi@0.14.7%2Bwasi-0.2.4"
        ])
    );
    assert_eq!(
        links("pkg:cargo/sha2@0.11.1"),
        json!(["pkg:cargo/digest@0.11.3"])
    );
    assert!(graph("0 a v1.0.0\n2 b v1.0.0").is_err());
    assert!(graph("0 a 1.0.0").is_err());
}

/// Times as `date -u -d @SECONDS +%FT%TZ` writes them.
#[test]
fn the_time_is_there_only_when_asked_for() {
    let document = made(&project(), None).unwrap();
    assert!(document["metadata"].get("timestamp").is_none());
    for (seconds, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ] {
        let document = made(&project(), Some(seconds)).unwrap();
        assert_eq!(document["metadata"]["timestamp"], text);
    }
}

#[test]
fn what_is_not_known_of_a_crate_is_an_error() {
    let mut unlicensed = project();
    unlicensed.packages[1].license = None;
    let error = made(&unlicensed, None).unwrap_err().to_string();
    assert_eq!(error, "the crate hmac names no licence");

    let mut unknown = project();
    unknown.packages.remove(1);
    let error = made(&unknown, None).unwrap_err().to_string();
    assert!(error.contains("links hmac 0.13.0"), "{error}");

    let sums = checksums(&LOCK.replace("checksum = \"3", "was = \"3"));
    let error = document(&project(), &graph(TREE).unwrap(), &sums, DIGEST, None).unwrap_err();
    assert!(error.to_string().contains("sha2 0.11.1"), "{error}");
}

#[test]
fn a_document_that_is_wrong_is_told() {
    let graph = graph(TREE).unwrap();
    let good = serde_json::to_string(&made(&project(), None).unwrap()).unwrap();
    let plugin = project().plugin().unwrap().clone();
    verify(good.as_bytes(), DIGEST, &graph, &plugin).unwrap();
    let unsaid = Package {
        homepage: Some("https://example.com".to_owned()),
        ..plugin.clone()
    };
    let error = verify(good.as_bytes(), DIGEST, &graph, &unsaid).unwrap_err();
    assert!(error.to_string().contains("website"), "{error}");
    for (old, new, says) in [
        ("\"1.6\"", "\"1.5\"", "not CycloneDX 1.6"),
        (DIGEST, "5", "another stripe.wasm"),
        ("https://example.com/it", "https://example.com/old", "vcs"),
        ("\"expression\":\"MIT\"", "\"was\":\"MIT\"", "no licence"),
        (&"3".repeat(64), "3", "no checksum"),
        (
            "\"bom-ref\":\"pkg:cargo/sha2",
            "\"bom-ref\":\"pkg:cargo/sha3",
            "differ",
        ),
        (
            "[\"pkg:cargo/digest",
            "[\"pkg:cargo/digested",
            "no component",
        ),
        (
            "\"ref\":\"pkg:cargo/sha2",
            "\"ref\":\"pkg:cargo/hmac",
            "each component once",
        ),
    ] {
        let bad = good.replacen(old, new, 1);
        assert_ne!(bad, good, "{old}");
        let error = verify(bad.as_bytes(), DIGEST, &graph, &plugin)
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{old}: {error}");
    }
}
