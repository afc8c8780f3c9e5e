//! What can be known before the first step runs: which steps can run, in which
//! order, what templates can find then, and whether the component has the actions.
//! Steps only go forwards, so every question is answered by one pass over them.

use serde_json::Value;

use super::template::{Expression, Scope, Template};
use super::{Branch, Faults, Field, What, Workflow, hint};
use crate::actions::{Action, ActionInput, InputType};
use crate::yaml::{Error, Mark};

/// The options of a call that the contract lets a config hold.
const OPTIONS: [&str; 6] = [
    "idempotencyKey",
    "stripeAccount",
    "stripeContext",
    "apiVersion",
    "maxNetworkRetries",
    "timeout",
];

/// Resolves where conditions go on, and finds the faults of the order.
pub(super) fn order(workflow: &mut Workflow) -> Result<(), Faults> {
    let mut faults = Vec::new();
    let ids: Vec<String> = workflow.steps.iter().map(|step| step.id.clone()).collect();
    for (at, step) in workflow.steps.iter_mut().enumerate() {
        if let What::Condition(condition) = &mut step.what {
            resolve(&mut condition.then, at, &ids, &mut faults);
            resolve(&mut condition.otherwise, at, &ids, &mut faults);
        }
    }
    if faults.is_empty() {
        let graph = Graph::of(workflow);
        for (at, step) in workflow.steps.iter().enumerate() {
            if !graph.reaches(at, &[]) {
                let message = format!("the step {:?} can never run", step.id);
                faults.push(fault(step.mark, message));
            }
            for (expression, may_be_null) in expressions(&step.what) {
                let judged = graph.judge(expression, at, &ids, may_be_null);
                faults.extend(judged.err().map(|message| fault(expression.mark, message)));
            }
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Faults(faults)),
    }
}

fn fault(mark: Mark, message: String) -> Error {
    Error { mark, message }
}

/// Finds a branch's steps: forwards, and one after the other as in the file.
fn resolve(branch: &mut Branch, from: usize, ids: &[String], faults: &mut Vec<Error>) {
    branch.first = ids.len();
    let mut expected = None;
    for (id, mark) in &branch.steps {
        let Some(at) = ids.iter().position(|known| known == id) else {
            let hint = hint(id, ids.iter().map(String::as_str));
            faults.push(fault(*mark, format!("there is no step {id:?}{hint}")));
            continue;
        };
        if at <= from {
            faults.push(fault(
                *mark,
                format!(
                    "the step {id:?} does not come after this one: a workflow only goes forwards"
                ),
            ));
        }
        match expected {
            None => branch.first = at,
            Some(next) if next == at => {}
            Some(next) => {
                let goes_on = ids.get(next).map_or("the end", String::as_str);
                faults.push(fault(
                    *mark,
                    format!(
                        "a branch goes on in the file's order, so here with {goes_on:?} and not \
                         {id:?}: name its first step alone, or put the steps one after the other"
                    ),
                ));
            }
        }
        expected = Some(at + 1);
    }
}

/// The expressions of a step, and whether each may be without a value.
fn expressions(what: &What) -> Vec<(&Expression, bool)> {
    let mut found = Vec::new();
    match what {
        What::Action { config, .. } => {
            config
                .iter()
                .for_each(|field| field.value.expressions(&mut found));
            found.into_iter().map(|one| (one, false)).collect()
        }
        What::Condition(condition) => {
            condition.left.expressions(&mut found);
            condition.right.expressions(&mut found);
            let may_be_null = condition.operator.takes_null();
            found.into_iter().map(|one| (one, may_be_null)).collect()
        }
    }
}

/// Which step may follow which; the position after the last is the end.
struct Graph {
    next: Vec<Vec<usize>>,
}

impl Graph {
    fn of(workflow: &Workflow) -> Graph {
        let steps = workflow.steps.iter().enumerate();
        Graph {
            next: steps
                .map(|(at, step)| match &step.what {
                    What::Action { .. } => vec![at + 1],
                    What::Condition(condition) => {
                        vec![condition.then.first, condition.otherwise.first]
                    }
                })
                .collect(),
        }
    }

    /// Whether a run may get to a position without any of these steps.
    fn reaches(&self, to: usize, without: &[usize]) -> bool {
        self.leads(0, to, without)
    }

    fn leads(&self, from: usize, to: usize, without: &[usize]) -> bool {
        let mut reached = vec![false; self.next.len() + 1];
        if let Some(start) = reached.get_mut(from) {
            *start = true;
        }
        for (at, next) in self.next.iter().enumerate() {
            let passes = reached.get(at) == Some(&true) && !without.contains(&at);
            for to in next.iter().filter(|_| passes) {
                if let Some(reached) = reached.get_mut(*to) {
                    *reached = true;
                }
            }
        }
        reached.get(to) == Some(&true)
    }

    /// Whether every run gets to a step.
    fn always(&self, at: usize) -> bool {
        !self.reaches(self.next.len(), &[at])
    }

    /// Whether an expression of the step at a position can have a value.
    fn judge(
        &self,
        expression: &Expression,
        at: usize,
        ids: &[String],
        may_be_null: bool,
    ) -> Result<(), String> {
        let mut named = Vec::new();
        for id in expression.steps() {
            let Some(step) = ids.iter().position(|known| known == id) else {
                let hint = hint(id, ids.iter().map(String::as_str));
                return Err(format!("there is no step {id:?}{hint}"));
            };
            if step >= at || !self.leads(step, at, &[]) {
                return Err(format!(
                    "the step {id:?} cannot have run when {:?} does",
                    ids.get(at).map_or("", String::as_str)
                ));
            }
            named.push(step);
        }
        let is_sure = may_be_null || expression.has_others() || !self.reaches(at, &named);
        match is_sure {
            true => Ok(()),
            false => Err(format!(
                "{} may not have run when {:?} does: write what stands for it then after ||",
                expression
                    .steps()
                    .map(|id| format!("{id:?}"))
                    .collect::<Vec<_>>()
                    .join(" and "),
                ids.get(at).map_or("", String::as_str)
            )),
        }
    }
}

impl Workflow {
    /// Holds every step against the actions there are: their names, the fields
    /// of their configs, and the values that are written out. Sends nothing.
    pub fn check(&self, actions: &[Action]) -> Result<(), Faults> {
        let mut faults = Vec::new();
        for step in &self.steps {
            let What::Action { name, mark, config } = &step.what else {
                continue;
            };
            match actions.iter().find(|action| action.name == *name) {
                Some(action) => fields(action, *mark, config, &mut faults),
                None => {
                    let names = actions.iter().map(|action| action.name.as_str());
                    let hint = hint(name, names);
                    faults.push(fault(*mark, format!("there is no action {name:?}{hint}")));
                }
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Faults(faults)),
        }
    }

    /// Finds what the input lacks that every run needs, before anything is sent.
    pub(super) fn check_input(&self, scope: &Scope<'_>) -> Result<(), Faults> {
        let graph = Graph::of(self);
        let mut faults = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            if !graph.always(at) {
                continue;
            }
            for (expression, may_be_null) in expressions(&step.what) {
                if may_be_null || expression.steps().next().is_some() {
                    continue;
                }
                let value = expression.needed(scope);
                faults.extend(value.err().map(|message| fault(expression.mark, message)));
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Faults(faults)),
        }
    }
}

/// A config's fields, as far as they can be judged before they are filled in.
fn fields(action: &Action, mark: Mark, config: &[Field], faults: &mut Vec<Error>) {
    let missing: Vec<String> = action
        .inputs
        .iter()
        .filter(|input| input.required && !config.iter().any(|field| field.name == input.name))
        .map(|input| format!("{:?}", input.name))
        .collect();
    if !missing.is_empty() {
        let message = format!("{} needs {}", action.name, missing.join(" and "));
        faults.push(fault(mark, message));
    }
    for field in config {
        if let Some(input) = action.inputs.iter().find(|input| input.name == field.name) {
            if let (Template::Plain(value), false) = (&field.value, suits(input, &field.value)) {
                let message = format!(
                    "{:?} of {} should be {}, not {value}",
                    field.name,
                    action.name,
                    wanted(input.type_)
                );
                faults.push(fault(field.mark, message));
            }
            continue;
        }
        let others = action.parameters.iter().map(String::as_str).chain(OPTIONS);
        if !others.clone().any(|name| name == field.name) {
            let inputs = action.inputs.iter().map(|input| input.name.as_str());
            let hint = hint(&field.name, inputs.chain(others));
            let message = format!("{} has no {:?}{hint}", action.name, field.name);
            faults.push(fault(field.mark, message));
        }
    }
}

/// Whether a value that is written out is of an input's type.
fn suits(input: &ActionInput, value: &Template) -> bool {
    let Template::Plain(value) = value else {
        return true;
    };
    match input.type_ {
        InputType::Text => matches!(value, Value::String(_) | Value::Number(_)),
        InputType::Integer | InputType::Amount => match value {
            Value::Number(number) => {
                let digits = number.to_string();
                digits
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'-')
            }
            _ => false,
        },
        InputType::Boolean => value.is_boolean(),
        // A list or mapping is a template of its own.
        InputType::Array => false,
        InputType::Object => value.as_str() == Some(""),
    }
}

fn wanted(kind: InputType) -> &'static str {
    match kind {
        InputType::Text => "a string",
        InputType::Integer => "a whole number",
        InputType::Amount => "a whole number of the currency's smallest unit",
        InputType::Boolean => "true or false",
        InputType::Array => "a list",
        InputType::Object => "an object",
    }
}
