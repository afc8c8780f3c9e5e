//! Which events were dealt with, or are being dealt with: Stripe may deliver one
//! more than once. Bounded in number and in time; after a restart it is empty.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What is known of an event that arrives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is the caller's to deal with, until [`Claim`] is dropped.
    New,
    /// It is being dealt with.
    UnderWay,
    /// It was dealt with.
    Done,
}

/// The memory of events, by their ids.
#[derive(Debug)]
pub(super) struct Seen {
    inner: Mutex<Inner>,
    most: usize,
    kept_for: Duration,
}

#[derive(Debug, Default)]
struct Inner {
    /// When it was done; none while it is being done.
    events: HashMap<String, Option<Instant>>,
    /// Those that are done, the oldest first.
    done: VecDeque<(Instant, String)>,
}

/// An event that is being dealt with. Dropped, it may be dealt with anew.
#[derive(Debug)]
pub(super) struct Claim<'s> {
    seen: &'s Seen,
    id: Option<String>,
}

impl Seen {
    pub(super) fn new(most: usize, kept_for: Duration) -> Seen {
        Seen {
            inner: Mutex::default(),
            most: most.max(1),
            kept_for,
        }
    }

    /// Claims an event, if nobody has.
    pub(super) fn claim(&self, id: &str) -> (Known, Option<Claim<'_>>) {
        let mut inner = self.lock();
        inner.forget(Instant::now(), self.most, self.kept_for);
        match inner.events.get(id) {
            Some(Some(_)) => (Known::Done, None),
            Some(None) => (Known::UnderWay, None),
            None => {
                inner.events.insert(id.to_owned(), None);
                let claim = Claim {
                    seen: self,
                    id: Some(id.to_owned()),
                };
                (Known::New, Some(claim))
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget(&mut self, now: Instant, most: usize, kept_for: Duration) {
        while let Some((done, id)) = self.done.front() {
            let is_old = now.saturating_duration_since(*done) >= kept_for;
            if !is_old && self.done.len() <= most {
                return;
            }
            self.events.remove(id);
            self.done.pop_front();
        }
    }
}

impl Claim<'_> {
    /// The event is dealt with.
    pub(super) fn done(mut self) {
        if let Some(id) = self.id.take() {
            let now = Instant::now();
            let mut inner = self.seen.lock();
            inner.events.insert(id.clone(), Some(now));
            inner.done.push_back((now, id));
            inner.forget(now, self.seen.most, self.seen.kept_for);
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.seen.lock().events.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(seen: &Seen, id: &str) -> Known {
        seen.claim(id).0
    }

    fn do_it(seen: &Seen, id: &str) {
        seen.claim(id).1.unwrap().done();
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_dealt_with_once_and_remembered_for_a_while() {
        let seen = Seen::new(10, Duration::from_secs(100));
        let (known, claim) = seen.claim("evt_1");
        assert_eq!(known, Known::New);
        assert_eq!(claimed(&seen, "evt_1"), Known::UnderWay);
        // What was not done may be done anew.
        drop(claim);
        do_it(&seen, "evt_1");
        assert_eq!(claimed(&seen, "evt_1"), Known::Done);
        tokio::time::advance(Duration::from_secs(99)).await;
        assert_eq!(claimed(&seen, "evt_1"), Known::Done);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(claimed(&seen, "evt_1"), Known::New);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_events_are_remembered_than_there_is_room_for() {
        let seen = Seen::new(3, Duration::from_secs(100));
        for id in ["a", "b", "c", "d"] {
            do_it(&seen, id);
        }
        assert_eq!(claimed(&seen, "a"), Known::New);
        for id in ["b", "c", "d"] {
            assert_eq!(claimed(&seen, id), Known::Done, "{id}");
        }
        let inner = seen.inner.lock().unwrap();
        assert_eq!((inner.events.len(), inner.done.len()), (3, 3));
    }
}
