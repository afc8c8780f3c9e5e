//! Running a workflow for each event: the event is what its templates read as
//! `input`, and its id is the run's, so that a delivery that is repeated repeats
//! the same steps under the same idempotency keys.

use serde_json::Value;

use super::action::{Acting, Action, ActionError, Event};
use crate::plugin::{Connection, Plugin};
use crate::workflow::{RunOptions, Told, Workflow};

/// Runs a workflow for each event.
///
/// `{{input…}}` is the event as JSON, `{{now}}` the time at which it came about.
/// Steps that write are sent under the key `workflow-TAG-EVENT-STEP`, of which the
/// tag stands for the workflow's name: of a run that failed half-way, nothing that
/// was done is done again when Stripe delivers the event once more within 24
/// hours, for which Stripe keeps what it answered to a key. It keeps failures too:
/// a step that Stripe began and refused, such as a declined card, is answered so
/// till then. After 24 hours, which Stripe's last deliveries come after, all steps
/// are run anew.
#[derive(Debug)]
pub struct RunWorkflow {
    /// Sets the keys of one workflow apart from those of another.
    tag: String,
    workflow: Workflow,
    plugin: Plugin,
    connection: Connection,
}

impl RunWorkflow {
    /// Runs a workflow through a connection.
    pub fn new(workflow: Workflow, plugin: Plugin, connection: Connection) -> RunWorkflow {
        RunWorkflow {
            tag: workflow.tag(),
            workflow,
            plugin,
            connection,
        }
    }
}

impl Action for RunWorkflow {
    fn act<'a>(&'a self, event: &'a Event) -> Acting<'a> {
        Box::pin(async move {
            let input: Value = serde_json::from_str(&event.payload)
                .map_err(|error| ActionError::new(format!("the event is not JSON: {error}")))?;
            let options = RunOptions {
                run_id: Some(format!("{}-{}", self.tag, event.known_by)),
                now: came_about(&input),
            };
            let mut steps = 0;
            let ended = self
                .workflow
                .run_with(&self.plugin, &self.connection, &input, options, |told| {
                    if let Told::Ran(_) = told {
                        steps += 1;
                    }
                })
                .await;
            match ended {
                Ok(_) => Ok(format!("workflow ran, {steps} steps")),
                Err(stopped) => {
                    let detail = format!("workflow: {stopped}");
                    Err(ActionError::new("the workflow failed").with_detail(detail))
                }
            }
        })
    }
}

/// When an event came about, as `{{now}}` is written: snapshot events say it in
/// seconds, thin ones in that very form. Always the same for one event.
fn came_about(event: &Value) -> Option<String> {
    match event.get("created")? {
        Value::String(time) => Some(time.clone()),
        seconds => Some(crate::sandbox::calendar::iso_8601(seconds.as_i64()?)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_events_time_is_its_own() {
        let snapshot = json!({"created": 1_700_000_000});
        assert_eq!(
            came_about(&snapshot).as_deref(),
            Some("2023-11-14T22:13:20.000Z")
        );
        let thin = json!({"created": "2026-11-21T12:00:00.000Z"});
        assert_eq!(
            came_about(&thin).as_deref(),
            Some("2026-11-21T12:00:00.000Z")
        );
        assert_eq!(came_about(&json!({})), None);
    }
}
