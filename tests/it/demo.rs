//! `marca demo` and `marca serve`: what a start makes, prints and refuses.

use crate::harness::{Config, DEMO_KEY, Program, Reply, Service, openssl, request, temporary};
use std::os::unix::fs::PermissionsExt;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Contract: one `ready:` line, fixed logins with 100 stamps, `ca.pem`, `admin-token`.
#[test]
fn the_demo_is_as_promised() {
    let service = Service::demo();
    assert!(service.url().starts_with("http://127.0.0.1:"));
    assert_eq!(mode(&service.admin_token_file()), 0o600);
    let token = std::fs::read_to_string(service.admin_token_file()).unwrap();
    assert!(token.trim().len() >= 32, "128 bits and more");
    assert_eq!(mode(service.data()), 0o700);
    for entry in std::fs::read_dir(service.data().join("keys")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let ca = std::fs::read_to_string(service.ca_file()).unwrap();
    assert_eq!(ca.matches("BEGIN CERTIFICATE").count(), 2, "the root and the issuing CA");
    assert!(!ca.contains("PRIVATE"));
    assert_eq!(service.demo_client().balance(), (100, 0));
    assert_eq!(service.client().bearer(DEMO_KEY).balance(), (100, 0));
    let printed = service.printed();
    assert!(!printed.iter().any(|line| line.starts_with("ready:")), "one line: {printed:?}");
}

/// The commands that the demo prints work as they stand: stamp, verify, show the balance.
#[test]
fn the_printed_commands_work() {
    let service = Service::demo();
    std::fs::write(service.directory().join("README.md"), "hello\n").unwrap();
    let printed = service.printed().join("\n");
    let commands: Vec<&str> =
        printed.lines().filter(|line| line.starts_with("  ")).map(str::trim_start).collect();
    let script = format!("set -eu\n{}\n", commands.join("\n"));
    let ran = Program::new("sh", &["-c", &script]).directory(service.directory()).run().ok();
    assert!(ran.err.contains("Verification: OK") || ran.out.contains("Verification: OK"));
    assert!(ran.out.contains("\"remaining\":99"), "{}", ran.out);
}

/// The README's three commands work as they stand, but for the port and the place of the data.
#[test]
fn the_readmes_commands_work() {
    let readme = include_str!("../../README.md");
    let start = readme.find("# stamp a file").expect("the README stamps a file");
    let commands = readme[start..].lines().take_while(|line| !line.starts_with("The "));
    let commands: Vec<&str> = commands.map(str::trim_start).collect();
    let service = Service::demo();
    let script = format!("set -eu\n{}\n", commands.join("\n"))
        .replace("http://127.0.0.1:3161", service.url())
        .replace("marca-demo/", "data/");
    assert!(script.contains("curl") && script.contains("openssl ts -verify"), "{script}");
    std::fs::write(service.directory().join("README.md"), readme).unwrap();
    let ran = Program::new("bash", &["-c", &script]).directory(service.directory()).run().ok();
    assert!(format!("{}{}", ran.out, ran.err).contains("Verification: OK"), "{}", ran.err);
    assert!(ran.out.contains("\"remaining\":99"), "{}", ran.out);
}

/// The README's tour of a holder's account works as it stands, but for the port and the place.
#[test]
fn the_readmes_tour_works() {
    let readme = include_str!("../../README.md");
    let start = readme.find("```bash\n").expect("the README has a tour");
    let tour = readme[start..].lines().skip(1).take_while(|line| *line != "```");
    let service = Service::demo();
    // A busy machine may take longer to deliver a message than somebody's own.
    let tour = tour.collect::<Vec<_>>().join("\n").replace("sleep 2", "sleep 6");
    let tour = tour.replace("http://127.0.0.1:3161", service.url()).replace("marca-demo/", "data/");
    std::fs::write(service.directory().join("README.md"), readme).unwrap();
    let script = format!("set -euo pipefail\n{tour}\n");
    let ran = Program::new("bash", &["-c", &script]).directory(service.directory()).run().ok();
    let said = format!("{}{}", ran.out, ran.err);
    assert!(said.contains("Verified OK") && said.contains("Verification: OK"), "{said}");
    assert_eq!(service.demo_client().balance(), (99, 1));
}

/// A second start finds what the first one made.
#[test]
fn a_second_start_goes_on() {
    let mut service = Service::demo();
    service.demo_client().stamp(&request::fresh()).status(200);
    let token = std::fs::read(service.admin_token_file()).unwrap();
    service.restart();
    assert_eq!(service.demo_client().balance(), (99, 1));
    assert_eq!(std::fs::read(service.admin_token_file()).unwrap(), token);
}

/// Contract: every kind of key.
#[test]
fn every_kind_of_key_issues() {
    for kind in ["p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096", "ed25519"] {
        let service = Service::demo_with(&["--tsu-key", kind]);
        let answer = service.demo_client().stamp(&request::fresh()).status(200);
        let ca = std::fs::read(service.ca_file()).unwrap();
        Reply::read(&answer.body).token().verify(&ca);
        let units = service.admin().get("/api/v1/admin/tsus").status(200).json();
        assert_eq!(units["tsus"][0]["key"], kind);
        verify_with_openssl(&service, kind, &answer.body);
    }
}

/// `openssl ts -verify` for each kind. OpenSSL's CMS code before 3.2 knows no Ed25519: there the
/// command has to say so, and the check above, with a newer OpenSSL, stands alone.
fn verify_with_openssl(service: &Service, kind: &str, reply: &[u8]) {
    std::fs::write(service.directory().join("reply.tsr"), reply).unwrap();
    let digest: String = (0..32).map(|octet| format!("{octet:02x}")).collect();
    let ca = service.ca_file();
    let arguments =
        ["ts", "-verify", "-digest", &digest, "-in", "reply.tsr", "-CAfile", ca.to_str().unwrap()];
    let finished = openssl(service.directory(), &arguments);
    if kind == "ed25519" && !finished.status.success() {
        println!("openssl ts -verify, ed25519: {}{}", finished.out, finished.err);
        let known = ["unsupported", "digest", "signature", "algorithm"];
        assert!(known.iter().any(|word| finished.err.contains(word)), "{}", finished.err);
        return;
    }
    let finished = finished.ok();
    assert!(format!("{}{}", finished.out, finished.err).contains("Verification: OK"));
}

/// Contract: loopback only, since everybody knows the passwords.
#[test]
fn the_demo_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let service = Service::demo_prepared(&[]);
        let data = service.directory().join("other");
        let arguments = ["demo", "--listen", address, "--data", data.to_str().unwrap()];
        let refused = Program::marca(&arguments).directory(service.directory()).run();
        assert!(!refused.status.success());
        refused.says("loopback");
        assert!(!data.exists(), "nothing is made");
    }
}

/// `serve` has none of the demo's secrets.
#[test]
fn serve_has_no_fixed_secrets() {
    let service = Config::new().start();
    service.demo_client().stamp(&request::fresh()).problem(401, "unauthorized");
    let key = service.client().bearer(DEMO_KEY);
    key.stamp(&request::fresh()).problem(401, "unauthorized");
    service.client().get("/dev/outbox").status(404);
    let accounts = service.admin().get("/api/v1/admin/accounts").status(200).json();
    assert_eq!(accounts["accounts"], serde_json::json!([]));
}

/// What is unsafe or unknown in a configuration is refused by the key's name and the file's.
#[test]
fn a_bad_configuration_is_refused_by_name() {
    let cases = [
        (Config::new().server("colour = \"red\""), "colour"),
        (Config::new().data("segmnt_mib = 5"), "segmnt_mib"),
        (Config::new().section("[servr]\nx = 1"), "servr"),
        (Config::new().server("max_requests = 0"), "max_requests"),
        (Config::new().server("max_requests = \"many\""), "max_requests"),
        (Config::new().data("segment_mib = 999999"), "segment_mib"),
        (Config::new().section("[passwords]\nmemory_kib = 8"), "memory_kib"),
        (Config::new().section("[log]\nformat = \"xml\""), "format"),
        (Config::new().unit("A B", "p256"), "tsu"),
        (Config::new().unit("x", "rsa1024"), "key"),
        (Config::new().unit("x", "p256").unit("x", "p256"), "twice"),
        (Config::new().section("[tls]\ncertificate = \"nosuch\"\nkey = \"nosuch\""), "nosuch"),
    ];
    for (config, word) in cases {
        let service = config.write();
        let refused = service.fails_to_start().says(word);
        assert!(word == "nosuch" || refused.err.contains("marca.toml"), "{}", refused.err);
    }
    let service = Config::new().write();
    let path = service.directory().join("marca.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("127.0.0.1:0", "0.0.0.0:0")).unwrap();
    service.fails_to_start().says("allow_plain_http");
    std::fs::write(&path, "server = [").unwrap();
    service.fails_to_start().says("marca.toml");
    std::fs::remove_file(&path).unwrap();
    service.fails_to_start().says("marca.toml");
}

/// A port that is taken is named.
#[test]
fn a_taken_port_is_named() {
    let service = Service::demo();
    let directory = temporary();
    let data = directory.path().join("data");
    let listen = service.address();
    let arguments = ["demo", "--listen", listen, "--data", data.to_str().unwrap()];
    let refused = Program::marca(&arguments).directory(directory.path()).run();
    assert!(!refused.status.success());
    refused.says(listen);
}
