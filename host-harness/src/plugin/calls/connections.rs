//! `connections`: from properties to a connection, and what only the host
//! applies of one.

use std::sync::{Arc, PoisonError};

use serde_json::Value;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::super::connection::{self, Connection, Via};
use super::super::{CallError, Plugin};
use super::record_failure;
use crate::bindings::exports::lowcode::stripe::connections::CheckedConnection;
use crate::bindings::types;
use crate::policy::is_loopback;
use crate::secret::{Injected, NoRandom};
use crate::transport::Route;

impl Plugin {
    /// Turns a connection's properties, as a JSON object, into a connection.
    ///
    /// Transport properties (`httpVersion`, `proxy`, `secureSocket`) are
    /// applied if the host takes them from connections, else refused.
    pub async fn parse_connection(
        &self,
        properties: impl Into<String>,
    ) -> Result<Connection, CallError> {
        let properties = properties.into();
        let (properties, injected) = match self.inner.options.inject_key {
            true => without_key(&properties)?,
            false => (properties, None),
        };
        let mut lease = self.lease(&Via::default()).await?;
        let indices = &self.inner.connections;
        let connections = lease.interface(|store, exports| indices.load(store, exports))?;
        // The generated calls take the contract's `json` as `&String`.
        let parsed = self
            .in_time(connections.call_parse_connection(lease.store(), &properties))
            .await;
        let record = lease.finished(parsed)??;
        let connection = self.connect(record, injected)?;
        for warning in connection.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(connection)
    }

    /// Asks Stripe whether a connection works, and what its key may not do.
    pub async fn check_connection(
        &self,
        connection: &Connection,
    ) -> Result<CheckedConnection, CallError> {
        let span = tracing::info_span!(
            "check_connection",
            latency = Empty,
            lacking = Empty,
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        let call = async {
            let mut lease = self.lease(connection.via()).await?;
            let indices = &self.inner.connections;
            let connections = lease.interface(|store, exports| indices.load(store, exports))?;
            let store = lease.store();
            let checked = self
                .in_time(connections.call_check_connection(store, connection.record()))
                .await;
            lease.answered(checked)
        };
        let result = call.instrument(span.clone()).await;
        match &result {
            Ok(checked) => {
                span.record("latency", checked.latency);
                span.record("lacking", checked.lacking.len());
            }
            Err(error) => record_failure(&span, error),
        }
        result
    }

    /// Takes a connection's record that was made elsewhere.
    pub fn connection(&self, mut record: types::Connection) -> Result<Connection, CallError> {
        let injected = match record.secret_key.take() {
            Some(key) if self.inner.options.inject_key => {
                let injected = Injected::new(key.into()).ok_or_else(no_random)?;
                record.secret_key = Some(injected.placeholder().to_owned());
                for (_, value) in record.headers.iter_mut().flatten() {
                    injected.hide(value);
                }
                Some(injected)
            }
            key => {
                record.secret_key = key;
                None
            }
        };
        self.connect(record, injected)
    }

    fn connect(
        &self,
        mut record: types::Connection,
        injected: Option<Injected>,
    ) -> Result<Connection, CallError> {
        let route = match record.transport.take() {
            Some(settings) => Some(self.route(settings, record.base_url.as_deref())?),
            None => None,
        };
        Ok(Connection::new(record, Via { route, injected }))
    }

    /// The way to Stripe that a connection's settings ask for.
    fn route(
        &self,
        settings: types::Transport,
        base_url: Option<&str>,
    ) -> Result<Arc<Route>, CallError> {
        let refuse = |refusal: crate::transport::Refusal| {
            connection::refused(refusal.place, refusal.message)
        };
        let options = &self.inner.options;
        let mut routes = self
            .inner
            .routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        routes.retain(|(_, route)| route.strong_count() > 0);
        let known = routes.iter().find(|(known, _)| *known == settings);
        let route = match known.and_then(|(_, route)| route.upgrade()) {
            Some(route) => route,
            None => {
                let route = Arc::new(Route::new(&settings, options).map_err(refuse)?);
                routes.push((settings, Arc::downgrade(&route)));
                route
            }
        };
        if route.is_for_loopback() && !base_url.is_some_and(is_loopback) {
            return Err(refuse(route.unverified()));
        }
        Ok(route)
    }
}

/// Properties with a placeholder in place of the key. What is not JSON is the
/// component's to refuse, so nothing of it but its kind is passed on.
fn without_key(properties: &str) -> Result<(String, Option<Injected>), CallError> {
    match serde_json::from_str(properties) {
        Ok(mut properties @ Value::Object(_)) => {
            let injected = Injected::taken_from(&mut properties).map_err(|NoRandom| no_random())?;
            Ok((properties.to_string(), injected))
        }
        Ok(Value::Array(_)) => Ok(("[]".to_owned(), None)),
        Ok(Value::String(_)) => Ok((r#""""#.to_owned(), None)),
        Ok(other) => Ok((other.to_string(), None)),
        Err(error) => Err(CallError::refused(
            "configuration_error",
            Some("properties".to_owned()),
            format!(
                "The properties of a Stripe connection should be JSON; at line {}, column {} they \
                 are not.",
                error.line(),
                error.column()
            ),
        )),
    }
}

fn no_random() -> CallError {
    CallError::refused(
        "configuration_error",
        None,
        "The system has no random numbers for a key's placeholder.".to_owned(),
    )
}
