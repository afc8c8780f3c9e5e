//! The `stripe-harness` command: what others script against. Results go to
//! stdout, everything said to a person to stderr.
//!
//! Exit codes: 0 all succeeded, 1 a request failed, or the result of one could not
//! be written, or `doctor` found an error, 2 usage or configuration, 130 a batch or
//! a workflow was interrupted.

mod action;
mod advance_clock;
mod batch;
mod check;
mod completions;
mod component;
mod connection;
mod describe;
mod doctor;
mod given;
mod list;
mod listen;
mod log;
mod new;
mod operations;
mod outcome;
mod reach;
mod render;
mod request;
mod run;
mod sandbox;
mod terminal;
mod workflow;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use stripe_harness::component::{Source, locate};
use stripe_harness::{CompileCache, HostOptions, Plugin};

/// Runs stripe.wasm: all of Stripe's API behind one call.
#[derive(Debug, Parser)]
#[command(name = "stripe-harness", version, arg_required_else_help = true)]
struct Arguments {
    /// The component to use instead of the one that belongs to this program.
    /// The environment variable STRIPE_PLUGIN_WASM does the same.
    #[arg(long, global = true, value_name = "FILE")]
    plugin: Option<PathBuf>,

    /// Where compiled components are kept, so that the next start need not
    /// compile: a folder, or "off" [default: the user's cache folder].
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "STRIPE_HARNESS_CACHE"
    )]
    cache: Option<PathBuf>,

    /// What is reported on stderr besides errors.
    #[arg(long, global = true, value_enum, default_value = "warn")]
    log: log::Log,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the requests of a YAML file in Lowdefy's form.
    Run(run::Arguments),
    /// Make one call.
    Request(request::Arguments),
    /// Run a ready-made action, such as stripe.createCustomer.
    Action(action::Arguments),
    /// List the ready-made actions, or say all about those that fit a text.
    Actions(action::ListArguments),
    /// Run a workflow file in LoopFour's form.
    Workflow(workflow::Arguments),
    /// Read a list: its items, page by page.
    List(list::Arguments),
    /// Say whether a connection works, and what its key may not do.
    Check(check::Arguments),
    /// Make many calls: JSON Lines in, JSON Lines out, in the same order.
    Batch(batch::Arguments),
    /// List what there is to call.
    Operations(operations::Arguments),
    /// Tell what a call takes: a tree, its JSON Schema, or YAML to paste.
    Describe(describe::Arguments),
    /// Write a commented YAML file to begin with: a connection, or a request.
    New(new::Arguments),
    /// Look at everything a call needs, and say what is wrong and what to do.
    Doctor(doctor::Arguments),
    /// Print what a shell needs to complete this command, resources and methods
    /// included: source <(stripe-harness completions bash).
    Completions(completions::Arguments),
    /// Say which component is used, and what it imports and exports.
    Component,
    /// Receive webhooks: verify, filter, and print, forward or run a workflow
    /// for each event, once.
    Listen(listen::Arguments),
    /// Serve the embedded stand-in for Stripe until it is stopped.
    Sandbox(sandbox::Arguments),
    /// Let a sandbox's time pass: renewals, payouts, expiries happen.
    AdvanceClock(advance_clock::Arguments),
}

/// The form results are printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For a person.
    Text,
    /// One line of JSON for each request.
    Json,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// All requests succeeded.
    Succeeded,
    /// A request failed, or its result could not be written.
    RequestFailed,
    /// Somebody stopped it.
    Interrupted,
}

/// Something in the usage or the configuration is wrong; a sentence or two.
#[derive(Debug)]
struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<anyhow::Error> for Wrong {
    fn from(error: anyhow::Error) -> Self {
        Wrong(format!("{error:#}"))
    }
}

impl From<std::io::Error> for Wrong {
    fn from(error: std::io::Error) -> Self {
        Wrong(error.to_string())
    }
}

/// Parses the command line, runs the command, says how it ended.
pub(crate) fn main() -> ExitCode {
    completions::answer::<Arguments>();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return wrong(&Wrong(format!("no threads could be started: {error}"))),
    };
    let ended = runtime.block_on(dispatch(arguments));
    // A lookup of a name may still be under way; nothing waits for it.
    runtime.shutdown_background();
    match ended {
        Ok(Ended::Succeeded) => ExitCode::SUCCESS,
        Ok(Ended::RequestFailed) => ExitCode::from(1),
        Ok(Ended::Interrupted) => ExitCode::from(batch::INTERRUPTED),
        Err(error) => wrong(&error),
    }
}

fn wrong(error: &Wrong) -> ExitCode {
    render::error_line(&format!("error: {error}"));
    ExitCode::from(2)
}

async fn dispatch(arguments: Arguments) -> Result<Ended, Wrong> {
    log::start(arguments.log);
    let host = Host {
        plugin: arguments.plugin,
        cache: match arguments.cache {
            Some(folder) if folder.as_os_str() == "off" => None,
            Some(folder) => Some(CompileCache::in_folder(folder)),
            None => CompileCache::of_user(),
        },
    };
    match arguments.command {
        Command::Run(arguments) => run::run(&host, arguments).await,
        Command::Request(arguments) => request::run(&host, arguments).await,
        Command::Action(arguments) => action::run(&host, arguments).await,
        Command::Actions(arguments) => action::list(&host, arguments).await,
        Command::Workflow(arguments) => workflow::run(&host, arguments).await,
        Command::List(arguments) => list::run(&host, arguments).await,
        Command::Check(arguments) => check::run(&host, arguments).await,
        Command::Batch(arguments) => batch::run(&host, arguments).await,
        Command::Operations(arguments) => operations::run(&host, arguments).await,
        Command::Describe(arguments) => describe::run(&host, arguments).await,
        Command::New(arguments) => new::run(&host, arguments).await,
        Command::Doctor(arguments) => doctor::run(&host, arguments).await,
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Component => component::run(&host).await,
        Command::Listen(arguments) => listen::run(&host, arguments).await,
        Command::Sandbox(arguments) => sandbox::run(arguments).await,
        Command::AdvanceClock(arguments) => advance_clock::run(arguments).await,
    }
}

/// What every command that calls the component starts from.
struct Host {
    plugin: Option<PathBuf>,
    cache: Option<CompileCache>,
}

impl Host {
    /// Finds the component, and compiles it if that was not done before.
    async fn load(&self, options: HostOptions) -> Result<Plugin, Wrong> {
        let named = self.plugin.clone();
        let options = HostOptions {
            cache: self.cache.clone(),
            ..options
        };
        let loaded = tokio::task::spawn_blocking(move || {
            let source = locate(named.as_deref())?;
            Plugin::load(&source.read()?, options).map_err(|error| match source {
                Source::File(path) => error.context(format!("{} cannot be loaded", path.display())),
                Source::Embedded(_) => error,
            })
        })
        .await
        .map_err(|error| Wrong(format!("loading the component failed: {error}")))?;
        Ok(loaded?)
    }
}
