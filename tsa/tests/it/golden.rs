//! Every rejection a client can receive, octet for octet: `golden/LABEL.hex`.
//!
//! A change here changes what clients see. To write the files anew: `cargo test -p marca-tsa --
//! --ignored write_the_golden_files`.

use marca_tsa::{RejectReason, Rejection, response};
use std::path::PathBuf;

const ALL: [RejectReason; 21] = [
    RejectReason::TooLarge,
    RejectReason::NotDer,
    RejectReason::NotTimeStampReq,
    RejectReason::Version,
    RejectReason::NonceTooLong,
    RejectReason::DigestLength,
    RejectReason::Policy,
    RejectReason::HashAlgorithm,
    RejectReason::HashParameters,
    RejectReason::Extensions,
    RejectReason::Clock,
    RejectReason::UnitNotUsable,
    RejectReason::NoStamps,
    RejectReason::AccountNotActive,
    RejectReason::Busy,
    RejectReason::UnknownUnit,
    RejectReason::Ledger,
    RejectReason::Randomness,
    RejectReason::Signing,
    RejectReason::SignatureCheck,
    RejectReason::StoredToken,
];

fn file(reason: RejectReason) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    directory.join(format!("{}.hex", reason.label()))
}

fn actual(reason: RejectReason) -> String {
    format!("{}\n", hex::encode(response::rejected(&Rejection::from(reason))))
}

#[test]
fn every_rejection_is_what_it_was() {
    for reason in ALL {
        let expected = std::fs::read_to_string(file(reason)).unwrap();
        assert_eq!(actual(reason), expected, "{}", reason.label());
    }
}

#[test]
#[ignore = "writes files"]
fn write_the_golden_files() {
    for reason in ALL {
        std::fs::write(file(reason), actual(reason)).unwrap();
    }
}

/// No reason is missing above: they are declared in this order, without a gap.
#[test]
fn every_reason_has_a_golden_file_and_a_label_of_its_own() {
    assert!(ALL.is_sorted());
    let labels: std::collections::HashSet<_> = ALL.iter().map(|reason| reason.label()).collect();
    assert_eq!(labels.len(), ALL.len());
    let files = file(RejectReason::Policy).parent().unwrap().read_dir().unwrap().count();
    assert_eq!(files, ALL.len());
}

/// Plain words: whole sentences that fit a line of a terminal or two, and no inside of ours.
#[test]
fn the_texts_are_for_people() {
    for reason in ALL {
        let text = reason.text();
        assert!(text.ends_with('.') && text.len() < 180, "{text}");
        assert!(text.chars().next().unwrap().is_uppercase(), "{text}");
    }
}
