//! A PUK is good once: what it unlocks mails the next one, in an envelope of its own.

use crate::harness::House;
use crate::harness::person::hashes;
use serde_json::json;

/// The old PUK is paper afterwards, the old emergency code can only stop, and the key is the same.
#[test]
fn a_used_puk_is_replaced_by_mail() {
    let house = House::open();
    let mut ada = house.activated(0);
    let (old, chain) = (ada.sheet(), ada.chain(&house));
    let unlock = |puk: &str, new: &str, passphrase: &str| {
        let mut body = json!({ "puk": puk, "new_pin": new, "repeat": new });
        body["passphrase"] = json!(passphrase);
        body
    };
    let short = unlock(&old.puk, "51627384", "short");
    ada.act(&house, "unlock", "unlock-pin", short).problem(422, "passphrase-rules");

    let mark = house.mail.mark();
    let body = unlock(&old.puk, "51627384", &ada.passphrase);
    ada.act(&house, "unlock", "unlock-pin", body).status(200);
    let mail = house.mail.wait(mark, &ada.email, |mail| !mail.attachments.is_empty());
    ada.opens(&mail.attachments[0].bytes);
    let new = ada.sheet();
    assert!(new.pin.is_none() && new.puk != old.puk, "{}", new.text);
    assert_ne!(new.emergency_code, old.emergency_code);
    assert_eq!(ada.chain(&house), chain, "the certificate stays");
    ada.pin = "51627384".to_owned();
    let wanted = hashes(&["a contract"]);
    let sad = ada.authorises(&house, &wanted);
    ada.signs(&house, &sad, &wanted, false).status(200);

    let used = unlock(&old.puk, "60718293", &ada.passphrase);
    ada.act(&house, "unlock", "unlock-pin", used).problem(403, "wrong-puk");
    let next = unlock(&new.puk, "60718293", &ada.passphrase);
    ada.act(&house, "unlock", "unlock-pin", next).status(200);
    let suspend = |code: &str| {
        let body = json!({ "user_id": ada.email, "emergency_code": code });
        house.client().post("/api/v1/suspensions", &body).status(202);
        ada.state(&house)
    };
    // Of the sheets before the newest the emergency codes still stop, and the PUKs lift nothing.
    assert_eq!(suspend(&old.emergency_code), "suspended");
    let former = json!({ "puk": old.puk });
    ada.act(&house, "reactivate", "reactivate", former).problem(403, "wrong-puk");
}
