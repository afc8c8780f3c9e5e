//! `webhooks`: what Stripe sends by itself, verified and read by the component.

use super::super::connection::Via;
use super::super::{CallError, Lease, Plugin};
use crate::bindings::exports::lowcode::stripe::webhooks::Guest;

/// A webhook as it arrived, and what it is to be held against.
#[derive(Debug, Clone, Copy)]
pub struct Webhook<'w> {
    /// The body, exactly as it arrived.
    pub payload: &'w str,
    /// The value of its `stripe-signature` header; empty if it had none.
    pub signature_header: &'w str,
    /// Greatest age of the signature, in seconds. None: 300; 0: any.
    pub tolerance: Option<u32>,
    /// When it arrived, in seconds since 1970. None: now.
    pub received_at: Option<u32>,
}

impl Plugin {
    /// Verifies a webhook with any of these signing secrets, and returns the
    /// event in it.
    pub async fn construct_event(
        &self,
        webhook: Webhook<'_>,
        secrets: &[String],
    ) -> Result<String, CallError> {
        let mut lease = self.lease(&Via::default()).await?;
        let webhooks = self.webhooks(&mut lease)?;
        let ended = self
            .in_time(webhooks.call_construct_event(
                lease.store(),
                webhook.payload,
                webhook.signature_header,
                secrets,
                webhook.tolerance,
                webhook.received_at,
            ))
            .await;
        Ok(lease.finished(ended)??)
    }

    /// The same for a thin event (`v2.core.event`).
    pub async fn parse_event_notification(
        &self,
        webhook: Webhook<'_>,
        secrets: &[String],
    ) -> Result<String, CallError> {
        let mut lease = self.lease(&Via::default()).await?;
        let webhooks = self.webhooks(&mut lease)?;
        let ended = self
            .in_time(webhooks.call_parse_event_notification(
                lease.store(),
                webhook.payload,
                webhook.signature_header,
                secrets,
                webhook.tolerance,
                webhook.received_at,
            ))
            .await;
        Ok(lease.finished(ended)??)
    }

    /// The event in a payload without a signature, such as a cloud provider's
    /// envelope, that somebody else vouches for.
    pub async fn construct_event_without_verification(
        &self,
        payload: &str,
    ) -> Result<String, CallError> {
        let mut lease = self.lease(&Via::default()).await?;
        let webhooks = self.webhooks(&mut lease)?;
        let ended = self
            .in_time(webhooks.call_construct_event_without_verification(lease.store(), payload))
            .await;
        Ok(lease.finished(ended)??)
    }

    /// The same for a thin event (`v2.core.event`).
    pub async fn parse_event_notification_without_verification(
        &self,
        payload: &str,
    ) -> Result<String, CallError> {
        let mut lease = self.lease(&Via::default()).await?;
        let webhooks = self.webhooks(&mut lease)?;
        let ended = self
            .in_time(
                webhooks.call_parse_event_notification_without_verification(lease.store(), payload),
            )
            .await;
        Ok(lease.finished(ended)??)
    }

    /// The interface `webhooks` of an instance.
    fn webhooks(&self, lease: &mut Lease<'_>) -> Result<Guest, CallError> {
        let indices = &self.inner.webhooks;
        lease.interface(|store, exports| indices.load(store, exports))
    }
}
