//! The faces of the papers: their shapes for the PDF, and how wide a text comes out.
//!
//! DejaVu: it has every Latin, Greek, Cyrillic, Armenian and Georgian letter, wide open shapes for
//! weak eyes, and a monospaced face in which no two characters of a code look alike.

use krilla::text::Font;
use rustybuzz::{Face, UnicodeBuffer};

use super::Unwritten;

/// Which face a text is set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Text,
    Bold,
    /// What is typed from the paper.
    Code,
    /// What is compared with the paper, character by character.
    Digits,
}

/// One face, ready to measure and to draw.
struct Loaded {
    font: Font,
    face: Face<'static>,
}

/// All faces.
pub(crate) struct Fonts {
    text: Loaded,
    bold: Loaded,
    code: Loaded,
    digits: Loaded,
}

impl Fonts {
    pub(crate) fn load() -> Result<Self, Unwritten> {
        Ok(Self {
            text: Loaded::new(dejavu::sans_condensed::regular())?,
            bold: Loaded::new(dejavu::sans_condensed::bold())?,
            code: Loaded::new(dejavu::sans_mono::bold())?,
            digits: Loaded::new(dejavu::sans_mono::regular())?,
        })
    }

    pub(crate) fn font(&self, style: Style) -> Font {
        self.loaded(style).font.clone()
    }

    /// The width of `text` on one line, in points.
    pub(crate) fn width(&self, style: Style, size: f32, text: &str) -> f32 {
        let face = &self.loaded(style).face;
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        let shaped = rustybuzz::shape(face, &[], buffer);
        let units: i32 = shaped.glyph_positions().iter().map(|glyph| glyph.x_advance).sum();
        units as f32 / face.units_per_em() as f32 * size
    }

    /// The first character of `text` for which the face has no shape.
    pub(crate) fn missing(&self, style: Style, text: &str) -> Option<char> {
        let face = &self.loaded(style).face;
        text.chars().find(|c| c.is_control() || face.glyph_index(*c).is_none())
    }

    /// `text` in lines of at most `width` points, broken at spaces; a word that is longer than a
    /// line (an address, say) is broken where the line ends.
    pub(crate) fn lines(&self, style: Style, size: f32, text: &str, width: f32) -> Vec<String> {
        let fits = |line: &str| self.width(style, size, line) <= width;
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if fits(&longer) {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                // The space stays, so that a screen reader does not join the words.
                lines.push(std::mem::take(&mut line) + " ");
            }
            for character in word.chars() {
                line.push(character);
                if !fits(&line) && line.chars().count() > 1 {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, character.to_string()));
                }
            }
        }
        lines.push(line);
        lines
    }

    fn loaded(&self, style: Style) -> &Loaded {
        match style {
            Style::Text => &self.text,
            Style::Bold => &self.bold,
            Style::Code => &self.code,
            Style::Digits => &self.digits,
        }
    }
}

impl Loaded {
    fn new(data: &'static [u8]) -> Result<Self, Unwritten> {
        let broken = || Unwritten { step: "font" };
        Ok(Self {
            font: Font::new(data.into(), 0).ok_or_else(broken)?,
            face: Face::from_slice(data, 0).ok_or_else(broken)?,
        })
    }
}
