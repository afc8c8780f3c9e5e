//! Says in the component what it is: its name, and custom sections as
//! `wasm-tools metadata` writes them and registries read them. They are added
//! behind what the compiler made, of which nothing else is changed.

use std::borrow::Cow;

use anyhow::{Context as _, Result, bail, ensure};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wasm_metadata::{AddMetadata, AddMetadataField, ComponentNames};
use wasmparser::{Encoding, Parser, Payload};

use crate::note;
use crate::project::Project;

/// The name that hosts and tools show.
const NAME: &str = "stripe";

/// The section that holds the component's name.
const NAMES: &str = "component-name";

/// What is said, as sections: name and text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// What the manifest and git say of the component. What they do not say is
    /// left out.
    pub(crate) fn of(project: &Project) -> Self {
        let plugin = project.plugin().ok();
        let field = |pick: fn(&crate::project::Package) -> Option<String>| plugin.and_then(pick);
        let mut facts = Vec::new();
        // In the order of `wasm-tools metadata add`.
        for (name, value) in [
            ("description", field(|plugin| plugin.description.clone())),
            ("licenses", field(|plugin| plugin.license.clone())),
            ("source", field(|plugin| plugin.repository.clone())),
            ("homepage", field(|plugin| plugin.homepage.clone())),
            ("revision", project.revision.clone()),
            ("version", field(|plugin| Some(plugin.version.clone()))),
        ] {
            match value {
                Some(value) => facts.push((name, value)),
                // Said already, where it is asked for.
                None if ["source", "homepage", "revision"].contains(&name) => {}
                None => note(&format!(
                    "note: plugin/Cargo.toml says nothing of the component's {name}"
                )),
            }
        }
        Self(facts)
    }

    /// Each fact's name and text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }
}

/// The component with its name and its facts.
pub(crate) fn stamp(component: &[u8], facts: &Facts) -> Result<Vec<u8>> {
    let (_, before) = read(component)?;
    for (name, _) in &before {
        // Two of a name would leave it to the reader which one holds.
        let twice = facts.0.iter().any(|(fact, _)| fact == name);
        ensure!(!twice, "the component has a section {name} already");
    }
    let mut add = AddMetadata::default();
    add.name = AddMetadataField::Set(NAME.to_owned());
    let mut stamped = add
        .to_wasm(component)
        .context("the component cannot be given a name")?;
    for (name, text) in &facts.0 {
        let section = CustomSection {
            name: Cow::Borrowed(name),
            data: Cow::Borrowed(text.as_bytes()),
        };
        section.append_to_component(&mut stamped);
    }
    verify(component, &stamped, facts)?;
    Ok(stamped)
}

/// Whether the second is the first, with its name, with the facts, and with
/// nothing else.
pub(crate) fn verify(built: &[u8], stamped: &[u8], facts: &Facts) -> Result<()> {
    let (built_code, built_custom) = read(built)?;
    let (code, custom) = read(stamped)?;
    ensure!(
        built_code == code,
        "the metadata changed the component's own sections"
    );
    let mut expected: Vec<(String, Vec<u8>)> = built_custom
        .iter()
        .filter(|(name, _)| name != NAMES)
        .cloned()
        .collect();
    for (name, text) in &facts.0 {
        expected.push(((*name).to_owned(), text.as_bytes().to_vec()));
    }
    let found: Vec<_> = custom.iter().filter(|(name, _)| name != NAMES).collect();
    ensure!(
        expected.iter().collect::<Vec<_>>() == found,
        "the component's custom sections are not those that it was to have: {:?}",
        found.iter().map(|(name, _)| name).collect::<Vec<_>>()
    );
    match name(&custom)? {
        Some(name) if name == NAME => Ok(()),
        other => bail!("the component is called {other:?}, not {NAME}"),
    }
}

fn name(custom: &[(String, Vec<u8>)]) -> Result<Option<String>> {
    let mut sections = custom.iter().filter(|(name, _)| name == NAMES);
    let Some((_, data)) = sections.next() else {
        return Ok(None);
    };
    ensure!(sections.next().is_none(), "the component has two names");
    let names = ComponentNames::from_bytes(data, 0)?;
    Ok(names.get_name().cloned())
}

/// A component's sections but the custom ones, each as its id and bytes.
type Code = Vec<(u8, Vec<u8>)>;
/// A component's custom sections, each as its name and bytes.
type Custom = Vec<(String, Vec<u8>)>;

/// The sections of a component, not of what is nested in it.
fn read(component: &[u8]) -> Result<(Code, Custom)> {
    let (mut code, mut custom) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.context("this is no component")?;
        match &payload {
            Payload::Version { encoding, .. } if depth == 0 => ensure!(
                *encoding == Encoding::Component,
                "this is a core module, not a component"
            ),
            Payload::CustomSection(section) if depth == 0 => {
                custom.push((section.name().to_owned(), section.data().to_vec()));
                continue;
            }
            Payload::End(_) if depth > 0 => depth -= 1,
            _ => {}
        }
        if depth == 0
            && let Some((id, range)) = payload.as_section()
        {
            let bytes = component.get(range).unwrap_or_default();
            code.push((id, bytes.to_vec()));
        }
        if matches!(
            payload,
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. }
        ) {
            depth += 1;
        }
    }
    Ok((code, custom))
}

#[cfg(test)]
impl FromIterator<(&'static str, String)> for Facts {
    fn from_iter<I: IntoIterator<Item = (&'static str, String)>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Component, Module, ModuleSection};

    fn facts() -> Facts {
        Facts(vec![
            ("licenses", "Apache-2.0".to_owned()),
            ("version", "0.1.0".to_owned()),
        ])
    }

    fn custom<'a>(name: &'a str, text: &'a str) -> CustomSection<'a> {
        CustomSection {
            name: Cow::Borrowed(name),
            data: Cow::Borrowed(text.as_bytes()),
        }
    }

    /// A component that holds a module with a section like one of ours.
    fn component() -> Vec<u8> {
        let mut module = Module::new();
        module.section(&custom("version", "of the module"));
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        component.section(&custom("producers", "\0"));
        component.finish()
    }

    #[test]
    fn facts_follow_what_was_compiled() {
        let built = component();
        let stamped = stamp(&built, &facts()).unwrap();
        assert!(stamped.starts_with(&built));
        // Section 0, 13 bytes, a name of 7, the text.
        assert!(stamped.ends_with(b"\x00\x0d\x07version0.1.0"));
        let name = b"\x00\x18\x0ecomponent-name\x00\x07\x06stripe";
        let found = stamped.windows(name.len()).any(|window| window == name);
        assert!(found, "{stamped:02x?}");
        assert_eq!(stamped, stamp(&built, &facts()).unwrap());
    }

    #[test]
    fn names_that_are_there_already_stay() {
        let mut built = Component::new();
        let mut names = wasm_encoder::ComponentNameSection::new();
        let mut types = wasm_encoder::NameMap::new();
        types.append(0, "connection");
        names.types(&types);
        built.section(&names);
        let stamped = stamp(&built.finish(), &facts()).unwrap();
        let has = |text: &[u8]| stamped.windows(text.len()).any(|window| window == text);
        assert!(has(b"connection") && has(b"stripe"));
    }

    #[test]
    fn what_is_changed_besides_is_told() {
        let built = component();
        let stamped = stamp(&built, &facts()).unwrap();
        let cases: [(&[u8], &[u8], &str); 4] = [
            (b"of the module", b"of a  module ", "own sections"),
            (b"Apache-2.0", b"Apache-1.0", "custom sections"),
            (b"producers", b"producera", "custom sections"),
            (b"stripe", b"strype", "is called"),
        ];
        for (old, new, says) in cases {
            let at = stamped
                .windows(old.len())
                .position(|window| window == old)
                .unwrap();
            let mut changed = stamped.clone();
            changed[at..at + old.len()].copy_from_slice(new);
            let error = verify(&built, &changed, &facts()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let error = stamp(&stamped, &facts()).unwrap_err().to_string();
        assert!(error.contains("licenses already"), "{error}");
    }

    #[test]
    fn a_core_module_is_refused() {
        let error = stamp(&Module::new().finish(), &facts()).unwrap_err();
        assert!(error.to_string().contains("core module"), "{error}");
    }
}
