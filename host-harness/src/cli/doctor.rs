//! `stripe-harness doctor`: what a call needs, looked at one after the other, so
//! that a person sees at which of them it fails and what to do about it. Nothing
//! is changed at Stripe; what is checked first is not asked of the network.

use clap::Args;
use serde_json::json;
use stripe_harness::component::{self, Found, Source};
use stripe_harness::sandbox::Sandbox;
use stripe_harness::{Connection, HostOptions, Plugin};

use super::connection::Flags;
use super::{Ended, Host, Output, Wrong, check, render, terminal};

/// Seconds by which a clock may be off without anybody's noticing.
const CLOCK_IS_RIGHT: u64 = 30;
/// Seconds from which on signatures of webhooks are refused: the tolerance that
/// Stripe's own clients have by default.
const CLOCK_IS_WRONG: u64 = 300;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The form of the findings.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,

    #[command(flatten)]
    flags: Flags,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Right,
    Odd,
    Wrong,
    /// Not looked at, since it does not apply or hangs on what is wrong.
    Skipped,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Verdict::Right => "ok",
            Verdict::Odd => "warning",
            Verdict::Wrong => "error",
            Verdict::Skipped => "skipped",
        }
    }
}

/// What was found, printed as it is found: some of it takes a while.
struct Findings {
    output: Output,
    wrong: usize,
}

impl Findings {
    fn tell(&mut self, what: &str, verdict: Verdict, said: &str) -> Result<(), Wrong> {
        self.wrong += usize::from(verdict == Verdict::Wrong);
        render::line(&match self.output {
            Output::Json => {
                let found = json!({"check": what, "result": verdict.as_str(), "message": said});
                terminal::json(found.to_string())
            }
            Output::Text => {
                // Some of it is Stripe's, and none of it begins a line.
                let said = terminal::lines(said).replace('\n', "\n        ");
                format!("{:8}{:12}{said}", verdict.as_str(), what)
            }
        })?;
        Ok(())
    }

    fn skip(&mut self, what: &[&str], why: &str) -> Result<(), Wrong> {
        what.iter()
            .try_for_each(|what| self.tell(what, Verdict::Skipped, why))
    }
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let mut findings = Findings {
        output: arguments.output,
        wrong: 0,
    };
    let (options, sandbox) = match arguments.flags.open().await {
        Ok(opened) => opened,
        // A proxy, an origin, a sandbox's file: all on the way to a server.
        Err(error) => {
            findings.tell("network", Verdict::Wrong, &error.to_string())?;
            let others = ["toolchain", "component", "cache", "key", "clock", "account"];
            findings.skip(&others, "needs the flags to be right")?;
            return Ok(Ended::RequestFailed);
        }
    };
    let looked = look(
        host,
        &arguments.flags,
        options,
        sandbox.as_ref(),
        &mut findings,
    )
    .await;
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    looked?;
    Ok(match findings.wrong {
        0 => Ended::Succeeded,
        _ => Ended::RequestFailed,
    })
}

async fn look(
    host: &Host,
    flags: &Flags,
    options: HostOptions,
    sandbox: Option<&Sandbox>,
    findings: &mut Findings,
) -> Result<(), Wrong> {
    let of_plugin = ["cache", "key", "network", "clock", "account"];
    toolchain(findings)?;
    let plugin = match component(host, options, findings).await? {
        Some(plugin) => plugin,
        None => return findings.skip(&of_plugin, "needs the component"),
    };
    cache(host, findings)?;
    let connection = match flags.connect(&plugin, sandbox).await {
        Ok(connection) => connection,
        Err(error) => {
            findings.tell("key", Verdict::Wrong, &error.to_string())?;
            return findings.skip(&of_plugin[2..], "needs a connection");
        }
    };
    key(&connection, findings)?;
    if !network(&plugin, &connection, findings).await? {
        return findings.skip(&of_plugin[4..], "needs the network");
    }
    account(&plugin, &connection, findings).await
}

fn toolchain(findings: &mut Findings) -> Result<(), Wrong> {
    let Some(checkout) = component::checkout() else {
        let why = "this program is installed, and builds nothing";
        return findings.skip(&["toolchain"], why);
    };
    match component::toolchain(&checkout) {
        Ok(version) => findings.tell("toolchain", Verdict::Right, &version),
        // What is built already is of use without one.
        Err(error) => findings.tell("toolchain", Verdict::Odd, &format!("{error:#}")),
    }
}

/// Loads the component, which builds it where every command would.
async fn component(
    host: &Host,
    options: HostOptions,
    findings: &mut Findings,
) -> Result<Option<Plugin>, Wrong> {
    let place = match component::found(host.plugin.as_deref()) {
        Ok(Found::Ready(Source::File(path))) => path.display().to_string(),
        Ok(Found::Ready(Source::Embedded(_))) => "within this program".to_owned(),
        Ok(Found::Unbuilt { .. }) => "built just now, since its sources are newer".to_owned(),
        Err(error) => {
            findings.tell("component", Verdict::Wrong, &format!("{error:#}"))?;
            return Ok(None);
        }
    };
    let plugin = match host.load(options).await {
        Ok(plugin) => plugin,
        Err(error) => {
            findings.tell("component", Verdict::Wrong, &error.to_string())?;
            return Ok(None);
        }
    };
    match plugin.manifest().await {
        Ok(manifest) => findings.tell(
            "component",
            Verdict::Right,
            &format!(
                "{} {}, Stripe API {} ({place})",
                manifest.title, manifest.version, manifest.api_version
            ),
        )?,
        Err(error) => findings.tell("component", Verdict::Odd, &error.to_string())?,
    }
    Ok(Some(plugin))
}

fn cache(host: &Host, findings: &mut Findings) -> Result<(), Wrong> {
    let Some(cache) = &host.cache else {
        return findings.skip(&["cache"], "switched off: every start compiles anew");
    };
    let folder = cache.folder().display();
    match cache.check() {
        Ok(()) => findings.tell("cache", Verdict::Right, &folder.to_string()),
        Err(error) => {
            let said = format!(
                "{folder}: {error}; a start that finds no entry there compiles anew; name another with --cache, or \"off\""
            );
            findings.tell("cache", Verdict::Odd, &said)
        }
    }
}

fn key(connection: &Connection, findings: &mut Findings) -> Result<(), Wrong> {
    let verdict = match connection.key_prefix() {
        Some(prefix) if !prefix.starts_with("pk_") => Verdict::Right,
        _ => Verdict::Odd,
    };
    let said = match connection.key_prefix() {
        Some(prefix) => format!("{prefix}…{}", mode(prefix)),
        None => "of no form that is known; Stripe's begin with sk_test_, sk_live_, rk_test_, \
                 rk_live_ or sk_org_"
            .to_owned(),
    };
    findings.tell("key", verdict, &said)
}

fn mode(prefix: &str) -> &'static str {
    if prefix.starts_with("pk_") {
        ", a publishable key: it may do next to nothing; use a secret or a restricted one"
    } else if prefix.ends_with("live_") {
        ", live mode: real money"
    } else if prefix.ends_with("test_") {
        ", test mode"
    } else {
        ""
    }
}

/// Whether the server can be reached, and whether this machine's clock is as its.
async fn network(
    plugin: &Plugin,
    connection: &Connection,
    findings: &mut Findings,
) -> Result<bool, Wrong> {
    let reached = match plugin.reach(connection).await {
        Ok(reached) => reached,
        Err(error) => {
            let said = format!(
                "{error} Is there a proxy (--proxy, HTTPS_PROXY), or a certificate authority of \
                 its own (--cacert, --roots platform)?"
            );
            findings.tell("network", Verdict::Wrong, &said)?;
            findings.skip(&["clock"], "needs the network")?;
            return Ok(false);
        }
    };
    let said = format!(
        "{} answers in {} ms ({:?})",
        reached.origin,
        reached.took.as_millis(),
        reached.version
    );
    findings.tell("network", Verdict::Right, &said)?;
    let Some(ahead) = reached.ahead else {
        findings.skip(&["clock"], "the server does not tell its time")?;
        return Ok(true);
    };
    let off = ahead.unsigned_abs();
    let direction = if ahead < 0 { "behind" } else { "ahead" };
    let (verdict, said) = match off {
        ..=CLOCK_IS_RIGHT => (Verdict::Right, format!("within {CLOCK_IS_RIGHT} s of it")),
        _ if off < CLOCK_IS_WRONG => (Verdict::Odd, format!("{off} s {direction}; set it by NTP")),
        _ => (
            Verdict::Wrong,
            format!("{off} s {direction}: webhooks will be refused as too old; set it by NTP"),
        ),
    };
    findings.tell("clock", verdict, &said)?;
    Ok(true)
}

/// Whether the key is accepted, and what it may not do.
async fn account(
    plugin: &Plugin,
    connection: &Connection,
    findings: &mut Findings,
) -> Result<(), Wrong> {
    let checked = match plugin.check_connection(connection).await {
        Ok(checked) => checked,
        Err(error) => return findings.tell("account", Verdict::Wrong, &error.to_string()),
    };
    let lacking = checked.lacking.len();
    let (verdict, more) = match lacking {
        0 => (Verdict::Right, String::new()),
        _ => (
            Verdict::Odd,
            format!("; the key may not do {lacking} of the calls tried: stripe-harness check"),
        ),
    };
    let said = format!(
        "{}, {} mode, API version {}{more}",
        checked.account.as_deref().unwrap_or("not known which"),
        check::mode(&checked).unwrap_or("unknown"),
        checked.api_version.as_deref().unwrap_or("not known"),
    );
    findings.tell("account", verdict, &said)
}
