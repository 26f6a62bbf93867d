//! A person with a remote-signature account, as the service meets one: over HTTP, with a mailbox
//! and a phone, and with nothing else.

use super::house::House;
use super::http::{Answer, Client};
use super::sheet::Sheet;
use openssl::base64::{decode_block, encode_block};
use serde_json::{Value, json};

/// Who they are: given name, surname, fiscal code.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("Ada", "Rossi", "RSSDAA80A41H501I"),
    ("Bruno", "Bianchi", "BNCBRN75C12F205S"),
    ("Carla", "Verdi", "VRDCRL88D52L219H"),
    ("Andrea", "Neri", "NREDRA91E03A944Z"),
];

/// The one kind of signature that most tests make: the key of a test's credential is P-256.
pub(crate) const ECDSA: &str = "ecdsa-sha256";

/// A person, and what they know by now.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) given_name: &'static str,
    pub(crate) surname: &'static str,
    pub(crate) fiscal_code: &'static str,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) passphrase: String,
    pub(crate) password: String,
    pub(crate) pin: String,
    /// Of the credential: `remote` or `automatic`.
    pub(crate) kind: &'static str,
    /// The bearer token of the session.
    pub(crate) token: String,
    /// The newest envelope, opened.
    pub(crate) sheet: Option<Sheet>,
    /// The credential's identifier.
    pub(crate) credential: String,
    /// The holder's, as in `h-1`.
    pub(crate) id: String,
    /// The registration's, as in `r-1`.
    pub(crate) registration: String,
}

impl Person {
    /// Somebody whom the service does not know yet.
    pub(crate) fn new(number: usize) -> Self {
        let (given_name, surname, fiscal_code) = PEOPLE[number];
        Self {
            given_name,
            surname,
            fiscal_code,
            email: format!("{}@example.org", given_name.to_lowercase()),
            phone: format!("+39347123456{number}"),
            passphrase: format!("passphrase of {given_name}"),
            password: format!("Quercia,{number}-verde"),
            pin: format!("2758391{number}"),
            kind: "remote",
            token: String::new(),
            sheet: None,
            credential: String::new(),
            id: String::new(),
            registration: String::new(),
        }
    }

    /// What a registration asks for.
    pub(crate) fn registration(&self) -> Value {
        json!({
            "given_name": self.given_name, "surname": self.surname,
            "fiscal_code": self.fiscal_code, "email": self.email, "phone": self.phone,
            "passphrase": self.passphrase, "kind": self.kind, "language": "en",
        })
    }

    /// Asks for an account, as anybody can.
    #[track_caller]
    pub(crate) fn asks_for_an_account(&mut self, house: &House) {
        let answer = house.client().post("/api/v1/registrations", &self.registration());
        assert_eq!(answer.status(202).json(), json!({ "status": "received" }));
        self.finds_registration(house);
    }

    /// How the operator sees the newest request of this address.
    #[track_caller]
    pub(crate) fn finds_registration(&mut self, house: &House) {
        let all = house.admin().get("/api/v1/admin/registrations").status(200).json();
        let all = all["registrations"].as_array().unwrap().clone();
        let own = all.iter().rev().find(|one| one["email"] == self.email.as_str());
        self.registration = own.expect("no registration")["id"].as_str().unwrap().to_owned();
    }

    /// The path of the registration, or below it.
    pub(crate) fn registered(&self, rest: &str) -> String {
        format!("/api/v1/admin/registrations/{}{rest}", self.registration)
    }

    /// The operator approves and invites; what comes back is the token of the mailed link.
    #[track_caller]
    pub(crate) fn is_invited(&mut self, house: &House) -> String {
        house.admin().post(&self.registered("/approve"), &json!({})).status(200);
        self.is_invited_again(house)
    }

    /// The operator invites; the envelope is opened.
    #[track_caller]
    pub(crate) fn is_invited_again(&mut self, house: &House) -> String {
        let mark = house.mail.mark();
        let path = self.registered("/invite");
        house.admin().post(&path, &json!({ "first_password": false })).status(200);
        let mail = house.mail.wait(mark, &self.email, |mail| !mail.attachments.is_empty());
        self.opens(&mail.attachments[0].bytes);
        mail.token()
    }

    /// Opens an envelope with the passphrase.
    #[track_caller]
    pub(crate) fn opens(&mut self, pdf: &[u8]) {
        let sheet = Sheet::open(pdf, &self.passphrase);
        assert!(sheet.text.contains(self.surname), "whose is it? {}", sheet.text);
        self.sheet = Some(sheet);
    }

    /// The envelope that was opened last.
    #[track_caller]
    pub(crate) fn sheet(&self) -> Sheet {
        self.sheet.clone().expect("no envelope was opened")
    }

    /// Chooses the first password by the link.
    #[track_caller]
    pub(crate) fn chooses_password(&self, house: &House, token: &str) {
        let body = json!({ "token": token, "password": self.password, "repeat": self.password });
        house.client().post("/api/v1/passwords/first", &body).status(204);
    }

    /// Tries to log in.
    pub(crate) fn tries_to_log_in(&self, house: &House) -> Answer {
        let body = json!({ "user_id": self.email, "password": self.password });
        house.client().post("/api/v1/sessions", &body)
    }

    /// Logs in, and finds out which credential is there.
    #[track_caller]
    pub(crate) fn logs_in(&mut self, house: &House) -> Value {
        let answer = self.tries_to_log_in(house).status(201);
        assert!(answer.header("cache-control").is_some_and(|value| value.contains("no-store")));
        let opened = answer.json();
        self.token = opened["token"].as_str().unwrap().to_owned();
        self.id = opened["holder"]["id"].as_str().unwrap().to_owned();
        if opened["must_change_password"] == false {
            let own = self.client(house).get("/api/v1/holder/credentials").status(200).json();
            if let Some(last) = own["credentials"].as_array().unwrap().last() {
                self.credential = last["id"].as_str().unwrap().to_owned();
            }
        }
        opened
    }

    /// A client with the session's token.
    pub(crate) fn client(&self, house: &House) -> Client {
        house.client().bearer(&self.token)
    }

    /// Below `/api/v1/holder`.
    pub(crate) fn get(&self, house: &House, path: &str) -> Answer {
        self.client(house).get(&format!("/api/v1/holder{path}"))
    }

    /// Below `/api/v1/holder`.
    pub(crate) fn post(&self, house: &House, path: &str, body: &Value) -> Answer {
        self.send(house, "POST", path, body)
    }

    /// Below `/api/v1/holder`.
    pub(crate) fn send(&self, house: &House, method: &str, path: &str, body: &Value) -> Answer {
        self.client(house).json(method, &format!("/api/v1/holder{path}"), body)
    }

    /// The path of the credential, or below it, as from `/api/v1/holder`.
    pub(crate) fn own(&self, rest: &str) -> String {
        format!("/credentials/{}{rest}", self.credential)
    }

    /// The credential as its holder sees it.
    #[track_caller]
    pub(crate) fn credential(&self, house: &House) -> Value {
        self.get(house, &self.own("")).status(200).json()
    }

    /// The state of the credential.
    #[track_caller]
    pub(crate) fn state(&self, house: &House) -> String {
        self.credential(house)["state"].as_str().unwrap().to_owned()
    }

    /// Asks for a one-time code, reads it from the phone, and hands over the member `otp`.
    #[track_caller]
    pub(crate) fn code(&self, house: &House, asked: &Value) -> Value {
        let mark = house.phones.mark();
        let made = self.post(house, "/one-time-codes", asked).status(201).json();
        let code = house.phones.code(mark, &self.phone);
        json!({ "operation": made["operation"], "code": code })
    }

    /// A code for an act on the credential.
    #[track_caller]
    pub(crate) fn code_for(&self, house: &House, purpose: &str) -> Value {
        self.code(house, &json!({ "purpose": purpose, "credential": self.credential }))
    }

    /// An act on the credential with a code for this purpose.
    #[track_caller]
    pub(crate) fn act(&self, house: &House, act: &str, purpose: &str, mut body: Value) -> Answer {
        body["otp"] = self.code_for(house, purpose);
        self.post(house, &self.own(&format!("/{act}")), &body)
    }

    /// Activates with the codes of the envelope and the PIN of their own.
    pub(crate) fn tries_to_activate(&self, house: &House, otp: &Value) -> Answer {
        let sheet = self.sheet();
        let body = json!({
            "pin": sheet.pin, "puk": sheet.puk,
            "new_pin": self.pin, "repeat": self.pin, "otp": otp,
        });
        self.post(house, &self.own("/activate"), &body)
    }

    /// The same with success.
    #[track_caller]
    pub(crate) fn activates(&self, house: &House) {
        let otp = self.code_for(house, "activate");
        self.tries_to_activate(house, &otp).status(200);
        assert_eq!(self.state(house), "active");
    }

    /// What is asked for, so that these hashes may be signed.
    pub(crate) fn to_sign(&self, algorithm: &str, hashes: &[Vec<u8>]) -> Value {
        let sign = json!({ "algorithm": algorithm, "hashes": base64(hashes) });
        json!({ "purpose": "sign", "credential": self.credential, "sign": sign })
    }

    /// PIN and one-time code for these hashes.
    #[track_caller]
    pub(crate) fn tries_to_authorise(
        &self,
        house: &House,
        algorithm: &str,
        hashes: &[Vec<u8>],
    ) -> Answer {
        let otp = self.code(house, &self.to_sign(algorithm, hashes));
        let body = json!({ "algorithm": algorithm, "hashes": base64(hashes), "pin": self.pin,
            "otp": otp });
        self.post(house, &self.own("/authorisations"), &body)
    }

    /// The same with success: the signature activation data.
    #[track_caller]
    pub(crate) fn authorises(&self, house: &House, hashes: &[Vec<u8>]) -> String {
        let made = self.tries_to_authorise(house, ECDSA, hashes).status(201).json();
        made["sad"].as_str().unwrap().to_owned()
    }

    /// What a request to sign says.
    pub(crate) fn signing(sad: &str, hashes: &[Vec<u8>], stamp: bool) -> Value {
        json!({ "sad": sad, "algorithm": ECDSA, "hashes": base64(hashes), "stamp": stamp })
    }

    /// Uses signature activation data.
    pub(crate) fn signs(
        &self,
        house: &House,
        sad: &str,
        hashes: &[Vec<u8>],
        stamp: bool,
    ) -> Answer {
        self.post(house, &self.own("/signatures"), &Self::signing(sad, hashes, stamp))
    }

    /// The certificate and its chain, PEM.
    #[track_caller]
    pub(crate) fn chain(&self, house: &House) -> String {
        self.get(house, &self.own("/certificate")).status(200).text()
    }

    /// Every entry of the history of these kinds, oldest first.
    #[track_caller]
    pub(crate) fn history(&self, house: &House, kind: &str) -> Vec<Value> {
        let query = if kind.is_empty() { String::new() } else { format!("&kind={kind}") };
        let page = self.get(house, &format!("/history?limit=1000{query}")).status(200).json();
        page["entries"].as_array().unwrap().clone()
    }
}

/// Each in base64.
pub(crate) fn base64(bytes: &[Vec<u8>]) -> Vec<String> {
    bytes.iter().map(|bytes| encode_block(bytes)).collect()
}

/// Base64 as an answer has it.
#[track_caller]
pub(crate) fn unbase64(value: &Value) -> Vec<u8> {
    decode_block(value.as_str().unwrap_or_else(|| panic!("no text: {value}"))).unwrap()
}

/// SHA-256 of each text.
pub(crate) fn hashes(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| openssl::sha::sha256(text.as_bytes()).to_vec()).collect()
}
