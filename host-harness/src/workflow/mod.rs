//! Workflow files: steps in LoopFour's form, run one after the other through the
//! component's ready-made actions. A way to try the plugin, not an engine: nothing
//! is kept between runs, there are no loops, and no step is repeated by itself.
//!
//! A file is read and held against the component as a whole before its first step
//! runs, so that what is wrong with its last step has charged nobody.
//!
//! | module | owns |
//! |---|---|
//! | `template` | the `{{…}}` |
//! | `condition` | the operators |
//! | `read` | the file's form |
//! | `check` | which steps can run when, and what actions there are |
//! | `run` | running it |

mod check;
mod condition;
mod read;
mod run;
mod template;

use std::fmt;

use serde_json::Value;

use self::condition::Operator;
use self::template::Template;
use crate::yaml::{Error, Mark, Node};

pub use self::run::{Ran, Run, RunOptions, Stopped, Told, WhatRan};

/// A workflow, read and whole in itself; [`Workflow::check`] holds it against
/// the actions of a component.
#[derive(Debug)]
pub struct Workflow {
    name: Option<String>,
    trigger: Trigger,
    steps: Vec<Step>,
    /// The file, to find places in it.
    root: Node,
}

/// What a workflow says it is started by. Only told: who starts it decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trigger {
    /// Such as `api` or `webhook`; none where the file does not say.
    pub kind: Option<String>,
    /// Types of the events that start it: exact, or with `*`.
    pub events: Vec<String>,
}

#[derive(Debug)]
struct Step {
    id: String,
    mark: Mark,
    what: What,
}

#[derive(Debug)]
enum What {
    Action {
        name: String,
        mark: Mark,
        config: Vec<Field>,
    },
    Condition(Box<Condition>),
}

/// A field of an action's config.
#[derive(Debug)]
struct Field {
    name: String,
    mark: Mark,
    value: Template,
}

#[derive(Debug)]
struct Condition {
    left: Template,
    operator: Operator,
    right: Template,
    then: Branch,
    otherwise: Branch,
}

/// Where a condition goes on; without steps the run ends there.
#[derive(Debug, Default)]
struct Branch {
    steps: Vec<(String, Mark)>,
    /// The first one's position; that of the end, after the last step, until it
    /// is known.
    first: usize,
}

/// Everything that is wrong with a workflow, each with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Error>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl Workflow {
    /// Reads a workflow, JSON or YAML, and finds what is wrong with it in
    /// itself: its form, its templates, ids that are given twice or that no step
    /// has, steps that can never run, templates that name a step that cannot
    /// have run.
    pub fn parse(text: &str) -> Result<Workflow, Faults> {
        read::parse(text)
    }

    /// The name it gives itself.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Eight digits that stand for its name, or for its steps' ids if it has none:
    /// the same after a change to what a step does, so that a run which goes on
    /// after one repeats nothing.
    pub(crate) fn tag(&self) -> String {
        let ids: Vec<&str> = self.steps.iter().map(|step| step.id.as_str()).collect();
        let named = self.name.clone().unwrap_or_else(|| ids.join("\n"));
        blake3::hash(named.as_bytes())
            .to_hex()
            .chars()
            .take(8)
            .collect()
    }

    /// What it says it is started by.
    pub fn trigger(&self) -> &Trigger {
        &self.trigger
    }

    /// Where a place such as `steps[2].config.amount` stands in the file.
    pub fn locate(&self, place: &str) -> Mark {
        self.root.locate(place)
    }
}

/// `; did you mean …?` where one of the names is near.
fn hint<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    nearest(name, known)
        .map(|near| format!("; did you mean {near:?}?"))
        .unwrap_or_default()
}

/// The name nearest to one, if it is near at all. Case, a prefix before a dot and
/// the way words are joined count for nothing.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let fold = |name: &str| -> String {
        let name = name.rsplit('.').next().unwrap_or(name);
        name.chars()
            .filter(|c| *c != '_' && *c != '-')
            .flat_map(char::to_lowercase)
            .take(128)
            .collect()
    };
    let folded = fold(name);
    known
        .map(|known| (strsim::levenshtein(&fold(known), &folded), known))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// What a value is, with an article.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
