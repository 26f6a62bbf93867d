//! The life of units: certificates from outside, rollover, retirement, pairs, modern algorithms,
//! keys in a device.

mod device;
mod modern;
mod outside;
mod pairs;
mod rollover;

use crate::harness::{Reply, Service, request};
use serde_json::{Value, json};

/// Makes a unit through the administration API.
#[track_caller]
fn create(service: &Service, body: &Value) -> Value {
    let mut whole = json!({ "policies": ["0.4.0.2023.1.1"], "accuracy_ms": 1000 });
    for (name, value) in body.as_object().unwrap() {
        whole[name] = value.clone();
    }
    service.admin().post("/api/v1/admin/tsus", &whole).status(201).json()
}

/// Does something to a unit.
#[track_caller]
fn act(service: &Service, unit: &str, act: &str, body: &Value) -> Value {
    let path = format!("/api/v1/admin/tsus/{unit}/{act}");
    let answer = service.admin().post(&path, body);
    assert!(matches!(answer.status, 200 | 201), "{act}: {answer:?} {}", answer.text());
    answer.json()
}

/// The unit as the operator sees it.
#[track_caller]
fn show(service: &Service, unit: &str) -> Value {
    service.admin().get(&format!("/api/v1/admin/tsus/{unit}")).status(200).json()
}

/// A token of a unit, of the demo's account.
#[track_caller]
fn stamp(service: &Service, unit: &str) -> Reply {
    let client = service.demo_client();
    let answer = client.stamp_at(&format!("/tsa/{unit}"), &request::fresh()).status(200);
    Reply::read(&answer.body)
}
