//! Finding `stripe.wasm`, or building it.
//!
//! In this order: the file that was named (`--plugin`, or the environment
//! variable `STRIPE_PLUGIN_WASM`); the component built into this program (feature
//! `embedded-component`); in a checkout, the component that cargo built, if no
//! source is newer, and otherwise a build; `stripe.wasm` beside the program.
//!
//! The build runs at run time because a build script cannot do it: one that
//! calls cargo on the same target directory waits for itself for ever.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

/// Environment variable that names the component's file.
pub const VARIABLE: &str = "STRIPE_PLUGIN_WASM";

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "component";
const PACKAGE: &str = "stripe-plugin";

/// Where a component is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Bytes within this program.
    Embedded(&'static [u8]),
}

impl Source {
    /// The component's bytes.
    pub fn read(&self) -> Result<Vec<u8>> {
        match self {
            Source::File(path) => {
                fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
            }
            Source::Embedded(bytes) => Ok(bytes.to_vec()),
        }
    }
}

/// Finds the component, building it if this is a checkout and it is older than
/// its sources. `named` is the file a person named.
pub fn locate(named: Option<&Path>) -> Result<Source> {
    match found(named)? {
        Found::Ready(source) => Ok(source),
        Found::Unbuilt { checkout, .. } => Ok(Source::File(built(&checkout)?)),
    }
}

/// Where the component is, before anything is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is there.
    Ready(Source),
    /// It is to be built in this checkout.
    Unbuilt {
        /// The checkout's folder.
        checkout: PathBuf,
        /// One that is older than its sources, if there is one.
        outdated: Option<PathBuf>,
    },
}

/// Finds the component as [`locate`] does, but builds nothing: for what must be
/// quick, or only looks.
pub fn found(named: Option<&Path>) -> Result<Found> {
    let ready = |source| Ok(Found::Ready(source));
    if let Some(path) = named {
        return existing(path, "the file given with --plugin").map(Found::Ready);
    }
    if let Some(path) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        let what = format!("the file named by {VARIABLE}");
        return existing(Path::new(&path), &what).map(Found::Ready);
    }
    if let Some(bytes) = embedded() {
        return ready(Source::Embedded(bytes));
    }
    if let Some(checkout) = checkout() {
        let path = product(&checkout);
        if is_current(&path, &checkout) {
            return ready(Source::File(path));
        }
        let outdated = path.is_file().then_some(path);
        return Ok(Found::Unbuilt { checkout, outdated });
    }
    let beside = env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.join("stripe.wasm")));
    if let Some(path) = beside.filter(|path| path.is_file()) {
        return ready(Source::File(path));
    }
    bail!(
        "stripe.wasm was not found: name it with --plugin FILE or {VARIABLE}, or put it beside \
         this program"
    )
}

fn existing(path: &Path, what: &str) -> Result<Source> {
    if path.is_file() {
        Ok(Source::File(path.to_owned()))
    } else {
        bail!("{} does not exist ({what})", path.display())
    }
}

#[cfg(feature = "embedded-component")]
fn embedded() -> Option<&'static [u8]> {
    Some(include_bytes!(env!("STRIPE_PLUGIN_WASM")))
}

#[cfg(not(feature = "embedded-component"))]
fn embedded() -> Option<&'static [u8]> {
    None
}

/// The checkout this program was built from, if it runs in it: below its
/// folder, or started by cargo. An installed program does not build what it
/// finds at a path it remembers.
pub fn checkout() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let program = env::current_exe().ok()?;
    if !program.starts_with(root) && env::var_os("CARGO").is_none() {
        return None;
    }
    let is_checkout = root.join("plugin/Cargo.toml").is_file() && root.join("wit").is_dir();
    is_checkout.then(|| root.to_owned())
}

/// The component of a checkout: an existing one that is newer than every file
/// it is made from, or a new one. Built at most once per process.
fn built(checkout: &Path) -> Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut known = BUILT
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(path) = known.as_ref() {
        return Ok(path.clone());
    }
    // Another thread may have built it while this one waited.
    let path = product(checkout);
    let path = if is_current(&path, checkout) {
        path
    } else {
        build(checkout)?
    };
    *known = Some(path.clone());
    Ok(path)
}

/// Where cargo puts a checkout's component.
fn product(checkout: &Path) -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| checkout.join("target"), |dir| checkout.join(dir));
    target.join(TARGET).join(PROFILE).join("stripe.wasm")
}

/// Whether a file is newer than everything the component is made from.
fn is_current(component: &Path, checkout: &Path) -> bool {
    let Ok(made) = fs::metadata(component).and_then(|data| data.modified()) else {
        return false;
    };
    ["plugin", "wit", "Cargo.lock"]
        .iter()
        .all(|source| newest(&checkout.join(source)).is_some_and(|newest| newest <= made))
}

/// The latest change below a path; none if it cannot be told. What npm put
/// there does not count.
fn newest(path: &Path) -> Option<SystemTime> {
    let data = fs::metadata(path).ok()?;
    if data.is_file() {
        return data.modified().ok();
    }
    let mut latest = SystemTime::UNIX_EPOCH;
    for entry in fs::read_dir(path).ok()? {
        let path = entry.ok()?.path();
        if path.file_name() == Some(OsStr::new("node_modules")) {
            continue;
        }
        latest = latest.max(newest(&path)?);
    }
    Some(latest)
}

fn build(checkout: &Path) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    require_target(checkout)?;
    note(&format!(
        "building stripe.wasm ({TARGET}, profile {PROFILE}) …"
    ));
    let mut child = Command::new(&cargo)
        .current_dir(checkout)
        .args(["build", "--locked", "-p", PACKAGE, "--profile", PROFILE])
        .args([
            "--target",
            TARGET,
            "--message-format",
            "json-render-diagnostics",
        ])
        // Flags meant for the host's program are not meant for the component.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // What `cargo test` sets for the program it runs would confuse this one.
        .env_remove("CARGO_MANIFEST_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} cannot be started", Path::new(&cargo).display()))?;
    let stderr = child.stderr.take();
    let progress = std::thread::spawn(move || stderr.map(relay).unwrap_or_default());
    let mut artifact = None;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            artifact = component_of(&line?).or(artifact);
        }
    }
    let status = child.wait()?;
    let said = progress.join().unwrap_or_default();
    if !status.success() {
        bail!("stripe.wasm could not be built ({status}):\n{said}");
    }
    let artifact = artifact.context("cargo built the component but did not say where")?;
    // Cargo leaves the file alone where only a text it does not read changed;
    // the next look at its age should not call cargo again.
    let _ = fs::File::options()
        .append(true)
        .open(&artifact)
        .and_then(|file| file.set_modified(SystemTime::now()));
    Ok(artifact)
}

/// The component's path, if this is cargo's message about it.
fn component_of(message: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    if message.get("reason")? != "compiler-artifact" {
        return None;
    }
    message
        .get("filenames")?
        .as_array()?
        .iter()
        .filter_map(|name| name.as_str())
        .find(|name| name.ends_with("stripe.wasm") && name.contains(TARGET))
        .map(PathBuf::from)
}

/// Shows cargo's progress on a terminal, and keeps it for an error.
fn relay(stderr: impl std::io::Read) -> String {
    let mut kept = String::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if std::io::stderr().is_terminal() || line.trim_start().starts_with("Blocking") {
            note(line.trim());
        }
        kept.push_str(&line);
        kept.push('\n');
    }
    kept
}

fn note(text: &str) {
    // A closed stderr is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What builds the component of a checkout: the version of its Rust compiler;
/// the error says what is missing, and what to run.
pub fn toolchain(checkout: &Path) -> Result<String> {
    let install = "install Rust with rustup (https://rustup.rs)";
    let output = Command::new("rustc")
        .current_dir(checkout)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| anyhow::anyhow!("rustc cannot be started ({error}); {install}"))?;
    if !output.status.success() {
        // rustup says which toolchain is missing, and how to get it.
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("rustc does not run: {}", said.trim());
    }
    if !has_target(checkout) {
        bail!("the compile target {TARGET} is missing; run: rustup target add {TARGET}");
    }
    let version = String::from_utf8_lossy(&output.stdout);
    Ok(format!("{}, target {TARGET}", version.trim()))
}

/// Whether the compile target's standard library is installed.
fn has_target(checkout: &Path) -> bool {
    Command::new("rustc")
        .current_dir(checkout)
        .args(["--print", "target-libdir", "--target", TARGET])
        .stderr(Stdio::null())
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .is_some_and(|dir| Path::new(dir.trim()).is_dir())
}

/// The compile target's standard library: added where rustup allows it, else
/// said. rustup's own automatic installation may be switched off.
fn require_target(checkout: &Path) -> Result<()> {
    if has_target(checkout) {
        return Ok(());
    }
    note(&format!(
        "adding the compile target: rustup target add {TARGET}"
    ));
    let added = Command::new("rustup")
        .current_dir(checkout)
        .args(["target", "add", TARGET])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            let mut said = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                stderr.read_to_string(&mut said)?;
            }
            Ok((child.wait()?, said))
        });
    match added {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((_, said)) => bail!(
            "the compile target {TARGET} is missing and could not be added; run: rustup target \
             add {TARGET}\n{said}"
        ),
        Err(_) => bail!(
            "the compile target {TARGET} is missing; run: rustup target add {TARGET} (or install \
             it as your toolchain wants it)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let error = locate(Some(Path::new("no/such.wasm"))).unwrap_err();
        assert!(error.to_string().contains("--plugin"), "{error}");
    }

    #[test]
    fn only_the_components_artifact_counts() {
        let line =
            |names: &str| format!(r#"{{"reason":"compiler-artifact","filenames":[{names}]}}"#);
        assert_eq!(
            component_of(&line(r#""/t/wasm32-wasip2/component/stripe.wasm""#)),
            Some(PathBuf::from("/t/wasm32-wasip2/component/stripe.wasm"))
        );
        assert_eq!(
            component_of(&line(r#""/t/wasm32-wasip2/component/deps/libserde.rlib""#)),
            None
        );
        assert_eq!(
            component_of(r#"{"reason":"build-finished","success":true}"#),
            None
        );
        assert_eq!(component_of("no JSON"), None);
    }

    #[test]
    fn a_source_newer_than_the_component_makes_it_stale() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for (path, age) in [
            ("plugin/src/a.rs", 30),
            ("wit/w.wit", 20),
            ("Cargo.lock", 10),
        ] {
            let path = at(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let file = fs::File::create(&path).unwrap();
            let then = SystemTime::now() - std::time::Duration::from_secs(age);
            file.set_modified(then).unwrap();
        }
        let component = at("stripe.wasm");
        assert!(!is_current(&component, dir.path()), "there is none");
        let file = fs::File::create(&component).unwrap();
        assert!(is_current(&component, dir.path()));
        let then = SystemTime::now() - std::time::Duration::from_secs(15);
        file.set_modified(then).unwrap();
        assert!(!is_current(&component, dir.path()), "Cargo.lock is newer");
    }
}
