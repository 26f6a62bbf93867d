//! A real NTP daemon, `chronyd`, as the server: on loopback, without privileges, its own ports.

use crate::running::{Settable, enters, monitor, run, settings, wait_for};
use marca_clock::{Leap, Standing, State};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

/// A daemon that serves the machine's time as if it were a reference clock, and sets nothing.
struct Chronyd {
    child: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Chronyd {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let configuration = format!(
            "local stratum 1\nport {}\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\n\
             bindcmdaddress /\npidfile {}\n",
            free.port(),
            directory.path().join("chronyd.pid").display(),
        );
        let file = directory.path().join("chrony.conf");
        std::fs::write(&file, configuration).unwrap();
        // -x: does not touch the clock; -U and -u: as whoever runs the test; -d: not a daemon.
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let child = Command::new(program())
            .args(["-x", "-d", "-U", "-u", String::from_utf8(user).unwrap().trim(), "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chronyd cannot be run; ./test installs what the tests need");
        Self { child, address: free.to_string(), _directory: directory }
    }
}

/// It is in a directory for administrators, which is not in everybody's path.
fn program() -> &'static str {
    if std::path::Path::new("/usr/sbin/chronyd").exists() { "/usr/sbin/chronyd" } else { "chronyd" }
}

impl Drop for Chronyd {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn three_daemons_agree_and_are_measured() {
    let mut daemons: Vec<_> = (0..3).map(|_| Chronyd::start()).collect();
    let servers = daemons.iter().map(|daemon| daemon.address.clone()).collect();
    let monitor = monitor(settings(servers), Settable::new());
    run(&monitor, async |mut events| {
        wait_for(&mut events, enters(State::InSync)).await;
        let time = monitor.now().unwrap();
        assert!(time.error_us < 999_000);
        let status = monitor.status();
        // It serves the clock of this machine, so the two cannot be apart by more than the error.
        assert!(status.offset_us.unwrap().unsigned_abs() <= status.error_us.unwrap());
        assert_eq!(status.agreeing, 3);
        for source in &status.sources {
            assert_eq!(source.standing, Standing::Truechimer, "{source:?}");
            assert_eq!((source.stratum, source.leap), (Some(1), Some(Leap::None)));
            assert!(source.delay_us.unwrap() > 0 && source.root_distance_us.unwrap() > 0);
        }
        // The daemons end: their ports refuse, and what was measured carries on for a while.
        daemons.clear();
        wait_for(&mut events, enters(State::Holdover)).await;
        assert!(monitor.now().is_ok());
    });
}
