//! What the component and its host cost, beside others that make the same calls.
//! See ../README.md.

mod bulk;
mod calls;
mod child;
mod describe;
mod fuel;
mod host;
mod load;
mod machine;
mod memory;
mod native;
mod node;
mod report;
mod server;
mod size;
mod soak;
mod start;
mod throughput;
mod unpooled;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::report::{Report, progress};

const USAGE: &str = "\
usage: cargo bench -p stripe-harness --bench suite -- [--quick] [--write] [NAME…]

  throughput   requests per second and latency, beside hyper and Node
  start        from the start of a process to its first answer
  memory       resident memory of an idle instance
  fuel         wasm instructions of ten kinds of call
  describe     describing each of the operations
  bulk         a listing of 10,000 objects, an upload of 10 MB
  size         bytes of the component

  soak [CALLS] [--write]   so many calls (1,000,000) in one process against the sandbox: memory,
                           descriptors, speed; --write: benches/SOAK.md. Alone, and never among the
                           others: it takes minutes

  --quick      short rounds: shows that the suite works, and no more
  --write      write benches/RESULTS.md; all parts are run, and not quickly
";

/// The parts, in the order they are run.
const PARTS: [(&str, Part); 7] = [
    ("throughput", throughput::run),
    ("start", start::run),
    ("memory", memory::run),
    ("fuel", fuel::run),
    ("describe", describe::run),
    ("bulk", bulk::run),
    ("size", size::run),
];

type Part = fn(Effort) -> Result<Report>;

/// How much time to take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    Quick,
    Full,
}

impl Effort {
    fn of<T>(self, quick: T, full: T) -> T {
        match self {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }
}

/// As in the `stripe-harness` command, and as an embedder is advised to.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where results are kept.
const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");

fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments.as_slice() {
        [child::ROLE, role @ ..] => play(role),
        ["-h" | "--help"] => {
            print(USAGE);
            Ok(())
        }
        ["soak", rest @ ..] => soak::run(rest),
        _ => run(&arguments),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What this program does as a process of the suite's own.
fn play(role: &[&str]) -> Result<()> {
    match role {
        ["serve"] => server::serve(),
        ["memory", rest @ ..] => memory::play(rest),
        ["bulk", rest @ ..] => bulk::play(rest),
        ["profile", rest @ ..] => throughput::play(rest),
        _ => bail!("there is no such role"),
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let mut effort = Effort::Full;
    let mut write = false;
    let mut wanted = Vec::new();
    for &argument in arguments {
        match argument {
            "--quick" => effort = Effort::Quick,
            "--write" => write = true,
            name if PARTS.iter().any(|(known, _)| *known == name) => wanted.push(name),
            other => bail!("{other:?} is none of the suite's arguments\n\n{USAGE}"),
        }
    }
    if write && (effort == Effort::Quick || !wanted.is_empty()) {
        bail!("--write is for a whole run");
    }
    let begun = Instant::now();
    // Built before anything is measured, so that no compiler runs beside it.
    host::component()?;
    let mut text = format!("Machine: {}.\n", machine::described());
    print(&text);
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.contains(&name) {
            progress(name);
            let report = part(effort).with_context(|| name.to_owned())?;
            let section = format!("\n## {name}\n\n{}\n", report.text().trim_end());
            print(&section);
            text.push_str(&section);
        }
    }
    let end = format!(
        "\nThe run took {} s; load at its end {}.\n",
        begun.elapsed().as_secs(),
        machine::load()
    );
    print(&end);
    if write {
        let head = "# Results\n\nWritten by `cargo bench --profile dist -p stripe-harness --bench suite -- --write`; \
                    how to read it is in [README.md](README.md).\n\n";
        std::fs::write(Path::new(RESULTS), format!("{head}{text}{end}"))?;
        progress("written to benches/RESULTS.md");
    }
    Ok(())
}

fn print(text: &str) {
    // Who closed stdout does not want the rest.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// What native clients, the component and the server run on alike.
fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}
