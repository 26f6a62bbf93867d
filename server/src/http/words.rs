//! The words that the JSON has for the accounts' enumerations. Part of the public interface.

use accounts::stamps::{Category, EntryKind, Status};
use actix_web::error::QueryPayloadError;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de};

/// The word for a status.
pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Suspended => "suspended",
        Status::Closed => "closed",
    }
}

/// The word for the category of a lot.
pub(crate) fn category(category: Category) -> &'static str {
    match category {
        Category::Paid => "paid",
        Category::Promo => "promotional",
        Category::Comp => "compensation",
        Category::Test => "test",
    }
}

/// The category of a word.
pub(crate) fn parse_category(word: &str) -> Option<Category> {
    let all = [Category::Paid, Category::Promo, Category::Comp, Category::Test];
    all.into_iter().find(|known| category(*known) == word)
}

/// The word for the kind of an entry.
pub(crate) fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Open => "open",
        EntryKind::Grant => "grant",
        EntryKind::Use => "use",
        EntryKind::Expire => "expire",
        EntryKind::Refund => "refund",
        EntryKind::Void => "void",
        EntryKind::Suspend => "suspend",
        EntryKind::Reactivate => "reactivate",
        EntryKind::Close => "close",
    }
}

/// An instant in a query string; the library's own refusal says neither what it read nor what it
/// wants.
pub(crate) fn instant<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = DateTime::parse_from_rfc3339(&text);
    let read = read.map_err(|_unread| {
        de::Error::custom(format!(
            "{text:?} is no instant: write it as RFC 3339 says, with a zone, as in \
             2026-07-12T08:00:00Z (a + in a zone is %2B here)"
        ))
    })?;
    Ok(Some(read.to_utc()))
}

/// What is wrong with a query string, without the library's own introduction.
pub(crate) fn told(error: &QueryPayloadError) -> String {
    match error {
        QueryPayloadError::Deserialize(reason) => reason.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Query;
    use chrono::{DateTime, Utc};

    #[derive(Debug, serde::Deserialize)]
    struct Frame {
        #[serde(default, deserialize_with = "super::instant")]
        from: Option<DateTime<Utc>>,
    }

    #[test]
    fn an_instant_that_cannot_be_read_is_shown_with_one_that_can() {
        let read =
            |text: &str| Query::<Frame>::from_query(text).map(|frame| frame.into_inner().from);
        let noon = "2026-07-12T12:00:00+00:00".parse().ok();
        assert_eq!(read("from=2026-07-12T14:00:00%2B02:00").unwrap(), noon);
        assert_eq!(read("").unwrap(), None);
        let refused = read("from=2026").unwrap_err().to_string();
        assert!(refused.contains("\"2026\" is no instant"), "{refused}");
        assert!(refused.contains("2026-07-12T08:00:00Z"), "{refused}");
    }
}
