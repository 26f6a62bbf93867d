//! The envelope as its reader has it: a PDF that `qpdf` and `pdftotext` open with the passphrase.

use super::program::{Finished, Program};
use super::service::temporary;
use openssl::x509::X509;

/// The codes of an envelope, as they stand on the page.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    /// For an activation; an envelope of a renewal has none.
    pub(crate) pin: Option<String>,
    pub(crate) puk: String,
    pub(crate) emergency_code: String,
    pub(crate) number: String,
    /// The whole page.
    pub(crate) text: String,
}

impl Sheet {
    /// Opens it with the passphrase, after a look at what is to be seen without.
    #[track_caller]
    pub(crate) fn open(pdf: &[u8], passphrase: &str) -> Self {
        let directory = temporary();
        std::fs::write(directory.path().join("envelope.pdf"), pdf).unwrap();
        let run = |name: &str, arguments: &[&str]| {
            Program::new(name, arguments).directory(directory.path()).run()
        };
        let with = format!("--password={passphrase}");
        let checked = run("qpdf", &["--check", &with, "envelope.pdf"]).ok();
        assert!(checked.out.contains("R = 6") && checked.out.contains("AESv3"), "{checked:?}");
        closed(&run("qpdf", &["--check", "envelope.pdf"]));
        closed(&run("qpdf", &["--check", &format!("{with}x"), "envelope.pdf"]));
        closed(&run("pdftotext", &["envelope.pdf", "-"]));
        run("qpdf", &["--decrypt", &with, "envelope.pdf", "open.pdf"]).ok();
        let text = run("pdftotext", &["-layout", "open.pdf", "-"]).ok().out;
        let sheet = Self::read(text);
        sheet.is_not_in(pdf);
        sheet
    }

    fn read(text: String) -> Self {
        let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let words: Vec<&str> = text.split_whitespace().collect();
        let pair = |from: usize, length: usize, numeric: bool| {
            let code = |word: &str| {
                word.len() == length
                    && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                    && (!numeric || digits(word))
            };
            let at = (from..words.len() - 1).find(|&at| code(words[at]) && code(words[at + 1]))?;
            Some((at, format!("{}{}", words[at], words[at + 1])))
        };
        let (at, puk) = pair(0, 5, true).unwrap_or_else(|| panic!("no PUK in:\n{text}"));
        let pin = pair(0, 4, true).filter(|found| found.0 < at).map(|found| found.1);
        let (at, emergency_code) =
            pair(at + 2, 5, false).unwrap_or_else(|| panic!("no emergency code in:\n{text}"));
        let number: String = words[at + 2..].iter().copied().filter(|word| digits(word)).collect();
        assert_eq!(number.len(), 13, "no envelope number in:\n{text}");
        Self { pin, puk, emergency_code, number, text }
    }

    /// Nothing of the page stands readable in the file.
    #[track_caller]
    fn is_not_in(&self, pdf: &[u8]) {
        let raw = String::from_utf8_lossy(pdf);
        let codes = [&self.puk, &self.emergency_code, &self.number];
        for code in codes.into_iter().chain(&self.pin) {
            let (first, second) = code.split_at(code.len() / 2);
            let spaced = format!("{first} {second}");
            assert!(!raw.contains(code.as_str()) && !raw.contains(&spaced), "a code in the clear");
        }
    }
}

#[track_caller]
fn closed(attempt: &Finished) {
    assert!(!attempt.status.success(), "it opens without the passphrase: {attempt:?}");
    assert!(attempt.out.trim().is_empty(), "{attempt:?}");
}

/// Days for which a certificate is valid.
pub(crate) fn days(certificate: &X509) -> i32 {
    certificate.not_before().diff(certificate.not_after()).unwrap().days
}
