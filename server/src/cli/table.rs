//! Plain tables: aligned columns, no colours, readable at 80 columns and in a mail.

use std::fmt::Write;

/// On which side a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// The space between two columns.
const GAP: usize = 2;
/// The last column never gets narrower than this, whatever the others take.
const LAST_COLUMN_MIN: usize = 16;

/// Rows under headings. The last column gives way: its text is wrapped when a line gets too long.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with the named columns.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self {
            headings: columns.iter().map(|(heading, _)| *heading).collect(),
            aligns: columns.iter().map(|(_, align)| *align).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells that have no column are left out; missing cells are empty.
    pub(crate) fn row<I: IntoIterator<Item = String>>(&mut self, cells: I) {
        let mut row: Vec<String> =
            cells.into_iter().map(|cell| printable(&cell)).take(self.headings.len()).collect();
        row.resize(self.headings.len(), String::new());
        self.rows.push(row);
    }

    /// The table as text, each line ended. `width` counts characters.
    pub(crate) fn render(&self, width: usize) -> String {
        let widths = self.widths(width);
        let mut text = String::new();
        let headings: Vec<String> = self.headings.iter().map(|&h| h.to_owned()).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            self.render_row(row, &widths, &mut text);
        }
        text
    }

    /// How wide each column is.
    fn widths(&self, limit: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|h| h.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if let Some((last, others)) = widths.split_last_mut() {
            let taken: usize = others.iter().map(|width| width + GAP).sum();
            *last = (*last).min(limit.saturating_sub(taken).max(LAST_COLUMN_MIN));
        }
        widths
    }

    /// One row, on as many lines as its last cell needs.
    fn render_row(&self, row: &[String], widths: &[usize], text: &mut String) {
        let Some((last, others)) = row.split_last() else { return };
        let last_width = widths.last().copied().unwrap_or_default();
        let indent: usize = widths.iter().take(others.len()).map(|width| width + GAP).sum();
        for (number, piece) in wrap(last, last_width).iter().enumerate() {
            let mut line = String::new();
            if number == 0 {
                for ((cell, width), align) in others.iter().zip(widths).zip(&self.aligns) {
                    // Writing into a String cannot fail.
                    let _ = match align {
                        Align::Left => write!(line, "{cell:<width$}  "),
                        Align::Right => write!(line, "{cell:>width$}  "),
                    };
                }
            } else {
                line = " ".repeat(indent);
            }
            match self.aligns.last() {
                Some(Align::Right) => {
                    let _ = write!(line, "{piece:>last_width$}");
                }
                _ => line.push_str(piece),
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

/// A cell on one line: a name or reason from the service must not steer the terminal.
pub(crate) fn printable(cell: &str) -> String {
    cell.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `text` in pieces of at most `width` characters, broken at spaces where there are any.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut pieces = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let used = line.chars().count();
        if used > 0 && used + 1 + word.len() > width {
            pieces.push(std::mem::take(&mut line));
        } else if used > 0 {
            line.push(' ');
        }
        // Only a word that is longer than a whole line is broken.
        while line.is_empty() && word.len() > width {
            pieces.push(word.drain(..width).collect());
        }
        line.extend(word);
    }
    pieces.push(line);
    pieces
}

/// A whole number with commas between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An RFC 3339 instant in UTC as a reader wants it: to the second, without `T` and `Z`.
pub(crate) fn instant(text: &str) -> String {
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(moment) => moment.to_utc().format("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// An RFC 3339 instant, or a dash.
pub(crate) fn instant_or_dash(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), instant)
}
