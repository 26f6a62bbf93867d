//! `openssl verify`, `openssl ocsp` and pyHanko agree with the service right after each change.

use crate::harness::{Config, Holder, Reply, Service, Standing, request};
use serde_json::json;

/// The whole life of a certificate, with every verifier asked after each step.
#[test]
fn all_verifiers_follow_each_change_at_once() {
    let service = Service::demo();
    let holder = Holder::certified(&service, "ada");
    let other = Holder::certified(&service, "other");
    holder.stands(Standing::Good);
    holder.change("suspend", &json!({ "reason": "card reported lost" }));
    holder.stands(Standing::Suspended);
    holder.refused("suspend", &json!({}));
    holder.change("reactivate", &json!({ "reason": "found again" }));
    holder.stands(Standing::Good);
    holder.refused("reactivate", &json!({}));
    holder.change("suspend", &json!({}));
    holder.change("revoke", &json!({ "reason_code": "key-compromise", "reason": "stolen" }));
    holder.stands(Standing::Revoked("keyCompromise"));
    for act in ["suspend", "reactivate", "revoke"] {
        holder.refused(act, &json!({ "reason_code": "superseded" }));
    }
    holder.stands(Standing::Revoked("keyCompromise"));
    other.stands(Standing::Good);
}

/// What was revoked stays so after a restart, and the lists' numbers go on growing.
#[test]
fn a_restart_forgets_nothing() {
    let mut service = Service::demo();
    let serial = {
        let holder = Holder::certified(&service, "ada");
        holder.change("suspend", &json!({}));
        holder.serial.clone()
    };
    let number = |service: &Service| {
        let all = service.admin().get("/api/v1/admin/authorities").status(200).json();
        let all = all["authorities"].as_array().unwrap().clone();
        let holders = all.iter().find(|ca| ca["id"] == "holders").unwrap();
        holders["crl"]["number"].as_u64().unwrap()
    };
    let before = number(&service);
    service.kill();
    service.start();
    let path = format!("/api/v1/admin/certificates/{serial}");
    let shown = service.admin().get(&path).status(200).json();
    assert_eq!(shown["status"], "suspended", "{shown}");
    assert!(number(&service) >= before);
    let reactivated = service.admin().post(&format!("{path}/reactivate"), &json!({})).status(200);
    assert_eq!(reactivated.json()["status"], "good");
    assert!(number(&service) > before);
}

/// A unit whose certificate is on hold or revoked stamps no more, at once, and takes no stamp; a
/// reactivated one stamps again.
#[test]
fn a_unit_stands_and_falls_with_its_certificate() {
    let service = Service::demo();
    let client = service.demo_client();
    let units = || service.admin().get("/api/v1/admin/tsus").status(200).json();
    let id = units()["tsus"][0]["id"].as_str().unwrap().to_owned();
    let unit = service.admin().get(&format!("/api/v1/admin/tsus/{id}")).status(200).json();
    let serial = unit["generations"][0]["certificate"]["serial"].as_str().unwrap().to_owned();
    let change = |act: &str, body: serde_json::Value| {
        let path = format!("/api/v1/admin/certificates/{serial}/{act}");
        service.admin().post(&path, &body).status(200);
    };
    let stamps = || {
        let answer = client.stamp(&request::fresh());
        let granted = answer.status == 200 && Reply::read(&answer.body).is_granted();
        assert_eq!(granted, service.client().get("/readyz").status == 200);
        granted
    };
    assert!(stamps());
    change("suspend", json!({}));
    assert!(!stamps());
    change("reactivate", json!({}));
    assert!(stamps());
    change("revoke", json!({ "reason_code": "key-compromise" }));
    assert!(!stamps());
    assert_eq!(client.balance(), (98, 2));
}

/// A revocation without a reason, or with one that does not exist, is refused by name.
#[test]
fn a_revocation_needs_a_reason_of_the_standard() {
    let service = Config::new().start();
    let holder = Holder::certified(&service, "ada");
    for body in [json!({}), json!({ "reason_code": "unspecified" }), json!({ "reason_code": "x" })]
    {
        holder.refused("revoke", &body);
    }
    holder.refused("revoke", &json!({ "reason_code": "certificate-hold" }));
    let path = "/api/v1/admin/certificates/00ff/revoke";
    let body = json!({ "reason_code": "superseded" });
    service.admin().post(path, &body).problem(404, "not-found");
}
