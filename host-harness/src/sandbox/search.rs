//! Search: Stripe's query language over the fields of an object. It owns the language's grammar
//! (Stripe docs, "Search query language") and the shape of a result page; it knows nothing of how
//! objects are kept.

use super::errors::StripeError;
use super::families;
use super::lists;
use super::shapes::Object;
use super::store::Store;
use super::world::Call;
use serde_json::{Value, json};

/// One page of search results.
pub(crate) fn page(store: &Store, call: &Call<'_>, total: bool) -> Result<Value, StripeError> {
    let query = call
        .params
        .get("query")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let query = Query::parse(query)?;
    let limit = lists::limit(&call.params, 10)?;
    let start = match call.params.get("page").and_then(Value::as_str) {
        None => 0,
        Some(token) => token
            .strip_prefix("search_")
            .and_then(|offset| offset.parse::<usize>().ok())
            .ok_or_else(|| StripeError::invalid("The page token is unknown.").param("page"))?,
    };
    let found: Vec<_> = store
        .oldest_first(call.route.kind())
        .rev()
        .filter(|record| query.matches(&record.object))
        .collect();
    let end = start.saturating_add(limit).min(found.len());
    let page = found.get(start..end).unwrap_or_default();
    let data: Vec<_> = page
        .iter()
        .map(|record| Value::Object(families::present(store, &record.object)))
        .collect();
    let has_more = end < found.len();
    let mut result = json!({
        "object": "search_result",
        "url": call.path,
        "has_more": has_more,
        "data": data,
        "next_page": has_more.then(|| format!("search_{end}")),
    });
    if let Some(result) = result.as_object_mut().filter(|_| total) {
        result.insert("total_count".into(), json!(found.len()));
    }
    Ok(result)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Exactly,
    Contains,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// `status:"active"`, `-currency:"usd"`, `metadata["key"]:"value"`, `amount>1000` …
#[derive(Debug)]
struct Clause {
    negated: bool,
    path: Vec<String>,
    comparison: Comparison,
    /// None stands for null, which asks for the field's absence.
    wanted: Option<String>,
}

#[derive(Debug)]
struct Query {
    clauses: Vec<Clause>,
    any: bool,
}

impl Query {
    fn parse(text: &str) -> Result<Self, StripeError> {
        let mut clauses = Vec::new();
        let mut any = None;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(invalid("the query is empty"));
        }
        loop {
            let (clause, after) = Clause::parse(rest)?;
            clauses.push(clause);
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Self {
                    clauses,
                    any: any.unwrap_or(false),
                });
            }
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let is_or = match word.to_ascii_uppercase().as_str() {
                "AND" => Some(false),
                "OR" => Some(true),
                // Clauses side by side are joined by AND.
                _ => None,
            };
            if any
                .replace(is_or.unwrap_or(false))
                .is_some_and(|any| any != is_or.unwrap_or(false))
            {
                return Err(invalid("AND and OR cannot be mixed"));
            }
            if is_or.is_some() {
                rest = after.trim_start();
            }
        }
    }

    fn matches(&self, object: &Object) -> bool {
        if self.any {
            self.clauses.iter().any(|clause| clause.matches(object))
        } else {
            self.clauses.iter().all(|clause| clause.matches(object))
        }
    }
}

impl Clause {
    fn parse(text: &str) -> Result<(Self, &str), StripeError> {
        let (negated, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut path = Vec::new();
        let mut rest = text;
        loop {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() {
                return Err(invalid("a field name is missing"));
            }
            path.push(name.to_owned());
            rest = after;
            if let Some(after) = rest.strip_prefix('[') {
                let (key, after) = quoted(after)?;
                path.push(key);
                rest = after
                    .strip_prefix(']')
                    .ok_or_else(|| invalid("a ']' is missing"))?;
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None => break,
            }
        }
        let operators = [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
            (":", Comparison::Exactly),
            ("~", Comparison::Contains),
        ];
        let (comparison, rest) = operators
            .into_iter()
            .find_map(|(sign, comparison)| Some((comparison, rest.strip_prefix(sign)?)))
            .ok_or_else(|| invalid("after a field comes one of : ~ > < >= <="))?;
        let (wanted, rest) = if rest.starts_with(['"', '\'']) {
            let (value, rest) = quoted(rest)?;
            (Some(value), rest)
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (value, rest) = rest.split_at(end);
            match value {
                "" => return Err(invalid("a value is missing")),
                "null" | "NULL" => (None, rest),
                value => (Some(value.to_owned()), rest),
            }
        };
        Ok((
            Self {
                negated,
                path,
                comparison,
                wanted,
            },
            rest,
        ))
    }

    fn matches(&self, object: &Object) -> bool {
        self.holds(object) != self.negated
    }

    fn holds(&self, object: &Object) -> bool {
        let mut names = self.path.iter();
        let mut value = names.next().and_then(|name| object.get(name));
        for name in names {
            value = value.and_then(|value| value.get(name));
        }
        let present = value.filter(|value| !value.is_null());
        let Some(wanted) = &self.wanted else {
            return present.is_none();
        };
        let Some(present) = present else { return false };
        let shown = match present {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let numbers = || Some((shown.parse::<f64>().ok()?, wanted.parse::<f64>().ok()?));
        match self.comparison {
            // Exact matches ignore case, as Stripe's do.
            Comparison::Exactly => shown.to_lowercase() == wanted.to_lowercase(),
            Comparison::Contains => shown.to_lowercase().contains(&wanted.to_lowercase()),
            Comparison::Greater => numbers().is_some_and(|(a, b)| a > b),
            Comparison::GreaterOrEqual => numbers().is_some_and(|(a, b)| a >= b),
            Comparison::Less => numbers().is_some_and(|(a, b)| a < b),
            Comparison::LessOrEqual => numbers().is_some_and(|(a, b)| a <= b),
        }
    }
}

/// A text in single or double quotes, where a backslash takes the next character as it is.
fn quoted(text: &str) -> Result<(String, &str), StripeError> {
    let mut chars = text.char_indices();
    let quote = match chars.next() {
        Some((_, quote @ ('"' | '\''))) => quote,
        _ => return Err(invalid("a quotation mark is missing")),
    };
    let mut value = String::new();
    while let Some((index, character)) = chars.next() {
        if character == quote {
            return Ok((value, text.get(index + 1..).unwrap_or_default()));
        }
        if character == '\\' {
            value.extend(chars.next().map(|(_, next)| next));
        } else {
            value.push(character);
        }
    }
    Err(invalid("a quotation mark is missing"))
}

fn invalid(reason: &str) -> StripeError {
    StripeError::invalid(format!("The search query cannot be read: {reason}.")).param("query")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_query_language() {
        let object = json!({"status": "active", "email": "Jenny@Example.com", "amount": 1500,
            "created": 100, "name": null, "metadata": {"order id": "6\"7"},
            "billing": {"city": "Bern"}});
        let object = object.as_object().unwrap();
        for (query, expected) in [
            ("status:'active'", true),
            ("status:\"ACTIVE\"", true),
            ("-status:'active'", false),
            ("email~\"example\"", true),
            ("amount>1000 AND amount<=1500", true),
            ("amount>1000 amount<1500", false),
            ("amount:1500", true),
            ("status:'x' OR created>=100", true),
            ("metadata['order id']:'6\\\"7'", true),
            ("metadata[\"other\"]:null", true),
            ("-name:null", false),
            ("billing.city:\"bern\"", true),
        ] {
            assert_eq!(
                Query::parse(query).unwrap().matches(object),
                expected,
                "{query}"
            );
        }
    }

    #[test]
    fn refuses_other_queries() {
        for query in [
            "",
            "status",
            "status:",
            "status:'x",
            ":'x'",
            "a:'1' AND b:'2' OR c:'3'",
            "metadata[key]:'x'",
            "a:'1' AND",
            "a.:'1'",
        ] {
            assert_eq!(Query::parse(query).unwrap_err().status, 400, "{query}");
        }
    }
}
