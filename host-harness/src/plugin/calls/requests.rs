//! `requests`: calls to Stripe, and their dry runs.

use tracing::Instrument as _;
use tracing::field::Empty;

use super::super::{CallError, Connection, Plugin};
use super::record;
use crate::bindings::types;

impl Plugin {
    /// Calls one method of one resource; `args` is JSON, not copied where it is
    /// a `String`.
    pub async fn request(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: impl Into<String>,
    ) -> Result<types::Response, CallError> {
        let span = tracing::info_span!(
            "request",
            resource,
            method,
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        let args = args.into();
        let call = async {
            let mut lease = self.lease(connection.via()).await?;
            let requests = lease.requests()?;
            let store = lease.store();
            let answered = self
                .in_time(requests.call_request(store, connection.record(), resource, method, &args))
                .await;
            lease.answered(answered)
        };
        let result = call.instrument(span.clone()).await;
        record(&span, &result);
        result
    }

    /// Calls the method that Lowdefy's nested form names; `properties` is JSON.
    pub async fn stripe_request(
        &self,
        connection: &Connection,
        properties: impl Into<String>,
    ) -> Result<types::Response, CallError> {
        let span = tracing::info_span!(
            "stripe_request",
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        let properties = properties.into();
        let call = async {
            let mut lease = self.lease(connection.via()).await?;
            let requests = lease.requests()?;
            let store = lease.store();
            let answered = self
                .in_time(requests.call_stripe_request(store, connection.record(), &properties))
                .await;
            lease.answered(answered)
        };
        let result = call.instrument(span.clone()).await;
        record(&span, &result);
        result
    }

    /// What [`Plugin::request`] would send, without sending it.
    pub async fn plan(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: impl Into<String>,
    ) -> Result<types::Planned, CallError> {
        let args = args.into();
        let mut lease = self.lease(connection.via()).await?;
        let requests = lease.requests()?;
        let store = lease.store();
        let planned = self
            .in_time(requests.call_plan(store, connection.record(), resource, method, &args))
            .await;
        let mut planned = lease.finished(planned)??;
        if let types::Planned::Http(request) = &mut planned {
            let own = connection.via().injected.as_ref();
            let keys = own.into_iter().chain(&self.inner.fallback);
            keys.for_each(|key| key.hide_in_plan(request));
        }
        Ok(planned)
    }

    /// What [`Plugin::plan`] costs in an instance that has made a call before,
    /// in fuel units; needs [`HostOptions::max_fuel`].
    pub async fn cost_of_plan(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: &str,
    ) -> Result<u64, CallError> {
        let args = args.to_owned();
        let mut cost = 0;
        let mut lease = self.lease(connection.via()).await?;
        let requests = lease.requests()?;
        for _ in 0..2 {
            let store = lease.store();
            let before = store.get_fuel();
            let planned = requests
                .call_plan(&mut *store, connection.record(), resource, method, &args)
                .await;
            match planned {
                Ok(planned) => planned?,
                Err(error) => return Err(lease.stopped(&error)),
            };
            match (before, lease.store().get_fuel()) {
                (Ok(before), Ok(after)) => cost = before.saturating_sub(after),
                _ => {
                    return Err(CallError::execution_failed(
                        "Fuel is not counted: set max_fuel.".to_owned(),
                    ));
                }
            }
        }
        Ok(cost)
    }
}
