//! The part of the stand-in that its courier asks: what is to be delivered, and what came of it. It
//! owns no rule of its own; those are `deliveries`'.

use super::super::Clock;
use super::super::deliveries::{self, Delivery, DeliveryAttempt, Outcome};
use super::StandIn;
use std::time::Duration;

/// The latest tries that are remembered.
const REMEMBERED: usize = 1000;

impl StandIn {
    /// The tries that are due by now, at most so many events' worth of them; they count as under
    /// way until [`StandIn::delivered`].
    pub(crate) fn due_deliveries(&self, most: usize) -> Vec<Delivery> {
        let mut state = self.lock();
        let state = &mut *state;
        let now = self.time(state);
        // A signature is held against real time, wherever the sandbox's own clock stands.
        let signed_at = Clock::System.now();
        let mut due = Vec::new();
        while due.len() < most
            && let Some(name) = state.deliveries.next(now)
        {
            let Some(entry) = state.accounts.get(&name.0) else {
                break;
            };
            let platform = state.accounts.get(&state.own_account);
            let platform = platform.map(|platform| &platform.store);
            let taken = state
                .deliveries
                .take(&name, &entry.store, platform, now, signed_at);
            due.extend(taken);
        }
        due
    }

    /// Notes how a try ended.
    pub(crate) fn delivered(&self, delivery: &Delivery, outcome: Outcome) {
        let (settled, now) = {
            let mut state = self.lock();
            let account = delivery.account.as_str();
            state.deliveries.ended(delivery);
            state.store(account).roll_back();
            let now = self.time(&state);
            let settled = deliveries::settle(state.store(account), delivery, outcome, now);
            // What the file does not hold did not happen: it is tried again after a restart.
            if self.commit(&mut state, account, &[], false).is_err() {
                return;
            }
            if let Some(settled) = &settled {
                state.attempts.push_back(settled.clone());
                if state.attempts.len() > REMEMBERED {
                    state.attempts.pop_front();
                }
            }
            (settled, now)
        };
        if let (Some(log), Some(settled)) = (&self.options.log, settled) {
            log.delivery(&settled, now);
        }
    }

    /// The latest tries to deliver webhooks, oldest first.
    pub fn deliveries(&self) -> Vec<DeliveryAttempt> {
        self.lock().attempts.iter().cloned().collect()
    }

    /// How long it is until the next try is due. None if none is, or if time stands still: then
    /// advancing the clock is a change like any other.
    pub(crate) fn until_next_delivery(&self) -> Option<Duration> {
        let state = self.lock();
        let wait = state
            .deliveries
            .next_time()?
            .saturating_sub(self.time(&state));
        match (u64::try_from(wait), self.options.clock) {
            (Err(_) | Ok(0), _) => Some(Duration::ZERO),
            (Ok(_), Clock::Fixed(_)) => None,
            (Ok(wait), Clock::System) => Some(Duration::from_secs(wait)),
        }
    }

    /// Waits until something has changed.
    pub(crate) async fn changed(&self) {
        self.changes.notified().await;
    }
}
