//! What is held, handed over and erased.

use super::support::*;
use crate::holders::credential::{self, CredentialKind, Event, NewCredential, RevocationCause};
use crate::holders::history::{self, HistoryEntry, HistoryKind};
use crate::holders::holder::{self, notify};
use crate::holders::messages::Template;
use crate::holders::tables::{HISTORY, MESSAGE, SIGNING_CREDENTIAL};
use crate::holders::{Actor, CredentialId, HolderStatus, RegistrationId, SigningKeyKind};
use crate::testing::{TestRandom, block_on};
use store::Table;

const YEAR: i64 = 365 * 86_400;

#[test]
fn an_export_holds_everything_but_secrets() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.login(EMAIL, RIGHT, 5).unwrap();
    bench.set_question(id, "Fuffi il gatto").unwrap();
    let export = bench.holders.export_personal_data(id, Actor::Holder(id), at(20));
    let json: String = block_on(export).unwrap().map(Result::unwrap).collect();
    let data: serde_json::Value = serde_json::from_str(&json).unwrap();
    for (pointer, value) in [
        ("/holder", "h-1"),
        ("/user_id", EMAIL),
        ("/given_name", "Ada"),
        ("/surname", "Rossi"),
        ("/fiscal_code", "RSSMRA85T10A562S"),
        ("/birth_date", "1985-12-10"),
        ("/phone", "+393471234567"),
        ("/language", "it"),
        ("/secret_question", "first-pet"),
        ("/registration/id", "r-1"),
        ("/registration/credential_kind", "remote"),
        ("/history/0/event", "holder-registered"),
        ("/history/3/event", "login-succeeded"),
        ("/history/3/details/from", "192.0.2.1"),
        ("/history/5/event", "personal-data-exported"),
        ("/messages/0/kind", "set-password"),
        ("/messages/0/to", EMAIL),
        ("/exported_at", "2026-01-01T00:00:20.000Z"),
    ] {
        assert_eq!(data.pointer(pointer).and_then(|v| v.as_str()), Some(value), "{pointer}");
    }
    for secret in [RIGHT, "argon2", "uffi", "una frase lunga"] {
        assert!(!json.contains(secret), "{secret}");
    }
    assert!(!json.contains(&bench.token(EMAIL)));
}

#[test]
fn a_closed_account_keeps_what_the_law_asks_for_and_no_more() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    bench.set_question(id, "Fuffi il gatto").unwrap();
    block_on(bench.holders.close(id, "asked for", Actor::Holder(id), at(20))).unwrap();
    let view = bench.holders.holder(id).unwrap();
    assert_eq!(view.status, HolderStatus::Closed);
    assert!(!view.password_set && !view.question_set);
    assert_eq!((view.given_name.as_str(), view.user_id.as_str()), ("Ada", EMAIL));
    assert_eq!(bench.mails_to(EMAIL).last(), Some(&"holder-closed"));
    assert_eq!(slug(bench.login(EMAIL, RIGHT, 21)), "invalid-login");
    let again = bench.holders.close(id, "again", operator(), at(22));
    assert_eq!(slug(block_on(again)), "wrong-state");
}

#[test]
fn an_account_with_a_credential_in_use_is_not_closed() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let codes = envelope::Codes::generate(&mut TestRandom::new(1));
    let (kind, key_kind) = (CredentialKind::Remote, SigningKeyKind::P256);
    let new = NewCredential { holder: id, kind, key_kind };
    let made = bench.holders.create_credential(new, &codes, operator(), at(5));
    let credential = block_on(made).unwrap();
    let turn = |event: Event| {
        let turn = bench.holders.transact(move |_, tx| {
            let mut record = credential::load(tx, credential)?;
            record.life = record.life.apply(event, at(6))?;
            credential::save(tx, credential, &record)?;
            Ok(())
        });
        block_on(turn).unwrap();
    };
    turn(Event::Activate { not_after: at(YEAR).timestamp_millis() });
    let close = || block_on(bench.holders.close(id, "asked for", operator(), at(7)));
    assert_eq!(slug(close()), "wrong-state");
    assert_eq!(bench.holders.holder(id).unwrap().status, HolderStatus::Active);
    turn(Event::Revoke { cause: RevocationCause::Cessation });
    close().unwrap();

    let export = bench.holders.export_personal_data(id, operator(), at(8));
    let data = document(block_on(export).unwrap());
    assert_eq!(data.pointer("/credentials/0/state").unwrap(), "revoked");
    assert_eq!(data.pointer("/credentials/0/id").unwrap(), &credential.to_string());
    block_on(bench.holders.erase(id, operator(), at(21 * YEAR))).unwrap();
    assert!(bench.holders.credentials_of(id, at(21 * YEAR)).unwrap().is_empty());
}

#[test]
fn an_erased_holder_is_a_number() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let other = bench.holder("other@example.org");
    assert_eq!(slug(block_on(bench.holders.erase(id, operator(), at(10)))), "wrong-state");
    block_on(bench.holders.close(id, "asked for", operator(), at(20))).unwrap();
    let early = block_on(bench.holders.erase(id, operator(), at(19 * YEAR)));
    assert_eq!(slug(early), "retention-not-over");
    block_on(bench.holders.erase(id, operator(), at(21 * YEAR))).unwrap();

    let view = bench.holders.holder(id).unwrap();
    assert_eq!(view.status, HolderStatus::Erased);
    assert!(view.erased_at.is_some() && view.closed_at.is_some());
    let texts = [view.user_id, view.given_name, view.surname, view.fiscal_code, view.phone];
    assert_eq!(texts, [""; 5].map(str::to_owned));
    assert_eq!(bench.history(id), [""; 0]);
    let registration = bench.holders.registration(RegistrationId::new(1)).unwrap();
    assert_eq!((registration.name, registration.email), (None, None));
    assert_eq!(bench.mails_to(EMAIL), [""; 0]);
    // Nothing of it is anywhere, and everything of the other one is there.
    for ((table, key), value) in bench.store.contents() {
        for personal in [EMAIL, "+393471234567"] {
            let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(personal);
            let others = table == 8 && key == other.number().to_be_bytes() || table == 10;
            assert!(others || !holds(&key) && !holds(&value), "{personal} in table {table}");
        }
    }
    assert_eq!(bench.holders.holder(other).unwrap().given_name, "Ada");
    assert_eq!(bench.history(other).len(), 3);
    assert_eq!(bench.trail().last().unwrap().0, "holder-erased");
    // A number is not given again, and an address is.
    assert_eq!(bench.register(EMAIL).1.number(), 3);
    assert_eq!(slug(block_on(bench.holders.erase(id, operator(), at(22 * YEAR)))), "wrong-state");
}

/// More than any page takes, of everything that grows: all of it is handed over, no piece holds
/// more than a page, and all of it is erased.
#[test]
fn what_is_beyond_a_page_is_exported_and_erased() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    let grow = |from: i64, to: i64| {
        let grow = bench.holders.transact(move |inner, tx| {
            for number in from..to {
                let at = at(number);
                let kind = HistoryKind::LanguageChanged;
                history::append(tx, id, &HistoryEntry::new(kind, Actor::Service), at)?;
                let record = holder::load(tx, id)?;
                let template = Template::Closed { at: number, kept_until: number };
                notify(inner, tx, id, &record, &template, at)?;
            }
            Ok(())
        });
        block_on(grow).unwrap();
    };
    grow(100, 1_300);
    let codes = envelope::Codes::generate(&mut TestRandom::new(1));
    let (kind, key_kind) = (CredentialKind::Remote, SigningKeyKind::P256);
    let new = NewCredential { holder: id, kind, key_kind };
    let first = block_on(bench.holders.create_credential(new, &codes, operator(), at(50))).unwrap();
    let more = bench.holders.transact(move |_, tx| {
        let record = credential::load(tx, first)?;
        for number in 1..250_u128 {
            credential::save(tx, CredentialId::new(number.to_be_bytes()), &record)?;
        }
        Ok(())
    });
    block_on(more).unwrap();
    let export = bench.holders.export_personal_data(id, operator(), at(2_000));
    let export = block_on(export).unwrap();
    // What happens while it is read comes after the end of it.
    grow(2_001, 2_003);
    let pieces: Vec<String> = export.map(Result::unwrap).collect();
    assert!(pieces.len() >= 5, "{} pieces", pieces.len());
    assert!(pieces[1..].iter().all(|piece| piece.len() < 300 * 1_000), "a piece is a page");
    let data: serde_json::Value = serde_json::from_str(&pieces.concat()).unwrap();
    let length = |of: &str| data[of].as_array().unwrap().len();
    assert_eq!((length("credentials"), length("messages")), (250, 2 + 1_200 + 2));
    let events = data["history"].as_array().unwrap();
    assert_eq!(events.last().unwrap()["event"], "personal-data-exported");
    let changes = events.iter().filter(|event| event["event"] == "language-changed");
    assert_eq!(changes.count(), 1_200);

    block_on(bench.holders.close(id, "asked for", operator(), at(3_000))).unwrap();
    block_on(bench.holders.erase(id, operator(), at(21 * YEAR))).unwrap();
    let rows = bench.store.contents();
    let left = |table: Table| rows.keys().filter(|(number, _)| *number == table.number()).count();
    assert_eq!([HISTORY, MESSAGE, SIGNING_CREDENTIAL].map(left), [0; 3]);
}

#[test]
fn a_long_history_goes_too() {
    let bench = Bench::new();
    let id = bench.holder(EMAIL);
    for number in 0..600 {
        let language = crate::holders::Language::En;
        block_on(bench.holders.set_language(id, language, at(number))).unwrap();
    }
    block_on(bench.holders.close(id, "asked for", operator(), at(700))).unwrap();
    block_on(bench.holders.erase(id, operator(), at(21 * YEAR))).unwrap();
    assert!(bench.history(id).is_empty());
}
