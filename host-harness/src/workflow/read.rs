//! The form of a workflow file: which fields there are, and what they hold. What
//! it means for one step to come after another is `check`'s.

use super::condition::Operator;
use super::template::Template;
use super::{Branch, Condition, Faults, Field, Step, Trigger, What, Workflow, check, hint};
use crate::yaml::{self, Error, Mark, Node, Value};

/// Longest id of a step, in characters: it is a part of an idempotency key, of
/// which Stripe takes 255.
const MAX_ID: usize = 100;

const STEP_TYPES: [&str; 2] = ["action", "condition"];

/// Reads a file.
pub(super) fn parse(text: &str) -> Result<Workflow, Faults> {
    let root = match yaml::parse(&as_yaml(text)) {
        Ok(root) => root,
        Err(error) => return Err(Faults(vec![error])),
    };
    let mut reader = Reader::default();
    let workflow = reader.workflow(&root);
    match workflow {
        Some(mut workflow) if reader.faults.is_empty() => {
            workflow.root = root;
            check::order(&mut workflow)?;
            Ok(workflow)
        }
        _ => Err(Faults(reader.faults)),
    }
}

/// JSON is YAML but for two things: tabs between values, and characters beyond
/// the first plane, which it escapes as pairs. Neither changes a line.
fn as_yaml(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\t']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix('\t') {
            out.push(' ');
            rest = after;
        } else if let Some(scalar) = pair(from) {
            out.push_str(&format!("\\U{scalar:08X}"));
            rest = from.get(12..).unwrap_or_default();
        } else {
            // An escape and what is escaped, which may be a backslash.
            let length = from.chars().take(2).map(char::len_utf8).sum();
            let (escape, after) = from.split_at(length);
            out.push_str(escape);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The character that two escapes of UTF-16 stand for.
fn pair(text: &str) -> Option<u32> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let units = [unit(0)?, unit(6)?];
    // One of the first plane is left as it is.
    (0xd800..0xdc00).contains(&units[0]).then_some(())?;
    let char = char::decode_utf16(units).next()?.ok()?;
    Some(char.into())
}

/// Reads, and gathers what is wrong.
#[derive(Default)]
struct Reader {
    faults: Vec<Error>,
}

impl Reader {
    fn fault(&mut self, mark: Mark, message: impl Into<String>) {
        self.faults.push(Error {
            mark,
            message: message.into(),
        });
    }

    /// Refuses every member that has none of these names.
    fn only(&mut self, node: &Node, what: &str, known: &[&str]) {
        for (key, _) in node.mapping().unwrap_or_default() {
            if !known.contains(&key.name.as_str()) {
                let hint = hint(&key.name, known.iter().copied());
                self.fault(key.mark, format!("{what} has no {:?}{hint}", key.name));
            }
        }
    }

    /// A member that must be there.
    fn member<'n>(&mut self, node: &'n Node, what: &str, name: &str) -> Option<&'n Node> {
        let found = node.get(name);
        if found.is_none() {
            self.fault(node.mark, format!("{what} has no {name:?}"));
        }
        found
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.as_str() {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                let kind = node.kind();
                self.fault(node.mark, format!("{what} should be a string, not {kind}"));
                None
            }
        }
    }

    fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) => Some(items),
            _ => {
                let kind = node.kind();
                self.fault(node.mark, format!("{what} should be a list, not {kind}"));
                None
            }
        }
    }

    fn mapping(&mut self, node: &Node, what: &str) -> Option<()> {
        match node.mapping() {
            Some(_) => Some(()),
            None => {
                let kind = node.kind();
                self.fault(node.mark, format!("{what} should be a mapping, not {kind}"));
                None
            }
        }
    }

    fn workflow(&mut self, root: &Node) -> Option<Workflow> {
        self.mapping(root, "a workflow")?;
        let known = ["id", "name", "description", "version", "trigger", "steps"];
        self.only(root, "a workflow", &known);
        let name = root
            .get("name")
            .and_then(|node| self.text(node, "its name"));
        let trigger = root.get("trigger").map(|node| self.trigger(node));
        let node = self.member(root, "the workflow", "steps")?;
        let items = self.list(node, "steps")?;
        if items.is_empty() {
            self.fault(node.mark, "the workflow has no steps");
        }
        let steps: Vec<Step> = items.iter().filter_map(|item| self.step(item)).collect();
        for (at, step) in steps.iter().enumerate() {
            if steps.iter().take(at).any(|other| other.id == step.id) {
                self.fault(step.mark, format!("a second step {:?}", step.id));
            }
        }
        Some(Workflow {
            name,
            trigger: trigger.unwrap_or_default(),
            steps,
            root: Node {
                value: Value::Null,
                mark: root.mark,
            },
        })
    }

    fn trigger(&mut self, node: &Node) -> Trigger {
        if self.mapping(node, "trigger").is_none() {
            return Trigger::default();
        }
        let kind = node.get("type");
        let mut events = Vec::new();
        if let Some(node) = node.get("events") {
            for item in self.list(node, "events").unwrap_or_default() {
                events.extend(self.text(item, "an event"));
            }
        }
        Trigger {
            kind: kind.and_then(|node| self.text(node, "a trigger's type")),
            events,
        }
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        self.mapping(node, "a step")?;
        let id = self.member(node, "a step", "id");
        let id = id.and_then(|node| Some((self.text(node, "a step's id")?, node.mark)));
        let (id, mark) = id.unwrap_or_else(|| (String::new(), node.mark));
        let shown: String = id.chars().take(MAX_ID).collect();
        let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        if id.len() > MAX_ID || !id.chars().all(is_key) {
            self.fault(
                mark,
                format!(
                    "the id {shown:?} should be at most {MAX_ID} letters, digits and \"-\", \
                     \"_\", \".\", \":\""
                ),
            );
        }
        let what = match node.get("type") {
            None => {
                self.fault(node.mark, format!("the step {shown:?} has no \"type\""));
                return None;
            }
            Some(kind) => match kind.as_str() {
                Some("action") => self.action(node, &shown),
                Some("condition") => self.condition(node, &shown),
                other => {
                    let other = other.unwrap_or(kind.kind());
                    let hint = hint(other, STEP_TYPES.into_iter());
                    self.fault(
                        kind.mark,
                        format!(
                            "there is no type of step {other:?}{hint}; there is {}",
                            STEP_TYPES.join(", ")
                        ),
                    );
                    None
                }
            },
        };
        // A step that could not be read is kept for its id, so that others that
        // name it are not told so in vain.
        let what = what.unwrap_or(What::Action {
            name: String::new(),
            mark,
            config: Vec::new(),
        });
        Some(Step { id, mark, what })
    }

    fn action(&mut self, node: &Node, id: &str) -> Option<What> {
        let what = format!("the step {id:?}");
        let known = ["id", "name", "description", "type", "action", "config"];
        self.only(node, &what, &known);
        let action = self.member(node, &what, "action")?;
        let name = self.text(action, "an action's name")?;
        let mut config = Vec::new();
        if let Some(node) = node.get("config") {
            self.mapping(node, "config")?;
            for (key, member) in node.mapping().unwrap_or_default() {
                config.push(Field {
                    name: key.name.clone(),
                    mark: key.mark,
                    value: Template::read(member, &mut self.faults),
                });
            }
        }
        Some(What::Action {
            name,
            mark: action.mark,
            config,
        })
    }

    fn condition(&mut self, node: &Node, id: &str) -> Option<What> {
        let what = format!("the step {id:?}");
        self.only(
            node,
            &what,
            &["id", "name", "description", "type", "config"],
        );
        let config = self.member(node, &what, "config")?;
        self.mapping(config, "config")?;
        self.only(config, "a condition", &["conditions", "then", "else"]);
        let then = self.branch(config, "then");
        let otherwise = self.branch(config, "else");
        let compared = self.member(config, "a condition", "conditions")?;
        if compared.mapping().is_none() {
            let kind = compared.kind();
            self.fault(
                compared.mark,
                format!("conditions should be one mapping of left, operator and right, not {kind}"),
            );
            return None;
        }
        self.only(compared, "conditions", &["left", "operator", "right"]);
        let left = self.member(compared, "conditions", "left");
        let operator = self.member(compared, "conditions", "operator");
        let operator = operator.and_then(|node| self.operator(node))?;
        let right = match (operator.takes_right(), compared.get("right")) {
            (true, None) => {
                self.fault(compared.mark, "conditions has no \"right\"");
                None
            }
            (false, Some(right)) => {
                let message = format!("{:?} compares with nothing", operator.as_str());
                self.fault(right.mark, message);
                None
            }
            (_, right) => right,
        };
        let mut side = |node: Option<&Node>| match node {
            Some(node) => Template::read(node, &mut self.faults),
            None => Template::Plain(serde_json::Value::Null),
        };
        Some(What::Condition(Box::new(Condition {
            left: side(left),
            operator,
            right: side(right),
            then: then?,
            otherwise: otherwise?,
        })))
    }

    fn operator(&mut self, node: &Node) -> Option<Operator> {
        let text = self.text(node, "an operator")?;
        let found = Operator::ALL.into_iter().find(|o| o.as_str() == text);
        if found.is_none() {
            let names = Operator::ALL.map(Operator::as_str);
            let hint = hint(&text, names.into_iter());
            self.fault(
                node.mark,
                format!(
                    "there is no operator {text:?}{hint}; there is {}",
                    names.join(", ")
                ),
            );
        }
        found
    }

    /// One of a condition's two ways. Both must be given: to go on with the next
    /// step where one is missing could run the very step it was to guard.
    fn branch(&mut self, config: &Node, name: &str) -> Option<Branch> {
        let Some(node) = config.get(name) else {
            self.fault(
                config.mark,
                format!(
                    "a condition has no {name:?}: name the step to go on with, or write [] to end \
                     there"
                ),
            );
            return None;
        };
        let steps = self
            .list(node, name)?
            .iter()
            .filter_map(|item| Some((self.text(item, "a step's id")?, item.mark)))
            .collect();
        Some(Branch { steps, first: 0 })
    }
}
