//! Tables that stream. Widths are chosen from the first rows and then kept.

use super::width;

/// Rows looked at before widths are chosen.
const SAMPLE: usize = 64;
/// A column is not made narrower than this.
const NARROWEST: usize = 5;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text, on the left.
    Text(String),
    /// A number, on the right.
    Number(String),
    /// Nothing.
    Empty,
}

impl Cell {
    fn text(&self) -> &str {
        match self {
            Cell::Text(text) | Cell::Number(text) => text,
            Cell::Empty => "",
        }
    }
}

/// What becomes of text that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// It is shortened.
    Shorten,
    /// It goes on in the next line.
    Wrap,
}

/// Whether a table has its titles above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heads {
    /// It has.
    Shown,
    /// It has not.
    Hidden,
}

/// A table in the making.
pub struct Table {
    titles: Vec<String>,
    width: usize,
    wrapping: Wrapping,
    heads: Heads,
    sample: Vec<Vec<Cell>>,
    columns: Option<Vec<Column>>,
}

/// A column whose width is chosen.
struct Column {
    width: usize,
    right: bool,
}

impl Table {
    /// A table for a terminal of this width.
    pub fn new(titles: Vec<String>, width: usize, wrapping: Wrapping) -> Table {
        Table {
            titles,
            width: width.max(NARROWEST),
            wrapping,
            heads: Heads::Shown,
            sample: Vec::new(),
            columns: None,
        }
    }

    /// The same with or without titles.
    pub fn with_heads(self, heads: Heads) -> Table {
        Table { heads, ..self }
    }

    /// Takes a row; gives text that can be shown now.
    pub fn push(&mut self, row: Vec<Cell>) -> Option<String> {
        match &self.columns {
            Some(columns) => Some(self.line(columns, &row)),
            None => {
                self.sample.push(row);
                (self.sample.len() >= SAMPLE).then(|| self.begin())
            }
        }
    }

    /// There are no more rows; gives the text that was held back.
    pub fn finish(&mut self) -> Option<String> {
        (!self.sample.is_empty()).then(|| self.begin())
    }

    /// Chooses widths and gives the head and the rows so far.
    fn begin(&mut self) -> String {
        let sample = std::mem::take(&mut self.sample);
        let columns = self.choose(&sample);
        let mut lines = if self.heads == Heads::Shown { self.titles(&columns) } else { Vec::new() };
        lines.extend(sample.iter().map(|row| self.line(&columns, row)));
        self.columns = Some(columns);
        lines.join("\n")
    }

    /// The titles and the line below them.
    fn titles(&self, columns: &[Column]) -> Vec<String> {
        let heads: Vec<Cell> = self.titles.iter().cloned().map(Cell::Text).collect();
        let rules: Vec<Cell> = self
            .titles
            .iter()
            .zip(columns)
            .map(|(title, column)| Cell::Text("-".repeat(width::of(title).min(column.width))))
            .collect();
        vec![self.line(columns, &heads), self.line(columns, &rules)]
    }

    fn choose(&self, sample: &[Vec<Cell>]) -> Vec<Column> {
        let mut columns = Vec::with_capacity(self.titles.len());
        for (index, title) in self.titles.iter().enumerate() {
            let cells = || sample.iter().filter_map(|row| row.get(index));
            let widest = cells().map(|cell| width::of(cell.text())).max().unwrap_or_default();
            let numbers = cells().any(|cell| matches!(cell, Cell::Number(_)));
            let right = numbers && !cells().any(|cell| matches!(cell, Cell::Text(_)));
            columns.push(Column { width: widest.max(width::of(title)), right });
        }
        fit(&mut columns, self.width);
        columns
    }

    fn line(&self, columns: &[Column], row: &[Cell]) -> String {
        if self.wrapping == Wrapping::Wrap {
            return wrapped(columns, row);
        }
        let cells = columns
            .iter()
            .zip(row)
            .map(|(column, cell)| filled(column, &width::shortened(cell.text(), column.width)));
        cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    }
}

fn filled(column: &Column, text: &str) -> String {
    let fill = " ".repeat(column.width.saturating_sub(width::of(text)));
    if column.right { format!("{fill}{text}") } else { format!("{text}{fill}") }
}

/// A row on as many lines as its longest cell needs.
fn wrapped(columns: &[Column], row: &[Cell]) -> String {
    let mut rests: Vec<&str> = row.iter().map(Cell::text).collect();
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::with_capacity(columns.len());
        for (column, rest) in columns.iter().zip(&mut rests) {
            let (now, later) = width::take(rest, column.width.max(2));
            line.push(filled(column, now));
            *rest = later;
        }
        lines.push(line.join(" ").trim_end().to_owned());
        if rests.iter().take(columns.len()).all(|rest| rest.is_empty()) {
            return lines.join("\n");
        }
    }
}

/// Makes the widest columns narrower until all fit; leaves out the last ones where even that does not help.
fn fit(columns: &mut Vec<Column>, width: usize) {
    loop {
        let needed = columns.iter().map(|column| column.width + 1).sum::<usize>().saturating_sub(1);
        if needed <= width {
            return;
        }
        let widest = columns.iter().map(|column| column.width).max().unwrap_or_default();
        if widest <= NARROWEST {
            if columns.len() <= 1 {
                return;
            }
            columns.pop();
            continue;
        }
        let second =
            columns.iter().map(|column| column.width).filter(|&other| other < widest).max().unwrap_or(0);
        let many = columns.iter().filter(|column| column.width == widest).count();
        let step = (needed - width).div_ceil(many).min(widest - second.max(NARROWEST).min(widest - 1));
        for column in columns.iter_mut().filter(|column| column.width == widest) {
            column.width = widest - step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, wrapping: Wrapping, rows: &[&[&str]]) -> String {
        let mut table = Table::new(["Name", "Count", "Text"].map(str::to_owned).to_vec(), width, wrapping);
        let cell = |(index, text): (usize, &&str)| match (index, text.is_empty()) {
            (_, true) => Cell::Empty,
            (1, _) => Cell::Number((*text).to_owned()),
            _ => Cell::Text((*text).to_owned()),
        };
        let mut lines: Vec<String> =
            rows.iter().filter_map(|row| table.push(row.iter().enumerate().map(cell).collect())).collect();
        lines.extend(table.finish());
        lines.join("\n")
    }

    #[test]
    fn columns_fit() {
        let rows: &[&[&str]] = &[&["alice", "5", "one two three four"], &["b", "", "ü"]];
        assert_eq!(
            table(80, Wrapping::Shorten, rows),
            "Name  Count Text\n----  ----- ----\nalice     5 one two three four\nb           ü"
        );
        assert_eq!(
            table(20, Wrapping::Shorten, rows),
            "Name  Count Text\n----  ----- ----\nalice     5 one two…\nb           ü"
        );
        assert_eq!(
            table(20, Wrapping::Wrap, rows),
            "Name  Count Text\n----  ----- ----\nalice     5 one two\n            three fo\n            ur\nb           ü"
        );
        assert_eq!(table(12, Wrapping::Shorten, rows), "Name  Count\n----  -----\nalice     5\nb");
    }

    #[test]
    fn no_width_makes_it_fail() {
        for width in 0..40 {
            for line in
                table(width, Wrapping::Shorten, &[&["a long name indeed", "123456789", "日本語日本語"]])
                    .lines()
            {
                assert!(width::of(line) <= width.max(NARROWEST), "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_long_table_streams() {
        let mut table = Table::new(vec!["A".into()], 80, Wrapping::Shorten);
        let shown: Vec<bool> =
            (0..200).map(|n| table.push(vec![Cell::Text(n.to_string())]).is_some()).collect();
        assert_eq!(shown.iter().position(|shown| *shown), Some(SAMPLE - 1));
        assert!(shown.iter().skip(SAMPLE).all(|shown| *shown));
        assert_eq!(table.finish(), None);
    }
}
