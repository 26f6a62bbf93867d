//! Linked systems: a client certificate in the place of a token, and the credentials that one may
//! use.

use crate::harness::certificates::{Certified, Purpose, certify};
use crate::harness::person::{ECDSA, Person, hashes};
use crate::harness::pocket::Pocket;
use crate::harness::{Answer, Client, House, QUERY, request};
use serde_json::{Value, json};
use std::time::Duration;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

/// A CA of the test, and a house behind TLS that takes its client certificates.
struct Scene {
    authority: Certified,
    house: House,
    _files: tempfile::TempDir,
}

impl Scene {
    fn set() -> Self {
        let files = crate::harness::temporary();
        let authority = certify("Test CA", Purpose::Authority, None);
        let server = certify("server", Purpose::Server, Some(&authority));
        let (certificate, key) = server.write(files.path(), "server");
        let (ca, _) = authority.write(files.path(), "ca");
        let section =
            format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\nclient_ca = {ca:?}\n");
        let house = House::over_tls(section, tls(&authority, None));
        Self { authority, house, _files: files }
    }

    fn certified(&self, name: &str) -> Certified {
        certify(name, Purpose::Client, Some(&self.authority))
    }

    /// A client that shows this certificate, and sends nothing else of who it is.
    fn client(&self, identity: &Certified) -> Client {
        Client::with_tls(self.house.service.url(), tls(&self.authority, Some(identity)))
    }
}

fn tls(authority: &Certified, identity: Option<&Certified>) -> TlsConfig {
    let root = Certificate::from_der(&authority.certificate.to_der().unwrap()).to_owned();
    let identity = identity.map(|identity| {
        let chain = Certificate::from_pem(identity.pem().as_bytes()).unwrap();
        let key = PrivateKey::from_pem(identity.key_pem().as_bytes()).unwrap();
        ClientCert::new_with_certs(&[chain], key)
    });
    let roots = RootCerts::new_with_certs(&[root]);
    let builder = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots);
    builder.client_cert(identity).build()
}

fn sha256(identity: &Certified) -> String {
    hex::encode(openssl::sha::sha256(&identity.certificate.to_der().unwrap()))
}

/// Somebody with an automatic credential.
fn automatic(house: &House) -> Person {
    let mut person = Person::new(1);
    person.kind = "automatic";
    person.asks_for_an_account(house);
    let token = person.is_invited(house);
    person.chooses_password(house, &token);
    person.logs_in(house);
    person.activates(house);
    person
}

/// Links a system on these terms, with a code for them.
fn link(house: &House, person: &Person, more: &Value) -> Answer {
    let mut asked = json!({ "purpose": "link-device", "kind": "system",
        "public_key": Pocket::new().public_key() });
    asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let otp = person.code(house, &asked);
    asked.as_object_mut().unwrap().remove("purpose");
    asked["name"] = json!("the archive");
    asked["otp"] = otp;
    person.post(house, "/devices", &asked)
}

fn window(client: &Client, person: &Person) -> Answer {
    let ends_at = crate::harness::in_seconds(600);
    let body =
        json!({ "algorithm": ECDSA, "signatures": 2, "ends_at": ends_at, "pin": person.pin });
    client.post(&format!("/api/v1/holder{}", person.own("/windows")), &body)
}

/// No token at all: the certificate opens a window and signs in it, until the system is unlinked.
#[test]
fn a_system_signs_with_a_client_certificate() {
    let scene = Scene::set();
    let (house, own) = (&scene.house, scene.certified("archive"));
    let bruno = automatic(house);
    let client = scene.client(&own);
    client.get("/api/v1/holder").problem(401, "unauthorized-holder");
    let linked = link(house, &bruno, &json!({ "certificate_sha256": sha256(&own) }));
    let linked = linked.status(201).json();
    assert!(linked["token"].is_null(), "{linked}");
    assert_eq!(linked["device"]["certificate_sha256"], sha256(&own));
    // The operator can find whose it is.
    let path = format!("/api/v1/admin/holders/{}/devices", bruno.id);
    let shown = house.admin().get(&path).status(200).json();
    assert_eq!(shown["devices"][0]["certificate_sha256"], sha256(&own));

    let seen = client.get("/api/v1/holder/credentials").status(200).json();
    assert_eq!(seen["credentials"][0]["id"], bruno.credential);
    let sad = window(&client, &bruno).status(201).json()["sad"].as_str().unwrap().to_owned();
    let wanted = hashes(&["an invoice"]);
    let path = format!("/api/v1/holder{}", bruno.own("/signatures"));
    let signed = client.post(&path, &Person::signing(&sad, &wanted, false)).status(200).json();
    assert!(signed["signatures"][0]["value"].is_string(), "{signed}");
    // It is a system, with the rights of one.
    for person in ["", "/history", "/history/receipt", "/devices", "/phone", "/sessions"] {
        client.get(&format!("/api/v1/holder{person}")).problem(403, "session-needed");
    }
    // Another certificate of the same CA is nobody, and a header is meant as it is sent.
    scene.client(&scene.certified("archive")).get("/api/v1/holder").status(401);
    client.bearer("md_wrong").get("/api/v1/holder").problem(401, "unauthorized-holder");
    client.basic("archive", "x").get("/api/v1/holder").problem(401, "unauthorized-holder");

    let again = link(house, &bruno, &json!({ "certificate_sha256": sha256(&own) }));
    again.problem(409, "certificate-taken");
    let id = linked["device"]["id"].as_str().unwrap();
    bruno.client(house).delete(&format!("/api/v1/holder/devices/{id}")).status(204);
    // Over the connection that was good a moment ago.
    client.get("/api/v1/holder").problem(401, "unauthorized-holder");
    client.post(&path, &Person::signing(&sad, &wanted, false)).status(401);
}

/// The balance of the stamp account is told to a system with a certificate like to anybody else,
/// for as long as the account is linked.
#[test]
fn a_system_with_a_certificate_watches_the_balance() {
    let scene = Scene::set();
    let (house, own) = (&scene.house, scene.certified("archive"));
    let bruno = automatic(house);
    link(house, &bruno, &json!({ "certificate_sha256": sha256(&own) })).status(201);
    let body = json!({ "name": "archive", "stamps": 2, "reason": "test" });
    let made = house.admin().post("/api/v1/admin/accounts", &body).status(201).json();
    let body = json!({ "api_key": made["api_key"] });
    bruno.send(house, "PUT", "/stamp-account", &body).status(200);
    let client = scene.client(&own);
    let watching = std::thread::spawn({
        let client = client.clone();
        move || client.get("/api/v1/holder/stamp-account/events").status(200).text()
    });
    // Longer than the stream goes on without looking whether it still may.
    std::thread::sleep(Duration::from_secs(3));
    let headers = [("Content-Type", QUERY)];
    let request = request::fresh();
    client.send("POST", "/api/v1/holder/timestamps", &headers, Some(&request)).status(200);
    std::thread::sleep(Duration::from_secs(1));
    bruno.client(house).delete("/api/v1/holder/stamp-account").status(204);
    let told = watching.join().unwrap();
    assert!(told.contains("\"remaining\":2") && told.contains("\"remaining\":1"), "{told}");
}

/// A window for a credential that the system was not linked for is refused before its PIN is
/// tried.
#[test]
fn a_system_opens_windows_for_its_credentials_alone() {
    let house = House::open();
    let bruno = automatic(&house);
    let own = link(&house, &bruno, &json!({ "credentials": [bruno.credential] }));
    let own = own.status(201).json();
    assert_eq!(own["device"]["credentials"], json!([bruno.credential]));
    let client = house.client().bearer(own["token"].as_str().unwrap());
    window(&client, &bruno).status(201);
    // Wrong PINs come without a code here, and lock nothing that others use.
    let mut guesser = bruno.clone();
    guesser.pin = "60718293".to_owned();
    for _ in 0..3 {
        window(&client, &guesser).problem(403, "wrong-pin");
    }
    window(&client, &guesser).problem(403, "pin-needs-code");
    assert_eq!(bruno.state(&house), "active");
    let wanted = hashes(&["a letter"]);
    bruno.authorises(&house, &wanted);
    window(&client, &bruno).status(201);
    // Without a list it is all of them.
    let free = link(&house, &bruno, &json!({})).status(201).json();
    assert!(free["device"]["credentials"].is_null(), "{free}");
    window(&house.client().bearer(free["token"].as_str().unwrap()), &bruno).status(201);

    let ask = |more: &Value| {
        let mut asked = json!({ "purpose": "link-device", "kind": "system",
            "public_key": Pocket::new().public_key() });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bruno.post(&house, "/one-time-codes", &asked)
    };
    ask(&json!({ "credentials": [] })).problem(422, "invalid-field");
    ask(&json!({ "credentials": ["0".repeat(32)] })).problem(404, "unknown-credential");
    ask(&json!({ "certificate_sha256": "AB" })).problem(422, "invalid-field");
    let phone = json!({ "kind": "phone", "credentials": [bruno.credential] });
    ask(&phone).problem(422, "invalid-field");
    let other = json!({ "purpose": "step-up", "credentials": [bruno.credential] });
    bruno.post(&house, "/one-time-codes", &other).problem(422, "invalid-field");
}

/// The code for one credential links no system for all of them.
#[test]
fn a_code_is_for_the_credentials_that_it_names() {
    let house = House::open();
    let bruno = automatic(&house);
    let key = Pocket::new().public_key();
    let asked = json!({ "purpose": "link-device", "kind": "system", "public_key": key,
        "credentials": [bruno.credential] });
    let otp = bruno.code(&house, &asked);
    let all = json!({ "name": "x", "kind": "system", "public_key": key, "otp": otp });
    bruno.post(&house, "/devices", &all).problem(409, "otp-for-other-operation");
}
