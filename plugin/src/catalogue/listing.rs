//! The operations of the table, as a host shows them: what each one does, and
//! which of them a filter asks for. Only the table is read, no schema.

use crate::failure::Refusal;
use crate::operation::{self, Operation, Verb, fold};

/// What a call does to what Stripe keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Read,
    /// It adds or changes something, or moves money.
    Write,
    /// It removes something or ends it.
    Destructive,
}

impl Kind {
    /// The kind of an operation. What only reads is a GET, or sends nothing;
    /// what removes or ends is a DELETE, or a POST whose method begins with a
    /// word of [`ENDING`].
    pub fn of(operation: &Operation) -> Kind {
        match operation.verb {
            _ if operation.flags.local() => Kind::Read,
            Verb::Get => Kind::Read,
            Verb::Delete => Kind::Destructive,
            Verb::Post if ENDING.contains(&first_word(operation.method)) => Kind::Destructive,
            Verb::Post => Kind::Write,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Destructive => "destructive",
        }
    }
}

/// The words with which methods begin that remove something or end it.
const ENDING: [&str; 18] = [
    "archive",
    "cancel",
    "close",
    "deactivate",
    "deauthorize",
    "decline",
    "delete",
    "detach",
    "disable",
    "disconnect",
    "expire",
    "redact",
    "reject",
    "release",
    "remove",
    "uninstall",
    "unsubscribe",
    "void",
];

/// `void` of `voidInvoice`.
fn first_word(method: &str) -> &str {
    let end = method.find(|letter: char| letter.is_ascii_uppercase());
    method.get(..end.unwrap_or(method.len())).unwrap_or(method)
}

/// Whether a call without an idempotency key may be repeated without acting
/// twice; the same rule as for failures (`call`).
pub fn is_idempotent(operation: &Operation) -> bool {
    match operation.verb {
        Verb::Get => true,
        Verb::Delete => !operation.is_v2(),
        Verb::Post => operation.flags.local(),
    }
}

/// The page of the resource in Stripe's reference, by the pattern of such
/// addresses: `promotionCodes` has `…/api/promotion_codes`.
pub fn docs_url(operation: &Operation) -> String {
    let resource = match operation.resource {
        "account" => "accounts",
        "oauth" => return "https://docs.stripe.com/connect/oauth-reference".to_owned(),
        other => other.strip_prefix("testHelpers.").unwrap_or(other),
    };
    let mut url = String::from("https://docs.stripe.com/api/");
    for character in resource.chars() {
        match character {
            '.' => url.push('/'),
            'A'..='Z' => {
                url.push('_');
                url.push(character.to_ascii_lowercase());
            }
            other => url.push(other),
        }
    }
    // The reference names these otherwise than the client does.
    url.replace("/billing_portal/", "/customer_portal/")
        .replace("/invoice_items", "/invoiceitems")
}

/// Which operations are wanted; what is absent asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words that must all occur in the name, the title or the path.
    pub text: Option<String>,
    /// A resource, or what comes before a dot in one.
    pub resource: Option<String>,
    /// What a call does.
    pub kind: Option<Kind>,
}

/// Longest text that is compared with names, in bytes.
const MAX_COMPARED: usize = 64;

/// The operations a filter asks for. None at all is a refusal that names the
/// nearest there are.
pub fn find(filter: &Filter) -> Result<Vec<Operation>, Refusal> {
    let text = filter
        .text
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let resource = filter.resource.as_deref();
    let found: Vec<Operation> = operation::all()
        .filter(|operation| filter.kind.is_none_or(|kind| kind == Kind::of(operation)))
        .filter(|operation| resource.is_none_or(|wanted| is_below(operation.resource, wanted)))
        .filter(|operation| has_words(operation, &words))
        .collect();
    if found.is_empty() {
        return Err(nothing(filter));
    }
    Ok(found)
}

fn is_below(resource: &str, wanted: &str) -> bool {
    resource
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn has_words(operation: &Operation, words: &[&str]) -> bool {
    if words.is_empty() {
        return true;
    }
    let searched = format!(
        "{}.{} {} {}",
        operation.resource,
        operation.method,
        super::labels::operation(operation.resource, operation.method),
        operation.path
    )
    .to_ascii_lowercase();
    words.iter().all(|word| searched.contains(word))
}

/// Why a filter matched nothing: which of its parts is unknown, and what there
/// is instead.
fn nothing(filter: &Filter) -> Refusal {
    let unknown = filter
        .resource
        .as_deref()
        .filter(|wanted| !operation::resources().any(|resource| is_below(resource, wanted)));
    if let Some(resource) = unknown {
        let near = nearest(resource, operation::resources());
        return refusal("filter.resource", "No resource has this name", &near);
    }
    let text = filter.text.as_deref().unwrap_or_default().trim();
    let near = match text.rsplit_once('.') {
        Some((resource, method)) => operation::nearest(resource, method),
        None => nearest(text, operation::all().flat_map(|o| [o.resource, o.method])),
    };
    let mut what = String::from("No operation");
    if !text.is_empty() {
        what.push_str(" has this text in its name or path");
    }
    if filter.resource.is_some() {
        what.push_str(" of that resource");
    }
    if let Some(kind) = filter.kind {
        what.push_str(&format!(" with the kind {}", kind.as_str()));
    }
    refusal("filter", &what, &near)
}

fn refusal(place: &str, what: &str, near: &[String]) -> Refusal {
    let near = match near {
        [] => String::new(),
        [only] => format!("; did you mean {only}?"),
        [first @ .., last] => format!("; did you mean {} or {last}?", first.join(", ")),
    };
    let end = if near.is_empty() { "." } else { "" };
    Refusal::argument(place, format!("{what}{near}{end}"))
}

/// Up to three names that are near a text, the nearest first. Of a dotted name
/// each part counts.
fn nearest(text: &str, names: impl Iterator<Item = &'static str>) -> Vec<String> {
    if text.is_empty() || text.len() > MAX_COMPARED {
        return Vec::new();
    }
    let folded = fold(text);
    let mut best: Vec<(usize, &str)> = Vec::new();
    for name in names {
        let distance = name
            .split('.')
            .chain([name])
            .map(|part| strsim::levenshtein(&fold(part), &folded))
            .min()
            .unwrap_or(usize::MAX);
        if distance > 1 + folded.len() / 3 || best.iter().any(|(_, known)| *known == name) {
            continue;
        }
        let place = best
            .iter()
            .take_while(|(other, _)| *other <= distance)
            .count();
        best.insert(place, (distance, name));
        best.truncate(3);
    }
    best.iter().map(|(_, name)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Operation {
        let (resource, method) = name.rsplit_once('.').unwrap();
        operation::find(resource, method).unwrap()
    }

    /// Against the rule alone; what a person would call each method is held in
    /// `tests/catalogue.rs`.
    #[test]
    fn the_verb_and_the_first_word_decide() {
        for (name, kind) in [
            ("customers.list", Kind::Read),
            ("customers.search", Kind::Read),
            ("oauth.authorizeUrl", Kind::Read),
            ("customers.create", Kind::Write),
            ("refunds.create", Kind::Write),
            ("invoices.voidInvoice", Kind::Destructive),
            ("invoices.removeLines", Kind::Destructive),
            ("paymentIntents.cancel", Kind::Destructive),
            ("customers.del", Kind::Destructive),
            ("oauth.deauthorize", Kind::Destructive),
        ] {
            assert_eq!(Kind::of(&of(name)), kind, "{name}");
        }
    }

    #[test]
    fn addresses_follow_the_reference() {
        for (name, page) in [
            ("customers.create", "customers"),
            ("checkout.sessions.create", "checkout/sessions"),
            ("promotionCodes.list", "promotion_codes"),
            ("billingPortal.sessions.create", "customer_portal/sessions"),
            ("invoiceItems.create", "invoiceitems"),
            ("testHelpers.testClocks.create", "test_clocks"),
            ("v2.core.accounts.create", "v2/core/accounts"),
            ("account.retrieve", "accounts"),
        ] {
            let url = format!("https://docs.stripe.com/api/{page}");
            assert_eq!(docs_url(&of(name)), url);
        }
    }

    fn names(text: &str, resource: Option<&str>, kind: Option<Kind>) -> Vec<String> {
        let filter = Filter {
            text: Some(text.to_owned()),
            resource: resource.map(str::to_owned),
            kind,
        };
        let found = find(&filter).unwrap();
        found
            .iter()
            .map(|o| format!("{}.{}", o.resource, o.method))
            .collect()
    }

    #[test]
    fn a_filter_finds_what_it_says() {
        assert_eq!(find(&Filter::default()).unwrap().len(), 677);
        assert_eq!(
            names("CHECKOUT expire", None, None),
            ["checkout.sessions.expire"]
        );
        assert_eq!(
            names("session", Some("checkout"), Some(Kind::Destructive)),
            ["checkout.sessions.expire"]
        );
        assert_eq!(
            names("/v1/customers/search", None, None),
            ["customers.search"]
        );
        // Part of a name is no resource.
        assert!(
            find(&Filter {
                resource: Some("check".to_owned()),
                ..Filter::default()
            })
            .is_err()
        );
    }

    #[test]
    fn a_filter_that_finds_nothing_names_the_nearest() {
        for (text, resource, kind, said) in [
            (Some("customerss"), None, None, "did you mean customers"),
            (
                Some("customers.crate"),
                None,
                None,
                "did you mean customers.create",
            ),
            (
                None,
                Some("checkout.session"),
                None,
                "mean checkout.sessions?",
            ),
            (
                None,
                Some("checkouts"),
                None,
                "did you mean checkout.sessions",
            ),
            (
                None,
                Some("balance"),
                Some(Kind::Destructive),
                "No operation of that resource with the kind destructive.",
            ),
            (Some("qqqqqqqqqqqq"), None, None, "name or path."),
        ] {
            let filter = Filter {
                text: text.map(str::to_owned),
                resource: resource.map(str::to_owned),
                kind,
            };
            let refusal = find(&filter).unwrap_err();
            assert!(refusal.message.contains(said), "{}", refusal.message);
        }
    }
}
