//! A full disk, for real: a small file system in memory, filled up and emptied again.

use crate::harness::{Account, Config, Program, Raw, Reply, Service, eventually, request};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

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

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for size in [1 << 20, 4096, 1] {
            let chunk = vec![0xAA; size];
            while file.write_all(&chunk).is_ok() {}
        }
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

/// F04: on a full disk nothing is issued and nothing taken, the process stays up and says so, and
/// when there is space again it goes on by itself. Every token is there with its debit.
#[test]
fn a_full_disk_takes_no_stamp_and_is_survived() {
    const STAMPS: u64 = 1_000_000;
    // More than what the store keeps free for its index.
    let Some(disk) = SmallDisk::mount(160) else { return };
    let mut service = start_on(&disk.point);
    let account = Account::open(&service, "acme", STAMPS);
    disk.fill();

    let mut connection = Raw::connect(service.address());
    let mut serials = Vec::new();
    let mut refused = 0;
    for _ in 0..30_000 {
        let answer = connection.stamp_again(&account.bearer(), &request::fresh());
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
            break;
        }
    }
    assert_eq!(refused, 20, "the disk never filled up: {} tokens", serials.len());
    assert!(service.is_alive());
    let used = serials.len() as u64;
    assert_eq!(account.balance(&service), (STAMPS - used, used), "reads go on, nothing was taken");
    service.client().get("/readyz").status(503);

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
    let used = serials.len() as u64;
    assert_eq!(account.balance(&service), (STAMPS - used, used));
    account.check_statement_totals(&service, used);
    for serial in serials.iter().rev().take(50) {
        let path = format!("/api/v1/timestamps/{serial}");
        account.client(&service).get(&path).status(200);
    }
    let data = service.data().to_str().unwrap();
    Program::marca(&["store", "check", "--data", data]).run().ok();
    service.stop();
}

/// A start on a full disk fails with words, and leaves nothing half made that a later one trips on.
#[test]
fn a_start_on_a_full_disk_says_so() {
    let Some(disk) = SmallDisk::mount(8) else { return };
    disk.fill();
    let service = Config::new().directory(&disk.point.join("data")).data("segment_mib = 1").write();
    let refused = service.fails_to_start();
    assert!(refused.err.to_lowercase().contains("space"), "{}", refused.err);
    assert!(!refused.err.contains("panicked"), "{}", refused.err);
}
