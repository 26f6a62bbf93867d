//! Takes out of a font's description what tells which characters are on the page.
//!
//! A PDF has only those glyphs of a font that it uses, and describes the rest in names and numbers,
//! which no encryption covers. From three of them a guess at the codes could be checked without
//! the passphrase: the tag of the subset, the box around its glyphs, and the list of widths.

use lopdf::{Dictionary, Document, Object};

/// A box that every glyph of the three faces fits in, in thousandths of the size. ISO 32000-2,
/// table 120 asks for one around all glyphs and leaves room: readers scale and cache with it.
const FONT_BOX: [i64; 4] = [-1100, -500, 1800, 1300];

/// Replaces tags, boxes and needless widths by values that are the same in every envelope.
pub(crate) fn conceal(document: &mut Document) {
    for object in document.objects.values_mut() {
        if let Object::Dictionary(dictionary) = object {
            hide_tag(dictionary, b"BaseFont");
            hide_tag(dictionary, b"FontName");
            if dictionary.has(b"FontBBox") {
                let sides = FONT_BOX.iter().map(|side| Object::Integer(*side)).collect();
                dictionary.set("FontBBox", Object::Array(sides));
            }
            shorten_widths(dictionary);
        }
    }
}

/// ISO 32000-2, 9.9.2: the name of a subset begins with six capital letters, and the standard
/// leaves open which. The library makes them from the set of characters. One tag is enough for
/// all of our fonts, for they differ in the rest of the name.
fn hide_tag(dictionary: &mut Dictionary, key: &[u8]) {
    if let Ok(Object::Name(name)) = dictionary.get_mut(key)
        && name.get(6) == Some(&b'+')
    {
        name[..6].copy_from_slice(b"SHEETA");
    }
}

/// ISO 32000-2, 9.7.4.3: a list of widths is triples of first glyph, last glyph and width here,
/// and its end tells how many glyphs there are. Glyphs that are all equally wide (the codes' face)
/// need no list: `DW` says how wide each is. It is rounded to a thousandth of the size, because
/// readers are known that take no other than a whole number there.
fn shorten_widths(dictionary: &mut Dictionary) {
    let Ok(widths) = dictionary.get(b"W").and_then(Object::as_array) else { return };
    let [Object::Integer(0), Object::Integer(_), width] = widths.as_slice() else { return };
    let Ok(width) = width.as_float() else { return };
    dictionary.remove(b"W");
    dictionary.set("DW", Object::Integer(width.round() as i64));
}
