//! Every route × every caller: one table, and a test that fails when a route is not in it.

use crate::harness::{Account, Answer, Client, DEMO_KEY, QUERY, Reply, Service, request};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::X509ReqBuilder;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Nobody,
    WrongPassword,
    WrongScheme,
    Own,
    OwnPassword,
    Other,
    Suspended,
    Revoked,
    Admin,
    WrongAdmin,
}

const CALLERS: [Caller; 10] = [
    Caller::Nobody,
    Caller::WrongPassword,
    Caller::WrongScheme,
    Caller::Own,
    Caller::OwnPassword,
    Caller::Other,
    Caller::Suspended,
    Caller::Revoked,
    Caller::Admin,
    Caller::WrongAdmin,
];

/// To whom a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Everybody, alike.
    Public,
    /// The account that asks; a suspended one is told so (403).
    Stamping,
    /// The account that asks, suspended or not.
    Account,
    /// The account that has the token, nobody else.
    Owner,
    /// Whoever has the API key in the path: no header counts.
    KeyInPath,
    /// The operator, with the administration token.
    Admin,
}

/// The table: method, path as in the OpenAPI document, to whom, and the status of success.
const ROUTES: &[(&str, &str, Access, u16)] = &[
    ("POST", "/tsa", Access::Stamping, 200),
    ("POST", "/tsa/{tsu}", Access::Stamping, 200),
    ("POST", "/tsa/key/{api_key}", Access::KeyInPath, 200),
    ("GET", "/api/v1/stamp-account", Access::Account, 200),
    ("GET", "/api/v1/stamp-account/events", Access::Account, 200),
    ("GET", "/api/v1/stamp-account/links", Access::Account, 200),
    // Nobody has linked the account.
    ("DELETE", "/api/v1/stamp-account/links/{holder}", Access::Account, 404),
    ("GET", "/api/v1/timestamps/{serial}", Access::Owner, 200),
    ("GET", "/pki/{ca}.crt", Access::Public, 200),
    ("GET", "/pki/{ca}.crl", Access::Public, 200),
    ("GET", "/pki/chain.pem", Access::Public, 200),
    ("POST", "/ocsp", Access::Public, 200),
    ("GET", "/ocsp/{request}", Access::Public, 200),
    // By a gateway, with its signature; a test has none here.
    ("POST", "/api/v1/sms-reports/{gateway}", Access::Public, 403),
    ("GET", "/api/v1/sms-reports/{gateway}/{message}/{mac}", Access::Public, 403),
    ("GET", "/healthz", Access::Public, 200),
    ("GET", "/readyz", Access::Public, 200),
    // To callers on the same machine, which a test always is.
    ("GET", "/metrics", Access::Public, 200),
    ("GET", "/api/v1/admin/accounts", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts", Access::Admin, 201),
    ("GET", "/api/v1/admin/accounts/{account}", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts/{account}/suspend", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts/{account}/reactivate", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts/{account}/password", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts/{account}/lots", Access::Admin, 201),
    ("POST", "/api/v1/admin/accounts/{account}/refunds", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts/{account}/lots/{lot}/void", Access::Admin, 200),
    ("GET", "/api/v1/admin/accounts/{account}/statement", Access::Admin, 200),
    ("GET", "/api/v1/admin/accounts/{account}/api-keys", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts/{account}/api-keys", Access::Admin, 201),
    ("DELETE", "/api/v1/admin/accounts/{account}/api-keys/{prefix}", Access::Admin, 204),
    ("GET", "/api/v1/admin/accounts/{account}/certificates", Access::Admin, 200),
    ("POST", "/api/v1/admin/accounts/{account}/certificates", Access::Admin, 201),
    ("DELETE", "/api/v1/admin/accounts/{account}/certificates/{sha256}", Access::Admin, 204),
    ("GET", "/api/v1/admin/accounts/{account}/links", Access::Admin, 200),
    ("DELETE", "/api/v1/admin/accounts/{account}/links/{holder}", Access::Admin, 404),
    ("POST", "/api/v1/admin/accounts/{account}/close", Access::Admin, 200),
    ("GET", "/api/v1/admin/tsus", Access::Admin, 200),
    ("GET", "/api/v1/admin/tsus/{id}", Access::Admin, 200),
    ("POST", "/api/v1/admin/tsus", Access::Admin, 201),
    ("POST", "/api/v1/admin/tsus/{id}/keys", Access::Admin, 201),
    ("GET", "/api/v1/admin/tsus/{id}/csr", Access::Admin, 200),
    // The key has its certificate from the built-in CA.
    ("POST", "/api/v1/admin/tsus/{id}/certificate", Access::Admin, 409),
    ("POST", "/api/v1/admin/tsus/{id}/activate", Access::Admin, 200),
    ("POST", "/api/v1/admin/tsus/{id}/default", Access::Admin, 200),
    ("POST", "/api/v1/admin/tsus/{id}/retire", Access::Admin, 200),
    ("GET", "/api/v1/admin/authorities", Access::Admin, 200),
    ("POST", "/api/v1/admin/authorities/{ca}/crl", Access::Admin, 200),
    ("GET", "/api/v1/admin/certificates", Access::Admin, 200),
    ("POST", "/api/v1/admin/certificates", Access::Admin, 201),
    ("GET", "/api/v1/admin/certificates/{serial}", Access::Admin, 200),
    ("POST", "/api/v1/admin/certificates/{serial}/suspend", Access::Admin, 200),
    ("POST", "/api/v1/admin/certificates/{serial}/reactivate", Access::Admin, 200),
    ("POST", "/api/v1/admin/certificates/{serial}/revoke", Access::Admin, 200),
    ("GET", "/api/v1/admin/time", Access::Admin, 200),
    ("GET", "/api/v1/admin/store", Access::Admin, 200),
    ("GET", "/api/v1/admin/trail", Access::Admin, 200),
];

/// Paths that are served and not part of the interface that the document describes.
const UNDESCRIBED: &[&str] = &["/", "/api/v1/openapi.json", "/api/v1/docs", "/api/v1/docs/"];

/// What `caller` gets from a route.
fn expected(access: Access, success: u16, caller: Caller) -> u16 {
    use Caller::{Admin, Other, Own, OwnPassword, Suspended};
    match access {
        Access::Public | Access::KeyInPath => success,
        Access::Stamping => match caller {
            Own | OwnPassword | Other => success,
            Suspended => 403,
            _ => 401,
        },
        Access::Account => match caller {
            Own | OwnPassword | Other | Suspended => success,
            _ => 401,
        },
        Access::Owner => match caller {
            Own | OwnPassword => success,
            Other | Suspended => 404,
            _ => 401,
        },
        Access::Admin => match caller {
            Admin => success,
            _ => 401,
        },
    }
}

/// The accounts of the table, and what stands in the paths' braces.
struct Scene {
    service: Service,
    own: Account,
    other: Account,
    suspended: Account,
    /// Its key is revoked.
    revoked: Account,
    /// The account that the operator works on.
    subject: Account,
    serial: String,
    subject_serial: String,
    prefix: String,
    /// Serial number of a certificate of a TLS client.
    certificate: String,
}

impl Scene {
    fn set() -> Self {
        let service = Service::demo();
        let open = |name: &str| Account::open(&service, name, 1000);
        let (own, other, suspended, revoked, subject) =
            (open("own"), open("other"), open("suspended"), open("revoked"), open("subject"));
        suspended.change(&service, "suspend");
        let prefix = first_prefix(&service, &revoked);
        let path = revoked.path(&format!("/api-keys/{prefix}"));
        assert_eq!(service.admin().delete(&path).status, 204);
        let serial = |account: &Account| {
            let answer = account.client(&service).stamp(&request::fresh()).status(200);
            Reply::read(&answer.body).token().serial()
        };
        let (serial, subject_serial) = (serial(&own), serial(&subject));
        let prefix = first_prefix(&service, &subject);
        let certificate = service.admin().post("/api/v1/admin/certificates", &client_request());
        let certificate = certificate.status(201).json()["serial"].as_str().unwrap().to_owned();
        Self {
            own,
            other,
            suspended,
            revoked,
            subject,
            serial,
            subject_serial,
            prefix,
            certificate,
            service,
        }
    }

    fn client(&self, caller: Caller) -> Client {
        let client = self.service.client();
        match caller {
            Caller::Nobody => client,
            // A name of its own for each try: guesses of one name are slowed down.
            Caller::WrongPassword => client.basic(&format!("nobody-{}", request::random()), "x"),
            Caller::WrongScheme => client.authorized("Negotiate abc"),
            Caller::Own => self.own.client(&self.service),
            Caller::OwnPassword => client.basic(&self.own.name, &self.own.password),
            Caller::Other => self.other.client(&self.service),
            Caller::Suspended => self.suspended.client(&self.service),
            Caller::Revoked => self.revoked.client(&self.service),
            Caller::Admin => self.service.admin(),
            Caller::WrongAdmin => client.bearer(&"0".repeat(64)),
        }
    }

    /// The path with everything in braces filled in.
    fn fill(&self, path: &str) -> String {
        let lots = self.subject.view(&self.service)["lots"].clone();
        let unit = self.service.admin().get("/api/v1/admin/tsus").json()["tsus"][0]["id"].clone();
        let issued = path.starts_with("/api/v1/admin/certificates/");
        path.replace("{tsu}", unit.as_str().unwrap())
            .replace("{request}", "MAA=")
            .replace("{gateway}", "main")
            .replace("{message}", "m-1")
            .replace("{mac}", "00")
            .replace("{id}", unit.as_str().unwrap())
            .replace("{api_key}", &self.own.api_key)
            .replace("{serial}", if issued { &self.certificate } else { &self.serial })
            .replace("{ca}", "root")
            .replace("{account}", &self.subject.id)
            .replace("{holder}", "h-1")
            .replace("{lot}", lots[0]["id"].as_str().unwrap_or("none"))
            .replace("{prefix}", &self.prefix)
            .replace("{sha256}", &"ab".repeat(32))
    }

    fn body(&self, path: &str) -> Value {
        if path == "/api/v1/admin/certificates" {
            return client_request();
        }
        match path.rsplit('/').next().unwrap() {
            "tsus" => json!({ "id": "new", "key": "p256", "policies": ["1.2.3"] }),
            "certificate" => json!({ "chain": "nothing", "generation": 1 }),
            "retire" => json!({ "generation": 1, "destroy_key": true }),
            "revoke" => json!({ "reason_code": "superseded" }),
            "accounts" => json!({ "name": "new", "stamps": 1 }),
            "lots" => json!({ "quantity": 1 }),
            "refunds" => json!({ "serial": self.subject_serial }),
            "certificates" => json!({ "sha256": "ab".repeat(32) }),
            _ => json!({}),
        }
    }

    fn ask(&self, caller: Caller, method: &str, path: &str) -> Answer {
        let filled = self.fill(path);
        let client = self.client(caller);
        match method {
            "POST" if path.starts_with("/tsa") => {
                let headers = [("Content-Type", QUERY)];
                client.send("POST", &filled, &headers, Some(&request::fresh()))
            }
            "POST" if path == "/ocsp" => {
                let headers = [("Content-Type", "application/ocsp-request")];
                client.send("POST", &filled, &headers, Some(b"nothing"))
            }
            "POST" => client.post(&filled, &self.body(path)),
            _ => client.send(method, &filled, &[], None),
        }
    }
}

/// What a TLS client's certificate is asked for with.
fn client_request() -> Value {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut request = X509ReqBuilder::new().unwrap();
    request.set_pubkey(&key).unwrap();
    request.sign(&key, MessageDigest::sha256()).unwrap();
    let csr = String::from_utf8(request.build().to_pem().unwrap()).unwrap();
    json!({ "ca": "holders", "profile": "tls-client", "csr": csr,
        "subject": { "country": "IT", "organization": "Example", "common_name": "pump-7" } })
}

fn first_prefix(service: &Service, account: &Account) -> String {
    let keys = service.admin().get(&account.path("/api-keys")).status(200).json();
    keys["api_keys"][0]["prefix"].as_str().unwrap().to_owned()
}

/// Refused callers first, so that nothing of what they ask for can have been done by then.
#[test]
fn every_route_answers_whom_it_should() {
    let scene = Scene::set();
    let before = scene.subject.view(&scene.service);
    let mut wrong = Vec::new();
    let mut check = |method: &str, path: &str, access, success, caller| {
        // The stream has no end, and tests of its own.
        if path.ends_with("/events") {
            return;
        }
        let expected = expected(access, success, caller);
        let answer = scene.ask(caller, method, path);
        if answer.status != expected {
            wrong.push(format!(
                "{method} {path}: {caller:?} gets {} instead of {expected}: {}",
                answer.status,
                answer.text()
            ));
        }
        if answer.status == 401 && answer.header("www-authenticate").is_none() {
            wrong.push(format!("{method} {path}: {caller:?}: no WWW-Authenticate"));
        }
    };
    for &(method, path, access, success) in ROUTES {
        for caller in CALLERS.into_iter().filter(|&caller| caller != Caller::Admin) {
            check(method, path, access, success, caller);
        }
    }
    assert_eq!(scene.subject.view(&scene.service), before, "a refused caller changed something");
    // An account holds two keys at most: the one that will be revoked makes room for the new one.
    for &(method, path, access, success) in ROUTES {
        check(method, path, access, success, Caller::Admin);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A revoked key is a wrong key; an account's key is no administration token, and the other way.
#[test]
fn keys_and_tokens_are_not_exchanged() {
    let scene = Scene::set();
    let revoked = scene.client(Caller::Revoked);
    for path in ["/api/v1/stamp-account", "/api/v1/stamp-account/events"] {
        revoked.get(path).problem(401, "unauthorized");
    }
    revoked.stamp(&request::fresh()).problem(401, "unauthorized");
    let key_path = format!("/tsa/key/{}", scene.revoked.api_key);
    scene.service.client().stamp_at(&key_path, &request::fresh()).problem(401, "unauthorized");
    let demo = scene.service.client().bearer(DEMO_KEY);
    demo.get("/api/v1/admin/accounts").problem(401, "admin-unauthorized");
    scene.service.admin().get("/api/v1/stamp-account").problem(401, "unauthorized");
    scene.service.admin().stamp(&request::fresh()).problem(401, "unauthorized");
    let token = std::fs::read_to_string(scene.service.admin_token_file()).unwrap();
    let as_password = scene.service.client().basic("admin", token.trim());
    as_password.get("/api/v1/admin/accounts").problem(401, "admin-unauthorized");
}

/// The stream of events, for those who get none.
#[test]
fn the_event_stream_asks_for_credentials() {
    let scene = Scene::set();
    for caller in [Caller::Nobody, Caller::WrongPassword, Caller::Revoked, Caller::Admin] {
        let answer = scene.client(caller).get("/api/v1/stamp-account/events");
        answer.problem(401, "unauthorized");
    }
}

/// Each path answers any other method with 405 and the methods of the table in `Allow`.
#[test]
fn every_route_names_its_methods() {
    let scene = Scene::set();
    let admin = scene.service.admin();
    for &(_, path, ..) in ROUTES {
        let known: BTreeSet<&str> =
            ROUTES.iter().filter(|route| route.1 == path).map(|route| route.0).collect();
        let answer = admin.send("PATCH", &scene.fill(path), &[], None).status(405);
        let allow: BTreeSet<&str> = answer.header("allow").unwrap().split(", ").collect();
        let allow: BTreeSet<&str> = allow.into_iter().filter(|&method| method != "HEAD").collect();
        assert_eq!(allow, known, "{path}");
    }
    for path in crate::holders::ROUTES.iter().map(|route| route.1) {
        let all = crate::holders::ROUTES.iter().filter(|route| route.1 == path);
        let known: BTreeSet<&str> = all.map(|route| route.0).collect();
        let other = ["PATCH", "PUT"].into_iter().find(|method| !known.contains(method)).unwrap();
        let answer = admin.send(other, &filled(path), &[], None).status(405);
        let allow = answer.header("allow").unwrap().split(", ");
        let allow: BTreeSet<&str> = allow.filter(|&method| method != "HEAD").collect();
        assert_eq!(allow, known, "{path}");
    }
    for path in UNDESCRIBED {
        let answer = admin.send("PATCH", path, &[], None);
        assert!(matches!(answer.status, 404 | 405), "{path}: {}", answer.status);
    }
}

/// A path with something in the place of everything in braces: methods come before identifiers.
fn filled(path: &str) -> String {
    let piece =
        |piece: &str| if piece.starts_with('{') { "x".to_owned() } else { piece.to_owned() };
    path.split('/').map(piece).collect::<Vec<_>>().join("/")
}

/// The table and the OpenAPI document list the same routes: a new one cannot be forgotten here.
#[test]
fn the_table_has_every_route_of_the_document() {
    let service = Service::demo();
    let document = service.client().get("/api/v1/openapi.json").status(200).json();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if ["get", "post", "put", "delete", "patch"].contains(&method.as_str()) {
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let own = ROUTES.iter().map(|route| (route.0, route.1));
    let holders = crate::holders::ROUTES.iter().map(|route| (route.0, route.1));
    let table: BTreeSet<(String, String)> =
        own.chain(holders).map(|route| (route.0.to_owned(), route.1.to_owned())).collect();
    let missing: Vec<_> = described.difference(&table).collect();
    let gone: Vec<_> = table.difference(&described).collect();
    assert!(missing.is_empty(), "not in the table of tests/it/access.rs: {missing:?}");
    assert!(gone.is_empty(), "not in the OpenAPI document: {gone:?}");
}
