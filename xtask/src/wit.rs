//! The contract as one text: the package of `wit/` with its docs, followed by the
//! WASI packages it names, so that the file is complete by itself.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use wit_component::WitPrinter;
use wit_parser::{PackageId, Resolve};

/// The text, in the form of `wasm-tools component wit`.
pub(crate) fn text(root: &Path) -> Result<String> {
    let (resolve, package) = folder(root)?;
    let others: Vec<PackageId> = resolve
        .packages
        .iter()
        .map(|(id, _)| id)
        .filter(|id| *id != package)
        .collect();
    let mut printer = WitPrinter::default();
    printer.print(&resolve, package, &others)?;
    let mut text = String::from(printer.output);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Whether a text says what the folder says: the same packages, functions, types
/// and docs, by the bytes they are encoded to.
pub(crate) fn verify(text: &str, root: &Path) -> Result<()> {
    let (resolve, package) = folder(root)?;
    let mut again = Resolve::default();
    let read = again
        .push_str("stripe.wit", text)
        .context("stripe.wit cannot be read again")?;
    ensure!(
        wit_component::encode(&again, read)? == wit_component::encode(&resolve, package)?,
        "stripe.wit says something else than wit/"
    );
    Ok(())
}

fn folder(root: &Path) -> Result<(Resolve, PackageId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root.join("wit"))?;
    Ok((resolve, package))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn the_text_is_the_folder_with_its_docs() {
        let text = text(root()).unwrap();
        verify(&text, root()).unwrap();
        let world = std::fs::read_to_string(root().join("wit/world.wit")).unwrap();
        let doc = world
            .lines()
            .find(|line| line.starts_with("/// What"))
            .unwrap();
        assert!(text.contains(doc), "{doc}");
        assert!(text.contains("package wasi:http@0.2.2 {"));
    }

    #[test]
    fn another_function_or_doc_is_told() {
        let text = text(root()).unwrap();
        for (old, new) in [
            ("run-action: func", "run-an-action: func"),
            ("/// What `stripe.wasm` needs", "/// What it needs"),
            ("import wasi:random/random", "// import wasi:random/random"),
        ] {
            let changed = text.replacen(old, new, 1);
            assert_ne!(changed, text, "{old}");
            let error = verify(&changed, root()).unwrap_err().to_string();
            assert!(error.contains("something else"), "{old}: {error}");
        }
    }
}
