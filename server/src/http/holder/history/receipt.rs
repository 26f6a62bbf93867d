//! `GET /api/v1/holder/history/receipt`: signatures of the history as a PDF to print or to file.
//!
//! The part of the history is read and set on a thread that may block, a few at a time; how much
//! is read is bounded, and so are the signatures of one receipt. The CSV table has no such bound.

#[cfg(test)]
mod tests;

use super::{access, invalid, place, problem};
use crate::http::holder::problem::refused;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::words;
use crate::service::Service;
use accounts::holders::history::{
    HistoryKind, HistoryPage, HistoryPlace, HistoryQuery, RecordedEntry,
};
use accounts::holders::{HolderError, HolderId, HolderView, Language};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use envelope::receipt::{Part, Receipt, ReceiptError, Signature};
use serde::Deserialize;

/// Signatures of a receipt, at most: about eighty pages.
const MOST: usize = 500;
/// Entries of the history that are read for one, at most: a history of a year has fewer that are
/// no signatures.
const MOST_READ: usize = 50_000;
/// Entries that are read at once.
const PIECE: usize = 1_000;

/// Which signatures.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptParams {
    /// The first instant, RFC 3339; included.
    #[serde(default, deserialize_with = "words::instant")]
    from: Option<DateTime<Utc>>,
    /// The end, RFC 3339; excluded.
    #[serde(default, deserialize_with = "words::instant")]
    to: Option<DateTime<Utc>>,
    /// `place` of one entry of the history, for this signature alone.
    entry: Option<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    One(HistoryPlace),
    Frame { from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>> },
}

/// Why there are no signatures to list.
#[derive(Debug)]
enum Unlisted {
    TooMany,
    /// No such entry, or none of a signature.
    Unknown,
    Holder(HolderError),
}

impl From<HolderError> for Unlisted {
    fn from(error: HolderError) -> Self {
        Self::Holder(error)
    }
}

/// Gives a receipt of the signatures in a time, or of one, as a PDF in the holder's language. It
/// is no signature itself.
#[utoipa::path(get, path = "/api/v1/holder/history/receipt", tag = "holder",
    operation_id = "holder_receipt", params(ReceiptParams),
    responses((status = 200, body = Vec<u8>, content_type = "application/pdf"),
        (status = 400, body = ProblemBody), (status = 401, body = ProblemBody),
        (status = 404, description = "No such signature", body = ProblemBody),
        (status = 422, description = "More signatures than a receipt has room for",
            body = ProblemBody),
        (status = 503, body = ProblemBody)),
    security(("holder" = [])))]
pub(crate) async fn show_receipt(
    request: HttpRequest,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let access = access::reader(&request, &service).await?;
    let params = Query::<ReceiptParams>::from_query(request.query_string());
    let params = params.map_err(|error| invalid("query", &words::told(&error)))?;
    let asked = params.into_inner().read()?;
    let setting = web::block(move || {
        // Of the work, which goes on when its asker goes away.
        let _turn = service.limits.receipt().ok_or(Problem::Busy)?;
        set(&service, access.holder, asked)
    });
    let pdf = setting.await.map_err(|_ended| Problem::Internal)??;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/pdf"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"receipt.pdf\""))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(pdf))
}

impl ReceiptParams {
    fn read(self) -> Result<Asked, Problem> {
        let Some(entry) = self.entry else {
            for (name, at) in [("from", self.from), ("to", self.to)] {
                // Beyond them an instant has no day in every zone.
                if at.is_some_and(|at| !(1970..=9999).contains(&at.year())) {
                    return Err(invalid(name, "use a year from 1970 to 9999"));
                }
            }
            return Ok(Asked::Frame { from: self.from, to: self.to });
        };
        if self.from.is_some() || self.to.is_some() {
            return Err(invalid("entry", "one signature has its own time: leave `from` and `to`"));
        }
        let entry = place(&entry);
        entry.map(Asked::One).ok_or_else(|| invalid("entry", "use `place` of an entry"))
    }
}

/// Reads the signatures and sets the pages. Takes long.
fn set(service: &Service, holder: HolderId, asked: Asked) -> Result<Vec<u8>, Problem> {
    let view = service.holders.holder(holder).map_err(problem)?;
    let read = |query: &HistoryQuery| service.holders.history(holder, query);
    let entries = match asked {
        Asked::One(place) => one(place, read),
        Asked::Frame { from, to } => all(from, to, read),
    };
    let entries = entries.map_err(|unlisted| match unlisted {
        Unlisted::TooMany => refused(
            "receipt-too-long",
            format!(
                "a receipt lists at most {MOST} signatures: ask for a shorter time, or take the \
                 history as CSV (`Accept: text/csv`), which has no limit"
            ),
            None,
            None,
        ),
        Unlisted::Unknown => Problem::NotFound { what: "signature with this place" },
        Unlisted::Holder(error) => problem(error),
    })?;
    let signatures: Vec<_> = entries.iter().map(|entry| signature(service, entry)).collect();
    pages(service, &view, asked, &signatures).map_err(|error| match error {
        ReceiptError::Unprintable { .. } => {
            refused("receipt-unprintable", error.to_string(), None, None)
        }
        ReceiptError::Writing { .. } => {
            tracing::error!(%error, "a receipt");
            Problem::Internal
        }
    })
}

fn pages(
    service: &Service,
    view: &HolderView,
    asked: Asked,
    signatures: &[Signature],
) -> Result<Vec<u8>, ReceiptError> {
    let local = |at: DateTime<Utc>| service.delivery.local(at);
    Receipt {
        service_name: &service.service_name,
        holder_name: &format!("{} {}", view.given_name, view.surname),
        user_id: &view.user_id,
        language: match view.language {
            Language::En => envelope::Language::En,
            Language::It => envelope::Language::It,
        },
        made_at: local(service.clock.now()),
        zone: service.delivery.zone(),
        part: match asked {
            Asked::One(_) => Part::One,
            Asked::Frame { from, to } => Part::Frame { from: from.map(local), to: to.map(local) },
        },
        signatures,
    }
    .set()
}

/// The entry of one signature.
fn one(
    HistoryPlace { at, number }: HistoryPlace,
    read: impl Fn(&HistoryQuery) -> Result<HistoryPage, HolderError>,
) -> Result<Vec<RecordedEntry>, Unlisted> {
    let from = DateTime::from_timestamp_millis(at).ok_or(Unlisted::Unknown)?;
    let after = number.checked_sub(1).map(|number| HistoryPlace { at, number });
    let to = from.checked_add_signed(TimeDelta::milliseconds(1));
    let query = HistoryQuery { from: Some(from), to, after, limit: 1, kinds: signed() };
    let entries = read(&query)?.entries;
    if entries.iter().any(|entry| entry.number == number) {
        Ok(entries)
    } else {
        Err(Unlisted::Unknown)
    }
}

/// The entries of all signatures of a time.
fn all(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    read: impl Fn(&HistoryQuery) -> Result<HistoryPage, HolderError>,
) -> Result<Vec<RecordedEntry>, Unlisted> {
    let mut entries = Vec::new();
    let mut query = HistoryQuery { from, to, kinds: signed(), after: None, limit: PIECE };
    for _ in 0..MOST_READ / PIECE {
        let page = read(&query)?;
        entries.extend(page.entries);
        if entries.len() > MOST {
            return Err(Unlisted::TooMany);
        }
        if page.next.is_none() {
            return Ok(entries);
        }
        query.after = page.next;
    }
    Err(Unlisted::TooMany)
}

/// What a receipt lists: signatures, and the tries that gave none.
fn signed() -> Vec<HistoryKind> {
    vec![HistoryKind::SignatureMade, HistoryKind::SignatureFailed]
}

fn signature(service: &Service, entry: &RecordedEntry) -> Signature {
    let detail = |name: &str| {
        let found = entry.details.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.clone())
    };
    Signature {
        entry: entry.number,
        at: service.delivery.local(entry.at),
        credential: detail("credential").unwrap_or_default(),
        certificate: detail("certificate"),
        algorithm: written(&detail("algorithm").unwrap_or_default()),
        hash: detail("hash").unwrap_or_default(),
        timestamp: detail("timestamp"),
        made: entry.kind == HistoryKind::SignatureMade,
    }
}

/// An algorithm as people write it: `rsa-pss-sha256` is `RSA-PSS, SHA-256`.
fn written(name: &str) -> String {
    match name.rsplit_once("-sha") {
        Some((scheme, bits)) => format!("{}, SHA-{bits}", scheme.to_uppercase()),
        None => name.to_owned(),
    }
}
