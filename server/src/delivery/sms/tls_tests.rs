//! TLS to a gateway: who shows no certificate that is trusted gets nothing.

use super::Outcome;
use super::client::Client;
use crate::config::{GatewayConfig, GatewayKind};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use ureq::http::Request;

const BODY: &str = "to somebody";

/// A certificate for `localhost` that vouches for itself.
fn certificate() -> (X509, PKey<Private>) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let names =
        SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// Answers one request over TLS, and gives back what it heard.
fn serve(
    certificate: &X509,
    key: &PKey<Private>,
) -> (String, std::thread::JoinHandle<Option<String>>) {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(certificate).unwrap();
    acceptor.set_private_key(key).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/sms", listener.local_addr().unwrap().port());
    let heard = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = acceptor.accept(stream).ok()?;
        // Head and body may come apart; a connection must not end before both are read.
        let (mut heard, mut octets) = (Vec::new(), [0; 4096]);
        while !heard.ends_with(BODY.as_bytes()) {
            let length = stream.read(&mut octets).ok().filter(|length| *length > 0)?;
            heard.extend_from_slice(&octets[..length]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").ok()?;
        stream.shutdown().ok();
        String::from_utf8(heard).ok()
    });
    (url, heard)
}

fn client(ca_file: Option<PathBuf>) -> Client {
    Client::new(&GatewayConfig {
        name: "main".to_owned(),
        kind: GatewayKind::Webhook,
        url: None,
        user: None,
        secret_file: None,
        ca_file,
        directory: None,
        from: None,
        allow_plain_http: false,
    })
    .unwrap()
}

fn request(url: &str) -> Request<String> {
    Request::post(url).body(BODY.to_owned()).unwrap()
}

#[test]
fn a_gateway_that_nobody_vouches_for_gets_nothing() {
    let (certificate, key) = certificate();
    let (url, heard) = serve(&certificate, &key);
    let Err(Outcome::Refused { fault }) = client(None).ask(request(&url), "") else {
        panic!("it was asked")
    };
    assert!(!fault.permanent && fault.text.starts_with("no TLS with it"), "{fault:?}");
    assert_eq!(heard.join().unwrap(), None, "it heard something");
}

#[test]
fn a_gateway_of_a_ca_of_ones_own_is_asked() {
    let (certificate, key) = certificate();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, certificate.to_pem().unwrap()).unwrap();
    let (url, heard) = serve(&certificate, &key);
    let answer = match client(Some(path)).ask(request(&url), "") {
        Ok(answer) => answer,
        Err(outcome) => panic!("no answer: {outcome:?}"),
    };
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    assert!(heard.join().unwrap().unwrap().starts_with("POST /sms HTTP/1.1\r\n"));
}

/// What is no certificate is refused at the start, by name.
#[test]
fn a_file_without_certificates_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    std::fs::write(&path, "nothing").unwrap();
    let config = GatewayConfig {
        name: "main".to_owned(),
        kind: GatewayKind::Webhook,
        url: None,
        user: None,
        secret_file: None,
        ca_file: Some(path),
        directory: None,
        from: None,
        allow_plain_http: false,
    };
    let Err(error) = Client::new(&config) else { panic!("accepted") };
    assert!(error.to_string().starts_with("sms.gateway.main.ca_file: "), "{error}");
}
