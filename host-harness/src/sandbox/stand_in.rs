//! The whole of the sandbox's Stripe as one function from a request to a response. It owns the
//! order of the steps (key, account, rate, route, idempotency, parameters, operation, events, disk,
//! answer) and what every answer carries; it knows nothing of sockets, and leaves each step to its
//! own room.

mod page;
mod time;
mod webhooks;

use super::accounts::{self, Account};
use super::agenda::Agenda;
use super::answer::{self, Answer, header};
use super::audience::{self, Listener};
use super::decode::{self, Decoded};
use super::deliveries::{Deliveries, DeliveryAttempt};
use super::disk::{Changes, Disk, Kept, Meta};
use super::errors::StripeError;
use super::events::{self, Asked};
use super::holds::{Held, Holds};
use super::idempotency::{Fingerprint, IdempotencyKeys, KeptAnswer, Name};
use super::ids::Ids;
use super::rate::RateLimit;
use super::recording::Recording;
use super::request_log::Arrived;
use super::routes::{Route, Routes};
use super::store::Store;
use super::world::{Call, Outcome, World};
use super::{RecordedRequest, SandboxOptions};
use super::{auth, control, expand, nested, operations, parameters};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The most accounts that have objects of their own.
const MAX_ACCOUNTS: usize = 10_000;

/// A Stripe without a socket: give it a request, get the response. Cheap to make, so that a test
/// can have one of its own.
#[derive(Debug)]
pub struct StandIn {
    options: SandboxOptions,
    state: Mutex<State>,
    holds: Holds,
    disk: Option<Disk>,
    /// Told of every change.
    changes: Notify,
}

#[derive(Debug)]
struct State {
    ids: Ids,
    /// The account that a key acts for when the request names no other.
    own_account: String,
    accounts: HashMap<String, Account>,
    idempotency: IdempotencyKeys,
    rate: RateLimit,
    /// Keys from `/oauth/token`, and their accounts.
    tokens: HashMap<String, String>,
    /// By how many seconds the clock was advanced.
    clock_offset: i64,
    recording: Recording,
    deliveries: Deliveries,
    /// The latest tries to deliver something, oldest first.
    attempts: VecDeque<DeliveryAttempt>,
}

/// What a request is for.
struct Target<'a> {
    route: &'static Route,
    /// The values of the path's parameters.
    ids: Vec<String>,
    path: &'a str,
    account: String,
    /// Unknown parameters are refused. The shapes know those of one API version only.
    is_strict: bool,
}

/// A request that is checked and may be executed.
struct Admitted<'a> {
    target: Target<'a>,
    decoded: Decoded<'a>,
    key: Option<(Reservation<'a>, Fingerprint)>,
}

enum Step<'a> {
    Answered(Answer),
    Execute(Box<Admitted<'a>>),
}

/// An idempotency key taken by a request, given back when the request goes away unanswered.
struct Reservation<'a> {
    stand_in: &'a StandIn,
    name: Option<Name>,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            self.stand_in.lock().idempotency.release(&name);
        }
    }
}

impl StandIn {
    /// A Stripe with nothing in it that keeps everything in memory: `options.data` is not read.
    pub fn new(options: SandboxOptions) -> Self {
        Self::with(options, Kept::default(), None)
    }

    /// A Stripe with what the file `options.data` holds, if one is named.
    ///
    /// # Errors
    /// The file cannot be opened or made, is none of the sandbox's, or another process has it open.
    pub fn open(options: SandboxOptions) -> io::Result<Self> {
        let Some(path) = &options.data else {
            return Ok(Self::new(options));
        };
        let (disk, mut kept) = Disk::open(path)?;
        if let Some(meta) = &mut kept.meta {
            // The ids of requests that only read were given out, but not written down.
            let mut ids = Ids::at(meta.ids);
            ids.skip_requests();
            meta.ids = ids.position();
        }
        let stand_in = Self::with(options, kept, Some(disk));
        {
            let mut state = stand_in.lock();
            let account = state.own_account.clone();
            stand_in
                .commit(&mut state, &account, &[], true)
                .map_err(|error| io::Error::other(error.message))?;
        }
        Ok(stand_in)
    }

    fn with(options: SandboxOptions, kept: Kept, disk: Option<Disk>) -> Self {
        let meta = kept.meta.unwrap_or_else(|| {
            let mut ids = Ids::new(options.seed);
            Meta {
                own_account: ids.id("account"),
                ids: ids.position(),
                ..Meta::default()
            }
        });
        let mut deliveries = Deliveries::default();
        let mut accounts = HashMap::new();
        for (name, store) in kept.accounts {
            let mut agenda = Agenda::default();
            agenda.fill(&store);
            deliveries.fill(&name, &store);
            accounts.insert(name, Account { store, agenda });
        }
        let state = State {
            ids: Ids::at(meta.ids),
            own_account: meta.own_account,
            accounts,
            deliveries,
            attempts: VecDeque::new(),
            idempotency: kept.idempotency,
            rate: RateLimit::default(),
            tokens: meta.tokens,
            clock_offset: meta.clock_offset,
            recording: Recording::new(options.recorded_requests),
        };
        Self {
            options,
            state: Mutex::new(state),
            holds: Holds::default(),
            disk,
            changes: Notify::new(),
        }
    }

    /// Answers one request at once, whatever is held. Of its URI only the path and the query count.
    pub fn handle(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if let Some(page) = self.page(request) {
            return page;
        }
        let begun = Instant::now();
        let request_id = self.lock().ids.id("request");
        let answer = match self.admit(request, &request_id) {
            Ok(Step::Answered(answer)) => answer,
            Ok(Step::Execute(admitted)) => self.finish(*admitted, &request_id),
            Err(error) => Answer::refusal(&error, &request_id),
        };
        self.answered(request, answer, &request_id, begun)
    }

    /// Answers one request as soon as nothing holds it any more.
    pub async fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        if let Some(page) = self.page(request) {
            return page;
        }
        let begun = Instant::now();
        let request_id = self.lock().ids.id("request");
        let answer = match self.admit(request, &request_id) {
            Ok(Step::Answered(answer)) => answer,
            Ok(Step::Execute(admitted)) => {
                self.holds.wait(request.uri().path()).await;
                self.finish(*admitted, &request_id)
            }
            Err(error) => Answer::refusal(&error, &request_id),
        };
        self.answered(request, answer, &request_id, begun)
    }

    /// Holds requests for a path (without a query) in flight, until the result is dropped.
    pub fn hold(&self, path: &str) -> Held {
        self.holds.hold(path)
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().recording.to_vec()
    }

    /// The id of the account that every key belongs to, unless a request names another one.
    pub fn own_account(&self) -> String {
        self.lock().own_account.clone()
    }

    /// What time it is in the sandbox, in Unix seconds.
    pub fn now(&self) -> i64 {
        self.time(&self.lock())
    }

    /// The answer to a request whose body is larger than the limit.
    pub(crate) fn refuse_too_large(&self, limit: usize) -> Response<Bytes> {
        self.refuse(&StripeError::too_large(limit))
    }

    /// The answer to a request that did not arrive in time.
    pub(crate) fn refuse_too_slow(&self) -> Response<Bytes> {
        self.refuse(&StripeError::too_slow())
    }

    /// The answer to a request whose body finds no room beside those of others.
    pub(crate) fn refuse_too_busy(&self) -> Response<Bytes> {
        self.refuse(&StripeError::too_busy())
    }

    /// Remembers a request that is not carried out, with the status it is answered with.
    pub(crate) fn note(&self, request: &Request<Bytes>, status: u16) {
        self.arrived(request, status, |at| {
            Arrived::new(request, status, "-", at, Duration::ZERO)
        });
    }

    /// Answers a request with an error instead of carrying it out.
    pub(crate) fn turn_away(
        &self,
        request: &Request<Bytes>,
        error: &StripeError,
    ) -> Response<Bytes> {
        let request_id = self.lock().ids.id("request");
        let answer = Answer::refusal(error, &request_id);
        self.answered(request, answer, &request_id, Instant::now())
    }

    pub(crate) fn refuse(&self, error: &StripeError) -> Response<Bytes> {
        let request_id = self.lock().ids.id("request");
        self.respond(
            Answer::refusal(error, &request_id),
            &request_id,
            &HeaderMap::new(),
        )
    }

    fn time(&self, state: &State) -> i64 {
        self.options.clock.now().saturating_add(state.clock_offset)
    }

    fn answered(
        &self,
        request: &Request<Bytes>,
        answer: Answer,
        request_id: &str,
        begun: Instant,
    ) -> Response<Bytes> {
        let arrived = |at| {
            Arrived::new(request, answer.status, request_id, at, begun.elapsed()).with(&answer)
        };
        self.arrived(request, answer.status, arrived);
        self.respond(answer, request_id, request.headers())
    }

    /// Remembers and reports a request, `arrived` at a time.
    fn arrived(&self, request: &Request<Bytes>, status: u16, arrived: impl FnOnce(i64) -> Arrived) {
        let mut state = self.lock();
        let arrived = arrived(self.time(&state));
        state.recording.push(request, status);
        state.recording.note(arrived.clone());
        drop(state);
        if let Some(log) = &self.options.log {
            log.request(&arrived);
        }
    }

    /// Checks everything that can be checked before anything is executed.
    fn admit<'a>(
        &'a self,
        request: &'a Request<Bytes>,
        request_id: &str,
    ) -> Result<Step<'a>, StripeError> {
        let headers = request.headers();
        let (method, path) = (request.method().as_str(), request.uri().path());
        let is_v2 = path.starts_with("/v2/");
        let authorization = match header(headers, "authorization") {
            None if path.starts_with("/oauth/") => decode::client_secret(request),
            authorization => authorization.map(str::to_owned),
        };
        let key = auth::authenticate(authorization.as_deref())?;
        let account = {
            let mut state = self.lock();
            let account = accounts::acting(headers, &key, &state.tokens, &state.own_account)?;
            if control::is_own(path) {
                let params = control::params(request)?;
                let outcome =
                    self.control(&mut state, method, path, &account, &params, request_id)?;
                return Ok(Step::Answered(Answer::success(outcome)));
            }
            let now = self.time(&state);
            state.rate.admit(&account, self.options.rate_limit, now)?;
            account
        };
        let route = Routes::get().find(method, path);
        let (route, ids) = route.ok_or_else(|| StripeError::unrecognized(method, path))?;
        auth::authorize(&key, route, &account)?;
        let version = answer::check_version(headers, is_v2, &self.options.api_version)?;
        let is_strict =
            self.options.refuse_unknown_parameters && version == self.options.api_version;

        // Without the lock, so that a large body keeps nobody waiting.
        let decoded = decode::decode(request, route)?;
        let target = Target {
            route,
            ids,
            path,
            account,
            is_strict,
        };
        // Reading and v1 deletion are idempotent by themselves (Stripe docs, "Idempotent requests").
        let takes_key = method == "POST" || (is_v2 && method == "DELETE");
        let Some(key) = headers.get("idempotency-key").filter(|_| takes_key) else {
            return Ok(Step::Execute(Box::new(Admitted {
                target,
                decoded,
                key: None,
            })));
        };
        let key = key.to_str().map_err(|_| {
            StripeError::malformed("An idempotency key is made of visible ASCII characters.")
        })?;
        let fingerprint = Fingerprint {
            method: method.to_owned(),
            path: path.to_owned(),
            params: decoded.fingerprint(),
        };
        let name = (target.account.clone(), key.to_owned());
        let mut state = self.lock();
        let now = self.time(&state);
        if let Some(kept) = state.idempotency.begin(&name, &fingerprint, now)? {
            return Ok(Step::Answered(Answer::replay(kept)));
        }
        let reservation = Reservation {
            stand_in: self,
            name: Some(name),
        };
        Ok(Step::Execute(Box::new(Admitted {
            target,
            decoded,
            key: Some((reservation, fingerprint)),
        })))
    }

    /// Executes a request. Its changes, its events and its answer become final together, or not at
    /// all.
    fn finish(&self, admitted: Admitted<'_>, request_id: &str) -> Answer {
        // Declared before the lock is taken, so that the key is given back after the lock is.
        let Admitted {
            target,
            decoded,
            mut key,
        } = admitted;
        let mut state = self.lock();
        let account = target.account.as_str();
        self.let_time_pass(&mut state, account);
        let now = self.time(&state);
        let tokens = state.tokens.clone();
        let name = key.as_ref().and_then(|(key, _)| key.name.clone());
        let asked = Asked {
            request_id: Some(request_id),
            idempotency_key: name.as_ref().map(|(_, key)| key.as_str()),
        };
        let result = execute(&mut state, &target, decoded, asked, now)
            .and_then(|outcome| self.check_room(&mut state, account).map(|()| outcome));
        let keeps_changes = match &result {
            Ok(_) => true,
            Err(error) => error.keeps_changes,
        };
        if keeps_changes {
            let platform = state.platform_listeners(account);
            let mut world = world(&mut state, account, now);
            events::record(&mut world, asked, &self.options.api_version, &platform);
        } else {
            state.store(account).roll_back();
        }
        let (answer, keep) = match result {
            Ok(outcome) => (Answer::success(outcome), true),
            Err(error) => (Answer::refusal(&error, request_id), !error.before_execution),
        };
        let mut answered = state.idempotency.take_dropped();
        if let Some((reservation, fingerprint)) = &mut key
            && let Some(name) = reservation.name.take()
        {
            if keep {
                let kept = KeptAnswer {
                    status: answer.status,
                    request_id: request_id.to_owned(),
                    body: answer.body.clone(),
                };
                let fingerprint = fingerprint.clone();
                state.idempotency.keep(name.clone(), fingerprint, kept, now);
                answered.push(name);
            } else {
                state.idempotency.release(&name);
            }
        }
        let tokens_changed = tokens != state.tokens;
        if let Err(error) = self.commit(&mut state, account, &answered, tokens_changed) {
            state.tokens = tokens;
            for name in &answered {
                state.idempotency.forget(name);
            }
            return Answer::refusal(&error, request_id);
        }
        answer
    }

    /// Refuses what would be more than the sandbox may hold.
    fn check_room(&self, state: &mut State, account: &str) -> Result<(), StripeError> {
        let most = self.options.max_objects;
        let bytes = self.options.max_object_bytes;
        let full = state.accounts.len() > MAX_ACCOUNTS
            || state.store(account).len() > most
            || state.store(account).bytes() > bytes;
        if !full || state.store(account).changes().next().is_none() {
            return Ok(());
        }
        Err(StripeError::invalid(format!(
            "This sandbox is full: it holds {most} objects or {bytes} bytes of an account, and \
             {MAX_ACCOUNTS} accounts."
        )))
    }

    /// Makes the changes of an account final: on the disk first, if there is one. On an error
    /// nothing has changed.
    fn commit(
        &self,
        state: &mut State,
        account: &str,
        answered: &[Name],
        meta_changed: bool,
    ) -> Result<(), StripeError> {
        let meta = self.disk.as_ref().map(|_| state.meta());
        let idempotency = &state.idempotency;
        let entry = state.accounts.entry(account.to_owned()).or_default();
        let store = &entry.store;
        let changed = meta_changed
            || !answered.is_empty()
            || store.changes().next().is_some()
            || store.changed_singles().next().is_some();
        if let (Some(disk), Some(meta), true) = (&self.disk, &meta, changed) {
            let changes = Changes {
                account,
                store,
                idempotency,
                answered,
                meta,
            };
            if let Err(error) = disk.write(&changes) {
                entry.store.roll_back();
                return Err(StripeError::internal(format!(
                    "The sandbox cannot write to its data file: {error}."
                )));
            }
        }
        entry.agenda.update(&entry.store);
        state.deliveries.update(account, &entry.store);
        entry.store.commit();
        self.changes.notify_one();
        Ok(())
    }

    fn respond(&self, answer: Answer, request_id: &str, asked: &HeaderMap) -> Response<Bytes> {
        answer.into_response(request_id, asked, &self.options.api_version)
    }

    /// No code that holds this lock can panic; should it happen all the same, the data is good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn store(&mut self, account: &str) -> &mut Store {
        &mut self.accounts.entry(account.to_owned()).or_default().store
    }

    /// Those in the account that this one is connected to who are told of what happens here.
    fn platform_listeners(&self, account: &str) -> Vec<Listener> {
        match self.accounts.get(&self.own_account) {
            Some(platform) if account != self.own_account => {
                audience::of_connected(&platform.store)
            }
            _ => Vec::new(),
        }
    }

    fn meta(&self) -> Meta {
        Meta {
            own_account: self.own_account.clone(),
            ids: self.ids.position(),
            clock_offset: self.clock_offset,
            tokens: self.tokens.clone(),
        }
    }
}

fn world<'a>(state: &'a mut State, account: &'a str, now: i64) -> World<'a> {
    World {
        store: &mut state.accounts.entry(account.to_owned()).or_default().store,
        ids: &mut state.ids,
        now,
        account,
        tokens: &mut state.tokens,
    }
}

/// Executes a request whose parameters are decoded but not yet understood.
fn execute(
    state: &mut State,
    target: &Target<'_>,
    decoded: Decoded<'_>,
    asked: Asked<'_>,
    now: i64,
) -> Result<Outcome, StripeError> {
    let &Target {
        route,
        ref ids,
        path,
        ref account,
        is_strict,
    } = target;
    let Decoded { mut params, upload } = decoded;
    let mut paths = expand::take(&mut params)?;
    if !route.is_v2() {
        parameters::restore_types(route.answer, &mut params)?;
    }
    if is_strict {
        parameters::check_known(route, &params)?;
        if !route.is_v2() {
            nested::check(route.name, &params)?;
        }
    }
    parameters::check_required(route.answer, &params, upload.is_some())?;
    parameters::check_metadata(&params)?;
    if !route.is_v2() {
        parameters::check_lengths(&params)?;
    }
    let wanted = paths.len();
    paths.retain(|path| path != "total_count");
    let total_count = paths.len() < wanted;
    let call = Call {
        route,
        ids,
        path,
        params,
        upload,
        asked,
    };
    let mut world = world(state, account, now);
    let mut outcome = operations::run(&mut world, &call, total_count)?;
    if let Outcome::Json(value) = &mut outcome {
        expand::expand(world.store, value, &paths)?;
    }
    Ok(outcome)
}
