//! Running a workflow: its steps in order, each filled in from the input and from
//! what came before. Owns the run's id and the idempotency keys made of it; how a
//! step is called is the plugin's.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::template::Scope;
use super::{Condition, Faults, Field, What, Workflow};
use crate::actions::ActionEffect;
use crate::bindings::types::Response;
use crate::plugin::{CallError, Connection, Plugin};
use crate::sandbox::calendar::iso_8601;

/// Longest id of a run, in characters: with a step's it makes an idempotency
/// key, of which Stripe takes 255.
const MAX_RUN_ID: usize = 100;

/// What sets one run apart.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Made of letters, digits, `-`, `_`, `.` and `:`, at most 100. None: a
    /// random one.
    ///
    /// Every step that writes is sent under the idempotency key
    /// `workflow-RUN-STEP`, unless its config has one. So a run that failed
    /// half-way, repeated with the same id, input and time within 24 hours, does
    /// nothing twice: Stripe repeats the answers of what it has done.
    pub run_id: Option<String>,
    /// What `{{now}}` is, such as `2026-11-21T12:00:00.000Z`. None: the time at
    /// which the run begins.
    pub now: Option<String>,
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Told<'w> {
    /// The next thing that is sent writes, and nothing before it did. Told before
    /// it is sent: who is cut off after this needs the run's id, since a run under
    /// another one would do it again.
    Writes {
        /// The run's id.
        run_id: &'w str,
        /// What `{{now}}` is.
        now: &'w str,
    },
    /// A step has run.
    Ran(Ran<'w>),
}

/// A step that has run.
#[derive(Debug)]
pub struct Ran<'w> {
    /// Its id.
    pub id: &'w str,
    /// What it did.
    pub what: WhatRan<'w>,
    /// How long it took.
    pub took: Duration,
}

/// What a step did.
#[derive(Debug)]
pub enum WhatRan<'w> {
    /// It ran an action.
    Action {
        /// The action's name.
        name: &'w str,
        /// How that went.
        result: &'w Result<Response, CallError>,
    },
    /// It compared.
    Condition {
        /// The left side, filled in.
        left: &'w Value,
        /// The operator.
        operator: &'static str,
        /// The right side, filled in.
        right: &'w Value,
        /// Whether it held.
        holds: bool,
        /// The step it went on with; none ended the run.
        next: Option<&'w str>,
    },
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// What `{{now}}` was.
    pub now: String,
    /// What each step that ran returned, by id: the body of an action, whether a
    /// condition held.
    pub outputs: HashMap<String, Value>,
}

/// A run that did not.
#[derive(Debug)]
pub enum Stopped {
    /// The workflow, its input or its options are wrong; nothing was sent.
    Refused(Faults),
    /// No run was begun: the component could not be asked for its actions.
    Unready(Box<CallError>),
    /// A step failed; those before it have run.
    Failed {
        /// The run's id, to repeat it with.
        run_id: String,
        /// What `{{now}}` was, to repeat it with.
        now: String,
        /// The step's id.
        step: String,
        /// Why. A place in its config is seen from the file:
        /// `steps[2].config.amount`.
        error: Box<CallError>,
    },
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stopped::Refused(faults) => faults.fmt(f),
            Stopped::Unready(error) => error.fmt(f),
            Stopped::Failed { step, error, .. } => write!(f, "the step {step:?} failed: {error}"),
        }
    }
}

impl std::error::Error for Stopped {}

impl Workflow {
    /// Runs the workflow with a value for `{{input…}}` (which `{{trigger…}}` is
    /// too). Everything that can be known beforehand is checked before the first
    /// step.
    pub async fn run(
        &self,
        plugin: &Plugin,
        connection: &Connection,
        input: &Value,
    ) -> Result<Run, Stopped> {
        self.run_with(plugin, connection, input, RunOptions::default(), |_| {})
            .await
    }

    /// The same with options. `told` is told of every step when it has run, and of
    /// the first that writes before it is sent.
    pub async fn run_with(
        &self,
        plugin: &Plugin,
        connection: &Connection,
        input: &Value,
        options: RunOptions,
        mut told: impl FnMut(&Told<'_>),
    ) -> Result<Run, Stopped> {
        let id = run_id(options.run_id).map_err(|message| self.refused(message))?;
        let now = options.now.unwrap_or_else(time);
        let actions = plugin
            .list_actions()
            .await
            .map_err(|error| Stopped::Unready(Box::new(error)))?;
        self.check(&actions).map_err(Stopped::Refused)?;
        let mut outputs = HashMap::new();
        let scope = Scope {
            input,
            now: &now,
            outputs: &outputs,
        };
        self.check_input(&scope).map_err(Stopped::Refused)?;
        let mut has_written = false;
        let mut at = 0;
        while let Some(step) = self.steps.get(at) {
            let begun = Instant::now();
            let scope = Scope {
                input,
                now: &now,
                outputs: &outputs,
            };
            let failed = |error: CallError| Stopped::Failed {
                run_id: id.clone(),
                now: now.clone(),
                step: step.id.clone(),
                error: Box::new(in_file(error, at)),
            };
            let (output, next) = match &step.what {
                What::Action { name, config, .. } => {
                    let action = actions.iter().find(|action| action.name == *name);
                    let key = format!("workflow-{id}-{}", step.id);
                    let writes = action.is_none_or(|it| it.effect != ActionEffect::Read);
                    let key = writes.then_some(key);
                    let result = match filled(config, &scope, key) {
                        Ok(config) => {
                            if writes && !has_written {
                                has_written = true;
                                told(&Told::Writes {
                                    run_id: &id,
                                    now: &now,
                                });
                            }
                            plugin.run_action(connection, name, config).await
                        }
                        Err(error) => Err(error),
                    };
                    told(&Told::Ran(Ran {
                        id: &step.id,
                        what: WhatRan::Action {
                            name,
                            result: &result,
                        },
                        took: begun.elapsed(),
                    }));
                    (body(result.map_err(failed)?), at + 1)
                }
                What::Condition(condition) => {
                    let (left, right, holds) = compared(condition, &scope).map_err(failed)?;
                    let next = match holds {
                        true => condition.then.first,
                        false => condition.otherwise.first,
                    };
                    told(&Told::Ran(Ran {
                        id: &step.id,
                        what: WhatRan::Condition {
                            left: &left,
                            operator: condition.operator.as_str(),
                            right: &right,
                            holds,
                            next: self.steps.get(next).map(|step| step.id.as_str()),
                        },
                        took: begun.elapsed(),
                    }));
                    (Value::Bool(holds), next)
                }
            };
            outputs.insert(step.id.clone(), output);
            at = next;
        }
        Ok(Run { id, now, outputs })
    }

    fn refused(&self, message: String) -> Stopped {
        let mark = self.root.mark;
        Stopped::Refused(Faults(vec![crate::yaml::Error { mark, message }]))
    }
}

fn run_id(given: Option<String>) -> Result<String, String> {
    let Some(id) = given else {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| format!("the system has no random numbers: {error}"))?;
        return Ok(format!("{:016x}", u64::from_ne_bytes(random)));
    };
    let is_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if id.is_empty() || id.len() > MAX_RUN_ID || !id.chars().all(is_key) {
        return Err(format!(
            "the id of a run should be 1 to {MAX_RUN_ID} letters, digits and \"-\", \"_\", \".\", \
             \":\""
        ));
    }
    Ok(id)
}

fn time() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    iso_8601(i64::try_from(since.as_secs()).unwrap_or_default())
}

/// A config with its templates filled in, as JSON, and with this key where it has
/// none.
fn filled(config: &[Field], scope: &Scope<'_>, key: Option<String>) -> Result<String, CallError> {
    let mut out = Map::new();
    for field in config {
        let place = format!("config.{}", field.name);
        let value = field
            .value
            .fill(scope, &place)
            .map_err(|(place, message)| wrong(place, &message))?;
        out.insert(field.name.clone(), value);
    }
    if let (Some(key), false) = (key, out.contains_key("idempotencyKey")) {
        out.insert("idempotencyKey".to_owned(), Value::String(key));
    }
    Ok(Value::Object(out).to_string())
}

fn compared(condition: &Condition, scope: &Scope<'_>) -> Result<(Value, Value, bool), CallError> {
    let side = |template: &super::Template, name: &str| {
        let place = format!("config.conditions.{name}");
        match condition.operator.takes_null() {
            true => template.fill_or_null(scope, &place),
            false => template.fill(scope, &place),
        }
        .map_err(|(place, message)| wrong(place, &message))
    };
    let left = side(&condition.left, "left")?;
    let right = side(&condition.right, "right")?;
    let holds = condition
        .operator
        .holds(&left, &right)
        .map_err(|message| wrong("config.conditions".to_owned(), &message))?;
    Ok((left, right, holds))
}

fn wrong(place: String, message: &str) -> CallError {
    CallError::refused("argument_error", Some(place), format!("{message}."))
}

/// A place in a step's config, seen from the file.
fn in_file(mut error: CallError, at: usize) -> CallError {
    error.failure.path = error.failure.path.map(|path| match path.as_str() {
        inside if inside.starts_with("config") => format!("steps[{at}].{inside}"),
        "name" => format!("steps[{at}].action"),
        _ => path,
    });
    error
}

/// An answer as templates see it, its numbers' digits kept.
fn body(response: Response) -> Value {
    serde_json::from_str(&response.body).unwrap_or(Value::String(response.body))
}
