//! SoftHSM, a PKCS #11 token in software, with a configuration and a token directory of its own for
//! each test.
//!
//! SoftHSM takes its configuration from the environment of its process, and a process must not
//! change its own while it has threads. So a test that needs a token starts itself again, as a
//! child with the variable set, and passes when the child does:
//!
//! ```text
//! test ──► softhsm::test("module::name", body) ──► this binary "module::name" --exact   (child)
//!                                                        └─► body(&Token)
//! ```
//!
//! `Token::serve` puts p11-kit's server between: a device that can be pulled out, by killing it.
//!
//! This file stands alone (`std` and `tempfile`), so that tests of other crates can include it.

#![allow(dead_code, reason = "each crate uses a part of it")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// SoftHSM's own variable.
const CONFIGURATION: &str = "SOFTHSM2_CONF";
/// The variable of p11-kit's client: where the server listens.
const SERVER: &str = "P11_KIT_SERVER_ADDRESS";
/// Set in the child: the directory with the token.
const DIRECTORY: &str = "MARCA_TEST_TOKEN";

/// The label of the token.
pub(crate) const LABEL: &str = "marca test";
/// The PIN of its user.
pub(crate) const PIN: &str = "4711-user";
const SO_PIN: &str = "4711-officer";

/// A token that nobody else uses.
pub(crate) struct Token {
    directory: PathBuf,
}

/// Runs `body` with a new token, in a process that is made for it. `name` is the test's own name,
/// such as `signing::threads_share_a_key`.
pub(crate) fn test(name: &str, body: impl FnOnce(&Token)) {
    if let Some(token) = inside() {
        return body(&token);
    }
    let arguments = [name, "--exact", "--nocapture", "--test-threads", "1"];
    let (_directory, mut child) = child(&arguments);
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("1 passed"), "{name:?} is not the name of this test: {text}");
}

/// Runs `body` with a new token in this program, started again with `arguments`. For a benchmark.
pub(crate) fn again(arguments: &[&str], body: impl FnOnce(&Token)) {
    if let Some(token) = inside() {
        return body(&token);
    }
    let (_directory, mut child) = child(arguments);
    assert!(child.status().unwrap().success());
}

fn inside() -> Option<Token> {
    #[expect(clippy::disallowed_methods, reason = "how the child knows that it is one")]
    let directory = std::env::var_os(DIRECTORY)?;
    Some(Token { directory: directory.into() })
}

/// This program once more, with a token.
fn child(arguments: &[&str]) -> (tempfile::TempDir, Command) {
    let directory = tempfile::tempdir().unwrap();
    let token = Token { directory: directory.path().to_owned() };
    token.create();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(arguments)
        .env(DIRECTORY, &token.directory)
        .env(CONFIGURATION, token.configuration())
        .env(SERVER, format!("unix:path={}", token.socket().display()));
    (directory, child)
}

impl Token {
    fn create(&self) {
        fs::create_dir(self.directory.join("tokens")).unwrap();
        let tokens = self.directory.join("tokens");
        let text = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            tokens.display()
        );
        fs::write(self.configuration(), text).unwrap();
        self.write_pin(PIN);
        self.initialise(LABEL);
    }

    /// Makes one more token of this label.
    pub(crate) fn initialise(&self, label: &str) {
        let arguments = ["--init-token", "--free", "--label", label];
        let made = Command::new("softhsm2-util")
            .args(arguments)
            .args(["--pin", PIN, "--so-pin", SO_PIN])
            .env(CONFIGURATION, self.configuration())
            .output()
            .expect("softhsm2-util does not start: install the package softhsm2");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("softhsm2.conf")
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("pkcs11.sock")
    }

    /// A directory for what else the test writes; removed with the token.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file with the PIN.
    pub(crate) fn pin_file(&self) -> PathBuf {
        self.directory.join("pin")
    }

    /// Writes the file with the PIN anew.
    pub(crate) fn write_pin(&self, pin: &str) {
        let path = self.pin_file();
        drop(fs::remove_file(&path));
        fs::write(&path, format!("{pin}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }

    /// Writes the right PIN again.
    pub(crate) fn write_right_pin(&self) {
        self.write_pin(PIN);
    }

    /// SoftHSM's module.
    pub(crate) fn module(&self) -> PathBuf {
        installed(
            &["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"],
            "softhsm2",
        )
    }

    /// The module that stands for the device behind [`serve`](Self::serve).
    pub(crate) fn client_module(&self) -> PathBuf {
        let architecture = std::env::consts::ARCH;
        let debian = format!("/usr/lib/{architecture}-linux-gnu/pkcs11/p11-kit-client.so");
        installed(&[&debian, "/usr/lib64/pkcs11/p11-kit-client.so"], "p11-kit-modules")
    }

    /// Connects the device: a server with the token, until the guard is dropped.
    pub(crate) fn serve(&self) -> Server {
        // A server that was killed leaves its socket behind.
        drop(fs::remove_file(self.socket()));
        let process = Command::new("p11-kit")
            .args(["server", "--foreground", "--provider"])
            .arg(self.module())
            .arg("--name")
            .arg(self.socket())
            .arg("pkcs11:")
            .env(CONFIGURATION, self.configuration())
            .stdout(Stdio::null())
            // It serves each client in a process of its own: they are ended together.
            .process_group(0)
            .spawn()
            .expect("p11-kit does not start: install the package p11-kit");
        let mut server = Server { process };
        while UnixStream::connect(self.socket()).is_err() {
            let ended = server.process.try_wait().unwrap();
            assert!(ended.is_none(), "the server of p11-kit has ended: {ended:?}");
            std::thread::yield_now();
        }
        server
    }
}

fn installed(places: &[&str], package: &str) -> PathBuf {
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    found
        .ok_or_else(|| format!("none of {places:?} exists: install the package {package}"))
        .unwrap()
}

/// A connected device. Dropping it pulls the device out.
pub(crate) struct Server {
    process: Child,
}

impl Server {
    /// The device does not answer any more, and does not go away either.
    pub(crate) fn stop(&self) {
        self.signal("-STOP");
    }

    /// The device answers again.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        assert!(Command::new("kill").args([signal, "--", &group]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("-KILL");
        self.process.wait().unwrap();
    }
}
