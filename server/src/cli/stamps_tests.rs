//! What a grant asks for, and how a statement reads.

use super::*;
use clap::Parser;

/// A grant alone, as it is typed after `stamps grant`.
#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    grant: GrantOptions,
}

fn typed(arguments: &[&str]) -> Result<Typed, clap::Error> {
    Typed::try_parse_from(std::iter::once(&"grant").chain(arguments))
}

fn body(arguments: &[&str]) -> Value {
    grant_body(&typed(arguments).unwrap().grant).unwrap()
}

#[test]
fn the_quantity_is_a_position_or_either_flag() {
    let wanted = json!({ "quantity": 1000 });
    assert_eq!(body(&["acme", "1000"]), wanted);
    assert_eq!(body(&["acme", "--quantity", "1000"]), wanted);
    assert_eq!(body(&["acme", "--stamps", "1000"]), wanted);
    assert!(typed(&["acme"]).is_err(), "no quantity");
    assert!(typed(&["acme", "1", "--quantity", "1"]).is_err(), "two quantities");
    assert!(typed(&["acme", "-1"]).is_err(), "a negative quantity");
}

#[test]
fn nothing_is_not_a_lot() {
    let error = grant_body(&typed(&["acme", "0"]).unwrap().grant).unwrap_err();
    assert_eq!(error.exit_code(), crate::cli::error::USAGE);
}

#[test]
fn money_keeps_every_digit_and_dates_become_instants() {
    let asked = body(&[
        "acme",
        "5",
        "--category",
        "promotional",
        "--priority",
        "7",
        "--effective",
        "2027-01-01",
        "--expires",
        "2028-01-01T01:00:00+01:00",
        "--unit-price",
        "0.0800",
        "--vat-rate",
        "22",
        "--order",
        "4711",
        "--reason",
        "trial",
    ]);
    assert_eq!(
        asked,
        json!({
            "quantity": 5, "category": "promotional", "priority": 7,
            "effective_at": "2027-01-01T00:00:00Z", "expires_at": "2028-01-01T00:00:00Z",
            "unit_price": "0.0800", "vat_rate": "22", "order": "4711", "reason": "trial",
        })
    );
}

#[test]
fn a_statement_fits_80_columns_and_keeps_every_serial() {
    let statement: Statement = view(&json!({
        "account": "sa-1", "from": null, "to": null,
        "opening": 0,
        "entries": [
            { "seq": 1, "at": "2026-11-21T10:00:00Z", "kind": "grant", "quantity": 100_000,
              "balance": 100_000, "from": "world", "to": "lot-1", "lot": "lot-1",
              "serial": null, "actor": "admin",
              "reason": "order 4711 of the year 2026, delivered in one lot" },
            { "seq": 2, "at": "2026-11-21T10:00:01.5Z", "kind": "debit", "quantity": 1,
              "balance": 99_999, "from": "lot-1", "to": "used", "lot": "lot-1",
              "serial": "0193e0f2a4b35c6d7e8f901122334455", "actor": "", "reason": "" },
        ],
        "closing": 99_999, "next": null,
    }))
    .unwrap();
    let text = statement_text(&statement);
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    let joined: String = text.split_whitespace().collect();
    assert!(joined.contains("0193e0f2a4b35c6d7e8f901122334455"), "{text}");
    assert!(text.contains("2026-11-21 10:00:01  debit"), "{text}");
    assert!(text.ends_with("\nclosing: 99,999 remaining\n"), "{text}");
}
