//! `stripe-harness`: runs `stripe.wasm` from a shell. All it does is in `cli`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
