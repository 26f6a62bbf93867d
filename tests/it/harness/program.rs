//! Real programs as children, each with a time limit and killed by its own handle.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No program of a test needs longer.
const LIMIT: Duration = Duration::from_secs(120);

/// A program and its arguments.
pub(crate) struct Program {
    command: Command,
    name: String,
    input: Vec<u8>,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Finished {
    name: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Program {
    /// A program from the path, or by its whole path.
    pub(crate) fn new(name: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        let shown = Path::new(&name).file_name().unwrap().to_string_lossy().into_owned();
        let mut command = Command::new(name);
        command.args(arguments);
        Self { command, name: shown, input: Vec::new() }
    }

    /// The program under test.
    pub(crate) fn marca(arguments: &[&str]) -> Self {
        Self::new(marca(), arguments)
    }

    /// Runs in this directory.
    pub(crate) fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// With this variable in its environment.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Is given this on standard input.
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Finished {
        let name = self.name;
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| {
            panic!("{name} cannot be run ({error}); ./test installs what the tests need")
        });
        let mut stdin = child.stdin.take().unwrap();
        let input = self.input;
        let writer = std::thread::spawn(move || {
            // A program that does not read its input is free not to.
            std::io::Write::write_all(&mut stdin, &input).ok();
        });
        let out = drain(child.stdout.take().unwrap());
        let err = drain(child.stderr.take().unwrap());
        let status = wait(&mut child, LIMIT);
        if status.is_none() {
            child.kill().ok();
        }
        let ended = child.wait().unwrap();
        let (out, err) = (out.join().unwrap(), err.join().unwrap());
        writer.join().unwrap();
        assert!(status.is_some(), "{name} does not end; it said:\n{out}\n{err}");
        Finished { name, status: ended, out, err }
    }
}

fn drain(mut pipe: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the end of a child, or for `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Finished {
    /// Passes it on when it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!(
            self.status.success(),
            "{} ended with {}:\n{}\n{}",
            self.name,
            self.status,
            self.out,
            self.err
        );
        self
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        let ended = self.status.code();
        assert_eq!(ended, Some(code), "{}:\n{}\n{}", self.name, self.out, self.err);
        self
    }

    /// Checks that standard error has these words.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.err.contains(words), "no {words:?} in:\n{}\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{}: no JSON ({error}):\n{}", self.name, self.out))
    }
}

/// `openssl` of the machine, with these arguments, in this directory.
pub(crate) fn openssl(directory: &Path, arguments: &[&str]) -> Finished {
    Program::new("openssl", arguments).directory(directory).run()
}

/// The binary under test: `MARCA_BIN`, or the one that was built beside this test.
pub(crate) fn marca() -> PathBuf {
    if let Some(named) = environment("MARCA_BIN") {
        return PathBuf::from(named);
    }
    let path = profile_directory().join("marca");
    assert!(
        path.is_file(),
        "there is no {}; build it first with `cargo build -p marca` (or ./test), or name another \
         one with MARCA_BIN",
        path.display()
    );
    path
}

/// `target/PROFILE`
fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(Path::parent).unwrap().to_owned()
}

/// Python with the packages that the tests use, as `./test` sets it up.
pub(crate) fn python() -> PathBuf {
    let named = environment("MARCA_TEST_PYTHON").map(PathBuf::from);
    let path = named.unwrap_or_else(|| {
        profile_directory().parent().unwrap().join("test-venv").join("bin").join("python")
    });
    assert!(
        path.exists(),
        "there is no {}; ./test makes it (python3 -m venv, pip install rfc3161ng)",
        path.display()
    );
    path
}

/// Whether the long campaigns run.
pub(crate) fn long() -> bool {
    environment("MARCA_LONG").is_some_and(|value| value == "1")
}

/// A variable of the environment: the tests' only settings.
#[expect(clippy::disallowed_methods, reason = "how ./test talks to the tests")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
