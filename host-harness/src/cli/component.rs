//! `stripe-harness component`: which component is used, and what it asks of a
//! host.

use stripe_harness::HostOptions;
use stripe_harness::component::{Source, locate};

use super::{Ended, Host, Wrong, render};

pub(super) async fn run(host: &Host) -> Result<Ended, Wrong> {
    let source = locate(host.plugin.as_deref())?;
    let size = source.read()?.len();
    let place = match &source {
        Source::File(path) => path.display().to_string(),
        Source::Embedded(_) => "within this program".to_owned(),
    };
    let plugin = host.load(HostOptions::default()).await?;
    render::line(&format!("stripe.wasm {place}, {size} bytes"))?;
    for (heading, interfaces) in [("imports", plugin.imports()), ("exports", plugin.exports())] {
        render::line(heading)?;
        for interface in interfaces {
            render::line(&format!("  {interface}"))?;
        }
    }
    Ok(Ended::Succeeded)
}
