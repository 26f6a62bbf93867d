//! `osslsigncode`: signs a Windows program, and stamps its signature over HTTP.
//!
//! It can send no credentials, so it has the API key in its address.

use crate::harness::certificates::{Purpose, certify};
use crate::harness::{DEMO_KEY, Program, Service};

/// The smallest program that is a PE file: a DOS header, a PE32+ header, one section of code.
fn small_program() -> Vec<u8> {
    let mut file = vec![0; 0x400];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3C, &0x40_u32.to_le_bytes());
    put(0x40, b"PE\0\0");
    // COFF header: x86-64, one section, 240 octets of optional header, an executable image.
    put(0x44, &0x8664_u16.to_le_bytes());
    put(0x46, &1_u16.to_le_bytes());
    put(0x54, &240_u16.to_le_bytes());
    put(0x56, &0x0022_u16.to_le_bytes());
    // Optional header: PE32+; entry point, base, alignments, version, sizes, subsystem.
    put(0x58, &0x020B_u16.to_le_bytes());
    put(0x5C, &0x200_u32.to_le_bytes());
    put(0x68, &0x1000_u32.to_le_bytes());
    put(0x6C, &0x1000_u32.to_le_bytes());
    put(0x70, &0x1_4000_0000_u64.to_le_bytes());
    put(0x78, &0x1000_u32.to_le_bytes());
    put(0x7C, &0x200_u32.to_le_bytes());
    put(0x80, &6_u16.to_le_bytes());
    put(0x88, &6_u16.to_le_bytes());
    put(0x90, &0x2000_u32.to_le_bytes());
    put(0x94, &0x200_u32.to_le_bytes());
    put(0x9C, &3_u16.to_le_bytes());
    put(0xC4, &16_u32.to_le_bytes());
    // The section: `xor eax, eax; ret`.
    put(0x148, b".text\0\0\0");
    put(0x150, &0x1000_u32.to_le_bytes());
    put(0x154, &0x1000_u32.to_le_bytes());
    put(0x158, &0x200_u32.to_le_bytes());
    put(0x15C, &0x200_u32.to_le_bytes());
    put(0x16C, &0x6000_0020_u32.to_le_bytes());
    put(0x200, &[0x31, 0xC0, 0xC3]);
    file
}

/// Signs with a stamp, and verifies both: the code's signature and the stamp on it.
#[test]
fn a_signed_program_is_stamped() {
    for kind in ["p256", "rsa3072"] {
        let service = Service::demo_with(&["--tsu-key", kind]);
        let directory = service.directory();
        std::fs::write(directory.join("small.exe"), small_program()).unwrap();
        let authority = certify("Code CA", Purpose::Authority, None);
        authority.write(directory, "code-ca");
        certify("Publisher", Purpose::CodeSigning, Some(&authority)).write(directory, "code");
        let url = format!("{}/tsa/key/{DEMO_KEY}", service.url());
        let sign = ["sign", "-certs", "code.pem", "-key", "code.key", "-h", "sha256"];
        let files = ["-ts", &url, "-in", "small.exe", "-out", "signed.exe"];
        let run =
            |arguments: &[&str]| Program::new("osslsigncode", arguments).directory(directory).run();
        run(&[&sign[..], &files].concat()).ok();
        let ca = service.ca_file();
        let verify = ["verify", "-in", "signed.exe", "-CAfile", "code-ca.pem"];
        let stamp = ["-TSA-CAfile", ca.to_str().unwrap()];
        let verified = run(&[&verify[..], &stamp].concat()).ok();
        let said = format!("{}{}", verified.out, verified.err);
        assert!(said.contains("Signature verification: ok"), "{kind}:\n{said}");
        assert!(said.contains("imestamp"), "{kind}:\n{said}");
        assert_eq!(service.demo_client().balance(), (99, 1));
    }
}
