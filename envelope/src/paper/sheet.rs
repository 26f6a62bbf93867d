//! Puts lines and boxes on pages, and writes the pages as a tagged PDF.
//!
//! The structure tree is in the order of reading, so that a screen reader speaks a page as it
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
use super::{PAGE, Unwritten};

/// What a reader shows about a document besides its pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) title: &'a str,
    /// The document's language (RFC 5646).
    pub(crate) tag: &'a str,
    pub(crate) made_at: chrono::DateTime<chrono::Utc>,
}

/// What a part of the page is to a screen reader.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Title,
    Heading,
    Paragraph,
}

/// What is printed in which ink; all texts keep their contrast on a black and white printer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Colour {
    Ink,
    Quiet,
    Accent,
    Tint,
    Rule,
}

/// A filled box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rectangle {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

/// A page in the making.
pub(crate) struct Sheet<'a> {
    pub(crate) fonts: &'a Fonts,
    /// From one line of a paragraph to the next.
    pub(crate) leading: f32,
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
    /// Its place in `Sheet::parts`; none for what every page repeats, which is not read aloud.
    part: Option<usize>,
    secret: bool,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(fonts: &'a Fonts, leading: f32) -> Self {
        let (boxes, lines, parts) = (Vec::new(), Vec::new(), Vec::new());
        Self { fonts, leading, boxes, lines, parts, secret: false }
    }

    /// Begins a part; the lines that follow belong to it.
    pub(crate) fn part(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// What `set` puts on the page is drawn after all that is not secret.
    pub(crate) fn secret(&mut self, set: impl FnOnce(&mut Self)) {
        self.secret = true;
        set(self);
        self.secret = false;
    }

    pub(crate) fn fill(&mut self, rectangle: Rectangle, colour: Colour) {
        self.boxes.push((rectangle, colour));
    }

    /// One line, with its baseline at `at`.
    pub(crate) fn line(
        &mut self,
        style: Style,
        size: f32,
        colour: Colour,
        at: (f32, f32),
        text: &str,
    ) {
        let (text, part) = (Zeroizing::new(text.to_owned()), self.parts.len().checked_sub(1));
        self.lines.push(Line { style, size, colour, at, text, part, secret: self.secret });
    }

    /// Lines of at most `width` points; gives the baseline that follows the last.
    pub(crate) fn paragraph(
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

    /// A line that every page repeats: a screen reader passes it over.
    pub(crate) fn repeated(&mut self, size: f32, at: (f32, f32), text: &str) {
        let (style, colour) = (Style::Text, Colour::Quiet);
        let text = Zeroizing::new(text.to_owned());
        self.lines.push(Line { style, size, colour, at, text, part: None, secret: false });
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
                let tag = match line.part {
                    Some(_) => ContentTag::Span(SpanTag::empty()),
                    None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)),
                };
                let identifier = surface.start_tagged(tag);
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

    /// The parts in their order, each with its lines.
    fn groups(&self, drawn: Vec<(usize, Identifier)>) -> Vec<TagGroup> {
        let mut groups: Vec<TagGroup> = self.parts.iter().map(|part| part.group()).collect();
        for (index, identifier) in drawn {
            if let Some(part) = self.lines[index].part {
                groups[part].push(identifier);
            }
        }
        groups
    }
}

/// The pages as PDF 2.0.
pub(crate) fn write(
    sheets: &[Sheet<'_>],
    about: &About<'_>,
) -> Result<Zeroizing<Vec<u8>>, Unwritten> {
    let configuration = ConfigurationBuilder::new()
        .with_version(PdfVersion::Pdf20)
        .finish()
        .map_err(|_| Unwritten { step: "version" })?;
    let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    document.set_metadata(metadata(about));
    let mut tree = TagTree::new().with_lang(Some(about.tag.to_owned()));
    for sheet in sheets {
        let size = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or(Unwritten { step: "page size" })?;
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        sheet.draw_boxes(&mut surface);
        let drawn = sheet.draw_lines(&mut surface);
        surface.finish();
        page.finish();
        for group in sheet.groups(drawn) {
            tree.push(group);
        }
    }
    document.set_tag_tree(tree);
    // The error's own text may quote the page, so it goes no further.
    document.finish().map(Zeroizing::new).map_err(|_| Unwritten { step: "document" })
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

/// What a reader shows about the document. No code and no name is part of it, in an encrypted one
/// neither, for readers copy a title into window titles and lists of recent files.
fn metadata(about: &About<'_>) -> Metadata {
    let at = about.made_at;
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
        .title(about.title.to_owned())
        .language(about.tag.to_owned())
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
