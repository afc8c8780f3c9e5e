//! What time it is inside the sandbox. It owns the one place where the system's clock is read, so
//! that a test can stop time; it knows nothing of what the time is used for.

use std::time::{SystemTime, UNIX_EPOCH};

/// The source of "now" for `created` and every other date, in Unix seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's own clock.
    #[default]
    System,
    /// Time stands still at this many Unix seconds, until it is advanced by hand.
    Fixed(i64),
}

impl Clock {
    /// Now, in Unix seconds.
    pub(crate) fn now(self) -> i64 {
        match self {
            Self::Fixed(seconds) => seconds,
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|elapsed| i64::try_from(elapsed.as_secs()).ok())
                .unwrap_or(0),
        }
    }
}
