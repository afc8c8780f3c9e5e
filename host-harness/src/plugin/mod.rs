//! The component behind a Rust API: load it once, call it from many tasks.
//!
//! Every call has an instance to itself while it runs. Afterwards the instance is
//! thrown away, or kept for a later call where the host wants that; one that
//! trapped or ran out of time is never kept, so such a call takes nothing with
//! it.

mod calls;
mod connection;
mod engine;
mod error;
mod instance;
mod options;
mod reach;
mod stderr;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use anyhow::Context as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::error::Elapsed;
use wasmtime::Store;
use wasmtime::component::{self, InstancePre};

use self::connection::Via;
use self::engine::Machine;
use self::instance::{Instance, State};
use crate::bindings::exports::lowcode::stripe::{connections, requests, webhooks};
use crate::bindings::types;
use crate::secret::Injected;
use crate::transport::{Route, Transport};

pub use self::calls::Webhook;
pub use self::connection::Connection;
pub use self::error::{CallError, Case};
pub use self::options::{HostOptions, Instances};
pub use self::reach::Reached;

/// The component, compiled and ready to be called. Cheap to clone; calls run
/// side by side. Dropping a call's future cancels it; a request it has sent by
/// then may have been acted on.
///
/// Every call of [`Plugin::request`] is a `tracing` span named `request`, with
/// the fields `resource`, `method`, `status`, `attempts`, `request_id` and, where
/// it failed, `error` (the failure's type). So are [`Plugin::stripe_request`]
/// (whose resource the component alone knows), [`Plugin::run_action`] (also
/// `action`), [`Plugin::list_page`] and [`Plugin::list_all`] (also `items`), and
/// [`Plugin::check_connection`].
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
    pre: InstancePre<State>,
    connections: connections::GuestIndices,
    requests: requests::GuestIndices,
    webhooks: webhooks::GuestIndices,
    transport: Arc<Transport>,
    options: HostOptions,
    /// What stands for the fallback key, where keys are injected.
    fallback: Option<Injected>,
    /// Tells the idle instances of plugins with one machine apart.
    id: u64,
    /// Ways to Stripe of connections' own, by their settings: connections that
    /// are parsed again share what they opened.
    routes: Mutex<Vec<(types::Transport, Weak<Route>)>>,
    /// The operation each ready-made action calls, by its name, once a span has
    /// asked.
    actions: tokio::sync::OnceCell<HashMap<String, String>>,
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
        let other = "this component is not stripe.wasm, or of another version";
        let pre = instance::link(&machine.engine, &machine.component)
            .map_err(anyhow::Error::from)
            .context(other)?;
        let connections = connections::GuestIndices::new(&pre)
            .map_err(anyhow::Error::from)
            .context(other)?;
        let requests = requests::GuestIndices::new(&pre)
            .map_err(anyhow::Error::from)
            .context(other)?;
        let webhooks = webhooks::GuestIndices::new(&pre)
            .map_err(anyhow::Error::from)
            .context(other)?;
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
                connections,
                requests,
                webhooks,
                transport: Arc::new(transport),
                options,
                fallback,
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                routes: Mutex::default(),
                actions: tokio::sync::OnceCell::new(),
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
    fn store(&mut self) -> &mut Store<State> {
        &mut self.instance.store
    }

    /// The interface `requests` of the instance.
    fn requests(&mut self) -> Result<requests::Guest, CallError> {
        let loaded = self.instance.requests(&self.plugin.requests);
        loaded.map_err(|error| self.stopped(&error))
    }

    /// Another interface of the instance.
    fn interface<G>(
        &mut self,
        load: impl FnOnce(&mut Store<State>, &component::Instance) -> wasmtime::Result<G>,
    ) -> Result<G, CallError> {
        let loaded = self.instance.interface(load);
        loaded.map_err(|error| self.stopped(&error))
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
    fn answered<T>(
        self,
        ended: Result<wasmtime::Result<Result<T, types::Error>>, Elapsed>,
    ) -> Result<T, CallError> {
        let detail = match &ended {
            Ok(Ok(Err(_))) => self.instance.store.data().hooks.detail(),
            _ => None,
        };
        let hooks = &self.instance.store.data().hooks;
        let has_sent = hooks.has_sent();
        // A server may spell a key in ways that are told only once its answer
        // has been read: "\u0073k_test_…".
        let ended = ended.map(|ended| {
            ended.map(|answer| {
                answer.map_err(|error| {
                    let mut error = CallError::from(error);
                    hooks.injected().for_each(|key| error.hide(key));
                    error
                })
            })
        });
        self.finished(ended)
            .map_err(|error| match has_sent {
                true => error.after_sending(),
                false => error,
            })?
            .map_err(|error: CallError| error.with_detail(detail))
    }

    /// A trap has no place in the contract; it becomes `execution-failed`.
    fn stopped(&self, error: &wasmtime::Error) -> CallError {
        CallError::execution_failed(format!(
            "The component stopped without a result: {}.",
            self.instance.store.data().reason(error)
        ))
    }
}
