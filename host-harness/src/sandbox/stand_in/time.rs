//! What happens without a request of Stripe's: time passes, and the sandbox's own paths are asked. It
//! owns the order of these changes; what they are is the families' affair.

use super::super::control;
use super::super::errors::StripeError;
use super::super::events::{self, Asked};
use super::super::families;
use super::super::shapes::Object;
use super::super::world::{Outcome, World};
use super::{StandIn, State, world};

/// The most changes that time makes before one request. It is far above what any advance of the
/// clock needs, and there so that no mistake can make a request endless.
const MAX_DUE: usize = 100_000;

impl StandIn {
    /// Makes the changes that time alone has brought since an account was last looked at.
    pub(super) fn let_time_pass(&self, state: &mut State, account: &str) {
        // What a request that broke off has left behind is none of this one's changes.
        state.store(account).roll_back();
        let now = self.time(state);
        for _ in 0..MAX_DUE {
            let entry = state.accounts.entry(account.to_owned()).or_default();
            let Some((time, (kind, id))) = entry.agenda.next(now) else {
                return;
            };
            let mut ids = vec![id];
            if kind == "balance_transaction" {
                // What becomes available at the same time is one event.
                while let Some(id) = entry.agenda.next_like(time, &kind) {
                    ids.push(id);
                }
            }
            let platform = state.platform_listeners(account);
            let mut world = world(state, account, time);
            let changed = ids
                .iter()
                .try_for_each(|id| change_by_time(&mut world, &kind, id));
            if changed.is_err() {
                world.store.roll_back();
                continue;
            }
            let version = &self.options.api_version;
            events::record(&mut world, Asked::default(), version, &platform);
            if self.commit(state, account, &[], false).is_err() {
                // It is still due when the disk works again.
                let entry = state.accounts.entry(account.to_owned()).or_default();
                for id in ids {
                    let object = entry.store.get(&kind, &id);
                    entry.agenda.note((kind.clone(), id), object);
                }
                return;
            }
        }
    }

    /// Answers a request for one of the sandbox's own paths.
    pub(super) fn control(
        &self,
        state: &mut State,
        method: &str,
        path: &str,
        account: &str,
        params: &Object,
        request_id: &str,
    ) -> Result<Outcome, StripeError> {
        if let Some(seconds) = control::advance(method, path, params)? {
            let before = state.clock_offset;
            state.clock_offset = before.saturating_add(seconds);
            if let Err(error) = self.commit(state, account, &[], true) {
                state.clock_offset = before;
                return Err(error);
            }
            // Every account's time passes when it is next asked; this one's passes now.
            self.let_time_pass(state, account);
        } else if path != control::CLOCK {
            self.let_time_pass(state, account);
            let now = self.time(state);
            let platform = state.platform_listeners(account);
            let mut world = world(state, account, now);
            let result = control::act(&mut world, method, path, params);
            if result
                .as_ref()
                .map_or_else(|error| error.keeps_changes, |_| true)
            {
                let asked = Asked {
                    request_id: Some(request_id),
                    idempotency_key: None,
                };
                events::record(&mut world, asked, &self.options.api_version, &platform);
            } else {
                world.store.roll_back();
            }
            self.commit(state, account, &[], false)?;
            return result;
        }
        Ok(Outcome::Json(control::clock(self.time(state))))
    }
}

/// Makes the change to an object that time alone brings.
fn change_by_time(world: &mut World<'_>, kind: &str, id: &str) -> Result<(), StripeError> {
    if let Some(mut object) = world.store.get(kind, id).cloned() {
        families::of(kind).fall_due(world, &mut object)?;
        world.store.put(kind, object);
    }
    Ok(())
}
