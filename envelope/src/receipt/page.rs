//! Sets a receipt: the facts on the first page, then one row for each signature.
//!
//! A row is set whole or on the next page. Its height is known before it is set, for nothing in it
//! is broken but a hash, after a number of digits that does not change.

use super::words::{Words, utc};
use super::{Receipt, ReceiptError, Signature, Text};
use crate::paper::{
    About, BOTTOM, Colour, Fonts, LEADING, LEFT, PADDING, Part, RIGHT, Rectangle, Sheet, Style,
    WIDTH, write,
};

const NAME: f32 = 14.0;
const HEADING: f32 = 13.0;
const BODY: f32 = 11.0;
const FOOT: f32 = 9.0;
/// A row: the line of its time, its facts, and its digits.
const TIME: f32 = 10.5;
const FACT: f32 = 9.5;
const DIGITS: f32 = 8.5;
/// From line to line of a row.
const STEP: f32 = 13.0;
/// The space of a row above its first baseline and below its last.
const ABOVE: f32 = 17.0;
const BELOW: f32 = 9.0;
/// Where the labels of a row begin, and their values.
const LABEL: f32 = LEFT + 30.0;
const VALUE: f32 = LABEL + 84.0;
/// Where rows begin on every page but the first, and end on every page.
const TOP: f32 = 62.0;
const END: f32 = BOTTOM - 22.0;

/// Digits of a hash on a line, in groups.
const GROUP: usize = 8;
const ON_A_LINE: usize = 8 * GROUP;

/// The receipt as a PDF.
pub(super) fn set(receipt: &Receipt<'_>) -> Result<Vec<u8>, ReceiptError> {
    let fonts = Fonts::load()?;
    check(receipt, &fonts)?;
    let words = Words::of(receipt.language);
    let mut sheets = Vec::new();
    let mut sheet = Sheet::new(&fonts, BODY * LEADING);
    let mut y = first_page(&mut sheet, receipt, words);
    for (index, signature) in receipt.signatures.iter().enumerate() {
        if y + height(signature) > END {
            close(&mut sheet, y);
            sheets.push(std::mem::replace(&mut sheet, Sheet::new(&fonts, BODY * LEADING)));
            y = TOP;
        }
        row(&mut sheet, (receipt, words), (index + 1, signature), y);
        y += height(signature);
    }
    close(&mut sheet, y);
    sheets.push(sheet);
    let pages = sheets.len();
    for (index, sheet) in sheets.iter_mut().enumerate() {
        foot(sheet, receipt, words, &words.page(index + 1, pages));
    }
    let about = About { title: words.title, tag: words.tag, made_at: receipt.made() };
    Ok(write(&sheets, &about)?.to_vec())
}

/// Every text that comes from outside has letters that can be printed.
fn check(receipt: &Receipt<'_>, fonts: &Fonts) -> Result<(), ReceiptError> {
    let named = [
        (Text::ServiceName, Style::Bold, receipt.service_name),
        (Text::HolderName, Style::Text, receipt.holder_name),
        (Text::UserId, Style::Text, receipt.user_id),
        (Text::Fact, Style::Text, receipt.zone),
    ];
    let facts = receipt.signatures.iter().flat_map(|signature| {
        let Signature { credential, algorithm, hash, .. } = signature;
        let serials = signature.certificate.iter().chain(&signature.timestamp);
        let digits = [credential, hash].into_iter().chain(serials);
        let digits = digits.map(|text| (Text::Fact, Style::Digits, text.as_str()));
        digits.chain([(Text::Fact, Style::Text, algorithm.as_str())])
    });
    for (text, style, content) in named.into_iter().chain(facts) {
        if let Some(character) = fonts.missing(style, content) {
            return Err(ReceiptError::Unprintable { text, character });
        }
    }
    Ok(())
}

/// The service, the title, whose receipt of what it is, and what a receipt is; gives the place of
/// the first row.
fn first_page(sheet: &mut Sheet<'_>, receipt: &Receipt<'_>, words: &Words) -> f32 {
    sheet.part(Part::Paragraph);
    sheet.line(Style::Bold, NAME, Colour::Accent, (LEFT, 56.0), receipt.service_name);
    sheet.fill(Rectangle { x: LEFT, y: 67.0, width: WIDTH, height: 1.2 }, Colour::Accent);
    sheet.part(Part::Title);
    sheet.line(Style::Bold, 22.0, Colour::Ink, (LEFT, 101.0), words.title);
    let mut y = facts(sheet, receipt, words, 117.0) + 26.0;
    sheet.part(Part::Heading);
    sheet.line(Style::Bold, HEADING, Colour::Accent, (LEFT, y), words.meaning);
    y += 18.0;
    let failed = receipt.signatures.iter().any(|signature| !signature.made);
    let failed = failed.then_some(words.failed_means);
    for text in [words.is, words.is_not].into_iter().chain(failed) {
        sheet.part(Part::Paragraph);
        y = sheet.paragraph(Style::Text, BODY, Colour::Ink, (LEFT, y), WIDTH, text) + 3.0;
    }
    y += 14.0;
    sheet.part(Part::Heading);
    sheet.line(Style::Bold, HEADING, Colour::Accent, (LEFT, y), words.signatures);
    y += 9.0;
    if receipt.signatures.is_empty() {
        sheet.part(Part::Paragraph);
        sheet.line(Style::Text, BODY, Colour::Ink, (LEFT, y + 12.0), words.none);
        y += 24.0;
    }
    y
}

/// The panel with the facts of the whole receipt; gives its lower edge.
fn facts(sheet: &mut Sheet<'_>, receipt: &Receipt<'_>, words: &Words, top: f32) -> f32 {
    let (x, value) = (LEFT + PADDING, LEFT + PADDING + 116.0);
    let made = receipt.signatures.iter().filter(|signature| signature.made).count();
    let count = match receipt.signatures.len() - made {
        0 => made.to_string(),
        failed => format!("{made} ({failed} {})", words.failed),
    };
    let facts = [
        (words.holder, receipt.holder_name.to_owned()),
        (words.user_id, receipt.user_id.to_owned()),
        (words.time, words.part(receipt)),
        (words.made_at, words.moment(receipt.made_at, receipt.zone)),
        (words.count, count),
    ];
    let width = RIGHT - PADDING - value;
    let lines = |text: &str| sheet.fonts.lines(Style::Text, BODY, text, width).len();
    let leading = sheet.leading;
    let height: f32 = facts.iter().map(|(_, text)| lines(text) as f32 * leading + 3.0).sum();
    let panel = Rectangle { x: LEFT, y: top, width: WIDTH, height: height + 16.0 };
    sheet.fill(panel, Colour::Tint);
    let mut y = top + 20.0;
    for (label, text) in facts {
        sheet.part(Part::Paragraph);
        sheet.line(Style::Text, BODY, Colour::Quiet, (x, y), label);
        y = sheet.paragraph(Style::Text, BODY, Colour::Ink, (value, y), width, &text) + 3.0;
    }
    panel.y + panel.height
}

/// How much of a page a row takes.
fn height(signature: &Signature) -> f32 {
    let of_hash = signature.hash.len().div_ceil(ON_A_LINE);
    ABOVE + (5 + of_hash) as f32 * STEP + BELOW
}

/// A signature: when and how it ended, then its facts.
fn row(
    sheet: &mut Sheet<'_>,
    (receipt, words): (&Receipt<'_>, &Words),
    (number, signature): (usize, &Signature),
    top: f32,
) {
    rule(sheet, top);
    let mut y = top + ABOVE;
    sheet.part(Part::Paragraph);
    sheet.line(Style::Bold, TIME, Colour::Accent, (LEFT, y), &number.to_string());
    let time = words.moment(signature.at, receipt.zone);
    sheet.line(Style::Bold, TIME, Colour::Ink, (LABEL, y), &time);
    let (end, colour) = match signature.made {
        true => (words.made, Colour::Accent),
        false => (words.failed, Colour::Ink),
    };
    let x = RIGHT - sheet.fonts.width(Style::Bold, TIME, end);
    sheet.line(Style::Bold, TIME, colour, (x, y), end);
    y += STEP;
    let utc = format!("{} · {} {}", utc(signature.at), words.entry, signature.entry);
    fact(sheet, "UTC", Style::Text, FACT, &[utc], &mut y);
    let algorithm = std::slice::from_ref(&signature.algorithm);
    fact(sheet, words.algorithm, Style::Text, FACT, algorithm, &mut y);
    fact(sheet, words.hash, Style::Digits, DIGITS, &grouped(&signature.hash), &mut y);
    let credential = signature.credential.clone();
    fact(sheet, words.credential, Style::Digits, DIGITS, &[credential], &mut y);
    for (label, serial, none) in [
        (words.certificate, &signature.certificate, words.not_recorded),
        (words.timestamp, &signature.timestamp, words.not_stamped),
    ] {
        match serial {
            Some(serial) => {
                let serial = std::slice::from_ref(serial);
                fact(sheet, label, Style::Digits, DIGITS, serial, &mut y);
            }
            None => fact(sheet, label, Style::Text, FACT, &[none.to_owned()], &mut y),
        }
    }
}

fn fact(
    sheet: &mut Sheet<'_>,
    label: &str,
    style: Style,
    size: f32,
    lines: &[String],
    y: &mut f32,
) {
    sheet.part(Part::Paragraph);
    sheet.line(Style::Text, FACT, Colour::Quiet, (LABEL, *y), label);
    for line in lines {
        sheet.line(style, size, Colour::Ink, (VALUE, *y), line);
        *y += STEP;
    }
}

/// A hash in lines of groups: it is compared by eye.
fn grouped(hash: &str) -> Vec<String> {
    let digits: Vec<char> = hash.chars().collect();
    let line = |line: &[char]| {
        let groups: Vec<String> = line.chunks(GROUP).map(|group| group.iter().collect()).collect();
        groups.join(" ")
    };
    digits.chunks(ON_A_LINE).map(line).collect()
}

/// The end of the rows of a page.
fn close(sheet: &mut Sheet<'_>, y: f32) {
    rule(sheet, y);
}

fn rule(sheet: &mut Sheet<'_>, y: f32) {
    sheet.fill(Rectangle { x: LEFT, y, width: WIDTH, height: 0.8 }, Colour::Rule);
}

/// What every page has at its foot: whose receipt it is, so that a loose leaf finds its place.
fn foot(sheet: &mut Sheet<'_>, receipt: &Receipt<'_>, words: &Words, page: &str) {
    let made = utc(receipt.made_at);
    let whose = format!("{} · {} · {made}", words.title, receipt.user_id);
    let width = sheet.fonts.width(Style::Text, FOOT, page);
    let room = RIGHT - width - 20.0 - LEFT;
    let whose = sheet.fonts.lines(Style::Text, FOOT, &whose, room).swap_remove(0);
    sheet.repeated(FOOT, (LEFT, BOTTOM), &whose);
    sheet.repeated(FOOT, (RIGHT - width, BOTTOM), page);
}
