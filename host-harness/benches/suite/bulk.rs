//! Much at once: a long listing, page by page, and a large upload. Time, and the
//! most memory a process of its own needs for it.

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stripe_harness::{Connection, Plugin};

use crate::child::Child;
use crate::host::{self, Instances, Setup};
use crate::native::{Native, Prepared};
use crate::report::{Report, Table, median, progress, spread};
use crate::server::{LISTED, Server};
use crate::{Effort, machine, runtime};

const UPLOADED: usize = 10_000_000;

const CONTENDERS: [(&str, &str); 3] = [
    ("hyper", "hyper"),
    ("component, isolated", "isolated"),
    ("component, reused", "reused"),
];

/// What a process of its own found out.
#[derive(Serialize, Deserialize)]
struct Found {
    /// Of the listing or the upload alone.
    seconds: f64,
    /// Resident before it, and the most during it, in KiB; none where Linux is
    /// not there to tell.
    before: Option<u64>,
    peak: Option<u64>,
}

pub(crate) fn run(effort: Effort) -> Result<Report> {
    let server = Server::start()?;
    let certificate = server.certificate_file();
    let certificate = certificate.to_str().context("the folder's name")?;
    let rounds = effort.of(1, 5);
    let mut report = Report::default();
    report.say(&format!(
        "Each in a process of its own, the component compiled before the clock starts; medians of \
         {rounds} runs. Memory is resident MiB: before, and at most while it ran."
    ));
    for (task, what) in [
        ("list", format!("{LISTED} customers in pages of 100:")),
        (
            "upload",
            format!(
                "`files.create` of {UPLOADED} bytes, base64 or multipart made within the time:"
            ),
        ),
    ] {
        let mut found: [Vec<Found>; CONTENDERS.len()] = Default::default();
        for number in 1..=rounds {
            progress(&format!("{task}: round {number} of {rounds}"));
            for ((name, role), found) in CONTENDERS.into_iter().zip(&mut found) {
                let mut child = Child::role(&["bulk", task, role, &server.http, certificate])?;
                found.push(child.answer().context(name)?);
            }
        }
        let mut table = Table::new(&[
            "contender",
            "ms",
            "before",
            "peak",
            "peak - before",
            "spread %",
        ]);
        for ((name, _), found) in CONTENDERS.into_iter().zip(&found) {
            let of = |figure: fn(&Found) -> f64| found.iter().map(figure).collect::<Vec<f64>>();
            let times = of(|found| found.seconds * 1000.0);
            let before = median(&of(|found| mebibytes(found.before)));
            let peak = median(&of(|found| mebibytes(found.peak)));
            table.row([
                name.to_owned(),
                format!("{:.0}", median(&times)),
                format!("{before:.1}"),
                format!("{peak:.1}"),
                format!("{:.1}", peak - before),
                format!("{:.0}", spread(&times)),
            ]);
        }
        report.say(&what);
        report.table(&table);
    }
    Ok(report)
}

fn mebibytes(kibibytes: Option<u64>) -> f64 {
    kibibytes.map_or(f64::NAN, |kibibytes| kibibytes as f64 / 1024.0)
}

/// What the process of its own does.
pub(crate) fn play(role: &[&str]) -> Result<()> {
    let [task, who, origin, certificate] = role else {
        bail!("bulk TASK WHO ORIGIN CERTIFICATE");
    };
    let origin = match *task {
        "list" => format!("{origin}/pages"),
        _ => (*origin).to_owned(),
    };
    let instances = match *who {
        "reused" => Instances::Reused(1),
        _ => Instances::Isolated,
    };
    let found = runtime()?.block_on(async {
        if *who == "hyper" {
            // Without a component in its memory.
            let native = Native::new(&std::fs::read_to_string(certificate)?)?;
            return match *task {
                "list" => measured(list_natively(&native, &origin)).await,
                _ => {
                    let bytes = Bytes::from(vec![b'x'; UPLOADED]);
                    measured(upload_natively(&native, &origin, bytes)).await
                }
            };
        }
        let plugin = host::load(Setup {
            origin: Some(&origin),
            ..Setup::new(instances)
        })?;
        let connection = host::connect(&plugin, Some(&origin)).await?;
        match *task {
            "list" => measured(list(&plugin, &connection)).await,
            _ => {
                let bytes = vec![b'x'; UPLOADED];
                measured(upload(&plugin, &connection, &bytes)).await
            }
        }
    })?;
    crate::print(&format!("{}\n", serde_json::to_string(&found)?));
    Ok(())
}

async fn measured(task: impl Future<Output = Result<()>>) -> Result<Found> {
    let before = machine::memory()
        .and_then(|memory| machine::forget_peak().map(|()| memory.resident))
        .ok();
    let begun = Instant::now();
    task.await?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Found {
        seconds,
        before,
        peak: before
            .and_then(|_| machine::memory().ok())
            .map(|memory| memory.peak),
    })
}

/// What is read of a page.
#[derive(Deserialize)]
struct Page<'p> {
    #[serde(borrow)]
    data: Vec<Listed<'p>>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Listed<'p> {
    id: &'p str,
}

/// The customer after which the next page begins, if there is one.
fn counted(page: &[u8], count: &mut usize) -> Result<Option<String>> {
    let page: Page<'_> = serde_json::from_slice(page)?;
    *count += page.data.len();
    let last = page.data.last().map(|listed| listed.id.to_owned());
    Ok(last.filter(|_| page.has_more))
}

async fn list(plugin: &Plugin, connection: &Connection) -> Result<()> {
    let mut count = 0;
    let mut args = json!({"limit": 100});
    loop {
        let answer = plugin
            .request(connection, "customers", "list", &args.to_string())
            .await?;
        match counted(answer.body.as_bytes(), &mut count)? {
            Some(last) => args = json!({"limit": 100, "starting_after": last}),
            None => break,
        }
    }
    ensure!(count == LISTED, "{count} customers");
    Ok(())
}

async fn list_natively(native: &Native, origin: &str) -> Result<()> {
    let first = Prepared::get(&format!("{origin}/v1/customers"))?;
    let mut count = 0;
    let mut request = first.with_query("limit=100")?;
    while let Some(last) = counted(&native.send(&request).await?, &mut count)? {
        request = first.with_query(&format!("limit=100&starting_after={last}"))?;
    }
    ensure!(count == LISTED, "{count} customers");
    Ok(())
}

/// With the bytes' way into JSON: that is how a caller has to hand them over.
async fn upload(plugin: &Plugin, connection: &Connection, bytes: &[u8]) -> Result<()> {
    let mut args =
        r#"[{"purpose":"dispute_evidence","file":{"name":"e.pdf","type":"application/pdf","data":{"base64":""#
            .to_owned();
    STANDARD.encode_string(bytes, &mut args);
    args.push_str(r#""}}}]"#);
    plugin.request(connection, "files", "create", &args).await?;
    Ok(())
}

async fn upload_natively(native: &Native, origin: &str, bytes: Bytes) -> Result<()> {
    const BOUNDARY: &str = "0123456789abcdef";
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n\
         dispute_evidence\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; \
         filename=\"e.pdf\"\r\nContent-Type: application/pdf\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(&bytes);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let request = Prepared::post(
        &format!("{origin}/v1/files"),
        &format!("multipart/form-data; boundary={BOUNDARY}"),
        Bytes::from(body),
    )?;
    native.send(&request).await?;
    Ok(())
}
