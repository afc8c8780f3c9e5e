//! `actions`: the ready-made actions, and running one.

use std::collections::HashMap;

use tracing::Instrument as _;
use tracing::field::Empty;

use super::super::{CallError, Connection, Plugin};
use super::record;
use crate::bindings::exports::lowcode::stripe::actions;
use crate::bindings::types;

impl Plugin {
    /// The ready-made actions there are: their names, fields and answers.
    pub async fn list_actions(&self) -> Result<Vec<actions::Action>, CallError> {
        let indices = self.actions()?;
        let mut lease = self.lease(&super::Via::default()).await?;
        let actions = lease.interface(|store, exports| indices.load(store, exports))?;
        let listed = self.in_time(actions.call_list_actions(lease.store())).await;
        lease.finished(listed)
    }

    /// Runs a ready-made action; `config` is a JSON object of its fields.
    pub async fn run_action(
        &self,
        connection: &Connection,
        name: &str,
        config: impl Into<String>,
    ) -> Result<types::Response, CallError> {
        let span = tracing::info_span!(
            "run_action",
            action = name,
            resource = Empty,
            method = Empty,
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        if !span.is_disabled()
            && let Some((resource, method)) = self.called_by(name).await
        {
            span.record("resource", resource);
            span.record("method", method);
        }
        let config = config.into();
        let call = async {
            let indices = self.actions()?;
            let mut lease = self.lease(connection.via()).await?;
            let actions = lease.interface(|store, exports| indices.load(store, exports))?;
            let store = lease.store();
            let answered = self
                .in_time(actions.call_run_action(store, connection.record(), name, &config))
                .await;
            lease.answered(answered)
        };
        let result = call.instrument(span.clone()).await;
        record(&span, &result);
        result
    }

    /// The resource and the method of an action, for its span.
    async fn called_by(&self, action: &str) -> Option<(&str, &str)> {
        let operations = self
            .inner
            .actions
            .get_or_try_init(async || {
                let actions = self.list_actions().await?;
                let named = actions.into_iter();
                Ok::<HashMap<_, _>, CallError>(
                    named
                        .map(|action| (action.name, action.operation))
                        .collect(),
                )
            })
            .await
            // Who runs the action is told what is wrong with the component.
            .ok()?;
        operations.get(action)?.rsplit_once('.')
    }

    /// Where the interface is in the component. Components of an earlier version
    /// do all but this.
    fn actions(&self) -> Result<actions::GuestIndices, CallError> {
        actions::GuestIndices::new(&self.inner.pre).map_err(|_| {
            CallError::refused(
                "configuration_error",
                None,
                "This component has no ready-made actions: it is of an earlier version.".to_owned(),
            )
        })
    }
}
