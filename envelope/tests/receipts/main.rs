//! Receipts, read by programs that are not ours: qpdf and the tools of poppler.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

#[path = "../sealed/tools.rs"]
#[expect(dead_code, reason = "some of them are for what is closed with a passphrase")]
mod tools;

use chrono::{DateTime, FixedOffset, TimeDelta, TimeZone};
use marca_envelope::Language;
use marca_envelope::receipt::{Part, Receipt, ReceiptError, Signature, Text};
use std::process::Command;
use tools::{opened, text_of};

fn at(second: i64) -> DateTime<FixedOffset> {
    let rome = FixedOffset::east_opt(3_600).unwrap();
    rome.with_ymd_and_hms(2026, 11, 2, 9, 30, 0).unwrap() + TimeDelta::seconds(second)
}

/// As many as asked for; each is another one in every fact.
fn signatures(count: u64) -> Vec<Signature> {
    let one = |number: u64| Signature {
        entry: 1_000 + number,
        at: at(number as i64 * 61) + TimeDelta::milliseconds(number as i64),
        credential: format!("{:032x}", 0xc0ffee00 + number),
        certificate: (number % 7 != 6).then(|| format!("{:040x}", 0xce000000 + number)),
        algorithm: if number.is_multiple_of(3) { "RSA-PSS, SHA-512" } else { "ECDSA, SHA-256" }
            .to_owned(),
        hash: if number.is_multiple_of(3) {
            format!("{number:0128x}")
        } else {
            format!("{number:064x}")
        },
        timestamp: (number.is_multiple_of(2)).then(|| format!("{:032x}", 0x57a30000 + number)),
        made: number % 5 != 4,
    };
    (0..count).map(one).collect()
}

fn receipt(signatures: &[Signature], language: Language) -> Receipt<'_> {
    Receipt {
        service_name: "Example Remote Signature",
        holder_name: "Nicolò D’Ambrosio Șerbănescu-Παπαδόπουλος",
        user_id: "nicolo@example.org",
        language,
        made_at: at(86_400),
        zone: "Europe/Rome",
        part: Part::Frame { from: Some(at(-60)), to: None },
        signatures,
    }
}

/// The words of each page, in one line.
fn pages(pdf: &[u8]) -> Vec<String> {
    let text = text_of(pdf);
    let pages = text.split('\u{c}').map(|page| page.split_whitespace().collect::<Vec<_>>());
    let mut pages: Vec<String> = pages.map(|words| words.join(" ")).collect();
    assert_eq!(pages.pop().as_deref(), Some(""), "a form feed ends each page");
    pages
}

/// What `pdfinfo` says, of the document and of its metadata.
fn information(pdf: &[u8]) -> String {
    let file = tools::saved(pdf);
    let ask = |more: &[&str]| {
        let output = tools::run(Command::new("pdfinfo").args(more).arg(file.path()), "poppler");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    ask(&[]) + &ask(&["-meta"])
}

fn grouped(hash: &str) -> String {
    let digits: Vec<&str> =
        hash.as_bytes().chunks(8).map(|group| std::str::from_utf8(group).unwrap()).collect();
    digits.join(" ")
}

/// All that stands in a row.
fn facts(number: usize, signature: &Signature) -> Vec<String> {
    let utc = signature.at.to_utc().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let local = signature.at.format("%H:%M:%S%.f (Europe/Rome, UTC+01:00)");
    let mut facts = vec![
        format!("{number} {} November 2026 at {local}", signature.at.format("%-d")),
        format!("UTC {utc} · history entry {}", signature.entry),
        format!("Algorithm {}", signature.algorithm),
        format!("Credential {}", signature.credential),
    ];
    facts.extend(grouped(&signature.hash).split(' ').map(str::to_owned));
    let or = |serial: &Option<String>, none: &str| serial.clone().unwrap_or(none.to_owned());
    facts.push(format!("Certificate {}", or(&signature.certificate, "not recorded")));
    facts.push(format!("Timestamp {}", or(&signature.timestamp, "none")));
    facts
}

/// One, thirty and five hundred: every fact is read back, each row whole on one page.
#[test]
fn every_fact_is_read_back_and_no_row_is_cut() {
    for count in [1, 30, 500] {
        let all = signatures(count);
        let pdf = receipt(&all, Language::En).set().unwrap();
        let said = opened(&pdf, "--check", "").unwrap();
        assert!(said.contains("File is not encrypted"), "{said}");
        assert!(said.contains("No syntax or stream encoding errors found"), "{said}");
        let pages = pages(&pdf);
        for (index, page) in pages.iter().enumerate() {
            let number = format!("Page {} of {}", index + 1, pages.len());
            assert!(page.ends_with(&number), "{number}: {page}");
            assert!(page.contains("Receipt of signatures · nicolo@example.org · 2026-11-03T"));
        }
        let mut page = 0;
        for (index, signature) in all.iter().enumerate() {
            let facts = facts(index + 1, signature);
            page += usize::from(!pages[page].contains(&facts[0]));
            for fact in &facts {
                assert!(pages[page].contains(fact), "{fact} of {}: {}", index + 1, pages[page]);
            }
            let end = if signature.made { " signed " } else { " not signed " };
            assert!(pages[page].contains(&format!("{}{end}UTC", facts[0])), "{}", pages[page]);
        }
        assert_eq!(page + 1, pages.len(), "{count} signatures");
    }
}

#[test]
fn it_says_whose_and_of_what_time_it_is_and_what_it_is_not() {
    let all = signatures(5);
    for (language, expected) in [
        (
            Language::En,
            [
                "Holder Nicolò D’Ambrosio Șerbănescu-Παπαδόπουλος",
                "User ID nicolo@example.org",
                "From 2 November 2026 at 09:29:00 (Europe/Rome, UTC+01:00), included, to",
                "the making of this receipt, excluded",
                "Made 3 November 2026 at 09:30:00 (Europe/Rome, UTC+01:00)",
                "Signatures listed 4 (1 not signed)",
                "It is no signature and proves no document by itself.",
                "none left the service",
            ],
        ),
        (
            Language::It,
            [
                "Titolare Nicolò D’Ambrosio Șerbănescu-Παπαδόπουλος",
                "ID utente nicolo@example.org",
                "Dal 2 novembre 2026 alle 09:29:00 (Europe/Rome, UTC+01:00), compreso, fino al",
                "momento dell’emissione, escluso",
                "Emessa 3 novembre 2026 alle 09:30:00 (Europe/Rome, UTC+01:00)",
                "Firme elencate 4 (1 non firmata)",
                "Non è una firma e da sola non prova alcun documento.",
                "il servizio non ne ha consegnata alcuna",
            ],
        ),
    ] {
        let text = pages(&receipt(&all, language).set().unwrap()).join(" ");
        for expected in expected {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}

#[test]
fn one_signature_and_none_have_their_words() {
    let one = signatures(1);
    let pdf = Receipt { part: Part::One, ..receipt(&one, Language::En) }.set().unwrap();
    let text = pages(&pdf).join(" ");
    assert!(text.contains("Time asked for This one signature"), "{text}");
    assert!(!text.contains("not signed"), "{text}");
    let part = Part::Frame { from: None, to: Some(at(0)) };
    let pdf = Receipt { part, ..receipt(&[], Language::It) }.set().unwrap();
    let pages = pages(&pdf);
    assert_eq!(pages.len(), 1);
    let text = &pages[0];
    assert!(text.contains("La cronologia non contiene firme in questo periodo."), "{text}");
    assert!(text.contains("Dal primo giorno, compreso, fino al 2 novembre 2026"), "{text}");
    assert!(text.contains("Firme elencate 0"), "{text}");
}

/// ISO 32000-2, 14.3 and 14.9.2: the title is in the metadata stream, the language in the catalog;
/// the holder is in neither.
#[test]
fn title_and_language_are_set() {
    let all = signatures(1);
    for (language, title, tag) in
        [(Language::En, "Receipt of signatures", "en"), (Language::It, "Ricevuta di firme", "it")]
    {
        let pdf = receipt(&all, language).set().unwrap();
        let document = lopdf::Document::load_mem(&pdf).unwrap();
        let lang = document.catalog().unwrap().get(b"Lang").unwrap();
        assert_eq!(lang.as_str().unwrap(), tag.as_bytes());
        let told = information(&pdf);
        let title = format!("<rdf:li xml:lang=\"x-default\">{title}</rdf:li>");
        assert!(told.contains(&title), "{told}");
        assert!(told.contains("Tagged:          yes"), "{told}");
        assert!(told.contains("Page size:       595.276 x 841.89 pts (A4)"), "{told}");
        assert!(!told.contains("Nicol"), "{told}");
    }
}

/// A row ends above the foot: below the last rule there is nothing but the foot.
#[test]
fn the_rows_leave_room_for_the_foot() {
    let all = signatures(30);
    let pages = tools::drawn_pages(&receipt(&all, Language::En).set().unwrap());
    assert!(pages.len() > 3);
    for page in pages {
        // The foot's baseline is 46 points above the edge: 63 points of this drawing.
        assert_eq!(page.dark(0..827, 1120..1170), 0, "ink below the foot");
        assert!(page.dark(75..757, 1090..1116) > 50, "no foot");
        assert_eq!(page.dark(0..827, 1082..1090), 0, "ink above the foot");
        assert_eq!(page.dark(0..72, 0..1170) + page.dark(757..827, 0..1170), 0, "a margin");
    }
}

#[test]
fn what_cannot_be_printed_is_refused_by_name() {
    let all = signatures(1);
    let refused = Receipt { holder_name: "山田太郎", ..receipt(&all, Language::En) }.set();
    let refused = refused.unwrap_err();
    assert_eq!(refused, ReceiptError::Unprintable { text: Text::HolderName, character: '山' });
    assert_eq!(
        refused.to_string(),
        "the holder's name has the character U+5C71, which the fonts of the receipt cannot print: \
         take the history as CSV"
    );
}
