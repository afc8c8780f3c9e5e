//! Which events count, and the file that says so: `trigger:` as LoopFour's
//! workflows have it, in YAML or JSON. The connection beside it is
//! `document`'s affair.

use std::fmt;

use crate::yaml::{Mark, Node, Value};

/// The events that are acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trigger {
    /// Names, or beginnings that end in `.*`; none at all is every event.
    events: Vec<String>,
}

/// What is wrong with a trigger, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadTrigger {
    /// The place in the file.
    pub mark: Mark,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for BadTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.mark, self.message)
    }
}

impl std::error::Error for BadTrigger {}

const KEYS: [&str; 3] = ["type", "provider", "events"];

impl Trigger {
    /// A trigger of these names: `invoice.paid`, `invoice.*`, or `*` for all.
    pub fn new(events: Vec<String>) -> Result<Trigger, String> {
        for name in &events {
            let beginning = name.strip_suffix(".*").unwrap_or(name);
            let fits = name == "*"
                || (!beginning.is_empty()
                    && beginning.split('.').all(|part| {
                        !part.is_empty()
                            && part.bytes().all(|b| {
                                b.is_ascii_lowercase()
                                    || b.is_ascii_digit()
                                    || matches!(b, b'_' | b'[' | b']')
                            })
                    }));
            if !fits {
                return Err(format!(
                    "{name:?} names no event; write invoice.paid, or invoice.* for all that begin \
                     so"
                ));
            }
        }
        Ok(Trigger { events })
    }

    /// Reads `trigger:` of a file.
    pub fn read(node: &Node) -> Result<Trigger, BadTrigger> {
        let wrong = |node: &Node, message: String| BadTrigger {
            mark: node.mark,
            message,
        };
        let Some(members) = node.mapping() else {
            return Err(wrong(
                node,
                format!("trigger: should be a mapping, not {}", node.kind()),
            ));
        };
        if let Some((key, _)) = members
            .iter()
            .find(|(key, _)| !KEYS.contains(&key.name.as_str()))
        {
            return Err(BadTrigger {
                mark: key.mark,
                message: format!(
                    "a trigger has no {:?}; it has {}",
                    key.name,
                    KEYS.join(", ")
                ),
            });
        }
        for (name, expected) in [("type", "webhook"), ("provider", "stripe")] {
            match node.get(name) {
                Some(given) if given.as_str() == Some(expected) => {}
                Some(given) => {
                    return Err(wrong(
                        given,
                        format!("the {name} of a trigger should be {expected}"),
                    ));
                }
                None => {
                    return Err(wrong(
                        node,
                        format!("this trigger has no {name}: {expected}"),
                    ));
                }
            }
        }
        let events = match node.get("events") {
            None => return Ok(Trigger::default()),
            Some(events) => events,
        };
        let Value::List(items) = &events.value else {
            return Err(wrong(
                events,
                format!("events: should be a list of names, not {}", events.kind()),
            ));
        };
        if items.is_empty() {
            let message = "events: is empty, so nothing would ever happen; leave it out for all";
            return Err(wrong(events, message.to_owned()));
        }
        let mut names = Vec::with_capacity(items.len());
        for item in items {
            let Some(name) = item.as_str() else {
                return Err(wrong(
                    item,
                    format!("an event should be a name, not {}", item.kind()),
                ));
            };
            // One at a time, so that the message has its place.
            Trigger::new(vec![name.to_owned()]).map_err(|message| wrong(item, message))?;
            names.push(name.to_owned());
        }
        Ok(Trigger { events: names })
    }

    /// Whether an event of this name counts.
    pub fn wants(&self, kind: &str) -> bool {
        self.events.is_empty()
            || self.events.iter().any(|wanted| {
                wanted == "*"
                    || match wanted.strip_suffix('*') {
                        // The dot belongs to what must be there.
                        Some(beginning) => kind.starts_with(beginning),
                        None => wanted == kind,
                    }
            })
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.events.as_slice() {
            [] => f.write_str("all events"),
            events => f.write_str(&events.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn read(text: &str) -> Result<Trigger, BadTrigger> {
        Trigger::read(yaml::parse(text).unwrap().get("trigger").unwrap())
    }

    #[test]
    fn names_and_beginnings() {
        let trigger = read(
            r#"{"trigger": {"type": "webhook", "provider": "stripe",
                "events": ["invoice.paid", "customer.subscription.*"]}}"#,
        )
        .unwrap();
        for (kind, wanted) in [
            ("invoice.paid", true),
            ("invoice.payment_failed", false),
            ("invoice.paid.x", false),
            ("customer.subscription.created", true),
            ("customer.subscription.pending_update_applied", true),
            ("customer.subscription", false),
            ("customer.subscriptions.created", false),
            ("customer.created", false),
        ] {
            assert_eq!(trigger.wants(kind), wanted, "{kind}");
        }
        assert!(Trigger::default().wants("anything"));
        assert!(
            Trigger::new(vec!["*".into()])
                .unwrap()
                .wants("invoice.paid")
        );
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (text, mark, said) in [
            ("trigger: stripe", "1:10", "should be a mapping"),
            ("trigger: {type: api}", "1:17", "should be webhook"),
            ("trigger: {type: webhook}", "1:10", "provider: stripe"),
            (
                "trigger: {type: webhook, provider: github}",
                "1:36",
                "should be stripe",
            ),
            (
                "trigger: {type: webhook, provider: stripe, event: x}",
                "1:44",
                "has no \"event\"",
            ),
            (
                "trigger: {type: webhook, provider: stripe, events: x}",
                "1:52",
                "should be a list",
            ),
            (
                "trigger: {type: webhook, provider: stripe, events: []}",
                "1:52",
                "nothing would ever happen",
            ),
            (
                "trigger:\n  type: webhook\n  provider: stripe\n  events:\n    - invoice.paid\n    - in*\n",
                "6:7",
                "names no event",
            ),
            (
                "trigger:\n  type: webhook\n  provider: stripe\n  events: [7]\n",
                "4:12",
                "should be a name",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(said), "{text}: {error}");
            assert_eq!(error.mark.to_string(), mark, "{text}: {error}");
        }
    }
}
