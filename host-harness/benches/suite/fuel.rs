//! Wasm instructions of ten kinds of call, in wasmtime's fuel units. They repeat
//! exactly; the tests hold the component to the bounds.

use anyhow::{Context as _, Result};

use crate::calls::CALLS;
use crate::host::{self, Instances, Setup};
use crate::report::{Report, Table};
use crate::{Effort, runtime};

pub(crate) fn run(_effort: Effort) -> Result<Report> {
    let plugin = host::load(Setup {
        counts_fuel: true,
        ..Setup::new(Instances::Isolated)
    })?;
    let mut table = Table::new(&["plan of", "fuel units", "bound"]);
    runtime()?.block_on(async {
        let connection = host::connect(&plugin, None).await?;
        for call in CALLS {
            let fuel = host::fuel(
                &plugin,
                &connection,
                (call.resource, call.method, call.args),
            )
            .await
            .context(call.name)?;
            table.row([
                call.name.to_owned(),
                fuel.to_string(),
                call.most.to_string(),
            ]);
        }
        anyhow::Ok(())
    })?;
    let mut report = Report::default();
    report.table(&table);
    Ok(report)
}
