//! Secrets are not shown, and are as random as they say.

use super::*;
use crate::credentials::{ApiKey, CredentialError, generate_password};
use std::collections::HashSet;

#[test]
fn debug_shows_the_type_only() {
    let password = Password::new(RIGHT.to_owned()).unwrap();
    assert_eq!(format!("{password:?}"), "Password");
    let key = ApiKey::generate(&mut TestRandom::new(1));
    assert_eq!(format!("{key:?}"), "ApiKey");
}

#[test]
fn a_password_has_8_to_128_characters() {
    for (length, allowed) in [(7, false), (8, true), (128, true), (129, false)] {
        assert_eq!(Password::new("ü".repeat(length)).is_ok(), allowed, "{length}");
    }
    let error = Password::new("short".to_owned()).unwrap_err();
    assert_eq!(error.to_string(), "password is not allowed: use 8 to 128 characters");
}

#[test]
fn a_generated_password_has_130_bits() {
    let mut random = TestRandom::new(2);
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let password = generate_password(&mut random);
        assert_eq!(password.expose().len(), 26);
        assert!(password.expose().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(Password::new(password.expose().to_owned()).is_ok());
        seen.insert(password.expose().to_owned());
    }
    assert_eq!(seen.len(), 200);
    let characters: HashSet<char> = seen.iter().flat_map(|text| text.chars()).collect();
    assert_eq!(characters.len(), 32);
}

#[test]
fn a_key_has_a_prefix_of_8_and_a_secret_of_128_bits() {
    let key = ApiKey::generate(&mut TestRandom::new(3));
    let parts: Vec<_> = key.expose().split('_').collect();
    assert_eq!((parts[0], parts[1].len(), parts[2].len()), ("marca", 8, 32));
    assert_eq!(key.prefix(), parts[1]);
    assert_eq!(ApiKey::parse(key.expose()).unwrap().prefix(), key.prefix());
    let other = ApiKey::generate(&mut TestRandom::new(4));
    assert_ne!(other.expose(), key.expose());
}

#[test]
fn what_is_not_a_key_is_not_repeated_in_the_error() {
    let long = "marca_abcdefghijklmnopq_0123456789abcdef0123456789abcdef";
    for text in ["hunter22", "marca_a_b", "marca__0123456789abcdef0123456789abcdef", long] {
        let error = ApiKey::parse(text).unwrap_err();
        assert!(matches!(error, CredentialError::BadKey));
        assert!(!error.to_string().contains(text));
    }
}
