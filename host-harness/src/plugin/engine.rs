//! The wasmtime engine, the compiled component, and the instances that live in
//! them. One engine serves all plugins that were made of one by
//! `Plugin::with_options`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;
use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig};

use super::instance::Instance;
use super::options::HostOptions;

/// How often a running component is looked at: it gives way to other tasks, so
/// that its time can end.
const TICK: Duration = Duration::from_millis(50);

/// Core modules, memories and tables of one instance. `stripe.wasm` has three
/// modules (itself and two that `wit-component` adds), one memory and two
/// tables; a component that needs more is not `stripe.wasm`.
const MODULES: u32 = 8;
const TABLES: u32 = 4;

/// Most elements of a table.
pub(super) const TABLE_ELEMENTS: usize = 10_000;

/// Bytes of a memory, a table and a stack that are wiped by hand rather than
/// given back to the system when an instance ends: what a call touches at
/// least. Given back, they would have to be faulted in again by the next call.
const MEMORY_KEPT: usize = 2 << 20;
const TABLE_KEPT: usize = 80 << 10;
const STACK_KEPT: usize = 64 << 10;

/// An engine with the component compiled for it.
pub(super) struct Machine {
    pub(super) engine: Engine,
    pub(super) component: Component,
    /// Fuel of a call, where the engine counts it.
    pub(super) max_fuel: Option<u64>,
    /// Turns of calls.
    turns: Arc<Semaphore>,
    /// Instances kept for further calls, of all plugins, the oldest first.
    idle: Mutex<Vec<Idle>>,
    max_idle: usize,
}

struct Idle {
    /// The plugin it was made for: its options are part of it.
    owner: u64,
    instance: Instance,
}

impl Machine {
    /// Compiles a component, or takes it from the cache.
    pub(super) fn new(component: &[u8], options: &HostOptions) -> anyhow::Result<Machine> {
        let max_calls = options
            .max_concurrent_calls
            .clamp(1, Semaphore::MAX_PERMITS);
        let max_idle = options.max_idle().max(max_calls);
        let engine = engine(options, max_calls.saturating_add(max_idle))?;
        let compile = || {
            tracing::info!("compiling the component");
            Component::new(&engine, component)
                .map_err(anyhow::Error::from)
                .context("the component could not be compiled")
        };
        let component = match &options.cache {
            Some(cache) => cache.load(&engine, component, compile)?,
            None => compile()?,
        };
        Ok(Machine {
            engine,
            component,
            max_fuel: options.max_fuel,
            turns: Arc::new(Semaphore::new(max_calls)),
            idle: Mutex::default(),
            max_idle,
        })
    }

    /// Waits until a call may run.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// An idle instance of this plugin's.
    pub(super) fn take(&self, owner: u64) -> Option<Instance> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|kept| kept.owner == owner)?;
        Some(idle.remove(at).instance)
    }

    /// Keeps an instance, of which its plugin may have `most`. One of another
    /// plugin's may have to make room.
    pub(super) fn keep(&self, owner: u64, instance: Instance, most: usize) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = idle.len() >= self.max_idle;
        if idle.len() >= most && idle.iter().filter(|kept| kept.owner == owner).count() >= most {
            return;
        }
        if is_full && !idle.is_empty() {
            idle.remove(0);
        }
        idle.push(Idle { owner, instance });
    }

    /// Drops a plugin's idle instances.
    pub(super) fn forget(&self, owner: u64) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropped under the lock: another may take their place as soon as it is
        // open.
        idle.retain(|kept| kept.owner != owner);
    }
}

/// An engine whose instances come from a pool, where the system has the
/// address space for it.
fn engine(options: &HostOptions, instances: usize) -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.consume_fuel(options.max_fuel.is_some());
    config.epoch_interruption(true);
    config.allocation_strategy(pool(instances));
    let engine = match Engine::new(&config) {
        Ok(engine) => engine,
        Err(error) => {
            tracing::warn!(
                "no pool of {instances} instances could be set up, each is made anew: {error:#}"
            );
            config.allocation_strategy(wasmtime::InstanceAllocationStrategy::OnDemand);
            Engine::new(&config)
                .map_err(anyhow::Error::from)
                .context("the wasmtime engine could not be set up")?
        }
    };
    tick(&engine)?;
    Ok(engine)
}

fn pool(instances: usize) -> PoolingAllocationConfig {
    let instances = u32::try_from(instances).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(MODULES))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(TABLES))
        // An idle instance keeps the stack of its last call.
        .total_stacks(instances)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(MEMORY_KEPT)
        .table_keep_resident(TABLE_KEPT)
        .async_stack_keep_resident(STACK_KEPT)
        // Wipes just what was written, where the kernel can tell (Linux 6.7).
        .pagemap_scan(Enabled::Auto)
        // The slot used last is still in the processor's cache.
        .max_unused_warm_slots(0);
    pool
}

/// Lets running components give way at every tick, as long as the engine lives.
fn tick(engine: &Engine) -> anyhow::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("stripe-epoch".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })
        .context("no thread could be started")?;
    Ok(())
}
