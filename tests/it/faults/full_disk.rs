//! A full disk, for real: a small file system in memory, filled up and emptied again.

use crate::harness::{Account, Config, Program, Raw, Reply, Service, eventually, request};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

const STAMPS: u64 = 1_000_000;

/// A mounted tmpfs; it is unmounted when the value goes.
struct SmallDisk {
    directory: tempfile::TempDir,
    point: PathBuf,
}

impl SmallDisk {
    /// `None`, and the reason printed, where mounting is not allowed.
    fn mount(mebibytes: u32) -> Option<Self> {
        let directory = crate::harness::temporary();
        let point = directory.path().join("disk");
        std::fs::create_dir(&point).unwrap();
        let size = format!("size={mebibytes}m,mode=700");
        let target = point.to_str().unwrap();
        let mounted =
            Program::new("mount", &["-t", "tmpfs", "-o", &size, "marca-it", target]).run();
        if !mounted.status.success() {
            println!("skipped: a tmpfs cannot be mounted here: {}", mounted.err.trim());
            return None;
        }
        Some(Self { directory, point })
    }

    fn ballast(&self) -> PathBuf {
        self.point.join("ballast")
    }

    /// Writes until so many mebibytes are left: none means that not one more octet fits.
    fn fill_but(&self, left: u64) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for size in [1 << 20, 4096, 1] {
            let chunk = vec![0xAA; size];
            while self.free() > left << 20 && file.write_all(&chunk).is_ok() {}
        }
        assert!(self.free() <= left << 20, "{} octets are free", self.free());
    }

    fn free(&self) -> u64 {
        let statistics = rustix::fs::statvfs(&self.point).unwrap();
        statistics.f_bavail * statistics.f_frsize
    }

    fn empty(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let target = self.point.to_str().unwrap().to_owned();
        // Lazily: a service that still runs while a test panics holds it a moment longer.
        Program::new("umount", &["-l", &target]).run();
        assert!(self.directory.path().exists());
    }
}

fn start_on(disk: &Path) -> Service {
    Config::new().directory(&disk.join("data")).data("segment_mib = 1").start()
}

/// Asks until the service refuses (or ends): the serial numbers of the tokens that it gave.
fn ask_until_refused(service: &Service, account: &Account) -> Vec<String> {
    let mut connection = Raw::connect(service.address());
    let (mut serials, mut refused) = (Vec::new(), 0);
    for _ in 0..30_000 {
        let Ok(answer) = connection.stamp(&account.bearer(), &request::fresh()) else {
            return serials;
        };
        match answer.status {
            200 if Reply::read(&answer.body).is_granted() => {
                serials.push(Reply::read(&answer.body).token().serial());
            }
            200 => {
                let (bit, _) = Reply::read(&answer.body).rejection();
                assert_eq!(bit, 25, "systemFailure");
                refused += 1;
            }
            503 => refused += 1,
            other => panic!("status {other}: {}", answer.head),
        }
        if refused == 20 {
            return serials;
        }
    }
    panic!("the disk never filled up: {} tokens", serials.len());
}

/// The books have exactly these tokens, and each can be fetched.
fn check_books(service: &Service, account: &Account, serials: &[String]) {
    let used = serials.len() as u64;
    assert_eq!(account.balance(service), (STAMPS - used, used));
    account.check_statement_totals(service, used);
    for serial in serials.iter().rev().take(50) {
        let path = format!("/api/v1/timestamps/{serial}");
        account.client(service).get(&path).status(200);
    }
}

fn check_store(service: &Service) {
    let data = service.data().to_str().unwrap();
    Program::marca(&["store", "check", "--data", data]).run().ok();
}

/// F04: without space for the journal nothing is issued and nothing taken, the process stays up
/// and says so, and when there is space again it goes on by itself.
#[test]
fn a_full_disk_takes_no_stamp_and_is_survived() {
    // More than what the store keeps free for its index.
    let Some(disk) = SmallDisk::mount(160) else { return };
    let mut service = start_on(&disk.point);
    let account = Account::open(&service, "acme", STAMPS);
    disk.fill_but(16);
    let mut serials = ask_until_refused(&service, &account);
    assert!(service.is_alive());
    let used = serials.len() as u64;
    assert_eq!(account.balance(&service), (STAMPS - used, used), "reads go on, nothing was taken");
    service.client().get("/readyz").status(503);
    service.client().get("/healthz").status(200);

    disk.empty();
    let client = account.client(&service);
    eventually("it goes on when there is space", || {
        let answer = client.stamp(&request::fresh());
        let granted = answer.status == 200 && Reply::read(&answer.body).is_granted();
        if granted {
            serials.push(Reply::read(&answer.body).token().serial());
        }
        granted
    });
    eventually("it is ready again", || service.client().get("/readyz").status == 200);
    service.restart();
    check_books(&service, &account, &serials);
    service.stop();
    check_store(&service);
}

/// Somebody else fills the disk to its last octet: the index, too, has no space then. The service
/// may end, with words; nothing that it gave out is lost, and it starts when there is space.
#[test]
fn a_disk_without_one_free_octet_loses_nothing() {
    let Some(disk) = SmallDisk::mount(160) else { return };
    let mut service = start_on(&disk.point);
    let account = Account::open(&service, "acme", STAMPS);
    disk.fill_but(0);
    let serials = ask_until_refused(&service, &account);
    // The service notices by itself that its store has stopped, soon.
    std::thread::sleep(std::time::Duration::from_secs(1));
    match service.is_alive() {
        true => service.kill(),
        false => {
            let status = service.ended();
            assert!(!status.success(), "an end after a disk error is no good end");
            let log = service.log();
            assert!(log.to_lowercase().contains("space") && !log.contains("panicked"), "{log}");
        }
    }
    disk.empty();
    service.start();
    check_books(&service, &account, &serials);
    let answer = account.client(&service).stamp(&request::fresh()).status(200);
    assert!(Reply::read(&answer.body).is_granted());
    service.stop();
    check_store(&service);
}

/// A start on a full disk fails with words, and leaves nothing half made that a later one trips on.
#[test]
fn a_start_on_a_full_disk_says_so() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    disk.fill_but(0);
    let service = Config::new().directory(&disk.point.join("data")).data("segment_mib = 1").write();
    let refused = service.fails_to_start();
    assert!(refused.err.to_lowercase().contains("space"), "{}", refused.err);
    assert!(!refused.err.contains("panicked"), "{}", refused.err);
}
