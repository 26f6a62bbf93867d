//! What a request asks for and what its token has, through HTTP (RFC 3161 §2.4).

use crate::harness::request::{self, SHA256};
use crate::harness::{Reply, Service, dotted};
use rasn::types::Integer;
use rasn_cms::tsp::TimeStampReq;

/// Q1, R7–R9, R13, R15, R16: the token says what the request said, and no more.
#[test]
fn the_token_mirrors_the_request() {
    let service = Service::demo();
    let client = service.demo_client();
    let asked = request::usual();
    let answer = client.stamp(&request::encode(&asked)).status(200);
    let info = Reply::read(&answer.body).token().info;
    assert_eq!(info.version, Integer::from(1));
    // RFC 3161 §2.4.2: the imprint "MUST have the same value as the similar field".
    assert_eq!(info.message_imprint, asked.message_imprint);
    assert_eq!(info.nonce, asked.nonce);
    assert_eq!(dotted(&info.policy), "0.4.0.2023.1.1");
    let accuracy = info.accuracy.expect("EN 319 422 §5.2.2: accuracy is present");
    assert!(accuracy.seconds.is_none_or(|seconds| seconds <= Integer::from(1)));
    assert!(!info.ordering, "EN 319 422 §5.2.2: ordering is absent or false");
    assert!(info.extensions.is_none());
}

/// Q9: any INTEGER up to 64 octets is echoed by value, zero and negative too. Q10: none, none.
#[test]
fn every_nonce_is_echoed() {
    let service = Service::demo();
    let client = service.demo_client();
    let mut nonces: Vec<Option<Integer>> =
        [0, 1, -1, 127, 128, -128, -129, i64::MAX, i64::MIN].map(Integer::from).map(Some).to_vec();
    for length in [16, 32, 64] {
        let mut bytes = vec![0x5A; length];
        nonces.push(Some(signed(&bytes)));
        bytes[0] = 0xA5;
        nonces.push(Some(signed(&bytes)));
    }
    nonces.push(None);
    for nonce in nonces {
        let asked = TimeStampReq { nonce: nonce.clone(), ..request::usual() };
        let answer = client.stamp(&request::encode(&asked)).status(200);
        assert_eq!(Reply::read(&answer.body).token().info.nonce, nonce);
    }
}

fn signed(bytes: &[u8]) -> Integer {
    rasn::der::decode(&request::value(2, bytes)).unwrap()
}

/// Q11, Q12: the unit's certificate is there exactly when the request asks for it.
#[test]
fn the_certificate_is_there_when_asked_for() {
    let service = Service::demo();
    let client = service.demo_client();
    for cert_req in [true, false] {
        let asked = TimeStampReq { cert_req, ..request::usual() };
        let answer = client.stamp(&request::encode(&asked)).status(200);
        let certificates = Reply::read(&answer.body).token().certificates();
        assert_eq!(certificates.len(), usize::from(cert_req));
    }
}

/// Q7, Q3, Q4, Q6: six hashes, with parameters absent or NULL.
#[test]
fn six_hashes_are_accepted() {
    let service = Service::demo();
    let client = service.demo_client();
    let hashes = [(1, 32), (2, 48), (3, 64), (8, 32), (9, 48), (10, 64)];
    for (arc, length) in hashes {
        let oid = format!("2.16.840.1.101.3.4.2.{arc}");
        let mut imprint = request::imprint(&oid, length);
        for parameters in [imprint.hash_algorithm.parameters.clone(), None] {
            imprint.hash_algorithm.parameters = parameters;
            let asked = TimeStampReq { message_imprint: imprint.clone(), ..request::usual() };
            let answer = client.stamp(&request::encode(&asked)).status(200);
            let token = Reply::read(&answer.body).token();
            assert_eq!(token.info.message_imprint, imprint, "R9: byte for byte");
        }
    }
}

/// Q8: a policy that is offered is the token's, exactly.
#[test]
fn an_offered_policy_is_taken() {
    let service = crate::harness::Config::new().start();
    let account = crate::harness::Account::open(&service, "acme", 5);
    let client = account.client(&service);
    for policy in ["1.2.3.4.5", "0.4.0.2023.1.1"] {
        let req_policy = Some(request::identifier(policy));
        let asked = TimeStampReq { req_policy, ..request::usual() };
        let answer = client.stamp(&request::encode(&asked)).status(200);
        assert_eq!(dotted(&Reply::read(&answer.body).token().info.policy), policy);
    }
}

/// R10: no serial number twice; all of them fit into 160 bits and are positive. genTime never
/// goes back.
#[test]
fn serials_are_unique_and_time_goes_forward() {
    let service = Service::demo();
    let client = service.demo_client();
    let mut serials = std::collections::HashSet::new();
    let mut last = None;
    for _ in 0..50 {
        let answer = client.stamp(&request::fresh()).status(200);
        let token = Reply::read(&answer.body).token();
        assert!(token.info.serial_number > Integer::from(0));
        assert!(serials.insert(token.serial()));
        assert!(last <= Some(token.info.gen_time), "{last:?} {:?}", token.info.gen_time);
        last = Some(token.info.gen_time);
    }
}

/// Q15: "not to include any identification of the requesting entity in the time-stamp tokens"
/// (RFC 3161 §2.1).
#[test]
fn the_requester_is_not_in_the_token() {
    let service = Service::demo();
    let account = crate::harness::Account::open(&service, "very-special-name", 5);
    let answer = account.client(&service).stamp(&request::fresh()).status(200);
    let holds = |wanted: &[u8]| answer.body.windows(wanted.len()).any(|window| window == wanted);
    assert!(!holds(b"very-special-name"));
    assert!(!holds(account.id.as_bytes()));
}

/// A request of `SHA256` with every bit of the imprint set or cleared is as good as any other:
/// "the TSA does not examine the imprint" but for its length (RFC 3161 §2.1).
#[test]
fn the_imprint_is_not_looked_into() {
    let service = Service::demo();
    for octet in [0x00, 0xFF] {
        let mut imprint = request::imprint(SHA256, 32);
        imprint.hashed_message = vec![octet; 32].into();
        let asked = TimeStampReq { message_imprint: imprint, ..request::usual() };
        service.demo_client().stamp(&request::encode(&asked)).status(200);
    }
}
