//! The request is written by the openssl command, the token verified by it.

use crate::support::keys::both_back_ends;
use crate::support::{Authority, Bench, Keys, request};
use certs::pem;
use marca_tsa::verify::{ParsedReply, parse_reply};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId};
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

both_back_ends! {
    interop::openssl_ts_verifies_what_it_asked_for
    interop::openssl_cms_verifies_tokens_of_every_kind_of_key
}

fn openssl_ts_verifies_what_it_asked_for(keys: &Keys) {
    for kind in keys.quick_kinds() {
        // openssl ts reads tokens as PKCS#7, which has no signatures of messages themselves, and
        // neither has it RSASSA-PSS.
        if kind.scheme().signs_message() {
            continue;
        }
        let bench = Bench::with_key(3, keys.make(kind));
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

/// OpenSSL's CMS verifies tokens of every kind of key; this is the library we are built with, for
/// the commands of older versions have no Ed25519 in CMS, and no ML-DSA at all. It knows no purpose
/// for time-stamping there; that is what the test above and the verifier's own are for.
fn openssl_cms_verifies_tokens_of_every_kind_of_key(keys: &Keys) {
    for key in keys.of_every_scheme() {
        let (kind, scheme) = (key.kind(), key.scheme());
        let bench = Bench::with_key(1, key);
        let reply = bench.issue(&request::encode(&request::usual()));
        let ParsedReply::Granted(token) = parse_reply(&reply.der).unwrap() else { panic!() };
        // SEQUENCE of three length octets, and the status.
        let content_info = &reply.der[4 + 5..];
        let mut parameters = X509VerifyParam::new().unwrap();
        parameters.set_purpose(X509PurposeId::ANY).unwrap();
        parameters.set_time(bench.clock_seconds());
        let mut store = X509StoreBuilder::new().unwrap();
        for authority in [&bench.authority.root, &bench.authority.issuing] {
            store.add_cert(X509::from_der(authority.certificate_der()).unwrap()).unwrap();
        }
        store.set_param(&parameters).unwrap();
        let mut content = Vec::new();
        let mut cms = CmsContentInfo::from_der(content_info).unwrap();
        let store = store.build();
        let flags = CMSOptions::BINARY;
        cms.verify(None, Some(&store), None, Some(&mut content), flags).unwrap();
        assert_eq!(content, token.tst_info_der, "{kind} {scheme}");
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
