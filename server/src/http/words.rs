//! The words that the JSON has for the accounts' enumerations. Part of the public interface.

use accounts::stamps::{Category, EntryKind, Status};

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
