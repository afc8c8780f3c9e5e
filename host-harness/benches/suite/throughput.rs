//! Requests per second and latency: the same call by everyone, against the same
//! server, in rounds that take turns.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use stripe_harness::{Connection, Plugin};
use tokio::runtime::Runtime;

use crate::child::Child;
use crate::host::{self, Instances, Setup};
use crate::load::{self, Call, Round};
use crate::native::{Native, Prepared};
use crate::node::{Node, Package};
use crate::report::{Ratio, Report, Table, median, progress, spread};
use crate::server::{CUSTOMER_BYTES, Server};
use crate::unpooled::Unpooled;
use crate::{Effort, runtime};

const CREATE: (&str, &str, &str) = (
    "customers",
    "create",
    r#"[{"email":"ada@shop.example","name":"Ada Lovelace","metadata":{"order_id":"6735"}}]"#,
);

/// Calls under way at the same time.
const LOOPS: [usize; 2] = [1, MANY];
const MANY: usize = 32;

const NATIVE: &str = "hyper";
const UNPOOLED: &str = "component, default-style sender";
const ISOLATED: &str = "component, isolated";
const REUSED: &str = "component, reused";
const NATIVE_H2: &str = "hyper, TLS, HTTP/2";
const ISOLATED_H2: &str = "component, isolated, TLS, HTTP/2";
const REUSED_H2: &str = "component, reused, TLS, HTTP/2";
const STRIPE: &str = "Node, stripe";
/// It knows HTTP/1 alone.
const STRIPE_TLS: &str = "Node, stripe, TLS";
const LOWDEFY: &str = "Node, @lowdefy/connection-stripe";

/// What is promised: a contender, whom it is held against, the least ratio.
const TARGETS: [(&str, &str, &str, f64); 5] = [
    ("reused / hyper", REUSED, NATIVE, 0.75),
    ("isolated / hyper", ISOLATED, NATIVE, 0.40),
    ("reused / Node stripe", REUSED, STRIPE, 10.0),
    ("isolated / Node stripe", ISOLATED, STRIPE, 5.0),
    ("reused / hyper, TLS, HTTP/2", REUSED_H2, NATIVE_H2, 0.75),
];

/// Who makes the calls.
enum Maker {
    Here(Call),
    Process(Child),
}

struct Contender {
    name: &'static str,
    maker: Maker,
    /// For each of [`LOOPS`], its rounds.
    rounds: [Vec<Round>; LOOPS.len()],
}

impl Contender {
    fn new(name: &'static str, maker: Maker) -> Contender {
        Contender {
            name,
            maker,
            rounds: Default::default(),
        }
    }

    fn round(&mut self, runtime: &Runtime, loops: usize, length: Duration) -> Result<Round> {
        match &mut self.maker {
            Maker::Here(call) => runtime.block_on(load::round(call, loops, length)),
            Maker::Process(child) => {
                let seconds = length.as_secs_f64();
                child.tell(&serde_json::json!({"loops": loops, "seconds": seconds}).to_string())?;
                child.answer()
            }
        }
        .with_context(|| self.name)
    }
}

pub(crate) fn run(effort: Effort) -> Result<Report> {
    let runtime = runtime()?;
    let server = Server::start()?;
    let mut report = Report::default();
    let (mut contenders, left_out) = runtime.block_on(contenders(&server))?;
    let length = effort.of(Duration::from_millis(150), Duration::from_millis(400));
    let rounds = effort.of(1, 15);
    for contender in &mut contenders {
        // Connections, instances, Node's compiler: not what is measured.
        contender.round(&runtime, MANY, effort.of(length, length * 5))?;
    }
    for number in 1..=rounds {
        progress(&format!("round {number} of {rounds}"));
        for (index, loops) in LOOPS.into_iter().enumerate() {
            for contender in &mut contenders {
                let round = contender.round(&runtime, loops, length)?;
                if let Some(rounds) = contender.rounds.get_mut(index) {
                    rounds.push(round);
                }
            }
        }
    }
    report.say(&format!(
        "`customers.create`, answered with {CUSTOMER_BYTES} bytes of JSON; medians of {rounds} \
         rounds of {} ms each, HTTP/1 unless said otherwise. Latencies and processor time of the \
         client's process are in microseconds; the spread is that of req/s over the rounds, in per \
         cent.",
        length.as_millis()
    ));
    for (index, loops) in LOOPS.into_iter().enumerate() {
        report.say(&format!("{loops} at a time:"));
        report.table(&table(&contenders, index));
    }
    for (name, reason) in left_out {
        report.say(&format!("Left out: {name} ({reason:#})."));
    }
    report.say(&format!(
        "Requests per second, {MANY} at a time, medians of the rounds' ratios:"
    ));
    report.ratios(&ratios(&contenders));
    Ok(report)
}

fn table(contenders: &[Contender], index: usize) -> Table {
    let mut table = Table::new(&["contender", "req/s", "p50", "p99", "CPU each", "spread %"]);
    for contender in contenders {
        let rounds = contender.rounds.get(index).map_or(&[][..], Vec::as_slice);
        let of = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<f64>>();
        let rates = of(Round::per_second);
        table.row([
            contender.name.to_owned(),
            format!("{:.0}", median(&rates)),
            format!("{:.0}", median(&of(|round| f64::from(round.p50)))),
            format!("{:.0}", median(&of(|round| f64::from(round.p99)))),
            format!("{:.1}", median(&of(Round::processor_each))),
            format!("{:.0}", spread(&rates)),
        ]);
    }
    table
}

/// Of rounds that followed one another, so that what the machine did then is in
/// both figures; the median of these.
fn ratios(contenders: &[Contender]) -> Vec<Ratio> {
    let rounds = |name: &str| {
        let contender = contenders.iter().find(|known| known.name == name)?;
        contender.rounds.last()
    };
    TARGETS
        .into_iter()
        .filter_map(|(name, ours, theirs, target)| {
            let pairs = rounds(ours)?.iter().zip(rounds(theirs)?);
            let each: Vec<f64> = pairs
                .map(|(ours, theirs)| ours.per_second() / theirs.per_second())
                .collect();
            Some(Ratio {
                name,
                measured: median(&each),
                target,
            })
        })
        .collect()
}

/// One contender alone, for so many seconds: something to hold a profiler to.
pub(crate) fn play(role: &[&str]) -> Result<()> {
    let [who, loops, seconds] = role else {
        bail!("profile hyper|isolated|reused LOOPS SECONDS");
    };
    let instances = match *who {
        "reused" => Instances::Reused(MANY),
        _ => Instances::Isolated,
    };
    let runtime = runtime()?;
    let server = Server::start()?;
    let origin = server.http.as_str();
    let plugin = host::load(Setup {
        origin: Some(origin),
        ..Setup::new(instances)
    })?;
    let (loops, length) = (loops.parse()?, Duration::from_secs(seconds.parse()?));
    let round = runtime.block_on(async {
        let connection = host::connect(&plugin, Some(origin)).await?;
        let call = if *who == "hyper" {
            let native = Native::new(&server.certificate)?;
            let planned = host::planned(&plugin, &connection, CREATE).await?;
            natively(&native, Prepared::of(planned)?)
        } else {
            through(plugin, connection)
        };
        load::round(&call, loops, length).await
    })?;
    crate::print(&format!(
        "{who}: {:.0} req/s, {:.1} microseconds of processor time each\n",
        round.per_second(),
        round.processor_each()
    ));
    Ok(())
}

/// Everyone who can take part, and who cannot, with the reason.
async fn contenders(
    server: &Server,
) -> Result<(Vec<Contender>, Vec<(&'static str, anyhow::Error)>)> {
    progress("compiling the component for each kind of host");
    let mut present = Vec::new();
    let mut left_out = Vec::new();
    let origin = server.http.as_str();
    let setup = |instances| Setup {
        origin: Some(origin),
        ..Setup::new(instances)
    };

    let isolated = host::load(setup(Instances::Isolated))?;
    let connection = host::connect(&isolated, Some(origin)).await?;
    let native = Native::new(&server.certificate)?;
    let planned = host::planned(&isolated, &connection, CREATE).await?;
    present.push(Contender::new(
        NATIVE,
        Maker::Here(natively(&native, Prepared::of(planned)?)),
    ));

    let unpooled = host::load(Setup {
        exchange: Some(Arc::new(Unpooled)),
        ..setup(Instances::Isolated)
    })?;
    let reused = host::load(setup(Instances::Reused(MANY)))?;
    for (name, plugin) in [(UNPOOLED, unpooled), (ISOLATED, isolated), (REUSED, reused)] {
        let maker = Maker::Here(through(plugin, connection.clone()));
        present.push(Contender::new(name, maker));
    }
    over_tls(server, &native, &mut present, &mut left_out).await?;
    match Node::installed() {
        Ok(node) => {
            for (name, package, origin) in [
                (STRIPE, Package::Stripe, origin),
                (STRIPE_TLS, Package::Stripe, &server.https),
                (LOWDEFY, Package::Lowdefy, origin),
            ] {
                let trusted = server.certificate_file();
                let child = node.load(package, origin, &trusted).with_context(|| name)?;
                present.push(Contender::new(name, Maker::Process(child)));
            }
        }
        Err(reason) => left_out.push(("Node", reason)),
    }
    Ok((present, left_out))
}

/// The same over TLS and HTTP/2, where the host can be told whom to trust.
async fn over_tls(
    server: &Server,
    native: &Native,
    present: &mut Vec<Contender>,
    left_out: &mut Vec<(&'static str, anyhow::Error)>,
) -> Result<()> {
    let origin = server.https.as_str();
    let certificate = server.certificate_file();
    for (name, instances) in [
        (ISOLATED_H2, Instances::Isolated),
        (REUSED_H2, Instances::Reused(MANY)),
    ] {
        let plugin = host::load(Setup {
            origin: Some(origin),
            ..Setup::new(instances)
        })?;
        if instances == Instances::Isolated {
            let connection = host::connect(&plugin, Some(origin)).await?;
            let prepared = Prepared::of(host::planned(&plugin, &connection, CREATE).await?)?;
            present.push(Contender::new(
                NATIVE_H2,
                Maker::Here(natively(native, prepared)),
            ));
        }
        // One call shows whether the host can do it.
        let tried = async {
            let connection = host::connect_trusting(&plugin, origin, &certificate).await?;
            let call = through(plugin, connection);
            call().await?;
            anyhow::Ok(call)
        };
        match tried.await {
            Ok(call) => present.push(Contender::new(name, Maker::Here(call))),
            Err(reason) => left_out.push((name, reason)),
        }
    }
    Ok(())
}

fn natively(native: &Native, prepared: Prepared) -> Call {
    let shared = Arc::new((native.clone(), prepared));
    Arc::new(move || {
        let shared = Arc::clone(&shared);
        Box::pin(async move {
            let (native, prepared) = &*shared;
            let answer = native.send(prepared).await?;
            anyhow::ensure!(answer.len() == CUSTOMER_BYTES, "{} bytes", answer.len());
            Ok(())
        })
    })
}

fn through(plugin: Plugin, connection: Connection) -> Call {
    let shared = Arc::new((plugin, connection));
    Arc::new(move || {
        let shared = Arc::clone(&shared);
        Box::pin(async move {
            let (plugin, connection) = &*shared;
            let (resource, method, args) = CREATE;
            let answer = plugin.request(connection, resource, method, args).await?;
            let length = answer.body.len();
            anyhow::ensure!(length == CUSTOMER_BYTES, "{length} bytes");
            Ok(())
        })
    })
}
