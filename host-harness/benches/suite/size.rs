//! Bytes of the component, as it is and compressed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::report::{Report, Table};
use crate::{Effort, host};

pub(crate) fn run(_effort: Effort) -> Result<Report> {
    let component = host::component()?;
    let mut report = Report::default();
    let mut table = Table::new(&["stripe.wasm", "bytes"]);
    table.row(["as it is".to_owned(), component.len().to_string()]);
    let compressed = gzip(&component);
    if let Ok(bytes) = &compressed {
        table.row(["gzip -9".to_owned(), bytes.to_string()]);
    }
    report.table(&table);
    if let Err(reason) = compressed {
        report.say(&format!("Left out: gzip ({reason:#})."));
    }
    Ok(report)
}

fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut process = Command::new("gzip")
        .arg("-9c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("there is no gzip on this machine")?;
    let mut stdin = process.stdin.take().context("no stdin")?;
    let bytes = bytes.to_vec();
    // Beside the reading: a full pipe would stop both.
    let writing = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = process.wait_with_output()?;
    let written = writing.join();
    ensure!(
        output.status.success() && written.is_ok_and(|written| written.is_ok()),
        "gzip failed"
    );
    Ok(output.stdout.len())
}
