//! A faults file, read. It owns the file's form and says what is wrong with it and where; what the
//! faults in it are, `kinds` knows.

use super::kinds::{Bad, Fault, suggestion};
use super::pattern::{self, Pattern};
use crate::yaml::{self, Error, Key, Mark, Node, Value};

/// What every rule may say; the rest are options of its fault.
const RULE_KEYS: [&str; 5] = ["fault", "probability", "count", "attempts", "match"];
const MATCH_KEYS: [&str; 3] = ["method", "path", "operation"];
const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];

/// A faults file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct File {
    /// What the draws are made from.
    pub(crate) seed: u64,
    /// Its rules, in order.
    pub(crate) rules: Vec<Rule>,
}

/// One rule: which fault hits which requests, and how often.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) fault: Fault,
    /// Its share of the requests it is for, from 0 to 1.
    pub(crate) probability: f64,
    /// How often it hits at all; none for no end.
    pub(crate) count: Option<u64>,
    /// How many attempts of a request it may hit; none for all.
    pub(crate) attempts: Option<u64>,
    /// Which requests it is for.
    pub(crate) pattern: Pattern,
}

fn wrong(mark: Mark, message: impl Into<String>) -> Error {
    Error {
        mark,
        message: message.into(),
    }
}

impl File {
    /// Reads a file's text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let root = yaml::parse(text)?;
        let members = mapping(&root, "a faults file is a mapping with rules:")?;
        let mut seed = 0;
        let mut rules = None;
        for (key, node) in members {
            match key.name.as_str() {
                "seed" => seed = whole(node, "seed", 0)?,
                "rules" => rules = Some(node),
                other => {
                    let known = ["seed", "rules"].into_iter();
                    let advice = suggestion(other, known);
                    return Err(wrong(
                        key.mark,
                        format!("{other:?} is not known here; {advice}"),
                    ));
                }
            }
        }
        let Some(rules) = rules else {
            return Err(wrong(root.mark, "the file has no rules:"));
        };
        let Value::List(items) = &rules.value else {
            let message = format!("rules: should be a list, not {}", rules.kind());
            return Err(wrong(rules.mark, message));
        };
        if items.is_empty() {
            return Err(wrong(
                rules.mark,
                "rules: is empty; write at least one rule",
            ));
        }
        Ok(Self {
            seed,
            rules: items.iter().map(rule).collect::<Result<_, _>>()?,
        })
    }
}

fn mapping<'n>(node: &'n Node, what: &str) -> Result<&'n [(Key, Node)], Error> {
    node.mapping()
        .ok_or_else(|| wrong(node.mark, format!("{what}, not {}", node.kind())))
}

fn rule(node: &Node) -> Result<Rule, Error> {
    let members = mapping(node, "a rule is a mapping such as {fault: reset-after}")?;
    let (mut name, mut probability, mut count, mut attempts) = (None, 1.0, None, None);
    let mut pattern = Pattern::default();
    let mut options = Vec::new();
    for (key, value) in members {
        match key.name.as_str() {
            "fault" => name = Some((text(value, "fault")?, value.mark)),
            "probability" => probability = share(value)?,
            "count" => count = Some(whole(value, "count", 1)?),
            "attempts" => attempts = Some(whole(value, "attempts", 1)?),
            "match" => pattern = matching(value)?,
            option => options.push((option.to_owned(), scalar(value, option)?)),
        }
    }
    let Some((name, mark)) = name else {
        return Err(wrong(node.mark, "this rule has no fault"));
    };
    let fault = Fault::new(&name, &options).map_err(|Bad { option, message }| {
        let key = |name: &String| members.iter().find(|(key, _)| key.name == *name);
        let Some(option) = option else {
            return wrong(mark, message);
        };
        let place = key(&option).map_or(node.mark, |(key, _)| key.mark);
        // It may be a misspelt key of the rule's own rather than an option.
        let own = suggestion(&option, RULE_KEYS.into_iter());
        match message.contains("did you mean") || !message.contains("has no option") {
            false if own.starts_with("did you mean") => {
                wrong(place, format!("a rule has no {option:?}; {own}"))
            }
            _ => wrong(place, message),
        }
    })?;
    Ok(Rule {
        fault,
        probability,
        count,
        attempts,
        pattern,
    })
}

fn matching(node: &Node) -> Result<Pattern, Error> {
    let mut pattern = Pattern::default();
    for (key, value) in mapping(node, "match is a mapping such as {method: POST}")? {
        match key.name.as_str() {
            "method" => pattern.methods = methods(value)?,
            "path" => {
                let glob = text(value, "path")?;
                if !glob.starts_with(['/', '*']) {
                    let message = format!("a path begins with / or *, {glob:?} does not");
                    return Err(wrong(value.mark, message));
                }
                pattern.path = Some(glob);
            }
            "operation" => {
                let glob = text(value, "operation")?;
                pattern.operations =
                    pattern::operations(&glob).map_err(|message| wrong(value.mark, message))?;
            }
            other => {
                let advice = suggestion(other, MATCH_KEYS.into_iter());
                return Err(wrong(key.mark, format!("match has no {other:?}; {advice}")));
            }
        }
    }
    Ok(pattern)
}

fn methods(node: &Node) -> Result<Vec<String>, Error> {
    let one = std::slice::from_ref(node);
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => one,
    };
    let method = |item: &Node| {
        let verb = text(item, "method")?;
        match METHODS.contains(&verb.as_str()) {
            true => Ok(verb),
            false => {
                let advice = suggestion(&verb.to_uppercase(), METHODS.into_iter());
                Err(wrong(
                    item.mark,
                    format!("no method is called {verb:?}; {advice}"),
                ))
            }
        }
    };
    if items.is_empty() {
        return Err(wrong(
            node.mark,
            "method: is empty; name one of GET, POST, DELETE",
        ));
    }
    items.iter().map(method).collect()
}

fn text(node: &Node, what: &str) -> Result<String, Error> {
    match node.as_str() {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(wrong(
            node.mark,
            format!("{what} should be text, not {}", node.kind()),
        )),
    }
}

fn scalar(node: &Node, what: &str) -> Result<String, Error> {
    match &node.value {
        Value::String(text) | Value::Number(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        _ => {
            let message = format!("{what} should be one value, not {}", node.kind());
            Err(wrong(node.mark, message))
        }
    }
}

fn whole(node: &Node, what: &str, least: u64) -> Result<u64, Error> {
    let number = match &node.value {
        Value::Number(digits) => digits.parse().ok().filter(|number| *number >= least),
        _ => None,
    };
    number.ok_or_else(|| {
        let message = format!("{what} should be a whole number of at least {least}");
        wrong(node.mark, message)
    })
}

fn share(node: &Node) -> Result<f64, Error> {
    let number = match &node.value {
        Value::Number(digits) => digits.parse().ok(),
        _ => None,
    };
    number
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| {
            wrong(
                node.mark,
                "probability is a number from 0 to 1, such as 0.1",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_with_everything_in_it() {
        let file = File::parse(
            "seed: 7\nrules:\n  - fault: status\n    code: 503\n    should-retry: false\n    \
             probability: 0.25\n    count: 3\n    attempts: 1\n    match: {method: [POST, DELETE], \
             path: /v1/**, operation: customers.*}\n  - fault: reset-after\n",
        )
        .unwrap();
        assert_eq!((file.seed, file.rules.len()), (7, 2));
        let [first, second] = file.rules.as_slice() else {
            panic!("two rules")
        };
        assert_eq!(
            (
                first.fault.name,
                first.probability,
                first.count,
                first.attempts
            ),
            ("status", 0.25, Some(3), Some(1))
        );
        assert_eq!(first.pattern.methods, ["POST", "DELETE"]);
        assert!(first.pattern.matches("DELETE", "/v1/customers/cus_1"));
        assert!(!first.pattern.matches("GET", "/v1/customers/cus_1"));
        assert!(!first.pattern.matches("POST", "/v1/refunds"));
        assert_eq!((second.probability, second.count), (1.0, None));
        assert!(second.fault.commits);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, place, said) in [
            ("[]", "1:1", "a mapping with rules:, not a list"),
            ("seed: 1", "1:1", "has no rules:"),
            ("rules: {}", "1:8", "should be a list"),
            ("rules: []", "1:8", "at least one rule"),
            ("sed: 1\nrules: []", "1:1", "did you mean \"seed\"?"),
            ("seed: -1\nrules: []", "1:7", "at least 0"),
            ("rules: [reset]", "1:9", "a rule is a mapping"),
            ("rules: [{count: 1}]", "1:9", "has no fault"),
            (
                "rules: [{fault: reset-afters}]",
                "1:17",
                "did you mean \"reset-after\"?",
            ),
            (
                "rules: [{fault: truncate, probabilities: 1}]",
                "1:27",
                "did you mean \"probability\"?",
            ),
            (
                "rules: [{fault: truncate, probability: 2}]",
                "1:40",
                "from 0 to 1",
            ),
            ("rules: [{fault: truncate, count: 0}]", "1:34", "at least 1"),
            (
                "rules: [{fault: status, code: 99}]",
                "1:25",
                "from 400 to 599",
            ),
            ("rules: [{fault: status}]", "1:9", "code is missing"),
            (
                "rules: [{fault: drip, ms: [1]}]",
                "1:27",
                "one value, not a list",
            ),
            (
                "rules: [{fault: drip, match: {verb: GET}}]",
                "1:31",
                "match has no \"verb\"",
            ),
            (
                "rules: [{fault: drip, match: {method: post}}]",
                "1:39",
                "did you mean \"POST\"?",
            ),
            (
                "rules: [{fault: drip, match: {path: v1}}]",
                "1:37",
                "begins with /",
            ),
            (
                "rules: [{fault: drip, match: {operation: refund.create}}]",
                "1:42",
                "did you mean \"refunds.create\"?",
            ),
        ] {
            let error = File::parse(text).unwrap_err();
            assert!(error.message.contains(said), "{text}: {error}");
            assert_eq!(error.mark.to_string(), place, "{text}: {error}");
        }
    }
}
