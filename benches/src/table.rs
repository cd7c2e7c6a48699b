//! Tables that are Markdown and line up in a terminal, too.

use std::fmt;

/// A table of text; the first column is set left, the others right.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            head: head.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row; cells that are missing at its end are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().collect();
        row.resize(self.head.len(), String::new());
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            let widths = lines().map(|line| line[column].chars().count());
            widths.max().unwrap_or(0).max(2)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        for (at, line) in lines().enumerate() {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if at == 0 {
                for (column, width) in widths.iter().enumerate() {
                    match column {
                        0 => write!(f, "|:{}-|", "-".repeat(*width))?,
                        _ => write!(f, "-{}:|", "-".repeat(*width))?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(["side", "CPU"]);
        table.row(["ours".into(), "12.5 s".into()]);
        table.row(["a".into()]);
        let expected = "\
| side |    CPU |
|:-----|-------:|
| ours | 12.5 s |
| a    |        |
";
        assert_eq!(table.to_string(), expected);
    }
}
