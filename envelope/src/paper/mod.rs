//! What all papers are made of: A4 pages, faces, lines and boxes, and the PDF that they become.
//!
//! [`font`] measures texts, [`sheet`] takes them and writes the document. What stands on a page,
//! and where, is for the rooms that set one. The measures are points (1/72 inch) from the top left
//! corner.

mod font;
mod sheet;

pub(crate) use font::{Fonts, Style};
pub(crate) use sheet::{About, Colour, Part, Rectangle, Sheet, write};

/// A4 (ISO 216), width and height.
pub(crate) const PAGE: (f32, f32) = (595.276, 841.89);
const MARGIN: f32 = 54.0;
pub(crate) const LEFT: f32 = MARGIN;
pub(crate) const RIGHT: f32 = PAGE.0 - MARGIN;
pub(crate) const BOTTOM: f32 = PAGE.1 - 46.0;
pub(crate) const WIDTH: f32 = RIGHT - LEFT;
/// From one line of running text to the next, for each point of its size.
pub(crate) const LEADING: f32 = 1.32;
/// Inside of a box, from its edge to its text.
pub(crate) const PADDING: f32 = 12.0;

/// A document that could not be written; a fault of this program or of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unwritten {
    /// What failed; no part of a page.
    pub(crate) step: &'static str,
}
