//! The component behind a Rust API: load it once, call it from many tasks.
//!
//! Every call runs in an instance of its own, which is thrown away afterwards;
//! so a call that traps takes nothing with it.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store, StoreLimits, StoreLimitsBuilder};
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
        let (mut store, instance) = self.instance().await?;
        let parsed = instance
            .lowcode_stripe_connections()
            .call_parse_connection(&mut store, &properties.to_owned())
            .await;
        Ok(Connection(finished(parsed)??))
    }

    /// Calls one method of one resource; `args` is JSON.
    pub async fn request(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: &str,
    ) -> Result<types::Response, CallError> {
        let (mut store, instance) = self.instance().await?;
        let answered = instance
            .lowcode_stripe_requests()
            .call_request(
                &mut store,
                &connection.0,
                resource,
                method,
                &args.to_owned(),
            )
            .await;
        Ok(finished(answered).map_err(CallError::after_sending)??)
    }

    /// Calls the method that Lowdefy's nested form names; `properties` is JSON.
    pub async fn stripe_request(
        &self,
        connection: &Connection,
        properties: &str,
    ) -> Result<types::Response, CallError> {
        let (mut store, instance) = self.instance().await?;
        let answered = instance
            .lowcode_stripe_requests()
            .call_stripe_request(&mut store, &connection.0, &properties.to_owned())
            .await;
        Ok(finished(answered).map_err(CallError::after_sending)??)
    }

    /// What [`Plugin::request`] would send, without sending it.
    pub async fn plan(
        &self,
        connection: &Connection,
        resource: &str,
        method: &str,
        args: &str,
    ) -> Result<types::Planned, CallError> {
        let (mut store, instance) = self.instance().await?;
        let planned = instance
            .lowcode_stripe_requests()
            .call_plan(
                &mut store,
                &connection.0,
                resource,
                method,
                &args.to_owned(),
            )
            .await;
        Ok(finished(planned)??)
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
        let (mut store, instance) = self.instance().await?;
        let args = args.to_owned();
        let mut cost = 0;
        for _ in 0..2 {
            let before = store.get_fuel();
            let planned = instance
                .lowcode_stripe_requests()
                .call_plan(&mut store, &connection.0, resource, method, &args)
                .await;
            finished(planned)??;
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

    async fn instance(&self) -> Result<(Store<State>, crate::bindings::Embedded), CallError> {
        let inner = &self.inner;
        let mut store = Store::new(inner.pre.engine(), State::new(inner));
        store.limiter(|state| &mut state.limits);
        if let Some(fuel) = inner.options.max_fuel {
            // Fails only where the engine does not count fuel.
            let _ = store.set_fuel(fuel);
        }
        let instance = inner
            .pre
            .instantiate_async(&mut store)
            .await
            .map_err(|error| CallError::execution_failed(format!("no instance: {error}")))?;
        Ok((store, instance))
    }
}

/// A trap has no place in the contract; it becomes `execution-failed`. Its
/// backtrace holds function names only, and is left out all the same.
fn finished<T>(result: wasmtime::Result<T>) -> Result<T, CallError> {
    result.map_err(|error| {
        CallError::execution_failed(format!(
            "The component stopped without a result: {}.",
            error.root_cause()
        ))
    })
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
    limits: StoreLimits,
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
            limits: StoreLimitsBuilder::new()
                .memory_size(inner.options.max_memory)
                .build(),
        }
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
