//! One instance of the component: what it is linked with, what it may use, and
//! whether it can serve again.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmtime::component::{self, Component, InstancePre, Linker, Resource, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, StoreContextMut};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, IoError};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::connection::Via;
use super::engine::TABLE_ELEMENTS;
use super::error::CallError;
use super::options::HostOptions;
use super::stderr::Warnings;
use crate::bindings::exports::lowcode::stripe::requests;
use crate::secret::Injected;
use crate::transport::{Hooks, Transport};

/// Most linear memory an instance may have grown to and still be kept, in bytes.
const KEPT_MEMORY: usize = 4 << 20;

/// An instance and the store it lives in.
pub(super) struct Instance {
    pub(super) store: Store<State>,
    exports: component::Instance,
    /// `requests`, once it was called: its types are checked once for an
    /// instance.
    requests: Option<requests::Guest>,
}

impl Instance {
    pub(super) async fn new(
        pre: &InstancePre<State>,
        state: State,
        max_fuel: Option<u64>,
    ) -> Result<Instance, CallError> {
        let mut store = Store::new(pre.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_async_yield_and_update(1);
        // Instantiation itself takes both.
        supply(&mut store, max_fuel);
        match pre.instantiate_async(&mut store).await {
            Ok(exports) => Ok(Instance {
                store,
                exports,
                requests: None,
            }),
            Err(error) => Err(CallError::execution_failed(format!(
                "No instance of the component could be made: {}.",
                store.data().reason(&error)
            ))),
        }
    }

    /// The interface `requests`.
    pub(super) fn requests(
        &mut self,
        indices: &requests::GuestIndices,
    ) -> wasmtime::Result<requests::Guest> {
        if let Some(loaded) = &self.requests {
            return Ok(loaded.clone());
        }
        let loaded = indices.load(&mut self.store, &self.exports)?;
        self.requests = Some(loaded.clone());
        Ok(loaded)
    }

    /// Another interface. Only the one a call needs is loaded, since checking
    /// all types of all interfaces takes longer than many a call.
    pub(super) fn interface<G>(
        &mut self,
        load: impl FnOnce(&mut Store<State>, &component::Instance) -> wasmtime::Result<G>,
    ) -> wasmtime::Result<G> {
        load(&mut self.store, &self.exports)
    }

    /// Makes it ready for a call.
    pub(super) fn begin(&mut self, via: &Via, max_fuel: Option<u64>) {
        supply(&mut self.store, max_fuel);
        self.store.data_mut().memory.refused = None;
        let hooks = &mut self.store.data_mut().hooks;
        hooks.begin(via.route.clone(), via.injected.clone());
    }

    /// Closes what the call left open, and says whether the instance can serve
    /// again: one that grew large is not worth its memory. A component that
    /// goes on using what was closed traps, and is gone with that.
    pub(super) fn end(&mut self) -> bool {
        let state = self.store.data_mut();
        // wasmtime-wasi-http itself forgets a request's options in the table.
        state.table = ResourceTable::new();
        state.memory.grown <= KEPT_MEMORY
    }
}

/// Fuel for one call, and time until the next tick.
fn supply(store: &mut Store<State>, max_fuel: Option<u64>) {
    store.set_epoch_deadline(1);
    if let Some(fuel) = max_fuel {
        // Fails only where the engine does not count fuel.
        let _ = store.set_fuel(fuel);
    }
}

/// Links what `stripe.wasm` may import, and nothing else: HTTP, clocks, random
/// numbers, and the `wasi:cli` interfaces that Rust's standard library brings.
pub(super) fn link(engine: &Engine, component: &Component) -> wasmtime::Result<InstancePre<State>> {
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
    tell_body_errors(&mut linker)?;
    linker.instantiate_pre(component)
}

/// Puts right what wasmtime-wasi-http 48 says of an error within a body: it looks
/// for another type than the one it stored, and so knows none. The component
/// would take every such end for a lost connection, and try again.
fn tell_body_errors(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance("wasi:http/types@0.2.12")?.func_wrap(
        "http-error-code",
        |store: StoreContextMut<'_, State>, (error,): (Resource<IoError>,)| {
            let error = store.data().table.get(&error)?;
            let code = match error.downcast_ref::<crate::HttpError>() {
                Some(crate::HttpError::HttpResponseBodySize(limit)) => {
                    Some(ErrorCode::HttpResponseBodySize(*limit))
                }
                Some(crate::HttpError::ConnectionReadTimeout) => {
                    Some(ErrorCode::ConnectionReadTimeout)
                }
                Some(crate::HttpError::HttpResponseTimeout) => Some(ErrorCode::HttpResponseTimeout),
                Some(_) => Some(ErrorCode::HttpResponseIncomplete),
                None => None,
            };
            Ok((code,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
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

/// What the host says the time is.
struct Calendar(fn() -> SystemTime);

impl HostWallClock for Calendar {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        (self.0)().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// What one instance has.
pub(super) struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(super) hooks: Hooks,
    memory: Memory,
}

impl State {
    pub(super) fn new(
        options: &HostOptions,
        transport: &Arc<Transport>,
        fallback: Option<&Injected>,
    ) -> State {
        let mut wasi = WasiCtx::builder();
        wasi.monotonic_clock(Clock(tokio::time::Instant::now()));
        if let Some(now) = options.wall_clock {
            wasi.wall_clock(Calendar(now));
        }
        wasi.stderr(Warnings);
        let key = match (fallback, &options.fallback_key) {
            (Some(injected), _) => Some(injected.placeholder()),
            (None, key) => key.as_ref().map(|key| key.reveal()),
        };
        if let Some(key) = key {
            wasi.env("STRIPE_SECRET_KEY", key);
        }
        State {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(Arc::clone(transport)),
            memory: Memory {
                most: options.max_memory,
                grown: 0,
                refused: None,
            },
        }
    }

    /// Why the component stopped without a result. A trap's backtrace holds
    /// function names only, and is left out all the same.
    pub(super) fn reason(&self, error: &wasmtime::Error) -> String {
        if let Some(refused) = self.memory.refused {
            return format!(
                "it asked for {refused} bytes of memory, and this host grants {} (max_memory)",
                self.memory.most
            );
        }
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(wasmtime::Trap::OutOfFuel) => {
                "it used up the wasm instructions this host grants a call (max_fuel)".to_owned()
            }
            _ => error.root_cause().to_string(),
        }
    }
}

/// Bounds linear memory, and knows how far it has grown, in bytes.
struct Memory {
    most: usize,
    grown: usize,
    /// What it was not given.
    refused: Option<usize>,
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.most {
            self.refused = Some(desired);
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
        Ok(desired <= TABLE_ELEMENTS)
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
