//! Sets the page: A4, one page, the codes at the bottom right.
//!
//! [`set`] reads like the page, from the top down; how a line looks and gets into the PDF is in
//! [`crate::paper`]. The measures are points (1/72 inch) from the top left corner.
//! No text is smaller than 11 points and no code smaller than 16: the reader may be old.

use zeroize::Zeroizing;

use crate::codes::grouped;
use crate::paper::{
    About, BOTTOM, Colour, Fonts, LEADING, LEFT, PADDING, Part, RIGHT, Rectangle, Sheet, Style,
    WIDTH, write,
};
use crate::texts::{Explained, Section, Texts};
use crate::{Envelope, Field, SealError};

/// The sizes of running text, the best first: the largest with which the page holds all.
const BODIES: [f32; 3] = [12.0, 11.5, BODY];
/// The size of labels, and of the text beside the codes.
const BODY: f32 = 11.0;
const HEADING: f32 = 13.0;
const NAME: f32 = 14.0;
const CODE: f32 = 18.0;
/// Where the text of a step begins, right of its number.
const INDENT: f32 = 20.0;
/// The block of codes, and a row of it.
const CODES_WIDTH: f32 = 204.0;
const ROW: f32 = 51.0;

/// The page as an unencrypted PDF.
pub(crate) fn set(envelope: &Envelope<'_>) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let fonts = Fonts::load()?;
    check_fields(envelope, &fonts)?;
    let texts = Texts::of(envelope);
    let mut overflow = 0.0;
    for body in BODIES {
        let mut sheet = Sheet::new(&fonts, body * LEADING);
        let mut y = header(&mut sheet, envelope, &texts, body);
        y = addressee(&mut sheet, envelope, &texts, y);
        for section in &texts.sections {
            y = instructions(&mut sheet, section, body, y);
        }
        overflow = y - codes_top();
        if overflow <= 0.0 {
            codes(&mut sheet, envelope, &texts);
            let (title, tag, made_at) = (texts.title, texts.tag, envelope.issued_at);
            return Ok(write(&[sheet], &About { title, tag, made_at })?);
        }
    }
    Err(SealError::PageFull { points: overflow })
}

/// Each text that comes from outside has letters that can be printed, and fits its place.
fn check_fields(envelope: &Envelope<'_>, fonts: &Fonts) -> Result<(), SealError> {
    let inner = WIDTH - 2.0 * PADDING;
    let step = WIDTH - INDENT;
    // The field, its text, its face and size, the width of its place and the lines it may have.
    let fields = [
        (Field::HolderName, envelope.holder_name, Style::Text, NAME, inner, 2),
        (Field::UserId, envelope.user_id, Style::Text, BODY, inner / 2.0, 1),
        (Field::ServiceName, envelope.service_name, Style::Bold, NAME, WIDTH, 1),
        (Field::PortalAddress, envelope.portal_address, Style::Text, BODY, step, 1),
        (Field::SuspensionAddress, envelope.suspension_address, Style::Text, BODY, step, 1),
        (Field::Support, envelope.support.unwrap_or("-"), Style::Text, BODY, step, 1),
    ];
    for (field, text, style, size, width, lines) in fields {
        if text.trim().is_empty() {
            return Err(SealError::Empty { field });
        }
        if let Some(character) = fonts.missing(style, text) {
            return Err(SealError::Unprintable { field, character });
        }
        if fonts.lines(style, size, text, width).len() > lines {
            return Err(SealError::TooLong { field, lines });
        }
    }
    Ok(())
}

/// The service, the title, and what this sheet is.
fn header(sheet: &mut Sheet<'_>, envelope: &Envelope<'_>, texts: &Texts, body: f32) -> f32 {
    let mut y = 56.0;
    sheet.part(Part::Paragraph);
    sheet.line(Style::Bold, NAME, Colour::Accent, (LEFT, y), envelope.service_name);
    y += 11.0;
    sheet.fill(Rectangle { x: LEFT, y, width: WIDTH, height: 1.2 }, Colour::Accent);
    y += 34.0;
    sheet.part(Part::Title);
    sheet.line(Style::Bold, 22.0, Colour::Ink, (LEFT, y), texts.title);
    y += 23.0;
    sheet.part(Part::Paragraph);
    sheet.paragraph(Style::Text, body, Colour::Ink, (LEFT, y), WIDTH, texts.lead)
}

/// Whose envelope it is, and since when.
fn addressee(sheet: &mut Sheet<'_>, envelope: &Envelope<'_>, texts: &Texts, top: f32) -> f32 {
    let inner = WIDTH - 2.0 * PADDING;
    let lines = sheet.fonts.lines(Style::Text, NAME, envelope.holder_name, inner).len();
    let height = 64.0 + 18.0 * lines as f32;
    let panel = Rectangle { x: LEFT, y: top - 2.0, width: WIDTH, height };
    sheet.fill(panel, Colour::Tint);

    let (x, middle) = (LEFT + PADDING, LEFT + WIDTH / 2.0 + PADDING);
    let mut y = panel.y + 19.0;
    sheet.part(Part::Paragraph);
    sheet.line(Style::Text, BODY, Colour::Quiet, (x, y), texts.holder);
    y += 18.0;
    let leading = std::mem::replace(&mut sheet.leading, 18.0);
    sheet.secret(|sheet| {
        y = sheet.paragraph(Style::Text, NAME, Colour::Ink, (x, y), inner, envelope.holder_name);
    });
    sheet.leading = leading;
    y += 3.0;
    for (x, label, value) in
        [(x, texts.user_id, envelope.user_id), (middle, texts.issued, texts.issued_on.as_str())]
    {
        sheet.part(Part::Paragraph);
        sheet.line(Style::Text, BODY, Colour::Quiet, (x, y), label);
        sheet.secret(|sheet| sheet.line(Style::Text, BODY, Colour::Ink, (x, y + 14.5), value));
    }
    panel.y + panel.height + 26.0
}

/// A heading with its steps; a single one has no number.
fn instructions(sheet: &mut Sheet<'_>, section: &Section, body: f32, top: f32) -> f32 {
    sheet.part(Part::Heading);
    sheet.line(Style::Bold, HEADING, Colour::Accent, (LEFT, top), section.heading);
    let mut y = top + 18.0;
    let numbered = section.steps.len() > 1;
    for (index, step) in section.steps.iter().enumerate() {
        sheet.part(Part::Paragraph);
        let indent = if numbered { INDENT } else { 0.0 };
        if numbered {
            sheet.line(Style::Bold, body, Colour::Accent, (LEFT, y), &format!("{}.", index + 1));
        }
        y = sheet.paragraph(
            Style::Text,
            body,
            Colour::Ink,
            (LEFT + indent, y),
            WIDTH - indent,
            step,
        ) + 2.0;
    }
    y + 11.0
}

/// The top of the codes' rows.
fn rows_top() -> f32 {
    BOTTOM - 4.0 * ROW
}

/// Where the codes' heading has to have its place.
fn codes_top() -> f32 {
    rows_top() - 12.0
}

/// Four rows: at the left what a code is for, at the right the code.
fn codes(sheet: &mut Sheet<'_>, envelope: &Envelope<'_>, texts: &Texts) {
    let codes = envelope.codes;
    sheet.leading = BODY * LEADING;
    sheet.part(Part::Heading);
    sheet.line(Style::Bold, HEADING, Colour::Accent, (LEFT, codes_top()), texts.codes);
    let block =
        Rectangle { x: RIGHT - CODES_WIDTH, y: rows_top(), width: CODES_WIDTH, height: 4.0 * ROW };
    sheet.fill(block, Colour::Tint);
    let rows = [
        (&texts.pin, codes.pin.as_ref().map(|pin| grouped(pin.expose(), 4))),
        (&texts.puk, Some(grouped(codes.puk.expose(), 5))),
        (&texts.emergency_code, Some(grouped(codes.emergency_code.expose(), 5))),
        (&texts.number, Some(Zeroizing::new(codes.number.to_string()))),
    ];
    for (index, (explained, code)) in rows.iter().enumerate() {
        let top = block.y + ROW * index as f32;
        sheet.fill(Rectangle { x: LEFT, y: top, width: WIDTH, height: 0.8 }, Colour::Rule);
        row(sheet, top, explained, code.as_ref().map(|code| code.as_str()), texts.own_pin);
    }
    sheet.fill(Rectangle { x: LEFT, y: BOTTOM, width: WIDTH, height: 0.8 }, Colour::Rule);
}

fn row(sheet: &mut Sheet<'_>, top: f32, explained: &Explained, code: Option<&str>, own: &str) {
    let width = WIDTH - CODES_WIDTH - PADDING;
    sheet.part(Part::Paragraph);
    let x = RIGHT - CODES_WIDTH + PADDING;
    sheet.line(Style::Bold, BODY, Colour::Accent, (x, top + 17.5), explained.name);
    match code {
        Some(code) => {
            sheet.secret(|sheet| sheet.line(Style::Code, CODE, Colour::Ink, (x, top + 39.5), code));
        }
        None => sheet.line(Style::Text, NAME, Colour::Ink, (x, top + 38.0), own),
    }
    sheet.part(Part::Paragraph);
    sheet.paragraph(Style::Text, BODY, Colour::Ink, (LEFT, top + 17.5), width, explained.meaning);
}
