//! Globs over `resource.method`: the grammar of `allow` and `deny`. It knows the
//! names of the table, so that a glob that can match nothing is refused with the
//! nearest names, and nothing of calls.
//!
//! | written | stands for |
//! |---|---|
//! | `customers.create` | that operation |
//! | `*` in a segment | any run of characters but a dot: `customers.*`, `*.list`, `issuing.*.l*` |
//! | `**` as a segment | any number of segments, none too: `checkout.**`, `**.list`, `v2.**.create`, `**` |
//! | `rawRequest` | in `deny` alone: every call that names a verb and a path |
//!
//! Letters are compared with their case.

use crate::operation::{self, Operation};
use crate::outgoing::RawRequest;

/// A glob that matches an operation of the table at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    /// Reads a glob. The error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Glob, String> {
        let shown: String = text.chars().take(100).collect();
        let travels = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'*');
        if !text.bytes().all(travels) || text.split('.').any(str::is_empty) {
            return Err(format!(
                "{shown:?} is not a glob over resource.method: write names joined by single dots, \
                 with * for any part of a name and ** for any number of names, such as \
                 customers.* or checkout.**."
            ));
        }
        let doubled = |segment: &str| segment.contains("**") && segment != "**";
        if text.split('.').any(doubled) {
            return Err(format!(
                "{shown:?} is not a glob over resource.method: ** stands for whole names, so it \
                 should have a dot or an end on both sides."
            ));
        }
        // Matching takes both apart again and again.
        if text.len() > 128 || text.matches("**").count() > 2 {
            return Err(format!("{shown:?} is longer than any operation's name."));
        }
        let glob = Glob(text.to_owned());
        if glob.is_raw() || glob.matches_any() {
            return Ok(glob);
        }
        // A hint that would be refused as well is none.
        let hint = hint(text).filter(|name| Glob(name.clone()).matches_any());
        Err(match hint {
            Some(name) => format!("{shown:?} matches no operation; did you mean {name}?"),
            None => format!("{shown:?} matches no operation."),
        })
    }

    /// The glob as it was written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether it stands for `rawRequest` instead of operations.
    pub(super) fn is_raw(&self) -> bool {
        self.0 == RawRequest::METHOD
    }

    fn matches_any(&self) -> bool {
        operation::all().any(|row| self.matches(&row))
    }

    /// Whether it matches an operation.
    pub(super) fn matches(&self, operation: &Operation) -> bool {
        let glob: Vec<&str> = self.0.split('.').collect();
        let resource = operation.resource.split('.');
        let name: Vec<&str> = resource.chain([operation.method]).collect();
        segments(&glob, &name)
    }
}

/// Matches segment by segment; `**` takes any number of them.
fn segments(glob: &[&str], name: &[&str]) -> bool {
    match (glob, name) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            segments(rest, name) || matches!(name, [_, tail @ ..] if segments(glob, tail))
        }
        ([pattern, rest @ ..], [segment, tail @ ..]) => {
            within(pattern, segment) && segments(rest, tail)
        }
        _ => false,
    }
}

/// Matches one segment; `*` takes any run of its characters.
fn within(pattern: &str, segment: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == segment;
    };
    let Some(mut left) = segment.strip_prefix(start) else {
        return false;
    };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return left.ends_with(piece);
        }
        match left.find(piece) {
            Some(at) => left = left.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// What was probably meant.
fn hint(text: &str) -> Option<String> {
    if text == "*" {
        return Some("**".to_owned());
    }
    let (resource, method) = text.rsplit_once('.')?;
    if !text.contains('*') {
        return operation::nearest(resource, method).into_iter().next();
    }
    let nearest = |names: &mut dyn Iterator<Item = &'static str>, wanted: &str| {
        names
            .map(|name| (strsim::levenshtein(name, wanted), name))
            .min()
            .filter(|(distance, _)| *distance <= 1 + wanted.len() / 3)
            .map(|(_, name)| name)
    };
    if !resource.contains('*') {
        let below = format!("{resource}.");
        let known = |name: &str| name == resource || name.starts_with(&below);
        if operation::resources().any(known) {
            // The resource is right, so its methods are below it, or the method
            // is not.
            let nested = Glob(format!("{resource}.**"));
            let fits = operation::all().any(|row| nested.matches(&row));
            return fits.then_some(nested.0);
        }
        let name = nearest(&mut operation::resources(), resource)?;
        return Some(format!("{name}.{method}"));
    }
    if !method.contains('*') {
        let name = nearest(&mut operation::all().map(|row| row.method), method)?;
        return Some(format!("{resource}.{name}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::find;

    fn matches(glob: &str, name: &str) -> bool {
        let (resource, method) = name.rsplit_once('.').unwrap();
        Glob(glob.to_owned()).matches(&find(resource, method).unwrap())
    }

    #[test]
    fn the_grammar() {
        for (glob, yes, no) in [
            (
                "customers.create",
                &["customers.create"][..],
                &["customers.createSource", "customers.list"][..],
            ),
            (
                "customers.*",
                &["customers.create", "customers.del"],
                &["testHelpers.customers.fundCashBalance"],
            ),
            (
                "*.list",
                &["customers.list", "prices.list"],
                &[
                    "checkout.sessions.list",
                    "v2.core.events.list",
                    "customers.listSources",
                ],
            ),
            (
                "**.list",
                &[
                    "customers.list",
                    "checkout.sessions.list",
                    "v2.core.events.list",
                ],
                &["customers.listSources"],
            ),
            (
                "checkout.**",
                &["checkout.sessions.create"],
                &["customers.create"],
            ),
            ("checkout.*", &[], &["checkout.sessions.create"]),
            (
                "*.*.create",
                &["checkout.sessions.create"],
                &["customers.create", "v2.core.accounts.create"],
            ),
            (
                "v2.**.retrieve",
                &[
                    "v2.core.events.retrieve",
                    "v2.core.accounts.persons.retrieve",
                ],
                &["events.retrieve"],
            ),
            (
                "v2.core.accounts.**.create",
                &["v2.core.accounts.create", "v2.core.accounts.persons.create"],
                &["v2.core.accounts.list", "accounts.create"],
            ),
            (
                "**.customers.**",
                &["customers.create", "testHelpers.customers.fundCashBalance"],
                &["prices.list"],
            ),
            (
                "customers.*S*e",
                &["customers.createSource", "customers.updateSource"],
                &["customers.create", "customers.listSources"],
            ),
            (
                "customers.c*te",
                &["customers.create"],
                &["customers.createSource"],
            ),
            ("**", &["customers.create", "v2.core.events.list"], &[]),
            ("**.**", &["customers.create", "v2.core.events.list"], &[]),
            ("Customers.*", &[], &["customers.create"]),
        ] {
            for name in yes {
                assert!(matches(glob, name), "{glob} {name}");
            }
            for name in no {
                assert!(!matches(glob, name), "{glob} {name}");
            }
        }
    }

    #[test]
    fn what_can_match_nothing_is_refused_with_the_nearest_name() {
        for (glob, said) in [
            ("", "is not a glob"),
            ("customers.", "is not a glob"),
            (".create", "is not a glob"),
            ("customers..create", "is not a glob"),
            ("customers.[cd]*", "is not a glob"),
            ("customers.{create,del}", "is not a glob"),
            ("!customers.del", "is not a glob"),
            ("customers/create", "is not a glob"),
            ("customers. create", "is not a glob"),
            ("customers.c**", "** stands for whole names"),
            ("customers.***", "** stands for whole names"),
            ("**.**.**", "longer than"),
            ("*", "did you mean **?"),
            ("customer.create", "did you mean customers.create?"),
            ("customers.delete", "did you mean customers.del?"),
            ("customer.*", "did you mean customers.*?"),
            ("checkout.*", "did you mean checkout.**?"),
            ("**.lst", "did you mean **.list?"),
            ("Customers.**", "did you mean customers.**?"),
            ("zzzzzzzzzzzzzz.*", "matches no operation."),
            ("checkout.**.fundCashBalanc", "matches no operation."),
            ("customers", "matches no operation."),
        ] {
            let message = Glob::parse(glob).unwrap_err();
            assert!(message.contains(said), "{glob}: {message}");
        }
        assert!(Glob::parse(&"a".repeat(5000)).is_err());
        for glob in ["customers.create", "**", "rawRequest", "*.l*st*"] {
            assert_eq!(Glob::parse(glob).unwrap().text(), glob);
        }
    }
}
