//! Items as rows: which columns they have, and how csv and table write them.
//! The columns are those of the first page, since later pages are not known
//! when the first is printed.

use std::io::{self, Write};

use serde_json::Value;

use super::terminal;

/// Columns of a table, in this order, where the items have them.
const PREFERRED: [&str; 14] = [
    "id",
    "name",
    "email",
    "description",
    "amount",
    "unit_amount",
    "currency",
    "status",
    "type",
    "active",
    "customer",
    "product",
    "livemode",
    "created",
];

/// Most columns of a table that were not asked for.
const MOST: usize = 7;

/// Widest column of a table, in characters.
const WIDEST: usize = 40;

/// Rows under one heading.
pub(super) struct Sheet {
    columns: Vec<String>,
    /// Of a table; csv has none.
    widths: Option<Vec<usize>>,
    headed: bool,
}

impl Sheet {
    /// A sheet of these columns, or of those that suit the first items.
    pub(super) fn new(columns: &[String], items: &[Value], table: bool) -> Sheet {
        let columns = match (columns, table) {
            ([_, ..], _) => columns.to_vec(),
            ([], true) => chosen(items),
            ([], false) => scalars(items),
        };
        let widths = table.then(|| {
            let width = |name: &String| {
                let cells = items.iter().map(|item| cell(item, name));
                let lengths = cells.map(|cell| cell.chars().count());
                let widest = lengths.chain([name.chars().count()]).max();
                widest.unwrap_or_default().min(WIDEST)
            };
            columns.iter().map(width).collect()
        });
        Sheet {
            columns,
            widths,
            headed: false,
        }
    }

    /// Writes rows, under the heading where it was not written yet.
    pub(super) fn write(&mut self, items: &[Value], out: &mut impl Write) -> io::Result<()> {
        let heading = (!self.headed).then(|| self.columns.clone());
        self.headed = true;
        let row = |item| self.columns.iter().map(|name| cell(item, name)).collect();
        let rows = heading.into_iter().chain(items.iter().map(row));
        match &self.widths {
            None => {
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|text| quoted(text)).collect();
                    writeln!(out, "{}", cells.join(","))?;
                }
                Ok(())
            }
            Some(widths) => {
                for row in rows {
                    let cells = row
                        .iter()
                        .zip(widths)
                        .map(|(text, &width)| padded(text, width));
                    let line = cells.collect::<Vec<_>>().join("  ");
                    writeln!(out, "{}", line.trim_end())?;
                }
                Ok(())
            }
        }
    }
}

/// Members that hold one value each, in the order they stand in.
fn scalars(items: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let objects = || items.iter().filter_map(Value::as_object);
    for name in objects().flat_map(|item| item.keys()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names.retain(|name| {
        let values = objects().filter_map(|item| item.get(name));
        !values
            .into_iter()
            .any(|value| value.is_object() || value.is_array())
    });
    names
}

/// The few that a person looks for.
fn chosen(items: &[Value]) -> Vec<String> {
    let scalars = scalars(items);
    let filled = |name: &&str| items.iter().any(|item| !cell(item, name).is_empty());
    let is_there = |name: &&str| scalars.iter().any(|known| known == name);
    let preferred = PREFERRED.into_iter().filter(is_there).filter(filled);
    let mut columns: Vec<String> = preferred.take(MOST).map(str::to_owned).collect();
    if columns.len() < 2 {
        columns = scalars.into_iter().take(MOST).collect();
    }
    columns
}

/// A cell's text: a string without quotes, a number with its digits, anything
/// nested as JSON.
fn cell(item: &Value, name: &str) -> String {
    let mut value = item;
    let found = match item.get(name) {
        Some(found) => Some(found),
        None => name
            .split('.')
            .try_fold(&mut value, |value, name| {
                *value = value.get(name)?;
                Some(value)
            })
            .map(|value| *value),
    };
    match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A cell of csv (RFC 4180): in quotes where it has a comma, a quote or a line
/// end, its quotes doubled. What a spreadsheet would take for a formula begins
/// with an apostrophe, which makes it text (OWASP, "CSV Injection"): a customer
/// writes their own name.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && !is_number(text);
    let guard = if formula { "'" } else { "" };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{guard}{}\"", text.replace('"', "\"\"")),
        false => format!("{guard}{text}"),
    }
}

/// A sign, digits, and a fraction: `-5`, `+4915112345`, `-0.50`. An exponent is
/// what numbers of JSON may have too.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    [whole, fraction, exponent].into_iter().all(digits)
}

/// A cell of a table: cut or padded, and nothing in it that moves a cursor.
fn padded(text: &str, width: usize) -> String {
    let clean = terminal::line(text);
    let mut out: String = clean.chars().take(width).collect();
    if clean.chars().count() > width {
        out.pop();
        out.push('…');
    }
    format!("{out:<width$}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(columns: &[&str], items: &[Value], table: bool) -> String {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        let mut sheet = Sheet::new(&columns, items, table);
        let mut out = Vec::new();
        sheet.write(items, &mut out).unwrap();
        sheet.write(items, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_has_the_members_that_hold_one_value() {
        let items: Vec<Value> = [
            r#"{"id":"a","n":12345678901234567890.10,"none":null,"list":[1],"text":"x, \"y\"\nz"}"#,
            r#"{"id":"b","more":true,"mixed":1}"#,
            r#"{"id":"c","mixed":{"a":1}}"#,
        ]
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
        let rows = "a,12345678901234567890.10,,\"x, \"\"y\"\"\nz\",\nb,,,,true\nc,,,,\n";
        assert_eq!(
            written(&[], &items, false),
            format!("id,n,none,text,more\n{rows}{rows}")
        );
        assert_eq!(
            written(&["id", "mixed.a", "list"], &items[..1], false),
            "id,mixed.a,list\na,,[1]\na,,[1]\n"
        );
        assert_eq!(written(&["mixed.a"], &items[2..], false), "mixed.a\n1\n1\n");
    }

    #[test]
    fn csv_has_no_formulas_and_leaves_numbers() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            (
                "=HYPERLINK(\"h\",\"t\")",
                "\"'=HYPERLINK(\"\"h\"\",\"\"t\"\")\"",
            ),
            ("+1-2", "'+1-2"),
            ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("-", "'-"),
            ("-.5", "'-.5"),
            ("-5", "-5"),
            ("-12345678901234567890.10", "-12345678901234567890.10"),
            ("-1.5e-7", "-1.5e-7"),
            ("+4915112345678", "+4915112345678"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }

    #[test]
    fn a_table_shows_what_a_person_looks_for() {
        let items = [
            json!({"object": "customer", "id": "cus_1", "email": null, "name": "Ada\u{1b}[2J"}),
            json!({"object": "customer", "id": "cus_22", "email": "e", "name": "x".repeat(50)}),
        ];
        let long = "x".repeat(39);
        let rows = format!("cus_1   Ada [2J{}\ncus_22  {long}…  e\n", " ".repeat(0));
        assert_eq!(
            written(&[], &items, true),
            format!("id      name{}  email\n{rows}{rows}", " ".repeat(36))
        );
        assert_eq!(written(&[], &[json!({"a": 1})], true), "a\n1\n1\n");
    }
}
