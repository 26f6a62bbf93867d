//! ML-DSA, RSA-PSS, Ed25519: tokens that a verifier of the same OpenSSL accepts.

use super::{create, stamp};
use crate::harness::Service;
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use serde_json::json;

/// Each algorithm gives tokens that OpenSSL's CMS verifies up to the root.
#[test]
fn every_modern_algorithm_verifies_with_cms() {
    let service = Service::demo();
    let root = std::fs::read(service.ca_file()).unwrap();
    for (id, key, padding) in [
        ("ml44", "ml-dsa-44", "pkcs1"),
        ("ml65", "ml-dsa-65", "pkcs1"),
        ("ml87", "ml-dsa-87", "pkcs1"),
        ("pss", "rsa3072", "pss"),
        ("ed", "ed25519", "pkcs1"),
    ] {
        create(&service, &json!({ "id": id, "key": key, "padding": padding }));
        let reply = stamp(&service, id);
        reply.token().verify(&root);
        verify_with_cms(&reply.token_der(), &root);
    }
    assert_eq!(service.demo_client().balance(), (95, 5));
}

/// `openssl cms -verify -purpose timestampsign`, of the OpenSSL that is linked in here.
fn verify_with_cms(token: &[u8], roots: &[u8]) {
    let mut store = X509StoreBuilder::new().unwrap();
    for certificate in X509::stack_from_pem(roots).unwrap() {
        store.add_cert(certificate).unwrap();
    }
    store.set_purpose(openssl::x509::X509PurposeId::TIMESTAMP_SIGN).unwrap();
    let mut cms = CmsContentInfo::from_der(token).unwrap();
    let mut content = Vec::new();
    let none = CMSOptions::empty();
    cms.verify(None, Some(&store.build()), None, Some(&mut content), none).unwrap();
    assert!(!content.is_empty());
}
