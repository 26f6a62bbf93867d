//! TLS: the listener, and client certificates that stand for an account.

use crate::harness::certificates::{Certified, Purpose, certify};
use crate::harness::{Account, Client, Config, Program, Service, request};
use serde_json::json;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

/// A CA of the test, a server and its data.
struct Scene {
    authority: Certified,
    service: Service,
    _files: tempfile::TempDir,
}

impl Scene {
    fn set(with_client_ca: bool) -> Self {
        let files = crate::harness::temporary();
        let authority = certify("Test CA", Purpose::Authority, None);
        let server = certify("server", Purpose::Server, Some(&authority));
        let (certificate, key) = server.write(files.path(), "server");
        let (ca, _) = authority.write(files.path(), "ca");
        let mut section = format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
        if with_client_ca {
            section.push_str(&format!("client_ca = {ca:?}\n"));
        }
        let service = Config::new().section(section).start();
        assert!(service.url().starts_with("https://127.0.0.1:"));
        Self { authority, service, _files: files }
    }

    fn client(&self, identity: Option<&Certified>) -> Client {
        let root = Certificate::from_der(&self.authority.certificate.to_der().unwrap()).to_owned();
        let identity = identity.map(|identity| {
            let chain = Certificate::from_pem(identity.pem().as_bytes()).unwrap();
            let key = PrivateKey::from_pem(identity.key_pem().as_bytes()).unwrap();
            ClientCert::new_with_certs(&[chain], key)
        });
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::new_with_certs(&[root]))
            .client_cert(identity)
            .build();
        Client::with_tls(self.service.url(), tls)
    }

    fn admin(&self) -> Client {
        let token = std::fs::read_to_string(self.service.admin_token_file()).unwrap();
        self.client(None).bearer(token.trim())
    }

    fn open(&self, name: &str) -> Account {
        let body = json!({ "name": name, "stamps": 10 });
        let made = self.admin().post("/api/v1/admin/accounts", &body).status(201).json();
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        Account {
            id: text("id"),
            name: text("name"),
            password: text("password"),
            api_key: text("api_key"),
        }
    }
}

/// H4: HTTPS, with the same credentials as HTTP; plain HTTP to the port is no answer.
#[test]
fn https_is_served() {
    let scene = Scene::set(false);
    let account = scene.open("acme");
    let client = scene.client(None);
    client.bearer(&account.api_key).stamp(&request::fresh()).status(200);
    client.basic("acme", &account.password).stamp(&request::fresh()).status(200);
    client.stamp(&request::fresh()).problem(401, "unauthorized");
    let address = scene.service.address();
    let mut plain = crate::harness::Raw::connect(address);
    plain.write(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
    assert!(plain.answer().is_err(), "no answer without TLS");
}

/// Contract: mTLS. A certificate that is bound stands for its account; one that is not is 401,
/// and other credentials still work beside it.
#[test]
fn a_bound_client_certificate_is_the_account() {
    let scene = Scene::set(true);
    let account = scene.open("acme");
    let bound = certify("bound", Purpose::Client, Some(&scene.authority));
    let unbound = certify("unbound", Purpose::Client, Some(&scene.authority));
    let certificates = account.path("/certificates");
    let made = scene.admin().post(&certificates, &json!({ "certificate": bound.pem() }));
    let sha256 = made.status(201).json()["sha256"].as_str().unwrap().to_owned();

    let by_bound = scene.client(Some(&bound));
    let answer = by_bound.stamp(&request::fresh()).status(200);
    assert_eq!(answer.header("stamps-remaining"), Some("9"));
    assert_eq!(by_bound.balance(), (9, 1));
    scene.client(Some(&unbound)).stamp(&request::fresh()).problem(401, "unauthorized");
    scene.client(None).stamp(&request::fresh()).problem(401, "unauthorized");
    let beside = scene.client(Some(&unbound)).bearer(&account.api_key);
    beside.stamp(&request::fresh()).status(200);
    // What is sent in a header is meant: it does not fall back to the certificate.
    by_bound.bearer("wrong").stamp(&request::fresh()).problem(401, "unauthorized");

    assert_eq!(scene.admin().delete(&format!("{certificates}/{sha256}")).status, 204);
    by_bound.stamp(&request::fresh()).problem(401, "unauthorized");
}

/// A certificate from elsewhere, with the same names, ends the handshake.
#[test]
fn a_client_certificate_of_another_ca_is_refused() {
    let scene = Scene::set(true);
    let other = certify("Test CA", Purpose::Authority, None);
    let client = certify("bound", Purpose::Client, Some(&other));
    let refused = scene.client(Some(&client)).try_send("GET", "/healthz", &[], None);
    assert!(refused.is_err(), "{:?}", refused.map(|answer| answer.status));
    scene.client(None).get("/healthz").status(200);
}

/// D73: TLS 1.2 and 1.3, as `openssl s_client` sees it; nothing older.
#[test]
fn s_client_connects_with_tls_1_2_and_1_3_only() {
    let scene = Scene::set(false);
    let directory = crate::harness::temporary();
    let (ca, _) = scene.authority.write(directory.path(), "ca");
    let connect = |version: &str| {
        let ca = ca.to_str().unwrap();
        let arguments = ["s_client", "-connect", scene.service.address(), "-CAfile", ca];
        let more = ["-verify_return_error", "-brief", version];
        Program::new("openssl", &[&arguments[..], &more].concat()).input("Q\n").run()
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let finished = connect(version).ok();
        let said = format!("{}{}", finished.out, finished.err);
        assert!(said.contains("Verification: OK"), "{said}");
    }
    for version in ["-tls1", "-tls1_1"] {
        assert!(!connect(version).status.success(), "{version}");
    }
}

/// A key that others can read, and one that is not the certificate's, are refused by name.
#[test]
fn a_wrong_key_is_refused_by_name() {
    let files = crate::harness::temporary();
    let (certificate, key) = certify("a", Purpose::Server, None).write(files.path(), "a");
    let (_, other) = certify("b", Purpose::Server, None).write(files.path(), "b");
    let section =
        |key: &std::path::Path| format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
    Config::new().section(section(&other)).write().fails_to_start().says("tls.key");
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, readable).unwrap();
    Config::new().section(section(&key)).write().fails_to_start().says("chmod 600");
}
