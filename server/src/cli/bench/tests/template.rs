//! The request: what it decodes to, and what a round changes in it.

use crate::cli::bench::template::{Hash, Random, Target, Template};
use clap::ValueEnum;
use rasn_cms::tsp::TimeStampReq;
use std::collections::HashSet;

fn target() -> Target {
    Target {
        path: "/tsa/main".to_owned(),
        authority: "h:1".to_owned(),
        authorization: Some("Bearer k".to_owned()),
    }
}

fn decoded(template: &Template) -> TimeStampReq {
    rasn::der::decode(template.request_der()).unwrap()
}

#[test]
fn the_head_is_http_and_its_length_is_right() {
    let template = Template::new(&target(), Hash::Sha256, false).unwrap();
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut headers);
    let start = request.parse(template.message()).unwrap().unwrap();
    assert_eq!((request.method, request.path), (Some("POST"), Some("/tsa/main")));
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.name == name);
        found.map(|header| std::str::from_utf8(header.value).unwrap().to_owned())
    };
    assert_eq!(header("Host").as_deref(), Some("h:1"));
    assert_eq!(header("Authorization").as_deref(), Some("Bearer k"));
    assert_eq!(header("Content-Type").as_deref(), Some("application/timestamp-query"));
    let length: usize = header("Content-Length").unwrap().parse().unwrap();
    assert_eq!(template.message().len(), start + length);
    assert_eq!(&template.message()[start..], template.request_der());
}

#[test]
fn patching_changes_imprint_and_nonce_and_nothing_else() {
    for hash in Hash::value_variants() {
        for cert_req in [false, true] {
            let mut template = Template::new(&target(), *hash, cert_req).unwrap();
            let before = decoded(&template);
            let length = template.message().len();
            let mut random = Random::new(1);
            for _ in 0..100 {
                template.refresh(&mut random);
                let after = decoded(&template);
                assert_eq!(template.message().len(), length);
                assert_eq!(after.message_imprint.hashed_message, template.imprint());
                assert_eq!(after.message_imprint.hashed_message.len(), hash.length());
                let nonce = rasn::der::encode(after.nonce.as_ref().unwrap()).unwrap();
                assert_eq!(nonce, template.nonce(), "the nonce is minimal DER");
                assert!(after.nonce > before.nonce.as_ref().map(|_| 0.into()), "positive");
                let unpatched = TimeStampReq {
                    message_imprint: before.message_imprint.clone(),
                    nonce: before.nonce.clone(),
                    ..after.clone()
                };
                assert_eq!(unpatched, before);
                assert_eq!(after.cert_req, cert_req);
                let algorithm = &after.message_imprint.hash_algorithm;
                assert_eq!(algorithm, &before.message_imprint.hash_algorithm);
                assert_eq!(rasn::der::encode(&after).unwrap(), template.request_der());
            }
        }
    }
}

#[test]
fn the_hash_is_the_one_that_openssl_knows_by_that_name() {
    for hash in Hash::value_variants() {
        let template = Template::new(&target(), *hash, false).unwrap();
        let oid = decoded(&template).message_imprint.hash_algorithm.algorithm;
        let dotted: Vec<String> = oid.iter().map(ToString::to_string).collect();
        let object = openssl::asn1::Asn1Object::from_str(&dotted.join(".")).unwrap();
        let digest = openssl::hash::MessageDigest::from_nid(object.nid()).unwrap();
        assert_eq!(digest.size(), hash.length(), "{}", hash.name());
        let named = openssl::hash::MessageDigest::from_name(hash.name()).unwrap();
        assert_eq!(named.type_(), digest.type_(), "{}", hash.name());
    }
}

#[test]
fn no_request_is_sent_twice() {
    let base = Random::new(7);
    let mut seen = HashSet::new();
    for connection in 0..64 {
        let mut template = Template::new(&target(), Hash::Sha256, false).unwrap();
        let mut random = base.fork(connection);
        for _ in 0..200 {
            template.refresh(&mut random);
            assert!(seen.insert(template.request_der().to_vec()));
            assert!(seen.insert(template.imprint().to_vec()), "an imprint again");
            assert!(seen.insert(template.nonce().to_vec()), "a nonce again");
        }
    }
}
