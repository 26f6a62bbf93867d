//! A history as comma-separated values (RFC 4180), safe to open in a spreadsheet.
//!
//! The table is made page by page while it is sent: its size is nobody's memory.

use super::ACCEPT_VALUE;
use super::problem;
use crate::http::problem::Problem;
use crate::http::stamp_account::rfc3339;
use crate::service::Service;
use accounts::holders::history::{HistoryPage, HistoryQuery, RecordedEntry};
use accounts::holders::{HolderError, HolderId};
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use actix_web::web::{self, Bytes, Data};
use futures_util::stream::unfold;

/// RFC 4180 §3.
pub(super) const MEDIA_TYPE: &str = "text/csv";

/// RFC 4180 §2: lines end with CRLF.
const HEADER: &str = "number,at,event,success,actor,details\r\n";

/// Entries of one piece.
const PIECE: usize = 1_000;

/// The whole of what is asked for, from its first page on.
pub(super) fn answer(
    service: Data<Service>,
    holder: HolderId,
    mut query: HistoryQuery,
) -> Result<HttpResponse, Problem> {
    query.limit = PIECE;
    // The first page before the status: a store that cannot be read is told with one.
    let first = service.holders.history(holder, &query).map_err(problem)?;
    let begin = Some((first, HEADER.to_owned()));
    let rows = unfold(begin, move |state| {
        let (service, query) = (service.clone(), query.clone());
        async move {
            let (page, text) = state?;
            // A long history that has little of what is asked for is read for long, with nothing
            // to wait for: not on a thread that serves others.
            let next = web::block(move || piece(&service, holder, query, &page, text)).await;
            // A table that breaks off must not look like a whole one: the connection breaks.
            Some(match next {
                Ok(Ok((text, following))) => (Ok(Bytes::from(text)), following),
                Ok(Err(error)) => (Err(broken(&error)), None),
                Err(panicked) => (Err(broken(&panicked)), None),
            })
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"history.csv\""))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((VARY, ACCEPT_VALUE))
        .streaming(rows))
}

/// The rows of a page, and the page after it.
fn piece(
    service: &Service,
    holder: HolderId,
    mut query: HistoryQuery,
    page: &HistoryPage,
    mut text: String,
) -> Result<(String, Option<(HistoryPage, String)>), HolderError> {
    page.entries.iter().for_each(|entry| write_row(&mut text, entry));
    let Some(place) = page.next else { return Ok((text, None)) };
    query.after = Some(place);
    let following = service.holders.history(holder, &query)?;
    Ok((text, Some((following, String::new()))))
}

fn broken(error: &dyn std::fmt::Display) -> actix_web::Error {
    tracing::error!(%error, "a history breaks off");
    Problem::Unavailable.into()
}

fn write_row(text: &mut String, entry: &RecordedEntry) {
    let details: Vec<_> =
        entry.details.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let success = if entry.success { "yes" } else { "no" };
    let (number, at) = (entry.number.to_string(), rfc3339(entry.at));
    let details = details.join("; ");
    let cells = [&number, &at, entry.kind.word(), success, &entry.actor, &details];
    for (place, content) in cells.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_cell(text, content);
    }
    text.push_str("\r\n");
}

/// What a spreadsheet computes when a cell begins with it.
const FORMULAS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// What begins a cell in some spreadsheet: which of them separates is a matter of the country.
const SEPARATORS: [char; 6] = [',', ';', '|', '\t', '\r', '\n'];

/// Writes a cell between quotes, where every character stands for itself (RFC 4180 §2, 5 to 7). A
/// text that a spreadsheet would compute gets an apostrophe in front, which makes it a text; also
/// behind what another country's spreadsheet takes for the end of a cell.
fn write_cell(text: &mut String, content: &str) {
    text.push('"');
    let mut begins = true;
    for c in content.chars() {
        if begins && FORMULAS.contains(&c) {
            text.push('\'');
        }
        begins = SEPARATORS.contains(&c) || (begins && c.is_whitespace());
        if c == '"' {
            text.push('"');
            // A cell of another separator may begin with a quote.
            begins = true;
        }
        text.push(c);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::{write_cell, write_row};
    use accounts::holders::history::{HistoryKind, RecordedEntry};
    use chrono::DateTime;

    fn cell(content: &str) -> String {
        let mut text = String::new();
        write_cell(&mut text, content);
        text
    }

    #[test]
    fn a_cell_may_hold_anything() {
        assert_eq!(cell("plain"), "\"plain\"");
        assert_eq!(cell("a,b\r\n\"c\""), "\"a,b\r\n\"\"c\"\"\"");
        assert_eq!(cell(""), "\"\"");
    }

    #[test]
    fn nothing_in_a_cell_is_computed() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"] {
            assert!(cell(formula).starts_with("\"'"), "{formula:?}");
        }
        for begins in ["\t", "\r", "x;", "x; ", "x,", "x\t", "x|", "\"", "x;\""] {
            let formula = cell(&format!("{begins}=1+1"));
            assert!(formula.ends_with("'=1+1\""), "{formula:?}");
        }
        assert_eq!(cell("1=1"), "\"1=1\"");
        assert_eq!(cell("a - b"), "\"a - b\"");
    }

    #[test]
    fn an_entry_is_one_row() {
        let entry = RecordedEntry {
            number: 7,
            at: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
            kind: HistoryKind::LoggedIn,
            actor: "holder h-1".to_owned(),
            success: true,
            details: vec![("from".to_owned(), "192.0.2.1".to_owned())],
        };
        let mut row = String::new();
        write_row(&mut row, &entry);
        assert_eq!(
            row,
            "\"7\",\"2026-01-01T00:00:00Z\",\"login-succeeded\",\"yes\",\"holder h-1\",\
             \"from: 192.0.2.1\"\r\n"
        );
    }
}
