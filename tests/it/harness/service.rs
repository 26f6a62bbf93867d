//! The real service as a child process: started on a free port, ended with the test.
//!
//! Only the process that a [`Service`] started is ever signalled, and it is killed when the value
//! is dropped, also while a test panics.

use super::http::Client;
use super::program::{Finished, Program, marca};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A start that takes longer than this is taken for one that hangs.
const START_LIMIT: Duration = Duration::from_secs(120);
/// An end that takes longer than this is taken for one that hangs.
const END_LIMIT: Duration = Duration::from_secs(60);

/// Name of the demo's account.
pub(crate) const DEMO: &str = "demo";
/// Its password.
pub(crate) const DEMO_PASSWORD: &str = "demo-stamps";
/// Its API key.
pub(crate) const DEMO_KEY: &str = "marca_demo_0123456789abcdef0123456789abcdef";

/// How a service is started, again and again on the same data.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    arguments: Vec<String>,
    /// Passed to `ulimit -n`.
    open_files: Option<u32>,
    /// Added to the environment.
    variables: Vec<(String, String)>,
}

/// A running service, or one that was ended and can be started again.
pub(crate) struct Service {
    start: Start,
    directory: TempDir,
    data: PathBuf,
    running: Option<Running>,
}

struct Running {
    child: Child,
    url: String,
    /// Behind a lock, so that threads of a test can share the service.
    lines: Mutex<Receiver<String>>,
}

/// A configuration file for `marca serve`, section by section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    server: Vec<String>,
    data: Vec<String>,
    sections: Vec<String>,
    units: Vec<String>,
    directory: Option<PathBuf>,
}

impl Config {
    /// All defaults, a free port.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A line for `[server]`.
    pub(crate) fn server(mut self, line: impl Into<String>) -> Self {
        self.server.push(line.into());
        self
    }

    /// A line for `[data]`.
    pub(crate) fn data(mut self, line: impl Into<String>) -> Self {
        self.data.push(line.into());
        self
    }

    /// A whole section.
    pub(crate) fn section(mut self, text: impl Into<String>) -> Self {
        self.sections.push(text.into());
        self
    }

    /// A unit; without any there is `tsu1` with a P-256 key.
    pub(crate) fn unit(mut self, id: &str, key: &str) -> Self {
        self.units.push(unit(id, key));
        self
    }

    /// A unit as its text.
    pub(crate) fn unit_text(mut self, text: impl Into<String>) -> Self {
        self.units.push(text.into());
        self
    }

    /// Data in this directory rather than beside the configuration.
    pub(crate) fn directory(mut self, path: &Path) -> Self {
        self.directory = Some(path.to_owned());
        self
    }

    /// The text of the file.
    pub(crate) fn text(&self, data: &Path) -> String {
        let units = match self.units.is_empty() {
            true => unit("tsu1", "p256"),
            false => self.units.join("\n"),
        };
        // A test without a word on the time has no time servers to ask.
        let timed = self.sections.iter().any(|section| section.contains("[time]"));
        let time = if timed { "" } else { "[time]\ntrust_machine_clock = true\n\n" };
        format!(
            "[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"http://tsa.example\"\n{}\n\n\
             [data]\ndirectory = \"{}\"\nmin_free_mib = 0\n{}\n\n{time}{}\n\n{units}\n",
            self.server.join("\n"),
            data.display(),
            self.data.join("\n"),
            self.sections.join("\n\n"),
        )
    }

    /// Writes the file and starts nothing yet.
    pub(crate) fn write(&self) -> Service {
        let directory = temporary();
        let data = self.directory.clone().unwrap_or_else(|| directory.path().join("data"));
        let path = directory.path().join("marca.toml");
        std::fs::write(&path, self.text(&data)).unwrap();
        let arguments = ["serve", "--config", path.to_str().unwrap()].map(str::to_owned).to_vec();
        let start = Start { arguments, open_files: None, variables: Vec::new() };
        Service { start, directory, data, running: None }
    }

    /// Writes the file and starts the service.
    pub(crate) fn start(&self) -> Service {
        self.write().started()
    }
}

fn unit(id: &str, key: &str) -> String {
    format!(
        "[[tsu]]\nid = \"{id}\"\nkey = \"{key}\"\npolicies = [\"0.4.0.2023.1.1\", \"1.2.3.4.5\"]\n\
         accuracy_ms = 1000\n"
    )
}

/// A new directory that goes away with the value.
pub(crate) fn temporary() -> TempDir {
    tempfile::Builder::new().prefix("marca-it-").tempdir().unwrap()
}

impl Service {
    /// `marca demo` with a P-256 key.
    pub(crate) fn demo() -> Self {
        Self::demo_with(&[])
    }

    /// `marca demo` with more arguments.
    pub(crate) fn demo_with(more: &[&str]) -> Self {
        Self::demo_prepared(more).started()
    }

    /// `marca demo`, not started yet.
    pub(crate) fn demo_prepared(more: &[&str]) -> Self {
        let directory = temporary();
        let data = directory.path().join("data");
        let mut arguments: Vec<String> =
            ["demo", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]
                .map(str::to_owned)
                .to_vec();
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        Self {
            start: Start { arguments, open_files: None, variables: Vec::new() },
            directory,
            data,
            running: None,
        }
    }

    /// Few file descriptors from the next start on.
    pub(crate) fn with_open_files(mut self, limit: u32) -> Self {
        self.start.open_files = Some(limit);
        self
    }

    /// With this variable in its environment from the next start on.
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.start.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits for the `ready:` line.
    pub(crate) fn started(mut self) -> Self {
        self.start();
        self
    }

    /// Starts it, on the same data, and waits for the `ready:` line.
    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        let mut child = self.command().spawn().unwrap();
        let lines = follow(child.stdout.take().unwrap());
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(url) = line.strip_prefix("ready: ") {
                        let url = url.trim().to_owned();
                        self.running = Some(Running { child, url, lines: Mutex::new(lines) });
                        return;
                    }
                }
                Err(why) => {
                    child.kill().ok();
                    let status = child.wait().unwrap();
                    let when = match why {
                        RecvTimeoutError::Timeout => "in time",
                        RecvTimeoutError::Disconnected => "before it ended",
                    };
                    panic!("no ready line {when} ({status}); it said:\n{}", self.log());
                }
            }
        }
    }

    fn command(&self) -> Command {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = match self.start.open_files {
            None => Command::new(marca()),
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("ulimit -n {limit} && exec \"$0\" \"$@\""));
                shell.arg(marca());
                shell
            }
        };
        command.args(&self.start.arguments).current_dir(self.directory.path());
        command.envs(self.start.variables.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command
    }

    /// Starts it and kills it after a time, wherever it is by then.
    pub(crate) fn start_and_kill_after(&mut self, wait: Duration) {
        let mut child = self.command().spawn().unwrap();
        let _lines = follow(child.stdout.take().unwrap());
        std::thread::sleep(wait);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Runs a start that must fail, and returns its end.
    pub(crate) fn fails_to_start(&self) -> Finished {
        assert!(self.running.is_none(), "it runs already");
        let arguments: Vec<&str> = self.start.arguments.iter().map(String::as_str).collect();
        let finished = Program::marca(&arguments).directory(self.directory.path()).run();
        assert!(!finished.status.success(), "it started and ended well: {finished:?}");
        finished
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the service was ended")
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> &str {
        &self.running().url
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> &str {
        self.url().split_once("://").unwrap().1
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.running().child.id()
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A directory for the test's own files.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file that holds the administration token.
    pub(crate) fn admin_token_file(&self) -> PathBuf {
        self.data.join("admin-token")
    }

    /// The root and the issuing CA, as a verifier gets them.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.data.join("ca.pem")
    }

    /// A client without credentials.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// A client with the demo's name and password.
    pub(crate) fn demo_client(&self) -> Client {
        self.client().basic(DEMO, DEMO_PASSWORD)
    }

    /// A client with the administration token.
    pub(crate) fn admin(&self) -> Client {
        let token = std::fs::read_to_string(self.admin_token_file()).unwrap();
        self.client().bearer(token.trim())
    }

    /// `marca ARGUMENTS --server … --admin-token-file …` against this service.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Finished {
        let token = self.admin_token_file();
        let mut all = arguments.to_vec();
        all.extend(["--server", self.url(), "--admin-token-file", token.to_str().unwrap()]);
        Program::marca(&all).directory(self.directory.path()).run()
    }

    /// What it wrote to standard output after the `ready:` line, so far.
    pub(crate) fn printed(&self) -> Vec<String> {
        let lines = self.running().lines.lock().unwrap();
        let mut printed = Vec::new();
        while let Ok(line) = lines.recv_timeout(Duration::from_millis(300)) {
            printed.push(line);
        }
        printed
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// What it wrote to standard error, over all its starts.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// `kill -9`, as a power cut of the process.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("the service was ended");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// SIGTERM, without waiting for the end.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.running().child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for an end that something else has asked for.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("the service was ended");
        let status = super::program::wait(&mut running.child, END_LIMIT);
        status.unwrap_or_else(|| {
            running.child.kill().ok();
            running.child.wait().ok();
            panic!("it does not end; it said:\n{}", self.log())
        })
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        let running = self.running.as_mut().expect("the service was ended");
        running.child.try_wait().unwrap().is_none()
    }

    /// SIGTERM and the wait for a clean end.
    pub(crate) fn stop(&mut self) {
        self.terminate();
        let status = self.ended();
        assert!(status.success(), "it ended with {status}; it said:\n{}", self.log());
    }

    /// A clean end and a new start.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().ok();
            running.child.wait().ok();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("the end of the service's log:");
            tail.iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// Hands over the lines of a child's output as they come, so that the child never blocks.
fn follow(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Nobody reads any more: go on emptying the pipe.
            sender.send(line).ok();
        }
    });
    lines
}
