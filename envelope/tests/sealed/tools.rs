//! The programs that read an envelope, and a plain way to look at a drawn page.

use std::io::{ErrorKind, Write};
use std::process::{Command, Output};

use tempfile::NamedTempFile;

pub(crate) const PASSPHRASE: &str = "correct horse";

/// What qpdf says with `action`, or what it complains of.
pub(crate) fn opened(pdf: &[u8], action: &str, passphrase: &str) -> Result<String, String> {
    let file = saved(pdf);
    let output = run(
        Command::new("qpdf").arg(action).arg(format!("--password={passphrase}")).arg(file.path()),
        "qpdf",
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// The file without its encryption, objects and streams as they were.
pub(crate) fn decrypted(pdf: &[u8]) -> Vec<u8> {
    let (file, out) = (saved(pdf), NamedTempFile::new().unwrap());
    let output = run(
        Command::new("qpdf")
            .args(["--decrypt", "--stream-data=uncompress"])
            .arg(format!("--password={PASSPHRASE}"))
            .args([file.path(), out.path()]),
        "qpdf",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(out.path()).unwrap()
}

/// The text of all pages; a form feed ends each.
pub(crate) fn text_of(pdf: &[u8]) -> String {
    let file = saved(pdf);
    let output = run(
        Command::new("pdftotext").args(["-upw", PASSPHRASE, "-layout"]).arg(file.path()).arg("-"),
        "poppler-utils",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A drawn page in shades of grey.
pub(crate) struct Drawn {
    pub(crate) width: usize,
    pub(crate) height: usize,
    grey: Vec<u8>,
}

impl Drawn {
    /// How many points of this part are darker than the tint of the boxes.
    pub(crate) fn dark(&self, x: std::ops::Range<usize>, y: std::ops::Range<usize>) -> usize {
        y.map(|y| {
            let row = &self.grey[y * self.width..][x.clone()];
            row.iter().filter(|grey| **grey < 128).count()
        })
        .sum()
    }
}

/// The one page at 100 dots per inch.
pub(crate) fn drawn(pdf: &[u8]) -> Drawn {
    let mut pages = drawn_pages(pdf);
    assert_eq!(pages.len(), 1, "one page");
    pages.remove(0)
}

/// All pages at 100 dots per inch.
pub(crate) fn drawn_pages(pdf: &[u8]) -> Vec<Drawn> {
    let file = saved(pdf);
    let output = run(
        Command::new("pdftoppm").args(["-upw", PASSPHRASE, "-r", "100", "-gray"]).arg(file.path()),
        "poppler-utils",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut pages, mut rest) = (Vec::new(), output.stdout.as_slice());
    while !rest.is_empty() {
        // A portable grey map: "P5", width, height and the value of white, then one byte per point.
        let mut fields = rest.splitn(4, u8::is_ascii_whitespace);
        assert_eq!(fields.next(), Some(b"P5".as_slice()));
        let mut number =
            || -> usize { String::from_utf8_lossy(fields.next().unwrap()).parse().unwrap() };
        let (width, height) = (number(), number());
        let points = fields.next().unwrap().strip_prefix(b"255\n").unwrap();
        let (grey, next) = points.split_at(width * height);
        pages.push(Drawn { width, height, grey: grey.to_vec() });
        rest = next;
    }
    pages
}

pub(crate) fn saved(pdf: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(pdf).unwrap();
    file
}

pub(crate) fn run(command: &mut Command, package: &str) -> Output {
    command.output().unwrap_or_else(|error| match error.kind() {
        ErrorKind::NotFound => panic!(
            "this test needs {:?}: install the package {package}, or start ./test, which does",
            command.get_program()
        ),
        _ => panic!("cannot start {:?}: {error}", command.get_program()),
    })
}
