//! Short texts from outside: names and identifiers of accounts, API keys, policies, algorithms.
//! What is accepted is written in one way only, and read again as the same.

#![no_main]

use accounts::credentials::ApiKey;
use accounts::{AccountName, StampAccountId};
use certs::KeyKind;
use libfuzzer_sys::fuzz_target;
use tsa::{HashAlgorithm, PolicyId};

fuzz_target!(|text: &str| {
    if let Ok(name) = AccountName::parse(text) {
        assert_eq!(AccountName::parse(name.as_str()).as_ref(), Ok(&name));
        assert_eq!(name.as_str(), text.to_ascii_lowercase());
        assert!(name.as_str().len() <= 64);
    }
    if let Ok(id) = text.parse::<StampAccountId>() {
        assert_eq!(id.to_string(), text, "one way to write each identifier");
    }
    if let Ok(key) = ApiKey::parse(text) {
        assert_eq!(key.expose(), text);
        assert!(text.contains(key.prefix()));
        let shown = format!("{key:?}");
        assert!(!shown.contains(&text[text.len() - 32..]), "the secret is not shown");
    }
    if let Ok(policy) = text.parse::<PolicyId>() {
        assert_eq!(policy.to_string().parse::<PolicyId>().as_ref(), Ok(&policy));
    }
    if let Ok(kind) = text.parse::<KeyKind>() {
        assert_eq!(kind.to_string(), text);
    }
    if let Ok(hash) = text.parse::<HashAlgorithm>() {
        assert_eq!(hash.name().parse::<HashAlgorithm>().ok(), Some(hash));
    }
});
