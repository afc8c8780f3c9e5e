//! From a verb and a path, as they would be sent, back to the operations they
//! are. A policy judges what a server would make of a request, not what it was
//! called by: a customer named `search` is a search.

use percent_encoding::percent_decode_str;

use crate::operation::{self, Operation, Verb};

/// The operations that a request is: one and its aliases. None where it is not
/// certain which: a path of no operation, one that differs from another only in
/// case or an extension, or one with characters that servers read differently.
///
/// `path` has no query.
pub(super) fn operations(verb: Verb, path: &str) -> Vec<Operation> {
    let Some(segments) = segments(path) else {
        return Vec::new();
    };
    let mut found: Vec<Operation> = Vec::new();
    // Literal segments of the best match, and of the best near miss: a server
    // takes the path with the most.
    let (mut best, mut near) = (0, 0);
    for row in operation::all().filter(|row| row.verb == verb) {
        for template in [Some(row.path), row.null_path].into_iter().flatten() {
            let Some(fit) = fit(template, &segments) else {
                continue;
            };
            if !fit.exact {
                near = near.max(fit.literals);
                continue;
            }
            if fit.literals > best {
                found.clear();
                best = fit.literals;
            }
            if fit.literals == best {
                found.push(row);
            }
        }
    }
    if near > best {
        found.clear();
    }
    found
}

struct Fit {
    literals: usize,
    exact: bool,
}

/// Whether a path is of a template.
fn fit(template: &str, segments: &[String]) -> Option<Fit> {
    let mut fit = Fit {
        literals: 0,
        exact: true,
    };
    let mut left = segments.iter();
    for wanted in template.split('/').skip(1) {
        let segment = left.next()?;
        if wanted.starts_with('{') {
            continue;
        }
        let stem = segment.split('.').next().unwrap_or_default();
        fit.exact &= segment == wanted;
        if !stem.eq_ignore_ascii_case(wanted) {
            return None;
        }
        fit.literals += 1;
    }
    left.next().is_none().then_some(fit)
}

/// The segments of a path, decoded; none if servers may read them differently.
fn segments(path: &str) -> Option<Vec<String>> {
    path.strip_prefix('/')?
        .split('/')
        .map(|segment| {
            let text = percent_decode_str(segment).decode_utf8().ok()?;
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"/\\%?#;".contains(&byte));
            let is_name = plain && !matches!(text.as_ref(), "" | "." | "..");
            is_name.then(|| text.into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(verb: Verb, path: &str) -> Vec<String> {
        operations(verb, path)
            .iter()
            .map(|row| format!("{}.{}", row.resource, row.method))
            .collect()
    }

    #[test]
    fn every_operation_is_found_by_its_own_request() {
        for row in operation::all() {
            let mut path = String::new();
            for (at, piece) in row.path.split(['{', '}']).enumerate() {
                path.push_str(if at % 2 == 0 { piece } else { "x_1" });
            }
            let found = operations(row.verb, &path);
            assert!(found.contains(&row), "{path}");
            let shape = |path: &str| -> Vec<String> {
                let pieces = path.split(['{', '}']).step_by(2);
                pieces.map(str::to_owned).collect()
            };
            for other in found {
                assert!(
                    shape(other.path) == shape(row.path) || other.null_path == Some(row.path),
                    "{path}: {other:?}"
                );
            }
        }
    }

    #[test]
    fn a_request_is_what_a_server_makes_of_it() {
        for (path, expected) in [
            ("/v1/customers", &["customers.list"][..]),
            ("/v1/customers/cus_1", &["customers.retrieve"]),
            ("/v1/customers/search", &["customers.search"]),
            ("/v1/customers/%73earch", &["customers.search"]),
            ("/v1/customer%73", &["customers.list"]),
            (
                "/v1/account",
                &[
                    "account.retrieve",
                    "account.retrieveCurrent",
                    "accounts.retrieve",
                    "accounts.retrieveCurrent",
                ],
            ),
            ("/v1/coupons/10-off_v1.2", &["coupons.retrieve"]),
            // Nothing certain.
            ("/v1/customers/", &[]),
            ("/v1//customers", &[]),
            ("//v1/customers", &[]),
            ("/V1/customers", &[]),
            ("/v1/Customers", &[]),
            ("/v1/customers/SEARCH", &[]),
            ("/v1/customers/search.json", &[]),
            ("/v1/customers.json", &[]),
            ("/v1/customers/cus_1/", &[]),
            ("/v1/customers/a%2Fb", &[]),
            ("/v1/customers/a%252Fb", &[]),
            ("/v1/customers/a;b", &[]),
            ("/v1/customers/a%3Fb", &[]),
            ("/v1/customers/%2e%2e", &[]),
            ("/v1/customers/%00", &[]),
            ("/v1/customers/%FF", &[]),
            ("/v1/customers/a%20", &[]),
            ("/v1/not_yet", &[]),
            ("", &[]),
            ("/", &[]),
        ] {
            assert_eq!(names(Verb::Get, path), expected, "{path}");
        }
        assert_eq!(
            names(Verb::Post, "/v1/invoices/create_preview"),
            ["invoices.createPreview"]
        );
        assert!(names(Verb::Delete, "/v1/customers").is_empty());
    }
}
