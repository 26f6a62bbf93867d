//! The verifier accepts what is issued, for every kind of key, and says what is wrong with what is
//! not the answer.

use crate::support::keys::both_back_ends;
use crate::support::request::{self, usual};
use crate::support::{Authority, Bench, Keys, OTHER_POLICY, software_key, start_ms};
use certs::KeyKind;
use marca_tsa::verify::{self, Trust, VerifyError};
use marca_tsa::{ChainPolicy, HashAlgorithm, Outcome, Tsu};
use openssl::x509::X509;
use rasn::types::Integer;
use rasn_cms::tsp::TimeStampReq;

fn root(bench: &Bench) -> X509 {
    X509::from_der(&bench.authority.root_der()).unwrap()
}

pub(crate) fn trust(bench: &Bench) -> Trust {
    let issuing = X509::from_der(bench.authority.issuing.certificate_der()).unwrap();
    Trust { roots: vec![root(bench)], certificates: vec![issuing] }
}

both_back_ends! { verifying::tokens_of_every_kind_of_key_verify }

fn tokens_of_every_kind_of_key_verify(keys: &Keys) {
    for key in keys.of_every_scheme() {
        let kind = key.kind();
        let bench = Bench::with_key(2, key);
        let request = request::encode(&usual());
        let reply = bench.issue(&request);
        let Outcome::Granted { serial, .. } = reply.outcome else { panic!("{kind}: {reply:?}") };
        let verified = verify::reply(&reply.der, &request, &trust(&bench)).unwrap();
        assert_eq!(verified.serial, serial);
        assert_eq!(verified.gen_time_ms, start_ms());
        let unit = bench.issuer.default_unit().unwrap();
        assert_eq!(verified.certificate, unit.certificate().der());
    }
}

/// With the whole chain in the token a verifier needs the root alone.
#[test]
fn a_full_chain_verifies_with_the_root_alone() {
    let authority = Authority::new();
    let mut settings = authority.settings("main", software_key(KeyKind::P256));
    settings.chain = ChainPolicy::Full;
    let unit = Tsu::new(settings).unwrap();
    let bench = Bench::with_units(1, authority, vec![unit]);
    let request = request::encode(&usual());
    let reply = bench.issue(&request).der;
    let trust = Trust { roots: vec![root(&bench)], certificates: Vec::new() };
    assert!(verify::reply(&reply, &request, &trust).is_ok());
}

#[test]
fn a_token_without_certificates_needs_a_known_one() {
    let bench = Bench::new(1);
    let request = request::encode(&TimeStampReq { cert_req: false, ..usual() });
    let reply = bench.issue(&request).der;
    let mut trust = trust(&bench);
    let error = verify::reply(&reply, &request, &trust).unwrap_err();
    assert!(matches!(error, VerifyError::NoCertificate), "{error}");
    let unit = bench.issuer.default_unit().unwrap();
    trust.certificates.push(X509::from_der(unit.certificate().der()).unwrap());
    assert!(verify::reply(&reply, &request, &trust).is_ok());
}

/// RFC 3161 §2.2: the requester verifies "that what was time-stamped corresponds to what was
/// requested".
#[test]
fn a_token_for_another_request_is_found_out() {
    let bench = Bench::new(9);
    let reply = bench.issue(&request::encode(&usual())).der;
    for (other, what) in [
        (
            TimeStampReq { message_imprint: request::imprint(HashAlgorithm::Sha3_256), ..usual() },
            "messageImprint",
        ),
        (TimeStampReq { nonce: Some(Integer::from(1)), ..usual() }, "nonce"),
        (TimeStampReq { nonce: None, ..usual() }, "nonce"),
        (TimeStampReq { req_policy: Some(request::oid(OTHER_POLICY)), ..usual() }, "policy"),
        (TimeStampReq { cert_req: false, ..usual() }, "the presence of certificates"),
    ] {
        let error = verify::reply(&reply, &request::encode(&other), &trust(&bench)).unwrap_err();
        assert!(matches!(error, VerifyError::Mismatch(field) if field == what), "{error}");
    }
}

#[test]
fn another_root_is_not_trusted() {
    let bench = Bench::new(1);
    let request = request::encode(&usual());
    let reply = bench.issue(&request).der;
    let mut trust = trust(&bench);
    trust.roots = vec![root(&Bench::new(0))];
    let error = verify::reply(&reply, &request, &trust).unwrap_err();
    assert!(matches!(error, VerifyError::Certificate(_)), "{error}");
}

#[test]
fn a_rejection_is_shown_with_its_text() {
    let bench = Bench::new(0);
    let request = request::encode(&usual());
    let reply = bench.issue(&request).der;
    let error = verify::reply(&reply, &request, &trust(&bench)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rejected: Some(BadRequest), [\"No stamps are left in this account. No stamp was taken.\"]"
    );
}

/// A unit's identifier outlives its certificate: what a token was signed with is found by what the
/// signature names.
#[test]
fn a_stored_token_finds_its_certificate_after_a_renewal() {
    let authority = Authority::new();
    let old = authority.unit("main", software_key(KeyKind::P256));
    let old_certificate = old.certificate().der().to_vec();
    let bench = Bench::with_units(1, authority, vec![old]);
    let first = bench.issue(&request::encode(&usual())).der;
    let record = bench.issuer.ledger().state().records[0].clone();

    // The next process has another key and certificate under the same identifier.
    let renewed = bench.authority.unit("main", software_key(KeyKind::P384));
    let settings = |retired| {
        let mut settings = marca_tsa::IssuerSettings::new(bench.random.clone());
        settings.retired = retired;
        settings
    };
    let ledger = bench.issuer.ledger().clone();
    let clock = bench.clock.clone();
    let issuer =
        marca_tsa::Issuer::new(ledger, vec![renewed], "main", clock, settings(Vec::new())).unwrap();
    let error = issuer.token_reply(&record.token, &record.tsu, true).unwrap_err();
    assert!(error.to_string().contains("not configured any more"), "{error}");
    assert!(issuer.token_reply(&record.token, &record.tsu, false).is_ok());
    assert!(issuer.token_reply(b"no token", "main", true).is_err());
    assert!(issuer.token_reply(b"no token", "main", false).is_err());

    let retired = marca_tsa::token::CertificateSet::new(&old_certificate, &[]).unwrap();
    let renewed = bench.authority.unit("main", software_key(KeyKind::P384));
    let ledger = bench.issuer.ledger().clone();
    let clock = bench.clock.clone();
    let issuer =
        marca_tsa::Issuer::new(ledger, vec![renewed], "main", clock, settings(vec![retired]))
            .unwrap();
    assert_eq!(issuer.token_reply(&record.token, &record.tsu, true).unwrap(), first);
}
