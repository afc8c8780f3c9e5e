//! Which requests a rule is for. It owns globs and the meaning of `method`, `path` and `operation`;
//! the names of operations are read from the plugin's table (data, not code).

use super::kinds::suggestion;

/// What a rule asks of a request. Empty, it asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Verbs, of which the request's must be one; empty for any.
    pub(crate) methods: Vec<String>,
    /// A glob over the path, query left out.
    pub(crate) path: Option<String>,
    /// Verbs and paths of the operations meant, parameters as `*`; empty for any.
    pub(crate) operations: Vec<(&'static str, String)>,
}

impl Pattern {
    /// Whether a request is meant.
    pub(crate) fn matches(&self, method: &str, path: &str) -> bool {
        let is_verb = self.methods.is_empty() || self.methods.iter().any(|known| known == method);
        let is_path = self.path.as_ref().is_none_or(|glob| fits(glob, path, '/'));
        let is_operation = self.operations.is_empty()
            || self
                .operations
                .iter()
                .any(|(verb, template)| *verb == method && fits(template, path, '/'));
        is_verb && is_path && is_operation
    }
}

/// The operations whose name fits a glob such as `paymentIntents.*`.
pub(crate) fn operations(glob: &str) -> Result<Vec<(&'static str, String)>, String> {
    let rows = || {
        include_str!("../../../../plugin/catalogue/operations.txt")
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?, words.next()?, words.next()?))
            })
    };
    let found: Vec<_> = rows()
        .filter(|(name, ..)| fits(glob, name, '.'))
        .map(|(_, verb, path)| (verb, with_stars(path)))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let advice = match glob.contains('*') {
        true => "write one such as paymentIntents.create or paymentIntents.*".to_owned(),
        false => match suggestion(glob, rows().map(|(name, ..)| name)) {
            near if near.starts_with("did") => near,
            _ => "write one such as paymentIntents.create or paymentIntents.*".to_owned(),
        },
    };
    Err(format!("no operation is called {glob:?}; {advice}"))
}

/// A path of the table with a star for each parameter.
fn with_stars(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| match segment.starts_with('{') {
            true => "*",
            false => segment,
        });
    segments.collect::<Vec<_>>().join("/")
}

/// Whether a glob fits: `*` is anything within a segment, `**` anything at all.
pub(crate) fn fits(glob: &str, text: &str, separator: char) -> bool {
    let Some((before, after)) = glob.split_once('*') else {
        return glob == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    let (after, spans) = match after.strip_prefix('*') {
        Some(after) => (after, true),
        None => (after, false),
    };
    let most = match spans {
        true => rest.len(),
        false => rest.find(separator).unwrap_or(rest.len()),
    };
    (0..=most)
        .filter_map(|at| rest.get(at..))
        .any(|rest| fits(after, rest, separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stop_at_the_end_of_a_segment_unless_doubled() {
        for (glob, text, expected) in [
            ("/v1/customers", "/v1/customers", true),
            ("/v1/customers", "/v1/customers/cus_1", false),
            ("/v1/*", "/v1/customers", true),
            ("/v1/*", "/v1/customers/cus_1", false),
            ("/v1/**", "/v1/customers/cus_1", true),
            ("/v1/*/cus_*", "/v1/customers/cus_1", true),
            ("/v1/*/cus_*", "/v1/customers/pm_1", false),
            ("**/refunds", "/v1/refunds", true),
            ("**/confirm", "/v1/payment_intents/pi_1/capture", false),
            ("*", "", true),
            ("/v1/é*", "/v1/éa", true),
        ] {
            assert_eq!(fits(glob, text, '/'), expected, "{glob} {text}");
        }
    }

    #[test]
    fn operations_are_known_by_the_names_of_the_table() {
        let confirm = operations("paymentIntents.confirm").unwrap();
        assert_eq!(
            confirm,
            [("POST", "/v1/payment_intents/*/confirm".to_owned())]
        );
        let pattern = Pattern {
            operations: confirm,
            ..Pattern::default()
        };
        assert!(pattern.matches("POST", "/v1/payment_intents/pi_1/confirm"));
        assert!(!pattern.matches("POST", "/v1/payment_intents/pi_1"));
        assert!(!pattern.matches("GET", "/v1/payment_intents/pi_1/confirm"));
        assert!(operations("customers.*").unwrap().len() > 5);
        let told = operations("paymentIntents.confirms").unwrap_err();
        assert!(
            told.contains("did you mean \"paymentIntents.confirm\"?"),
            "{told}"
        );
        let told = operations("nothing.*").unwrap_err();
        assert!(told.contains("write one such as"), "{told}");
    }
}
