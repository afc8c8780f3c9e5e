//! `webhooks`: deliveries, verified and read.

use super::{Plugin, wall_clock};
use crate::contract::exports::lowcode::stripe::webhooks::Guest;
use crate::secret::Secret;
use crate::types::Error;
use crate::webhook::{Delivery, Kind, unverified};

impl Guest for Plugin {
    fn construct_event(
        payload: String,
        signature_header: String,
        secrets: Vec<String>,
        tolerance: Option<u32>,
        received_at: Option<u32>,
    ) -> Result<String, Error> {
        let terms = (secrets, tolerance, received_at);
        verified(payload, &signature_header, terms, Kind::Snapshot)
    }

    fn construct_event_without_verification(payload: String) -> Result<String, Error> {
        Ok(unverified(&payload, Kind::Snapshot)?)
    }

    fn parse_event_notification(
        payload: String,
        signature_header: String,
        secrets: Vec<String>,
        tolerance: Option<u32>,
        received_at: Option<u32>,
    ) -> Result<String, Error> {
        let terms = (secrets, tolerance, received_at);
        verified(payload, &signature_header, terms, Kind::Thin)
    }

    fn parse_event_notification_without_verification(payload: String) -> Result<String, Error> {
        Ok(unverified(&payload, Kind::Thin)?)
    }
}

fn verified(
    payload: String,
    header: &str,
    (secrets, tolerance, received_at): (Vec<String>, Option<u32>, Option<u32>),
    kind: Kind,
) -> Result<String, Error> {
    let secrets: Vec<Secret> = secrets.into_iter().map(Secret::new).collect();
    let delivery = Delivery {
        payload: &payload,
        header,
        secrets: &secrets,
        tolerance,
        received_at,
    };
    delivery.verify(kind, wall_clock)?;
    Ok(payload)
}
