//! The request is written by the openssl command, the token verified by it.

use crate::support::{Authority, Bench, request, software_key};
use certs::{KeyKind, pem};
use std::path::Path;
use std::process::Command;

/// The openssl command's output, or `None` where there is no such command.
fn openssl(directory: &Path, arguments: &str) -> Option<(bool, String)> {
    let output =
        Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().ok()?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some((output.status.success(), text))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    eprintln!("skipped: there is no openssl command on this machine");
}

fn write_trust(directory: &Path, authority: &Authority) {
    let write = |file: &str, der: &[u8]| {
        std::fs::write(directory.join(file), pem::bundle([der])).unwrap();
    };
    write("root.pem", authority.root.certificate_der());
    write("chain.pem", authority.issuing.certificate_der());
}

#[test]
fn openssl_ts_verifies_what_it_asked_for() {
    for kind in KeyKind::ALL {
        // openssl ts reads tokens as PKCS#7, which has no Ed25519.
        if kind == KeyKind::Ed25519 {
            continue;
        }
        let bench = Bench::with_key(3, software_key(kind));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        write_trust(path, &bench.authority);
        std::fs::write(path.join("data"), b"to be stamped").unwrap();
        for query in ["-sha256 -cert", "-sha512 -cert", "-sha384 -cert -no_nonce"] {
            let query = format!("ts -query -data data -out query.tsq {query}");
            let Some((written, text)) = openssl(path, &query) else { return skipped() };
            assert!(written, "{text}");
            let reply = bench.issue(&std::fs::read(path.join("query.tsq")).unwrap());
            std::fs::write(path.join("reply.tsr"), &reply.der).unwrap();
            let at = bench.clock_seconds();
            let verify = format!(
                "ts -verify -queryfile query.tsq -in reply.tsr -CAfile root.pem -untrusted \
                 chain.pem -attime {at}"
            );
            let (verified, text) = openssl(path, &verify).unwrap();
            assert!(verified && text.contains("Verification: OK"), "{kind} {query}: {text}");
        }
        bench.issuer.ledger().assert_balanced(3);
    }
}

/// openssl ts reads tokens as PKCS#7, which has no Ed25519; openssl cms has it.
#[test]
fn openssl_cms_verifies_tokens_of_every_kind_of_key() {
    for kind in KeyKind::ALL {
        let bench = Bench::with_key(1, software_key(kind));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        write_trust(path, &bench.authority);
        let reply = bench.issue(&request::encode(&request::usual()));
        std::fs::write(path.join("reply.tsr"), &reply.der).unwrap();
        let extract = "ts -reply -in reply.tsr -token_out -out token.der";
        let Some((extracted, text)) = openssl(path, extract) else { return skipped() };
        assert!(extracted, "{kind}: {text}");
        let at = bench.clock_seconds();
        let verify = format!(
            "cms -verify -binary -inform DER -in token.der -CAfile root.pem -certfile chain.pem \
             -purpose timestampsign -attime {at} -cades -out tstinfo.der"
        );
        let (verified, text) = openssl(path, &verify).unwrap();
        assert!(verified, "{kind}: {text}");
    }
}

/// F1: the openssl command reads our rejections, failure and text.
#[test]
fn openssl_ts_reads_rejections() {
    let bench = Bench::new(0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let reply = bench.issue(&request::encode(&request::usual()));
    std::fs::write(path.join("reply.tsr"), &reply.der).unwrap();
    let show = "ts -reply -in reply.tsr -text";
    let Some((_, text)) = openssl(path, show) else { return skipped() };
    assert!(text.contains("Status: Rejected."), "{text}");
    assert!(text.contains("No stamps are left in this account."), "{text}");
    assert!(text.contains("transaction not permitted or supported"), "{text}");
}
