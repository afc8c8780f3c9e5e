//! Requests held in flight, so that a test can look at what happens meanwhile. It owns who waits for
//! what; it knows nothing of what the requests do.

use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// While this lives, requests for its path stay unanswered: they have been checked, and their
/// idempotency key is taken, but nothing was executed. Dropping it lets them go on.
#[derive(Debug)]
pub struct Held {
    arrived: watch::Receiver<usize>,
    _release: watch::Sender<()>,
}

impl Held {
    /// Waits until this many requests are held.
    pub async fn arrived(&mut self, count: usize) {
        // An error means that the sandbox is gone, and then no request will come.
        let _ = self.arrived.wait_for(|arrived| *arrived >= count).await;
    }
}

#[derive(Debug)]
struct Hold {
    path: String,
    arrived: watch::Sender<usize>,
    released: watch::Receiver<()>,
}

/// All that is held at the moment.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<Vec<Hold>>);

impl Holds {
    /// Holds the requests for a path from now on.
    pub(crate) fn hold(&self, path: &str) -> Held {
        let (count, arrived) = watch::channel(0);
        let (release, released) = watch::channel(());
        self.lock().push(Hold {
            path: path.to_owned(),
            arrived: count,
            released,
        });
        Held {
            arrived,
            _release: release,
        }
    }

    /// Waits while requests for this path are held.
    pub(crate) async fn wait(&self, path: &str) {
        let mut waits = Vec::new();
        {
            let mut holds = self.lock();
            // A hold whose other end is gone is none any more.
            holds.retain(|hold| hold.released.has_changed().is_ok());
            for hold in holds.iter().filter(|hold| hold.path == path) {
                hold.arrived.send_modify(|arrived| *arrived += 1);
                waits.push(hold.released.clone());
            }
        }
        for mut released in waits {
            while released.changed().await.is_ok() {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Hold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
