//! The file back end: permissions, damage, labels.

use marca_certs::{FileBackend, KeyBackend, KeyError, KeyKind, pem};
use openssl::pkey::PKey;
use openssl::symm::Cipher;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn backend() -> (TempDir, FileBackend) {
    let directory = tempfile::tempdir().unwrap();
    let backend = FileBackend::new(directory.path());
    (directory, backend)
}

/// Puts `content` where the key `tsu` is looked for, and returns the reason it is refused for.
fn reason_for(content: &[u8], mode: u32) -> String {
    let (directory, backend) = backend();
    let path = directory.path().join("tsu.key");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    file_error(&path, backend.open("tsu").map(drop))
}

fn file_error(expected: &Path, result: Result<(), KeyError>) -> String {
    match result {
        Err(KeyError::File { path, reason }) => {
            assert_eq!(path, expected);
            reason
        }
        other => panic!("{other:?}"),
    }
}

fn files(directory: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name().into()).collect()
}

#[test]
fn a_key_is_created_for_its_owner_alone_and_read_back() {
    for kind in KeyKind::ALL {
        let (directory, backend) = backend();
        assert!(!backend.contains("tsu-1").unwrap());
        let made = backend.generate("tsu-1", kind).unwrap();
        assert!(backend.contains("tsu-1").unwrap());
        assert_eq!(files(&directory), [PathBuf::from("tsu-1.key")], "nothing else is left behind");
        let path = directory.path().join("tsu-1.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS#8");
        let read = backend.open("tsu-1").unwrap();
        assert_eq!(read.kind(), kind);
        assert!(read.public_key().public_eq(made.public_key()));
        // What OpenSSL itself reads from the file is the same key.
        let other = PKey::private_key_from_pem(text.as_bytes()).unwrap();
        assert!(other.public_eq(made.public_key()));
    }
}

#[test]
fn a_key_is_never_overwritten() {
    let (directory, backend) = backend();
    backend.generate("tsu", KeyKind::P256).unwrap();
    let path = directory.path().join("tsu.key");
    let before = fs::read(&path).unwrap();
    let reason = file_error(&path, backend.generate("tsu", KeyKind::P256).map(drop));
    assert_eq!(reason, "exists already, and a key is never overwritten: choose another label");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_an_interrupted_creation_left_behind_is_cleared_away() {
    let (directory, backend) = backend();
    fs::write(directory.path().join("tsu.key.new"), "half").unwrap();
    assert!(!backend.contains("tsu").unwrap());
    let made = backend.generate("tsu", KeyKind::P256).unwrap();
    assert_eq!(files(&directory), [PathBuf::from("tsu.key")]);
    assert!(backend.open("tsu").unwrap().public_key().public_eq(made.public_key()));
}

#[test]
fn of_many_creations_at_once_exactly_one_succeeds() {
    let (directory, backend) = backend();
    let made: Vec<_> = std::thread::scope(|scope| {
        let create = || backend.generate("tsu", KeyKind::P256);
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap().ok()).collect()
    });
    assert_eq!(made.len(), 1);
    assert!(backend.open("tsu").unwrap().public_key().public_eq(made[0].public_key()));
    assert_eq!(files(&directory), [PathBuf::from("tsu.key")]);
}

#[test]
fn labels_cannot_leave_the_directory() {
    let (directory, backend) = backend();
    let long = "a".repeat(65);
    for label in ["", ".", "..", "../tsu", "a/b", "A", "a.b", "a\0", "é", " ", &long] {
        for refused in [
            backend.generate(label, KeyKind::P256).map(drop),
            backend.open(label).map(drop),
            backend.contains(label).map(drop),
        ] {
            assert!(matches!(refused, Err(KeyError::Label { .. })), "{label:?}");
        }
    }
    assert!(files(&directory).is_empty());
    let error = backend.open("../x").unwrap_err();
    let text = "key label \"../x\": use 1 to 64 of the characters a-z, 0-9 and '-'";
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_file_that_others_can_open_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o700 | 0o070] {
        let (directory, backend) = backend();
        backend.generate("tsu", KeyKind::P256).unwrap();
        let path = directory.path().join("tsu.key");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let reason = file_error(&path, backend.open("tsu").map(drop));
        let expected = format!(
            "mode {mode:04o} lets others than its owner at it: run `chmod 600 {}`, \
             and replace the key if somebody may have read it",
            path.display()
        );
        assert_eq!(reason, expected);
    }
    for mode in [0o600, 0o400, 0o700] {
        let (directory, backend) = backend();
        backend.generate("tsu", KeyKind::P256).unwrap();
        let path = directory.path().join("tsu.key");
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        backend.open("tsu").unwrap();
    }
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    let (directory, backend) = backend();
    let path = directory.path().join("tsu.key");
    fs::create_dir(&path).unwrap();
    let expected = "is not a regular file: a key must be a plain file";
    assert_eq!(file_error(&path, backend.open("tsu").map(drop)), expected);
    // A pipe that nobody writes to must not make the start wait for ever.
    let path = directory.path().join("pipe.key");
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
    assert_eq!(file_error(&path, backend.open("pipe").map(drop)), expected);
}

#[test]
fn a_missing_file_or_directory_is_named() {
    let (directory, backend) = backend();
    let path = directory.path().join("tsu.key");
    assert_eq!(
        file_error(&path, backend.open("tsu").map(drop)),
        "there is no such file: restore it from a backup, or create a new key"
    );
    let path = directory.path().join("none/tsu.key");
    let nowhere = FileBackend::new(directory.path().join("none"));
    assert_eq!(
        file_error(&path, nowhere.generate("tsu", KeyKind::P256).map(drop)),
        "its directory does not exist: create it first"
    );
}

#[test]
fn damaged_and_foreign_files_are_told_apart() {
    let key = PKey::ec_gen("prime256v1").unwrap();
    let pkcs8 = key.private_key_to_pkcs8().unwrap();
    let good = pem::encode("PRIVATE KEY", &pkcs8);

    assert!(reason_for(b"", 0o600).contains("no PEM block"));
    assert!(reason_for(b"\xff\xfe\x00", 0o600).contains("no PEM block"));
    let cut = &good.as_bytes()[..good.len() - 40];
    assert!(reason_for(cut, 0o600).contains("no matching END line"));
    let short = pem::encode("PRIVATE KEY", &pkcs8[..pkcs8.len() / 2]);
    assert!(reason_for(short.as_bytes(), 0o600).starts_with("its PKCS#8 content is damaged ("));
    let spoiled = good.replacen("MI", "!!", 1);
    assert!(reason_for(spoiled.as_bytes(), 0o600).contains("not valid base64"));
    let two = good.repeat(2);
    assert_eq!(reason_for(two.as_bytes(), 0o600), "holds 2 PEM blocks, not one private key");
    let certificate = pem::encode("CERTIFICATE", &pkcs8);
    assert!(reason_for(certificate.as_bytes(), 0o600).starts_with("holds a \"CERTIFICATE\", not"));
    let sec1 = key.ec_key().unwrap().private_key_to_pem().unwrap();
    assert!(reason_for(&sec1, 0o600).contains("openssl pkcs8 -topk8 -nocrypt"));
    let long = vec![b'\n'; 100_000];
    assert_eq!(reason_for(&long, 0o600), "100000 bytes are too many for a key file");
}

#[test]
fn an_encrypted_key_is_refused_without_asking_for_a_passphrase() {
    let key = PKey::ec_gen("prime256v1").unwrap();
    let cipher = Cipher::aes_256_cbc();
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(cipher, b"secret").unwrap();
    assert!(reason_for(&encrypted, 0o600).starts_with("is encrypted: the service starts without"));
}

#[test]
fn a_kind_that_is_not_used_is_named_with_its_file() {
    let (directory, backend) = backend();
    let path = directory.path().join("tsu.key");
    let key = PKey::ec_gen("secp256k1").unwrap();
    fs::write(&path, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let expected = format!(
        "key file {}: elliptic curve secp256k1: not a key the service can use \
         (RSA 2048-4096, P-256, P-384, P-521, Ed25519, ML-DSA)",
        path.display()
    );
    assert_eq!(backend.open("tsu").unwrap_err().to_string(), expected);
}

#[test]
fn a_destroyed_key_is_gone_and_its_label_free() {
    let (directory, backend) = backend();
    backend.generate("tsu-1", KeyKind::P256).unwrap();
    backend.generate("tsu-2", KeyKind::P256).unwrap();
    // What an interrupted creation has left holds a key as well.
    fs::write(directory.path().join("tsu-1.key.new"), b"half a key").unwrap();
    backend.destroy("tsu-1").unwrap();
    assert!(!backend.contains("tsu-1").unwrap());
    assert_eq!(files(&directory), [PathBuf::from("tsu-2.key")], "the other one stays");
    let path = directory.path().join("tsu-1.key");
    let reason = file_error(&path, backend.destroy("tsu-1"));
    assert_eq!(reason, "there is no such file: nothing to destroy");
    backend.generate("tsu-1", KeyKind::P256).unwrap();
    assert!(matches!(backend.destroy("../tsu-2"), Err(KeyError::Label { .. })));
}

#[test]
fn a_known_key_is_opened_and_another_is_not() {
    let (_directory, backend) = backend();
    let one = backend.generate("one", KeyKind::P256).unwrap();
    let two = backend.generate("two", KeyKind::P256).unwrap();
    let known = backend.open_known("one", one.public_key().clone()).unwrap();
    assert!(known.public_key().public_eq(one.public_key()));
    let error = backend.open_known("one", two.public_key().clone()).unwrap_err();
    assert!(matches!(&error, KeyError::OtherKey { label } if label == "one"), "{error}");
}

/// A file under the label that holds another key stays.
#[test]
fn another_key_under_the_label_is_not_destroyed() {
    let directory = tempfile::tempdir().unwrap();
    let backend = FileBackend::new(directory.path());
    let key = backend.generate("tsu-1", KeyKind::P256).unwrap();
    let other = backend.generate("tsu-2", KeyKind::P256).unwrap();
    let refused = backend.destroy_known("tsu-1", other.public_key());
    assert!(matches!(refused, Err(KeyError::OtherKey { .. })), "{refused:?}");
    assert!(backend.contains("tsu-1").unwrap());
    backend.destroy_known("tsu-1", key.public_key()).unwrap();
    assert!(!backend.contains("tsu-1").unwrap());
}
