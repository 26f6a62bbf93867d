//! Puts lines and boxes on a page, and writes the page as a tagged PDF.
//!
//! The structure tree is in the order of reading, so that a screen reader speaks the page as it
//! stands. The order of drawing is another: first the texts that every envelope has, then those
//! that are secret. A font subset numbers its characters as they come, and the list of their
//! widths stays readable in an encrypted file; in this order it says little of the secret ones.

use std::num::NonZeroU16;

use chrono::{Datelike, Timelike};
use krilla::color::rgb;
use krilla::configure::{ConfigurationBuilder, PdfVersion};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, SpanTag, Tag, TagGroup, TagTree,
};
use krilla::text::TextDirection;
use krilla::{Document, SerializeSettings};
use zeroize::Zeroizing;

use super::font::{Fonts, Style};
use crate::texts::Texts;
use crate::{Envelope, SealError};

/// What a part of the page is to a screen reader.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Title,
    Heading,
    Paragraph,
}

/// What is printed in which ink; all texts keep their contrast on a black and white printer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Colour {
    Ink,
    Quiet,
    Accent,
    Tint,
    Rule,
}

/// A filled box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rectangle {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// A page in the making.
pub(super) struct Sheet<'a> {
    pub(super) fonts: &'a Fonts,
    /// From one line of a paragraph to the next.
    pub(super) leading: f32,
    boxes: Vec<(Rectangle, Colour)>,
    lines: Vec<Line>,
    parts: Vec<Part>,
    secret: bool,
}

struct Line {
    style: Style,
    size: f32,
    colour: Colour,
    at: (f32, f32),
    text: Zeroizing<String>,
    /// Its place in `Sheet::parts`.
    part: usize,
    secret: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(fonts: &'a Fonts, leading: f32) -> Self {
        let (boxes, lines, parts) = (Vec::new(), Vec::new(), Vec::new());
        Self { fonts, leading, boxes, lines, parts, secret: false }
    }

    /// Begins a part; the lines that follow belong to it.
    pub(super) fn part(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// What `set` puts on the page is drawn after all that is not secret.
    pub(super) fn secret(&mut self, set: impl FnOnce(&mut Self)) {
        self.secret = true;
        set(self);
        self.secret = false;
    }

    pub(super) fn fill(&mut self, rectangle: Rectangle, colour: Colour) {
        self.boxes.push((rectangle, colour));
    }

    /// One line, with its baseline at `at`.
    pub(super) fn line(
        &mut self,
        style: Style,
        size: f32,
        colour: Colour,
        at: (f32, f32),
        text: &str,
    ) {
        let (text, part) = (Zeroizing::new(text.to_owned()), self.parts.len().saturating_sub(1));
        self.lines.push(Line { style, size, colour, at, text, part, secret: self.secret });
    }

    /// Lines of at most `width` points; gives the baseline that follows the last.
    pub(super) fn paragraph(
        &mut self,
        style: Style,
        size: f32,
        colour: Colour,
        at: (f32, f32),
        width: f32,
        text: &str,
    ) -> f32 {
        let (x, mut y) = at;
        for text in self.fonts.lines(style, size, text, width) {
            self.line(style, size, colour, (x, y), &text);
            y += self.leading;
        }
        y
    }

    /// The page as PDF 2.0.
    pub(super) fn write(
        &self,
        (width, height): (f32, f32),
        envelope: &Envelope<'_>,
        texts: &Texts,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let configuration = ConfigurationBuilder::new()
            .with_version(PdfVersion::Pdf20)
            .finish()
            .map_err(|_| SealError::Writing { step: "version" })?;
        let size =
            PageSettings::from_wh(width, height).ok_or(SealError::Writing { step: "page size" })?;
        let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
        let mut document = Document::new_with(settings);
        document.set_metadata(metadata(envelope, texts));
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        self.draw_boxes(&mut surface);
        let drawn = self.draw_lines(&mut surface);
        surface.finish();
        page.finish();
        document.set_tag_tree(self.structure(drawn, texts));
        // The error's own text may quote the page, so it goes no further.
        document.finish().map(Zeroizing::new).map_err(|_| SealError::Writing { step: "document" })
    }

    fn draw_boxes(&self, surface: &mut Surface<'_>) {
        let decoration = Artifact::with_kind(ArtifactType::Layout);
        for (Rectangle { x, y, width, height }, colour) in &self.boxes {
            let mut path = PathBuilder::new();
            if let Some(rectangle) = Rect::from_xywh(*x, *y, *width, *height) {
                path.push_rect(rectangle);
            }
            if let Some(path) = path.finish() {
                surface.start_tagged(ContentTag::Artifact(decoration));
                surface.set_fill(Some(filled(*colour)));
                surface.draw_path(&path);
                surface.end_tagged();
            }
        }
    }

    /// Draws what is not secret, then what is; gives each line's identifier by its index.
    fn draw_lines(&self, surface: &mut Surface<'_>) -> Vec<(usize, Identifier)> {
        let indexed = || self.lines.iter().enumerate();
        let ordered = indexed()
            .filter(|(_, line)| !line.secret)
            .chain(indexed().filter(|(_, line)| line.secret));
        let mut drawn: Vec<(usize, Identifier)> = ordered
            .map(|(index, line)| {
                let identifier = surface.start_tagged(ContentTag::Span(SpanTag::empty()));
                surface.set_fill(Some(filled(line.colour)));
                surface.draw_text(
                    Point::from_xy(line.at.0, line.at.1),
                    self.fonts.font(line.style),
                    line.size,
                    &line.text,
                    false,
                    TextDirection::Auto,
                );
                surface.end_tagged();
                (index, identifier)
            })
            .collect();
        drawn.sort_by_key(|(index, _)| *index);
        drawn
    }

    /// The structure tree: the parts in their order, each with its lines.
    fn structure(&self, drawn: Vec<(usize, Identifier)>, texts: &Texts) -> TagTree {
        let mut groups: Vec<TagGroup> = self.parts.iter().map(|part| part.group()).collect();
        for (index, identifier) in drawn {
            groups[self.lines[index].part].push(identifier);
        }
        let mut tree = TagTree::new().with_lang(Some(texts.tag.to_owned()));
        for group in groups {
            tree.push(group);
        }
        tree
    }
}

impl Part {
    fn group(self) -> TagGroup {
        match self {
            Self::Title => TagGroup::new(Tag::Hn(NonZeroU16::MIN, None)),
            Self::Heading => TagGroup::new(Tag::Hn(NonZeroU16::MIN.saturating_add(1), None)),
            Self::Paragraph => TagGroup::new(Tag::P),
        }
    }
}

/// What a reader shows about the document. All of it is encrypted; and still no code and no name
/// is part of it, for readers copy a title into window titles and lists of recent files.
fn metadata(envelope: &Envelope<'_>, texts: &Texts) -> Metadata {
    let at = envelope.issued_at;
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    let created = DateTime::new(u16::try_from(at.year()).unwrap_or_default())
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Metadata::new()
        .title(texts.title.to_owned())
        .language(texts.tag.to_owned())
        .creation_date(created)
}

fn filled(colour: Colour) -> Fill {
    let paint = match colour {
        Colour::Ink => rgb::Color::new(0x1a, 0x1a, 0x1a),
        Colour::Quiet => rgb::Color::new(0x4a, 0x4a, 0x4a),
        Colour::Accent => rgb::Color::new(0x12, 0x3f, 0x6d),
        Colour::Tint => rgb::Color::new(0xee, 0xf3, 0xf8),
        Colour::Rule => rgb::Color::new(0xb9, 0xc8, 0xd8),
    };
    Fill { paint: paint.into(), ..Fill::default() }
}
