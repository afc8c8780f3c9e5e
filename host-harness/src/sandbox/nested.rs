//! The parameters within parameters: which names an object among an operation's parameters may have.
//! It owns the reading of the generated files in `plugin/catalogue/parameters/`, which say so for every
//! method, and the complaint about a name that is none of them. Types and required parameters are
//! `parameters.rs`'s affair.

use super::errors::StripeError;
use super::shapes::Object;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::OnceLock;

macro_rules! files {
    ($($name:literal,)*) => {
        /// The names of the files, and what is in them.
        const FILES: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../../plugin/catalogue/parameters/", $name, ".txt")),
        )),*];
    };
}

files![
    "account",
    "accountLinks",
    "accountSessions",
    "accounts",
    "applePayDomains",
    "applicationFees",
    "apps",
    "balance",
    "balanceSettings",
    "balanceTransactions",
    "billing",
    "billingPortal",
    "charges",
    "checkout",
    "climate",
    "confirmationTokens",
    "countrySpecs",
    "coupons",
    "creditNotes",
    "customerSessions",
    "customers",
    "disputes",
    "entitlements",
    "ephemeralKeys",
    "events",
    "exchangeRates",
    "fileLinks",
    "files",
    "financialConnections",
    "forwarding",
    "identity",
    "invoiceItems",
    "invoicePayments",
    "invoiceRenderingTemplates",
    "invoices",
    "issuing",
    "mandates",
    "oauth",
    "paymentAttemptRecords",
    "paymentIntents",
    "paymentLinks",
    "paymentMethodConfigurations",
    "paymentMethodDomains",
    "paymentMethods",
    "paymentRecords",
    "payouts",
    "plans",
    "prices",
    "productCatalog",
    "products",
    "promotionCodes",
    "quotes",
    "radar",
    "refunds",
    "reporting",
    "reviews",
    "setupAttempts",
    "setupIntents",
    "shared",
    "shippingRates",
    "sigma",
    "sources",
    "subscriptionItems",
    "subscriptionSchedules",
    "subscriptions",
    "tax",
    "taxCodes",
    "taxIds",
    "taxRates",
    "terminal",
    "testHelpers",
    "threeDSecure",
    "tokens",
    "topups",
    "transfers",
    "treasury",
    "v2",
    "webhookEndpoints",
];

/// The fields of an object, and what each may be.
type Fields = HashMap<&'static str, &'static str>;

/// What the files say.
struct Catalogue {
    methods: HashMap<&'static str, Fields>,
    /// Methods that take what another takes.
    same: HashMap<&'static str, &'static str>,
    shapes: HashMap<&'static str, Fields>,
}

impl Catalogue {
    /// The catalogue, read once per process.
    fn get() -> &'static Self {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(|| {
            let mut catalogue = Self {
                methods: HashMap::new(),
                same: HashMap::new(),
                shapes: HashMap::new(),
            };
            let texts = FILES.iter().map(|(_, text)| text);
            for block in texts.flat_map(|text| text.split("\n\n")) {
                catalogue.read(block);
            }
            catalogue
        })
    }

    /// Reads one block; the form is told at the top of `shared.txt`.
    fn read(&mut self, block: &'static str) {
        let mut lines = block.trim_start().lines();
        let mut head = lines.next().unwrap_or_default().split_whitespace();
        let (Some(what), Some(name)) = (head.next(), head.next()) else {
            return;
        };
        let fields = || -> Fields {
            let fields = lines.filter_map(|line| line.trim().split_once(": "));
            let named = fields.map(|(name, kind)| {
                let kind = kind.split_whitespace().next().unwrap_or_default();
                (name.trim_end_matches('?'), kind)
            });
            named.collect()
        };
        match (what, head.next(), head.next()) {
            ("method", Some("="), Some(other)) => _ = self.same.insert(name, other),
            // Its fields are not known.
            ("method", Some("any"), _) => {}
            ("method", ..) => _ = self.methods.insert(name, fields()),
            ("shape", ..) => _ = self.shapes.insert(name, fields()),
            _ => {}
        }
    }

    fn method(&self, name: &str) -> Option<&Fields> {
        let name = self.same.get(name).copied().unwrap_or(name);
        self.methods.get(name)
    }

    /// Refuses what a value of this type has too much.
    fn check(&self, kind: &str, path: &str, value: &Value) -> Result<(), StripeError> {
        match value {
            Value::Array(elements) => {
                let of =
                    alternatives(kind).find_map(|kind| kind.strip_prefix('[')?.strip_suffix(']'));
                let Some(of) = of else { return Ok(()) };
                let mut elements = elements.iter().enumerate();
                elements.try_for_each(|(index, element)| {
                    self.check(of, &format!("{path}[{index}]"), element)
                })
            }
            Value::Object(fields) => self.check_fields(kind, path, fields),
            _ => Ok(()),
        }
    }

    fn check_fields(&self, kind: &str, path: &str, fields: &Object) -> Result<(), StripeError> {
        let shapes: Vec<_> = alternatives(kind)
            .filter_map(|kind| self.shapes.get(kind))
            .collect();
        // Any keys may be in it, or none are known; that it should be no object is for others to say.
        if shapes.is_empty() || alternatives(kind).any(|kind| kind.starts_with('{')) {
            return Ok(());
        }
        for (name, value) in fields {
            let path = format!("{path}[{name}]");
            let mut refused = None;
            let mut takes = false;
            for kind in shapes.iter().filter_map(|shape| shape.get(name.as_str())) {
                match self.check(kind, &path, value) {
                    Ok(()) => takes = true,
                    Err(error) => refused = Some(error),
                }
            }
            match refused {
                _ if takes => {}
                Some(error) => return Err(error),
                None => return Err(StripeError::unknown_parameter(&path)),
            }
        }
        Ok(())
    }
}

/// The types between the bars of a type.
fn alternatives(kind: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0i32;
    kind.split(move |character: char| {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        character == '|' && depth == 0
    })
}

/// Refuses a name that an object among the parameters of a method may not have. Parameters that are
/// not known themselves are not looked into.
pub(crate) fn check(method: &str, params: &Object) -> Result<(), StripeError> {
    let catalogue = Catalogue::get();
    let Some(fields) = catalogue.method(method) else {
        return Ok(());
    };
    let mut params = params.iter();
    params.try_for_each(|(name, value)| match fields.get(name.as_str()) {
        Some(kind) => catalogue.check(kind, name, value),
        None => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::routes::Routes;
    use super::*;
    use serde_json::json;

    fn unknown(method: &str, params: &Value) -> Option<String> {
        let error = check(method, params.as_object().unwrap()).err()?;
        assert_eq!(error.code.as_deref(), Some("parameter_unknown"));
        error.param
    }

    #[test]
    fn every_file_is_read() {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../plugin/catalogue/parameters"
        );
        let present = std::fs::read_dir(folder).unwrap();
        let present = present.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut present: Vec<_> = present.filter(|name| name.ends_with(".txt")).collect();
        present.sort_unstable();
        let mut read: Vec<_> = FILES
            .iter()
            .map(|(name, _)| format!("{name}.txt"))
            .collect();
        read.sort_unstable();
        assert_eq!(read, present);
        let catalogue = Catalogue::get();
        assert!(catalogue.methods.len() > 600 && catalogue.shapes.len() > 1000);
        for (name, other) in &catalogue.same {
            assert!(catalogue.methods.contains_key(other), "{name} = {other}");
        }
        let routes = Routes::get().iter().filter(|route| !route.is_v2());
        let unheard: Vec<_> = routes
            .map(|route| route.name)
            .filter(|name| catalogue.method(name).is_none())
            .collect();
        assert!(unheard.len() < 10, "{unheard:?}");
    }

    #[test]
    fn unknown_names_are_found_however_deep() {
        for (method, params, expected) in [
            (
                "customers.create",
                json!({"address": {"city": "Bern"}}),
                None,
            ),
            (
                "customers.create",
                json!({"address": {"town": "Bern"}}),
                Some("address[town]"),
            ),
            (
                "customers.create",
                json!({"metadata": {"anything": "goes"}}),
                None,
            ),
            ("customers.create", json!({"address": ""}), None),
            (
                "customers.create",
                json!({"shipping": {"name": "A", "address": {"citty": "B"}}}),
                Some("shipping[address][citty]"),
            ),
            (
                "subscriptions.create",
                json!({"items": [{"price": "p"}, {"prize": "p"}]}),
                Some("items[1][prize]"),
            ),
            (
                "checkout.sessions.create",
                json!({"line_items": [{"price_data": {"product_data": {"color": "x"}}}]}),
                Some("line_items[0][price_data][product_data][color]"),
            ),
            ("customers.list", json!({"created": {"gte": 5}}), None),
            (
                "customers.list",
                json!({"created": {"since": 5}}),
                Some("created[since]"),
            ),
            // One of several shapes, and text.
            ("customers.list", json!({"created": "5"}), None),
            ("nothing.such", json!({"a": {"b": 1}}), None),
        ] {
            assert_eq!(
                unknown(method, &params).as_deref(),
                expected,
                "{method} {params}"
            );
        }
    }

    #[test]
    fn types_are_told_apart_at_their_own_bars() {
        let kinds = |kind| alternatives(kind).collect::<Vec<_>>();
        assert_eq!(
            kinds("empty|open(a|b)|[A|B]|{x|y}|C"),
            ["empty", "open(a|b)", "[A|B]", "{x|y}", "C"]
        );
    }
}
