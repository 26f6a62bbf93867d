//! Writes the seeds that our own code makes, into `seeds/TARGET/`: a token, certificates, PEM, a
//! journal. The requests were made with `openssl ts -query`, see README.md.

use marca_fuzz::bench::Bench;
use marca_fuzz::journal;
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
