//! `stripe-harness`: runs `stripe.wasm` from a shell. All it does is in `cli`.

mod cli;

use std::process::ExitCode;

/// Half of a call's time in the host goes to small allocations, freed by another
/// thread as often as not, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
