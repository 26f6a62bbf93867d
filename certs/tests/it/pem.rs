//! PEM bundles in and out, and public files.

use crate::support::Hierarchy;
use marca_certs::{KeyKind, file, pem};
use openssl::x509::X509;
use proptest::prelude::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_bundle_is_read_by_openssl_and_back() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let chain = [hierarchy.issuing.certificate_der(), hierarchy.root.certificate_der()];
    let text = pem::bundle(chain);
    assert!(text.lines().all(|line| line.len() <= 64), "RFC 7468 §2");
    assert_eq!(pem::certificates(text.as_bytes()).unwrap(), chain);
    let read = X509::stack_from_pem(text.as_bytes()).unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].to_der().unwrap(), chain[0]);
    // And what OpenSSL writes, with text around it and line ends from elsewhere.
    let theirs = String::from_utf8(read[1].to_pem().unwrap()).unwrap().replace('\n', "\r\n");
    let text = format!("subject=CN = x\r\n{theirs}\r\nend");
    assert_eq!(pem::certificates(text.as_bytes()).unwrap(), chain[1..]);
}

#[test]
fn broken_bundles_are_told_apart() {
    let error = |text: &str| pem::certificates(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error(""), "no PEM block: a line -----BEGIN ...----- is missing");
    let unclosed = "the PEM block \"CERTIFICATE\" that begins on line 2 has no matching END line";
    assert_eq!(error("\n-----BEGIN CERTIFICATE-----\nAAAA\n"), unclosed);
    assert_eq!(error("\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END KEY-----\n"), unclosed);
    let twice = "\n-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n";
    assert_eq!(error(twice), unclosed);
    let base64 = "the PEM block \"CERTIFICATE\" that begins on line 1 is not valid base64";
    assert_eq!(error("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), base64);
    assert_eq!(error("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), base64);
    assert_eq!(
        error(&pem::encode("PRIVATE KEY", b"abc")),
        "a PEM block \"PRIVATE KEY\" stands where only CERTIFICATE blocks belong"
    );
}

#[test]
fn a_block_does_not_print_its_content() {
    let blocks = pem::decode(pem::encode("PRIVATE KEY", b"secret").as_bytes()).unwrap();
    assert_eq!(format!("{blocks:?}"), "[Block(\"PRIVATE KEY\", 6 bytes)]");
}

#[test]
fn a_public_file_is_replaced_whole_and_readable_for_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    for content in ["first, the longer", "second"] {
        file::write_public(&path, content.as_bytes()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let nowhere = directory.path().join("none/ca.pem");
    let error = file::write_public(&nowhere, b"x").unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot write {}: ", nowhere.display())), "{error}");
}

proptest! {
    #[test]
    fn every_content_survives(der in proptest::collection::vec(any::<u8>(), 1..300)) {
        let text = pem::encode("CERTIFICATE", &der);
        prop_assert_eq!(pem::certificates(text.as_bytes()).unwrap(), [der]);
    }

    #[test]
    fn no_text_makes_the_reader_panic(
        text in "(-----(BEGIN|END) [A-Z]{0,3}-----|[A-Za-z0-9+/=]{0,9}|\n){0,12}",
    ) {
        drop(pem::decode(text.as_bytes()));
    }
}
