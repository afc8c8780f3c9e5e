//! What a person sees of a sandbox with a browser: how many objects there are of each kind and the
//! latest of them, the latest requests, the balance, the clock. It owns that page's HTML, in which
//! every value is escaped; what is on it is given to it.

use super::calendar::iso_8601;
use super::request_log::Arrived;
use super::shapes::Object;
use super::store::{int, text};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::fmt::{self, Display, Write as _};

/// How many of each kind's objects are shown, the latest.
pub(crate) const SHOWN: usize = 3;
/// How many accounts besides the one shown are linked to.
pub(crate) const ACCOUNTS: usize = 20;
/// The most characters shown of a value.
const MAX_SHOWN: usize = 60;

/// Nothing is loaded, run, framed or sent from these pages; they have a style of their own.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page is about.
pub(crate) struct Status {
    /// Now, in Unix seconds.
    pub(crate) now: i64,
    /// Time stands still until it is advanced.
    pub(crate) is_fixed: bool,
    pub(crate) account: String,
    /// Some of the other accounts.
    pub(crate) others: Vec<String>,
    /// The balance object.
    pub(crate) balance: Value,
    /// By kind, how many objects there are and the latest of them.
    pub(crate) kinds: Vec<(String, usize, Vec<Object>)>,
    /// The latest requests, newest first, and how many there were.
    pub(crate) requests: (Vec<Arrived>, u64),
}

/// Text as HTML shows it.
struct Escaped<T>(T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.to_string().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The page. Its size has a bound, however much there is in the sandbox.
pub(crate) fn page(status: &Status) -> String {
    let mut html = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut html, status);
    html
}

fn write_page(html: &mut String, status: &Status) -> fmt::Result {
    html.push_str(HEAD);
    let clock = match status.is_fixed {
        true => "stands still; stripe-harness advance-clock moves it",
        false => "runs",
    };
    write!(
        html,
        "<h1>Stripe sandbox</h1>\n<p>A stand-in on this machine: no money moves. Account \
         <code>{}</code>. Clock: <time>{}</time> ({}), which {clock}.</p>\n",
        Escaped(&status.account),
        iso_8601(status.now),
        status.now,
    )?;
    if !status.others.is_empty() {
        html.push_str("<p>Other accounts:");
        for account in &status.others {
            let account = Escaped(account);
            write!(html, " <a href=\"/?account={account}\">{account}</a>")?;
        }
        html.push_str("</p>\n");
    }
    write_balance(html, &status.balance)?;
    write_objects(html, status)?;
    write_requests(html, &status.requests)?;
    html.push_str("</html>\n");
    Ok(())
}

fn write_balance(html: &mut String, balance: &Value) -> fmt::Result {
    html.push_str(
        "<h2>Balance</h2>\n<table><tr><th>currency<th class=n>available<th class=n>pending</tr>\n",
    );
    let part = |name: &str| balance.get(name).and_then(Value::as_array);
    let pending = part("pending");
    for available in part("available").into_iter().flatten() {
        let currency = available.get("currency").and_then(Value::as_str);
        let currency = currency.unwrap_or_default();
        let amount = |entry: &Value| entry.get("amount").and_then(Value::as_i64);
        let waiting = pending
            .into_iter()
            .flatten()
            .find(|entry| entry.get("currency").and_then(Value::as_str) == Some(currency))
            .and_then(amount);
        writeln!(
            html,
            "<tr><td>{}<td class=n>{}<td class=n>{}</tr>",
            Escaped(currency),
            amount(available).unwrap_or(0),
            waiting.unwrap_or(0),
        )?;
    }
    html.push_str("</table>\n");
    Ok(())
}

fn write_objects(html: &mut String, status: &Status) -> fmt::Result {
    html.push_str("<h2>Objects</h2>\n");
    if status.kinds.is_empty() {
        html.push_str("<p>None yet.</p>\n");
        return Ok(());
    }
    html.push_str("<table><tr><th>kind<th class=n>count<th>latest</tr>\n");
    for (kind, count, latest) in &status.kinds {
        write!(html, "<tr><td>{}<td class=n>{count}<td>", Escaped(kind))?;
        for object in latest {
            let id = text(object, "id");
            write!(
                html,
                "<div><a href=\"/_sandbox/objects/{}/{}?account={}\">{}</a> {}</div>",
                Escaped(segment(kind)),
                Escaped(segment(id)),
                Escaped(&status.account),
                Escaped(shortened(id)),
                Escaped(described(object)),
            )?;
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table>\n");
    Ok(())
}

fn write_requests(html: &mut String, (latest, count): &(Vec<Arrived>, u64)) -> fmt::Result {
    writeln!(
        html,
        "<h2>Requests</h2>\n<p>{count} since the start{}.</p>",
        match latest.len() {
            0 => String::new(),
            shown => format!("; the latest {shown}, newest first"),
        }
    )?;
    if latest.is_empty() {
        return Ok(());
    }
    html.push_str(
        "<table><tr><th>time<th>verb<th>path<th>method<th class=n>status<th>error\
         <th class=n>ms<th>request<th>idempotency key</tr>\n",
    );
    for request in latest {
        let failed = if request.status >= 400 {
            " class=bad"
        } else {
            ""
        };
        let key = request.idempotency_key.as_deref().unwrap_or_default();
        writeln!(
            html,
            "<tr{failed}><td>{}<td>{}<td>{}<td>{}<td class=n>{}<td>{}<td class=n>{:.1}<td>{}<td>{}{}</tr>",
            iso_8601(request.at),
            Escaped(&request.verb),
            Escaped(&request.path),
            request.operation,
            request.status,
            Escaped(request.error.as_deref().unwrap_or_default()),
            request.took.as_secs_f64() * 1000.0,
            Escaped(&request.request_id),
            Escaped(shortened(key)),
            if request.replayed { " (replayed)" } else { "" },
        )?;
    }
    html.push_str("</table>\n");
    Ok(())
}

/// What tells an object from others of its kind.
fn described(object: &Object) -> String {
    let mut parts = Vec::new();
    let amount = ["amount", "total", "unit_amount", "amount_total"]
        .iter()
        .find(|name| object.get(**name).is_some_and(Value::is_i64));
    if let Some(amount) = amount {
        parts.push(format!(
            "{} {}",
            int(object, amount),
            text(object, "currency")
        ));
    }
    for name in ["status", "type", "name", "email", "description"] {
        let value = text(object, name);
        if !value.is_empty() {
            parts.push(shortened(value));
        }
    }
    parts.join(" · ")
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// What is written as `%` and two digits in a segment of a path.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

/// Text as a segment of a path: a caller may choose an id with any characters in it.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n\
<meta name=viewport content=\"width=device-width\">\n<title>Stripe sandbox</title>\n<style>\n\
:root { color-scheme: light dark }\n\
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em }\n\
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 1.6em }\n\
table { border-collapse: collapse; font-size: 13px } tr { vertical-align: top }\n\
th, td { text-align: left; padding: .2em .9em .2em 0; border-bottom: 1px solid #8884 }\n\
td { overflow-wrap: anywhere } .n { text-align: right; font-variant-numeric: tabular-nums }\n\
.bad td { color: #c33 }\n</style>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_html_reads_is_escaped() {
        assert_eq!(
            Escaped("<script a=\"b\" c='d'>&").to_string(),
            "&lt;script a=&quot;b&quot; c=&#39;d&#39;&gt;&amp;"
        );
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(MAX_SHOWN)), "é".repeat(MAX_SHOWN));
        let cut = shortened(&"é".repeat(MAX_SHOWN + 1));
        assert_eq!(cut, format!("{}…", "é".repeat(MAX_SHOWN)));
    }
}
