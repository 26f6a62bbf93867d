//! The openssl command and OpenSSL's own verifier agree with what is issued here.

use crate::support::{Hierarchy, Keys, both_back_ends, is_ml_dsa, now, openssl_command, skipped};
use marca_certs::{KeyKind, pem};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509StoreContext};

/// Purpose "timestampsign" and a time of its own, as a verifier of tokens would set them.
fn openssl_verifies(hierarchy: &Hierarchy) -> Result<(), String> {
    let mut parameters = X509VerifyParam::new().unwrap();
    parameters.set_purpose(X509PurposeId::TIMESTAMP_SIGN).unwrap();
    parameters.set_time(now().timestamp());
    let mut store = X509StoreBuilder::new().unwrap();
    store.add_cert(X509::from_der(hierarchy.root.certificate_der()).unwrap()).unwrap();
    store.set_param(&parameters).unwrap();
    let mut chain = Stack::new().unwrap();
    chain.push(X509::from_der(hierarchy.issuing.certificate_der()).unwrap()).unwrap();
    let unit = X509::from_der(&hierarchy.unit).unwrap();
    let mut context = X509StoreContext::new().unwrap();
    context
        .init(&store.build(), &unit, &chain, |context| {
            context.verify_cert()?;
            Ok(match context.error() {
                error if error == openssl::x509::X509VerifyResult::OK => Ok(()),
                error => Err(error.error_string().to_owned()),
            })
        })
        .unwrap()
}

both_back_ends! { interop::the_openssl_library_accepts_the_chain_for_time_stamping }

fn the_openssl_library_accepts_the_chain_for_time_stamping(keys: &Keys) {
    for kind in keys.quick_kinds() {
        let hierarchy = Hierarchy::with(keys, kind);
        openssl_verifies(&hierarchy).unwrap();
        hierarchy.check().unwrap();
    }
}

#[test]
fn the_openssl_command_accepts_the_chain_for_time_stamping() {
    // The commands that are installed are older than ML-DSA; the library above is not.
    for kind in KeyKind::ALL.into_iter().filter(|kind| !is_ml_dsa(*kind)) {
        let hierarchy = Hierarchy::new(kind);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let write = |file: &str, der: &[u8]| {
            std::fs::write(path.join(file), pem::bundle([der])).unwrap();
        };
        write("root.pem", hierarchy.root.certificate_der());
        write("chain.pem", hierarchy.issuing.certificate_der());
        write("unit.pem", &hierarchy.unit);
        let time = now().timestamp().to_string();
        let arguments = ["verify", "-purpose", "timestampsign", "-x509_strict", "-attime", &time];
        let files = ["-CAfile", "root.pem", "-untrusted", "chain.pem", "unit.pem"];
        let Some((accepted, text)) = openssl_command(path, &[&arguments[..], &files].concat())
        else {
            return skipped();
        };
        assert!(accepted, "{kind}: {text}");
    }
}

#[test]
fn the_openssl_command_shows_every_extension() {
    let hierarchy = Hierarchy::new(KeyKind::P256);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("unit.der"), &hierarchy.unit).unwrap();
    let arguments = ["x509", "-inform", "DER", "-in", "unit.der", "-noout", "-text"];
    let Some((true, text)) = openssl_command(directory.path(), &arguments) else {
        return skipped();
    };
    // Versions differ in the blanks around "=".
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" = ", "=");
    for expected in [
        "Version: 3 (0x2)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Subject: C=IT, O=Prova S.p.A., organizationIdentifier=VATIT-00000000000, \
         CN=Prova TSU 1",
        "X509v3 Basic Constraints: critical CA:FALSE",
        "X509v3 Key Usage: critical Digital Signature X509v3",
        "X509v3 Extended Key Usage: critical Time Stamping X509v3",
        "X509v3 Private Key Usage Period: Not Before: Mar 1 12:00:00 2026 GMT, Not After: \
         Mar 1 12:00:00 2027 GMT",
        "X509v3 CRL Distribution Points: Full Name: URI:https://tsa.example/pki/tsa-ca.crl",
        "Authority Information Access: OCSP - URI:https://tsa.example/ocsp \
         CA Issuers - URI:https://tsa.example/pki/tsa-ca.crt",
        "X509v3 Certificate Policies: Policy: 1.3.6.1.4.1.99999.1",
    ] {
        assert!(flat.contains(expected), "{expected:?} is not in\n{text}");
    }
}
