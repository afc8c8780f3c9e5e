//! Where the sources of a release are to be found: addresses that were given with
//! the command, else those of the component's manifest. An address is published,
//! so one that may hold a password is refused, and not repeated. Which files name
//! it is not known here.

use anyhow::{Context as _, Result, bail, ensure};
use http::Uri;

use crate::note;
use crate::project::Project;

/// The addresses that were given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Of the sources' repository.
    pub(crate) source: Option<String>,
    /// Of a page for people.
    pub(crate) homepage: Option<String>,
}

impl Origin {
    /// Lets what was given take the place of what the component's manifest says,
    /// for all that read the project later.
    pub(crate) fn settle(self, project: &mut Project) -> Result<()> {
        let plugin = project.plugin_mut()?;
        for (given, own, place) in [
            (self.source, &mut plugin.repository, "repository"),
            (self.homepage, &mut plugin.homepage, "homepage"),
        ] {
            if given.is_some() {
                *own = given;
            } else if let Some(text) = own {
                address(text, &format!("{place} of plugin/Cargo.toml"))?;
            }
        }
        if plugin.repository.is_none() {
            note(
                "note: this release has no source address: give one with --source https://…, \
                 or as `repository` in plugin/Cargo.toml",
            );
        }
        Ok(())
    }
}

/// The text, if it is an address that can be published; `place` is where it stands.
pub(crate) fn address(text: &str, place: &str) -> Result<String> {
    const FORM: &str = "write https://HOST/PATH";
    let (rest, authority) = match text.strip_prefix("https://") {
        Some(rest) => (rest, rest.split(['/', '?', '#']).next().unwrap_or_default()),
        // What stands before an @ may be a password in any form of address.
        None if text.contains('@') => bail!("{place} is no https address: {FORM}"),
        None => bail!("{place} is no https address, but {text:?}: {FORM}"),
    };
    ensure!(
        !authority.contains('@'),
        "{place} names a user or a password, which would be published: {FORM}"
    );
    ensure!(
        !rest.contains(['?', '#']),
        "{place} has a query or a fragment: {FORM}"
    );
    let uri: Uri = text
        .parse()
        .with_context(|| format!("{place} is no address, but {text:?}: {FORM}"))?;
    ensure!(
        uri.host().is_some_and(|host| !host.is_empty()),
        "{place} names no host, but {text:?}: {FORM}"
    );
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::tests::{package, project};

    #[test]
    fn an_address_is_taken_as_it_stands() {
        for text in [
            "https://example.com",
            "https://example.com/a/b.git",
            "https://example.com:8443/~a@b",
        ] {
            assert_eq!(address(text, "--source").unwrap(), text);
        }
    }

    #[test]
    fn what_cannot_be_published_is_refused() {
        for (text, says) in [
            ("http://example.com/a", "\"http://example.com/a\": write"),
            ("example.com/a", "no https address"),
            ("", "no https address"),
            ("https://", "no address"),
            ("https:///a", "no address"),
            ("https://:443/a", "no host"),
            ("https://example.com/a b", "no address"),
            ("https://example.com/a?token=1", "a query"),
            ("https://example.com/a#readme", "a fragment"),
        ] {
            let error = address(text, "--source").unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
            assert!(error.starts_with("--source "), "{text}: {error}");
            assert!(error.contains("write https://HOST/PATH"), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        for text in [
            "https://me:hunter2@example.com/a",
            "https://hunter2@example.com",
            "http://me:hunter2@example.com/a",
            "hunter2@example.com:a/b.git",
            "https://hunter2@example.com?x",
        ] {
            let error = format!("{:#}", address(text, "--source").unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_was_given_wins_over_the_manifest() {
        let mut manifest = package(crate::project::PACKAGE);
        manifest.repository = Some("https://example.com/old".to_owned());
        manifest.homepage = Some("https://example.com".to_owned());
        let mut of_both = project(vec![manifest]);
        let given = Origin {
            source: Some("https://example.com/new".to_owned()),
            homepage: None,
        };
        given.settle(&mut of_both).unwrap();
        let plugin = of_both.plugin().unwrap();
        assert_eq!(
            plugin.repository.as_deref(),
            Some("https://example.com/new")
        );
        assert_eq!(plugin.homepage.as_deref(), Some("https://example.com"));
    }

    #[test]
    fn the_manifest_is_held_to_the_same_rules() {
        let mut manifest = package(crate::project::PACKAGE);
        manifest.repository = Some("http://example.com".to_owned());
        let error = Origin::default()
            .settle(&mut project(vec![manifest]))
            .unwrap_err()
            .to_string();
        let says = "repository of plugin/Cargo.toml is no https address";
        assert!(error.contains(says), "{error}");
    }
}
