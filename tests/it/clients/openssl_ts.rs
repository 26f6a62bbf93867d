//! `openssl ts` asks and verifies: every hash, policy and option that it has.

use crate::harness::{Account, Config, QUERY, Service, openssl};

/// Asks with these options of `openssl ts -query`, and verifies the reply against the request and
/// against the file.
fn round(service: &Service, account: &Account, options: &[&str]) {
    let directory = service.directory();
    std::fs::write(directory.join("file"), "to be stamped\n").unwrap();
    let query = ["ts", "-query", "-data", "file", "-out", "file.tsq"];
    openssl(directory, &[&query[..], options].concat()).ok();
    let request = std::fs::read(directory.join("file.tsq")).unwrap();
    let answer =
        account.client(service).send("POST", "/tsa", &[("Content-Type", QUERY)], Some(&request));
    std::fs::write(directory.join("file.tsr"), answer.status(200).body).unwrap();
    let ca = service.ca_file();
    let ca = ca.to_str().unwrap();
    // Without certReq the verifier has to be given the unit's certificate.
    let untrusted = ["-untrusted", "unit.pem"];
    for what in [["-data", "file"], ["-queryfile", "file.tsq"]] {
        let verify = ["ts", "-verify", "-in", "file.tsr", "-CAfile", ca];
        let all = [&verify[..], &what, &untrusted].concat();
        let finished = openssl(directory, &all).ok();
        let said = format!("{}{}", finished.out, finished.err);
        assert!(said.contains("Verification: OK"), "{options:?}: {said}");
    }
    let text = openssl(directory, &["ts", "-reply", "-in", "file.tsr", "-text"]).ok().out;
    assert!(text.contains("Status: Granted."), "{text}");
    assert!(text.contains("Ordering: no"), "{text}");
}

/// Hashes, with and without certificate, with and without nonce, with a policy.
#[test]
fn openssl_verifies_what_it_asked_for() {
    let service = Config::new().start();
    let account = Account::open(&service, "acme", 100);
    let unit = service.admin().get("/api/v1/admin/tsus/tsu1").status(200).json();
    let pem = unit["certificate"].as_str().unwrap();
    std::fs::write(service.directory().join("unit.pem"), pem).unwrap();
    for hash in ["-sha256", "-sha384", "-sha512", "-sha3-256", "-sha3-384", "-sha3-512"] {
        round(&service, &account, &[hash, "-cert"]);
    }
    round(&service, &account, &["-sha256"]);
    round(&service, &account, &["-sha256", "-no_nonce"]);
    round(&service, &account, &["-sha256", "-no_nonce", "-cert"]);
    round(&service, &account, &["-sha256", "-cert", "-tspolicy", "1.2.3.4.5"]);
    assert_eq!(account.balance(&service), (90, 10));
}

/// A file that was changed afterwards does not verify: the checks above can fail.
#[test]
fn a_changed_file_does_not_verify() {
    let service = Service::demo();
    let account = Account::open(&service, "acme", 100);
    std::fs::write(service.directory().join("unit.pem"), "").unwrap();
    let directory = service.directory();
    std::fs::write(directory.join("file"), "one").unwrap();
    openssl(directory, &["ts", "-query", "-data", "file", "-cert", "-out", "q", "-sha256"]).ok();
    let request = std::fs::read(directory.join("q")).unwrap();
    let answer = account.client(&service).stamp(&request).status(200);
    std::fs::write(directory.join("r"), answer.body).unwrap();
    std::fs::write(directory.join("file"), "two").unwrap();
    let ca = service.ca_file();
    let verify = ["ts", "-verify", "-in", "r", "-CAfile", ca.to_str().unwrap(), "-data", "file"];
    assert!(!openssl(directory, &verify).status.success());
}

/// `certificates = "full"`: the chain below the root is in the token, and a verifier that has the
/// root alone is content. `openssl` takes the certificates in their DER order.
#[test]
fn a_full_chain_verifies_with_the_root_alone() {
    let mut service = Config::new().write();
    let path = service.directory().join("marca.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}certificates = \"full\"\n")).unwrap();
    service.start();
    let account = Account::open(&service, "acme", 5);
    let root = service.client().get("/pki/root.crt").status(200).body;
    let root = openssl::x509::X509::from_der(&root).unwrap().to_pem().unwrap();
    let directory = service.directory();
    std::fs::write(directory.join("root.pem"), root).unwrap();
    std::fs::write(directory.join("file"), "x").unwrap();
    openssl(directory, &["ts", "-query", "-data", "file", "-cert", "-out", "q", "-sha256"]).ok();
    let request = std::fs::read(directory.join("q")).unwrap();
    let answer = account.client(&service).stamp(&request).status(200);
    std::fs::write(directory.join("r"), answer.body).unwrap();
    let verify = ["ts", "-verify", "-in", "r", "-CAfile", "root.pem", "-queryfile", "q"];
    openssl(directory, &verify).ok();
}
