//! A service that answers from a list, over a real socket, and keeps what it was asked.

use crate::cli::console::Console;
use crate::cli::{Cli, Services, dispatch};
use clap::Parser;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread::JoinHandle;
use tempfile::TempDir;

/// One canned answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: &'static str,
    pub(super) body: String,
}

/// A JSON answer.
pub(super) fn json(status: u16, body: &str) -> Answer {
    Answer { status, media_type: "application/json", body: body.to_owned() }
}

/// A problem (RFC 9457).
pub(super) fn problem(status: u16, title: &str, detail: &str) -> Answer {
    let body = serde_json::json!({ "type": "about:blank", "title": title, "status": status,
        "detail": detail });
    Answer { status, media_type: "application/problem+json", body: body.to_string() }
}

/// One request as it arrived.
#[derive(Debug)]
pub(super) struct Asked {
    /// Method and target, as in the request line.
    pub(super) line: String,
    /// The header lines.
    pub(super) head: Vec<String>,
    /// The body.
    pub(super) body: String,
}

/// The service: it closes each connection after one answer, and ends after the last.
pub(super) struct Fake {
    address: SocketAddr,
    served: JoinHandle<Vec<Asked>>,
    directory: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: u8,
    pub(super) out: String,
    pub(super) err: String,
}

impl Fake {
    pub(super) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = std::thread::spawn(move || {
            answers.into_iter().map(|answer| serve_one(&listener, &answer)).collect()
        });
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("admin-token"), "secret-token\n").unwrap();
        Self { address, served, directory }
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.directory.path().join("admin-token")
    }

    /// Runs a command against this service; `typed` is what the operator types when asked.
    pub(super) fn run(&self, arguments: &[&str], typed: &str) -> Ended {
        let server = format!("http://{}", self.address);
        let token = self.token_file();
        let mut all = arguments.to_vec();
        all.extend(["--server", &server, "--admin-token-file", token.to_str().unwrap()]);
        run(&all, typed)
    }

    /// Everything that was asked. Waits until every canned answer was fetched.
    pub(super) fn asked(self) -> Vec<Asked> {
        self.served.join().unwrap()
    }
}

/// Runs a command without a service.
pub(super) fn run(arguments: &[&str], typed: &str) -> Ended {
    let cli = Cli::try_parse_from(std::iter::once(&"marca").chain(arguments)).unwrap();
    let (mut input, mut out, mut err) = (typed.as_bytes(), Vec::new(), Vec::new());
    let mut console = Console::over(&mut input, &mut out, &mut err);
    let outcome = dispatch(cli.command, &SERVICES, &mut console);
    let code = console.report(outcome);
    Ended { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

const SERVICES: Services = Services {
    demo: |options| Err(format!("demo on {}", options.listen).into()),
    serve: |config| Err(format!("serve {}", config.display()).into()),
    check_config: |_| Ok(()),
    default_config: "# the default\n",
};

fn serve_one(listener: &TcpListener, answer: &Answer) -> Asked {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let length = lines
        .iter()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        answer.status,
        answer.media_type,
        answer.body.len(),
        answer.body
    )
    .unwrap();
    let line = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    Asked { line, head: lines, body: String::from_utf8(body).unwrap() }
}
