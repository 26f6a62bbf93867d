//! A QR code (ISO/IEC 18004) as an SVG image: what a telephone's camera reads.
//!
//! The image is one path of rectangles, black on white with the quiet zone that the standard asks
//! for; it holds no text and nothing that a browser would run.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write;

/// ISO/IEC 18004 §9.1: four modules of white on each side.
const QUIET: i32 = 4;

/// The image of a text; `None` for one that is longer than a QR code holds (some 2300 bytes).
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
            // A row has fewer than 200 modules.
            let run = i32::try_from(run).ok()?;
            if run > 0 {
                write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET).ok()?;
            }
            x += run + 1;
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
         <path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::svg;
    use qrcodegen::{QrCode, QrCodeEcc};

    /// Every dark module is in one rectangle, and no light one is.
    #[test]
    fn the_image_has_the_modules_of_the_code() {
        let text = "otpauth://totp/Marca:ada%40example.org?secret=GEZDGNBVGY3TQOJQ";
        let (code, image) = (QrCode::encode_text(text, QrCodeEcc::Medium).unwrap(), svg(text));
        let image = image.unwrap();
        let path = image.split("<path d=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut dark = std::collections::BTreeSet::new();
        for rectangle in path.split_terminator('z') {
            let (place, run) = rectangle[1..].split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            let run: i32 = run.split('v').next().unwrap().parse().unwrap();
            for x in x..x + run {
                assert!(dark.insert((x - 4, y - 4)), "twice");
            }
        }
        for y in 0..code.size() {
            for x in 0..code.size() {
                assert_eq!(dark.contains(&(x, y)), code.get_module(x, y), "{x}, {y}");
            }
        }
        assert!(image.contains(&format!("viewBox=\"0 0 {0} {0}\"", code.size() + 8)));
    }

    #[test]
    fn what_is_too_long_has_no_image() {
        assert!(svg(&"a".repeat(2_400)).is_none());
    }
}
