//! Letters about the sheet of an envelope and about linked timestamp accounts, the languages side
//! by side.

use super::letter::Letter;
use super::phrases::{en, it};

/// `tag` is that of the language.
pub(super) fn new_envelope(tag: &str, credential: &str, at: &str) -> Letter {
    match tag {
        "it" => italian(credential, at),
        _ => english(credential, at),
    }
}

fn english(credential: &str, at: &str) -> Letter {
    Letter::new("Your new PUK")
        .say(format!(
            "The PUK of your signing certificate {credential} was used on {at} to set a new PIN. \
             A PUK is good once."
        ))
        .say(
            "The attached PDF is your new envelope, with the next PUK and a new emergency code. It \
             opens with the passphrase that you chose when you set the PIN, or else with your \
             fiscal code.",
        )
        .say(
            "The PUK before does not work any more. The emergency code before suspends for 30 days \
             more, in case the new envelope is not in your hands.",
        )
        .alarm(en::NOT_ME_SIGNING)
}

fn italian(credential: &str, at: &str) -> Letter {
    Letter::new("Il suo nuovo PUK")
        .say(format!(
            "Il PUK del suo certificato di firma {credential} è stato usato il {at} per \
             impostare un nuovo PIN. Un PUK vale una volta sola."
        ))
        .say(
            "Il PDF allegato è la sua nuova busta, con il prossimo PUK e un nuovo codice di \
             emergenza. Si apre con la passphrase che ha scelto impostando il PIN, altrimenti con \
             il suo codice fiscale, in maiuscolo.",
        )
        .say(
            "Il PUK precedente non funziona più. Il codice di emergenza precedente sospende ancora \
             per 30 giorni, nel caso la nuova busta non sia nelle sue mani.",
        )
        .alarm(it::NOT_ME_SIGNING)
}

/// `tag` is that of the language; the account goes by its identifier.
pub(super) fn stamp_link_ended(tag: &str, account: &str, at: &str) -> Letter {
    match tag {
        "it" => Letter::new("Un account di marcatura non è più collegato")
            .say(format!(
                "Dal {at} il suo account non è più collegato all'account di marcatura {account}: è \
                 stato scollegato dal suo account, il titolare di quell'account o un operatore ha \
                 interrotto il collegamento, oppure le credenziali mostrate per collegarlo sono \
                 state cambiate o revocate."
            ))
            .say(
                "Le firme non sono interessate. Per apporre marche temporali colleghi di nuovo un \
                 account, con credenziali valide.",
            ),
        _ => Letter::new("A timestamp account is not linked any more")
            .say(format!(
                "Since {at} your account is not linked to the timestamp account {account} any \
                 more: it was unlinked in your account, its owner or an operator cut the link, or \
                 the login that was shown to link it was changed or revoked."
            ))
            .say(
                "Signatures are not concerned. To stamp, link an account again, with a login that \
                 is valid.",
            ),
    }
}

/// `tag` is that of the language; the account goes by its identifier.
pub(super) fn stamp_linked(tag: &str, account: &str, at: &str) -> Letter {
    match tag {
        "it" => Letter::new("Un account di marcatura è stato collegato")
            .say(format!(
                "Il {at} il suo account è stato collegato all'account di marcatura {account}. Le \
                 sue marche temporali sono prese da lì, e il titolare di quell'account può \
                 leggerle."
            ))
            .alarm(it::NOT_ME),
        _ => Letter::new("A timestamp account was linked")
            .say(format!(
                "On {at} your account was linked to the timestamp account {account}. Your \
                 timestamps are taken from there, and the owner of that account can read them."
            ))
            .alarm(en::NOT_ME),
    }
}

/// `tag` is that of the language.
pub(super) fn lost_phone_failed(tag: &str, at: &str) -> Letter {
    match tag {
        "it" => Letter::new("Codici sbagliati per un telefono smarrito")
            .say(format!(
                "Il {at} è stato chiesto un altro numero di telefono, con un PUK o un codice di \
                 emergenza sbagliato. Nulla è cambiato."
            ))
            .alarm(it::NOT_ME),
        _ => Letter::new("Wrong codes for a lost phone")
            .say(format!(
                "On {at} another phone number was asked for, with a PUK or an emergency code that \
                 is wrong. Nothing was changed."
            ))
            .alarm(en::NOT_ME),
    }
}
