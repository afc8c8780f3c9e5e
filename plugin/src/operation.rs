//! The operation table: which resource and method is which HTTP call. The rows
//! are data (`catalogue/operations.txt`), made static by the build; this module
//! finds them, and names the nearest ones when there is none.

use crate::webhook;

/// HTTP verbs of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads; params travel in the query.
    Get,
    /// Acts; params travel in the body.
    Post,
    /// Deletes; params travel in the query.
    Delete,
}

impl Verb {
    /// The verb as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Delete => "DELETE",
        }
    }
}

/// Stripe's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Nearly everything.
    Api,
    /// File uploads and binary answers.
    Files,
    /// OAuth of connected accounts.
    Connect,
    /// High-throughput meter events.
    MeterEvents,
}

impl Base {
    /// The host's name.
    pub fn host(self) -> &'static str {
        match self {
            Base::Api => "api.stripe.com",
            Base::Files => "files.stripe.com",
            Base::Connect => "connect.stripe.com",
            Base::MeterEvents => "meter-events.stripe.com",
        }
    }

    /// The host a call's `apiBase` option names, in the official client's
    /// spelling.
    pub fn named(name: &str) -> Option<Base> {
        match name {
            "api" => Some(Base::Api),
            "files" => Some(Base::Files),
            "connect" => Some(Base::Connect),
            "meter_events" => Some(Base::MeterEvents),
            _ => None,
        }
    }
}

/// A row's flags, as bits in the order `build.rs` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u16);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Flags {
            $($(#[$doc])* pub fn $name(self) -> bool { self.0 & (1 << $bit) != 0 })*
        }
    };
}

flags! {
    /// The answer is one page of a list.
    list = 0;
    /// The answer is one page of search results.
    search = 1;
    /// The body is `multipart/form-data`.
    multipart = 2;
    /// The answer is a file, not JSON.
    binary = 3;
    /// The call's own options must name an API version.
    own_version = 4;
    /// The method makes no HTTP call.
    local = 5;
    /// `client_id`, when not given, is the connection's.
    client_id = 6;
    /// The same operation under an older resource name.
    alias = 7;
    /// Only older API versions have it.
    legacy = 8;
    /// Stripe advises against it.
    deprecated = 9;
}

/// One method of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Dotted resource, such as `checkout.sessions`.
    pub resource: &'static str,
    /// Method, such as `create`.
    pub method: &'static str,
    /// HTTP verb.
    pub verb: Verb,
    /// Path with the positional arguments in braces, in order.
    pub path: &'static str,
    /// Host.
    pub base: Base,
    /// The path where the id is given as null.
    pub null_path: Option<&'static str>,
    /// Everything else that sets the operation apart.
    pub flags: Flags,
}

/// A piece of `TEXT`. Two numbers instead of a pointer and a length, since the
/// table is a good part of the component.
#[derive(Clone, Copy)]
struct Span {
    start: u16,
    length: u8,
}

impl Span {
    fn text(self) -> &'static str {
        let start = usize::from(self.start);
        TEXT.get(start..start + usize::from(self.length))
            .unwrap_or_default()
    }
}

/// A resource, and where its methods begin in `ROWS`.
struct Resource {
    name: Span,
    first: u16,
}

/// A method of the resource it stands under.
struct Row {
    method: Span,
    path: Span,
    null_path: Span,
    verb: Verb,
    base: Base,
    flags: Flags,
}

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

impl Resource {
    /// The resource's methods, sorted.
    fn rows(&self, at: usize) -> &'static [Row] {
        let end = RESOURCES
            .get(at + 1)
            .map_or(ROWS.len(), |next| usize::from(next.first));
        ROWS.get(usize::from(self.first)..end).unwrap_or_default()
    }

    fn operation(&self, row: &Row) -> Operation {
        Operation {
            resource: self.name.text(),
            method: row.method.text(),
            verb: row.verb,
            path: row.path.text(),
            base: row.base,
            null_path: Some(row.null_path.text()).filter(|path| !path.is_empty()),
            flags: row.flags,
        }
    }
}

impl Operation {
    /// Whether the operation is of API v2: JSON bodies, other rules for keys
    /// and versions.
    pub fn is_v2(&self) -> bool {
        self.path.starts_with("/v2/")
    }

    /// The names of the positional arguments, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
    }
}

/// Every operation, sorted by resource, then method.
pub fn all() -> impl Iterator<Item = Operation> {
    RESOURCES
        .iter()
        .enumerate()
        .flat_map(|(at, resource)| resource.rows(at).iter().map(|row| resource.operation(row)))
}

/// The names of all resources, sorted.
pub fn resources() -> impl Iterator<Item = &'static str> {
    RESOURCES.iter().map(|resource| resource.name.text())
}

/// The operation of that name.
pub fn find(resource: &str, method: &str) -> Option<Operation> {
    let at = RESOURCES
        .binary_search_by(|known| known.name.text().cmp(resource))
        .ok()?;
    let resource = RESOURCES.get(at)?;
    let rows = resource.rows(at);
    let row = rows
        .binary_search_by(|row| row.method.text().cmp(method))
        .ok()?;
    rows.get(row).map(|row| resource.operation(row))
}

/// Up to three existing names nearest to `resource.method`, the nearest first.
///
/// A right method of a misspelt resource and a misspelt method of a right
/// resource come before everything else.
pub fn nearest(resource: &str, method: &str) -> Vec<String> {
    // Comparing is quadratic in length; no name in the table is half as long.
    if resource.len() + method.len() > 128 {
        return Vec::new();
    }
    let (folded_resource, folded_method) = (fold(resource), fold(method));
    let near = |distance: usize, length: usize| distance <= 1 + length / 3;
    let rows = all()
        .filter(|row| !row.flags.alias())
        .map(|row| (row.resource, row.method));
    let mut best: Vec<(usize, (&str, &str))> = Vec::with_capacity(4);
    for row in rows.chain(webhook::call::names()) {
        let resource_distance = strsim::levenshtein(&fold(row.0), &folded_resource);
        if !near(resource_distance, row.0.len()) {
            continue;
        }
        let method_distance = strsim::levenshtein(&fold(row.1), &folded_method);
        // Methods of no resource are too few to be all suggested.
        if (resource_distance > 0 || resource.is_empty()) && !near(method_distance, row.1.len()) {
            continue;
        }
        let distance = 2 * resource_distance + method_distance;
        let place = best
            .iter()
            .take_while(|(other, _)| *other <= distance)
            .count();
        if place < 3 {
            best.insert(place, (distance, row));
            best.truncate(3);
        }
    }
    best.iter()
        .map(|(_, (resource, method))| match *resource {
            "" => (*method).to_owned(),
            resource => format!("{resource}.{method}"),
        })
        .collect()
}

/// Letters alone, in lower case: `payment_intents` is near `paymentIntents`.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_' && *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_whole() {
        let names: Vec<_> = all().map(|o| (o.resource, o.method)).collect();
        assert!(names.is_sorted(), "binary search needs it");
        let legacy = all().filter(|o| o.flags.legacy()).count();
        assert_eq!((names.len() - legacy, legacy), (673, 4));
        for row in all() {
            assert_eq!(find(row.resource, row.method), Some(row));
        }
        assert_eq!(API_VERSION, "2026-10-28.endive");
    }

    #[test]
    fn finds_what_is_nested_and_nothing_else() {
        let session = find("checkout.sessions", "retrieve").unwrap();
        assert_eq!(
            (session.verb, session.path),
            (Verb::Get, "/v1/checkout/sessions/{id}")
        );
        let person = find("accounts", "retrievePerson").unwrap();
        assert_eq!(
            person.path_parameters().collect::<Vec<_>>(),
            ["accountId", "id"]
        );
        for (resource, method) in [
            ("customers", "Create"),
            ("customers", ""),
            ("", "create"),
            ("customers.create", ""),
            ("checkout", "sessions.create"),
        ] {
            assert_eq!(find(resource, method), None, "{resource} {method}");
        }
    }

    #[test]
    fn the_nearest_names_come_first() {
        for (resource, method, expected) in [
            ("customer", "create", "customers.create"),
            ("customers", "crate", "customers.create"),
            ("payment_intents", "create", "paymentIntents.create"),
            ("customers", "delete", "customers.del"),
            ("checkout.session", "create", "checkout.sessions.create"),
        ] {
            let found = nearest(resource, method);
            assert_eq!(
                found.first().map(String::as_str),
                Some(expected),
                "{found:?}"
            );
        }
        assert!(nearest("zzzzzzzzzzzz", "qqqqq").is_empty());
        assert!(nearest(&"a".repeat(4096), "b").is_empty());
    }
}
