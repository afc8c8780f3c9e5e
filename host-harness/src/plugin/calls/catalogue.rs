//! `catalogue`: what there is to call, and how. These calls need no connection
//! and send nothing.

use super::super::connection::Via;
use super::super::{CallError, Lease, Plugin};
use crate::bindings::catalogue::{Operation, OperationFilter, PluginManifest, Problem};
use crate::bindings::exports::lowcode::stripe::catalogue::{Guest, GuestIndices};

impl Plugin {
    /// What the component is, and what it needs of a host.
    pub async fn manifest(&self) -> Result<PluginManifest, CallError> {
        let (mut lease, catalogue) = self.catalogue().await?;
        let manifest = self.in_time(catalogue.call_manifest(lease.store())).await;
        lease.finished(manifest)
    }

    /// JSON Schema (2020-12) of the properties that
    /// [`Plugin::parse_connection`] takes.
    pub async fn connection_schema(&self) -> Result<String, CallError> {
        let (mut lease, catalogue) = self.catalogue().await?;
        let schema = self
            .in_time(catalogue.call_connection_schema(lease.store()))
            .await;
        lease.finished(schema)
    }

    /// The operations a filter asks for, sorted by name. A filter that matches
    /// nothing is an error that names the nearest there are.
    pub async fn operations(&self, filter: &OperationFilter) -> Result<Vec<Operation>, CallError> {
        let (mut lease, catalogue) = self.catalogue().await?;
        let found = self
            .in_time(catalogue.call_operations(lease.store(), filter))
            .await;
        Ok(lease.finished(found)??)
    }

    /// JSON Schema (2020-12) of one operation's arguments, as a list.
    pub async fn describe_operation(
        &self,
        resource: &str,
        method: &str,
    ) -> Result<String, CallError> {
        let (mut lease, catalogue) = self.catalogue().await?;
        let schema = self
            .in_time(catalogue.call_describe_operation(lease.store(), resource, method))
            .await;
        Ok(lease.finished(schema)??)
    }

    /// Everything that is wrong with a call's arguments, which are JSON; nothing
    /// is sent.
    pub async fn validate_args(
        &self,
        resource: &str,
        method: &str,
        args: impl Into<String>,
    ) -> Result<Vec<Problem>, CallError> {
        let args = args.into();
        let (mut lease, catalogue) = self.catalogue().await?;
        let problems = self
            .in_time(catalogue.call_validate_args(lease.store(), resource, method, &args))
            .await;
        Ok(lease.finished(problems)??)
    }

    /// An instance, and its interface `catalogue`. A component without one is
    /// good for everything else.
    async fn catalogue(&self) -> Result<(Lease<'_>, Guest), CallError> {
        let indices = GuestIndices::new(&self.inner.pre).map_err(|_| {
            CallError::refused(
                "configuration_error",
                None,
                "This component has no catalogue: it does not export lowcode:stripe/catalogue."
                    .to_owned(),
            )
        })?;
        let mut lease = self.lease(&Via::default()).await?;
        let catalogue = lease.interface(|store, exports| indices.load(store, exports))?;
        Ok((lease, catalogue))
    }
}
