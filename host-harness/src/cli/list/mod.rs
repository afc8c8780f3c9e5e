//! `stripe-harness list`: the items of a list, printed page by page, so that a
//! million of them take no more memory than a page.

mod sheet;

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use stripe_harness::{CallError, Connection, Plugin};

use self::sheet::Sheet;
use super::connection::Flags;
use super::outcome::unwritable;
use super::request::argument;
use super::{Ended, Host, Wrong, given, render, terminal};

/// Items of a page where more than one is wanted; Stripe's most.
const PAGE: u64 = 100;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to list: a resource, such as customers, or one of its lists, such
    /// as customers.search or accounts.listPersons.
    #[arg(value_name = "RESOURCE", add = super::completions::lists())]
    list: String,

    /// Arguments in order: ids, params, options. Each is JSON, or text if it
    /// is not; @PATH reads it from a file.
    #[arg(value_name = "ARG")]
    args: Vec<String>,

    /// Read to the end, instead of one page.
    #[arg(long, conflicts_with = "limit")]
    all: bool,

    /// Read up to so many items, instead of one page.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Continue where an earlier reading ended.
    #[arg(long, value_name = "JSON")]
    cursor: Option<String>,

    /// The form of the items.
    #[arg(long, value_enum, default_value = "json")]
    output: Form,

    /// The columns of csv and table, dotted where they are nested, such as
    /// id,email,address.city [default: what the first page's items have].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,

    #[command(flatten)]
    flags: Flags,
}

/// The form of the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One line of JSON for each, its digits as Stripe wrote them.
    Json,
    /// Comma-separated values, with a heading. Text that a spreadsheet would
    /// take for a formula begins with an apostrophe.
    Csv,
    /// Columns, for a person.
    Table,
    /// Indented JSON, for a person.
    Text,
}

pub(super) async fn run(host: &Host, arguments: Arguments) -> Result<Ended, Wrong> {
    let (resource, method) = named(&arguments.list);
    let mut args = arguments
        .args
        .iter()
        .map(|arg| argument(arg))
        .collect::<Result<Vec<String>, Wrong>>()?;
    let most = match (arguments.all, arguments.limit) {
        (true, _) => None,
        (false, limit) => limit,
    };
    let pages = arguments.all || arguments.limit.is_some();
    if pages && !resource.starts_with("v2.") {
        fill_pages(&mut args, most.unwrap_or(PAGE).min(PAGE));
    }
    let (options, sandbox) = arguments.flags.open().await?;
    let plugin = host.load(options).await?;
    let connection = arguments.flags.connect(&plugin, sandbox.as_ref()).await?;
    let reading = Reading {
        plugin: &plugin,
        connection: &connection,
        resource,
        method,
        args: format!("[{}]", args.join(",")),
        pages,
        most,
    };
    let mut printed = Printed {
        form: arguments.output,
        columns: arguments.columns,
        sheet: None,
        items: 0,
        pages: 0,
        bar: bar(),
    };
    let mut cursor = arguments.cursor;
    let ended = reading.read(&mut cursor, &mut printed).await;
    printed.end();
    let failed = match ended {
        Ok(()) => None,
        Err(Cut::Short(error)) => {
            let name = format!("{resource}.{method}");
            let page = render::Page::stderr();
            Some(page.error(&name, &name, &error, None))
        }
        Err(Cut::Unwritten(error)) => Some(format!("error: {}", unwritable("stdout", &error))),
    };
    if let Some(said) = &failed {
        render::error_line(said);
        if let Some(cursor) = cursor {
            render::error_line(&format!(
                "  {} items were printed; to continue, add --cursor {}",
                printed.items,
                terminal::word(&terminal::json(cursor))
            ));
        }
    }
    if let Some(sandbox) = sandbox {
        sandbox.shutdown().await;
    }
    Ok(match failed {
        None => Ended::Succeeded,
        Some(_) => Ended::RequestFailed,
    })
}

/// Why a list was not read to where it was to be read.
enum Cut {
    /// A call failed.
    Short(CallError),
    /// What was read could not be printed.
    Unwritten(io::Error),
}

/// The resource and its method: `customers` is `customers.list`.
fn named(list: &str) -> (&str, &str) {
    match list.rsplit_once('.') {
        Some((resource, method)) if method == "search" || method.starts_with("list") => {
            (resource, method)
        }
        _ => (list, "list"),
    }
}

/// Asks for large pages where the params do not say how large.
fn fill_pages(args: &mut Vec<String>, size: u64) {
    /// What stands in the params' place may be options.
    const OPTIONS: [&str; 10] = [
        "apiBase",
        "apiKey",
        "apiVersion",
        "additionalHeaders",
        "headers",
        "idempotencyKey",
        "maxNetworkRetries",
        "stripeAccount",
        "stripeContext",
        "timeout",
    ];
    let at = args.iter().position(|arg| arg.starts_with('{'));
    let Some(arg) = at.and_then(|at| args.get_mut(at)) else {
        args.push(json!({"limit": size}).to_string());
        return;
    };
    // What is wrong with it, such as a key given twice, the component says.
    let Ok(Value::Object(mut params)) = given::value(arg) else {
        return;
    };
    let is_options = params.keys().all(|name| OPTIONS.contains(&name.as_str()));
    if !params.contains_key("limit") && (!is_options || params.is_empty()) {
        params.insert("limit".to_owned(), size.into());
        *arg = Value::Object(params).to_string();
    }
}

/// What is read.
struct Reading<'r> {
    plugin: &'r Plugin,
    connection: &'r Connection,
    resource: &'r str,
    method: &'r str,
    args: String,
    /// Whether to read on after the first page.
    pages: bool,
    /// Items at most.
    most: Option<u64>,
}

impl Reading<'_> {
    /// Reads and prints. `cursor` is where the list continues, also where it was
    /// cut: at the page that could not be read or printed.
    async fn read(&self, cursor: &mut Option<String>, printed: &mut Printed) -> Result<(), Cut> {
        // A walk in a circle is told by a cursor that is kept for a while
        // (Brent's algorithm).
        let (mut kept, mut taken, mut until) = (None, 0_u64, 1_u64);
        loop {
            let read = self.plugin.list_page(
                self.connection,
                self.resource,
                self.method,
                self.args.clone(),
                cursor.clone(),
            );
            let page = match read.await {
                Ok(page) => page,
                Err(error) => return Err(Cut::Short(error)),
            };
            let room = self.most.map_or(u64::MAX, |most| most - printed.items);
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let items = page
                .items
                .get(..room.min(page.items.len()))
                .unwrap_or_default();
            printed.print(items).map_err(Cut::Unwritten)?;
            *cursor = page.next;
            let full = self.most.is_some_and(|most| printed.items >= most);
            if !self.pages || full || cursor.is_none() {
                return Ok(());
            }
            if kept == *cursor {
                return Err(Cut::Short(CallError::refused(
                    "response_error",
                    None,
                    "The list continues at a page that was read before: it would never end."
                        .to_owned(),
                )));
            }
            taken += 1;
            if taken >= until {
                kept.clone_from(cursor);
                (taken, until) = (0, until * 2);
            }
        }
    }
}

/// What is printed, and how.
struct Printed {
    form: Form,
    columns: Vec<String>,
    /// Of csv and table, from the first page on.
    sheet: Option<Sheet>,
    items: u64,
    pages: u64,
    /// Where somebody is there to see it.
    bar: Option<ProgressBar>,
}

impl Printed {
    fn print(&mut self, items: &[String]) -> io::Result<()> {
        let mut text = Vec::new();
        match self.form {
            Form::Json => {
                for item in items {
                    let line = render::embedded(item).get().to_owned();
                    writeln!(text, "{}", terminal::json(line))?;
                }
            }
            Form::Text => {
                for item in items {
                    writeln!(text, "{}", render::indented(item))?;
                }
            }
            Form::Csv | Form::Table => {
                let items: Vec<Value> = items.iter().map(|item| render::parsed(item)).collect();
                let table = self.form == Form::Table;
                let sheet = self
                    .sheet
                    .get_or_insert_with(|| Sheet::new(&self.columns, &items, table));
                sheet.write(&items, &mut text)?;
            }
        }
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(&text).and_then(|()| out.flush())
        };
        match &self.bar {
            Some(bar) if io::stdout().is_terminal() => bar.suspend(write)?,
            _ => write()?,
        }
        self.items += items.len() as u64;
        self.pages += 1;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} items, {} pages", self.items, self.pages));
        }
        Ok(())
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Progress, on a terminal alone.
fn bar() -> Option<ProgressBar> {
    io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_its_list() {
        for (list, expected) in [
            ("customers", ("customers", "list")),
            ("customers.search", ("customers", "search")),
            ("customers.listSources", ("customers", "listSources")),
            ("checkout.sessions", ("checkout.sessions", "list")),
            ("v2.core.events.list", ("v2.core.events", "list")),
        ] {
            assert_eq!(named(list), expected);
        }
    }

    #[test]
    fn pages_are_large_unless_the_params_say_otherwise() {
        for (args, expected) in [
            (&[][..], &[r#"{"limit":100}"#][..]),
            (&[r#""cus_1""#], &[r#""cus_1""#, r#"{"limit":100}"#]),
            (&[r#"{"limit":3}"#], &[r#"{"limit":3}"#]),
            (&["{}"], &[r#"{"limit":100}"#]),
            (&[r#"{"email":"e"}"#], &[r#"{"email":"e","limit":100}"#]),
            (
                &[r#"{"stripeAccount":"acct_1"}"#],
                &[r#"{"stripeAccount":"acct_1"}"#],
            ),
            (
                &[r#"{"a":1.50}"#, r#"{"stripeAccount":"acct_1"}"#],
                &[r#"{"a":1.50,"limit":100}"#, r#"{"stripeAccount":"acct_1"}"#],
            ),
        ] {
            let mut args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            fill_pages(&mut args, PAGE);
            assert_eq!(args, expected);
        }
    }
}
