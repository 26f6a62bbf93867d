//! `rfc3161ng` from PyPI: a client in Python, with HTTP Basic.

use crate::harness::program::python;
use crate::harness::{Program, Service};

/// Asks, checks the signature with the unit's certificate, and reads the time.
const SCRIPT: &str = r#"
import sys
import rfc3161ng

url, certificate = sys.argv[1], open(sys.argv[2], "rb").read()
stamper = rfc3161ng.RemoteTimestamper(
    url, certificate=certificate, username="demo", password="demo-stamps", hashname="sha256")
for include in (False, True):
    token = stamper.timestamp(data=b"to be stamped", include_tsa_certificate=include)
    assert stamper.check(token, data=b"to be stamped")
    print(rfc3161ng.get_timestamp(token).isoformat())
wrong = rfc3161ng.RemoteTimestamper(
    url, certificate=certificate, username="demo", password="wrong", hashname="sha256")
try:
    wrong.timestamp(data=b"x")
except Exception as refused:
    print("refused:", refused)
"#;

/// It verifies RSA signatures only, so the unit has an RSA key.
#[test]
fn rfc3161ng_stamps_and_checks() {
    let service = Service::demo_with(&["--tsu-key", "rsa3072"]);
    let units = service.admin().get("/api/v1/admin/tsus").status(200).json();
    let id = units["tsus"][0]["id"].as_str().unwrap();
    let unit = service.admin().get(&format!("/api/v1/admin/tsus/{id}")).status(200).json();
    let pem = unit["certificate"].as_str().unwrap();
    let leaf = pem.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    std::fs::write(service.directory().join("unit.pem"), leaf).unwrap();
    let url = format!("{}/tsa", service.url());
    let arguments = ["-c", SCRIPT, &url, "unit.pem"];
    let ran = Program::new(python(), &arguments).directory(service.directory()).run().ok();
    assert!(ran.out.contains("refused:"), "{}", ran.out);
    assert_eq!(service.demo_client().balance(), (98, 2));
}
