//! A unit's keys follow one another; what the old ones signed stays whole.

use super::{act, create, show, stamp};
use crate::harness::{Program, Reply, Service, eventually, in_seconds, request};
use serde_json::json;

/// The serial number of the certificate in a token.
fn signer(reply: &Reply) -> Vec<u8> {
    reply.token().certificates()[0].to_der().unwrap()
}

fn unit_of(service: &Service) -> String {
    let units = service.admin().get("/api/v1/admin/tsus").status(200).json();
    units["tsus"][0]["id"].as_str().unwrap().to_owned()
}

/// The next key is made and certified while the first one signs, takes over at its time, and the
/// old tokens come back byte for byte, also after a restart.
#[test]
fn the_next_key_takes_over_at_its_time() {
    let mut service = Service::demo();
    let id = unit_of(&service);
    let client = service.demo_client();
    let path = format!("/tsa/{id}");
    let first = client.stamp_at(&path, &request::fresh()).status(200).body;
    let serial = Reply::read(&first).token().serial();

    let made = act(&service, &id, "keys", &json!({ "reason": "yearly rollover" }));
    assert_eq!(made["number"], 2, "{made}");
    assert_eq!(made["state"], "certified", "the built-in CA certifies it: {made}");
    assert_eq!(signer(&stamp(&service, &id)), signer(&Reply::read(&first)));

    let at = in_seconds(4);
    let planned = act(&service, &id, "activate", &json!({ "generation": 2, "at": at }));
    assert_eq!(planned["state"], "certified", "{planned}");
    assert!(planned["activate_at"].is_string(), "{planned}");
    eventually("the second key signs", || {
        show(&service, &id)["generations"][1]["state"] == "active"
            && signer(&stamp(&service, &id)) != signer(&Reply::read(&first))
    });
    let second = stamp(&service, &id);
    assert_ne!(signer(&second), signer(&Reply::read(&first)));
    second.token().verify(&std::fs::read(service.ca_file()).unwrap());
    assert_eq!(show(&service, &id)["generations"][0]["state"], "retired");

    let fetch = |service: &Service| {
        let path = format!("/api/v1/timestamps/{serial}");
        service.demo_client().get(&path).status(200).body
    };
    assert_eq!(fetch(&service), first);
    service.restart();
    assert_eq!(fetch(&service), first);
    assert_eq!(signer(&stamp(&service, &id)), signer(&second));
}

/// A retired key signs no more, a destroyed one is gone, and its tokens are still there.
#[test]
fn a_destroyed_key_is_gone_and_its_tokens_are_not() {
    let service = Service::demo();
    let made = create(&service, &json!({ "id": "second", "key": "p256" }));
    assert_eq!(made["usable"], true, "{made}");
    let answer = service.demo_client().stamp_at("/tsa/second", &request::fresh()).status(200).body;
    let serial = Reply::read(&answer).token().serial();
    let key = service.data().join("keys/tsu-second.key");
    assert!(key.is_file());
    let revoke = json!({ "destroy_key": true, "revoke": "cessation-of-operation" });
    let retired = act(&service, "second", "retire", &revoke);
    assert_eq!(retired["state"], "destroyed", "{retired}");
    assert!(!key.exists());
    let refused = service.demo_client().stamp_at("/tsa/second", &request::fresh());
    assert_eq!(refused.status, 404, "{}", refused.text());
    let path = format!("/api/v1/timestamps/{serial}");
    assert_eq!(service.demo_client().get(&path).status(200).body, answer);
    let events = service.admin().get("/api/v1/admin/trail?category=key&limit=100").status(200);
    let events = events.json();
    let destroyed = events["events"].as_array().unwrap().iter();
    assert!(destroyed.clone().any(|event| event["action"] == "key-destroyed"), "{events}");
    Program::marca(&["store", "check", "--data", service.data().to_str().unwrap()]).run().ok();
}

/// Steps out of order are refused, and change nothing.
#[test]
fn steps_out_of_order_are_refused() {
    let service = Service::demo();
    let id = unit_of(&service);
    let outside = json!({ "id": "outside", "key": "p256", "certified_by": "outside" });
    create(&service, &outside);
    let refused = |unit: &str, act: &str, body: serde_json::Value, status: u16| {
        let path = format!("/api/v1/admin/tsus/{unit}/{act}");
        let answer = service.admin().post(&path, &body);
        assert_eq!(answer.status, status, "{unit} {act}: {}", answer.text());
    };
    refused("outside", "activate", json!({}), 409);
    refused("nosuch", "activate", json!({}), 404);
    refused(&id, "activate", json!({ "generation": 7 }), 404);
    refused(&id, "retire", json!({}), 409);
    let again = service.admin().post("/api/v1/admin/tsus", &{
        let mut body = outside.clone();
        body["policies"] = json!(["1.2.3"]);
        body["accuracy_ms"] = json!(1000);
        body
    });
    assert_eq!(again.status, 409, "{}", again.text());
    assert!(stamp(&service, &id).is_granted());
}
