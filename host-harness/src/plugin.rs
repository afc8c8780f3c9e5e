//! The component behind a Rust API: load it once, call it from many tasks.
//!
//! Every call has an instance to itself while it runs. Afterwards the instance is
//! thrown away, or kept for a later call where the host wants that; one that
//! trapped is never kept, so a call that traps takes nothing with it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, ResourceLimiter, Store};
use wasmtime_wasi::{HostMonotonicClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::{EmbeddedPre, types};
use crate::policy::Policy;
use crate::transport::{Exchange, Hooks, Transport};

/// What a host decides about the component.
#[derive(Clone)]
pub struct HostOptions {
    /// Where it may connect. Default: Stripe's own hosts.
    pub policy: Policy,
    /// Most linear memory of one call, in bytes. Default 512 MiB: enough
    /// for the largest request body with its arguments.
    pub max_memory: usize,
    /// Warm instances kept for further calls. Default 0: every call has an
    /// instance of its own. A kept instance is faster, and reports latency to
    /// Stripe, which needs a memory; one that trapped, was cancelled or grew is
    /// never kept.
    pub max_idle_instances: usize,
    /// Most wasm instructions of one call, in wasmtime's fuel units. Default
    /// none: counting them costs time. Takes effect in [`Plugin::load`] alone.
    pub max_fuel: Option<u64>,
    /// Value of `STRIPE_SECRET_KEY` in the component's environment, which is
    /// otherwise empty. Default none.
    pub fallback_key: Option<Secret>,
    /// What answers requests in place of the network. Default none.
    pub exchange: Option<Arc<dyn Exchange>>,
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostOptions")
            .field("policy", &self.policy)
            .field("max_memory", &self.max_memory)
            .field("max_idle_instances", &self.max_idle_instances)
            .field("max_fuel", &self.max_fuel)
            .field("fallback_key", &self.fallback_key)
            .finish_non_exhaustive()
    }
}

impl Default for HostOptions {
    fn default() -> Self {
        HostOptions {
            policy: Policy::default(),
            max_memory: 512 << 20,
            max_idle_instances: 0,
            max_fuel: None,
            fallback_key: None,
            exchange: None,
        }
    }
}

/// A key; `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(key: String) -> Self {
        Secret(key)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A connection as the component parsed it. It holds the secret key, which
/// `Debug` does not show.
#[derive(Clone)]
pub struct Connection(types::Connection);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("api_version", &self.0.api_version)
            .field("base_url", &self.0.base_url)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Takes a record that was made elsewhere.
    pub fn from_record(record: types::Connection) -> Self {
        Connection(record)
    }

    /// The record of the contract, secret key included.
    pub fn record(&self) -> &types::Connection {
        &self.0
    }

    /// Replaces the origin of all of Stripe's hosts, as `baseUrl` does.
    pub fn set_base_url(&mut self, base_url: String) {
        self.0.base_url = Some(base_url);
    }
}

/// The case of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// An identical call may succeed later.
    Transient,
    /// An identical call will fail again, or might act twice.
    Permanent,
    /// The component ended without a result: it trapped, or ran out of what it
    /// was given.
    ExecutionFailed,
}

impl Case {
    /// The case's name in the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Case::Transient => "transient",
            Case::Permanent => "permanent",
            Case::ExecutionFailed => "execution-failed",
        }
    }
}

/// Why a call failed.
#[derive(Debug, Clone)]
pub struct CallError {
    /// Whether the call may be repeated.
    pub case: Case,
    /// Everything known about it.
    pub failure: Box<types::Failure>,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.failure.message)
    }
}

impl std::error::Error for CallError {}

impl From<types::Error> for CallError {
    fn from(error: types::Error) -> Self {
        let (case, failure) = match error {
            types::Error::Transient(failure) => (Case::Transient, failure),
            types::Error::Permanent(failure) => (Case::Permanent, failure),
            types::Error::ExecutionFailed => {
                return CallError::execution_failed("The component gave the call up.".to_owned());
            }
        };
        CallError {
            case,
            failure: Box::new(failure),
        }
    }
}

impl CallError {
    /// A failure found by the host itself, before the component was called.
    pub fn refused(kind: &str, path: Option<String>, message: String) -> Self {
        CallError {
            case: Case::Permanent,
            failure: Box::new(types::Failure {
                path,
                ..blank(kind, message)
            }),
        }
    }

    fn execution_failed(message: String) -> Self {
        CallError {
            case: Case::ExecutionFailed,
            failure: Box::new(blank("host_error", message)),
        }
    }

    /// The same of a call that may have sent its request by then.
    fn after_sending(mut self) -> Self {
        self.failure.may_have_been_sent |= self.case == Case::ExecutionFailed;
        self
    }
}

fn blank(kind: &str, message: String) -> types::Failure {
    types::Failure {
        type_: kind.to_owned(),
        code: None,
        decline_code: None,
        param: None,
        message,
        doc_url: None,
        request_id: None,
        status: None,
        attempts: 0,
        retry_after_ms: None,
        idempotency_key: None,
        may_have_been_sent: false,
        path: None,
        raw: None,
    }
}

/// The component, compiled and ready to be called. Cheap to clone; calls run
/// side by side. Dropping a call's future cancels it.
#[derive(Clone)]
pub struct Plugin {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    component: Component,
    pre: EmbeddedPre<State>,
    transport: Transport,
    options: HostOptions,
    /// Warm instances, at most `max_idle_instances`.
    idle: Mutex<Vec<Instance>>,
}

/// An instance and the store it lives in.
struct Instance {
    store: Store<State>,
    exports: crate::bindings::Embedded,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// Compiles a component. The error says what the bytes are, if they are not
    /// `stripe.wasm`.
    pub fn load(component: &[u8], options: HostOptions) -> anyhow::Result<Plugin> {
        if !component.starts_with(b"\0asm") {
            anyhow::bail!("this is not WebAssembly: the file does not start with \\0asm");
        }
        if component.get(4..8) == Some(&[1, 0, 0, 0]) {
            anyhow::bail!(
                "this is a core WebAssembly module, not a component; build it for wasm32-wasip2"
            );
        }
        let mut config = Config::new();
        config.wasm_component_model(true);
        config.consume_fuel(options.max_fuel.is_some());
        let engine = Engine::new(&config)
            .map_err(anyhow::Error::from)
            .context("the wasmtime engine could not be set up")?;
        let component = Component::new(&engine, component)
            .map_err(anyhow::Error::from)
            .context("the component could not be compiled")?;
        Plugin::new(engine, component, options)
    }

    /// The same compiled component under other options, with connections of its
    /// own.
    pub fn with_options(&self, options: HostOptions) -> anyhow::Result<Plugin> {
        let inner = &self.inner;
        Plugin::new(inner.engine.clone(), inner.component.clone(), options)
    }

    fn new(engine: Engine, component: Component, options: HostOptions) -> anyhow::Result<Plugin> {
        let pre = link(&engine, &component)
            .map_err(anyhow::Error::from)
            .context("this component is not stripe.wasm, or of another version")?;
        Ok(Plugin {
            inner: Arc::new(Inner {
                pre,
                engine,
                component,
                transport: match &options.exchange {
                    Some(exchange) => Transport::through(exchange.clone(), options.policy.clone()),
                    None => Transport::new(options.policy.clone())?,
                },
                options,
                idle: Mutex::default(),
            }),
        })
    }

    /// The interfaces the component imports, with their versions.
    pub fn imports(&self) -> Vec<String> {
        let inner = &self.inner;
        let component = inner.component.component_type();
        component
            .imports(&inner.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// The interfaces the component exports, with their versions.
    pub fn exports(&self) -> Vec<String> {
        let inner = &self.inner;
        let component = inner.component.component_type();
        component
            .exports(&inner.engine)
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// Turns a connection's properties, as a JSON object, into a connection.
    // The generated calls take the contract's `json` as `&String`.
    pub async fn parse_connection(&self, properties: &str) -> Result<Connection, CallError> {
        let properties = properties.to_owned();
        let mut instance = self.instance().await?;
        let Instance { store, exports } = &mut instance;
        let parsed = exports
            .lowcode_stripe_connections()
            .call_parse_connection(store, &properties)
            .await;
        Ok(Connection(self.finished(instance, parsed)??))
    }

    /// Calls one method of one resource; `args` is JSON.
    pub async fn request(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: &str,
    ) -> Result<types::Response, CallError> {
        let args = args.to_owned();
        let mut instance = self.instance().await?;
        let Instance { store, exports } = &mut instance;
        let answered = exports
            .lowcode_stripe_requests()
            .call_request(store, &connection.0, resource, method, &args)
            .await;
        Ok(self
            .finished(instance, answered)
            .map_err(CallError::after_sending)??)
    }

    /// Calls the method that Lowdefy's nested form names; `properties` is JSON.
    pub async fn stripe_request(
        &self,
        connection: &Connection,
        properties: &str,
    ) -> Result<types::Response, CallError> {
        let properties = properties.to_owned();
        let mut instance = self.instance().await?;
        let Instance { store, exports } = &mut instance;
        let answered = exports
            .lowcode_stripe_requests()
            .call_stripe_request(store, &connection.0, &properties)
            .await;
        Ok(self
            .finished(instance, answered)
            .map_err(CallError::after_sending)??)
    }

    /// What [`Plugin::request`] would send, without sending it.
    pub async fn plan(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: &str,
    ) -> Result<types::Planned, CallError> {
        let args = args.to_owned();
        let mut instance = self.instance().await?;
        let Instance { store, exports } = &mut instance;
        let planned = exports
            .lowcode_stripe_requests()
            .call_plan(store, &connection.0, resource, method, &args)
            .await;
        Ok(self.finished(instance, planned)??)
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
        let Instance { mut store, exports } = self.instance().await?;
        let mut cost = 0;
        for _ in 0..2 {
            let before = store.get_fuel();
            let planned = exports
                .lowcode_stripe_requests()
                .call_plan(&mut store, &connection.0, resource, method, &args)
                .await;
            planned.map_err(|error| trapped(&error))??;
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

    /// A kept instance, or a new one.
    async fn instance(&self) -> Result<Instance, CallError> {
        let inner = &self.inner;
        let kept = inner
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut instance = match kept {
            Some(instance) => instance,
            None => {
                let mut store = Store::new(inner.pre.engine(), State::new(inner));
                store.limiter(|state| &mut state.memory);
                // Instantiation itself takes fuel.
                refuel(&mut store, &inner.options);
                let exports = inner
                    .pre
                    .instantiate_async(&mut store)
                    .await
                    .map_err(|error| {
                        CallError::execution_failed(format!("no instance: {error}"))
                    })?;
                Instance { store, exports }
            }
        };
        refuel(&mut instance.store, &inner.options);
        Ok(instance)
    }

    /// Takes an instance back after its call: kept if it is healthy, there is
    /// room, and the call left no large memory behind.
    fn finished<T>(&self, instance: Instance, result: wasmtime::Result<T>) -> Result<T, CallError> {
        let value = result.map_err(|error| trapped(&error))?;
        if instance.store.data().memory.grown <= KEPT_MEMORY {
            let mut idle = self
                .inner
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if idle.len() < self.inner.options.max_idle_instances {
                idle.push(instance);
            }
        }
        Ok(value)
    }
}

/// Most linear memory an instance may have grown to and still be kept, in bytes.
const KEPT_MEMORY: usize = 4 << 20;

fn refuel(store: &mut Store<State>, options: &HostOptions) {
    if let Some(fuel) = options.max_fuel {
        // Fails only where the engine does not count fuel.
        let _ = store.set_fuel(fuel);
    }
}

/// A trap has no place in the contract; it becomes `execution-failed`. Its
/// backtrace holds function names only, and is left out all the same.
fn trapped(error: &wasmtime::Error) -> CallError {
    CallError::execution_failed(format!(
        "The component stopped without a result: {}.",
        error.root_cause()
    ))
}

/// Links what `stripe.wasm` may import, and nothing else: HTTP, clocks, random
/// numbers, and the `wasi:cli` interfaces that Rust's standard library brings.
fn link(engine: &Engine, component: &Component) -> wasmtime::Result<EmbeddedPre<State>> {
    use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
    use wasmtime_wasi::p2::bindings::{cli, random};
    use wasmtime_wasi::random::{WasiRandom, WasiRandomView as _};

    let mut linker = Linker::<State>::new(engine);
    wasmtime_wasi_http::p2::add_to_linker_async(&mut linker)?;
    cli::environment::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(&mut linker, State::cli)?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(&mut linker, State::random)?;
    EmbeddedPre::new(linker.instantiate_pre(component)?)
}

/// The runtime's clock. Deadlines are kept by that clock, so the component must
/// read the same one; in tests it can be paused.
struct Clock(tokio::time::Instant);

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// What one instance has.
struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    memory: Memory,
}

impl State {
    fn new(inner: &Inner) -> State {
        let mut wasi = WasiCtx::builder();
        wasi.monotonic_clock(Clock(tokio::time::Instant::now()));
        if let Some(Secret(key)) = &inner.options.fallback_key {
            wasi.env("STRIPE_SECRET_KEY", key);
        }
        State {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(inner.transport.clone()),
            memory: Memory {
                most: inner.options.max_memory,
                grown: 0,
            },
        }
    }
}

/// Bounds linear memory, and knows how far it has grown, in bytes.
struct Memory {
    most: usize,
    grown: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.most {
            return Ok(false);
        }
        self.grown = self.grown.max(desired);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 10_000)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}
