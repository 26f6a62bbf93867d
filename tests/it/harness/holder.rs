//! A certificate of the CA for holders, with every verifier that is asked about it.

use super::program::{Finished, Program, openssl, python};
use super::service::Service;
use openssl::x509::X509;
use serde_json::{Value, json};
use std::path::PathBuf;

/// How a certificate stands, in the words of its verifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Neither suspended nor revoked.
    Good,
    /// On hold.
    Suspended,
    /// Revoked, with the reason as OpenSSL writes it.
    Revoked(&'static str),
}

/// A certificate of the CA for holders; the files about it lie in a directory of its own.
pub(crate) struct Holder<'a> {
    service: &'a Service,
    directory: PathBuf,
    /// Its serial number, hex.
    pub(crate) serial: String,
}

/// Validates `cert.pem` with pyhanko-certvalidator, revocation checked hard: with what the
/// certificate's own pointers give, and with the revocation lists alone.
const PYHANKO: &str = r#"
import asyncio, sys
from asn1crypto import crl, pem, x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import InvalidCertificateError, PathValidationError, RevokedError

def certificate(name):
    with open(name, "rb") as file:
        data = file.read()
    return x509.Certificate.load(pem.unarmor(data)[2] if pem.detect(data) else data)

def lists():
    for name in ("holders.crl", "root.crl"):
        with open(name, "rb") as file:
            yield crl.CertificateList.load(file.read())

async def check(**how):
    context = ValidationContext(
        trust_roots=[certificate("root.pem")], other_certs=[certificate("ca.pem")],
        revocation_mode="hard-fail", **how)
    validator = CertificateValidator(certificate("cert.pem"), validation_context=context)
    try:
        await validator.async_validate_usage(set())
        return "good"
    except RevokedError as error:
        return "revoked: %s" % error.reason.human_friendly
    except (InvalidCertificateError, PathValidationError) as error:
        return "failed: %s" % error

print("fetched", asyncio.run(check(allow_fetching=True)))
print("lists", asyncio.run(check(allow_fetching=False, crls=list(lists()))))
"#;

impl<'a> Holder<'a> {
    /// Makes a key and a request with OpenSSL, and has it certified for remote signatures.
    pub(crate) fn certified(service: &'a Service, name: &str) -> Self {
        let directory = service.directory().join(name);
        std::fs::create_dir(&directory).unwrap();
        let request = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let files = ["-nodes", "-keyout", "key.pem", "-out", "req.pem", "-subj", "/CN=not used"];
        openssl(&directory, &[&request[..], &files].concat()).ok();
        let body = json!({
            "ca": "holders",
            "profile": "remote",
            "subject": {
                "country": "IT",
                "given_name": "Ada",
                "surname": "Rossi",
                "serial_number": "TINIT-RSSDAA80A41H501X",
            },
            "csr": std::fs::read_to_string(directory.join("req.pem")).unwrap(),
        });
        let made = service.admin().post("/api/v1/admin/certificates", &body).status(201).json();
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        assert_eq!(text("status"), "good");
        std::fs::write(directory.join("cert.pem"), text("certificate")).unwrap();
        Self::with_authorities(service, directory, text("serial"))
    }

    /// A certificate that the service has issued to somebody, PEM, with files in a new directory.
    pub(crate) fn issued(service: &'a Service, name: &str, certificate: &str) -> Self {
        let directory = service.directory().join(name);
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("cert.pem"), certificate).unwrap();
        let read = X509::from_pem(certificate.as_bytes()).unwrap();
        let serial = read.serial_number().to_bn().unwrap().to_hex_str().unwrap().to_lowercase();
        Self::with_authorities(service, directory, serial)
    }

    fn with_authorities(service: &'a Service, directory: PathBuf, serial: String) -> Self {
        let holder = Self { service, directory, serial };
        for (ca, file) in [("root", "root.pem"), ("holders", "ca.pem")] {
            let der = service.client().get(&format!("/pki/{ca}.crt")).status(200).body;
            std::fs::write(holder.directory.join("ca.der"), der).unwrap();
            let convert = ["x509", "-inform", "DER", "-in", "ca.der", "-out", file];
            openssl(&holder.directory, &convert).ok();
        }
        holder
    }

    /// `suspend`, `reactivate` or `revoke` through the administration API.
    #[track_caller]
    pub(crate) fn change(&self, act: &str, body: &Value) -> Value {
        let path = format!("/api/v1/admin/certificates/{}/{act}", self.serial);
        self.service.admin().post(&path, body).status(200).json()
    }

    /// The same, refused.
    #[track_caller]
    pub(crate) fn refused(&self, act: &str, body: &Value) {
        let path = format!("/api/v1/admin/certificates/{}/{act}", self.serial);
        let answer = self.service.admin().post(&path, body);
        assert!((400..500).contains(&answer.status), "{answer:?}: {}", answer.text());
    }

    /// Asks every verifier, and checks that all of them say what the service says.
    #[track_caller]
    pub(crate) fn stands(&self, expected: Standing) {
        self.openssl_says(expected);
        self.pyhanko_says(expected);
    }

    /// The same with OpenSSL alone, which needs no address from inside the certificate.
    #[track_caller]
    pub(crate) fn openssl_says(&self, expected: Standing) {
        let path = format!("/api/v1/admin/certificates/{}", self.serial);
        let own = self.service.admin().get(&path).status(200).json();
        let word = match expected {
            Standing::Good => "good",
            Standing::Suspended => "suspended",
            Standing::Revoked(_) => "revoked",
        };
        assert_eq!(own["status"], word, "{own}");
        self.fetch_lists();
        self.verify_says(expected);
        self.ocsp_says(expected);
    }

    fn openssl(&self, arguments: &[&str]) -> Finished {
        openssl(&self.directory, arguments)
    }

    /// The revocation lists as they are now, DER and PEM.
    fn fetch_lists(&self) {
        let mut all = String::new();
        for ca in ["holders", "root"] {
            let answer = self.service.client().get(&format!("/pki/{ca}.crl")).status(200);
            assert_eq!(answer.header("content-type"), Some("application/pkix-crl"));
            let file = format!("{ca}.crl");
            std::fs::write(self.directory.join(&file), &answer.body).unwrap();
            all.push_str(&self.openssl(&["crl", "-inform", "DER", "-in", &file]).ok().out);
        }
        std::fs::write(self.directory.join("lists.pem"), all).unwrap();
    }

    /// `openssl verify -crl_check_all`
    #[track_caller]
    fn verify_says(&self, expected: Standing) {
        let verify = ["verify", "-x509_strict", "-crl_check_all", "-CAfile", "root.pem"];
        let files = ["-untrusted", "ca.pem", "-CRLfile", "lists.pem", "cert.pem"];
        let said = self.openssl(&[&verify[..], &files].concat());
        match expected {
            Standing::Good => assert!(said.ok().out.contains("cert.pem: OK")),
            _ => drop(said.code(2).says("certificate revoked")),
        }
        let list =
            self.openssl(&["crl", "-inform", "DER", "-in", "holders.crl", "-noout", "-text"]);
        let list = list.ok().out;
        let entry = list
            .split("Serial Number: ")
            .find(|part| part.to_lowercase().starts_with(&self.serial));
        match expected {
            Standing::Good => assert!(entry.is_none(), "{list}"),
            Standing::Suspended => assert!(entry.unwrap().contains("Certificate Hold"), "{list}"),
            Standing::Revoked(reason) => {
                let shown = entry.unwrap().replace(' ', "").to_lowercase();
                assert!(shown.contains(&reason.to_lowercase()), "{list}");
            }
        }
    }

    /// `openssl ocsp`, over HTTP, with a nonce and without, issuer hashes SHA-1 and SHA-256.
    #[track_caller]
    fn ocsp_says(&self, expected: Standing) {
        let url = format!("{}/ocsp", self.service.url());
        for more in [&["-sha1"][..], &["-sha256"], &["-sha256", "-no_nonce"]] {
            let ask = ["ocsp", "-issuer", "ca.pem", more[0], "-cert", "cert.pem", "-url", &url];
            let trust = ["-CAfile", "root.pem", "-verify_other", "ca.pem"];
            let said = self.openssl(&[&ask[..], &trust, &more[1..]].concat()).ok();
            assert!(said.err.contains("Response verify OK"), "{}\n{}", said.out, said.err);
            assert!(!said.err.contains("WARNING"), "{}", said.err);
            match expected {
                Standing::Good => assert!(said.out.contains("cert.pem: good"), "{}", said.out),
                Standing::Suspended => {
                    assert!(said.out.contains("cert.pem: revoked"), "{}", said.out);
                    assert!(said.out.contains("Reason: certificateHold"), "{}", said.out);
                }
                Standing::Revoked(reason) => {
                    assert!(said.out.contains("cert.pem: revoked"), "{}", said.out);
                    assert!(said.out.contains(&format!("Reason: {reason}")), "{}", said.out);
                }
            }
        }
    }

    /// pyHanko's validator, once by the pointers in the certificate and once by the lists.
    #[track_caller]
    fn pyhanko_says(&self, expected: Standing) {
        let ran = Program::new(python(), &["-c", PYHANKO]).directory(&self.directory).run().ok();
        for way in ["fetched", "lists"] {
            let said = ran.out.lines().find_map(|line| line.strip_prefix(way)).unwrap().trim();
            match expected {
                Standing::Good => assert_eq!(said, "good", "{way}"),
                _ => assert!(said.starts_with("revoked"), "{way}: {said}"),
            }
        }
    }
}
