//! The component behind a Rust API: load it once, call it from many tasks.
//!
//! Every call has an instance to itself while it runs. Afterwards the instance is
//! thrown away, or kept for a later call where the host wants that; one that
//! trapped or ran out of time is never kept, so such a call takes nothing with
//! it.

mod connection;
mod engine;
mod error;
mod instance;
mod options;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Context as _;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::error::Elapsed;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use wasmtime::Store;

use self::connection::Via;
use self::engine::Machine;
use self::instance::{Instance, State};
use crate::bindings::{Embedded, EmbeddedPre, types};
use crate::policy::is_loopback;
use crate::secret::{Injected, NoRandom};
use crate::transport::{Route, Transport};

pub use self::connection::Connection;
pub use self::error::{CallError, Case};
pub use self::options::{HostOptions, Instances};

/// The component, compiled and ready to be called. Cheap to clone; calls run
/// side by side. Dropping a call's future cancels it; a request it has sent by
/// then may have been acted on.
///
/// Every call of [`Plugin::request`] is a `tracing` span named `request`, with
/// the fields `resource`, `method`, `status`, `attempts`, `request_id` and, where
/// it failed, `error` (the failure's type).
///
/// ```no_run
/// # async fn example(component: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// use stripe_harness::{HostOptions, Instances, Plugin};
///
/// let options = HostOptions {
///     instances: Instances::Reused { max_idle: 32 },
///     ..HostOptions::default()
/// };
/// let plugin = Plugin::load(component, options)?;
/// let connection = plugin
///     .parse_connection(r#"{"secretKey": "sk_test_…"}"#)
///     .await?;
/// let calls = ["cus_1", "cus_2"].map(|id| {
///     let (plugin, connection) = (plugin.clone(), connection.clone());
///     tokio::spawn(async move {
///         let args = format!("[{id:?}]");
///         plugin.request(&connection, "customers", "retrieve", &args).await
///     })
/// });
/// for call in calls {
///     match call.await? {
///         Ok(response) => println!("{}", response.body),
///         Err(error) if error.failure.may_have_been_sent => println!("check: {error}"),
///         Err(error) => println!("{}: {error}", error.case.as_str()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    machine: Arc<Machine>,
    pre: EmbeddedPre<State>,
    transport: Arc<Transport>,
    options: HostOptions,
    /// What stands for the fallback key, where keys are injected.
    fallback: Option<Injected>,
    /// Tells the idle instances of plugins with one machine apart.
    id: u64,
    /// Ways to Stripe of connections' own, by their settings: connections that
    /// are parsed again share what they opened.
    routes: Mutex<Vec<(types::Transport, Weak<Route>)>>,
}

impl Inner {
    fn out_of_time(&self) -> CallError {
        CallError::execution_failed(format!(
            "The component had no result after {} s, the longest time this host grants a call \
             (max_call_time).",
            self.options.max_call_time.as_secs_f64()
        ))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.machine.forget(self.id);
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

/// An instance, for the time of a call.
struct Lease<'p> {
    plugin: &'p Inner,
    instance: Instance,
    /// Given back after the instance, which the pool has room for till then.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Plugin {
    /// Compiles a component, or takes it from the cache. The error says what
    /// the bytes are, if they are not `stripe.wasm`.
    pub fn load(component: &[u8], options: HostOptions) -> anyhow::Result<Plugin> {
        if !component.starts_with(b"\0asm") {
            anyhow::bail!("this is not WebAssembly: the file does not start with \\0asm");
        }
        if component.get(4..8) == Some(&[1, 0, 0, 0]) {
            anyhow::bail!(
                "this is a core WebAssembly module, not a component; build it for wasm32-wasip2"
            );
        }
        let machine = Machine::new(component, &options)?;
        Plugin::new(Arc::new(machine), options)
    }

    /// The same compiled component under other options, with connections of its
    /// own. What [`HostOptions`] says takes effect in [`Plugin::load`] alone
    /// stays as it is.
    pub fn with_options(&self, options: HostOptions) -> anyhow::Result<Plugin> {
        Plugin::new(Arc::clone(&self.inner.machine), options)
    }

    fn new(machine: Arc<Machine>, options: HostOptions) -> anyhow::Result<Plugin> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let pre = instance::link(&machine.engine, &machine.component)
            .map_err(anyhow::Error::from)
            .context("this component is not stripe.wasm, or of another version")?;
        let fallback = match &options.fallback_key {
            Some(key) if options.inject_key => {
                Some(Injected::new(key.clone()).context("the system has no random numbers")?)
            }
            _ => None,
        };
        let transport = Transport::new(&options, fallback.clone())?;
        Ok(Plugin {
            inner: Arc::new(Inner {
                machine,
                pre,
                transport: Arc::new(transport),
                options,
                fallback,
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                routes: Mutex::default(),
            }),
        })
    }

    /// The interfaces the component imports, with their versions.
    pub fn imports(&self) -> Vec<String> {
        let machine = &self.inner.machine;
        let component = machine.component.component_type();
        component
            .imports(&machine.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// The interfaces the component exports, with their versions.
    pub fn exports(&self) -> Vec<String> {
        let machine = &self.inner.machine;
        let component = machine.component.component_type();
        component
            .exports(&machine.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Turns a connection's properties, as a JSON object, into a connection.
    ///
    /// Transport properties (`httpVersion`, `proxy`, `secureSocket`) are
    /// applied if the host takes them from connections, else refused.
    pub async fn parse_connection(
        &self,
        properties: impl Into<String>,
    ) -> Result<Connection, CallError> {
        let properties = properties.into();
        let (properties, injected) = match self.inner.options.inject_key {
            true => without_key(&properties)?,
            false => (properties, None),
        };
        let mut lease = self.lease(&Via::default()).await?;
        let (store, exports) = lease.parts();
        let connections = exports.lowcode_stripe_connections();
        // The generated calls take the contract's `json` as `&String`.
        let parsed = self
            .in_time(connections.call_parse_connection(store, &properties))
            .await;
        let record = lease.finished(parsed)??;
        let connection = self.connect(record, injected)?;
        for warning in connection.warnings() {
            tracing::warn!("{warning}");
        }
        Ok(connection)
    }

    /// Takes a connection's record that was made elsewhere.
    pub fn connection(&self, mut record: types::Connection) -> Result<Connection, CallError> {
        let injected = match record.secret_key.take() {
            Some(key) if self.inner.options.inject_key => {
                let injected = Injected::new(key.into()).ok_or_else(no_random)?;
                record.secret_key = Some(injected.placeholder().to_owned());
                for (_, value) in record.headers.iter_mut().flatten() {
                    injected.hide(value);
                }
                Some(injected)
            }
            key => {
                record.secret_key = key;
                None
            }
        };
        self.connect(record, injected)
    }

    fn connect(
        &self,
        mut record: types::Connection,
        injected: Option<Injected>,
    ) -> Result<Connection, CallError> {
        let route = match record.transport.take() {
            Some(settings) => Some(self.route(settings, record.base_url.as_deref())?),
            None => None,
        };
        Ok(Connection::new(record, Via { route, injected }))
    }

    /// The way to Stripe that a connection's settings ask for.
    fn route(
        &self,
        settings: types::Transport,
        base_url: Option<&str>,
    ) -> Result<Arc<Route>, CallError> {
        let refuse = |refusal: crate::transport::Refusal| {
            connection::refused(refusal.place, refusal.message)
        };
        let options = &self.inner.options;
        let mut routes = self
            .inner
            .routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        routes.retain(|(_, route)| route.strong_count() > 0);
        let known = routes.iter().find(|(known, _)| *known == settings);
        let route = match known.and_then(|(_, route)| route.upgrade()) {
            Some(route) => route,
            None => {
                let route = Arc::new(Route::new(&settings, options).map_err(refuse)?);
                routes.push((settings, Arc::downgrade(&route)));
                route
            }
        };
        if route.is_for_loopback() && !base_url.is_some_and(is_loopback) {
            return Err(refuse(route.unverified()));
        }
        Ok(route)
    }

    /// Calls one method of one resource; `args` is JSON, not copied where it is
    /// a `String`.
    pub async fn request(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: impl Into<String>,
    ) -> Result<types::Response, CallError> {
        let span = tracing::info_span!(
            "request",
            resource,
            method,
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        let args = args.into();
        let call = async {
            let mut lease = self.lease(connection.via()).await?;
            let (store, exports) = lease.parts();
            let requests = exports.lowcode_stripe_requests();
            let answered = self
                .in_time(requests.call_request(store, connection.record(), resource, method, &args))
                .await;
            lease.answered(answered)
        };
        let result = call.instrument(span.clone()).await;
        record(&span, &result);
        result
    }

    /// Calls the method that Lowdefy's nested form names; `properties` is JSON.
    pub async fn stripe_request(
        &self,
        connection: &Connection,
        properties: impl Into<String>,
    ) -> Result<types::Response, CallError> {
        let span = tracing::info_span!(
            "stripe_request",
            status = Empty,
            attempts = Empty,
            request_id = Empty,
            error = Empty
        );
        let properties = properties.into();
        let call = async {
            let mut lease = self.lease(connection.via()).await?;
            let (store, exports) = lease.parts();
            let requests = exports.lowcode_stripe_requests();
            let answered = self
                .in_time(requests.call_stripe_request(store, connection.record(), &properties))
                .await;
            lease.answered(answered)
        };
        let result = call.instrument(span.clone()).await;
        record(&span, &result);
        result
    }

    /// What [`Plugin::request`] would send, without sending it.
    pub async fn plan(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: impl Into<String>,
    ) -> Result<types::Planned, CallError> {
        let args = args.into();
        let mut lease = self.lease(connection.via()).await?;
        let (store, exports) = lease.parts();
        let requests = exports.lowcode_stripe_requests();
        let planned = self
            .in_time(requests.call_plan(store, connection.record(), resource, method, &args))
            .await;
        Ok(lease.finished(planned)??)
    }

    /// What [`Plugin::plan`] costs in an instance that has made a call before,
    /// in fuel units; needs [`HostOptions::max_fuel`].
    pub async fn cost_of_plan(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: &str,
    ) -> Result<u64, CallError> {
        let args = args.to_owned();
        let mut cost = 0;
        let mut lease = self.lease(connection.via()).await?;
        for _ in 0..2 {
            let (store, exports) = lease.parts();
            let before = store.get_fuel();
            let planned = exports
                .lowcode_stripe_requests()
                .call_plan(&mut *store, connection.record(), resource, method, &args)
                .await;
            match planned {
                Ok(planned) => planned?,
                Err(error) => return Err(lease.stopped(&error)),
            };
            let (store, _) = lease.parts();
            match (before, store.get_fuel()) {
                (Ok(before), Ok(after)) => cost = before.saturating_sub(after),
                _ => {
                    return Err(CallError::execution_failed(
                        "Fuel is not counted: set max_fuel.".to_owned(),
                    ));
                }
            }
        }
        Ok(cost)
    }

    /// A kept instance or a new one, when it is the call's turn.
    async fn lease(&self, via: &Via) -> Result<Lease<'_>, CallError> {
        let inner = &*self.inner;
        let turn = inner.machine.turn().await;
        let kept = match inner.options.max_idle() {
            0 => None,
            _ => inner.machine.take(inner.id),
        };
        let mut instance = match kept {
            Some(instance) => instance,
            None => {
                let state = State::new(&inner.options, &inner.transport, inner.fallback.as_ref());
                let starting = Instance::new(&inner.pre, state, inner.machine.max_fuel);
                match self.in_time(starting).await {
                    Ok(started) => started?,
                    Err(_elapsed) => return Err(inner.out_of_time()),
                }
            }
        };
        instance.begin(via, inner.machine.max_fuel);
        Ok(Lease {
            plugin: inner,
            instance,
            _turn: turn,
        })
    }

    /// Bounds the time of a call.
    async fn in_time<T>(&self, call: impl Future<Output = T>) -> Result<T, Elapsed> {
        tokio::time::timeout(self.inner.options.max_call_time, call).await
    }
}

impl Lease<'_> {
    fn parts(&mut self) -> (&mut Store<State>, &Embedded) {
        (&mut self.instance.store, &self.instance.exports)
    }

    /// Takes the instance back after its call: kept if it is healthy and there
    /// is room.
    fn finished<T>(mut self, ended: Result<wasmtime::Result<T>, Elapsed>) -> Result<T, CallError> {
        let options = &self.plugin.options;
        let value = match ended {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => return Err(self.stopped(&error)),
            Err(_elapsed) => return Err(self.plugin.out_of_time()),
        };
        let most = options.max_idle();
        if most > 0 && self.instance.end() {
            self.plugin
                .machine
                .keep(self.plugin.id, self.instance, most);
        }
        Ok(value)
    }

    /// The same of a call that may send a request.
    fn answered(
        self,
        ended: Result<wasmtime::Result<Result<types::Response, types::Error>>, Elapsed>,
    ) -> Result<types::Response, CallError> {
        let detail = match &ended {
            Ok(Ok(Err(_))) => self.instance.store.data().hooks.detail(),
            _ => None,
        };
        let has_sent = self.instance.store.data().hooks.has_sent();
        self.finished(ended)
            .map_err(|error| match has_sent {
                true => error.after_sending(),
                false => error,
            })?
            .map_err(|error| CallError::from(error).with_detail(detail))
    }

    /// A trap has no place in the contract; it becomes `execution-failed`.
    fn stopped(&self, error: &wasmtime::Error) -> CallError {
        CallError::execution_failed(format!(
            "The component stopped without a result: {}.",
            self.instance.store.data().reason(error)
        ))
    }
}

/// Properties with a placeholder in place of the key. What is not JSON is the
/// component's to refuse, so nothing of it but its kind is passed on.
fn without_key(properties: &str) -> Result<(String, Option<Injected>), CallError> {
    match serde_json::from_str(properties) {
        Ok(mut properties @ Value::Object(_)) => {
            let injected = Injected::taken_from(&mut properties).map_err(|NoRandom| no_random())?;
            Ok((properties.to_string(), injected))
        }
        Ok(Value::Array(_)) => Ok(("[]".to_owned(), None)),
        Ok(Value::String(_)) => Ok((r#""""#.to_owned(), None)),
        Ok(other) => Ok((other.to_string(), None)),
        Err(error) => Err(CallError::refused(
            "configuration_error",
            Some("properties".to_owned()),
            format!(
                "The properties of a Stripe connection should be JSON; at line {}, column {} they \
                 are not.",
                error.line(),
                error.column()
            ),
        )),
    }
}

fn no_random() -> CallError {
    CallError::refused(
        "configuration_error",
        None,
        "The system has no random numbers for a key's placeholder.".to_owned(),
    )
}

/// Completes a call's span.
fn record(span: &Span, result: &Result<types::Response, CallError>) {
    if span.is_disabled() {
        return;
    }
    let (status, attempts, request_id) = match result {
        Ok(response) => (response.status, response.attempts, &response.request_id),
        Err(error) => {
            span.record("error", error.failure.type_.as_str());
            let failure = &error.failure;
            (failure.status, failure.attempts, &failure.request_id)
        }
    };
    span.record("attempts", attempts);
    if let Some(status) = status {
        span.record("status", status);
    }
    if let Some(request_id) = request_id {
        span.record("request_id", request_id.as_str());
    }
}
