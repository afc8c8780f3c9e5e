//! `stripe-harness completions`: what a shell needs to complete this command,
//! and the names it is then told. A shell asks the program itself at every tab,
//! so resources and methods are those of the component in use; one that would
//! have to be built first is not asked, for a tab must not take a minute.

use std::env;
use std::io;
use std::path::Path;

use clap::{Args, CommandFactory};
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{ArgValueCandidates, CompletionCandidate};
use stripe_harness::catalogue::{Operation, OperationFilter};
use stripe_harness::component::{Found, found};
use stripe_harness::{CompileCache, HostOptions, Plugin};

use super::{Ended, Wrong};

/// The variable by which a shell asks for completions.
const VARIABLE: &str = "STRIPE_HARNESS_COMPLETE";

/// Name of this command.
const NAME: &str = "stripe-harness";

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell to write for.
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

/// Prints what a shell's start-up file is to read.
pub(super) fn run(arguments: &Arguments) -> Result<Ended, Wrong> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&arguments.shell)
        .ok_or_else(|| Wrong(format!("{} is not known", arguments.shell)))?;
    let program = program();
    shell.write_registration(VARIABLE, NAME, NAME, &program, &mut io::stdout().lock())?;
    Ok(Ended::Succeeded)
}

/// What the shell is to ask: the command by its name where the path leads to it,
/// so that it may move, else this very file.
fn program() -> String {
    let called = env::args_os().next().unwrap_or_default();
    let is_name = Path::new(&called).components().count() == 1;
    match env::current_exe() {
        Ok(file) if !is_name => file.to_string_lossy().into_owned(),
        _ => called.to_string_lossy().into_owned(),
    }
}

/// Answers a shell that asks for completions, and ends the program then.
pub(super) fn answer<C: CommandFactory>() {
    CompleteEnv::with_factory(C::command)
        .var(VARIABLE)
        .complete();
}

/// `resource.method` of every operation.
pub(super) fn operations() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let operations = known_operations().unwrap_or_default();
        let candidate = |one: &Operation| {
            CompletionCandidate::new(&one.name)
                .help(Some(format!("{} {}", one.verb, one.path).into()))
        };
        operations.iter().map(candidate).collect()
    })
}

/// Every resource.
pub(super) fn resources() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let operations = known_operations().unwrap_or_default();
        let mut names: Vec<String> = operations.into_iter().map(|one| one.resource).collect();
        names.sort();
        names.dedup();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// What can be listed: resources that have a list of their own, and the other
/// lists by their whole names.
pub(super) fn lists() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let operations = known_operations().unwrap_or_default();
        let lists = operations.into_iter().filter(|one| one.paginated);
        let names = lists.map(|one| match one.method.as_str() {
            "list" => one.resource,
            _ => one.name,
        });
        names.map(CompletionCandidate::new).collect()
    })
}

/// Every ready-made action.
pub(super) fn actions() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let actions = asked(async |plugin| plugin.list_actions().await.ok()).unwrap_or_default();
        let candidates = actions
            .into_iter()
            .map(|action| CompletionCandidate::new(action.name).help(Some(action.title.into())));
        candidates.collect()
    })
}

fn known_operations() -> Option<Vec<Operation>> {
    let all = OperationFilter {
        text: None,
        resource: None,
        kind: None,
    };
    asked(async |plugin| plugin.operations(&all).await.ok())
}

/// Asks the component; none if there is none ready, for errors have no place on
/// a line that is being typed.
fn asked<T>(question: impl AsyncFnOnce(&Plugin) -> Option<T>) -> Option<T> {
    let Ok(Found::Ready(source)) = found(None) else {
        return None;
    };
    let options = HostOptions {
        cache: match env::var_os("STRIPE_HARNESS_CACHE") {
            Some(folder) if folder == "off" => None,
            Some(folder) => Some(CompileCache::in_folder(folder)),
            None => CompileCache::of_user(),
        },
        ..HostOptions::default()
    };
    let plugin = Plugin::load(&source.read().ok()?, options).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    runtime.block_on(question(&plugin))
}
