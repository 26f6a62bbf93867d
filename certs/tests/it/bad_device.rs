//! A device that returns wrong signatures: nothing of it is published.

use crate::support::{Hierarchy, SeededRng, URL, key, name, now, policy};
use chrono::Duration;
use marca_certs::crl::{self, CrlError};
use marca_certs::csr::{self, Wanted};
use marca_certs::ocsp::{CertStatus, Request, Responder, SingleAnswer};
use marca_certs::{
    CertificateAuthority, EndKind, EndProfile, IssueError, KeyError, KeyKind, SignatureScheme,
    SigningKey,
};
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspRequest};
use openssl::pkey::{PKey, Public};
use openssl::x509::X509;
use std::sync::Arc;

/// Signs another message than the one it is given.
#[derive(Debug)]
struct BadDevice(Arc<dyn SigningKey>);

impl SigningKey for BadDevice {
    fn kind(&self) -> KeyKind {
        self.0.kind()
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }

    fn public_key(&self) -> &PKey<Public> {
        self.0.public_key()
    }

    fn in_device(&self) -> bool {
        true
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.0.sign(&message[1..])
    }
}

fn assert_refused(error: &IssueError) {
    assert_eq!(
        error.to_string(),
        "signing failed: the device returned a signature that does not verify with its public key"
    );
}

#[test]
fn a_wrong_signature_is_never_published() {
    for kind in [KeyKind::P256, KeyKind::Rsa2048, KeyKind::Ed25519, KeyKind::MlDsa44] {
        let hierarchy = Hierarchy::new(kind);
        let bad: Arc<dyn SigningKey> = Arc::new(BadDevice(Arc::clone(hierarchy.issuing.key())));
        let der = hierarchy.issuing.certificate_der();
        let ca = CertificateAuthority::load("tsa-ca", der, Arc::clone(&bad), URL).unwrap();

        let profile = EndProfile::new(EndKind::TlsClient, vec![policy()]);
        let (subject, public, rng) = (name("Client"), key(kind), &mut SeededRng(95));
        let issued = ca.issue(&profile, &subject, public.public_key(), now(), rng);
        assert_refused(&issued.unwrap_err());

        let list = crl::build(&ca, 1, now(), now() + Duration::days(1), &[]).unwrap_err();
        assert!(matches!(list, CrlError::Key(KeyError::Signing(_))), "{list}");

        assert_refused(&csr::build(bad.as_ref(), &subject, Wanted::Tsu).unwrap_err());

        let issuer = X509::from_der(der).unwrap();
        let unit = X509::from_der(&hierarchy.unit).unwrap();
        let mut request = OcspRequest::new().unwrap();
        let id = OcspCertId::from_cert(MessageDigest::sha1(), &unit, &issuer).unwrap();
        request.add_id(id).unwrap();
        let request = Request::parse(&request.to_der().unwrap()).unwrap();
        let answer = SingleAnswer {
            certificate: &request.certificates()[0],
            status: CertStatus::Good,
            this_update: now(),
            next_update: None,
        };
        let responder = Responder::direct(&ca).unwrap();
        assert_refused(&responder.respond(&request, &[answer], now()).unwrap_err());
    }
}
