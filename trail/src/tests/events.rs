//! What an event may say, and that it is in the trail as it was said.

use super::support::*;
use crate::{Category, Event, Outcome, Query, Recorded};

fn recorded(event: Event) -> Recorded {
    let world = world();
    world.record(event, 7);
    world.trail.page(&Query::default()).unwrap().events.remove(0)
}

#[test]
fn an_event_is_read_as_it_was_recorded() {
    let event = Event::failure(Category::Login, "login-refused", "sa-1", "account sa-1")
        .with("reason", "wrong password")
        .with("tries", 3);
    let event = recorded(event);
    assert_eq!((event.sequence, event.at), (1, at(7)));
    assert_eq!((event.category, event.outcome), (Category::Login, Outcome::Failure));
    assert_eq!(event.action, "login-refused");
    assert_eq!((event.actor.as_str(), event.subject.as_str()), ("sa-1", "account sa-1"));
    let details = [("reason", "wrong password"), ("tries", "3")];
    assert_eq!(event.details, details.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(event.previous_hash, [0; 32]);
    assert_eq!(event.computed_hash(), event.hash);
}

#[test]
fn a_text_that_is_too_long_is_cut_and_says_so() {
    let long = "è".repeat(600);
    let mut event = Event::success(Category::Key, "key-made", long.clone(), long.clone());
    for _ in 0..20 {
        event = event.with("detail", &long);
    }
    let event = recorded(event);
    for (text, most) in [(&event.actor, 128), (&event.subject, 256), (&event.details[15].1, 500)] {
        assert_eq!(text.chars().count(), most);
        assert!(text.starts_with("èè") && text.ends_with('…'));
    }
    assert_eq!(event.details.len(), 16);
}

#[test]
fn a_text_of_just_the_length_is_kept() {
    let exact = "x".repeat(128);
    let event = recorded(Event::success(Category::Key, "key-made", exact.clone(), ""));
    assert_eq!(event.actor, exact);
}

#[test]
fn no_character_that_disturbs_a_reader_goes_in() {
    let text = "a\nb\r\0\u{1b}[2J\u{85}\u{2028}\u{202e}\u{2066}\u{200f}z";
    let event = recorded(Event::success(Category::Key, "key-made", text, text).with("d", text));
    for text in [&event.actor, &event.subject, &event.details[0].1] {
        assert_eq!(text.chars().filter(|c| *c == '\u{fffd}').count(), 9);
        assert_eq!(text.replace('\u{fffd}', ""), "ab[2Jz");
    }
}

#[test]
fn words_are_read_back() {
    for category in Category::ALL {
        assert_eq!(category.word().parse(), Ok(category));
        assert_eq!(category.to_string(), category.word());
    }
    for outcome in [Outcome::Success, Outcome::Failure] {
        assert_eq!(outcome.to_string().parse(), Ok(outcome));
    }
    let error = "keys".parse::<Category>().unwrap_err().to_string();
    assert!(error.contains("\"keys\"") && error.contains("key, certificate"), "{error}");
    assert!("ok".parse::<Outcome>().is_err());
}

#[test]
fn a_changed_event_no_longer_has_its_hash() {
    let event = recorded(event("unit main"));
    let changed = [
        Recorded { sequence: 2, ..event.clone() },
        Recorded { at: at(8), ..event.clone() },
        Recorded { category: Category::Clock, ..event.clone() },
        Recorded { action: "key-used".to_owned(), ..event.clone() },
        Recorded { actor: "admin".to_owned(), ..event.clone() },
        Recorded { subject: "unit other".to_owned(), ..event.clone() },
        Recorded { outcome: Outcome::Failure, ..event.clone() },
        Recorded { details: Vec::new(), ..event.clone() },
        Recorded { previous_hash: [1; 32], ..event.clone() },
    ];
    for changed in changed {
        assert_ne!(changed.computed_hash(), event.hash, "{changed:?}");
    }
}
