//! A device for keys: SoftHSM2 in a process of its own, behind p11-kit's server, so that it can be
//! taken away and brought back while the service runs.

use super::eventually;
use super::program::{self, Program};
use super::service::temporary;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const PIN: &str = "73519264";

/// A token of SoftHSM2, and the server that gives access to it.
pub(crate) struct Device {
    directory: TempDir,
    server: Option<Child>,
}

impl Device {
    /// Makes the token and starts its server.
    pub(crate) fn start() -> Self {
        let directory = temporary();
        let path = directory.path();
        std::fs::create_dir(path.join("tokens")).unwrap();
        let text = format!("directories.tokendir = {}\n", path.join("tokens").display());
        std::fs::write(path.join("softhsm2.conf"), text).unwrap();
        std::fs::write(path.join("pin"), PIN).unwrap();
        let owner = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path.join("pin"), owner).unwrap();
        let label = ["--init-token", "--free", "--label", "marca", "--so-pin", "12345678"];
        let arguments = [&label[..], &["--pin", PIN]].concat();
        let configuration = path.join("softhsm2.conf");
        let made = Program::new("softhsm2-util", &arguments);
        made.variable("SOFTHSM2_CONF", configuration.to_str().unwrap()).run().ok();
        let mut device = Self { directory, server: None };
        device.bring_back();
        device
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The device is gone: its process is killed.
    pub(crate) fn take_away(&mut self) {
        let server = self.server.take().expect("it is away already");
        end(server);
        std::fs::remove_file(self.path("socket")).ok();
    }

    /// The device is there again.
    pub(crate) fn bring_back(&mut self) {
        assert!(self.server.is_none(), "it is there already");
        let module = library("libsofthsm2.so");
        let child = Command::new("p11-kit")
            .args(["server", "--foreground", "--name"])
            .arg(self.path("socket"))
            .args(["--provider", module.to_str().unwrap(), "pkcs11:token=marca"])
            .env("SOFTHSM2_CONF", self.path("softhsm2.conf"))
            .env("XDG_RUNTIME_DIR", self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // It serves each client in a process of its own: they are ended together.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("p11-kit cannot be run ({error}); ./test installs what the tests need")
            });
        self.server = Some(child);
        eventually("the device's server listens", || self.path("socket").exists());
    }

    /// `[hsm]` of the configuration.
    pub(crate) fn section(&self) -> String {
        format!(
            "[hsm]\nmodule = \"{}\"\ntoken = \"marca\"\npin_file = \"{}\"\n\
             sessions = 1\n",
            library("p11-kit-client.so").display(),
            self.path("pin").display()
        )
    }

    /// `[hsm]` of the configuration, for SoftHSM2 without the server: for what p11-kit's client
    /// does not pass on, such as the wrapping of keys.
    pub(crate) fn own_section(&self) -> String {
        format!(
            "[hsm]\nmodule = \"{}\"\ntoken = \"marca\"\npin_file = \"{}\"\n",
            library("libsofthsm2.so").display(),
            self.path("pin").display()
        )
    }

    /// The variable by which SoftHSM2 finds its token.
    pub(crate) fn own_variable(&self) -> (&'static str, String) {
        ("SOFTHSM2_CONF", self.path("softhsm2.conf").display().to_string())
    }

    /// The token's files are out of sight, or there again.
    pub(crate) fn hide_tokens(&self, hidden: bool) {
        let (there, away) = (self.path("tokens"), self.path("away"));
        let (from, to) = if hidden { (there, away) } else { (away, there) };
        std::fs::rename(from, to).unwrap();
    }

    /// The variable of the environment by which the module finds the server.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        ("P11_KIT_SERVER_ADDRESS", format!("unix:path={}", self.path("socket").display()))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            end(server);
        }
    }
}

/// Kills the server with the processes that it started for its clients.
fn end(mut server: Child) {
    let group = Pid::from_child(&server);
    kill_process_group(group, Signal::KILL).ok();
    program::wait(&mut server, Duration::from_secs(10));
}

/// A PKCS#11 module where Debian and others put them.
fn library(name: &str) -> PathBuf {
    let places = [
        "/usr/lib/softhsm",
        "/usr/lib/x86_64-linux-gnu/softhsm",
        "/usr/lib/aarch64-linux-gnu/softhsm",
        "/usr/lib/x86_64-linux-gnu/pkcs11",
        "/usr/lib/aarch64-linux-gnu/pkcs11",
        "/usr/lib/pkcs11",
        "/usr/lib64/pkcs11",
    ];
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("there is no {name}; ./test installs what the tests need"))
}
