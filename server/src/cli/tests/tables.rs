//! Tables: aligned, wrapped in the last column, and harmless to a terminal.

use crate::cli::table::{Align, Table, count, instant, instant_or_dash};
use proptest::prelude::*;

fn two_columns(rows: &[(&str, &str)], width: usize) -> String {
    let mut table = Table::new(&[("N", Align::Right), ("WORDS", Align::Left)]);
    for (left, right) in rows {
        table.row([(*left).to_owned(), (*right).to_owned()]);
    }
    table.render(width)
}

#[test]
fn columns_align() {
    let text = two_columns(&[("1", "one"), ("100", "hundred")], 80);
    assert_eq!(text, "  N  WORDS\n  1  one\n100  hundred\n");
}

#[test]
fn the_last_column_wraps_at_spaces_and_inside_long_words() {
    let text = two_columns(&[("1", "alpha beta gamma delta")], 21);
    assert_eq!(text, "N  WORDS\n1  alpha beta gamma\n   delta\n");
    let text = two_columns(&[("1", "abcdefghijklmnopqrstuvwxyz")], 21);
    assert_eq!(text, "N  WORDS\n1  abcdefghijklmnopqr\n   stuvwxyz\n");
}

#[test]
fn a_missing_cell_is_empty_and_one_too_many_is_left_out() {
    let mut table = Table::new(&[("A", Align::Left), ("B", Align::Left)]);
    table.row(["1".to_owned()]);
    table.row(["1".to_owned(), "2".to_owned(), "3".to_owned()]);
    assert_eq!(table.render(80), "A  B\n1\n1  2\n");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = two_columns(&[("1", "red \u{1b}[31m\r\nnext")], 80);
    assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    assert_eq!(text.lines().count(), 2, "{text:?}");
}

#[test]
fn numbers_and_instants_read_well() {
    let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
    for (number, text) in cases {
        assert_eq!(count(number), text);
    }
    assert_eq!(instant("2026-11-21T21:33:34.123Z"), "2026-11-21 21:33:34");
    assert_eq!(instant("2026-11-21T21:33:34+01:00"), "2026-11-21 20:33:34");
    assert_eq!(instant("soon"), "soon");
    assert_eq!(instant_or_dash(None), "-");
}

proptest! {
    /// Whatever the words, no line is longer than asked, and no letter is lost.
    #[test]
    fn wrapping_loses_nothing(words in "[a-z ]{0,200}", width in 20usize..90) {
        let text = two_columns(&[("1", &words)], width);
        prop_assert!(text.lines().all(|line| line.len() <= width), "{text}");
        let letters = |text: &str| -> String {
            text.chars().filter(char::is_ascii_lowercase).collect()
        };
        prop_assert_eq!(letters(&text), letters(&words));
    }
}
