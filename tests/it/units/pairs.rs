//! Two tokens for one stamp: a classical one and its companion.

use super::create;
use crate::harness::{Program, Reply, Service, request};
use serde_json::json;

/// The companion's serial number, out of the `Link` header (RFC 8288).
fn companion(link: Option<&str>) -> String {
    let link = link.expect("no Link header");
    assert!(link.ends_with("rel=\"companion\""), "{link}");
    link.split(['<', '>']).nth(1).unwrap().rsplit('/').next().unwrap().to_owned()
}

/// One request, two tokens over the same imprint, nonce, policy and time, one stamp; a retry gives
/// the same pair for nothing.
#[test]
fn a_pair_costs_one_stamp() {
    let service = Service::demo();
    create(&service, &json!({ "id": "quantum", "key": "ml-dsa-65" }));
    create(&service, &json!({ "id": "pair", "key": "p256", "companion": "quantum" }));
    let client = service.demo_client();
    let query = request::fresh();
    let answer = client.stamp_at("/tsa/pair", &query).status(200);
    assert_eq!(answer.header("stamps-remaining"), Some("99"));
    let other = companion(answer.header("link"));
    let first = Reply::read(&answer.body).token();
    let path = format!("/api/v1/timestamps/{other}");
    let second = Reply::read(&client.get(&path).status(200).body).token();
    assert_eq!(second.serial(), other);
    assert_ne!(first.serial(), other);
    assert_eq!(first.info.message_imprint, second.info.message_imprint);
    assert_eq!(first.info.nonce, second.info.nonce);
    assert_eq!(first.info.policy, second.info.policy);
    assert_eq!(first.info.gen_time, second.info.gen_time);
    let ca = std::fs::read(service.ca_file()).unwrap();
    first.verify(&ca);
    second.verify(&ca);
    assert_eq!(client.balance(), (99, 1));

    let again = client.stamp_at("/tsa/pair", &query).status(200);
    assert_eq!(again.body, answer.body);
    assert_eq!(companion(again.header("link")), other);
    assert_eq!(client.balance(), (99, 1));

    let stranger = crate::harness::Account::open(&service, "stranger", 1);
    stranger.client(&service).get(&path).problem(404, "not-found");
    Program::marca(&["store", "check", "--data", service.data().to_str().unwrap()]).run().ok();
}
