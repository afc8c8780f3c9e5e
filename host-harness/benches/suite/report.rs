//! What the suite says: tables and sentences, the same in the terminal and in
//! the file, and lines about the progress.

use std::fmt::{self, Write as _};
use std::io::Write as _;

/// One part's outcome, as Markdown.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
}

impl Report {
    /// A paragraph.
    pub(crate) fn say(&mut self, paragraph: &str) {
        self.text.push_str(paragraph);
        self.text.push_str("\n\n");
    }

    pub(crate) fn table(&mut self, table: &Table) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{table}");
    }

    /// The ratios, if there are any.
    pub(crate) fn ratios(&mut self, ratios: &[Ratio]) {
        if ratios.is_empty() {
            return;
        }
        let mut table = Table::new(&["ratio", "measured", "target", "met"]);
        for ratio in ratios {
            table.row([
                ratio.name.to_owned(),
                format!("{:.2}", ratio.measured),
                format!(">= {}", ratio.target),
                if ratio.measured >= ratio.target {
                    "yes"
                } else {
                    "no"
                }
                .to_owned(),
            ]);
        }
        self.table(&table);
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// A figure to hold against another contender's.
pub(crate) struct Ratio {
    pub(crate) name: &'static str,
    pub(crate) measured: f64,
    pub(crate) target: f64,
}

/// A Markdown table, aligned so that it can be read as it is.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Table {
        Table {
            rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()],
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            f.write_char('\n')?;
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    match column {
                        0 => write!(f, "|-{:-<width$}-|", "")?,
                        _ => write!(f, "-{:-<width$}:|", "")?,
                    }
                }
                f.write_char('\n')?;
            }
        }
        Ok(())
    }
}

/// Something to say to the person who waits. That nobody listens is no failure.
pub(crate) fn progress(line: &str) {
    let _ = writeln!(std::io::stderr(), "… {line}");
}

/// The middle one; of an even number, the mean of the two.
pub(crate) fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    if sorted.len() % 2 == 1 {
        at(middle)
    } else {
        (at(middle.wrapping_sub(1)) + at(middle)) / 2.0
    }
}

/// How far the figures lie apart, in per cent of the median: the noise.
pub(crate) fn spread(figures: &[f64]) -> f64 {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (most - least) / median(figures) * 100.0
}
