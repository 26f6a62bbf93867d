//! From which lot the next stamp comes. One total order, and no other place decides it.

use super::records::{Category, LotRecord};

/// The place of a lot in the draw order; the smallest is drawn first: lowest priority number,
/// earliest expiry (never is last), given before paid, oldest.
pub(crate) type Place = (u8, i64, u8, u64);

/// The place of the lot with number `id`.
pub(crate) fn place(id: u64, lot: &LotRecord) -> Place {
    // Given stamps go before paid ones, so that what was bought lasts longest.
    let category = match lot.category {
        Category::Promo => 0,
        Category::Comp => 1,
        Category::Test => 2,
        Category::Paid => 3,
    };
    (lot.priority, lot.expires_at.unwrap_or(i64::MAX), category, id)
}
