//! Writes the seeds that our own code makes, into `seeds/TARGET/`: a token, certificates, PEM, a
//! journal. The requests were made with `openssl ts -query`, see README.md.

use marca_fuzz::bench::Bench;
use marca_fuzz::journal;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspRequest};
use openssl::x509::X509;
use rasn_cms::tsp::TimeStampResp;
use std::fs;
use std::path::Path;
use store::disk::MemoryDisk;
use store::{MemoryStore, Settings, Store, StoreExt, Table};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bench = Bench::default();
    let [leaf, issuing, root] = &bench.certificates;
    for (name, der) in [("unit", leaf), ("issuing", issuing), ("root", root)] {
        write("certificate", name, der)?;
    }
    write("csr", "unit", &bench.csr())?;
    write("csr", "unit-pem", certs::csr::to_pem(&bench.csr()).as_bytes())?;
    // What was sent has the shape of an answer.
    for (mode, name) in [(0, "secret"), (1, "signed")] {
        let message = bench.enrollment(mode == 1).1;
        write("cmp_answer", name, &[&[mode], message.as_slice()].concat())?;
    }
    write("ocsp_request", "nonce", &ocsp_request(&bench, true)?)?;
    write("ocsp_request", "plain", &ocsp_request(&bench, false)?)?;
    let path = openssl::base64::encode_block(&ocsp_request(&bench, true)?);
    write("ocsp_request", "path", path.as_bytes())?;
    let bundle = certs::pem::bundle([leaf.as_slice(), issuing.as_slice()]);
    write("pem", "bundle", bundle.as_bytes())?;
    write("pem", "key", certs::pem::encode("PRIVATE KEY", &[0x30, 0]).as_bytes())?;

    // A first octet of zero: the rest is a reply. Another one: the rest changes a good reply.
    for request in ["nonce-cert-sha256", "sha1"] {
        let reply = bench.issue(&fs::read(format!("seeds/request/{request}.tsq"))?).0.der;
        write("reply", request, &[&[0], reply.as_slice()].concat())?;
    }
    write("reply", "changed", &[1, 0, 40, 1, 1, 0, 0x80])?;

    // A request without certReq, so the token is as it is stored.
    let request = fs::read("seeds/request/plain-sha256.tsq")?;
    let response: TimeStampResp =
        rasn::der::decode(&bench.issue(&request).0.der).map_err(|error| error.to_string())?;
    let token = response.time_stamp_token.ok_or("no token")?;
    write("stored_token", "token", &rasn::der::encode(&token).map_err(|e| e.to_string())?)?;

    let segment = written()?;
    write("journal", "as-written", &[&[0], segment.as_slice()].concat())?;
    write("journal", "mended", &[&[6], segment.as_slice()].concat())?;
    write("journal", "in-two", &[&[7], segment.as_slice(), segment.as_slice()].concat())?;
    Ok(())
}

/// What a client asks about the unit's certificate, made by OpenSSL.
fn ocsp_request(bench: &Bench, nonce: bool) -> Result<Vec<u8>, ErrorStack> {
    let [leaf, issuing, _] = bench.certificates.each_ref().map(|der| X509::from_der(der));
    let id = OcspCertId::from_cert(MessageDigest::sha1(), &leaf?, &issuing?)?;
    let mut request = OcspRequest::new()?;
    request.add_id(id)?;
    let mut der = request.to_der()?;
    if nonce {
        // requestExtensions [2] { nonce, an OCTET STRING of eight octets }: the binding has none.
        const NONCE: [u8; 29] = *b"\xa2\x1b\x30\x19\x30\x17\x06\x09\x2b\x06\x01\x05\x05\x07\
            \x30\x01\x02\x04\x0a\x04\x08noncenon";
        der.extend(NONCE);
        for length in [1, 3] {
            der[length] += NONCE.len() as u8;
        }
    }
    Ok(der)
}

/// A segment with three small transactions, without the zeros at its end.
fn written() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let table = Table::new(9, "seed");
    let disk = MemoryDisk::new();
    let settings = Settings { segment_bytes: 8 << 10, ..Settings::small() };
    let (store, _) = MemoryStore::open(&disk, &settings)?;
    for number in 0..3u8 {
        let work = store.transact(move |transaction| {
            transaction.put(table, &[number], &[number; 40]);
            transaction.put(table, b"counter", &[number]);
            if number > 0 {
                transaction.delete(table, &[number - 1]);
            }
            Ok(())
        });
        work.wait()?;
    }
    store.close()?;
    let mut segment = disk.content(&journal::segment(1)).ok_or("no segment")?;
    let end = segment.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    segment.truncate(end.next_multiple_of(512));
    Ok(segment)
}

fn write(target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let directory = Path::new("seeds").join(target);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(name), bytes)
}
