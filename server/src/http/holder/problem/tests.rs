//! The table of problems is whole, and the documentation has it.

use super::{INSIDE, TABLE, holder, refused};
use crate::http::problem::Problem;
use accounts::holders::HolderError;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use std::collections::BTreeSet;
use std::time::Duration;

/// The golden files of the crates below: each line begins with the name of a refusal.
const GOLDENS: [&str; 3] = [
    include_str!("../../../../../accounts/src/holders/tests/errors.txt"),
    include_str!("../../../../../accounts/src/holders/credential/tests/golden/errors.txt"),
    include_str!("../../../../../signing/tests/golden/errors.txt"),
];

/// Names that this room gives itself.
const OWN: [&str; 8] = [
    "session-needed",
    "device-needed",
    "step-up-needed",
    "no-channel",
    "receipt-too-long",
    "receipt-unprintable",
    "no-stamp-account",
    "wrong-stamp-login",
];

fn names_below() -> BTreeSet<&'static str> {
    let lines = GOLDENS.iter().flat_map(|golden| golden.lines());
    lines.filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_refusal_has_a_row_and_every_row_a_refusal() {
    let rows: BTreeSet<_> = TABLE.iter().map(|(slug, _, _)| *slug).collect();
    assert_eq!(rows.len(), TABLE.len(), "a name has one row");
    let mut expected = names_below();
    expected.retain(|name| !INSIDE.contains(name));
    expected.extend(OWN);
    let missing: Vec<_> = expected.difference(&rows).collect();
    let unknown: Vec<_> = rows.difference(&expected).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn every_status_is_one_of_those_that_clients_know() {
    for (slug, status, title) in TABLE {
        assert!([401, 403, 404, 409, 410, 422, 429, 503].contains(status), "{slug}: {status}");
        assert!(title.len() <= 60 && title.starts_with(char::is_uppercase), "{slug}: {title}");
    }
}

#[test]
fn who_has_to_wait_is_told_how_long() {
    let slowed = HolderError::Slowed { retry_after: Duration::from_millis(1_200) };
    let answer = holder(slowed).error_response();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers().get(RETRY_AFTER).unwrap(), "2");
    for busy in [holder(HolderError::Busy), refused("signing-busy", String::new(), None, None)] {
        let answer = busy.error_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(RETRY_AFTER));
    }
}

#[test]
fn a_refused_login_says_how_to_log_in() {
    let answer = holder(HolderError::WrongLogin).error_response();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().contains_key("www-authenticate"));
}

/// What the library says when it fails is for the log.
#[test]
fn words_of_the_inside_stay_inside() {
    let inside = [
        HolderError::Crypto("words of the library".to_owned()),
        HolderError::NoThread("words of the library".to_owned()),
        HolderError::PepperMissing { version: 3 },
        HolderError::Unsealable { purpose: "words of the library" },
    ];
    for error in inside {
        let problem = holder(error);
        assert!(matches!(problem, Problem::Internal | Problem::Unavailable));
        assert!(!problem.to_string().contains("words of the library"));
    }
    assert_eq!(refused("no-such-name", String::new(), None, None), Problem::Internal);
}

/// docs/API-HOLDERS.md has exactly the lines of the table.
#[test]
fn the_documentation_lists_the_table() {
    let text = include_str!("../../../../../docs/API-HOLDERS.md");
    let lines: String = TABLE
        .iter()
        .map(|(slug, status, title)| format!("| `{slug}` | {status} | {title} |\n"))
        .collect();
    assert!(text.contains(&lines), "docs/API-HOLDERS.md should have:\n{lines}");
}
