//! Which operation a verb and a path mean. It owns the table of paths, read from the list of
//! operations that the plugin is built from too (data, not code), and what each operation does in
//! general (create, retrieve, list …); it knows nothing of any particular kind of object.

use super::shapes::{Answer, Form, Shapes};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// What an operation does, as far as its verb and path tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Retrieve,
    Update,
    Delete,
    List,
    Search,
    /// Reads the one object at a path without an id of its own, like `/v1/balance`.
    RetrieveOnly,
    /// Changes the one object at a path.
    UpdateOnly,
    /// Clears a field of an object, like `DELETE /v1/customers/{id}/discount`.
    Clear,
    /// A verb of Stripe's own at the end of the path: confirm, capture, finalize …
    Act,
    /// Answers with a file instead of JSON.
    Download,
}

/// One operation's path.
#[derive(Debug)]
pub(crate) struct Route {
    /// What the table calls the operation, such as `customers.create`.
    pub(crate) name: &'static str,
    pub(crate) verb: &'static str,
    /// The path with `{}` in place of its parameters.
    pub(crate) template: String,
    segments: Vec<&'static str>,
    pub(crate) action: Action,
    /// The kinds of object it answers with; empty where no shape is known.
    pub(crate) kinds: Vec<&'static str>,
    /// What is known of its parameters, when the shapes list the operation.
    pub(crate) answer: Option<&'static Answer>,
    /// The kind of the object whose id each path parameter is, where the table tells.
    pub(crate) owners: Vec<Option<&'static str>>,
}

impl Route {
    /// The first kind it answers with.
    pub(crate) fn kind(&self) -> &'static str {
        self.kinds.first().copied().unwrap_or("")
    }

    pub(crate) fn is_v2(&self) -> bool {
        self.template.starts_with("/v2/")
    }

    /// The last part of the path: the name of the action.
    pub(crate) fn last(&self) -> &'static str {
        self.segments.last().copied().unwrap_or("")
    }
}

/// All paths.
#[derive(Debug)]
pub(crate) struct Routes {
    by_length: HashMap<(&'static str, usize), Vec<Route>>,
}

impl Routes {
    /// The table, read once per process.
    pub(crate) fn get() -> &'static Self {
        static ROUTES: OnceLock<Routes> = OnceLock::new();
        ROUTES.get_or_init(|| {
            Self::parse(
                include_str!("../../../plugin/catalogue/operations.txt"),
                Shapes::get(),
            )
        })
    }

    fn parse(table: &'static str, shapes: &'static Shapes) -> Self {
        let mut rows = Vec::new();
        let mut seen = HashSet::new();
        for line in table
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
        {
            let mut words = line.split_whitespace();
            let (Some(name), Some(verb), Some(path)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let flags: Vec<_> = words.collect();
            let segments: Vec<_> = path.split('/').skip(1).collect();
            let template = template(&segments);
            if !flags.contains(&"local") && seen.insert((verb, template.clone())) {
                rows.push((name, verb, segments, template, flags));
            }
        }
        let mut by_length: HashMap<_, Vec<Route>> = HashMap::new();
        for (name, verb, segments, template, flags) in rows {
            let answer = shapes.answer(verb, &template);
            let action = action(verb, &segments, &template, answer, &flags, shapes);
            let kinds = answer
                .map(|answer| answer.kinds.clone())
                .unwrap_or_default();
            let owners = owners(&segments, shapes);
            let route = Route {
                name,
                verb,
                template,
                segments,
                action,
                kinds,
                answer,
                owners,
            };
            by_length
                .entry((verb, route.segments.len()))
                .or_default()
                .push(route);
        }
        for routes in by_length.values_mut() {
            // Words win over parameters: /v1/customers/search is not the customer "search".
            routes.sort_by_key(|route| {
                route
                    .segments
                    .iter()
                    .map(|part| part.starts_with('{'))
                    .collect::<Vec<_>>()
            });
        }
        Self { by_length }
    }

    /// The operation at a path, with the values of the path's parameters.
    pub(crate) fn find(&self, verb: &str, path: &str) -> Option<(&Route, Vec<String>)> {
        let given: Vec<_> = path.strip_prefix('/')?.split('/').collect();
        let verb = ["GET", "POST", "DELETE"]
            .into_iter()
            .find(|known| *known == verb)?;
        let routes = self.by_length.get(&(verb, given.len()))?;
        routes.iter().find_map(|route| {
            let mut ids = Vec::new();
            for (part, given) in route.segments.iter().zip(&given) {
                if part.starts_with('{') {
                    let id = super::form::decode_path_segment(given)?;
                    if id.is_empty() {
                        return None;
                    }
                    ids.push(id);
                } else if part != given {
                    return None;
                }
            }
            Some((route, ids))
        })
    }

    /// Every operation's path, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.by_length.values().flatten()
    }
}

fn template(segments: &[&str]) -> String {
    let mut template = String::new();
    for part in segments {
        template.push('/');
        template.push_str(if part.starts_with('{') { "{}" } else { part });
    }
    template
}

fn action(
    verb: &str,
    segments: &[&str],
    template: &str,
    answer: Option<&Answer>,
    flags: &[&str],
    shapes: &Shapes,
) -> Action {
    let ends_in_id = segments.last().is_some_and(|part| part.starts_with('{'));
    let has_id = segments.iter().any(|part| part.starts_with('{'));
    let form = answer.map(|answer| answer.form);
    let readable = shapes.answer("GET", template);
    match verb {
        _ if flags.contains(&"binary") => Action::Download,
        "GET" if form == Some(Form::Search) => Action::Search,
        "GET" if form == Some(Form::List) || flags.contains(&"list") => Action::List,
        "GET" if ends_in_id => Action::Retrieve,
        "GET" => Action::RetrieveOnly,
        "DELETE" if form == Some(Form::Object) && template == "/v1/subscriptions/{}" => Action::Act,
        "DELETE" if ends_in_id => Action::Delete,
        "DELETE" => Action::Clear,
        _ if ends_in_id => Action::Update,
        _ if readable.is_some_and(|readable| readable.form == Form::Object) => Action::UpdateOnly,
        _ if readable.is_some() || !has_id => Action::Create,
        _ => Action::Act,
    }
}

/// For each path parameter, the kind of object that `GET` answers with at the path up to it.
fn owners(segments: &[&'static str], shapes: &'static Shapes) -> Vec<Option<&'static str>> {
    let mut owners = Vec::new();
    for (index, part) in segments.iter().enumerate() {
        if !part.starts_with('{') {
            continue;
        }
        let path = template(segments.get(..=index).unwrap_or_default());
        let path = path.replace("/test_helpers", "");
        let answer = shapes.answer("GET", &path);
        owners.push(answer.and_then(|answer| answer.kinds.first().copied()));
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(verb: &str, path: &str) -> (Action, &'static str, Vec<String>) {
        let (route, ids) = Routes::get().find(verb, path).unwrap();
        (route.action, route.kind(), ids)
    }

    #[test]
    fn paths_lead_to_operations() {
        let id = |text: &str| vec![text.to_owned()];
        assert_eq!(
            found("GET", "/v1/customers"),
            (Action::List, "customer", vec![])
        );
        assert_eq!(
            found("POST", "/v1/customers"),
            (Action::Create, "customer", vec![])
        );
        assert_eq!(
            found("GET", "/v1/customers/search"),
            (Action::Search, "customer", vec![])
        );
        assert_eq!(
            found("GET", "/v1/customers/cus_1"),
            (Action::Retrieve, "customer", id("cus_1"))
        );
        assert_eq!(
            found("POST", "/v1/customers/cus_1"),
            (Action::Update, "customer", id("cus_1"))
        );
        assert_eq!(
            found("GET", "/v1/balance"),
            (Action::RetrieveOnly, "balance", vec![])
        );
        assert_eq!(
            found("POST", "/v1/tax/settings"),
            (Action::UpdateOnly, "tax.settings", vec![])
        );
        assert_eq!(
            found("POST", "/v1/payment_intents/pi_1/confirm"),
            (Action::Act, "payment_intent", id("pi_1"))
        );
        assert_eq!(found("GET", "/v1/quotes/qt_1/pdf").0, Action::Download);
        assert_eq!(found("GET", "/v1/products/a%2Fb").2, id("a/b"));
        assert_eq!(
            found("POST", "/v1/accounts/acct_1/login_links").0,
            Action::Act
        );
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for (verb, path) in [
            ("GET", "/v1/nothing"),
            ("GET", "/v1/customers/"),
            ("PUT", "/v1/customers"),
            ("DELETE", "/v1/customers"),
            ("GET", "v1/customers"),
            ("GET", "/v1//customers"),
            ("GET", "/oauth/authorize"),
        ] {
            assert!(Routes::get().find(verb, path).is_none(), "{verb} {path}");
        }
    }

    #[test]
    fn the_plugins_table_and_the_shapes_agree() {
        let legacy = [
            "/v1/invoices/upcoming",
            "/v1/subscription_items/{}/usage_record",
        ];
        let mut unknown = Vec::new();
        for route in Routes::get().iter() {
            let is_legacy = legacy
                .iter()
                .any(|prefix| route.template.starts_with(prefix));
            if route.answer.is_none() && !is_legacy {
                unknown.push(format!("{} {}", route.verb, route.template));
            }
        }
        assert!(
            unknown.is_empty(),
            "in operations.txt but not in answers.txt: {unknown:#?}"
        );
    }
}
