//! How many calls a second are begun. Stripe counts reads and writes apart, so
//! there is a bucket for each; a 429 slows the one concerned.

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Calls a second where nothing else is said. Stripe allows 100 reads and 100
/// writes a second in live mode, 25 of each in test mode (docs, "Rate limits").
/// With the burst of a tenth that a bucket allows, no second has more than 99
/// or 24 calls, and something is left to whoever else uses the account.
const LIVE: u32 = 90;
const TEST: u32 = 22;

/// A bucket that has been idle lets a tenth of a second's calls go at once, so
/// that a short delay is caught up with.
const BURST: u32 = 10;

/// What is left of the rate after a 429.
const DECREASE: f64 = 0.5;

/// Part of the full rate that is won back in a second without a 429.
const RECOVERY: f64 = 0.05;

/// The slowest a bucket becomes, as a part of the full rate.
const SLOWEST: f64 = 1.0 / 64.0;

/// Longest wait a 429 can ask for. Stripe asks for seconds; anything longer is
/// some proxy's mistake, and the next 429 asks again.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// What a `--rate-limit` flag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rate {
    Off,
    PerSecond(u32),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        match text.parse() {
            _ if text == "off" => Ok(Rate::Off),
            Ok(rate) if (1..=100_000).contains(&rate) => Ok(Rate::PerSecond(rate)),
            _ => Err("write a number of calls a second from 1 to 100000, or off".to_owned()),
        }
    }
}

/// What a call counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// GET.
    Read,
    /// POST and DELETE.
    Write,
    /// No HTTP call at all.
    Local,
}

impl Kind {
    /// The kind of a planned request.
    pub(super) fn of(verb: &str) -> Kind {
        if verb == "GET" {
            Kind::Read
        } else {
            Kind::Write
        }
    }
}

/// The rate where no flag says one.
pub(super) fn default_rate(live: bool) -> Rate {
    Rate::PerSecond(if live { LIVE } else { TEST })
}

/// The buckets; one that is off is not there.
#[derive(Debug)]
pub(super) struct Limits {
    read: Option<Bucket>,
    write: Option<Bucket>,
}

impl Limits {
    pub(super) fn new(read: Rate, write: Rate) -> Limits {
        let bucket = |rate| match rate {
            Rate::Off => None,
            Rate::PerSecond(rate) => Some(Bucket::new(rate)),
        };
        Limits {
            read: bucket(read),
            write: bucket(write),
        }
    }

    /// Whether the kind of a call makes a difference.
    pub(super) fn are_on(&self) -> bool {
        self.read.is_some() || self.write.is_some()
    }

    /// The bucket of a call, if it has one.
    pub(super) fn bucket(&self, kind: Kind) -> Option<&Bucket> {
        match kind {
            Kind::Read => self.read.as_ref(),
            Kind::Write => self.write.as_ref(),
            Kind::Local => None,
        }
    }
}

/// Lets calls begin evenly spaced.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Held by the call whose turn it is, so that calls begin in order.
    turn: tokio::sync::Mutex<()>,
    pace: Mutex<Pace>,
}

/// How a call ended, as far as a bucket cares.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ending {
    /// Requests it made.
    pub(super) attempts: u32,
    /// Whether it failed with a 429.
    pub(super) limited: bool,
    /// How long Stripe asked to wait.
    pub(super) retry_after: Option<Duration>,
}

impl Bucket {
    fn new(rate: u32) -> Bucket {
        Bucket {
            turn: tokio::sync::Mutex::new(()),
            pace: Mutex::new(Pace::new(rate, Instant::now())),
        }
    }

    /// Waits until a call may begin; returns when it began.
    pub(super) async fn begin(&self) -> Instant {
        let _turn = self.turn.lock().await;
        loop {
            let now = Instant::now();
            let wait = self.pace().begin(now);
            if wait.is_zero() {
                return now;
            }
            // Looked at again afterwards: a 429 may have come in meanwhile.
            sleep(wait).await;
        }
    }

    /// Takes note of how a call ended that began then.
    pub(super) fn ended(&self, began: Instant, ending: Ending) {
        self.pace().ended(began, Instant::now(), ending);
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Pace {
    /// Calls a second where nothing is wrong.
    full: f64,
    /// Calls a second at `since`, from when on it rises.
    rate: f64,
    since: Instant,
    /// When the next call is due if all calls are evenly spaced.
    due: Instant,
    /// How long before it is due a call may begin: the burst.
    slack: Duration,
    /// Nothing begins before.
    held: Instant,
    /// When it was slowed last.
    slowed: Option<Instant>,
}

impl Pace {
    fn new(rate: u32, now: Instant) -> Pace {
        let full = f64::from(rate);
        let burst = (rate / BURST).max(1);
        Pace {
            full,
            rate: full,
            since: now,
            due: now,
            slack: Duration::from_secs_f64(f64::from(burst - 1) / full),
            held: now,
            slowed: None,
        }
    }

    fn rate(&self, now: Instant) -> f64 {
        let rising = now.saturating_duration_since(self.since).as_secs_f64();
        (self.rate + self.full * RECOVERY * rising).min(self.full)
    }

    fn interval(&self, now: Instant) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate(now))
    }

    /// Begins a call if one may begin now; else how long to wait.
    fn begin(&mut self, now: Instant) -> Duration {
        let early = self
            .due
            .saturating_duration_since(now)
            .saturating_sub(self.slack);
        let wait = early.max(self.held.saturating_duration_since(now));
        if wait.is_zero() {
            self.due = self.due.max(now) + self.interval(now);
        }
        wait
    }

    fn ended(&mut self, began: Instant, now: Instant, ending: Ending) {
        // The repetitions within a call took their share as well.
        let repeated = ending.attempts.saturating_sub(1);
        self.due += self.interval(now) * repeated;
        if !ending.limited {
            return;
        }
        // Calls that were under way when the bucket was slowed tell nothing new.
        if self.slowed.is_none_or(|slowed| began > slowed) {
            self.rate = (self.rate(now) * DECREASE).max(self.full * SLOWEST);
            self.since = now;
            self.slowed = Some(now);
        }
        let asked = ending.retry_after.unwrap_or_default().min(MAX_WAIT);
        self.held = self.held.max(now + asked);
        // While nothing is sent nothing is learnt.
        self.since = self.since.max(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITED: Ending = Ending {
        attempts: 1,
        limited: true,
        retry_after: None,
    };

    /// When each of so many calls begins, in milliseconds from now.
    async fn begins(bucket: &Bucket, calls: usize) -> Vec<u128> {
        let zero = Instant::now();
        let mut out = Vec::new();
        for _ in 0..calls {
            let began = bucket.begin().await;
            out.push(began.duration_since(zero).as_millis());
        }
        out
    }

    /// Most calls in any one second.
    fn densest(begins: &[u128]) -> usize {
        begins
            .iter()
            .map(|from| {
                begins
                    .iter()
                    .filter(|at| (*from..from + 1_000).contains(*at))
                    .count()
            })
            .max()
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_evenly_spaced_after_a_burst() {
        // A tenth of 20 may go at once: 2, the second 50 ms before it is due.
        assert_eq!(begins(&Bucket::new(20), 6).await, [0, 0, 50, 100, 150, 200]);
        // Of fewer than 20 there is no burst.
        assert_eq!(begins(&Bucket::new(10), 4).await, [0, 100, 200, 300]);
        assert_eq!(begins(&Bucket::new(1), 3).await, [0, 1_000, 2_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_calls_than_stripe_allows() {
        for (live, allowed) in [(true, 100), (false, 25)] {
            let Rate::PerSecond(rate) = default_rate(live) else {
                panic!("the default is a rate");
            };
            let bucket = Bucket::new(rate);
            let mut all = begins(&bucket, 400).await;
            // Idle time is not saved up.
            sleep(Duration::from_secs(60)).await;
            let zero = all.last().unwrap() + 60_000;
            all.extend(begins(&bucket, 400).await.iter().map(|at| zero + at));
            assert!(densest(&all) < allowed, "{}", densest(&all));
            // And it is used to at least 0.9 of what is configured.
            let seconds = all[399] as f64 / 1_000.0;
            assert!(400.0 / seconds >= 0.9 * f64::from(rate), "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_halves_the_rate_once_and_it_comes_back() {
        let bucket = Bucket::new(10);
        let mut began = Vec::new();
        for _ in 0..3 {
            began.push(bucket.begin().await);
        }
        // Now is 200 ms; all three were under way together, so they are one 429.
        for began in began {
            bucket.ended(began, LIMITED);
        }
        // The third call's successor was due at 300 ms. From then on 5 a second,
        // rising by 0.5 each second: at 300 ms it is 5.05, 198 ms apart.
        assert_eq!(begins(&bucket, 3).await, [100, 299, 494]);
        // 5 + 10 × 0.5 = 10: ten seconds after the 429 nothing is left of it.
        sleep(Duration::from_secs(10)).await;
        assert_eq!(begins(&bucket, 3).await, [0, 100, 200]);
    }

    #[tokio::test(start_paused = true)]
    async fn each_429_of_a_later_call_halves_again_down_to_the_slowest() {
        let zero = Instant::now();
        let mut pace = Pace::new(64, zero);
        for at in 1..=20 {
            let now = zero + Duration::from_nanos(at);
            pace.ended(now, now, LIMITED);
        }
        // 64 / 64 is one a second, and 0.05 × 64 = 3.2 more after a second.
        let now = zero + Duration::from_nanos(20);
        assert_eq!(pace.rate(now), 1.0);
        assert_eq!(pace.rate(now + Duration::from_secs(1)), 4.2);
        assert_eq!(pace.rate(now + Duration::from_secs(100)), 64.0);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_while_stripe_asks_to_wait() {
        let bucket = Bucket::new(10);
        let waiting = async {
            bucket.begin().await;
            begins(&bucket, 2).await
        };
        let answer = async {
            // While the second call waits for its turn at 100 ms.
            sleep(Duration::from_millis(40)).await;
            let began = Instant::now() - Duration::from_millis(40);
            let ending = Ending {
                retry_after: Some(Duration::from_secs(3)),
                ..LIMITED
            };
            bucket.ended(began, ending);
        };
        let (begun, ()) = tokio::join!(waiting, answer);
        // At half the rate, from the end of the wait on.
        assert_eq!(begun, [3_040, 3_240]);
    }

    #[tokio::test(start_paused = true)]
    async fn repetitions_within_a_call_are_counted() {
        let bucket = Bucket::new(10);
        let began = bucket.begin().await;
        bucket.ended(
            began,
            Ending {
                attempts: 3,
                ..Ending::default()
            },
        );
        assert_eq!(begins(&bucket, 2).await, [300, 400]);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_and_writes_do_not_wait_for_each_other() {
        let limits = Limits::new(Rate::PerSecond(1), Rate::PerSecond(1));
        let zero = Instant::now();
        for kind in [Kind::of("GET"), Kind::of("POST")] {
            limits.bucket(kind).unwrap().begin().await;
        }
        assert_eq!(zero.elapsed(), Duration::ZERO);
        limits.bucket(Kind::of("DELETE")).unwrap().begin().await;
        assert_eq!(zero.elapsed(), Duration::from_secs(1));
        assert!(limits.bucket(Kind::Local).is_none());
    }

    #[test]
    fn a_rate_is_a_number_or_off() {
        assert_eq!("off".parse(), Ok(Rate::Off));
        assert_eq!("7".parse(), Ok(Rate::PerSecond(7)));
        for text in ["0", "-1", "1.5", "", "Off", "100001"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
